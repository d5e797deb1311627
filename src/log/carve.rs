//! Blocks, found in sled's file without sled: by their magic, length and checksum.
//!
//! When sled cannot open its file, or would cut off what it should keep, the entries are still there to
//! be read. Reading this way never writes, and cannot fail halfway: what is damaged is missing, and
//! everything else is found. Old copies of blocks are found, too; which ones belong to the history is
//! told by the chain.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use spireledger_schema::EntryKey;

use super::block::{self, BLOCK_BYTES_MAX, Block};
use super::witness::Witness;
use super::{Blocks, Directory, Head, KeyIndex, LogError, ReadLog, disk};

/// Bytes that are searched at a time.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;

/// A block and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub before: Head,
    pub after: Head,
    pub place: u64,
    pub len: usize,
}

/// Finds the whole blocks in a part of a file.
pub(super) fn find(
    file: &File,
    mut place: u64,
    end: u64,
    mut found: impl FnMut(Found, &Block),
) -> io::Result<()> {
    let mut window = Vec::new();
    while place < end {
        let len = (end - place).min((WINDOW_BYTES + BLOCK_BYTES_MAX) as u64);
        window.resize(usize::try_from(len).unwrap_or(WINDOW_BYTES), 0);
        file.read_exact_at(&mut window, place)?;
        let is_last = place + len == end;
        let mut at = 0;
        while let Some(next) = block::find_magic(&window, at) {
            if next >= WINDOW_BYTES && !is_last {
                break;
            }
            at = next + 1;
            let bytes = window.get(next..).unwrap_or_default();
            let Some(bytes) = block::len_of(bytes).and_then(|len| bytes.get(..len)) else {
                continue;
            };
            let Ok(block) = Block::parse(Arc::from(bytes)) else { continue };
            at = next + bytes.len();
            let (before, after) = (block.before(), block.after());
            found(Found { before, after, place: place + next as u64, len: bytes.len() }, &block);
        }
        if is_last {
            return Ok(());
        }
        // A block may begin in the rest of this window, and end in the next.
        place += at.max(WINDOW_BYTES) as u64;
    }
    Ok(())
}

/// The log of a ledger directory, read without sled.
pub struct CarvedLog {
    directory: Directory,
    file: File,
    /// The blocks of the history, in order.
    blocks: Vec<Found>,
    index: KeyIndex,
    head: Head,
}

impl CarvedLog {
    /// Reads all of sled's file.
    pub fn open(directory: Directory) -> Result<Self, LogError> {
        let disk = disk("read sled's file");
        let file = File::open(directory.path().join("sled").join("db")).map_err(&disk)?;
        let len = file.metadata().map_err(&disk)?.len();
        let mut all = Vec::new();
        find(&file, 0, len, |found, _| all.push(found)).map_err(&disk)?;
        let witnessed = Witness::read(&directory.path().join("witness"));
        let blocks = history(&all, witnessed);
        let head = blocks.last().map_or(Head::EMPTY, |last| last.after);
        let log = Self { directory, file, blocks, index: KeyIndex::new([0; 16]), head };
        for found in &log.blocks {
            log.index.put_all(&log.read(found)?);
        }
        Ok(log)
    }

    /// What the witness knows of and this log does not hold.
    pub fn lost_tail(&self) -> Option<LogError> {
        let witnessed = Witness::read(&self.directory.path().join("witness"))?;
        let held = self.block_at(witnessed.seq).ok().flatten();
        let stored = held.as_ref().and_then(|block| block.get(witnessed.seq));
        let is_lost = stored.is_none_or(|stored| stored.hash != witnessed.hash);
        (is_lost && witnessed != Head::EMPTY).then(|| super::lost_tail(self.head, witnessed))
    }

    fn read(&self, found: &Found) -> Result<Block, LogError> {
        let seq = found.before.seq + 1;
        let mut bytes = vec![0u8; found.len];
        self.file.read_exact_at(&mut bytes, found.place).map_err(disk("read a block"))?;
        let why = |why: super::BlockError| LogError::Damaged { seq, why: why.to_string() };
        Block::parse(Arc::from(bytes)).map_err(why)
    }
}

impl ReadLog for CarvedLog {
    fn head(&self) -> Head {
        self.head
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        let at = self.blocks.partition_point(|found| found.after.seq < seq);
        let held = self.blocks.get(at).filter(|found| found.before.seq < seq);
        held.map(|found| self.read(found)).transpose()
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.index.confirm(key, |seq| self.block_at(seq))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        let at = self.blocks.partition_point(|found| found.after.seq < seq);
        let rest = self.blocks.get(at..).unwrap_or_default().iter();
        Box::new(rest.map(|found| self.read(found)))
    }
}

/// The blocks that make up the history: from the end back along the chain. Where a block is missing, the
/// one that ends nearest before the gap is next.
fn history(all: &[Found], witnessed: Option<Head>) -> Vec<Found> {
    let by_end: BTreeMap<(u64, [u8; 32]), &Found> =
        all.iter().map(|found| (place_in_chain(found.after), found)).collect();
    let mut blocks = Vec::new();
    let mut next = last(all, witnessed);
    while let Some(found) = next {
        blocks.push(*found);
        next = match by_end.get(&place_in_chain(found.before)) {
            _ if found.before.seq == 0 => None,
            Some(before) => Some(before),
            None => {
                let nearest = by_end.range(..(found.before.seq + 1, [0; 32])).next_back();
                nearest.map(|(_, found)| *found)
            }
        };
    }
    blocks.reverse();
    blocks
}

/// The block that ends the history: the furthest that is chained to the witnessed one.
fn last(all: &[Found], witnessed: Option<Head>) -> Option<&Found> {
    let by_start: BTreeMap<(u64, [u8; 32]), &Found> =
        all.iter().map(|found| (place_in_chain(found.before), found)).collect();
    let witnessed = witnessed.and_then(|w| all.iter().find(|found| found.after == w));
    let Some(mut last) = witnessed else {
        return all.iter().max_by_key(|found| found.after.seq);
    };
    while let Some(next) = by_start.get(&place_in_chain(last.after)) {
        last = next;
    }
    Some(last)
}

fn place_in_chain(head: Head) -> (u64, [u8; 32]) {
    (head.seq, *head.hash.as_bytes())
}
