//! Moments of a ledger: an entry, or a time.

use spireledger_projections::{Fleet, Occurred};
use spireledger_schema::time::Timestamp;

use super::pieces::of_log;
use super::{LedgerError, read};
use crate::log::{Past, ReadLog};

/// A moment of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOf {
    /// When this was the last entry.
    Seq(u64),
    /// Everything recorded up to this time, and nothing recorded later.
    Time(Timestamp),
}

impl std::str::FromStr for AsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seq) = text.parse() {
            return Ok(Self::Seq(seq));
        }
        let wrong =
            || format!("`{text}` is no entry's number, and no time such as 2026-01-31T18:00:00Z");
        Timestamp::parse_rfc3339(text).map(Self::Time).ok_or_else(wrong)
    }
}

/// The log as it was at a moment.
pub fn past(log: &dyn ReadLog, as_of: AsOf) -> Result<Past<'_>, LedgerError> {
    let seq = match as_of {
        AsOf::Seq(seq) => seq,
        AsOf::Time(time) => last_at(log, time)?,
    };
    Ok(Past::new(log, seq)?)
}

/// The fleet with the balances of a moment, by when things happened: see [`Occurred`].
pub fn fleet_occurred(log: &dyn ReadLog, until: Timestamp) -> Result<Fleet, LedgerError> {
    let mut occurred = Occurred::until(until);
    for block in log.blocks_from(1) {
        for stored in block?.entries() {
            let entry = read(log, &stored)?;
            occurred.take(&entry, stored.prev)?;
        }
    }
    Ok(occurred.into_fleet())
}

/// The last entry that was recorded at `time` or before. Recorded times never decrease.
fn last_at(log: &dyn ReadLog, time: Timestamp) -> Result<u64, LedgerError> {
    let (mut known, mut beyond) = (0, log.head().seq + 1);
    while beyond - known > 1 {
        let seq = known.midpoint(beyond);
        if recorded_at(log, seq)? <= time { known = seq } else { beyond = seq }
    }
    Ok(known)
}

fn recorded_at(log: &dyn ReadLog, seq: u64) -> Result<Timestamp, LedgerError> {
    Ok(of_log(log, seq)?.circumstances.recorded_at)
}
