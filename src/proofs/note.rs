//! Signed notes (C2SP signed-note): a text, an empty line, and a line for each signature.

use std::fmt;

use super::lines::{decode, encode};
use super::{Algorithm, KeyName, NoteKey, VerifierKey};

/// Longest note that is read, in bytes.
const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Most signatures of one note: witnesses are few.
const SIGNATURES_MAX: usize = 64;
const MARK: &str = "\u{2014} ";

/// Why a text is no signed note, or not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Too long, or with characters that no note has.
    #[error("a note has at most {NOTE_BYTES_MAX} bytes, and no control characters but line ends")]
    NotANote,
    /// No empty line between text and signatures.
    #[error("a note is a text, an empty line and signature lines; there is no empty line")]
    NoSignatures,
    /// Not a line for a signature.
    #[error("signature line {0} is not `— NAME BASE64`, or there are more than {SIGNATURES_MAX}")]
    SignatureLine(usize),
    /// A key that was asked for did not sign.
    #[error("it is not signed by {0}")]
    NotSigned(KeyName),
    /// A signature names the key, but is not its.
    #[error("the signature of {0} does not fit: the text was changed, or somebody else signed")]
    Forged(KeyName),
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    name: KeyName,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl Signature {
    /// Signs a note's text as a log.
    pub(super) fn of_text(text: &str, key: &NoteKey) -> Self {
        Self::new(key, key.sign(text.as_bytes()).to_vec())
    }

    /// Signs a note's text as a witness, at a time in seconds since 1970.
    pub(super) fn of_witness(text: &str, key: &NoteKey, seconds: u64) -> Self {
        let signature = key.sign(&cosigned_message(text, seconds));
        Self::new(key, [&seconds.to_be_bytes()[..], &signature].concat())
    }

    fn new(key: &NoteKey, bytes: Vec<u8>) -> Self {
        let public = key.public();
        Self { name: public.name().clone(), id: public.id(), bytes }
    }

    /// The name of whoever signed, as the line says.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    fn names(&self, key: &VerifierKey) -> bool {
        self.name == *key.name() && self.id == key.id()
    }

    /// Whether this is the key's signature over a text; for a witness, with its time in seconds since 1970.
    fn check(&self, text: &str, key: &VerifierKey) -> Option<Signed> {
        match key.algorithm() {
            Algorithm::Ed25519 => {
                let signature = self.bytes.as_slice().try_into().ok()?;
                key.signed(text.as_bytes(), signature).then_some(Signed { seconds: None })
            }
            Algorithm::Cosignature => {
                let (seconds, signature) = self.bytes.split_first_chunk::<8>()?;
                let seconds = u64::from_be_bytes(*seconds);
                let signature = signature.try_into().ok()?;
                let fits = i64::try_from(seconds).is_ok()
                    && key.signed(&cosigned_message(text, seconds), signature);
                fits.then_some(Signed { seconds: Some(seconds) })
            }
        }
    }

    /// Reads a line, without its end.
    pub fn parse(line: &str) -> Option<Self> {
        let (name, text) = line.strip_prefix(MARK)?.split_once(' ')?;
        let bytes = decode(text)?;
        let (id, signature) = bytes.split_first_chunk::<4>()?;
        let name = KeyName::new(name).ok()?;
        (!signature.is_empty()).then(|| Self { name, id: *id, bytes: signature.to_vec() })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MARK}{} {}", self.name, encode(&[&self.id[..], &self.bytes].concat()))
    }
}

/// That a key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signed {
    /// When, if it is a witness.
    pub(super) seconds: Option<u64>,
}

/// What a witness signs: C2SP tlog-cosignature, "Ed25519 signed message".
fn cosigned_message(text: &str, seconds: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {seconds}\n{text}").into_bytes()
}

/// A text and its signatures. Nothing of it is to be believed before a signature of
/// somebody who is known was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// A text, which ends with a line end and has no other control characters, signed.
    pub(super) const fn new(text: String, signatures: Vec<Signature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a note, strictly.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::NotANote);
        }
        let empty_line = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, signatures) = note.split_at(empty_line + 1);
        let lines = signatures.strip_prefix('\n').unwrap_or_default();
        let lines = lines.strip_suffix('\n').ok_or(NoteError::SignatureLine(1))?;
        let mut signatures = Vec::new();
        for (number, line) in (1..).zip(lines.split('\n')) {
            let signature = Signature::parse(line).filter(|_| number <= SIGNATURES_MAX);
            signatures.push(signature.ok_or(NoteError::SignatureLine(number))?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its last line end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Checks that a key signed the text. Every signature that names the key must be its; those of others are
    /// passed over.
    pub(super) fn signed_by(&self, key: &VerifierKey) -> Result<Signed, NoteError> {
        let mut signed = None;
        for signature in self.signatures.iter().filter(|signature| signature.names(key)) {
            let forged = || NoteError::Forged(key.name().clone());
            signed = Some(signature.check(&self.text, key).ok_or_else(forged)?);
        }
        signed.ok_or_else(|| NoteError::NotSigned(key.name().clone()))
    }

    /// Adds a signature, behind the others. One that the same key has made before gives way: a witness that
    /// signs again and again must not fill the note.
    pub(super) fn add(&mut self, signature: Signature) {
        self.signatures.retain(|held| held.name != signature.name || held.id != signature.id);
        self.signatures.push(signature);
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
