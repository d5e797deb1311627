//! The witness: a small file that says how far the log was known to be durable.
//!
//! sled takes whatever it cannot read at the end of its file for a torn write and cuts it off, without
//! a word. The witness is written after every sync, before the answers: a log that ends before it has
//! lost acknowledged entries, and opening says so. Two slots in turn, 64 bytes each, so that a torn
//! write leaves the other. It is not synced itself: after a power cut it may lag, but never leads.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | seq, little-endian |
//! | 32 | the entry's hash |
//! | 4 | crc32 of the 40 before |
//! | 20 | zero |

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use spireledger_schema::EntryHash;

use super::{Head, crash};

const SLOT_LEN: usize = 64;

/// The open file.
#[derive(Debug)]
pub(super) struct Witness {
    file: File,
    /// Which slot comes next.
    turn: u64,
}

impl Witness {
    /// Opens or makes the file, and reads the furthest head that it knows of.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<Head>)> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let slots = [read_slot(&file, 0), read_slot(&file, 1)];
        let furthest = slots.iter().flatten().max_by_key(|head| head.seq).copied();
        // The next one goes over the older or broken slot.
        let turn = u64::from(furthest.is_some() && slots[0] == furthest);
        Ok((Self { file, turn }, furthest))
    }

    /// Reads the furthest head that the file knows of.
    pub(super) fn read(path: &Path) -> Option<Head> {
        let file = File::open(path).ok()?;
        [0, 1].into_iter().filter_map(|at| read_slot(&file, at)).max_by_key(|head| head.seq)
    }

    /// Notes that the log is durable up to `head`.
    pub(super) fn note(&mut self, head: Head) -> io::Result<()> {
        let mut slot = [0u8; SLOT_LEN];
        slot[..8].copy_from_slice(&head.seq.to_le_bytes());
        slot[8..40].copy_from_slice(head.hash.as_bytes());
        let crc = crc32fast::hash(&slot[..40]);
        slot[40..44].copy_from_slice(&crc.to_le_bytes());
        crash::half_done("log:witness-half-written", || {
            self.file.write_all_at(&slot[..21], self.turn * SLOT_LEN as u64)
        });
        self.file.write_all_at(&slot, self.turn * SLOT_LEN as u64)?;
        self.turn ^= 1;
        Ok(())
    }
}

fn read_slot(file: &File, at: u64) -> Option<Head> {
    let mut slot = [0u8; SLOT_LEN];
    file.read_exact_at(&mut slot, at * SLOT_LEN as u64).ok()?;
    let (seq, rest) = slot.split_first_chunk::<8>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    let crc = rest.first_chunk::<4>()?;
    (crc32fast::hash(slot.get(..40)?) == u32::from_le_bytes(*crc))
        .then(|| Head { seq: u64::from_le_bytes(*seq), hash: EntryHash::from_bytes(*hash) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: u64) -> Head {
        Head { seq, hash: EntryHash::GENESIS.chain(&seq.to_le_bytes()) }
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("witness");
        let (mut witness, none) = Witness::open(&path)?;
        assert_eq!(none, None);
        for seq in 1..=5 {
            witness.note(head(seq))?;
            assert_eq!(Witness::open(&path)?.1, Some(head(seq)));
        }
        let (mut witness, _) = Witness::open(&path)?;
        witness.note(head(6))?;
        let mut bytes = std::fs::read(&path)?;
        let newest = if Witness::open(&path)?.0.turn == 1 { 0 } else { SLOT_LEN };
        bytes[newest + 3] ^= 1;
        std::fs::write(&path, bytes)?;
        assert_eq!(Witness::open(&path)?.1, Some(head(5)));
        Ok(())
    }
}
