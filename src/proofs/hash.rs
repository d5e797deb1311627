//! The hashes of the tree: SHA-256, as RFC 6962 (section 2.1) puts it.

use std::fmt;

use sha2::{Digest, Sha256};
use spireledger_schema::EntryHash;

use super::lines::{decode_32, encode};

/// A node of the tree, or its root.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TreeHash([u8; 32]);

impl TreeHash {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The root of the empty tree: the hash of nothing.
    pub fn empty() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The leaf of an entry. What is logged is the hash that chains it, which covers its canonical bytes and
    /// all entries before it.
    pub fn leaf(entry: &EntryHash) -> Self {
        Self::leaf_of(entry.as_bytes())
    }

    /// The leaf of any bytes: `SHA-256(0x00 ‖ bytes)`.
    pub fn leaf_of(bytes: &[u8]) -> Self {
        Self(Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into())
    }

    /// The node above two: `SHA-256(0x01 ‖ left ‖ right)`.
    #[must_use]
    pub fn above(left: &Self, right: &Self) -> Self {
        let mut bytes = [1; 65];
        let (_, both) = bytes.split_at_mut(1);
        let (first, second) = both.split_at_mut(32);
        first.copy_from_slice(&left.0);
        second.copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }

    /// Reads base64, as it stands in checkpoints and proofs.
    pub fn parse(text: &str) -> Option<Self> {
        decode_32(text).map(Self)
    }
}

/// Base64, as in checkpoints and proofs.
impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
