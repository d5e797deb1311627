//! Why the notary does not do what it is asked.

use std::path::{Path, PathBuf};

use crate::log::LogError;
use crate::proofs::{CheckpointError, GrowthError, KeyError};

/// Why there is no checkpoint, proof or signature.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A node of the tree is not what was written. It is made from the log again where that helps.
    #[error("record {record} of the tree file is damaged")]
    TreeDamaged {
        /// Which.
        record: u64,
    },
    /// There is no such entry.
    #[error("there is no entry {0} in the log yet")]
    NoEntry(u64),
    /// No checkpoint of that size was signed.
    #[error("no checkpoint of {0} entries was signed; `checkpoint list` shows those that were")]
    NoCheckpoint(u64),
    /// What is in a key file is no key.
    #[error("{path}: {error}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: KeyError,
    },
    /// Others can read the secret key.
    #[error("{path} can be read by others (mode {mode:o}); it is a secret: chmod 600 {path}")]
    KeyIsOpen {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Checkpoints were signed with a key that is not there any more.
    #[error(
        "{path} is gone, and checkpoints were signed with it as {vkey}: put it back from where you keep \
         it. If it is lost for good, `checkpoint --new-key` begins with another one, and whoever checks \
         this ledger must be given its public key"
    )]
    KeyLost {
        /// Where it should be.
        path: PathBuf,
        /// Its public key.
        vkey: String,
    },
    /// There is a key already.
    #[error("{0} is there already")]
    KeyExists(PathBuf),
    /// What should be signed contradicts what was signed.
    #[error(
        "the log does not fit the checkpoint of {signed} entries that was signed before: nothing is \
         signed; run `verify`"
    )]
    Contradicts {
        /// The size of the earlier checkpoint.
        signed: u64,
    },
    /// A checkpoint is not to be believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A proof of growth is not to be believed.
    #[error(transparent)]
    Growth(#[from] GrowthError),
    /// The file of checkpoints is damaged.
    #[error("{path} is damaged at byte {offset}: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What is wrong.
        why: String,
    },
}

impl NotaryError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |error| Self::Io { path: path.clone(), error }
    }
}
