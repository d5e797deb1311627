//! The hash that chains entries.

use std::fmt;

/// A 32-byte blake3 hash: of an entry, chained to the one before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryHash([u8; 32]);

impl EntryHash {
    /// What the first entry is chained to. All zeros, so that an empty ledger has a head, too.
    pub const GENESIS: Self = Self([0; 32]);

    /// Wraps 32 bytes read from a block, a file or a proof.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of the entry with these canonical bytes, when `self` is the hash of the one before:
    /// `blake3(previous ‖ canonical bytes)`.
    #[must_use]
    pub fn chain(&self, canonical: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0).update(canonical);
        Self(*hasher.finalize().as_bytes())
    }

    /// Reads 64 hex digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        crate::hex::decode(text).map(Self)
    }
}

impl fmt::Display for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::fmt(&self.0, f)
    }
}

impl fmt::Debug for EntryHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for EntryHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::hex::serialize(&self.0, serializer)
    }
}
