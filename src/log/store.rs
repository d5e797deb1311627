//! The log on sled.
//!
//! What one append does, and what a crash after each step leaves:
//!
//! 1. write the group's blocks into sled, with a sync now and then if it is a large group: some or none
//!    of them are there after a crash; each is whole, none was acknowledged, and what is there is a valid
//!    continuation that the next start keeps;
//! 2. flush: sled hands its buffers to the system (for sled 0.34 that is not durable: spacejam/sled
//!    #1452, #1351);
//! 3. `fdatasync` on our own descriptor of sled's file: the group is durable;
//! 4. move the head, the witness and the key index: a crash leaves them behind, and the next start
//!    reads the difference from the blocks.
//!
//! Only then does the caller answer.

use std::fs::{File, OpenOptions};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use spireledger_schema::EntryKey;

use super::block::Block;
use super::directory::{Directory, sync_dir};
use super::index::KeyIndex;
use super::keys::{self, KeyFile};
use super::opening::{free_bytes, guarded, open_sled};
use super::witness::Witness;
use super::{Blocks, Head, Log, LogError, ReadLog, Repair, crash, damaged, disk, lost_tail};

/// Bytes of blocks that are written without a sync. With pages split and moved, sled makes at most 3.5 of
/// one, and 5.5 where blocks are long: those count double.
const UNSYNCED_BYTES_MAX: usize = 9 * 256 * 1024;
const LONG_BLOCK_BYTES: usize = 15 * 1024;
/// Entries whose blocks are read when the log is opened.
const CHECKED_ENTRIES: u64 = 262_144;
/// What must stay free on the disk beside a group: room for the next start, which fills a segment up, and
/// for the witness, the key file and the decision state.
const SPARE_BYTES: u64 = 16 * 1024 * 1024;
/// What sled's file may grow by for each byte of a group, with pages split and moved.
const WRITE_FACTOR: u64 = 4;

/// The log of one ledger directory, open in this process.
pub struct SledLog {
    directory: Directory,
    db: sled::Db,
    head: RwLock<Head>,
    /// The last seq that may be read. Moves as soon as a group is durable, before its keys are taken
    /// into the index: what the index names can always be read. The head moves last.
    durable: AtomicU64,
    index: KeyIndex,
    writer: Mutex<Writer>,
}

/// What only the appender touches.
struct Writer {
    /// Our own descriptor of sled's file, opened before the first write so that no error of an
    /// earlier write is missed.
    data: File,
    witness: Witness,
    keys: KeyFile,
    /// Why nothing more is appended, once something failed.
    stopped: Option<String>,
}

/// An open log, and what opening had to say.
pub struct Opened {
    /// The log.
    pub log: SledLog,
    /// What was put right.
    pub repairs: Vec<Repair>,
}

impl SledLog {
    /// Opens the log of a directory and checks what sled made of its file: that it reaches as far as the
    /// witness says, and that the newest entries are all there and chained.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if entries are damaged or lost: such a log is not opened, since it may not
    /// be appended to; [`super::CarvedLog`] reads it.
    pub fn open(directory: Directory) -> Result<Opened, LogError> {
        let (dir, path) = (directory.path(), directory.path().join("sled"));
        std::fs::create_dir_all(&path).map_err(disk("make the sled directory"))?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let data = options.open(path.join("db")).map_err(disk("open sled's file"))?;
        // A process that was killed has written without a sync: sled's summary, which opening writes and
        // syncs, must not speak of what is not durable.
        data.sync_data().map_err(disk("sync sled's file"))?;
        crash::synced(dir);
        let (witness, witnessed) =
            Witness::open(&dir.join("witness")).map_err(disk("open the witness"))?;
        let witnessed = witnessed.or_else(|| keys::head_of(&keys::path(dir)));
        let mut repairs = Vec::new();
        let db = AssertUnwindSafe(open_sled(&path, witnessed, &mut repairs)?);
        crash::point("open:sled-opened");
        data.sync_data().map_err(disk("sync sled's file"))?;
        for dir in [&path, dir] {
            sync_dir(dir).map_err(disk("sync the ledger directory"))?;
        }
        crash::synced(dir);
        let on_log = |head: Head| block_in(&db, head.seq).is_ok_and(|b| holds(b.as_ref(), head));
        let loaded = KeyFile::load(&keys::path(dir), on_log).map_err(disk("read the key file"))?;
        let mut keys = loaded.file;
        if let Some(why) = loaded.problem {
            repairs.push(Repair::KeysRebuilt { from: keys.head().seq + 1, why });
        }
        check_newest(&db, keys.head())?;
        catch_up(&db, &mut keys, &loaded.index)?;
        crash::point("open:caught-up");
        let head = keys.head();
        if let Some(lost) = witnessed.filter(|w| !on_log(*w) && *w != Head::EMPTY) {
            return Err(lost_tail(head, lost));
        }
        let writer = Writer { data, witness, keys, stopped: None };
        let log = Self {
            directory,
            db: db.0,
            head: RwLock::new(head),
            durable: AtomicU64::new(head.seq),
            index: loaded.index,
            writer: Mutex::new(writer),
        };
        Ok(Opened { log, repairs })
    }

