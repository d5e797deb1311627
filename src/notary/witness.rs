//! Witnessing another log: its checkpoint is cosigned only if its history goes on from the one that was
//! cosigned last. So whoever sees the signature knows that everybody is shown one history.
//!
//! A witness has a directory: `key`, the secret key; for each log, named by a hash of its origin, a file with
//! the checkpoint that was cosigned last; `lock`. The file is durable before the signature leaves.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::NotaryError;
use super::keys::{load_key, make_key};
use crate::log::lock_file;
use crate::proofs::{
    Algorithm, Growth, GrowthError, KeyName, NoteKey, Signature, SignedCheckpoint, VerifierKey,
};

/// A witness with its state.
#[derive(Debug)]
pub struct Witness {
    dir: PathBuf,
    key: NoteKey,
    /// Held as long as it lives: what was cosigned last must not change between looking and signing.
    _lock: File,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The proof does not begin where this witness stands.
    #[error(
        "this witness has cosigned {known} entries of {origin}, but the proof begins at {found}: make it \
         with `checkpoint --since {known}`"
    )]
    Elsewhere {
        /// Which log.
        origin: String,
        /// The size of what was cosigned last.
        known: u64,
        /// Where the proof begins.
        found: u64,
    },
    /// A smaller log than was cosigned.
    #[error(
        "{origin} had {known} entries when it was cosigned last, and has {found} now: a rollback"
    )]
    Rollback {
        /// Which log.
        origin: String,
        /// The size of what was cosigned last.
        known: u64,
        /// The size now.
        found: u64,
    },
    /// Not what it must be.
    #[error(transparent)]
    Proof(#[from] GrowthError),
    /// The witness's own files.
    #[error(transparent)]
    Notary(#[from] NotaryError),
}

impl Witness {
    /// Opens a witness's directory, or makes it with a new key, called `name` if that is given.
    pub fn open(dir: &Path, name: Option<KeyName>) -> Result<Self, NotaryError> {
        let io = NotaryError::io(dir);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(&io)?;
        let lock = lock_file(&dir.join("lock")).map_err(&io)?;
        lock.lock().map_err(&io)?;
        let path = dir.join("key");
        let key = match load_key(&path)? {
            Some(key) => key,
            None => make_key(&path, name, "spireledger-witness", Algorithm::Cosignature)?,
        };
        Ok(Self { dir: dir.to_owned(), key, _lock: lock })
    }

    /// The public key, for those who trust this witness.
    pub const fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// What was cosigned last of a log.
    pub fn last(&self, origin: &str) -> Result<Option<SignedCheckpoint>, NotaryError> {
        let path = self.path_of(origin);
        match std::fs::read_to_string(&path) {
            Ok(note) => Ok(Some(SignedCheckpoint::parse(&note)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NotaryError::Io { path, error }),
        }
    }

    /// Cosigns where a proof of growth leads, if it begins at what was cosigned last (or at nothing, the first
    /// time) and the log that a key stands for has signed it. `seconds` is the time since 1970.
    pub fn cosign(
        &self,
        growth: &Growth,
        log: &VerifierKey,
        seconds: u64,
    ) -> Result<Signature, Refused> {
        let new = &growth.new;
        new.verify(log).map_err(GrowthError::from)?;
        let origin = new.head().origin.clone();
        let last = self.last(&origin)?;
        let known = last.map_or_else(|| (0, crate::proofs::TreeHash::empty()), |last| last.tree());
        let found = new.head().size;
        if found < known.0 {
            return Err(Refused::Rollback { origin, known: known.0, found });
        }
        if growth.old != known.0 {
            return Err(Refused::Elsewhere { origin, known: known.0, found: growth.old });
        }
        growth.extends(known)?;
        self.keep(&origin, new)?;
        Ok(new.cosign(&self.key, seconds).map_err(GrowthError::from)?)
    }

    fn keep(&self, origin: &str, checkpoint: &SignedCheckpoint) -> Result<(), NotaryError> {
        let path = self.path_of(origin);
        let new = path.with_extension("new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(checkpoint.to_string().as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(NotaryError::io(&path))
    }

    fn path_of(&self, origin: &str) -> PathBuf {
        let name = blake3::hash(origin.as_bytes()).to_hex();
        self.dir.join(format!("{}.note", name.get(..32).unwrap_or_default()))
    }
}
