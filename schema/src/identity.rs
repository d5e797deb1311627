//! Who: public keys, payment hashes, actors and the evidence they leave.

use std::fmt;

use bech32::{Bech32, Hrp};
use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};

use crate::key::EntryKey;
use crate::text::Text;
use crate::time::Timestamp;

/// A Lightning payment hash (BOLT 11): the identity of a settlement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, BorrowDecode)]
pub struct PaymentHash([u8; 32]);

impl PaymentHash {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hex digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        crate::hex::decode(text).map(Self)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The stream of the settlement.
    pub const fn key(&self) -> EntryKey {
        EntryKey::from_bytes(self.0)
    }

    /// The stream of refused claims on this hash.
    pub fn evidence_key(&self) -> EntryKey {
        EntryKey::derive("refused claim", &[&self.0])
    }
}

impl fmt::Display for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::fmt(&self.0, f)
    }
}

impl fmt::Debug for PaymentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PaymentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::hex::serialize(&self.0, serializer)
    }
}

/// A Nostr public key (x-only secp256k1, NIP-01). Written as `npub…` (NIP-19), read as that or hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, BorrowDecode)]
pub struct PublicKey([u8; 32]);

const NPUB: Hrp = Hrp::parse_unchecked("npub");

impl PublicKey {
    /// Wraps 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads `npub1…` or 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(bytes) = crate::hex::decode(text) {
            return Some(Self(bytes));
        }
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).ok()?;
        if checked.hrp() != NPUB {
            return None;
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bech32::encode_lower_to_fmt::<Bech32, _>(f, NPUB, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What an authenticated key may do. The order of the variants is part of the byte format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, BorrowDecode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The administrator of the instance.
    Super,
    /// Sees and changes its own machines.
    Operator,
    /// Reports for itself.
    Machine,
    /// Its own preferences and balance.
    Lp,
    /// Reads all, changes nothing.
    Auditor,
}

/// Who caused an entry. The order of the variants is part of the byte format.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// The command line on the ledger directory: the administrator.
    Local,
    /// Someone who signed with a Nostr key.
    Key {
        /// In which role.
        role: Role,
        /// The key.
        public_key: PublicKey,
    },
    /// A database that was brought in.
    Import {
        /// Its file name.
        file: Text,
        /// The schema version that was found in it.
        version: u16,
    },
    /// The ledger itself, acting on its own rules.
    Ledger,
}

impl Actor {
    /// Kind and bytes that together tell this actor from any other, for keys derived per actor.
    pub fn identity(&self) -> [&[u8]; 2] {
        match self {
            Self::Local => [b"local", b""],
            Self::Key { public_key, .. } => [b"key", public_key.as_bytes()],
            Self::Import { file, .. } => [b"import", file.as_str().as_bytes()],
            Self::Ledger => [b"ledger", b""],
        }
    }
}

/// Proof that someone else said it. The order of the variants is part of the byte format.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Evidence {
    /// The signed Nostr event that carried the command (NIP-01).
    NostrEvent {
        /// Its id.
        id: [u8; 32],
        /// Its Schnorr signature over the id (BIP 340).
        signature: [u8; 64],
        /// Its kind: 21000 for a request, 27235 for NIP-98.
        kind: u16,
        /// When the sender says it was made.
        created_at: Timestamp,
    },
}

impl Serialize for Evidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let Self::NostrEvent { id, signature, kind, created_at } = self;
        let mut out = serializer.serialize_struct("NostrEvent", 4)?;
        out.serialize_field("nostr_event_id", &crate::hex::encode(id))?;
        out.serialize_field("signature", &crate::hex::encode(signature))?;
        out.serialize_field("kind", kind)?;
        out.serialize_field("created_at", created_at)?;
        out.end()
    }
}
