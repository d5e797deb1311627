//! The newest entries, at hand: those on their way to the disk, which cannot be read from it yet, and
//! some that were just written, because a settlement's steps follow each other.
//!
//! They are kept as their bytes, in chunks, each with a table of its keys: what is too old goes chunk by
//! chunk, and not key by key, which would cost more than deciding a claim.

use std::collections::VecDeque;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use spireledger_schema::{EntryHash, EntryKey, Front};

use crate::log::{KeyHash, Stored};

/// A chunk with this many entries takes no more.
const CHUNK_ENTRIES: usize = 16_384;
/// Nor does one with this many bytes.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Chunks that are kept although all of them is durable: at most about 20 MB.
const CHUNKS_KEPT: usize = 2;

/// A window of the newest entries, without a gap, up to the last decided one.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The last one takes the next entry; none is empty.
    chunks: VecDeque<Chunk>,
    /// The room of a chunk that was let go of.
    spare: Chunk,
}

#[derive(Debug, Default)]
struct Chunk {
    /// Seq of its first entry.
    first: u64,
    /// Canonical bytes, one after the other.
    bytes: Vec<u8>,
    places: Vec<Place>,
    /// The newest of its entries under each key and alias.
    newest: HashTable<Newest>,
}

/// Where an entry ends in the bytes, and what the log keeps beside it.
#[derive(Debug, Clone, Copy)]
struct Place {
    end: usize,
    hash: EntryHash,
    prev: u64,
    prev_alias: u64,
}

/// The key itself stands in the entry: a small table is a fast one.
#[derive(Debug, Clone, Copy)]
struct Newest {
    hash: KeyHash,
    seq: u64,
}

impl Recent {
    /// The newest held entry under a key or alias, whose hash is `hash`.
    pub(super) fn newest(&self, key: &EntryKey, hash: KeyHash) -> Option<u64> {
        self.chunks.iter().rev().find_map(|chunk| chunk.newest(key, hash))
    }

    /// A held entry.
    pub(super) fn get(&self, seq: u64) -> Option<Stored<'_>> {
        self.chunks.iter().rev().find(|chunk| chunk.first <= seq)?.get(seq)
    }

    /// Takes the next entry in. `hash_of` gives the hash of its keys.
    pub(super) fn push(&mut self, entry: &Stored<'_>, hash_of: impl Fn(&EntryKey) -> KeyHash) {
        if self.chunks.back().is_none_or(Chunk::is_full) {
            let mut chunk = std::mem::take(&mut self.spare);
            chunk.first = entry.front.seq;
            self.chunks.push_back(chunk);
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(entry, hash_of);
        }
    }

    /// Lets go of the oldest chunks that are durable to the last entry.
    pub(super) fn trim(&mut self, durable: u64) {
        while self.chunks.len() > CHUNKS_KEPT {
            match self.chunks.pop_front_if(|oldest| oldest.last() <= durable) {
                Some(gone) => self.spare = gone.emptied(),
                None => break,
            }
        }
    }
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.places.len() >= CHUNK_ENTRIES || self.bytes.len() >= CHUNK_BYTES
    }

    const fn last(&self) -> u64 {
        self.first + self.places.len() as u64 - 1
    }

    fn newest(&self, key: &EntryKey, hash: KeyHash) -> Option<u64> {
        let found = self.newest.find(hash.get(), |newest| self.bears(newest, hash, key));
        found.map(|newest| newest.seq)
    }

    fn bears(&self, newest: &Newest, hash: KeyHash, key: &EntryKey) -> bool {
        newest.hash == hash
            && self
                .get(newest.seq)
                .is_some_and(|Stored { front, .. }| front.key == *key || front.alias == Some(*key))
    }

    fn get(&self, seq: u64) -> Option<Stored<'_>> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        let Place { end, hash, prev, prev_alias } = *self.places.get(at)?;
        let start = if at == 0 { 0 } else { self.places.get(at - 1)?.end };
        let canonical = self.bytes.get(start..end)?;
        let (front, _) = Front::read(canonical)?;
        Some(Stored { front, hash, prev, prev_alias, canonical })
    }

    fn push(&mut self, entry: &Stored<'_>, hash_of: impl Fn(&EntryKey) -> KeyHash) {
        self.bytes.extend_from_slice(entry.canonical);
        let Stored { front, hash, prev, prev_alias, .. } = *entry;
        self.places.push(Place { end: self.bytes.len(), hash, prev, prev_alias });
        for key in [Some(front.key), front.alias].into_iter().flatten() {
            let newest = Newest { hash: hash_of(&key), seq: front.seq };
            // The table is lent out while it is changed; its keys are read from the entries.
            let mut table = std::mem::take(&mut self.newest);
            let is_same = |other: &Newest| self.bears(other, newest.hash, &key);
            match table.entry(newest.hash.get(), is_same, |other| other.hash.get()) {
                Slot::Occupied(mut slot) => *slot.get_mut() = newest,
                Slot::Vacant(slot) => drop(slot.insert(newest)),
            }
            self.newest = table;
        }
    }

    fn emptied(mut self) -> Self {
        self.bytes.clear();
        self.places.clear();
        self.newest.clear();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::KeyIndex;

    fn push(recent: &mut Recent, index: &KeyIndex, seq: u64, key: EntryKey, len: usize) {
        let front = Front { seq, key, alias: None };
        let mut bytes = Vec::new();
        front.write(&mut bytes);
        bytes.resize(bytes.len() + len, 7);
        let hash = EntryHash::GENESIS.chain(&bytes);
        let entry = Stored { front, hash, prev: seq / 2, prev_alias: 0, canonical: &bytes };
        recent.push(&entry, |key| index.hash(key));
        assert_eq!(recent.get(seq), Some(entry));
    }

    fn key(n: u64) -> EntryKey {
        EntryKey::derive("test", &[&n.to_le_bytes()])
    }

    #[test]
    fn what_is_not_durable_is_never_let_go_of() {
        let (mut recent, index) = (Recent::default(), KeyIndex::new([7; 16]));
        let count = CHUNK_ENTRIES as u64 * 5;
        for seq in 1..=count {
            push(&mut recent, &index, seq, key(seq), 1);
            recent.trim(count / 2);
        }
        let newest = |seq: u64| recent.newest(&key(seq), index.hash(&key(seq)));
        for seq in count / 2 + 1..=count {
            assert_eq!(newest(seq), Some(seq));
            assert_eq!(recent.get(seq).map(|held| held.front.key), Some(key(seq)));
        }
        assert_eq!((newest(1), recent.get(1)), (None, None), "the oldest chunk is gone");
        assert_eq!(newest(count + 1), None);
        assert_eq!(recent.get(count + 1), None);
    }

    #[test]
    fn a_key_leads_to_its_newest_entry_in_whichever_chunk() {
        let (mut recent, index) = (Recent::default(), KeyIndex::new([7; 16]));
        let long = CHUNK_BYTES / 4;
        for seq in 1..=20 {
            push(&mut recent, &index, seq, key(seq % 3), long);
            let newest = |n| recent.newest(&key(n), index.hash(&key(n)));
            assert_eq!(newest(seq % 3), Some(seq));
            assert_eq!(newest((seq + 2) % 3), Some(seq - 1).filter(|before| *before > 0));
        }
        recent.trim(20);
        assert_eq!(recent.chunks.len(), CHUNKS_KEPT);
        assert_eq!(recent.newest(&key(2), index.hash(&key(2))), Some(20));
    }
}
