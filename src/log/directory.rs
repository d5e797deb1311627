//! The ledger directory: what it holds, and who has it open.
//!
//! | name | what | may be deleted |
//! | --- | --- | --- |
//! | `format` | the directory's format, one line; comes last when a ledger is made | no |
//! | `unfinished` | which command is still making it | – |
//! | `sled/` | the blocks | no |
//! | `witness` | how far the log was known to be durable | no |
//! | `keys` | the key file | yes, it is read from the blocks |
//! | `fleet.snapshot` | the decision state | yes, it is folded from the log |
//! | `tables.sqlite`, `tables*` | the live tables: see `src/tables/live.rs` | yes, they are made from the log |
//! | `tree` | upper nodes of the tree over the log | yes, they are made from the log |
//! | `note.key` | the secret key of checkpoints: see `src/notary/` | no, and no backup holds it |
//! | `checkpoints` | every checkpoint that was signed | no |
//! | `cosigner/` | what this ledger has witnessed of others | no |
//! | `lock` | held by whoever has the log open | – |
//! | `reader.sock` | where the holder answers readers | – |
//! | `payer.lock` | held by whoever pays legs | – |
//! | `nostr.key` | the secret key by which the ledger is known on Nostr, of mode 0600 | no |

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::crash;
use crate::lock::take_lock;

/// The one directory format there is.
const FORMAT: &str = "spireledger ledger 1\n";
const UNFINISHED: &str = "unfinished";
/// How long a writer waits for readers to leave.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a writer doubts that there is another: who takes the directory over from a writer is named a
/// moment later than it has it.
const DOUBT: Duration = Duration::from_millis(200);

/// What a directory is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To append.
    Write,
    /// To read only.
    Read,
}

impl Purpose {
    const fn word(self) -> &'static str {
        match self {
            Self::Write => "writing",
            Self::Read => "reading",
        }
    }
}

/// Why a ledger directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// There is something already.
    #[error("{0} exists already and is not empty; name a new directory")]
    Exists(PathBuf),
    /// What was making it did not come to its end.
    #[error(
        "{path} is no whole ledger: {maker} was interrupted while it made it. Nothing was recorded \
             in it yet; remove {path} and begin again"
    )]
    Unfinished {
        /// The directory.
        path: PathBuf,
        /// Which command.
        maker: String,
    },
    /// There is no ledger.
    #[error("{0} is no ledger; make one with `spireledger --ledger {0} init`, or name another")]
    NoLedger(PathBuf),
    /// A later version made it.
    #[error("{path} has the format {found:?}; this version knows {FORMAT:?} only")]
    UnknownFormat {
        /// The directory.
        path: PathBuf,
        /// What its `format` file says.
        found: String,
    },
    /// Somebody has it open.
    #[error(
        "{path} is open in another process ({holder}); one process at a time may write. Stop it, \
             or wait until it is done"
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// Who, and what for.
        holder: String,
    },
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// What was being opened.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// A ledger directory that this process holds.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The system lets go of the lock when this is closed, also when the process is killed.
    _lock: File,
}

impl Directory {
    /// Begins to make a ledger directory, readable by its owner only. It is no ledger, for whoever opens
    /// it, until [`Self::finish`]; until then it says that `maker` is at work.
    pub fn begin(path: &Path, maker: &str) -> Result<Self, DirectoryError> {
        let io = |error| DirectoryError::Io { path: path.to_owned(), error };
        if path.is_dir() && std::fs::read_dir(path).map_err(io)?.next().is_some() {
            return Err(match Self::check(path) {
                Err(error @ DirectoryError::Unfinished { .. }) => error,
                _ => DirectoryError::Exists(path.to_owned()),
            });
        }
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path).map_err(io)?;
        crash::point("init:directory-made");
        let mut file = File::create(path.join(UNFINISHED)).map_err(io)?;
        file.write_all(maker.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        Self::sync_with_parent(path).map_err(io)?;
        crash::point("init:begun");
        Self::resume(path)
    }

    /// Takes a directory that this process is making.
    pub fn resume(path: &Path) -> Result<Self, DirectoryError> {
        let held = Self::try_hold(path, Purpose::Write)?;
        held.map_err(|holder| DirectoryError::Held { path: path.to_owned(), holder })
    }

    /// Declares a directory to be a ledger. The format file comes by its name at once.
    pub fn finish(path: &Path) -> Result<(), DirectoryError> {
        let io = |error| DirectoryError::Io { path: path.to_owned(), error };
        let new = path.join("format.new");
        let mut file = File::create(&new).map_err(io)?;
        file.write_all(FORMAT.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        crash::point("init:before-format");
        std::fs::rename(&new, path.join("format")).map_err(io)?;
        crash::point("init:before-finished");
        crash::point("restore:before-finished");
        // Where this is not reached, the format file is what counts.
        let _ = std::fs::remove_file(path.join(UNFINISHED));
        Self::sync_with_parent(path).map_err(io)
    }

    fn sync_with_parent(path: &Path) -> io::Result<()> {
        let path = path.canonicalize()?;
        [Some(path.as_path()), path.parent()].into_iter().flatten().try_for_each(sync_dir)
    }

    /// Whether `path` is a ledger directory of a known format.
    pub fn check(path: &Path) -> Result<(), DirectoryError> {
        match std::fs::read_to_string(path.join("format")) {
            Ok(found) if found == FORMAT => Ok(()),
            Ok(found) => Err(DirectoryError::UnknownFormat { path: path.to_owned(), found }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let path = path.to_owned();
                Err(match std::fs::read_to_string(path.join(UNFINISHED)) {
                    Ok(maker) => DirectoryError::Unfinished { path, maker },
                    Err(_) => DirectoryError::NoLedger(path),
                })
            }
            Err(error) => Err(DirectoryError::Io { path: path.join("format"), error }),
        }
    }

    /// Takes the directory. A writer waits a while for readers to leave, but not for another writer.
    pub fn hold(path: &Path, purpose: Purpose) -> Result<Self, DirectoryError> {
        Self::check(path)?;
        let begun = Instant::now();
        let mut writer = (String::new(), begun);
        loop {
            match Self::try_hold(path, purpose)? {
                Ok(directory) => return Ok(directory),
                Err(holder) => {
                    if writer.0 != holder {
                        writer = (holder.clone(), Instant::now());
                    }
                    let reading = holder.starts_with(Purpose::Read.word()) || holder.is_empty();
                    let patience = if reading { PATIENCE } else { DOUBT };
                    let since = if reading { begun } else { writer.1 };
                    if purpose == Purpose::Read || since.elapsed() >= patience {
                        let path = path.to_owned();
                        return Err(DirectoryError::Held { path, holder });
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Takes the directory if nobody has it; otherwise says who has.
    pub fn try_hold(path: &Path, purpose: Purpose) -> Result<Result<Self, String>, DirectoryError> {
        let lock_path = path.join("lock");
        let io = |error| DirectoryError::Io { path: lock_path.clone(), error };
        let holder = format!("{} in process {}", purpose.word(), std::process::id());
        let taken = take_lock(&lock_path, &holder).map_err(io)?;
        Ok(taken.map(|lock| Self { path: path.to_owned(), _lock: lock }))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes a directory's own entries durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
