//! The log: entries as opaque bytes, chained, packed into blocks, durable before anyone is told.
//!
//! It knows hashes, seqs and keys, and nothing of events. [`Sealer`] chains and packs, [`Log::append`]
//! makes durable, [`ReadLog`] finds again. sled holds the blocks and is trusted with no more than
//! that: the chain, the checksums, the sync, the index and the witness of the head are ours.
//!
//! *Never:* decode an event; answer before the sync; repair anything without saying so.
//! *Start at:* [`Log`], then `store.rs`.

mod backup;
mod block;
mod carve;
#[cfg(test)]
mod conformance;
mod directory;
mod forecast;
mod index;
mod keys;
mod memory;
mod opening;
mod past;
mod quiet;
mod remote;
mod share;
mod sled_file;
mod store;
mod witness;

pub use crate::crash;
pub use crate::lock::{lock_file, take_lock};
pub use backup::{BackupError, BackupFile, BackupLog, Progress, back_up};
pub use block::{Block, BlockError, ChainBreak, Sealer, Stored};
pub use carve::CarvedLog;
pub use directory::{Directory, DirectoryError, Purpose};
pub use index::{KeyHash, KeyIndex, Seed};
pub use memory::MemoryLog;
pub use past::Past;
pub use remote::RemoteLog;
pub use share::Share;
pub use store::{Opened, SledLog};

use spireledger_schema::{EntryHash, EntryKey};

/// The end of a log: the last entry and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Seq of the last entry, 0 for an empty log.
    pub seq: u64,
    /// Its hash, which covers all before it.
    pub hash: EntryHash,
}

impl Head {
    /// The head of an empty log.
    pub const EMPTY: Self = Self { seq: 0, hash: EntryHash::GENESIS };
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {} with hash {}", self.seq, self.hash)
    }
}

/// Reading. What is seen is durable; what is being appended is not seen.
pub trait ReadLog {
    /// The last durable entry.
    fn head(&self) -> Head;

    /// The block that holds an entry; `None` beyond the head.
    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError>;

    /// The newest entry under a key or alias. Exact.
    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError>;

    /// All blocks from the one that holds `seq` up to the head of this moment. A block that cannot be
    /// read is an error in its place; the blocks behind it still come.
    fn blocks_from(&self, seq: u64) -> Blocks<'_>;

    /// The key index, where this process has it: `verify` compares it with one made anew.
    fn key_index(&self) -> Option<&KeyIndex> {
        None
    }
}

/// Blocks in order.
pub type Blocks<'a> = Box<dyn Iterator<Item = Result<Block, LogError>> + 'a>;

/// Appending. One appender at a time; groups are all or nothing to whoever asks.
pub trait Log: ReadLog {
    /// Makes a group of blocks durable behind `expected`. When it returns, the group has reached the
    /// disk. After an error nobody knows whether it has: the log takes no more until it is opened anew.
    fn append(&self, expected: Head, blocks: &[Block]) -> Result<(), LogError>;
}

/// What went wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Somebody else appended, or the group was sealed behind another head.
    #[error("the group is chained to {expected}, but the log ends with {found}")]
    HeadMoved {
        /// What the group is chained to.
        expected: Head,
        /// Where the log ends.
        found: Head,
    },
    /// The disk has too little room for the group; nothing was written.
    #[error(
        "the disk is nearly full: {free} bytes are free, and this group needs {needed}. Nothing of \
         it was written; make room and start again"
    )]
    DiskFull {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        needed: u64,
    },
    /// The disk has too little room to open the log.
    #[error(
        "the disk is full: {free} bytes are free, and to open the log takes {needed}. Nothing was \
         changed; make room and start again"
    )]
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        needed: u64,
    },
    /// The system or sled failed; what was being written may or may not be durable.
    #[error("{what}: {why}")]
    Disk {
        /// What was being done.
        what: &'static str,
        /// What was said.
        why: String,
    },
    /// Stored bytes are not what was written.
    #[error("the log is damaged at entry {seq}: {why}")]
    Damaged {
        /// The first entry that is touched.
        seq: u64,
        /// What is wrong.
        why: String,
    },
    /// An earlier append failed.
    #[error("an earlier append failed ({why}); open the log again")]
    Stopped {
        /// How.
        why: String,
    },
}

/// What opening had to put right. None of it lost an acknowledged entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Repair {
    /// sled's own summary of its file was unreadable or half-written; sled reads its file instead.
    #[error("removed sled's summary {file} of its own file ({why}); its file was read instead")]
    SummaryRemoved {
        /// The file's name.
        file: String,
        /// What was wrong.
        why: String,
    },
    /// sled's file is damaged where nothing is that is still needed.
    #[error(
        "sled's file is damaged at byte {byte}; no entry is touched. To be rid of it, `backup` the \
         ledger and `restore` it elsewhere"
    )]
    DamagedRoom {
        /// Where, in the file.
        byte: u64,
    },
    /// sled's settings were unreadable; they are always the same and were written anew.
    #[error("removed sled's unreadable settings ({why}); they were written anew")]
    SettingsRemoved {
        /// What was wrong.
        why: String,
    },
    /// The key file was of another history, or torn; keys were read from the blocks.
    #[error("read the keys of entries from {from} on from the blocks anew ({why})")]
    KeysRebuilt {
        /// The first entry that was read.
        from: u64,
        /// What was wrong.
        why: String,
    },
}

/// The newest entry under a key that is not newer than `limit`.
pub(crate) fn last_up_to(
    log: &dyn ReadLog,
    key: &EntryKey,
    limit: u64,
) -> Result<Option<u64>, LogError> {
    let mut seq = log.last_of(key)?.unwrap_or(0);
    while seq > limit {
        let missing = || LogError::Damaged { seq, why: "it is not there".into() };
        let block = log.block_at(seq)?.ok_or_else(missing)?;
        let stored = block.get(seq).ok_or_else(missing)?;
        let prev = if stored.front.key == *key { stored.prev } else { stored.prev_alias };
        if prev >= seq {
            let why = format!("it names entry {prev} as the one before it");
            return Err(LogError::Damaged { seq, why });
        }
        seq = prev;
    }
    Ok(Some(seq).filter(|seq| *seq != 0))
}

/// A group must begin at the head and hang together: anything else is a bug of the sealer.
fn check_chained(found: Head, expected: Head, blocks: &[Block]) -> Result<(), LogError> {
    if found != expected {
        return Err(LogError::HeadMoved { expected, found });
    }
    let mut head = found;
    for block in blocks {
        if block.before() != head {
            return Err(LogError::HeadMoved { expected: block.before(), found: head });
        }
        head = block.after();
    }
    Ok(())
}

fn damaged(seq: u64, why: &str) -> LogError {
    LogError::Damaged { seq, why: why.to_owned() }
}

fn disk(what: &'static str) -> impl Fn(std::io::Error) -> LogError {
    move |error| LogError::Disk { what, why: error.to_string() }
}

fn lost_tail(head: Head, witnessed: Head) -> LogError {
    let why = format!(
        "entries up to {} were durable, but the log ends with entry {}; `restore` them from a backup",
        witnessed.seq, head.seq
    );
    damaged(head.seq.min(witnessed.seq.saturating_sub(1)) + 1, &why)
}
