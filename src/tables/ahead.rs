//! Entries, decoded by another thread while those before them are folded.
//!
//! Where the way is short, entries are decoded as they come: a thread would cost more than it saves.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use spireledger_schema::Entry;

use crate::ledger::{LedgerError, decode};
use crate::log::{Block, Blocks};

/// Blocks that are decoded ahead: some hundred entries.
const AHEAD: usize = 8;
/// A way that is shorter is not worth a thread.
const LONG: u64 = 2_048;

/// A block with its entries.
type Decoded = Result<(Block, Vec<Entry>), LedgerError>;

/// What the other thread does: decode, and let go of what was folded.
enum Work {
    Decode(Block, u64),
    LetGo(Vec<Entry>),
}

/// Hands out blocks with their entries from `from` on, in order, until `sink` has enough. `way` is how
/// many entries there are about to come.
pub(super) fn each<E: From<LedgerError>>(
    blocks: Blocks<'_>,
    from: u64,
    way: u64,
    mut sink: impl FnMut(&Block, &[Entry]) -> Result<bool, E>,
) -> Result<(), E> {
    if way < LONG {
        for block in blocks {
            let block = block.map_err(LedgerError::from)?;
            let entries = decoded(&block, from)?;
            if !sink(&block, &entries)? {
                break;
            }
        }
        return Ok(());
    }
    std::thread::scope(|scope| {
        // Room for all that is under way and all that comes back: nobody ever waits to send.
        let (work, todo) = sync_channel::<Work>(2 * AHEAD + 2);
        let (done, ready) = sync_channel::<Decoded>(AHEAD + 1);
        scope.spawn(move || decode_all(&todo, &done));
        let mut queue = Queue { blocks, from, work, ready, errors: VecDeque::new(), under_way: 0 };
        while let Some(next) = queue.next() {
            let (block, entries) = next?;
            let goes_on = sink(&block, &entries)?;
            // If the thread is gone there is nothing to let go of.
            let _ = queue.work.send(Work::LetGo(entries));
            if !goes_on {
                break;
            }
        }
        Ok(())
    })
}

/// Entries of a block from `from` on.
fn decoded(block: &Block, from: u64) -> Result<Vec<Entry>, LedgerError> {
    let wanted = block.entries().filter(|stored| stored.front.seq >= from);
    wanted.map(|stored| decode(stored.front.seq, stored.canonical)).collect()
}

fn decode_all(todo: &Receiver<Work>, done: &SyncSender<Decoded>) {
    for work in todo {
        match work {
            Work::LetGo(entries) => drop(entries),
            Work::Decode(block, from) => {
                let entries = decoded(&block, from).map(|entries| (block, entries));
                if done.send(entries).is_err() {
                    return;
                }
            }
        }
    }
}

/// Blocks under way.
struct Queue<'a> {
    blocks: Blocks<'a>,
    from: u64,
    work: SyncSender<Work>,
    ready: Receiver<Decoded>,
    /// What could not be read comes in its turn, behind all that could.
    errors: VecDeque<LedgerError>,
    under_way: usize,
}

impl Queue<'_> {
    fn next(&mut self) -> Option<Decoded> {
        while self.under_way < AHEAD && self.errors.is_empty() {
            match self.blocks.next() {
                Some(Ok(block)) => {
                    self.work.send(Work::Decode(block, self.from)).ok()?;
                    self.under_way += 1;
                }
                Some(Err(error)) => self.errors.push_back(error.into()),
                None => break,
            }
        }
        if self.under_way == 0 {
            return self.errors.pop_front().map(Err);
        }
        self.under_way -= 1;
        self.ready.recv().ok()
    }
}
