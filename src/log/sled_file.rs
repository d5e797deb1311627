//! sled's file, read without sled: enough of its format (0.34) to tell what sled will make of it.
//!
//! The file is a row of segments, each with a header and then messages. A segment's lsn says which part
//! of sled's own log it holds; one that holds nothing of worth any more is used again with a higher lsn.
//!
//! | segment header | |
//! | --- | --- |
//! | 4 | crc32 of the 16 behind it, all bits turned |
//! | 8 | lsn, all bits but the top one turned |
//! | 8 | how far the log was stable when the segment was begun, turned likewise |
//!
//! | message | |
//! | --- | --- |
//! | 4 | crc32 of the body and then of the rest of the front, all bits turned |
//! | 1 | kind |
//! | 1–9 each | length of the body, number of the segment, number of the page |
//! | … | the body |
//!
//! A summary (`snap.` and its lsn in hex) says where each page was when the file was last opened: its own
//! lsn, the segment in use, the pages, its length (8), crc32 of all before the length (4).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

const SEGMENT_FRONT_LEN: usize = 20;
/// No message begins so close to its segment's end.
const MESSAGE_FRONT_MAX: usize = 32;
const SUMMARY_END_LEN: usize = 12;
const TURNED: u64 = 0x7fff_ffff_ffff_ffff;

/// The file.
pub(super) struct SledFile {
    file: File,
    len: u64,
    segment: u64,
}

/// A segment whose header is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Where in sled's log it begins.
    pub lsn: u64,
    /// How far the log was stable when it was begun; -1 for not at all.
    pub stable: i64,
    /// Where in the file it is.
    pub place: u64,
}

/// What a message does to its page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// All of the page.
    Replace,
    /// Something more on the page.
    Link,
    /// The page is given up.
    Free,
    /// Nothing.
    Skip,
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub lsn: u64,
    pub place: u64,
    pub len: u64,
}

/// A message whose checksum fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    pub deed: Deed,
    pub page: u64,
    pub spot: Spot,
}

/// A segment, read from its first message on.
#[derive(Debug)]
pub(super) struct Walk {
    pub slot: Slot,
    pub messages: Vec<Message>,
    /// Bytes up to the end of the last message.
    pub read: u64,
    /// Whether it ends as a full segment does; otherwise what comes next is no message.
    pub is_full: bool,
}

impl SledFile {
    pub(super) fn open(path: &Path, segment: u64) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { file, len, segment })
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// The segments whose headers are whole, in the order of the file; and where the others are, but
    /// for those that are zeroed from end to end, as sled leaves them.
    pub(super) fn slots(&self) -> io::Result<(Vec<Slot>, Vec<u64>)> {
        let (mut slots, mut broken) = (Vec::new(), Vec::new());
        let mut place = 0;
        while place + SEGMENT_FRONT_LEN as u64 <= self.len {
            let mut front = [0u8; SEGMENT_FRONT_LEN];
            self.file.read_exact_at(&mut front, place)?;
            match parse_segment(&front, place) {
                Some(slot) => slots.push(slot),
                None if self.is_zeroed(place)? => {}
                None => broken.push(place),
            }
            place += self.segment;
        }
        Ok((slots, broken))
    }

    fn is_zeroed(&self, place: u64) -> io::Result<bool> {
        let len = self.segment.min(self.len - place);
        let mut bytes = vec![0u8; usize::try_from(len).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, place)?;
        Ok(bytes.iter().all(|byte| *byte == 0))
    }

    /// Reads a segment up to its end or to the first thing that is no message, and shows each message.
    pub(super) fn walk(
        &self,
        slot: Slot,
        buffer: &mut Vec<u8>,
        mut show: impl FnMut(&Message, &[u8]),
    ) -> io::Result<Walk> {
        let len = self.segment.min(self.len - slot.place);
        buffer.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        self.file.read_exact_at(buffer, slot.place)?;
        let segment = usize::try_from(self.segment).unwrap_or(usize::MAX);
        let number = slot.lsn / self.segment;
        let mut walk =
            Walk { slot, messages: Vec::new(), read: SEGMENT_FRONT_LEN as u64, is_full: false };
        let mut at = SEGMENT_FRONT_LEN;
        loop {
            if at + MESSAGE_FRONT_MAX > segment {
                walk.is_full = true;
                return Ok(walk);
            }
            let rest = buffer.get(at..).unwrap_or_default();
            let Some(parsed) = parse_message(rest, number) else { return Ok(walk) };
            if parsed.kind == CAP {
                walk.is_full = true;
                return Ok(walk);
            }
            let spot = Spot {
                lsn: slot.lsn + at as u64,
                place: slot.place + at as u64,
                len: parsed.len as u64,
            };
            let message = Message { deed: parsed.deed, page: parsed.page, spot };
            show(&message, parsed.body);
            walk.messages.push(message);
            at += parsed.len;
            walk.read = at as u64;
        }
    }
}

