//! Reading a ledger, whoever has it open.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::LedgerError;
use crate::log::{Directory, Purpose, ReadLog, RemoteLog, Repair, Share, SledLog};

/// How long a reader waits for a process that holds the ledger, but does not answer yet.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// A ledger, open for reading.
///
/// If another process has it open, that process answers, as fresh as its last durable group. If none
/// has, this one opens it, and answers others as long as it lives.
pub struct Reader {
    log: Arc<dyn ReadLog + Send + Sync>,
    repairs: Vec<Repair>,
    damage: Vec<String>,
    is_remote: bool,
    _share: Option<Share>,
}

impl Reader {
    /// Opens the ledger in `dir`. Damage does not keep it from being read: see [`Self::damage`].
    pub fn open(dir: &Path) -> Result<Self, LedgerError> {
        Directory::check(dir)?;
        let begun = Instant::now();
        loop {
            if let Ok(remote) = RemoteLog::connect(dir) {
                let log = Arc::new(remote);
                let (repairs, damage) = (Vec::new(), Vec::new());
                return Ok(Self { log, repairs, damage, is_remote: true, _share: None });
            }
            match Directory::try_hold(dir, Purpose::Read)? {
                Ok(directory) => return Self::open_here(dir, directory),
                Err(holder) if begun.elapsed() >= PATIENCE => {
                    let path = dir.to_owned();
                    return Err(crate::log::DirectoryError::Held { path, holder }.into());
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
    }

    fn open_here(dir: &Path, directory: Directory) -> Result<Self, LedgerError> {
        let opened = SledLog::open(directory)?;
        let damage = opened.damage.iter().map(ToString::to_string).collect();
        let log = Arc::new(opened.log);
        // Without the socket, other readers wait until this one is done: slower, not wrong.
        let share = Share::open(dir, Arc::clone(&log) as _).ok();
        Ok(Self { log, repairs: opened.repairs, damage, is_remote: false, _share: share })
    }

    /// The log.
    pub fn log(&self) -> &dyn ReadLog {
        &*self.log
    }

    /// What opening put right.
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// What opening found damaged and could not put right.
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// Whether another process answers.
    pub const fn is_remote(&self) -> bool {
        self.is_remote
    }
}
