//! Backups: a plain file of blocks that only grows, and is enough to rebuild the whole ledger.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPBACK1` and a zero |
//! | … | for each block: its length (4, little-endian), its bytes |
//!
//! Blocks carry their own checksums and are chained, so a backup can be verified alone, and appended
//! to as the log grows. A torn end, left by a crash while it was written, is cut off and written anew.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spireledger_schema::EntryKey;

use super::block::BLOCK_BYTES_MAX;
use super::directory::sync_dir;
use super::{Block, Blocks, Head, KeyIndex, LogError, ReadLog, crash};

const MAGIC: &[u8; 8] = b"SPBACK1\0";

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is something else.
    #[error("{0} is no backup of a ledger")]
    NotABackup(PathBuf),
    /// Bytes of it are not what was written.
    #[error("{path} is damaged at byte {offset}, in the block behind entry {after}: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// The last entry before the damage.
        after: u64,
        /// What is wrong.
        why: String,
    },
    /// The file holds another history.
    #[error("{path} holds another ledger: its {found} is not in this one")]
    OtherLedger {
        /// The file.
        path: PathBuf,
        /// Its head.
        found: Head,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What a backup did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of a torn end that were cut off.
    pub cut_bytes: u64,
    /// Where the file ended before.
    pub from: Head,
    /// Where it ends now.
    pub to: Head,
}

/// A backup file, read block by block.
pub struct BackupFile {
    path: PathBuf,
    reader: BufReader<File>,
    /// Where the next block begins.
    offset: u64,
    head: Head,
    /// Whether the file begins as a backup does.
    front_is_whole: bool,
    /// Whether an earlier read failed: there is no way to find the block behind.
    broken: bool,
}

impl BackupFile {
    /// Opens a backup for reading.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let io = |error| BackupError::Io { path: path.to_owned(), error };
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?);
        let mut magic = [0u8; 8];
        let begins = fill(&mut reader, &mut magic).map_err(io)? == magic.len();
        let offset = MAGIC.len() as u64;
        let (path, head) = (path.to_owned(), Head::EMPTY);
        let mut file = Self { path, reader, offset, head, front_is_whole: true, broken: false };
        if begins && magic == *MAGIC {
            return Ok(file);
        }
        // Where the first block follows, the file was a backup.
        if begins && matches!(file.read(), Ok(Some(_))) {
            return Ok(Self { offset: 0, head, front_is_whole: false, ..file });
        }
        Err(BackupError::NotABackup(file.path))
    }

    /// The last entry that was read.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Where the next block begins.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    fn damaged(&self, why: impl Into<String>) -> BackupError {
        let path = self.path.clone();
        BackupError::Damaged { path, offset: self.offset, after: self.head.seq, why: why.into() }
    }

    fn read(&mut self) -> Result<Option<Block>, BackupError> {
        let io = |error| BackupError::Io { path: self.path.clone(), error };
        if !self.front_is_whole {
            return Err(self.damaged("it does not begin as a backup does"));
        }
        let mut len = [0u8; 4];
        match fill(&mut self.reader, &mut len).map_err(io)? {
            0 => return Ok(None),
            4 => {}
            _ => return Err(self.damaged("it ends in the middle of a block's length")),
        }
        let len = u32::from_le_bytes(len) as usize;
        if len > BLOCK_BYTES_MAX {
            return Err(self.damaged("a block's length makes no sense"));
        }
        let mut bytes = vec![0u8; len];
        if fill(&mut self.reader, &mut bytes).map_err(io)? != len {
            return Err(self.damaged("it ends in the middle of a block"));
        }
        let block = Block::parse(Arc::from(bytes)).map_err(|why| self.damaged(why.to_string()))?;
        if block.before() != self.head {
            return Err(self.damaged(format!("the block is chained to {}", block.before())));
        }
        if let Some(broken) = block.chain_breaks().first() {
            return Err(self.damaged(broken.to_string()));
        }
        self.head = block.after();
        self.offset += 4 + len as u64;
        Ok(Some(block))
    }
}

impl Iterator for BackupFile {
    type Item = Result<Block, BackupError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let block = self.read();
        self.broken = block.is_err();
        block.transpose()
    }
}

/// A backup as a log that can be read: its blocks are found by their place in the file.
pub struct BackupLog {
    file: File,
    /// First seq and place of every block.
    places: Vec<(u64, u64)>,
    index: KeyIndex,
    head: Head,
    damage: Option<BackupError>,
}

impl BackupLog {
    /// Reads the whole file once. Damage ends the log before it: see [`Self::damage`].
    ///
    /// # Errors
    /// If the file cannot be read, or is no backup.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let io = |error| BackupError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(io)?;
        let mut blocks = BackupFile::open(path)?;
        let (mut places, index) = (Vec::new(), KeyIndex::new([0; 16]));
        let mut damage = None;
        loop {
            let place = blocks.offset();
            match blocks.next() {
                None => break,
                Some(Ok(block)) => {
                    places.push((block.first_seq(), place));
                    index.put_all(&block);
                }
                Some(Err(error @ BackupError::Io { .. })) => return Err(error),
                Some(Err(error)) => damage = Some(error),
            }
        }
        Ok(Self { file, places, index, head: blocks.head(), damage })
    }

    /// What ends the log before the file ends.
    pub const fn damage(&self) -> Option<&BackupError> {
        self.damage.as_ref()
    }

    fn read(&self, place: u64) -> io::Result<Vec<u8>> {
        let mut len = [0u8; 4];
        self.file.read_exact_at(&mut len, place)?;
        let mut bytes = vec![0u8; (u32::from_le_bytes(len) as usize).min(BLOCK_BYTES_MAX)];
        self.file.read_exact_at(&mut bytes, place + 4)?;
        Ok(bytes)
    }
}

