//! The front of an entry's canonical bytes: the only part that the log itself reads.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | format of the entry, [`ENTRY_FORMAT`] |
//! | 1 | number of keys, 1 or 2 |
//! | 8 | `seq`, little-endian, gapless from 1 |
//! | 32 | the entry's key |
//! | 32 | only with two keys: an alias, under which the entry is also found |
//!
//! Behind it comes what only [`crate::entry`] can read.

use crate::key::EntryKey;

/// The one entry format there is. A reader refuses any other.
pub const ENTRY_FORMAT: u8 = 1;

/// Longest canonical form of one entry, in bytes. With its block it must stay under sled's 64 KiB.
pub const ENTRY_BYTES_MAX: usize = 48 * 1024;

/// Sequence number, key and alias of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// Position in the log, gapless from 1.
    pub seq: u64,
    /// The stream the entry belongs to.
    pub key: EntryKey,
    /// A second key that leads to the same entry (a `request_id`, say).
    pub alias: Option<EntryKey>,
}

impl Front {
    /// Length of these front bytes: 42, or 74 with an alias.
    pub const fn len(&self) -> usize {
        if self.alias.is_some() { 74 } else { 42 }
    }

    /// Never: a front has at least 42 bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the front to the end of `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(ENTRY_FORMAT);
        out.push(if self.alias.is_some() { 2 } else { 1 });
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(self.key.as_bytes());
        if let Some(alias) = &self.alias {
            out.extend_from_slice(alias.as_bytes());
        }
    }

    /// Reads the front and returns it with the bytes behind it. `None`: these are no entry's bytes.
    pub fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&[format, keys], rest) = bytes.split_first_chunk::<2>()?;
        if format != ENTRY_FORMAT {
            return None;
        }
        let (seq, rest) = rest.split_first_chunk::<8>()?;
        let (key, rest) = rest.split_first_chunk::<32>()?;
        let (alias, rest) = match keys {
            1 => (None, rest),
            2 => {
                let (alias, rest) = rest.split_first_chunk::<32>()?;
                (Some(EntryKey::from_bytes(*alias)), rest)
            }
            _ => return None,
        };
        let front = Self { seq: u64::from_le_bytes(*seq), key: EntryKey::from_bytes(*key), alias };
        Some((front, rest))
    }
}
