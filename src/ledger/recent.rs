//! The newest entries, decoded and at hand: those on their way to the disk, which cannot be read
//! from it yet, and some that were just written, because a settlement's steps follow each other.

use std::collections::{HashMap, VecDeque};

use spireledger_schema::{Entry, EntryHash, EntryKey};

/// Entries that are kept after they are durable: about 10 MB.
const KEPT_MAX: usize = 16_384;

/// An entry with what the log keeps beside it.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub entry: Entry,
    pub hash: EntryHash,
    /// The entry before it in its stream, 0 for none.
    pub prev: u64,
    /// The entry before it under its alias, 0 for none.
    pub prev_alias: u64,
}

/// A window of the newest entries, without a gap, up to the last decided one.
#[derive(Debug, Default)]
pub(super) struct Recent {
    held: VecDeque<Held>,
    /// The newest held entry under each key and alias. Only looked up, never iterated.
    newest: HashMap<EntryKey, u64>,
}

impl Recent {
    /// The newest held entry of a stream.
    pub(super) fn newest(&self, key: &EntryKey) -> Option<u64> {
        self.newest.get(key).copied()
    }

    /// A held entry.
    pub(super) fn get(&self, seq: u64) -> Option<&Held> {
        let first = self.held.front()?.entry.front.seq;
        self.held.get(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// Takes the next entry in.
    pub(super) fn push(&mut self, held: Held) {
        let front = held.entry.front;
        self.newest.insert(front.key, front.seq);
        if let Some(alias) = front.alias {
            self.newest.insert(alias, front.seq);
        }
        self.held.push_back(held);
    }

    /// Lets go of the oldest durable entries beyond [`KEPT_MAX`].
    pub(super) fn trim(&mut self, durable: u64) {
        while self.held.len() > KEPT_MAX {
            match self.held.front() {
                Some(oldest) if oldest.entry.front.seq <= durable => {}
                _ => break,
            }
            if let Some(gone) = self.held.pop_front() {
                let front = gone.entry.front;
                for key in [Some(front.key), front.alias].into_iter().flatten() {
                    if self.newest.get(&key) == Some(&front.seq) {
                        self.newest.remove(&key);
                    }
                }
            }
        }
    }
}
