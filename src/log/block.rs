//! Blocks: up to 64 entries packed into one value, chained and checksummed.
//!
//! Little-endian. A block that was written once is read for ever.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `SPB1`: format of the block |
//! | 2 | number of entries, at least 1 |
//! | 8 | seq of the first entry |
//! | 32 | hash that the first entry is chained to: the head before this block |
//! | 2 each | where each record ends, counted from the end of this table |
//! | … | the records |
//! | 4 | crc32 of all before |
//!
//! A record is the entry's hash (32), the seq of the entry before it under its key (8, 0 for none),
//! its canonical bytes, and, if its front has an alias, the seq of the entry before it under the alias
//! (8). The last record's hash is the head after the block.

use std::sync::Arc;

use spireledger_schema::front::ENTRY_BYTES_MAX;
use spireledger_schema::{EntryHash, Front};

use super::Head;

const MAGIC: &[u8; 4] = b"SPB1";
const HEADER_LEN: usize = 4 + 2 + 8 + 32;
const CRC_LEN: usize = 4;
/// Hash and link before an entry's canonical bytes.
const RECORD_FRONT_LEN: usize = 32 + 8;
const ALIAS_LINK_LEN: usize = 8;
/// Most entries of one block.
pub(super) const ENTRIES_MAX: usize = 64;
/// A block with this many bytes takes no more entries.
const FULL_BYTES: usize = 13 * 1024;
/// Longest block: sled keeps values below 64 KiB inline, and the table of ends is 16 bits wide.
pub(super) const BLOCK_BYTES_MAX: usize = 63 * 1024;

const _: () = assert!(
    FULL_BYTES + ENTRY_BYTES_MAX + 1_024 < BLOCK_BYTES_MAX,
    "a block that is almost full still takes the longest entry"
);

/// Why bytes are no block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Too short, or not of this format.
    #[error("these bytes are no block of a format that this version knows")]
    NotABlock,
    /// The checksum does not fit.
    #[error("the checksum does not fit: bytes were changed")]
    Checksum,
    /// The table of ends or a record makes no sense.
    #[error("the record of entry {seq} is not readable")]
    Record {
        /// Which entry should have been there.
        seq: u64,
    },
}

/// An entry whose hash is not what its bytes and the hash before it give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} breaks the chain: its hash should be {expected}, but {found} is stored")]
pub struct ChainBreak {
    /// The entry.
    pub seq: u64,
    /// What its bytes give.
    pub expected: EntryHash,
    /// What is stored.
    pub found: EntryHash,
}

/// One stored entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored<'a> {
    /// Seq, key and alias.
    pub front: Front,
    /// Its hash in the chain.
    pub hash: EntryHash,
    /// The entry before it under its key, 0 for none.
    pub prev: u64,
    /// The entry before it under its alias, 0 for none.
    pub prev_alias: u64,
    /// Its canonical bytes.
    pub canonical: &'a [u8],
}

/// A whole block, checked for shape and checksum. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    bytes: Arc<[u8]>,
    first: u64,
    count: usize,
}

