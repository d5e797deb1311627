//! The records of the file `checkpoints`, which only grows.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `SPCP` |
//! | 1 | what it is: 1 a log's key, 2 a checkpoint, 3 a witness's key, 4 a witness's signature |
//! | 8 | when it was written, in microseconds since 1970, little-endian |
//! | 4 | length of the text, little-endian |
//! | … | the text: a `vkey`; a signed note; a `vkey`; the checkpoint's size and a signature line, a line each |
//! | 4 | crc32 of all before, little-endian |
//!
//! A record is durable before what it says leaves the ledger. A torn one at the end was never shown to
//! anybody, and is cut off by whoever writes next. Anything else that cannot be read is damage: reading goes
//! on behind it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use spireledger_schema::time::Timestamp;

use crate::proofs::{Signature, SignedCheckpoint, VerifierKey};

const MAGIC: &[u8; 4] = b"SPCP";
const FRONT_LEN: usize = 4 + 1 + 8 + 4;
/// Longest text: a note has at most as many bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Bytes that are read at a time while looking for the next record.
const SEARCH_BYTES: usize = 64 * 1024;

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// From here on this key signs.
    Key(VerifierKey),
    /// This was signed.
    Checkpoint(SignedCheckpoint),
    /// This witness's signatures are taken.
    Witness(VerifierKey),
    /// A witness has signed the checkpoint of this size.
    Cosignature(u64, Signature),
}

/// What is wrong with the file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The byte.
    pub offset: u64,
    /// What is wrong.
    pub why: String,
}

impl Record {
    pub(super) fn to_bytes(&self, at: Timestamp) -> Vec<u8> {
        let (kind, text) = match self {
            Self::Key(key) => (1, key.to_string()),
            Self::Checkpoint(checkpoint) => (2, checkpoint.to_string()),
            Self::Witness(key) => (3, key.to_string()),
            Self::Cosignature(size, signature) => (4, format!("{size}\n{signature}\n")),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(&at.micros().to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    fn of_text(kind: u8, text: &str) -> Option<Self> {
        match kind {
            1 => VerifierKey::parse(text).ok().map(Self::Key),
            2 => SignedCheckpoint::parse(text).ok().map(Self::Checkpoint),
            3 => VerifierKey::parse(text).ok().map(Self::Witness),
            4 => {
                let (size, line) = text.strip_suffix('\n')?.split_once('\n')?;
                Some(Self::Cosignature(size.parse().ok()?, Signature::parse(line)?))
            }
            _ => None,
        }
    }
}

/// How reading at a place ended.
enum Found {
    Record {
        at: Timestamp,
        record: Box<Record>,
        len: u64,
    },
    /// The file ends within the record.
    Torn,
    /// These bytes are no record, or not the one that was written.
    Broken(&'static str),
}

/// Records of a file from some byte on, each with its place.
pub struct Records<'f> {
    file: &'f File,
    end: u64,
    offset: u64,
    torn: bool,
}

impl<'f> Records<'f> {
    /// All from `offset` on.
    pub fn from(file: &'f File, offset: u64) -> io::Result<Self> {
        Ok(Self { file, end: file.metadata()?.len(), offset, torn: false })
    }

    /// Where the next record begins.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of a torn record at the end, once all was read.
    pub const fn torn_bytes(&self) -> u64 {
        if self.torn { self.end - self.offset } else { 0 }
    }

    fn read(&self, offset: u64) -> io::Result<Found> {
        let left = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
        let mut front = vec![0; FRONT_LEN.min(left)];
        self.file.read_exact_at(&mut front, offset)?;
        if !front.starts_with(MAGIC.get(..left.min(4)).unwrap_or_default()) {
            return Ok(Found::Broken("no record begins here"));
        }
        let Some((fixed, len)) = front.split_last_chunk::<4>().filter(|_| left >= FRONT_LEN) else {
            return Ok(Found::Torn);
        };
        let text_len = u32::from_le_bytes(*len) as usize;
        if text_len > TEXT_BYTES_MAX {
            return Ok(Found::Broken("the record's length makes no sense"));
        }
        let len = FRONT_LEN + text_len + 4;
        if len > left {
            return Ok(Found::Torn);
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, offset)?;
        let Some((covered, crc)) = bytes.split_last_chunk::<4>() else { return Ok(Found::Torn) };
        if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
            return Ok(Found::Broken("the record's checksum does not fit: bytes were changed"));
        }
        let kind = fixed.get(4).copied().unwrap_or_default();
        let at = fixed.get(5..13).and_then(|at| at.try_into().ok()).map_or(0, i64::from_le_bytes);
        let text = covered.get(FRONT_LEN..).and_then(|text| std::str::from_utf8(text).ok());
        let record = text.and_then(|text| Record::of_text(kind, text));
        let at = Timestamp::from_micros(at).unwrap_or(Timestamp::EPOCH);
        Ok(record.map_or(Found::Broken("the record cannot be read"), |record| Found::Record {
            at,
            record: Box::new(record),
            len: len as u64,
        }))
    }

    /// The place of the next record behind what cannot be read; the file's end if there is none.
    fn next_from(&self, mut offset: u64) -> io::Result<u64> {
        let mut bytes = vec![0; SEARCH_BYTES];
        while offset < self.end {
            let len =
                usize::try_from(self.end - offset).map_or(bytes.len(), |l| l.min(bytes.len()));
            let part = bytes.get_mut(..len).unwrap_or_default();
            self.file.read_exact_at(part, offset)?;
            if let Some(at) = memchr::memmem::find(part, MAGIC) {
                return Ok(offset + at as u64);
            }
            // The mark may lie across two parts.
            offset += (len.saturating_sub(MAGIC.len() - 1)).max(1) as u64;
        }
        Ok(self.end)
    }
}

impl Iterator for Records<'_> {
    /// Where, when and what; or what cannot be read.
    type Item = io::Result<Result<(u64, Timestamp, Record), Damage>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.torn || self.offset >= self.end {
            return None;
        }
        let begin = self.offset;
        match self.read(begin) {
            Err(error) => {
                self.offset = self.end;
                Some(Err(error))
            }
            Ok(Found::Record { at, record, len }) => {
                self.offset += len;
                Some(Ok(Ok((begin, at, *record))))
            }
            Ok(found) => {
                let next = match self.next_from(begin + 1) {
                    Ok(next) => next,
                    Err(error) => return Some(Err(error)),
                };
                let why = match found {
                    Found::Broken(why) => why,
                    // A record that reaches beyond the end, with others behind its beginning, was not torn.
                    _ if next < self.end => "the record's length was changed",
                    _ => {
                        self.torn = true;
                        return None;
                    }
                };
                self.offset = next;
                Some(Ok(Err(Damage { offset: begin, why: why.to_owned() })))
            }
        }
    }
}
