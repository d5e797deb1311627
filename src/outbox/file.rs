//! The bytes of an outbox, and what is wrong with them. Pure.
//!
//! The file `outbox` begins with a head:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `SPIOUTBX` |
//! | 4 | [`VERSION`] |
//! | 8 | generation: one more each time that the file is written anew |
//! | 8 | how many bytes of frames it had when it was written anew |
//! | 2, … | the machine's id, behind its length |
//! | 4 | crc32 of all of that |
//!
//! Then come frames, each of which was one durable write:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of the records |
//! | 4 | crc32 of those 4 bytes and the records |
//! | … | records in bincode 2, standard configuration: see `record.rs` |
//!
//! The witness beside it, `outbox.witness`, tells how much of that was durable at least:
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | the generation of the file that it speaks of |
//! | 8 | bytes of that file that have reached the disk |
//! | 8 | the highest number that was given |
//! | 4 | crc32 of those 24 bytes |
//!
//! All numbers are little-endian. Only the last frame can be torn by a crash: writers come one after the
//! other, and each waits for the disk. So a frame that cannot be read is *torn* if it is the last thing
//! in the file and lies beyond what the witness vouches for; anything else is damage.

use super::record::Record;

/// Raised with every change of the format.
pub const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"SPIOUTBX";
/// Most bytes of records in a frame.
pub const FRAME_BYTES_MAX: usize = 8 << 20;
/// Before the records of a frame.
pub const FRAME_HEAD_BYTES: usize = 8;
/// Bytes of a witness.
pub const WITNESS_BYTES: usize = 28;

/// What a file says before its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How often it was written anew.
    pub generation: u64,
    /// Bytes of frames that it had then.
    pub base: u64,
    /// Whose it is.
    pub machine_id: String,
}

/// How far a file was durable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Witness {
    /// Of which file.
    pub generation: u64,
    /// Its durable bytes.
    pub length: u64,
    /// The highest number that was given.
    pub highest: u64,
}

/// Bytes that were kept and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error("bytes {from} to {to}: {why}")]
pub struct Damage {
    /// Where it begins.
    pub from: u64,
    /// Where what can be read goes on, or the file ends.
    pub to: u64,
    /// What is wrong.
    pub why: String,
}

/// What frames were found, and what stands between them.
#[derive(Debug, Default)]
pub struct Scan {
    /// Records, frame by frame, each with where its frame begins.
    pub frames: Vec<(u64, Vec<Record>)>,
    /// What cannot be read.
    pub damage: Vec<Damage>,
    /// Where the torn last frame begins, if there is one.
    pub torn: Option<u64>,
}

/// Why a head is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Another file.
    #[error("it does not begin as an outbox does")]
    NoOutbox,
    /// Of another program.
    #[error("it has version {0} of the format, and this program reads version {VERSION}")]
    Version(u32),
    /// Damaged.
    #[error("its head is damaged")]
    Damaged,
}

impl Head {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.base.to_le_bytes());
        let id = self.machine_id.as_bytes();
        // Ids have at most 128 bytes.
        out.extend_from_slice(&u16::try_from(id.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(id);
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a head; tells how long it is.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), HeadError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(HeadError::NoOutbox)?;
        let (version, rest) = rest.split_first_chunk().ok_or(HeadError::Damaged)?;
        let version = u32::from_le_bytes(*version);
        if version != VERSION {
            return Err(HeadError::Version(version));
        }
        let read = || {
            let (generation, rest) = rest.split_first_chunk()?;
            let (base, rest) = rest.split_first_chunk()?;
            let (length, rest) = rest.split_first_chunk()?;
            let (id, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            let crc = u32::from_le_bytes(*rest.first_chunk()?);
            let covered = bytes.len() - rest.len();
            let is_whole = crc32fast::hash(bytes.get(..covered)?) == crc;
            let machine_id = std::str::from_utf8(id).ok()?.to_owned();
            let (generation, base) = (u64::from_le_bytes(*generation), u64::from_le_bytes(*base));
            is_whole.then_some((Self { generation, base, machine_id }, covered + 4))
        };
        read().ok_or(HeadError::Damaged)
    }
}

