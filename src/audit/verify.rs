//! `verify`: reads the whole log once, in bounded memory, and lists every break.

use std::path::Path;

use serde::Serialize;
use spireledger_projections::conservation::{Guard, Violation};
use spireledger_projections::touched::has_rows;
use spireledger_projections::{Fleet, Life};
use spireledger_schema::Entry;
use spireledger_schema::time::Timestamp;

use super::evidence::Evidences;
use super::kept::{Keeper, Kept, Position};
use super::near::Near;
use super::rules::{Before, Rules};
use crate::ledger::{LedgerError, read};
use crate::log::{BackupError, BackupLog, Block, Head, KeyIndex, LogError, ReadLog, Stored};
use crate::tables::{Around, States};

/// Breaks that are kept: a log that is broken everywhere must not fill the memory.
const BREAKS_MAX: usize = 10_000;

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The first entry that it touches.
    pub seq: u64,
    /// Which check failed.
    pub check: &'static str,
    /// What is wrong, with what was expected and found.
    pub what: String,
}

/// What `verify` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entries that were read.
    pub entries: u64,
    /// Blocks that were read.
    pub blocks: u64,
    /// The head that the log or file says it has.
    pub head_seq: u64,
    /// Its hash.
    pub head_hash: String,
    /// Every break, in order.
    pub breaks: Vec<Break>,
    /// Breaks beyond those that are listed.
    pub more_breaks: u64,
    /// The entry from which on neither rules nor money could be looked at, because it, or one before it, cannot
    /// be read or folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfolded_from: Option<u64>,
    /// Checkpoints whose root was held against the entries.
    #[serde(skip_serializing_if = "is_zero")]
    pub checkpoints: u64,
    /// Versions whose live tables were held against the log.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<u16>,
    /// Versions whose live tables another program made: they will be made anew.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_tables: Vec<u16>,
}

// serde hands it over by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// Whether all is as it must be.
    pub const fn is_sound(&self) -> bool {
        self.breaks.is_empty()
    }

    /// Adds a break, as long as there are not too many.
    pub(super) fn note(&mut self, seq: u64, check: &'static str, what: impl Into<String>) {
        if self.breaks.len() < BREAKS_MAX {
            self.breaks.push(Break { seq, check, what: what.into() });
        } else {
            self.more_breaks += 1;
        }
    }
}

/// Verifies a log: blocks and their checksums, the chain, positions and times, the links between the
/// entries of a key, the key index, the machines' signatures, that every entry can be read and folded, that
/// the rules come to it, and that no sat is lost, made or paid twice.
pub fn verify(log: &dyn ReadLog, tick: impl FnMut(u64)) -> Report {
    verify_from(log, None, None, tick)
}

/// The same, from a position on, all before which was checked by another run; `kept` says where positions are
/// kept while it goes on.
pub fn verify_from(
    log: &dyn ReadLog,
    position: Option<Position>,
    kept: Option<&Kept>,
    mut tick: impl FnMut(u64),
) -> Report {
    let seed = log.key_index().map_or([0; 16], KeyIndex::seed);
    let mut near = Near::new(log);
    let mut check = Check::new(seed, log.head());
    if let Some(position) = position {
        check.go_on(&mut near, position);
    }
    let mut keeper = kept.map(Kept::keeper);
    for block in log.blocks_from(check.head.seq + 1) {
        match block {
            Ok(block) => {
                near.push(&block);
                check.block(&near, &block);
                if let Some(keeper) = keeper.as_mut().filter(|keeper| keeper.is_due()) {
                    check.keep(keeper);
                }
            }
            Err(LogError::Damaged { seq, why }) => check.unreadable(seq, why),
            Err(other) => check.note(check.head.seq + 1, "block", other.to_string()),
        }
        tick(check.head.seq);
    }
    if log.key_index().is_some_and(|index| check.report.is_sound() && !index.is_same(&check.keys)) {
        check.note(1, "key index", "it does not hold what the blocks say; delete the file `keys`");
    }
    check.finish()
}