    /// The ledger directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The key index.
    pub const fn index(&self) -> &KeyIndex {
        &self.index
    }

    /// Bytes of all files of the ledger directory.
    pub fn bytes_on_disk(&self) -> u64 {
        size_of(self.directory.path())
    }

    /// Saves the keys since the last frame, so that the next start has none to read from blocks.
    pub fn save_keys(&self) -> Result<(), LogError> {
        self.writer.lock().keys.write().map_err(disk("write the key file"))
    }

    fn write(&self, writer: &Writer, blocks: &[Block]) -> Result<(), LogError> {
        crash::point("log:before-write");
        let mut unsynced_bytes = 0;
        for (at, block) in blocks.iter().enumerate() {
            if at > 0 {
                crash::point("log:between-blocks");
            }
            let len = block.bytes().len();
            let counted = if len > LONG_BLOCK_BYTES { 2 * len } else { len };
            unsynced_bytes += counted;
            if unsynced_bytes > UNSYNCED_BYTES_MAX {
                self.sync(writer)?;
                unsynced_bytes = counted;
            }
            if crash::seeded_bug("skipped-write") && block.first_seq() % 7 == 0 {
                continue;
            }
            let key = block.first_seq().to_be_bytes();
            let value: &[u8] = block.bytes();
            guarded("write a block", || self.db.insert(key, value))?;
        }
        crash::point("log:after-write");
        self.sync(writer)?;
        crash::point("log:after-sync");
        Ok(())
    }

    /// Makes everything that was written to sled durable.
    fn sync(&self, writer: &Writer) -> Result<(), LogError> {
        guarded("flush", || self.db.flush())?;
        crash::point("log:after-flush");
        if crash::seeded_bug("answer-without-sync") {
            return Ok(());
        }
        writer.data.sync_data().map_err(disk("sync"))?;
        crash::synced(self.directory.path());
        Ok(())
    }

    fn room_for(&self, blocks: &[Block]) -> Result<(), LogError> {
        let bytes: usize = blocks.iter().map(|block| block.bytes().len()).sum();
        let needed = bytes as u64 * WRITE_FACTOR + SPARE_BYTES;
        let free = free_bytes(self.directory.path()).map_err(disk("ask for free room"))?;
        // Without this, the tests see what sled makes of a full disk.
        let is_full = free < needed && !crash::seeded_bug("unchecked-room");
        if is_full { Err(LogError::DiskFull { free, needed }) } else { Ok(()) }
    }
}

impl ReadLog for SledLog {
    fn head(&self) -> Head {
        *self.head.read()
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        if seq == 0 || seq > self.durable.load(Ordering::Acquire) {
            return Ok(None);
        }
        Ok(block_in(&self.db, seq)?.filter(|block| seq <= block.last_seq()))
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.index.confirm(key, |seq| self.block_at(seq))
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        // Where no block can be read, the scan begins at `seq` and tells.
        let first = self.block_at(seq).ok().flatten().map_or(seq, |block| block.first_seq());
        Box::new(scan(&self.db, first, self.head().seq))
    }

    fn key_index(&self) -> Option<&KeyIndex> {
        Some(&self.index)
    }
}

impl Log for SledLog {
    fn append(&self, expected: Head, blocks: &[Block]) -> Result<(), LogError> {
        let mut writer = self.writer.lock();
        if let Some(why) = &writer.stopped {
            return Err(LogError::Stopped { why: why.clone() });
        }
        super::check_chained(self.head(), expected, blocks)?;
        let Some(last) = blocks.last() else { return Ok(()) };
        if crash::seeded_bug("early-witness") {
            let _ = writer.witness.note(last.after());
        }
        let written = self.room_for(blocks).and_then(|()| self.write(&writer, blocks));
        if let Err(error) = written {
            writer.stopped = Some(error.to_string());
            return Err(error);
        }
        crash::point("log:before-witness");
        let head = last.after();
        self.durable.store(head.seq, Ordering::Release);
        // Only a help to detect loss: without it the group is just as durable.
        if let Err(error) = writer.witness.note(head) {
            tracing::warn!(%error, "the witness could not be written");
        }
        for block in blocks {
            writer.keys.add(&self.index, block);
        }
        *self.head.write() = head;
        if let Err(error) = writer.keys.write_if_due() {
            tracing::warn!(%error, "the key file could not be written; the next start reads blocks");
        }
        Ok(())
    }
}

