//! The tree file: the nodes from the eighth level up, in the order in which they are complete.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPTREE1` and a zero |
//! | 36 each | a node's hash (32), crc32 (4, little-endian) of its number in the file (8) and the hash |
//!
//! A node of level eight covers 256 entries: what is below is computed from entries that the log gives, so
//! the file has a quarter of a byte for each entry. It is written behind the log, is not synced, and is never
//! trusted: its end is held against the log when it is opened, and each record against its checksum when it
//! is opened to write, and when it is read. Whatever is missing or wrong is made from the log again.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::NotaryError;
use crate::proofs::{Node, TreeHash};

/// The file's name.
pub const TREE_FILE: &str = "tree";
const MAGIC: &[u8; 8] = b"SPTREE1\0";
const RECORD_LEN: usize = 36;
/// Records that are read at once where all are: 144 KiB.
const SCAN_RECORDS: usize = 4_096;
/// What a disk writes at once.
const PAGE: u64 = 4_096;
/// The lowest level that is kept.
pub(super) const CHUNK_LEVEL: u32 = 8;
/// Entries below one node of that level.
pub(super) const CHUNK: u64 = 1 << CHUNK_LEVEL;

/// How many nodes there are over so many full chunks.
pub(super) const fn records_of(chunks: u64) -> u64 {
    2 * chunks - chunks.count_ones() as u64
}

/// The number of a node in the file. `None` if it is of a level that is not kept.
pub fn position_of(node: Node) -> Option<u64> {
    let above = node.level.checked_sub(CHUNK_LEVEL)?;
    let last_chunk = ((node.index + 1) << above) - 1;
    Some(records_of(last_chunk) + u64::from(above))
}

/// The nodes, in the file and, until they are written, in memory.
#[derive(Debug)]
pub struct TreeFile {
    path: PathBuf,
    file: Option<File>,
    /// Records in the file that count.
    kept: u64,
    /// Records behind those.
    pending: Vec<TreeHash>,
}

impl TreeFile {
    /// Opens the file of a ledger directory for reading. One that is not there, or is something else, has no
    /// nodes.
    pub fn read(dir: &Path) -> Result<Self, NotaryError> {
        let path = dir.join(TREE_FILE);
        let file = match File::open(&path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(NotaryError::Io { path, error }),
        };
        Self::of(path, file)
    }

