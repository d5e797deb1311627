//! A log as it was: the same entries up to some head, and nothing behind.

use spireledger_schema::EntryKey;

use super::{Block, Blocks, Head, LogError, ReadLog, last_up_to};

/// A log up to an entry. Whatever reads a log reads its past the same way.
pub struct Past<'a> {
    log: &'a dyn ReadLog,
    head: Head,
}

impl<'a> Past<'a> {
    /// `log` as it was when `seq` was its last entry; as it is, if it has not come so far.
    pub fn new(log: &'a dyn ReadLog, seq: u64) -> Result<Self, LogError> {
        let head = match log.block_at(seq.min(log.head().seq))? {
            Some(block) => block.cut(seq).after(),
            None => Head::EMPTY,
        };
        Ok(Self { log, head })
    }
}

impl ReadLog for Past<'_> {
    fn head(&self) -> Head {
        self.head
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        if seq > self.head.seq {
            return Ok(None);
        }
        Ok(self.log.block_at(seq)?.map(|block| block.cut(self.head.seq)))
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        last_up_to(self.log, key, self.head.seq)
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        if seq > self.head.seq {
            return Box::new(std::iter::empty());
        }
        let last = self.head.seq;
        let begun = self.log.blocks_from(seq).take_while(move |block| {
            // What cannot be read has its place, too: it is for the reader to judge.
            block.as_ref().map_or(true, |block| block.first_seq() <= last)
        });
        Box::new(begun.map(move |block| Ok(block?.cut(last))))
    }
}
