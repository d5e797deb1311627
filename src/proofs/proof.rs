//! Proofs of entries: one entry, that it is in the log, and where (C2SP tlog-proof).
//!
//! The `extra` line carries what the leaf is made of, so that the file is enough by itself:
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | 1, the form of what follows |
//! | 32 | the hash of the entry before: zeros for the first |
//! | … | the entry's canonical bytes |
//!
//! The leaf is `SHA-256(0x00 ‖ blake3(hash before ‖ canonical bytes))`, and the index is the entry's seq
//! less one. So nothing in the line has to be trusted: if a byte of it is changed, the leaf is another one.

use std::fmt;

use spireledger_schema::event::DecodeError;
use spireledger_schema::front::ENTRY_BYTES_MAX;
use spireledger_schema::{Entry, EntryHash};

use super::lines::{decimal, decode, encode, path, write_path};
use super::{
    Checkpoint, CheckpointError, Cosigned, SignedCheckpoint, TreeHash, VerifierKey, includes,
};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1\n";
const EXTRA_FORM: u8 = 1;

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Not a tlog-proof.
    #[error(
        "this is no proof: `c2sp.org/tlog-proof@v1` and then `extra`, `index`, hashes, a checkpoint"
    )]
    Form,
    /// The extra line is missing or of another application.
    #[error("the proof does not carry an entry of this ledger in its `extra` line")]
    Extra,
    /// The checkpoint is not to be believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the tree.
    #[error(
        "entry {seq} is not in the log of this checkpoint: the entry, the path or the checkpoint was \
         changed"
    )]
    NotIncluded {
        /// Where the entry should stand.
        seq: u64,
    },
    /// The log holds these bytes, but this program cannot read them.
    #[error("the entry is in the log, but cannot be read: {0}")]
    Entry(#[from] DecodeError),
    /// It is in the log in another place than it says of itself.
    #[error("the entry calls itself {found}, but stands in the log as {expected}")]
    Place {
        /// By its index.
        expected: u64,
        /// By its own bytes.
        found: u64,
    },
}

/// An entry, its path, and a checkpoint. It is to be believed after [`Self::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The hash that the entry is chained to.
    pub before: EntryHash,
    /// Its canonical bytes.
    pub canonical: Vec<u8>,
    /// Its place in the log, from 0.
    pub index: u64,
    /// From the leaf to the root.
    pub path: Vec<TreeHash>,
    /// The log, as it was when this was made.
    pub checkpoint: SignedCheckpoint,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The entry.
    pub entry: Entry,
    /// Its hash in the chain.
    pub entry_hash: EntryHash,
    /// The log that holds it.
    pub checkpoint: Checkpoint,
    /// Which of the witnesses have seen that log.
    pub witnesses: Vec<Cosigned>,
}

impl Proof {
    /// Reads the text form, strictly.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let line = |text: &str, word| -> Option<(String, String)> {
            let (line, rest) = text.strip_prefix(word)?.split_once('\n')?;
            Some((line.to_owned(), rest.to_owned()))
        };
        let rest = text.strip_prefix(FIRST_LINE).ok_or(ProofError::Form)?;
        let (extra, rest) = line(rest, "extra ").ok_or(ProofError::Extra)?;
        let (index, rest) = line(&rest, "index ").ok_or(ProofError::Form)?;
        let index = decimal(&index).ok_or(ProofError::Form)?;
        let (path, note) = path(&rest).ok_or(ProofError::Form)?;
        let (before, canonical) = read_extra(&extra).ok_or(ProofError::Extra)?;
        let checkpoint = SignedCheckpoint::parse(note)?;
        Ok(Self { before, canonical, index, path, checkpoint })
    }

    /// Checks all of it: the log's signature, the path, the entry, and who has witnessed the checkpoint.
    /// What is proven is that the log with this key holds this entry in this place, and that it cannot take
    /// it out again without breaking with every checkpoint that somebody keeps.
    pub fn verify(
        &self,
        log: &VerifierKey,
        witnesses: &[VerifierKey],
    ) -> Result<Proven, ProofError> {
        self.checkpoint.verify(log)?;
        let witnesses = self.checkpoint.cosigned(witnesses)?;
        let entry_hash = self.before.chain(&self.canonical);
        let (size, root) = self.checkpoint.tree();
        let seq = self.index.saturating_add(1);
        if !includes(&root, size, TreeHash::leaf(&entry_hash), self.index, &self.path) {
            return Err(ProofError::NotIncluded { seq });
        }
        let entry = Entry::decode(&self.canonical)?;
        if entry.front.seq != seq {
            return Err(ProofError::Place { expected: seq, found: entry.front.seq });
        }
        Ok(Proven { entry, entry_hash, checkpoint: self.checkpoint.head().clone(), witnesses })
    }
}

fn read_extra(text: &str) -> Option<(EntryHash, Vec<u8>)> {
    let bytes = decode(text).filter(|bytes| bytes.len() <= 33 + ENTRY_BYTES_MAX)?;
    let (form, rest) = bytes.split_first()?;
    let (before, canonical) = rest.split_first_chunk::<32>()?;
    (*form == EXTRA_FORM).then(|| (EntryHash::from_bytes(*before), canonical.to_vec()))
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = [&[EXTRA_FORM][..], self.before.as_bytes(), &self.canonical].concat();
        let mut out = format!("{FIRST_LINE}extra {}\nindex {}\n", encode(&extra), self.index);
        write_path(&self.path, &mut out);
        write!(f, "{out}{}", self.checkpoint)
    }
}
