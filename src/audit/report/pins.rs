//! What pins a position of the log: whoever has it can tell whether another log has the same history up to
//! there.

use serde::Serialize;
use spireledger_schema::EntryHash;
use spireledger_schema::time::Timestamp;

use crate::ledger::{LedgerError, entry_at};
use crate::log::ReadLog;

/// A position, and what pins it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pin {
    /// The last entry that counts; 0: none does.
    pub seq: u64,
    /// Its hash, which covers all entries before it.
    pub entry_hash: EntryHash,
    /// When it was recorded.
    pub recorded_at: Option<Timestamp>,
    /// A signed checkpoint that holds it, as text; whoever has the ledger's notary puts it here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// What pins the position behind an entry. All that a report says of its two positions comes from here.
pub fn pin(log: &dyn ReadLog, seq: u64) -> Result<Pin, LedgerError> {
    if seq == 0 {
        return Ok(Pin {
            seq,
            entry_hash: EntryHash::GENESIS,
            recorded_at: None,
            checkpoint: None,
        });
    }
    // Of a piece of what was brought in, whatever it is a piece of, the moment is the same.
    let (entry, entry_hash) = entry_at(log, seq)?;
    let recorded_at = Some(entry.circumstances.recorded_at);
    Ok(Pin { seq, entry_hash, recorded_at, checkpoint: None })
}
