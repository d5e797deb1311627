//! What an outbox tells: what became of a claim, what was put right, and why it cannot be used.

use std::io;
use std::path::PathBuf;

use spireledger_schema::text::MachineId;

use super::file::{Damage, HeadError};
use super::store::LOCK_PATIENCE;

/// What was put right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Repair {
    /// A write was interrupted before anybody was told of it.
    #[error("cut off {bytes} bytes of a write that was interrupted and never acknowledged")]
    CutTail {
        /// How long it was.
        bytes: u64,
    },
    /// Writing the file anew was interrupted.
    #[error("removed what an interrupted compaction had left")]
    LeftOver,
}

/// What became of a claim that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// It is kept, and this is its number.
    Kept(u64),
    /// The same claim was kept before, under this number.
    Known(u64),
    /// Another claim of the same settlement was kept before.
    Conflict {
        /// Under this number.
        number: u64,
        /// The fields that differ, as far as they are known still.
        fields: Vec<String>,
    },
    /// Too many wait already.
    Full,
}

/// Why an outbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is an outbox already.
    #[error("{0} is there already")]
    Exists(PathBuf),
    /// Another process keeps it.
    #[error("{path} is held by {holder}, for longer than {} s", LOCK_PATIENCE.as_secs())]
    Held {
        /// The lock.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// It is no outbox that can be read.
    #[error("{path}: {why}")]
    Head {
        /// The file.
        path: PathBuf,
        /// What is wrong with its head.
        why: HeadError,
    },
    /// It is another machine's.
    #[error("{path} is machine {found}'s outbox, not {expected}'s")]
    OtherMachine {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: MachineId,
    },
    /// Bytes that were acknowledged cannot be read.
    #[error(
        "{path} is damaged ({}); nothing is written to it. `atm list` shows what can be read, \
         `atm salvage` goes on with that", .damage.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        damage: Vec<Damage>,
    },
    /// A write failed before; what the disk holds has to be read again.
    #[error("a write to the outbox failed before; open it again")]
    Broken,
    /// What was to be noted does not follow from what is there: a bug.
    #[error("{0}")]
    Impossible(#[from] super::state::Impossible),
    /// A record is longer than any may be.
    #[error("{0} is too long to be kept")]
    TooLong(&'static str),
}
