//! The key index: from an entry's key to the newest entry under it, in memory.
//!
//! A slot is 8 bytes: a 24-bit window of the key's hash and a 40-bit seq. A window can be shared by two
//! keys, so what is found is a candidate that the caller confirms by reading the entry: the index is
//! exact. 1,024 shards grow one by one, between 44 and 88 per cent full: 9 to 18 bytes a key, and never
//! a pause for all of them. Hashes are keyed: nobody can choose payment hashes that meet in one place.

use std::hash::Hasher as _;

use parking_lot::RwLock;
use siphasher::sip::SipHasher13;
use spireledger_schema::EntryKey;

use super::{Block, LogError};

/// Bits of the hash that choose the shard.
const SHARD_BITS: u32 = 10;
/// Bits of the hash that are kept in a slot; a shard has at most 2^24 slots.
const WINDOW_BITS: u32 = 24;
const SEQ_BITS: u32 = 40;
const SEQ_MASK: u64 = (1 << SEQ_BITS) - 1;
/// A new shard has 16 slots.
const FIRST_BITS: u32 = 4;

/// The key of the hashes: drawn once for a ledger.
pub type Seed = [u8; 16];

/// The hash of a key under the index's seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(pub(super) u64);

impl KeyHash {
    /// The hash, all bits of it equally good.
    pub const fn get(self) -> u64 {
        self.0
    }

    fn shard(self) -> usize {
        // Ten bits: fits any usize.
        usize::try_from(self.0 >> (64 - SHARD_BITS)).unwrap_or(0)
    }

    const fn window(self) -> u64 {
        (self.0 >> (64 - SHARD_BITS - WINDOW_BITS)) & ((1 << WINDOW_BITS) - 1)
    }
}

/// From keys to seqs. Shared between the writer, which puts, and readers.
#[derive(Debug)]
pub struct KeyIndex {
    seed: Seed,
    shards: Vec<RwLock<Shard>>,
}

impl KeyIndex {
    /// An empty index.
    pub fn new(seed: Seed) -> Self {
        let shards = (0..1 << SHARD_BITS).map(|_| RwLock::new(Shard::new())).collect();
        Self { seed, shards }
    }

    /// The seed of its hashes.
    pub const fn seed(&self) -> Seed {
        self.seed
    }

    /// The hash of a key: nobody who does not know the seed can make many keys share one.
    pub fn hash(&self, key: &EntryKey) -> KeyHash {
        let mut hasher = SipHasher13::new_with_key(&self.seed);
        hasher.write(key.as_bytes());
        KeyHash(hasher.finish())
    }

    /// Seqs that may be the newest under this key: almost always none or one.
    pub fn candidates(&self, key: &EntryKey) -> Vec<u64> {
        self.candidates_of(self.hash(key))
    }

    /// The same by the key's hash.
    pub fn candidates_of(&self, hash: KeyHash) -> Vec<u64> {
        self.shards.get(hash.shard()).map_or_else(Vec::new, |s| s.read().candidates(hash.window()))
    }

    /// Makes `seq` the newest under a key whose newest was `prev` (0 for none).
    pub fn put(&self, key: &EntryKey, prev: u64, seq: u64) {
        self.put_hash(self.hash(key), prev, seq);
    }

    pub(super) fn put_hash(&self, hash: KeyHash, prev: u64, seq: u64) {
        assert!(seq > 0 && seq <= SEQ_MASK, "a seq has at most 40 bits");
        if let Some(shard) = self.shards.get(hash.shard()) {
            shard.write().put(hash.window(), prev, seq);
        }
    }

    /// Takes in the keys of a block that is the next one.
    pub(super) fn put_all(&self, block: &Block) {
        for stored in block.entries() {
            self.put(&stored.front.key, stored.prev, stored.front.seq);
            if let Some(alias) = &stored.front.alias {
                self.put(alias, stored.prev_alias, stored.front.seq);
            }
        }
    }

    /// The newest entry under a key: the candidate whose entry, read from its block, bears the key.
    pub(super) fn confirm(
        &self,
        key: &EntryKey,
        block_at: impl Fn(u64) -> Result<Option<Block>, LogError>,
    ) -> Result<Option<u64>, LogError> {
        for seq in self.candidates(key) {
            let missing = || LogError::Damaged {
                seq,
                why: "the key index names it, but it is not there".into(),
            };
            let block = block_at(seq)?.ok_or_else(missing)?;
            let front = block.get(seq).ok_or_else(missing)?.front;
            if front.key == *key || front.alias == Some(*key) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().used).sum()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of its slots.
    pub fn memory_bytes(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().slots.len() * 8).sum()
    }

    /// Whether two indexes of one seed hold the same, key by key. The slots' order does not matter.
    pub fn is_same(&self, other: &Self) -> bool {
        self.seed == other.seed
            && self.shards.iter().zip(&other.shards).all(|(a, b)| {
                let (mut a, mut b) = (a.read().filled(), b.read().filled());
                a.sort_unstable();
                b.sort_unstable();
                a == b
            })
    }
}

/// A table with open addressing and linear probing. Zero is an empty slot: no seq is 0.
#[derive(Debug)]
struct Shard {
    slots: Box<[u64]>,
    bits: u32,
    used: usize,
}

impl Shard {
    fn new() -> Self {
        Self { slots: vec![0; 1 << FIRST_BITS].into(), bits: FIRST_BITS, used: 0 }
    }

    /// Where a window's probing begins: its top bits.
    fn home(&self, window: u64) -> usize {
        // At most 24 bits: fits any usize.
        usize::try_from(window >> (WINDOW_BITS - self.bits)).unwrap_or(0)
    }

    /// The places from a window's home on, round the table; ends at the first empty one.
    fn probe(&self, window: u64) -> impl Iterator<Item = (usize, u64)> {
        let mask = self.slots.len() - 1;
        let home = self.home(window);
        let places = (0..self.slots.len()).map(move |step| (home + step) & mask);
        places.filter_map(|at| self.slots.get(at).map(|slot| (at, *slot)))
    }

    fn candidates(&self, window: u64) -> Vec<u64> {
        self.probe(window)
            .take_while(|(_, slot)| *slot != 0)
            .filter(|(_, slot)| slot >> SEQ_BITS == window)
            .map(|(_, slot)| slot & SEQ_MASK)
            .collect()
    }

    fn put(&mut self, window: u64, prev: u64, seq: u64) {
        if (self.used + 1) * 8 > self.slots.len() * 7 && self.bits < WINDOW_BITS {
            self.grow();
        }
        let old = window << SEQ_BITS | prev;
        let place = self.probe(window).find(|(_, slot)| *slot == 0 || (prev != 0 && *slot == old));
        let Some((at, was)) = place else {
            unreachable!("a shard holds 2^24 keys: 16 billion in all")
        };
        if was == 0 {
            self.used += 1;
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = window << SEQ_BITS | seq;
        }
    }

    fn grow(&mut self) {
        let filled = self.filled();
        self.bits += 1;
        self.slots = vec![0; 1 << self.bits].into();
        let mask = self.slots.len() - 1;
        for slot in filled {
            let mut at = self.home(slot >> SEQ_BITS);
            while self.slots.get(at).is_some_and(|taken| *taken != 0) {
                at = (at + 1) & mask;
            }
            if let Some(place) = self.slots.get_mut(at) {
                *place = slot;
            }
        }
    }

    fn filled(&self) -> Vec<u64> {
        self.slots.iter().copied().filter(|slot| *slot != 0).collect()
    }
}
