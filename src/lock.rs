//! Lock files: held by one process at a time, and let go of by the system when it ends, however that is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a lock file, which is made if it is not there, for its owner only. Nothing is locked yet.
pub fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Takes a lock and writes down who holds it; otherwise tells who does. Whoever takes it over is named a
/// moment later than it has it.
pub fn take_lock(path: &Path, holder: &str) -> io::Result<Result<File, String>> {
    let mut lock = lock_file(path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            lock.read_to_string(&mut holder)?;
            return Ok(Err(holder.trim().to_owned()));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(format!("{holder}\n").as_bytes())?;
    Ok(Ok(lock))
}