    /// Opens it for writing, or makes it. One process at a time may.
    pub(super) fn write(dir: &Path) -> Result<Self, NotaryError> {
        let path = dir.join(TREE_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(NotaryError::io(&path))?;
        let mut opened = Self::of(path, Some(file))?;
        // After a power cut any page of what was not synced can be missing.
        opened.cut(opened.whole());
        Ok(opened)
    }

    fn of(path: PathBuf, file: Option<File>) -> Result<Self, NotaryError> {
        let mut kept = 0;
        if let Some(file) = &file {
            let len = file.metadata().map_err(NotaryError::io(&path))?.len();
            let mut magic = [0; 8];
            let begins = file.read_exact_at(&mut magic, 0).is_ok() && magic == *MAGIC;
            kept = if begins { (len - 8) / RECORD_LEN as u64 } else { 0 };
        }
        Ok(Self { path, file, kept, pending: Vec::new() })
    }

    /// How many records of the file can be read, up to the first that cannot: read in large parts.
    fn whole(&self) -> u64 {
        let Some(file) = &self.file else { return 0 };
        let mut part = vec![0; RECORD_LEN * SCAN_RECORDS];
        let mut record = 0;
        while record < self.kept {
            let count = usize::try_from(self.kept - record)
                .map_or(SCAN_RECORDS, |left| left.min(SCAN_RECORDS));
            let part = &mut part[..count * RECORD_LEN];
            if file.read_exact_at(part, offset(record)).is_err() {
                return record;
            }
            for bytes in part.chunks_exact(RECORD_LEN) {
                if hash_in(record, bytes).is_none() {
                    return record;
                }
                record += 1;
            }
        }
        record
    }

    /// How many nodes there are.
    pub fn len(&self) -> u64 {
        self.kept + self.pending.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all nodes behind the first `records`.
    pub(super) fn cut(&mut self, records: u64) {
        self.kept = self.kept.min(records);
        self.pending.clear();
    }

    /// A node by its number.
    pub fn get(&self, record: u64) -> Result<TreeHash, NotaryError> {
        let damaged = || NotaryError::TreeDamaged { record };
        if let Some(at) = record.checked_sub(self.kept) {
            let at = usize::try_from(at).ok();
            return at.and_then(|at| self.pending.get(at)).copied().ok_or_else(damaged);
        }
        let mut bytes = [0; RECORD_LEN];
        let file = self.file.as_ref().ok_or_else(damaged)?;
        file.read_exact_at(&mut bytes, offset(record)).map_err(|_| damaged())?;
        hash_in(record, &bytes).ok_or_else(damaged)
    }

    /// Whether a record that cannot be read was lost by a power cut: a page, or what it had behind an earlier
    /// end, was never written, and so is zeros.
    pub fn was_never_written(&self, record: u64) -> bool {
        let (start, mut bytes) = (offset(record), [0; RECORD_LEN]);
        let read = self.file.as_ref().map(|file| file.read_exact_at(&mut bytes, start));
        let to_page = usize::try_from(PAGE - start % PAGE).unwrap_or(RECORD_LEN).min(RECORD_LEN);
        let (before, behind) = bytes.split_at(to_page);
        let is_zero = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0);
        matches!(read, Some(Ok(()))) && (is_zero(before) || is_zero(behind))
    }

    /// Adds the next node. It is in memory until [`Self::flush`].
    pub(super) fn push(&mut self, hash: TreeHash) {
        self.pending.push(hash);
    }

    /// Cuts off whatever stands behind the nodes that count.
    pub(super) fn trim(&self) {
        let len = if self.kept == 0 { 0 } else { offset(self.kept) };
        let trimmed = self.file.as_ref().map_or(Ok(()), |file| file.set_len(len));
        if let Err(error) = trimmed {
            let path = self.path.display();
            tracing::warn!(%error, "{path} was not cut; what stands behind its end is passed over");
        }
    }

    /// Nodes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.pending.len()
    }

    /// Writes what waits. A failure leaves it in memory: only the next start has more to do.
    pub(super) fn flush(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| !self.pending.is_empty()) else { return };
        let mut bytes = Vec::with_capacity(self.pending.len() * RECORD_LEN);
        for (record, hash) in (self.kept..).zip(&self.pending) {
            bytes.extend_from_slice(hash.as_bytes());
            bytes.extend_from_slice(&checksum(record, hash.as_bytes()));
        }
        let start = offset(self.kept);
        let written = file
            .write_all_at(MAGIC, 0)
            .and_then(|()| file.write_all_at(&bytes, start))
            .and_then(|()| file.set_len(start + bytes.len() as u64));
        match written {
            Ok(()) => {
                self.kept += self.pending.len() as u64;
                self.pending.clear();
            }
            Err(error) => {
                let path = self.path.display();
                tracing::warn!(%error, "{path} was not written; the next start makes it from the log");
            }
        }
    }
}

/// The hash in the bytes of a record, if its checksum is right.
fn hash_in(record: u64, bytes: &[u8]) -> Option<TreeHash> {
    let (hash, crc) = bytes.split_first_chunk::<32>()?;
    (crc == checksum(record, hash)).then(|| TreeHash::from_bytes(*hash))
}

const fn offset(record: u64) -> u64 {
    MAGIC.len() as u64 + record * RECORD_LEN as u64
}

fn checksum(record: u64, hash: &[u8; 32]) -> [u8; 4] {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&record.to_le_bytes());
    crc.update(hash);
    crc.finalize().to_le_bytes()
}
