//! The ledger: the one writer that joins rules and log.
//!
//! The way of a command: decode → authenticate → **decide** → **append** → **apply** → answer. Two
//! threads share it. The *decider* owns the decision state: it decides, seals and applies. The
//! *committer* owns the disk: it makes a sealed group durable, and only then answers. While one
//! group is on its way to the disk, the next is decided on the state after it; should the disk fail,
//! neither is ever answered and the ledger stops for good (the truth is on the disk: reopen it).
//!
//! *Never:* an answer before the sync; a second way to append; `async`. *Start at:*
//! [`Ledger::submit`], then `decider.rs`.

mod as_of;
mod committer;
mod decider;
mod history;
mod pieces;
mod queue;
mod reader;
mod recent;
mod snapshot;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use spireledger_projections::ApplyError;
use spireledger_schema::entry::Entry;
use spireledger_schema::event::DecodeError;
use spireledger_schema::identity::Actor;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Refusal};

use crate::log::{Directory, DirectoryError, LogError, Purpose, Repair, Share, SledLog};
use crate::notary::{Access, Notary, NotaryError};
use crate::proofs::{Proof, SignedCheckpoint};
use crate::rules::{Import, Request};

pub use as_of::{AsOf, fleet_occurred, past};
pub use history::{entry_at, entry_json, history, own_history, stream, stream_up_to};
pub(crate) use history::{newest_of_stream, newest_that};
pub use pieces::read;
pub(crate) use pieces::whole;
pub use reader::Reader;
pub(crate) use snapshot::{decode as decode_fleet, encode as save_fleet, fleet_from, is_of};
pub use snapshot::{fleet_of, replay_fleet};

/// Commands that may wait for the decider: some 50 MB of long ones. A full queue tells clients to come again.
const COMMANDS_WAITING_MAX: usize = 4 * BATCH_LEN_MAX;
/// Groups that may wait for the disk: one is written while the next is decided.
const GROUPS_IN_FLIGHT_MAX: usize = 2;
/// Most commands of one batch.
pub const BATCH_LEN_MAX: usize = 8_192;

/// The clock of the edge: what time is it?
pub type Clock = Box<dyn Fn() -> Timestamp + Send>;

/// One place in a batch: a command to decide, or a no that was known before (a line that is no
/// command), so that answers keep their order.
#[derive(Debug, Clone)]
// Requests are the common case; boxing each would cost an allocation a command.
#[allow(clippy::large_enum_variant)]
pub enum Item {
    /// To be decided.
    Request(Request),
    /// Refused already.
    Refused(Box<Refusal>),
    /// What a database says, with the database as its actor.
    Import(Box<(Import, Actor)>),
}

/// Called once with the answers of a batch, in its order, when all of them are durable. Dropped
/// uncalled if the ledger stops before.
pub type Reply = Box<dyn FnOnce(Vec<Answer>) + Send>;

pub(crate) struct Batch {
    items: Vec<Item>,
    reply: Reply,
}

/// Why the ledger gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The directory is no ledger, or somebody else has it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The log is damaged: nothing may be appended.
    #[error(
        "{0}. Nothing is appended to a damaged log: run `verify` to see all of it, and `restore` \
             a backup"
    )]
    Damaged(String),
    /// The log cannot be opened, read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry of the log is not readable.
    #[error("entry {seq} cannot be read: {why}")]
    Unreadable {
        /// The entry.
        seq: u64,
        /// What is wrong with it.
        why: DecodeError,
    },
    /// The history is not one that these rules could have written.
    #[error("the history does not fold: {0}; run `verify`")]
    Unfoldable(#[from] ApplyError),
    /// The tree over the log cannot be kept, or nothing can be signed.
    #[error(transparent)]
    Notary(#[from] NotaryError),
    /// A file beside the log cannot be read or written.
    #[error("{what}: {error}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The ledger stopped before it could answer: what was asked may or may not be durable.
    #[error(
        "the ledger stopped ({why}). Open it again and send the same commands again: what is \
             recorded already is answered `replayed`"
    )]
    Stopped {
        /// What stopped it.
        why: String,
    },
}

/// The queue is full; nothing of the batch was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many commands are waiting already; send this again a little later")]
pub struct Busy;

/// What stopped the writer, told once.
type Why = Arc<OnceLock<String>>;

/// An open ledger with its single writer.
pub struct Ledger {
    queue: Option<queue::In>,
    log: Arc<SledLog>,
    notary: Arc<Notary>,
    threads: Vec<JoinHandle<()>>,
    why: Why,
    /// Answers readers of other processes.
    share: Option<Share>,
}

impl Ledger {
    /// Opens the ledger in `dir` for writing and catches its state up.
    pub fn open(dir: &Path, clock: Clock) -> Result<(Self, Vec<Repair>), LedgerError> {
        Self::open_held(Directory::hold(dir, Purpose::Write)?, clock)
    }