/// Verifies a backup file alone.
///
/// # Errors
/// If it cannot be opened, or is none. Damage inside it is in the report.
pub fn verify_backup(path: &Path, tick: impl FnMut(u64)) -> Result<Report, BackupError> {
    Ok(verify_opened_backup(&BackupLog::open(path)?, None, None, tick))
}

/// The same of an opened one, as [`verify_from`].
pub fn verify_opened_backup(
    log: &BackupLog,
    position: Option<Position>,
    kept: Option<&Kept>,
    tick: impl FnMut(u64),
) -> Report {
    let mut report = verify_from(log, position, kept, tick);
    if let Some(damage) = log.damage() {
        let seq = log.head().seq + 1;
        report.breaks.push(Break { seq, check: "backup", what: damage.to_string() });
    }
    report
}

struct Check {
    report: Report,
    /// Where the log should end.
    expected: Head,
    /// Where the check is.
    head: Head,
    recorded_at: Timestamp,
    /// The key index, made anew.
    keys: KeyIndex,
    /// What is folded anew, as long as it folds.
    folded: Option<Folded>,
    /// Signatures of machines that are still to be checked.
    evidences: Evidences,
}

/// State, made anew in bounded memory.
struct Folded {
    fleet: Fleet,
    lives: States,
    rules: Rules,
}

impl Default for Folded {
    fn default() -> Self {
        Self { fleet: Fleet::default(), lives: States::new(), rules: Rules::default() }
    }
}

/// Sees that money is conserved.
struct Conserved<'f> {
    fleet: &'f Fleet,
    violation: Option<Violation>,
}

impl Around for Conserved<'_> {
    type Before = Guard;

    fn before(&mut self, life: &Life, entry: &Entry) -> Guard {
        Guard::before(life, &entry.event)
    }

    fn after(&mut self, before: Guard, life: &Life, entry: &Entry) {
        self.violation = before.check(self.fleet, life, entry).err();
    }
}

impl Check {
    fn new(seed: crate::log::Seed, expected: Head) -> Self {
        Self {
            report: Report::default(),
            expected,
            head: Head::EMPTY,
            recorded_at: Timestamp::EPOCH,
            keys: KeyIndex::new(seed),
            folded: Some(Folded::default()),
            evidences: Evidences::default(),
        }
    }

    fn note(&mut self, seq: u64, check: &'static str, what: impl Into<String>) {
        self.report.note(seq, check, what);
    }

    fn unreadable(&mut self, seq: u64, why: String) {
        self.note(seq, "block", why);
        self.cannot_fold(seq);
    }

    /// What follows cannot be folded without what is missing.
    fn cannot_fold(&mut self, seq: u64) {
        self.folded = None;
        self.report.unfolded_from.get_or_insert(seq);
    }

    /// Takes what another run has found. The keys of all before are read again: the links of what follows are
    /// held against them.
    fn go_on(&mut self, near: &mut Near<'_>, position: Position) {
        for block in near.all() {
            let Ok(block) = block else { continue };
            if block.last_seq() > position.head.seq {
                break;
            }
            near.push(&block);
            for stored in block.entries() {
                self.links(&stored, near);
            }
        }
        let Position { head, recorded_at, report, fleet } = position;
        (self.head, self.recorded_at, self.report) = (head, recorded_at, report);
        self.folded = fleet.map(|fleet| Folded { fleet, ..Folded::default() });
    }

    /// Keeps where it is.
    fn keep(&mut self, keeper: &mut Keeper<'_>) {
        self.evidence();
        let fleet = self.folded.as_ref().map(|folded| &folded.fleet);
        keeper.keep(self.head, self.recorded_at, &self.report, fleet);
    }

    /// Checks the signatures that wait.
    fn evidence(&mut self) {
        for (seq, what) in self.evidences.finish() {
            self.note(seq, "evidence", what);
        }
    }