impl Block {
    /// Checks shape and checksum.
    pub fn parse(bytes: Arc<[u8]>) -> Result<Self, BlockError> {
        let (first, count) = header(&bytes).ok_or(BlockError::NotABlock)?;
        let (covered, crc) = bytes.split_last_chunk::<CRC_LEN>().ok_or(BlockError::NotABlock)?;
        if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
            return Err(BlockError::Checksum);
        }
        let block = Self { bytes, first, count };
        for at in 0..count {
            let seq = first + at as u64;
            if block.record(at).is_none_or(|stored| stored.front.seq != seq) {
                return Err(BlockError::Record { seq });
            }
        }
        // Nothing may stand behind the last record.
        if block.end(count - 1) != Some(block.records().len()) {
            return Err(BlockError::NotABlock);
        }
        Ok(block)
    }

    /// Seq of the first entry.
    pub const fn first_seq(&self) -> u64 {
        self.first
    }

    /// Seq of the last entry.
    pub const fn last_seq(&self) -> u64 {
        self.first + self.count as u64 - 1
    }

    /// The head that the block is chained to.
    pub fn before(&self) -> Head {
        let hash = self.bytes.get(14..HEADER_LEN).and_then(|hash| hash.first_chunk::<32>());
        let hash = hash.map_or(EntryHash::GENESIS, |hash| EntryHash::from_bytes(*hash));
        Head { seq: self.first - 1, hash }
    }

    /// The head after the block.
    pub fn after(&self) -> Head {
        let hash = self.record(self.count - 1).map_or(EntryHash::GENESIS, |stored| stored.hash);
        Head { seq: self.last_seq(), hash }
    }

    /// One of its entries.
    pub fn get(&self, seq: u64) -> Option<Stored<'_>> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        if at < self.count { self.record(at) } else { None }
    }

    /// Its entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = Stored<'_>> {
        (0..self.count).filter_map(|at| self.record(at))
    }

    /// The block's bytes.
    pub const fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// Computes every entry's hash anew, from the hash before the block, and lists what does not fit.
    /// Each entry is held against the stored hash before it, so one change is one break.
    pub fn chain_breaks(&self) -> Vec<ChainBreak> {
        let mut breaks = Vec::new();
        let mut before = self.before().hash;
        for stored in self.entries() {
            let expected = before.chain(stored.canonical);
            if expected != stored.hash {
                breaks.push(ChainBreak { seq: stored.front.seq, expected, found: stored.hash });
            }
            before = stored.hash;
        }
        breaks
    }

    /// The block without the entries behind `last`; itself, if it has none.
    ///
    /// # Panics
    /// If all of it lies behind `last`: a block has at least one entry.
    #[must_use]
    pub fn cut(&self, last: u64) -> Self {
        if last >= self.last_seq() {
            return self.clone();
        }
        let kept = last.checked_sub(self.first).and_then(|kept| usize::try_from(kept).ok());
        let kept = kept.map_or(0, |kept| kept + 1);
        assert!(kept > 0, "a block is cut within its entries");
        let ends: Vec<u16> =
            (0..kept).filter_map(|at| self.end(at)).filter_map(|end| end.try_into().ok()).collect();
        let records = self.end(kept - 1).and_then(|end| self.records().get(..end));
        pack(self.before(), &ends, records.unwrap_or_default())
    }

    fn end(&self, at: usize) -> Option<usize> {
        let place = HEADER_LEN + at * 2;
        let end = self.bytes.get(place..)?.first_chunk::<2>()?;
        Some(usize::from(u16::from_le_bytes(*end)))
    }

    fn records(&self) -> &[u8] {
        let start = HEADER_LEN + self.count * 2;
        self.bytes.get(start..self.bytes.len() - CRC_LEN).unwrap_or_default()
    }

    fn record(&self, at: usize) -> Option<Stored<'_>> {
        let start = if at == 0 { 0 } else { self.end(at - 1)? };
        let record = self.records().get(start..self.end(at)?)?;
        let (hash, rest) = record.split_first_chunk::<32>()?;
        let (prev, rest) = rest.split_first_chunk::<8>()?;
        let (front, _) = Front::read(rest)?;
        let (canonical, prev_alias) = if front.alias.is_some() {
            let (canonical, link) = rest.split_last_chunk::<ALIAS_LINK_LEN>()?;
            (canonical, u64::from_le_bytes(*link))
        } else {
            (rest, 0)
        };
        let hash = EntryHash::from_bytes(*hash);
        Some(Stored { front, hash, prev: u64::from_le_bytes(*prev), prev_alias, canonical })
    }
}

/// Where the next block may begin.
pub(super) fn find_magic(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        from += bytes.get(from..)?.iter().position(|byte| *byte == MAGIC[0])?;
        if bytes.get(from..)?.starts_with(MAGIC) {
            return Some(from);
        }
        from += 1;
    }
}

/// Whether bytes that begin like a block begin like one that holds `seq`.
pub(super) fn may_hold(bytes: &[u8], seq: u64) -> bool {
    let (count, first) = (bytes.get(4..6), bytes.get(6..14));
    let count = count.and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_le_bytes);
    let first = first.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    seq.checked_sub(first).is_some_and(|at| at < u64::from(count))
}

