//! A log in memory: the same contract without a disk, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::Mutex;

use spireledger_schema::EntryKey;

use super::{Block, Blocks, Head, Log, LogError, ReadLog};

/// Blocks and keys in two maps.
#[derive(Debug)]
pub struct MemoryLog {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    head: Head,
    blocks: BTreeMap<u64, Block>,
    newest: BTreeMap<EntryKey, u64>,
}

impl MemoryLog {
    /// An empty log.
    pub const fn new() -> Self {
        let inner = Inner { head: Head::EMPTY, blocks: BTreeMap::new(), newest: BTreeMap::new() };
        Self { inner: Mutex::new(inner) }
    }

    fn read<T>(&self, read: impl FnOnce(&Inner) -> T) -> T {
        // A reader that panicked changed nothing.
        read(&self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadLog for MemoryLog {
    fn head(&self) -> Head {
        self.read(|inner| inner.head)
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        Ok(self.read(|inner| {
            let (_, block) = inner.blocks.range(..=seq).next_back()?;
            (seq <= block.last_seq()).then(|| block.clone())
        }))
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        Ok(self.read(|inner| inner.newest.get(key).copied()))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        let blocks: Vec<Block> = self.read(|inner| {
            let held = inner.blocks.values();
            held.filter(|block| block.last_seq() >= seq).cloned().collect()
        });
        Box::new(blocks.into_iter().map(Ok))
    }
}

impl Log for MemoryLog {
    fn append(&self, expected: Head, blocks: &[Block]) -> Result<(), LogError> {
        let mut inner = self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        super::check_chained(inner.head, expected, blocks)?;
        for block in blocks {
            for stored in block.entries() {
                inner.newest.insert(stored.front.key, stored.front.seq);
                if let Some(alias) = stored.front.alias {
                    inner.newest.insert(alias, stored.front.seq);
                }
            }
            inner.blocks.insert(block.first_seq(), block.clone());
            inner.head = block.after();
        }
        Ok(())
    }
}