    fn block(&mut self, log: &Near<'_>, block: &Block) {
        self.report.blocks += 1;
        let (first, before) = (block.first_seq(), block.before());
        if before.seq != self.head.seq {
            let missing = self.head.seq + 1;
            let last = first.saturating_sub(1);
            self.note(missing, "block", format!("entries {missing} to {last} are missing"));
            self.cannot_fold(missing);
        } else if before.hash != self.head.hash {
            let what = format!(
                "the block is chained to {}, but the entry before it has the hash {}",
                before.hash, self.head.hash
            );
            self.note(first, "chain", what);
        }
        for broken in block.chain_breaks() {
            let what = format!("expected hash {}, found {}", broken.expected, broken.found);
            self.note(broken.seq, "chain", what);
        }
        for stored in block.entries() {
            self.report.entries += 1;
            self.links(&stored, log);
            self.entry(log, &stored);
        }
        self.head = block.after();
    }

    fn links(&mut self, stored: &Stored<'_>, log: &Near<'_>) {
        let front = stored.front;
        let keys = [(Some(front.key), stored.prev), (front.alias, stored.prev_alias)];
        for (key, link) in keys {
            let Some(key) = key else { continue };
            let candidates = self.keys.candidates(&key).into_iter();
            let newest = { candidates }.find(|seq| log.bears(*seq, &key)).unwrap_or(0);
            if newest != link {
                let what = format!("under key {key} it follows entry {newest}, but names {link}");
                self.note(front.seq, "link", what);
            }
            self.keys.put(&key, newest, front.seq);
        }
    }

    fn entry(&mut self, log: &Near<'_>, stored: &Stored<'_>) {
        let seq = stored.front.seq;
        let entry = match read(log, stored) {
            Ok(entry) => entry,
            Err(error) => {
                self.cannot_fold(seq);
                let what = match error {
                    LedgerError::Unreadable { why, .. } => why.to_string(),
                    other => other.to_string(),
                };
                return self.note(seq, "entry", what);
            }
        };
        for (seq, what) in self.evidences.take(&entry) {
            self.note(seq, "evidence", what);
        }
        let at = entry.circumstances.recorded_at;
        if at < self.recorded_at {
            let what =
                format!("recorded at {at}, before the entry before it ({})", self.recorded_at);
            self.note(seq, "time", what);
        }
        self.recorded_at = self.recorded_at.max(at);
        let Some(folded) = &mut self.folded else { return };
        let before = Before { log, fleet: &folded.fleet, keys: &self.keys };
        if let Some(what) = folded.rules.check(&before, stored, &entry) {
            self.report.note(seq, "rules", what);
        }
        match folded.take(log, stored, &entry) {
            Ok(None) => {}
            Ok(Some(violation)) => self.note(seq, "conservation", violation.to_string()),
            Err(error) => {
                self.cannot_fold(seq);
                match error {
                    // What cannot be read is told already.
                    LedgerError::Log(_) => {}
                    LedgerError::Unfoldable(error) => self.note(seq, "fold", error.to_string()),
                    other => self.note(seq, "fold", other.to_string()),
                }
            }
        }
    }

    fn finish(mut self) -> Report {
        self.evidence();
        if self.head != self.expected {
            let what =
                format!("the log should end with {}, but ends with {}", self.expected, self.head);
            self.note(self.head.seq + 1, "head", what);
        }
        self.report.head_seq = self.head.seq;
        self.report.head_hash = self.head.hash.to_string();
        self.report.breaks.sort_by_key(|broken| broken.seq);
        self.report
    }
}

impl Folded {
    fn take(
        &mut self,
        log: &dyn ReadLog,
        stored: &Stored<'_>,
        entry: &Entry,
    ) -> Result<Option<Violation>, LedgerError> {
        self.fleet.apply(entry)?;
        if !has_rows(&entry.event) {
            return Ok(None);
        }
        let mut conserved = Conserved { fleet: &self.fleet, violation: None };
        self.lives.take(log, stored, entry, &mut conserved)?;
        let violation = conserved.violation;
        self.lives.forget_what_is_old();
        Ok(violation)
    }
}
