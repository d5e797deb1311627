//! The tree over a log, kept up as it grows: the upper nodes in the tree file, the newest leaves in memory,
//! and what is between from the log.

use std::path::Path;

use super::NotaryError;
use super::tree_file::{CHUNK, CHUNK_LEVEL, TreeFile, position_of, records_of};
use crate::log::{Block, LogError, ReadLog};
use crate::proofs::{self, Frontier, Node, Nodes, TreeHash};

/// Nodes that may wait while a long log is read.
const WAITING_MAX: usize = 16 * 1024;

/// The tree over the first entries of a log. Memory: two chunks, and one hash for each bit of its size.
#[derive(Debug)]
pub struct Tree {
    file: TreeFile,
    /// Over the full chunks.
    frontier: Frontier,
    /// The entries behind them.
    tail: Chunk,
    /// The full chunk that was read last: proofs often come in the order of entries.
    read: Option<Chunk>,
}

/// Up to 256 leaves, and all nodes above them that are complete.
#[derive(Debug)]
struct Chunk {
    index: u64,
    levels: Vec<Vec<TreeHash>>,
}

impl Chunk {
    fn new(index: u64) -> Self {
        Self { index, levels: vec![Vec::new(); CHUNK_LEVEL as usize + 1] }
    }

    fn len(&self) -> u64 {
        self.levels.first().map_or(0, Vec::len) as u64
    }

    fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        for level in &mut self.levels {
            level.push(hash);
            match level.as_slice() {
                [.., left, right] if level.len().is_multiple_of(2) => {
                    hash = TreeHash::above(left, right);
                }
                _ => break,
            }
        }
    }

    fn get(&self, level: u32, at: u64) -> Option<TreeHash> {
        let level = self.levels.get(level as usize)?;
        level.get(usize::try_from(at).ok()?).copied()
    }

    /// The node over all of it, if it is full.
    fn top(&self) -> Option<TreeHash> {
        self.get(CHUNK_LEVEL, 0)
    }
}

impl Tree {
    /// The tree of a log, for its one writer: the file is brought up to the log's head.
    pub fn open(dir: &Path, log: &dyn ReadLog) -> Result<Self, NotaryError> {
        let tree = Self::load(TreeFile::write(dir)?, log)?;
        tree.file.trim();
        Ok(tree)
    }

    /// The tree of a log, for a reader: the file is only read, and what it lacks is kept in memory, a quarter
    /// of a byte for each entry.
    pub fn read(dir: &Path, log: &dyn ReadLog) -> Result<Self, NotaryError> {
        Self::load(TreeFile::read(dir)?, log)
    }

    fn load(mut file: TreeFile, log: &dyn ReadLog) -> Result<Self, NotaryError> {
        let frontier = of_file(&file, log)?.unwrap_or_default();
        file.cut(records_of(frontier.size()));
        let tail = Chunk::new(frontier.size());
        let mut tree = Self { file, frontier, tail, read: None };
        tree.catch_up(log)?;
        Ok(tree)
    }

    /// Makes all of it from the log again.
    pub fn rebuild(&mut self, log: &dyn ReadLog) -> Result<(), NotaryError> {
        self.file.cut(0);
        self.frontier = Frontier::default();
        self.tail = Chunk::new(0);
        self.read = None;
        self.catch_up(log)
    }

    /// How many entries it is over.
    pub fn size(&self) -> u64 {
        self.frontier.size() * CHUNK + self.tail.len()
    }

    /// Takes in blocks that the log has made durable.
    pub fn take(&mut self, blocks: &[Block]) {
        for block in blocks {
            self.take_block(block);
        }
        self.file.flush();
    }

    /// Entries that are in the tree already are passed over; behind a gap there is nothing to do but to
    /// [`Self::catch_up`].
    fn take_block(&mut self, block: &Block) {
        for stored in block.entries() {
            if stored.front.seq == self.size() + 1 {
                self.push(TreeHash::leaf(&stored.hash));
            }
        }
    }

    /// Takes in what the log has beyond the tree.
    pub fn catch_up(&mut self, log: &dyn ReadLog) -> Result<(), NotaryError> {
        let head = log.head().seq;
        if self.size() < head {
            for block in log.blocks_from(self.size() + 1) {
                self.take_block(&block?);
                if self.file.waiting() >= WAITING_MAX {
                    self.file.flush();
                }
            }
            self.file.flush();
        }
        if self.size() < head {
            let why = "it is missing".to_owned();
            return Err(LogError::Damaged { seq: self.size() + 1, why }.into());
        }
        Ok(())
    }

