//! A log with its newest blocks at hand: most entries follow another of their key within a few thousand.

use std::collections::VecDeque;

use spireledger_schema::EntryKey;

use crate::log::{Block, Blocks, Head, KeyIndex, LogError, ReadLog};

/// Blocks that are at hand: about 7 MB.
const BLOCKS: usize = 512;

/// A log that is read from front to back, and looked back into.
pub(super) struct Near<'l> {
    log: &'l dyn ReadLog,
    blocks: VecDeque<Block>,
}

impl<'l> Near<'l> {
    pub(super) const fn new(log: &'l dyn ReadLog) -> Self {
        Self { log, blocks: VecDeque::new() }
    }

    /// All blocks of the log, from the first.
    pub(super) fn all(&self) -> Blocks<'l> {
        self.log.blocks_from(1)
    }

    /// Takes the next block.
    pub(super) fn push(&mut self, block: &Block) {
        if self.blocks.len() == BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back(block.clone());
    }

    fn held(&self, seq: u64) -> Option<&Block> {
        let at = self.blocks.partition_point(|block| block.last_seq() < seq);
        self.blocks.get(at).filter(|block| block.first_seq() <= seq)
    }

    /// Whether an entry bears a key, as its main one or its alias.
    pub(super) fn bears(&self, seq: u64, key: &EntryKey) -> bool {
        let block = self.block_at(seq).ok().flatten();
        let front = block.and_then(|block| block.get(seq).map(|stored| stored.front));
        front.is_some_and(|front| front.key == *key || front.alias == Some(*key))
    }
}

impl ReadLog for Near<'_> {
    fn head(&self) -> Head {
        self.log.head()
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        self.held(seq).map_or_else(|| self.log.block_at(seq), |block| Ok(Some(block.clone())))
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.log.last_of(key)
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        self.log.blocks_from(seq)
    }

    fn key_index(&self) -> Option<&KeyIndex> {
        self.log.key_index()
    }
}
