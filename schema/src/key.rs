//! The 32-byte keys under which entries are found.

use std::fmt;

/// The key of an entry's stream.
///
/// A settlement and all that follows from it lives under its Lightning `payment_hash`; what has no
/// payment hash lives under a key derived from its kind and id, so all keys share one space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey([u8; 32]);

/// Blake3's context string for derived keys. Changing it would lose every derived stream.
const CONTEXT: &str = "spireledger 2026-11-24 entry key v1";

impl EntryKey {
    /// Wraps 32 bytes: a payment hash, or a key read back from an entry.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key of a thing without a payment hash: blake3 key derivation over `kind`, then each part,
    /// every one behind its length, so no two lists of parts meet.
    pub fn derive(kind: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        for part in std::iter::once(kind.as_bytes()).chain(parts.iter().copied()) {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// Reads 64 hex digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        crate::hex::decode(text).map(Self)
    }
}

impl fmt::Display for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::fmt(&self.0, f)
    }
}

impl fmt::Debug for EntryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for EntryKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::hex::serialize(&self.0, serializer)
    }
}
