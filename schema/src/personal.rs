//! Personal fields: names, notes, Lightning addresses and locations.
//!
//! They are a type of their own in the canonical bytes, so that a person can be forgotten while
//! chain and sums still verify: a sealed value stays unreadable once its key is destroyed.

use std::collections::BTreeMap;

use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};

use crate::hex;
use crate::text::Text;

/// A value that belongs to a person. The order of the variants is part of the byte format.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Personal {
    /// Readable by whoever reads the log.
    Plain(Text),
    /// Encrypted (XChaCha20-Poly1305) under the person's own key.
    Sealed {
        /// Which key opens it.
        key_id: [u8; 16],
        /// The nonce, never used twice with one key.
        nonce: [u8; 24],
        /// The encrypted text with its tag.
        sealed: Vec<u8>,
    },
    /// Gone before it was written: only its place is left.
    Erased,
}

impl Personal {
    /// The text, where it can be read.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text.as_str()),
            Self::Sealed { .. } | Self::Erased => None,
        }
    }
}

impl From<Text> for Personal {
    fn from(text: Text) -> Self {
        Self::Plain(text)
    }
}

/// Readable text as it is; what cannot be read as an object that says why: `{"sealed": {…}}` with
/// all that its key needs to open it, or `{"erased": true}`.
impl Serialize for Personal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(text) => text.serialize(serializer),
            Self::Sealed { key_id, nonce, sealed } => {
                let parts = BTreeMap::from([
                    ("key_id", hex::encode(key_id)),
                    ("nonce", hex::encode(nonce)),
                    ("text", hex::encode(sealed)),
                ]);
                BTreeMap::from([("sealed", parts)]).serialize(serializer)
            }
            Self::Erased => BTreeMap::from([("erased", true)]).serialize(serializer),
        }
    }
}