/// How long the block is that bytes begin with, by what its front says. `None` if that makes no sense.
pub(super) fn len_of(bytes: &[u8]) -> Option<usize> {
    let count = usize::from(u16::from_le_bytes(*bytes.get(4..)?.first_chunk::<2>()?));
    let last = HEADER_LEN + count.checked_sub(1)? * 2;
    let end = u16::from_le_bytes(*bytes.get(last..)?.first_chunk::<2>()?);
    let len = HEADER_LEN + count * 2 + usize::from(end) + CRC_LEN;
    (bytes.starts_with(MAGIC) && len <= BLOCK_BYTES_MAX).then_some(len)
}

fn header(bytes: &[u8]) -> Option<(u64, usize)> {
    if bytes.len() > BLOCK_BYTES_MAX {
        return None;
    }
    let (magic, rest) = bytes.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<2>()?;
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let count = usize::from(u16::from_le_bytes(*count));
    let first = u64::from_le_bytes(*first);
    let long_enough = rest.len() >= 32 + count * (2 + RECORD_FRONT_LEN) + CRC_LEN;
    let counted = count > 0 && first > 0 && first.checked_add(count as u64).is_some();
    (magic == MAGIC && long_enough && counted).then_some((first, count))
}

/// The block of some records, chained to `before`.
fn pack(before: Head, ends: &[u16], records: &[u8]) -> Block {
    let mut bytes = Vec::with_capacity(HEADER_LEN + ends.len() * 2 + records.len() + CRC_LEN);
    bytes.extend_from_slice(MAGIC);
    let count = u16::try_from(ends.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&count.to_le_bytes());
    let first = before.seq + 1;
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(before.hash.as_bytes());
    for end in ends {
        bytes.extend_from_slice(&end.to_le_bytes());
    }
    bytes.extend_from_slice(records);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    Block { bytes: bytes.into(), first, count: ends.len() }
}

/// Chains entries and packs them into blocks. Nothing it holds is on the disk yet.
#[derive(Debug)]
pub struct Sealer {
    head: Head,
    /// The head before the open block.
    before: Head,
    /// Records of the open block, and where each ends.
    records: Vec<u8>,
    ends: Vec<u16>,
    sealed: Vec<Block>,
}

impl Sealer {
    /// Begins after `head`.
    pub fn new(head: Head) -> Self {
        Self { head, before: head, records: Vec::new(), ends: Vec::new(), sealed: Vec::new() }
    }

    /// The head after all that was pushed.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Chains the next entry and packs it. Its canonical bytes begin with `front`.
    ///
    /// # Panics
    /// If the entry is not the next one or longer than an entry may be: a bug of the caller.
    pub fn push(
        &mut self,
        front: &Front,
        canonical: &[u8],
        prev: u64,
        prev_alias: u64,
    ) -> EntryHash {
        assert_eq!(front.seq, self.head.seq + 1, "entries are pushed in order");
        assert!(canonical.len() <= ENTRY_BYTES_MAX, "no entry is longer than that");
        let hash = self.head.hash.chain(canonical);
        self.records.extend_from_slice(hash.as_bytes());
        self.records.extend_from_slice(&prev.to_le_bytes());
        self.records.extend_from_slice(canonical);
        if front.alias.is_some() {
            self.records.extend_from_slice(&prev_alias.to_le_bytes());
        }
        let end = u16::try_from(self.records.len());
        self.ends.push(end.unwrap_or_else(|_| unreachable!("a block is below 64 KiB")));
        self.head = Head { seq: front.seq, hash };
        if self.ends.len() == ENTRIES_MAX || self.records.len() >= FULL_BYTES {
            self.close();
        }
        hash
    }

    /// Closes the open block and hands out all blocks since the last call.
    pub fn seal(&mut self) -> Vec<Block> {
        self.close();
        std::mem::take(&mut self.sealed)
    }

    fn close(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        self.sealed.push(pack(self.before, &self.ends, &self.records));
        self.records.clear();
        self.ends.clear();
        self.before = self.head;
    }
}