/// Checks that the newest entries up to `head` are there and hang together. sled reads what was written
/// since it was last opened anew, and must have found all of it.
fn check_newest(db: &sled::Db, head: Head) -> Result<(), LogError> {
    let from = head.seq.saturating_sub(CHECKED_ENTRIES) + 1;
    let first = block_in(db, from)?.map_or(from, |block| block.first_seq());
    let mut reached: Option<Head> = None;
    for block in scan(db, first, head.seq) {
        let block = block?;
        let expected = reached.unwrap_or(Head { seq: first - 1, ..block.before() });
        if block.before() != expected {
            let why = format!("it is chained to {}, not to {expected}", block.before());
            return Err(damaged(block.first_seq().min(expected.seq + 1), &why));
        }
        reached = Some(block.after());
    }
    let seq = reached.map_or(0, |reached| reached.seq);
    if seq < head.seq { Err(damaged(seq + 1, "it is gone")) } else { Ok(()) }
}

/// Reads the blocks behind the key file, checks that they are chained, and takes their keys in.
fn catch_up(db: &sled::Db, keys: &mut KeyFile, index: &KeyIndex) -> Result<(), LogError> {
    for block in scan(db, keys.head().seq + 1, u64::MAX) {
        let block = block?;
        if block.before() != keys.head() {
            let why = format!("it is chained to {}, not to {}", block.before(), keys.head());
            return Err(damaged(block.first_seq(), &why));
        }
        if let Some(broken) = block.chain_breaks().first() {
            return Err(damaged(broken.seq, &broken.to_string()));
        }
        keys.add(index, &block);
        keys.write_if_due().map_err(disk("write the key file"))?;
    }
    Ok(())
}

/// Blocks from the one that begins at `first` up to the one that ends at `last`. What cannot be read
/// is an error in its place.
fn scan(
    db: &sled::Db,
    first: u64,
    last: u64,
) -> impl Iterator<Item = Result<Block, LogError>> + '_ {
    let mut from = first.max(1);
    std::iter::from_fn(move || {
        if from > last {
            return None;
        }
        let found = guarded("read a block", || db.range(from.to_be_bytes()..).next().transpose());
        let (key, value) = match found {
            Ok(Some(pair)) => pair,
            Ok(None) => return None,
            Err(error) => {
                // sled cannot go on behind a page that it cannot read: try a little further.
                let seq = from;
                from = from.saturating_add(super::block::ENTRIES_MAX as u64);
                let beyond = from > last.min(db_last(db));
                if beyond {
                    from = u64::MAX;
                }
                return Some(Err(damaged(seq, &error.to_string())));
            }
        };
        let block = read_block(&key, &value);
        from = match &block {
            Ok(block) => block.last_seq() + 1,
            Err(_) => seq_of(&key).map_or(u64::MAX, |seq| seq.saturating_add(1)),
        };
        if block.as_ref().is_ok_and(|block| block.first_seq() > last) { None } else { Some(block) }
    })
}

fn db_last(db: &sled::Db) -> u64 {
    let last = guarded("read the last block", || db.last()).ok().flatten();
    last.and_then(|(key, _)| seq_of(&key)).unwrap_or(0)
}

/// The block that holds `seq`, or the one before where it should be.
fn block_in(db: &sled::Db, seq: u64) -> Result<Option<Block>, LogError> {
    let above = seq.saturating_add(1).to_be_bytes();
    let found = guarded("read a block", || db.get_lt(above))
        .map_err(|error| damaged(seq, &error.to_string()))?;
    found.map(|(key, value)| read_block(&key, &value)).transpose()
}

fn read_block(key: &[u8], value: &[u8]) -> Result<Block, LogError> {
    let seq = seq_of(key).unwrap_or(0);
    let block = Block::parse(Arc::from(value)).map_err(|why| damaged(seq, &why.to_string()))?;
    if block.first_seq() != seq {
        return Err(damaged(seq, "the block under its key is another one"));
    }
    Ok(block)
}

fn seq_of(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

fn holds(block: Option<&Block>, head: Head) -> bool {
    block.and_then(|block| block.get(head.seq)).is_some_and(|stored| stored.hash == head.hash)
}

fn size_of(path: &Path) -> u64 {
    let list = |path: &Path| -> Vec<PathBuf> {
        let items = std::fs::read_dir(path).into_iter().flatten().flatten();
        items.map(|item| item.path()).collect()
    };
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => list(path).iter().map(|item| size_of(item)).sum(),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    }
}