    fn push(&mut self, leaf: TreeHash) {
        self.tail.push(leaf);
        if let Some(top) = self.tail.top() {
            self.frontier.push(top, |_, hash| self.file.push(hash));
            self.tail = Chunk::new(self.frontier.size());
        }
    }

    /// The root over the first `size` entries, which the tree must have taken in.
    pub fn root(&mut self, log: &dyn ReadLog, size: u64) -> Result<TreeHash, NotaryError> {
        proofs::root(&mut Reading { tree: self, log }, size)
    }

    /// The path of an entry to the root over the first `size` entries, of which it is one.
    pub fn inclusion(
        &mut self,
        log: &dyn ReadLog,
        seq: u64,
        size: u64,
    ) -> Result<Vec<TreeHash>, NotaryError> {
        if seq == 0 || seq > size || size > self.size() {
            return Err(NotaryError::NoEntry(seq));
        }
        proofs::inclusion(&mut Reading { tree: self, log }, seq - 1, size)
    }

    /// The proof that the tree over `new` entries begins with the one over `old`.
    pub fn consistency(
        &mut self,
        log: &dyn ReadLog,
        old: u64,
        new: u64,
    ) -> Result<Vec<TreeHash>, NotaryError> {
        if old > new || new > self.size() {
            return Err(NotaryError::NoEntry(old.max(new)));
        }
        proofs::consistency(&mut Reading { tree: self, log }, old, new)
    }
}

/// The frontier that a file gives, if it is of this log.
fn of_file(file: &TreeFile, log: &dyn ReadLog) -> Result<Option<Frontier>, NotaryError> {
    let mut chunks = file.len() / 2;
    while records_of(chunks + 1) <= file.len() {
        chunks += 1;
    }
    let Some(last) = chunks.checked_sub(1) else { return Ok(None) };
    if chunks > log.head().seq / CHUNK {
        return Ok(None);
    }
    // An entry's hash covers all before it: the last chunk tells of any other history.
    let found = position_of(Node { level: CHUNK_LEVEL, index: last }).map(|at| file.get(at));
    if !matches!((found, chunk(log, last)?.top()), (Some(Ok(found)), Some(top)) if found == top) {
        return Ok(None);
    }
    let peaks = proofs::peaks(chunks).map(|peak| {
        let node = Node { level: peak.level + CHUNK_LEVEL, index: peak.index };
        position_of(node).and_then(|at| file.get(at).ok())
    });
    let peaks: Option<Vec<TreeHash>> = peaks.collect();
    Ok(peaks.and_then(|peaks| Frontier::new(chunks, peaks)))
}

/// A full chunk, from the entries of the log.
fn chunk(log: &dyn ReadLog, index: u64) -> Result<Chunk, NotaryError> {
    let mut chunk = Chunk::new(index);
    let first = index * CHUNK + 1;
    for block in log.blocks_from(first) {
        let block = block?;
        for stored in block.entries() {
            if stored.front.seq == first + chunk.len() && chunk.len() < CHUNK {
                chunk.push(TreeHash::leaf(&stored.hash));
            }
        }
        if chunk.len() == CHUNK {
            return Ok(chunk);
        }
    }
    let why = "it is missing".to_owned();
    Err(LogError::Damaged { seq: first + chunk.len(), why }.into())
}

/// Finds nodes, with the log at hand.
struct Reading<'a> {
    tree: &'a mut Tree,
    log: &'a dyn ReadLog,
}

impl Nodes for Reading<'_> {
    type Error = NotaryError;

    fn node(&mut self, node: Node) -> Result<TreeHash, NotaryError> {
        if let Some(record) = position_of(node) {
            return self.tree.file.get(record);
        }
        let below = CHUNK_LEVEL - node.level;
        let index = node.index >> below;
        let at = node.index - (index << below);
        let last = self.tree.tail.index;
        if index != last && self.tree.read.as_ref().is_none_or(|held| held.index != index) {
            self.tree.read = Some(chunk(self.log, index)?);
        }
        let held = if index == last { Some(&self.tree.tail) } else { self.tree.read.as_ref() };
        let found = held.and_then(|chunk| chunk.get(node.level, at));
        found.ok_or(NotaryError::NoEntry((node.index + 1) << node.level))
    }
}
