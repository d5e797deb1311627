//! The decision state beside the log: it may be deleted at any time and is folded anew.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPIFLEET` |
//! | 4 | [`SNAPSHOT_FORMAT`], little-endian |
//! | 8 | seq of the last entry folded in |
//! | 32 | its hash: a snapshot of another history is not used |
//! | 8 | its `recorded_at` in microseconds |
//! | 4 | crc32 of all that follows and of the 48 bytes before |
//! | … | the fleet, in bincode |

use std::path::{Path, PathBuf};

use spireledger_projections::Fleet;
use spireledger_schema::EntryHash;
use spireledger_schema::time::Timestamp;

use super::{LedgerError, read as read_entry};
use crate::log::{Head, ReadLog, crash};

/// Raised whenever the fleet's shape changes; another format is folded anew.
const SNAPSHOT_FORMAT: u32 = 4;
const MAGIC: &[u8; 8] = b"SPIFLEET";

/// Where the snapshot of a ledger directory is.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("fleet.snapshot")
}

/// The fleet and the last recorded time, from the snapshot where it fits and the entries behind it.
pub(super) fn load(log: &dyn ReadLog, dir: &Path) -> Result<(Fleet, Timestamp), LedgerError> {
    forward(log, std::fs::read(path(dir)).ok().and_then(|bytes| read(&bytes)))
}

fn forward(
    log: &dyn ReadLog,
    saved: Option<(Head, Fleet, Timestamp)>,
) -> Result<(Fleet, Timestamp), LedgerError> {
    let start = match saved {
        Some((head, fleet, at)) if is_of(log, head)? => Some((head.seq, fleet, at)),
        _ => None,
    };
    let (seq, fleet, at) = start.unwrap_or((0, Fleet::default(), Timestamp::EPOCH));
    fold(log, seq + 1, fleet, at)
}

/// The fleet at the end of a log: from the snapshot of its directory where it fits, and the entries
/// behind it.
pub fn fleet_of(log: &dyn ReadLog, dir: &Path) -> Result<Fleet, LedgerError> {
    load(log, dir).map(|(fleet, _)| fleet)
}

/// Brings a saved fleet forward to the end of a log; folds all of it where the bytes are not of this log.
pub(crate) fn fleet_from(
    log: &dyn ReadLog,
    saved: Option<&[u8]>,
) -> Result<(Fleet, Timestamp), LedgerError> {
    forward(log, saved.and_then(read))
}

/// Folds the whole log, without a snapshot.
pub fn replay_fleet(log: &dyn ReadLog) -> Result<Fleet, LedgerError> {
    fold(log, 1, Fleet::default(), Timestamp::EPOCH).map(|(fleet, _)| fleet)
}

fn fold(
    log: &dyn ReadLog,
    from: u64,
    mut fleet: Fleet,
    mut at: Timestamp,
) -> Result<(Fleet, Timestamp), LedgerError> {
    for block in log.blocks_from(from) {
        for stored in block?.entries() {
            if stored.front.seq >= from {
                let entry = read_entry(log, &stored)?;
                fleet.apply(&entry)?;
                at = entry.circumstances.recorded_at;
            }
        }
    }
    Ok((fleet, at))
}

/// Whether a head is on this log.
pub(crate) fn is_of(log: &dyn ReadLog, head: Head) -> Result<bool, LedgerError> {
    let block = if head.seq == 0 { None } else { log.block_at(head.seq)? };
    Ok(block.is_some_and(|block| block.get(head.seq).is_some_and(|e| e.hash == head.hash)))
}

/// The fleet that bytes say was so at a head.
pub(crate) fn decode(bytes: &[u8], head: Head) -> Option<Fleet> {
    read(bytes).filter(|(at, ..)| *at == head).map(|(_, fleet, _)| fleet)
}

/// A fleet as bytes, with the head and the time that it is of.
pub(crate) fn encode(fleet: &Fleet, head: Head, at: Timestamp) -> Result<Vec<u8>, LedgerError> {
    let mut covered = Vec::new();
    covered.extend_from_slice(&head.seq.to_le_bytes());
    covered.extend_from_slice(head.hash.as_bytes());
    covered.extend_from_slice(&at.micros().to_le_bytes());
    bincode::encode_into_std_write(fleet, &mut covered, bincode::config::standard()).map_err(
        |error| LedgerError::Stopped { why: format!("the fleet cannot be encoded: {error}") },
    )?;
    let mut out = Vec::with_capacity(covered.len() + 16);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&SNAPSHOT_FORMAT.to_le_bytes());
    let (fixed, fleet) = covered.split_at(48);
    out.extend_from_slice(fixed);
    out.extend_from_slice(&crc32fast::hash(&covered).to_le_bytes());
    out.extend_from_slice(fleet);
    Ok(out)
}

fn read(bytes: &[u8]) -> Option<(Head, Fleet, Timestamp)> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (format, rest) = rest.split_first_chunk::<4>()?;
    let (fixed, rest) = rest.split_first_chunk::<48>()?;
    let (crc, fleet) = rest.split_first_chunk::<4>()?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(fixed);
    hasher.update(fleet);
    if magic != MAGIC
        || u32::from_le_bytes(*format) != SNAPSHOT_FORMAT
        || hasher.finalize() != u32::from_le_bytes(*crc)
    {
        return None;
    }
    let (seq, fixed) = fixed.split_first_chunk::<8>()?;
    let (hash, at) = fixed.split_first_chunk::<32>()?;
    let at = Timestamp::from_micros(i64::from_le_bytes(*at.first_chunk::<8>()?))?;
    let (fleet, used) =
        bincode::borrow_decode_from_slice(fleet, bincode::config::standard()).ok()?;
    let head = Head { seq: u64::from_le_bytes(*seq), hash: EntryHash::from_bytes(*hash) };
    (used > 0).then_some((head, fleet, at))
}

/// Writes beside and renames: a crash leaves the old one or the new one, or a torn one that its
/// checksum tells.
pub(super) fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    crash::half_done("ledger:snapshot-half-written", || {
        std::fs::write(&new, bytes.get(..bytes.len() / 2).unwrap_or_default())
    });
    std::fs::write(&new, bytes)?;
    crash::point("ledger:snapshot-before-rename");
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ledger;
    use crate::rules::Request;
    use spireledger_schema::Command;

    /// blake3 of the saved state of the recorded month, with a clock that stands still.
    const PINNED: &str = "6713fea13a103bef783f56546373acdad313f384fbb6c89dd0a99f53d0c97ce9";

    #[test]
    fn the_saved_state_keeps_its_shape_or_gets_another_format() -> Result<(), LedgerError> {
        let dir = tempfile::tempdir()
            .map_err(|error| LedgerError::Io { what: "make a directory".into(), error })?;
        let path = dir.path().join("ledger");
        let directory = crate::log::Directory::begin(&path, "a test")?;
        let clock = || Timestamp::from_seconds(1_767_225_600).unwrap_or(Timestamp::EPOCH);
        let (ledger, _) = Ledger::open_held(directory, Box::new(clock))?;
        let month = include_str!("../../fixtures/fleet/month.jsonl");
        for command in month.lines().filter_map(|line| Command::parse(line).ok()) {
            ledger.ask_one(Request::local(command))?;
        }
        let fleet = replay_fleet(&**ledger.log())?;
        let bytes = encode(&fleet, Head::EMPTY, Timestamp::EPOCH)?;
        assert_eq!(
            blake3::hash(&bytes).to_hex().as_str(),
            PINNED,
            "the fleet has another shape: raise SNAPSHOT_FORMAT, or old states are read wrongly"
        );
        ledger.close()
    }
}
