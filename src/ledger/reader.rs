//! Reading a ledger, whoever has it open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use spireledger_schema::EntryKey;

use super::LedgerError;
use crate::log::{
    Block, Blocks, CarvedLog, Directory, DirectoryError, Head, KeyIndex, LogError, Purpose,
    ReadLog, RemoteLog, Repair, Share, SledLog, last_up_to,
};

/// How long a reader waits for a process that holds the ledger, but does not answer yet.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// A ledger, open for reading: one log that stands still, however long it is read.
///
/// If another process has it open, that process answers, as fresh as its last durable group at the time
/// of opening. If none has, this one opens it, and answers others as long as it lives.
pub struct Reader {
    dir: PathBuf,
    head: Head,
    /// Here, if this process was the one to open it.
    here: Option<Here>,
    /// Whoever answers. A process that ends in the middle is replaced by the next one, or by us.
    source: Mutex<Arc<dyn ReadLog + Send + Sync>>,
    /// The log, if we replaced somebody: others are answered then, as by whoever opened it first. They
    /// may hold what we wait for.
    later: Mutex<Option<Here>>,
}

struct Here {
    log: Arc<dyn ReadLog + Send + Sync>,
    repairs: Vec<Repair>,
    damage: Vec<LogError>,
    /// Why the log is read without sled, if it is, and not because of damage.
    note: Option<String>,
    _share: Option<Share>,
}

enum Source {
    Here(Here),
    There(RemoteLog),
}

impl Reader {
    /// Opens the ledger in `dir`. Damage does not keep it from being read: see [`Self::damage`].
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        let (log, here): (Arc<dyn ReadLog + Send + Sync>, _) = match open(dir)? {
            Source::Here(here) => (Arc::clone(&here.log), Some(here)),
            Source::There(remote) => (Arc::new(remote), None),
        };
        Ok(Self {
            dir: dir.to_owned(),
            head: log.head(),
            here,
            source: Mutex::new(log),
            later: Mutex::new(None),
        })
    }

    /// What opening put right.
    pub fn repairs(&self) -> &[Repair] {
        self.here.as_ref().map_or(&[], |here| &here.repairs)
    }

    /// What opening found damaged and could not put right.
    pub fn damage(&self) -> &[LogError] {
        self.here.as_ref().map_or(&[], |here| &here.damage)
    }

    /// Why the log is read in another way than usual, if it is.
    pub fn note(&self) -> Option<&str> {
        self.here.as_ref().and_then(|here| here.note.as_deref())
    }

    /// Whether another process answers.
    pub const fn is_remote(&self) -> bool {
        self.here.is_none()
    }

    /// Asks whoever has the ledger open; if that process is gone, whoever has it open then. The next one
    /// can be about to end, too.
    fn ask<T>(
        &self,
        question: impl Fn(&dyn ReadLog) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        let begun = Instant::now();
        let mut source = Arc::clone(&*self.source.lock());
        loop {
            let answer = question(&*source);
            let is_gone = matches!(answer, Err(LogError::Disk { .. }))
                && self.is_remote()
                && self.later.lock().is_none();
            if !is_gone || begun.elapsed() >= PATIENCE {
                return answer;
            }
            source = self.next()?;
            *self.source.lock() = Arc::clone(&source);
        }
    }

    /// Whoever has the ledger open now; if nobody has, it is us.
    fn next(&self) -> Result<Arc<dyn ReadLog + Send + Sync>, LogError> {
        match open(&self.dir) {
            Ok(Source::Here(here)) => {
                let log = Arc::clone(&here.log);
                *self.later.lock() = Some(here);
                Ok(log)
            }
            Ok(Source::There(remote)) => Ok(Arc::new(remote)),
            Err(error) => {
                let what = "read on after the process that had the ledger open ended";
                Err(LogError::Disk { what, why: error.to_string() })
            }
        }
    }
}

fn open(dir: &Path) -> Result<Source, LedgerError> {
    Directory::check(dir)?;
    let begun = Instant::now();
    loop {
        if let Ok(remote) = RemoteLog::connect(dir) {
            return Ok(Source::There(remote));
        }
        match Directory::try_hold(dir, Purpose::Read)? {
            Ok(directory) => {
                // Between two ways of reading, somebody else may have come.
                if let Some(here) = open_here(dir, directory)? {
                    return Ok(Source::Here(here));
                }
            }
            Err(holder) if begun.elapsed() >= PATIENCE => {
                return Err(DirectoryError::Held { path: dir.to_owned(), holder }.into());
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Opens the log with sled; if sled cannot or must not open its file, reads that without it.
fn open_here(dir: &Path, directory: Directory) -> Result<Option<Here>, LedgerError> {
    let (log, repairs, damage, note): (Arc<dyn ReadLog + Send + Sync>, _, _, _) =
        match SledLog::open(directory) {
            Ok(opened) => (Arc::new(opened.log), opened.repairs, Vec::new(), None),
            Err(error) => {
                let Ok(directory) = Directory::try_hold(dir, Purpose::Read)? else {
                    return Ok(None);
                };
                let carved = CarvedLog::open(directory)?;
                let lost = carved.lost_tail();
                let lost = lost.filter(|lost| lost.to_string() != error.to_string());
                let (damage, note) = match error {
                    damage @ LogError::Damaged { .. } => (Some(damage), None),
                    other => (None, Some(format!("{other}; the log is read without sled"))),
                };
                (Arc::new(carved), Vec::new(), damage.into_iter().chain(lost).collect(), note)
            }
        };
    // Without the socket, other readers wait until this one is done: slower, not wrong.
    let share = Share::open(dir, Arc::clone(&log)).ok();
    Ok(Some(Here { log, repairs, damage, note, _share: share }))
}

impl ReadLog for Reader {
    fn head(&self) -> Head {
        self.head
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        if seq > self.head.seq { Ok(None) } else { self.ask(|log| log.block_at(seq)) }
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.ask(|log| last_up_to(log, key, self.head.seq))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        if let Some(here) = &self.here {
            return here.log.blocks_from(seq);
        }
        let mut next = seq.max(1);
        Box::new(std::iter::from_fn(move || {
            let block = if next > self.head.seq { Ok(None) } else { self.block_at(next) };
            next = match &block {
                Ok(Some(block)) => block.last_seq() + 1,
                // The entries behind a broken one still come.
                Err(LogError::Damaged { .. }) => next + 1,
                Ok(None) | Err(_) => u64::MAX,
            };
            block.transpose()
        }))
    }

    fn key_index(&self) -> Option<&KeyIndex> {
        self.here.as_ref().and_then(|here| here.log.key_index())
    }
}