impl ReadLog for BackupLog {
    fn head(&self) -> Head {
        self.head
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        if seq == 0 || seq > self.head.seq {
            return Ok(None);
        }
        let at = self.places.partition_point(|(first, _)| *first <= seq);
        let Some((_, place)) = at.checked_sub(1).and_then(|at| self.places.get(at)) else {
            return Ok(None);
        };
        let disk = |error: io::Error| LogError::Disk { what: "read", why: error.to_string() };
        let bytes = self.read(*place).map_err(disk)?;
        let damaged = |why: super::BlockError| LogError::Damaged { seq, why: why.to_string() };
        Block::parse(Arc::from(bytes)).map(Some).map_err(damaged)
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.index.confirm(key, |seq| self.block_at(seq))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        let at = self.places.partition_point(|(first, _)| *first <= seq).saturating_sub(1);
        let places = self.places.get(at..).unwrap_or_default().iter();
        let beyond = seq > self.head.seq;
        let blocks = places.filter_map(|(first, _)| self.block_at(*first).transpose());
        Box::new(blocks.filter(move |_| !beyond))
    }
}

/// Brings a backup file up to the log's head: makes it, or appends what is missing. When it returns,
/// the file is durable.
pub fn back_up(
    log: &dyn ReadLog,
    path: &Path,
    mut tick: impl FnMut(Head),
) -> Result<Progress, BackupError> {
    let io = |error| BackupError::Io { path: path.to_owned(), error };
    let (file, from, cut_bytes) = open_to_append(log, path)?;
    let mut writer = BufWriter::with_capacity(1 << 20, file);
    let mut to = from;
    for block in log.blocks_from(from.seq + 1) {
        let block = block?;
        if block.before() != to {
            let why = format!("it is chained to {}, not to {to}", block.before());
            return Err(LogError::Damaged { seq: block.first_seq(), why }.into());
        }
        let len = u32::try_from(block.bytes().len()).unwrap_or(u32::MAX);
        crash::half_done("backup:block-half-written", || {
            writer.write_all(&len.to_le_bytes())?;
            writer.write_all(block.bytes().get(..block.bytes().len() / 2).unwrap_or_default())?;
            writer.flush()
        });
        writer.write_all(&len.to_le_bytes()).map_err(io)?;
        writer.write_all(block.bytes()).map_err(io)?;
        to = block.after();
        tick(to);
    }
    let file = writer.into_inner().map_err(|error| io(error.into_error()))?;
    crash::point("backup:before-sync");
    file.sync_all().map_err(io)?;
    Ok(Progress { cut_bytes, from, to })
}

fn open_to_append(log: &dyn ReadLog, path: &Path) -> Result<(File, Head, u64), BackupError> {
    let io = |error| BackupError::Io { path: path.to_owned(), error };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path).map_err(io)?;
    let len = file.metadata().map_err(io)?.len();
    if is_begun(&file, len).map_err(io)? {
        file.set_len(0).map_err(io)?;
        crash::half_done("backup:half-begun", || file.write_all(&MAGIC[..5]));
        file.write_all(MAGIC).map_err(io)?;
        // The name has to be durable, too.
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_dir(parent.unwrap_or(Path::new("."))).map_err(io)?;
        return Ok((file, Head::EMPTY, 0));
    }
    let mut held = BackupFile::open(path)?;
    let mut failure = None;
    for block in held.by_ref() {
        if let Err(error) = block {
            failure = Some(error);
            break;
        }
    }
    if let Some(error) = failure
        && !ends_torn(&error)
    {
        return Err(error);
    }
    let on_log = log.block_at(held.head().seq)?;
    let same = on_log.and_then(|block| block.get(held.head().seq).map(|stored| stored.hash));
    if held.head() != Head::EMPTY && same != Some(held.head().hash) {
        return Err(BackupError::OtherLedger { path: path.to_owned(), found: held.head() });
    }
    file.set_len(held.offset()).map_err(io)?;
    file.seek(SeekFrom::End(0)).map_err(io)?;
    Ok((file, held.head(), len - held.offset()))
}

/// Whether a file is empty, or a backup whose first bytes were only half written.
fn is_begun(file: &File, len: u64) -> io::Result<bool> {
    let mut start = vec![0; usize::try_from(len).unwrap_or(MAGIC.len()).min(MAGIC.len())];
    file.read_exact_at(&mut start, 0)?;
    Ok(start.len() < MAGIC.len() && MAGIC.starts_with(&start))
}

/// An end in the middle of a block is what a crash leaves; anything else is damage.
fn ends_torn(error: &BackupError) -> bool {
    matches!(error, BackupError::Damaged { why, .. } if why.starts_with("it ends in the middle"))
}

fn fill(reader: &mut impl Read, mut buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match reader.read(buffer) {
            Ok(0) => break,
            Ok(len) => {
                total += len;
                buffer = buffer.get_mut(len..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}
