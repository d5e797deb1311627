//! A file that is in its place only when all of it is there.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::BufWriter;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::ledger::LedgerError;

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Another process writes the same file.
    #[error("{0} is being written by another process; wait until it is done, or stop it")]
    Busy(PathBuf),
}

impl ExportError {
    fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |error| Self::Io { path: path.clone(), error }
    }
}

/// Writes a file beside `path` (with `.new` behind its name), makes it durable, and puts it in its place.
/// What an interrupted write has left is written over.
pub fn write_file<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, WriteError>,
) -> Result<T, ExportError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let io = ExportError::io(&new);
    let mut out = BufWriter::new(hold(&new)?);
    let written = write(&mut out).map_err(|error| match error {
        WriteError::Ledger(error) => ExportError::Ledger(error),
        WriteError::Io(error) => io(error),
    })?;
    let file = out.into_inner().map_err(|error| io(error.into_error()))?;
    file.sync_all().map_err(&io)?;
    std::fs::rename(&new, path).map_err(ExportError::io(path))?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(ExportError::io(dir))?;
    Ok(written)
}

/// What can go wrong while a file is filled.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Opens an empty file and locks it. The system lets go of it when the process ends.
fn hold(path: &Path) -> Result<File, ExportError> {
    let io = ExportError::io(path);
    loop {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).open(path).map_err(&io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ExportError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        // Whoever held it before may have put it in its place since it was opened.
        let held = file.metadata().map_err(&io)?;
        let is_it = std::fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
        if is_it {
            file.set_len(0).map_err(&io)?;
            return Ok(file);
        }
    }
}
