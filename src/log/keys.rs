//! The key file: what the key index was made of, so that opening need not read every block.
//!
//! It only saves time: whatever is missing, torn or of another history is read from the blocks. Frames
//! are appended and never changed.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPKEYS1` and a zero |
//! | 16 | seed of the hashes |
//! | 4 | crc32 of the 24 before |
//! | … | frames |
//!
//! A frame, little-endian: seq of its first entry (8), number of records (4), the hash of its last
//! entry (32), the records (16 each), crc32 of all that (4). A record is a key's hash (8) and the seq
//! of the entry before it under that key (8); the top bit of that marks a second key of the entry
//! before.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use spireledger_schema::EntryHash;

use super::block::Block;
use super::index::{KeyHash, KeyIndex, Seed};
use super::{Head, crash};

const MAGIC: &[u8; 8] = b"SPKEYS1\0";
const FRAME_FRONT_LEN: usize = 8 + 4 + 32;
/// Entries after which a frame is written: what a crash leaves to be read from blocks.
const FRAME_ENTRIES: u64 = 65_536;
/// No frame has more records: each entry has at most two keys, and a group ends a frame late by at
/// most its own entries.
const FRAME_RECORDS_MAX: u32 = 4_000_000;
const SECOND_KEY: u64 = 1 << 63;

/// Appends to the key file.
#[derive(Debug)]
pub(super) struct KeyFile {
    file: File,
    /// Head up to which frames are written.
    written: Head,
    /// Head up to which records are collected.
    collected: Head,
    records: Vec<(u64, u64)>,
}

/// A key file, read.
pub(super) struct Loaded {
    pub file: KeyFile,
    pub index: KeyIndex,
    /// What was wrong with it, if anything was.
    pub problem: Option<String>,
}

impl KeyFile {
    /// Reads the file and fills an index from it. `is_of_log` tells whether a head is on the log.
    pub(super) fn load(path: &Path, is_of_log: impl Fn(Head) -> bool) -> io::Result<Loaded> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path)?;
        let mut reader = BufReader::with_capacity(1 << 20, &file);
        let Some(seed) = read_header(&mut reader) else {
            let problem = file.metadata()?.len() > 0;
            let problem = problem.then(|| "its header was not readable".to_owned());
            return Self::begin(file, problem);
        };
        let index = KeyIndex::new(seed);
        let (mut head, mut len) = (Head::EMPTY, (MAGIC.len() + 16 + 4) as u64);
        let mut problem = None;
        loop {
            match read_frame(&mut reader, head.seq + 1) {
                Frame::End => break,
                Frame::Broken => {
                    problem = Some("its last frame was torn".to_owned());
                    break;
                }
                Frame::Whole { last, records, bytes } => {
                    fill(&index, head.seq, &records);
                    head = last;
                    len += bytes;
                }
            }
        }
        if head != Head::EMPTY && !is_of_log(head) {
            return Self::begin(file, Some("it was of another history".into()));
        }
        drop(reader);
        file.set_len(len)?;
        let file = seek_end(file)?;
        let file = Self { file, written: head, collected: head, records: Vec::new() };
        Ok(Loaded { file, index, problem })
    }

    fn begin(file: File, problem: Option<String>) -> io::Result<Loaded> {
        file.set_len(0)?;
        let mut file = seek_end(file)?;
        let seed = random_seed();
        let mut header = Vec::with_capacity(28);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&seed);
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        crash::half_done("init:key-file-begun", || {
            file.write_all(header.get(..header.len() / 2).unwrap_or_default())
        });
        file.write_all(&header)?;
        let file = Self { file, written: Head::EMPTY, collected: Head::EMPTY, records: Vec::new() };
        Ok(Loaded { file, index: KeyIndex::new(seed), problem })
    }

    /// The head up to which the file speaks of the log.
    pub(super) const fn head(&self) -> Head {
        self.collected
    }

    /// Puts the keys of a durable block into the index and collects them for the file.
    pub(super) fn add(&mut self, index: &KeyIndex, block: &Block) {
        for stored in block.entries() {
            let front = stored.front;
            let mut hash = index.hash(&front.key);
            if crash::seeded_bug("lost-index") && front.seq % 50 == 0 {
                hash = KeyHash(!hash.0);
            }
            index.put_hash(hash, stored.prev, front.seq);
            self.records.push((hash.0, stored.prev));
            if let Some(alias) = &front.alias {
                let hash = index.hash(alias);
                index.put_hash(hash, stored.prev_alias, front.seq);
                self.records.push((hash.0, stored.prev_alias | SECOND_KEY));
            }
        }
        self.collected = block.after();
    }

    /// Writes a frame if enough is collected.
    pub(super) fn write_if_due(&mut self) -> io::Result<()> {
        if self.collected.seq - self.written.seq >= FRAME_ENTRIES { self.write() } else { Ok(()) }
    }

    /// Writes what is collected.
    pub(super) fn write(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let mut frame = Vec::with_capacity(FRAME_FRONT_LEN + self.records.len() * 16 + 4);
        frame.extend_from_slice(&(self.written.seq + 1).to_le_bytes());
        let count = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        frame.extend_from_slice(&count.to_le_bytes());
        frame.extend_from_slice(self.collected.hash.as_bytes());
        for (hash, prev) in &self.records {
            frame.extend_from_slice(&hash.to_le_bytes());
            frame.extend_from_slice(&prev.to_le_bytes());
        }
        frame.extend_from_slice(&crc32fast::hash(&frame).to_le_bytes());
        crash::half_done("keys:half-written", || {
            self.file.write_all(frame.get(..frame.len() / 2).unwrap_or_default())
        });
        self.file.write_all(&frame)?;
        self.written = self.collected;
        self.records.clear();
        Ok(())
    }
}