fn parse_segment(front: &[u8; SEGMENT_FRONT_LEN], place: u64) -> Option<Slot> {
    let (crc, covered) = front.split_first_chunk::<4>()?;
    let (lsn, stable) = covered.split_first_chunk::<8>()?;
    let stable = stable.first_chunk::<8>()?;
    if crc32fast::hash(covered) ^ u32::MAX != u32::from_le_bytes(*crc) {
        return None;
    }
    let stable = (u64::from_le_bytes(*stable) ^ TURNED).cast_signed();
    Some(Slot { lsn: u64::from_le_bytes(*lsn) ^ TURNED, stable, place })
}

const CAP: u8 = 2;

struct Parsed<'a> {
    kind: u8,
    deed: Deed,
    page: u64,
    body: &'a [u8],
    /// Of front and body.
    len: usize,
}

fn parse_message(bytes: &[u8], number: u64) -> Option<Parsed<'_>> {
    let (crc, rest) = bytes.split_first_chunk::<4>()?;
    let (&kind, rest) = rest.split_first()?;
    let (len, rest) = varint(rest)?;
    let (segment, rest) = varint(rest)?;
    let (page, rest) = varint(rest)?;
    let front_len = bytes.len() - rest.len();
    let body = rest.get(..usize::try_from(len).ok()?)?;
    let deed = match kind {
        1..=3 => Deed::Skip,
        4 => Deed::Free,
        5..=9 => Deed::Replace,
        10 | 11 => Deed::Link,
        _ => return None,
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(body);
    hasher.update(bytes.get(4..front_len)?);
    let whole = hasher.finalize() ^ u32::MAX == u32::from_le_bytes(*crc) && segment == number;
    whole.then_some(Parsed { kind, deed, page, body, len: front_len + body.len() })
}

/// sled's variable-length numbers.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    match first {
        0..=240 => Some((u64::from(first), rest)),
        241..=248 => {
            let (&low, rest) = rest.split_first()?;
            Some((240 + 256 * (u64::from(first) - 241) + u64::from(low), rest))
        }
        249 => {
            let ([high, low], rest) = rest.split_first_chunk::<2>()?;
            Some((2_288 + 256 * u64::from(*high) + u64::from(*low), rest))
        }
        _ => {
            let (number, rest) = rest.split_at_checked(usize::from(first) - 247)?;
            let mut bytes = [0u8; 8];
            bytes.get_mut(..number.len())?.copy_from_slice(number);
            Some((u64::from_le_bytes(bytes), rest))
        }
    }
}

/// A page of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// It has content, in these messages; the first one replaced it.
    Present(Vec<Spot>),
    /// It was given up.
    Free,
    /// Nothing is known of it: sled panics if this is so at the end.
    Unknown,
}

/// What sled noted when it last opened its file.
#[derive(Debug)]
pub(super) struct Summary {
    /// What lies before needs not be read again.
    pub stable: u64,
    pub pages: Vec<Page>,
}

impl Summary {
    /// Reads a summary; `None` if its bytes are not what was written.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (covered, end) = bytes.split_at_checked(bytes.len().checked_sub(SUMMARY_END_LEN)?)?;
        let crc = end.last_chunk::<4>()?;
        if crc32fast::hash(covered) != u32::from_le_bytes(*crc) {
            return None;
        }
        let (stable, rest) = covered.split_first_chunk::<8>()?;
        let (_active, mut rest) = varint(rest)?;
        let mut pages = Vec::new();
        while !rest.is_empty() {
            let (page, behind) = parse_page(rest)?;
            pages.push(page);
            rest = behind;
        }
        // An option: one more than the number, 0 for none.
        let stable = u64::from_le_bytes(*stable).saturating_sub(1);
        Some(Self { stable, pages })
    }
}

fn parse_page(bytes: &[u8]) -> Option<(Page, &[u8])> {
    let (&count, mut rest) = bytes.split_first()?;
    if count == 0 {
        let (_, behind) = rest.split_first_chunk::<8>()?;
        return Some((Page::Free, disk_pointer(behind)?.1));
    }
    let mut spots = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let (lsn, behind) = rest.split_first_chunk::<8>()?;
        let (place, behind) = disk_pointer(behind)?;
        let (len, behind) = varint(behind)?;
        spots.push(Spot { lsn: u64::from_le_bytes(*lsn), place, len });
        rest = behind;
    }
    Some((Page::Present(spots), rest))
}

fn disk_pointer(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let (place, rest) = varint(rest)?;
    match kind {
        0 => Some((place, rest)),
        1 => Some((place, rest.get(8..)?)),
        _ => None,
    }
}

/// Whether sled's settings file is whole, or so short that sled writes it anew by itself.
pub(super) fn are_settings_whole(bytes: &[u8]) -> bool {
    let parts = bytes.split_last_chunk::<4>();
    bytes.len() <= 8
        || parts.is_some_and(|(covered, crc)| crc32fast::hash(covered) == u32::from_le_bytes(*crc))
}