    /// Opens a ledger whose directory this process holds.
    pub fn open_held(
        directory: Directory,
        clock: Clock,
    ) -> Result<(Self, Vec<Repair>), LedgerError> {
        let dir = directory.path().to_owned();
        let dir = dir.as_path();
        let opened = SledLog::open(directory).map_err(|error| match error {
            damage @ LogError::Damaged { .. } => LedgerError::Damaged(damage.to_string()),
            other => other.into(),
        })?;
        let log = Arc::new(opened.log);
        let mut ledger = Self::start(Arc::clone(&log), dir, clock)?;
        let io = |error| LedgerError::Io { what: "open the readers' socket".into(), error };
        ledger.share = Some(Share::open(dir, log).map_err(io)?);
        Ok((ledger, opened.repairs))
    }

    fn start(log: Arc<SledLog>, dir: &Path, clock: Clock) -> Result<Self, LedgerError> {
        let (fleet, last_recorded) = snapshot::load(&*log, dir)?;
        let notary = Arc::new(Notary::open(dir, &*log, Access::Write)?);
        let why: Why = Arc::default();
        let (queue, batches) = queue::queue();
        let (groups, to_commit) = sync_channel(GROUPS_IN_FLIGHT_MAX);
        let committer = committer::Committer::new(
            Arc::clone(&log),
            Arc::clone(&notary),
            snapshot::path(dir),
            Arc::clone(&why),
        );
        let decider = decider::Decider::new(
            Arc::clone(&log),
            fleet,
            last_recorded,
            clock,
            groups,
            Arc::clone(&why),
        );
        let threads = vec![
            spawn("committer", move || committer.run(to_commit))?,
            spawn("decider", move || decider.run(batches))?,
        ];
        Ok(Self { queue: Some(queue), log, notary, threads, why, share: None })
    }

    /// The log, for reading beside the writer.
    pub fn log(&self) -> &Arc<SledLog> {
        &self.log
    }

    /// The notary, for more than [`Self::checkpoint`] and [`Self::proof`].
    pub fn notary(&self) -> &Arc<Notary> {
        &self.notary
    }

    /// The signed checkpoint of all that is durable, stored before it is returned. `at` is now.
    pub fn checkpoint(&self, at: Timestamp) -> Result<SignedCheckpoint, LedgerError> {
        Ok(self.notary.checkpoint(&*self.log, at)?)
    }

    /// The proof that an entry is in the log: what an answer to a command with `"receipt": true` carries.
    /// `at` is now.
    pub fn proof(&self, seq: u64, at: Timestamp) -> Result<Proof, LedgerError> {
        Ok(self.notary.proof(&*self.log, seq, at)?)
    }

    /// Hands a batch to the writer; waits while the queue is full.
    pub fn submit(&self, items: Vec<Item>, reply: Reply) -> Result<(), LedgerError> {
        let queue = self.queue.as_ref().ok_or_else(|| self.stopped())?;
        queue.send(Batch { items, reply }).map_err(|_closed| self.stopped())
    }

    /// Hands a batch to the writer, or says at once that the queue is full.
    pub fn try_submit(
        &self,
        items: Vec<Item>,
        reply: Reply,
    ) -> Result<Result<(), Busy>, LedgerError> {
        let queue = self.queue.as_ref().ok_or_else(|| self.stopped())?;
        queue.try_send(Batch { items, reply }).map_err(|_closed| self.stopped())
    }

    /// Submits a batch and waits for its answers.
    pub fn ask(&self, items: Vec<Item>) -> Result<Vec<Answer>, LedgerError> {
        let (reply, answers): (SyncSender<_>, Receiver<_>) = sync_channel(1);
        // Nobody listening any more is no reason to stop writing.
        self.submit(items, Box::new(move |all| drop(reply.send(all))))?;
        answers.recv().map_err(|_| self.stopped())
    }

    /// Submits one command from the command line and waits for its answer.
    pub fn ask_one(&self, request: Request) -> Result<Answer, LedgerError> {
        let mut answers = self.ask(vec![Item::Request(request)])?;
        answers.pop().ok_or_else(|| self.stopped())
    }

    /// Answers all that was accepted, saves state and keys, and closes the log.
    pub fn close(mut self) -> Result<(), LedgerError> {
        self.join();
        match self.why.get() {
            Some(why) => Err(LedgerError::Stopped { why: why.clone() }),
            None => Ok(self.log.save_keys()?),
        }
    }

    fn join(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..).rev() {
            if thread.join().is_err() {
                // The first reason stands; a panic is a bug, told as what it is.
                let _ = self.why.set("a writer thread panicked: a bug".into());
            }
        }
    }

    /// The error for a ledger whose writer is gone.
    pub fn stopped(&self) -> LedgerError {
        let why = self.why.get().cloned().unwrap_or_else(|| "it was closed".into());
        LedgerError::Stopped { why }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.join();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, LedgerError> {
    let builder = std::thread::Builder::new().name(name.into());
    builder.spawn(work).map_err(|error| LedgerError::Io { what: format!("thread {name}"), error })
}

/// Decodes an entry's canonical bytes, whatever it may be a piece of: see [`read`].
pub(crate) fn decode(seq: u64, canonical: &[u8]) -> Result<Entry, LedgerError> {
    Entry::decode(canonical).map_err(|why| LedgerError::Unreadable { seq, why })
}