impl Witness {
    /// As bytes.
    pub fn encode(self) -> [u8; WITNESS_BYTES] {
        let mut out = [0; WITNESS_BYTES];
        let numbers = [self.generation, self.length, self.highest].map(u64::to_le_bytes).concat();
        let crc = crc32fast::hash(&numbers).to_le_bytes();
        for (place, byte) in out.iter_mut().zip(numbers.iter().chain(&crc)) {
            *place = *byte;
        }
        out
    }

    /// Reads a witness; a torn one is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, crc) = bytes.split_first_chunk::<24>()?;
        if crc32fast::hash(numbers) != u32::from_le_bytes(crc.try_into().ok()?) {
            return None;
        }
        let (generation, rest) = numbers.split_first_chunk()?;
        let (length, highest) = rest.split_first_chunk()?;
        Some(Self {
            generation: u64::from_le_bytes(*generation),
            length: u64::from_le_bytes(*length),
            highest: u64::from_le_bytes(highest.try_into().ok()?),
        })
    }
}

/// Records as a frame; `None` if they are too long for one.
pub fn frame(records: &[Record]) -> Option<Vec<u8>> {
    let mut out = vec![0; FRAME_HEAD_BYTES];
    bincode::encode_into_std_write(records, &mut out, bincode::config::standard()).ok()?;
    let length = out.len() - FRAME_HEAD_BYTES;
    if length > FRAME_BYTES_MAX {
        return None;
    }
    let length = u32::try_from(length).ok()?.to_le_bytes();
    let crc = checksum(length, out.get(FRAME_HEAD_BYTES..)?).to_le_bytes();
    for (place, byte) in out.iter_mut().zip(length.into_iter().chain(crc)) {
        *place = byte;
    }
    Some(out)
}

fn checksum(length: [u8; 4], records: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(records);
    hasher.finalize()
}

/// The records of the frame that begins here, and its length.
fn frame_at(bytes: &[u8]) -> Result<(&[u8], usize), &'static str> {
    let cut = "a frame that is cut off";
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(cut)?;
    let (crc, rest) = rest.split_first_chunk::<4>().ok_or(cut)?;
    let count = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if count > FRAME_BYTES_MAX {
        return Err("a frame longer than any is");
    }
    let records = rest.get(..count).ok_or(cut)?;
    if checksum(*length, records) != u32::from_le_bytes(*crc) {
        return Err("a frame that its checksum does not fit");
    }
    Ok((records, FRAME_HEAD_BYTES + count))
}

fn decode(records: &[u8]) -> Option<Vec<Record>> {
    // Eight times what a frame holds: lengths that lists claim are bounded before they cost memory.
    let config = bincode::config::standard().with_limit::<{ 8 * FRAME_BYTES_MAX }>();
    let (decoded, used) = bincode::decode_from_slice(records, config).ok()?;
    (used == records.len()).then_some(decoded)
}

/// Reads the frames in `bytes`, which stand at `from` in their file. Whatever lies before `durable` had
/// reached the disk.
pub fn scan(bytes: &[u8], from: u64, durable: u64) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    let place = |at: usize| from + at as u64;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let why = match frame_at(rest) {
            Ok((records, length)) => {
                if let Some(records) = decode(records) {
                    scan.frames.push((place(at), records));
                } else {
                    let why = "records that are none".to_owned();
                    let (from, to) = (place(at), place(at + length));
                    scan.damage.push(Damage { from, to, why });
                }
                at += length;
                continue;
            }
            Err(why) => why,
        };
        let next = (at + 1..bytes.len()).find(|next| {
            bytes.get(*next..).is_some_and(|rest| frame_at(rest).is_ok_and(|(r, _)| !r.is_empty()))
        });
        if next.is_none() && place(at) >= durable {
            scan.torn = Some(place(at));
            break;
        }
        let to = next.unwrap_or(bytes.len());
        scan.damage.push(Damage { from: place(at), to: place(to), why: why.to_owned() });
        at = to;
    }
    let end = place(bytes.len());
    if scan.torn.is_none() && scan.damage.is_empty() && end < durable {
        let why = "the file ends before what had reached the disk".to_owned();
        scan.damage.push(Damage { from: end, to: durable, why });
    }
    scan
}
