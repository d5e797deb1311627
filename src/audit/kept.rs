//! The position of a long `verify`, kept beside what is verified, so that one that was interrupted can go on.
//!
//! It only saves time, and is believed for what lies before it: whoever wants everything computed again
//! begins anew. What is torn, of another log or of another program is not used.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPVERIF1` |
//! | 4 | crc32 of all that follows, little-endian |
//! | 4 | length of the next part |
//! | … | JSON: program, position, what was found |
//! | … | the fleet there, as in `fleet.snapshot`; nothing if the log could not be folded so far |

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use spireledger_projections::Fleet;
use spireledger_schema::EntryHash;
use spireledger_schema::time::Timestamp;

use super::verify::{Break, Report};
use crate::ledger::{decode_fleet, is_of, save_fleet};
use crate::log::{Head, ReadLog};

const MAGIC: &[u8; 8] = b"SPVERIF1";

/// A position is kept so often, and never so often that keeping takes more than a part of the time.
const EVERY: Duration = Duration::from_secs(10);
const PART: u32 = 20;

/// All checks of entries, by the names that breaks have.
const CHECKS: [&str; 9] =
    ["block", "chain", "link", "entry", "time", "evidence", "rules", "conservation", "fold"];

/// Where a position is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    path: PathBuf,
    every: Duration,
}

/// Where a `verify` is.
pub struct Position {
    pub(super) head: Head,
    pub(super) recorded_at: Timestamp,
    pub(super) report: Report,
    /// The fleet there, if all before could be folded.
    pub(super) fleet: Option<Fleet>,
}

impl Position {
    /// The last entry that was checked.
    pub const fn seq(&self) -> u64 {
        self.head.seq
    }
}

impl Kept {
    /// In a ledger's directory.
    pub fn in_ledger(dir: &Path) -> Self {
        Self { path: dir.join("verify.position"), every: EVERY }
    }

    /// Beside a backup file.
    pub fn beside_backup(file: &Path) -> Self {
        let mut name = file.as_os_str().to_owned();
        name.push(".verify-position");
        Self { path: name.into(), every: EVERY }
    }

    /// The same, but kept so often.
    #[must_use]
    pub fn every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// What was kept, if it is a position in this log.
    ///
    /// # Errors
    /// Why what is there is not used.
    pub fn position(&self, log: &dyn ReadLog) -> Result<Option<Position>, String> {
        let bytes = match std::fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        let position = read(&bytes)?;
        let block = log.block_at(position.head.seq).ok().flatten();
        let is_end = block.is_some_and(|block| block.after() == position.head);
        if is_end && is_of(log, position.head).is_ok_and(|is_of| is_of) {
            Ok(Some(position))
        } else {
            Err("it is of another log".into())
        }
    }

    /// Nothing is left to go on with.
    pub fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    pub(super) fn keeper(&self) -> Keeper<'_> {
        Keeper { kept: self, last: Instant::now(), pause: self.every }
    }
}

/// Keeps positions from time to time.
pub(super) struct Keeper<'k> {
    kept: &'k Kept,
    last: Instant,
    pause: Duration,
}

impl Keeper<'_> {
    pub(super) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.pause
    }

    /// Keeps a position. Where it cannot be written, the next run begins anew: that is all.
    pub(super) fn keep(
        &mut self,
        head: Head,
        recorded_at: Timestamp,
        report: &Report,
        fleet: Option<&Fleet>,
    ) {
        let begun = Instant::now();
        let path = &self.kept.path;
        let mut half = path.as_os_str().to_owned();
        half.push(".new");
        if let Some(bytes) = write(head, recorded_at, report, fleet) {
            let _ = std::fs::write(&half, bytes).and_then(|()| std::fs::rename(&half, path));
        }
        self.last = Instant::now();
        self.pause =
            self.kept.every.max(begun.elapsed() * if self.kept.every.is_zero() { 0 } else { PART });
    }
}

#[derive(Deserialize)]
struct Front {
    program: String,
    seq: u64,
    hash: String,
    recorded_at: i64,
    entries: u64,
    blocks: u64,
    more_breaks: u64,
    unfolded_from: Option<u64>,
    breaks: Vec<Found>,
}

#[derive(Deserialize)]
struct Found {
    seq: u64,
    check: String,
    what: String,
}

fn write(
    head: Head,
    recorded_at: Timestamp,
    report: &Report,
    fleet: Option<&Fleet>,
) -> Option<Vec<u8>> {
    let front = json!({
        "program": env!("CARGO_PKG_VERSION"),
        "seq": head.seq,
        "hash": head.hash,
        "recorded_at": recorded_at.micros(),
        "entries": report.entries,
        "blocks": report.blocks,
        "more_breaks": report.more_breaks,
        "unfolded_from": report.unfolded_from,
        "breaks": report.breaks,
    });
    let front = front.to_string();
    let mut covered = u32::try_from(front.len()).ok()?.to_le_bytes().to_vec();
    covered.extend_from_slice(front.as_bytes());
    if let Some(fleet) = fleet {
        covered.extend(save_fleet(fleet, head, recorded_at).ok()?);
    }
    let crc = crc32fast::hash(&covered).to_le_bytes();
    Some([&MAGIC[..], &crc, &covered].concat())
}

fn read(bytes: &[u8]) -> Result<Position, String> {
    let torn = || "it is torn".to_owned();
    let covered = bytes.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<4>());
    let (crc, covered) = covered.ok_or_else(torn)?;
    if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
        return Err("its checksum does not fit".into());
    }
    let (len, rest) = covered.split_first_chunk::<4>().ok_or_else(torn)?;
    let len = u32::from_le_bytes(*len) as usize;
    let (front, fleet) = rest.split_at_checked(len).ok_or_else(torn)?;
    let other = || "another version of this program kept it".to_owned();
    let front: Front = serde_json::from_slice(front).map_err(|_| other())?;
    let hash = EntryHash::parse_hex(&front.hash).ok_or_else(other)?;
    let head = Head { seq: front.seq, hash };
    let recorded_at = Timestamp::from_micros(front.recorded_at).ok_or_else(other)?;
    let known = |found: Found| {
        let check = CHECKS.into_iter().find(|check| *check == found.check)?;
        Some(Break { seq: found.seq, check, what: found.what })
    };
    let breaks: Option<Vec<Break>> = front.breaks.into_iter().map(known).collect();
    let fleet = match fleet {
        [] => None,
        bytes => Some(decode_fleet(bytes, head).ok_or_else(other)?),
    };
    let is_whole = fleet.is_some() == front.unfolded_from.is_none();
    if front.program != env!("CARGO_PKG_VERSION") || !is_whole {
        return Err(other());
    }
    let report = Report {
        entries: front.entries,
        blocks: front.blocks,
        more_breaks: front.more_breaks,
        unfolded_from: front.unfolded_from,
        breaks: breaks.ok_or_else(other)?,
        ..Report::default()
    };
    Ok(Position { head, recorded_at, report, fleet })
}