/// The head up to which a key file speaks of the log. It was written when that was durable: where the
/// witness is gone, this is one, too.
pub(super) fn head_of(path: &Path) -> Option<Head> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path).ok()?);
    read_header(&mut reader)?;
    let mut head = Head::EMPTY;
    while let Frame::Whole { last, .. } = read_frame(&mut reader, head.seq + 1) {
        head = last;
    }
    Some(head)
}

/// The key file of a ledger directory.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("keys")
}

fn seek_end(mut file: File) -> io::Result<File> {
    use std::io::Seek;
    file.seek(io::SeekFrom::End(0))?;
    Ok(file)
}

/// Not predictable from outside, which is all that the index asks for.
fn random_seed() -> Seed {
    let mut seed = [0u8; 16];
    for half in seed.chunks_exact_mut(8) {
        half.copy_from_slice(&RandomState::new().build_hasher().finish().to_le_bytes());
    }
    seed
}

fn read_header(reader: &mut impl Read) -> Option<Seed> {
    let mut header = [0u8; 28];
    reader.read_exact(&mut header).ok()?;
    let (covered, crc) = header.split_last_chunk::<4>()?;
    let seed = covered.strip_prefix(MAGIC)?.first_chunk::<16>()?;
    (crc32fast::hash(covered) == u32::from_le_bytes(*crc)).then_some(*seed)
}

enum Frame {
    End,
    Broken,
    Whole { last: Head, records: Vec<(u64, u64)>, bytes: u64 },
}

fn read_frame(reader: &mut impl Read, expected_first: u64) -> Frame {
    let mut frame = vec![0u8; FRAME_FRONT_LEN];
    match read_up_to(reader, &mut frame) {
        Ok(0) => return Frame::End,
        Ok(len) if len == FRAME_FRONT_LEN => {}
        _ => return Frame::Broken,
    }
    let front = parse_front(&frame);
    let Some((first, count, hash)) = front.filter(|(first, ..)| *first == expected_first) else {
        return Frame::Broken;
    };
    frame.resize(FRAME_FRONT_LEN + count as usize * 16 + 4, 0);
    let rest = frame.get_mut(FRAME_FRONT_LEN..).unwrap_or_default();
    if !matches!(read_up_to(reader, rest), Ok(len) if len == count as usize * 16 + 4) {
        return Frame::Broken;
    }
    let Some((covered, crc)) = frame.split_last_chunk::<4>() else { return Frame::Broken };
    if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
        return Frame::Broken;
    }
    let records: Vec<(u64, u64)> = covered
        .get(FRAME_FRONT_LEN..)
        .unwrap_or_default()
        .as_chunks::<16>()
        .0
        .iter()
        .filter_map(|record| {
            let (hash, prev) = record.split_first_chunk::<8>()?;
            let prev = prev.first_chunk::<8>()?;
            Some((u64::from_le_bytes(*hash), u64::from_le_bytes(*prev)))
        })
        .collect();
    let entries = records.iter().filter(|(_, prev)| prev & SECOND_KEY == 0).count() as u64;
    let last = Head { seq: first + entries - 1, hash };
    Frame::Whole { last, records, bytes: frame.len() as u64 }
}

fn parse_front(front: &[u8]) -> Option<(u64, u32, EntryHash)> {
    let (first, rest) = front.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let hash = rest.first_chunk::<32>()?;
    let count = u32::from_le_bytes(*count);
    (count > 0 && count <= FRAME_RECORDS_MAX)
        .then(|| (u64::from_le_bytes(*first), count, EntryHash::from_bytes(*hash)))
}

fn read_up_to(reader: &mut impl Read, mut buffer: &mut [u8]) -> io::Result<usize> {
    let mut total = 0;
    while !buffer.is_empty() {
        match reader.read(buffer)? {
            0 => break,
            len => {
                total += len;
                buffer = buffer.get_mut(len..).unwrap_or_default();
            }
        }
    }
    Ok(total)
}

fn fill(index: &KeyIndex, before: u64, records: &[(u64, u64)]) {
    let mut seq = before;
    for (hash, prev) in records {
        if prev & SECOND_KEY == 0 {
            seq += 1;
        }
        index.put_hash(KeyHash(*hash), prev & !SECOND_KEY, seq);
    }
}
