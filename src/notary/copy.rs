//! Copies of the file of checkpoints, beside a backup: a file that only grows, copied as it grows.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{CHECKPOINTS_FILE, NotaryError, Records};

/// Bytes that are read and written at a time.
const PART_BYTES: usize = 1 << 20;

/// The whole records of a ledger's checkpoints, as they stood when this was begun.
#[derive(Debug)]
pub struct CheckpointsCopy {
    source: PathBuf,
    /// The open file and where its last whole record ends; none, if nothing was ever signed.
    file: Option<(File, u64)>,
}

impl CheckpointsCopy {
    /// Looks how far a ledger's checkpoints have come.
    pub fn begin(dir: &Path) -> Result<Self, NotaryError> {
        Self::of(dir.join(CHECKPOINTS_FILE))
    }

    /// Puts a copy into a ledger that is being made.
    pub fn restore(copy: &Path, dir: &Path) -> Result<(), NotaryError> {
        Self::of(copy.to_owned())?.bring_up(&dir.join(CHECKPOINTS_FILE))
    }

    fn of(source: PathBuf) -> Result<Self, NotaryError> {
        let io = NotaryError::io(&source);
        let file = match File::open(&source) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { source, file: None });
            }
            Err(error) => return Err(io(error)),
        };
        let mut records = Records::from(&file, 0).map_err(&io)?;
        for read in records.by_ref() {
            // Damage is copied as it is: `verify` names it there, too.
            let _ = read.map_err(&io)?;
        }
        let end = records.offset();
        Ok(Self { source, file: Some((file, end)) })
    }

    /// Appends to a copy what it lacks, and makes it durable.
    ///
    /// # Errors
    /// If it holds something else: it is left as it is.
    pub fn bring_up(self, copy: &Path) -> Result<(), NotaryError> {
        let io = NotaryError::io(copy);
        let Some((source, end)) = self.file.filter(|(_, end)| *end > 0) else { return Ok(()) };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let target = options.open(copy).map_err(&io)?;
        let len = target.metadata().map_err(&io)?.len();
        let (mut ours, mut theirs) = (vec![0; PART_BYTES], vec![0; PART_BYTES]);
        let mut at = 0;
        while at < end {
            let part = usize::try_from(end - at).map_or(PART_BYTES, |left| left.min(PART_BYTES));
            let ours = ours.get_mut(..part).unwrap_or_default();
            source.read_exact_at(ours, at).map_err(NotaryError::io(&self.source))?;
            let held = usize::try_from(len.saturating_sub(at)).map_or(part, |held| held.min(part));
            let theirs = theirs.get_mut(..held).unwrap_or_default();
            target.read_exact_at(theirs, at).map_err(&io)?;
            let (same, new) = ours.split_at(held);
            if same != theirs {
                let why = "it holds the checkpoints of another ledger; name another file";
                return Err(io(io::Error::other(why)));
            }
            target.write_all_at(new, at + held as u64).map_err(&io)?;
            at += part as u64;
        }
        target.sync_all().map_err(&io)
    }
}
