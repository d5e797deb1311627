//! Every checkpoint that was ever signed, with what witnesses have added.
//!
//! Several processes may add to the file (a server its receipts' checkpoints, the command line one that is
//! asked for): whoever adds holds the file's lock, and reads first what the others have added.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use spireledger_schema::time::Timestamp;

use super::{NotaryError, Record, Records};
use crate::proofs::{SignedCheckpoint, VerifierKey};

/// The file's name.
pub const CHECKPOINTS_FILE: &str = "checkpoints";

/// A checkpoint with all its cosignatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// It.
    pub checkpoint: SignedCheckpoint,
    /// When it was signed.
    pub at: Timestamp,
}

/// The open file. Memory: 16 bytes for each record.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    /// How far it was read.
    end: u64,
    /// Checkpoints by size, each with its place.
    checkpoints: Vec<(u64, u64)>,
    /// Cosignatures by the size of their checkpoint, each with its place.
    cosignatures: Vec<(u64, u64)>,
    keys: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
}

impl Store {
    /// Opens the file of a ledger directory, or makes it.
    pub fn open(dir: &Path) -> Result<Self, NotaryError> {
        let path = dir.join(CHECKPOINTS_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(NotaryError::io(&path))?;
        let (checkpoints, cosignatures, keys, witnesses) = Default::default();
        let mut store = Self { path, file, end: 0, checkpoints, cosignatures, keys, witnesses };
        store.refresh()?;
        Ok(store)
    }

    /// Reads what was added since. Damage is passed over here: `verify` names it. Returns the bytes of a torn
    /// record at the end.
    fn refresh(&mut self) -> Result<u64, NotaryError> {
        let io = NotaryError::io(&self.path);
        let mut records = Records::from(&self.file, self.end).map_err(&io)?;
        for read in records.by_ref() {
            if let Ok((place, _, record)) = read.map_err(&io)? {
                match record {
                    Record::Key(key) => self.keys.push(key),
                    Record::Witness(key) => self.witnesses.push(key),
                    Record::Checkpoint(checkpoint) => {
                        insert(&mut self.checkpoints, checkpoint.head().size, place);
                    }
                    Record::Cosignature(size, _) => insert(&mut self.cosignatures, size, place),
                }
            }
        }
        self.end = records.offset();
        Ok(records.torn_bytes())
    }

    /// Adds a record and makes it durable, unless `is_there` finds that somebody else has added it.
    pub(super) fn add(
        &mut self,
        at: Timestamp,
        record: &Record,
        is_there: impl FnOnce(&Self) -> Result<bool, NotaryError>,
    ) -> Result<(), NotaryError> {
        let io = NotaryError::io(&self.path);
        self.file.lock().map_err(&io)?;
        let added = self.add_locked(at, record, is_there);
        let unlocked = self.file.unlock().map_err(&io);
        added.and(unlocked)
    }

    fn add_locked(
        &mut self,
        at: Timestamp,
        record: &Record,
        is_there: impl FnOnce(&Self) -> Result<bool, NotaryError>,
    ) -> Result<(), NotaryError> {
        let torn = self.refresh()?;
        if is_there(self)? {
            return Ok(());
        }
        let io = NotaryError::io(&self.path);
        if torn > 0 {
            tracing::warn!("cut {torn} bytes of a torn record off {}", self.path.display());
            self.file.set_len(self.end).map_err(&io)?;
        }
        self.file.write_all_at(&record.to_bytes(at), self.end).map_err(&io)?;
        self.file.sync_data().map_err(&io)?;
        if self.end == 0 {
            // The name has to be durable, too.
            let dir = self.path.parent().unwrap_or(Path::new("."));
            File::open(dir).and_then(|dir| dir.sync_all()).map_err(&io)?;
        }
        self.refresh()?;
        Ok(())
    }

    /// Reads what other processes have added.
    pub(super) fn reread(&mut self) -> Result<(), NotaryError> {
        self.refresh().map(|_| ())
    }

    /// The keys that have signed, the one of today last.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// The witnesses whose signatures were taken.
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// The largest checkpoint.
    pub fn latest(&self) -> Result<Option<Stored>, NotaryError> {
        let last = self.checkpoints.last().copied();
        last.map(|(size, place)| self.read(size, place)).transpose()
    }

    /// The checkpoint of a size.
    pub fn of_size(&self, size: u64) -> Result<Option<Stored>, NotaryError> {
        Ok(self.first_from(size)?.filter(|stored| stored.checkpoint.head().size == size))
    }

    /// The smallest checkpoint that holds an entry: what its receipt was made with, or would have been.
    pub fn covering(&self, seq: u64) -> Result<Option<Stored>, NotaryError> {
        self.first_from(seq)
    }

    /// Which one [`Self::covering`] reads, and how much there is to read: as long as all of it stays the same,
    /// so does what is read.
    pub(super) fn covering_is(&self, seq: u64) -> [usize; 3] {
        let at = self.checkpoints.partition_point(|(held, _)| *held < seq);
        [at, self.checkpoints.len(), self.cosignatures.len()]
    }

    fn first_from(&self, size: u64) -> Result<Option<Stored>, NotaryError> {
        let at = self.checkpoints.partition_point(|(held, _)| *held < size);
        let found = self.checkpoints.get(at).copied();
        found.map(|(size, place)| self.read(size, place)).transpose()
    }

    /// The sizes of all checkpoints, in order.
    pub fn sizes(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.checkpoints.iter().map(|(size, _)| *size)
    }

    fn read(&self, size: u64, place: u64) -> Result<Stored, NotaryError> {
        let (at, record) = self.record(place)?;
        let Record::Checkpoint(mut checkpoint) = record else { return Err(self.damaged(place)) };
        let from = self.cosignatures.partition_point(|(held, _)| *held < size);
        for (_, place) in self.cosignatures.iter().skip(from).take_while(|(held, _)| *held == size)
        {
            if let (_, Record::Cosignature(_, signature)) = self.record(*place)? {
                checkpoint = checkpoint.with(signature);
            }
        }
        Ok(Stored { checkpoint, at })
    }

    fn record(&self, place: u64) -> Result<(Timestamp, Record), NotaryError> {
        let io = NotaryError::io(&self.path);
        let read = Records::from(&self.file, place).map_err(&io)?.next();
        match read.transpose().map_err(&io)? {
            Some(Ok((_, at, record))) => Ok((at, record)),
            _ => Err(self.damaged(place)),
        }
    }

    fn damaged(&self, offset: u64) -> NotaryError {
        let why = "the record that was there is not there any more".to_owned();
        NotaryError::Damaged { path: self.path.clone(), offset, why }
    }
}

/// Keeps a list by size; what comes later of one size stands behind.
fn insert(list: &mut Vec<(u64, u64)>, size: u64, place: u64) {
    let at = list.partition_point(|(held, _)| *held <= size);
    list.insert(at, (size, place));
}
