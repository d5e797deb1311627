//! Keys of signed notes: who signs, how, and the text forms `vkey` and `skey` (C2SP signed-note; Go's
//! golang.org/x/mod/sumdb/note).

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::lines::{decode, encode};

/// Longest name of a key.
const NAME_BYTES_MAX: usize = 255;
const SECRET: &str = "PRIVATE+KEY+";

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name cannot be one.
    #[error(
        "{0:?} is no name of a key: it has 1 to 255 bytes, no spaces, no `+` and no control characters"
    )]
    Name(String),
    /// Not three parts.
    #[error("a public key is NAME+ID+BASE64, as `checkpoint --key` prints it")]
    Parts,
    /// Not three parts behind the words that mark a secret key. What was there is not repeated.
    #[error("a secret key is PRIVATE+KEY+NAME+ID+BASE64")]
    SecretParts,
    /// Another kind of signature.
    #[error("the key signs in way {0}; 1 (Ed25519) and 4 (Ed25519 cosignature) are known here")]
    Algorithm(u8),
    /// No key of that kind.
    #[error("the key's bytes are no Ed25519 key")]
    Bytes,
    /// The id is not this name's and key's.
    #[error("the key's id should be {expected}, but {found} is written")]
    Id {
        /// Of this name and key.
        expected: String,
        /// What is written.
        found: String,
    },
}

/// The name of a key: what stands before a signature, and a log's origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyName(String);

impl KeyName {
    /// Takes a name that can stand in a note.
    pub fn new(name: &str) -> Result<Self, KeyError> {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
        let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if fits && !name.chars().any(wrong) {
            Ok(Self(name.to_owned()))
        } else {
            Err(KeyError::Name(name.chars().take(80).collect()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// The text of the note: a log.
    Ed25519 = 1,
    /// That the checkpoint was seen, with the time (`cosignature/v1`): a witness.
    Cosignature = 4,
}

impl Algorithm {
    const fn of(byte: u8) -> Result<Self, KeyError> {
        match byte {
            1 => Ok(Self::Ed25519),
            4 => Ok(Self::Cosignature),
            other => Err(KeyError::Algorithm(other)),
        }
    }
}

/// A public key with its name: what somebody must have been given to verify anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    algorithm: Algorithm,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Reads a `vkey`: name, id and key, joined by `+`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, id, bytes) = three(text).ok_or(KeyError::Parts)?;
        let (algorithm, key) = bytes.split_first().ok_or(KeyError::Bytes)?;
        let key = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok());
        let key = Self {
            name: KeyName::new(name)?,
            algorithm: Algorithm::of(*algorithm)?,
            key: key.filter(|key| !key.is_weak()).ok_or(KeyError::Bytes)?,
        };
        key.check_id(id)?;
        Ok(key)
    }

    fn check_id(&self, found: &str) -> Result<(), KeyError> {
        let expected = spireledger_schema::hex::encode(&self.id());
        if found == expected {
            return Ok(());
        }
        Err(KeyError::Id { expected, found: found.chars().take(16).collect() })
    }

    /// The key's name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// What it signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The first bytes of a hash over name, way and key. They tell keys apart and prove nothing.
    pub fn id(&self) -> [u8; 4] {
        let hash = Sha256::new_with_prefix(self.name.as_str())
            .chain_update([b'\n', self.algorithm as u8])
            .chain_update(self.key.as_bytes())
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        [a, b, c, d]
    }

    /// Whether a signature over a message is this key's, by the strict rules: a key or signature that others
    /// could have made to fit is none.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.algorithm as u8];
        bytes.extend_from_slice(self.key.as_bytes());
        let id = spireledger_schema::hex::encode(&self.id());
        write!(f, "{}+{id}+{}", self.name, encode(&bytes))
    }
}

/// A secret key with its name. It is never printed, but by [`Self::to_secret`].
#[derive(Clone)]
pub struct NoteKey {
    key: SigningKey,
    public: VerifierKey,
}

impl NoteKey {
    /// The key that follows from 32 random bytes.
    pub fn from_seed(name: KeyName, algorithm: Algorithm, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = VerifierKey { name, algorithm, key: key.verifying_key() };
        Self { key, public }
    }

    /// The bytes of the public key that follows from 32 random bytes: for a name made of it.
    pub fn public_bytes(seed: &[u8; 32]) -> [u8; 32] {
        SigningKey::from_bytes(seed).verifying_key().to_bytes()
    }

    /// Reads an `skey`.
    pub fn parse_secret(text: &str) -> Result<Self, KeyError> {
        let parts = text.strip_prefix(SECRET).and_then(three);
        let (name, id, bytes) = parts.ok_or(KeyError::SecretParts)?;
        let (algorithm, seed) = bytes.split_first().ok_or(KeyError::SecretParts)?;
        let seed = seed.try_into().map_err(|_| KeyError::SecretParts)?;
        let key = Self::from_seed(KeyName::new(name)?, Algorithm::of(*algorithm)?, seed);
        key.public.check_id(id)?;
        Ok(key)
    }

    /// The `skey`, for the one file that it is kept in.
    pub fn to_secret(&self) -> String {
        let mut bytes = vec![self.public.algorithm as u8];
        bytes.extend_from_slice(self.key.as_bytes());
        let id = spireledger_schema::hex::encode(&self.public.id());
        format!("{SECRET}{}+{id}+{}", self.public.name, encode(&bytes))
    }

    /// The public key.
    pub const fn public(&self) -> &VerifierKey {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret key of {}", self.public)
    }
}

/// Name, id and bytes of a key. Base64 has `+`, too, so only the first two divide.
fn three(text: &str) -> Option<(&str, &str, Vec<u8>)> {
    let mut parts = text.splitn(3, '+');
    Some((parts.next()?, parts.next()?, decode(parts.next()?)?))
}
