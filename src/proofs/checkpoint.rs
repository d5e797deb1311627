//! Checkpoints (C2SP tlog-checkpoint): which log, how many entries, and the root over them, signed.

use std::fmt;

use super::lines::decimal;
use super::{Algorithm, KeyName, Note, NoteError, NoteKey, Signature, TreeHash, VerifierKey};

/// Why a note is no checkpoint, or not one to believe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// No signed note, or not signed by whom it should be.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no tree head.
    #[error("the note's text is no checkpoint: origin, size and root, a line each")]
    Text,
    /// Another log.
    #[error("it is a checkpoint of {found}, not of {expected}")]
    Origin {
        /// The log that was asked for.
        expected: KeyName,
        /// What the checkpoint says.
        found: String,
    },
    /// A key of the other kind.
    #[error("{0} is not a key that signs this: logs sign with type 1, witnesses with type 4")]
    Key(KeyName),
}

/// The head of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root over them.
    pub root: TreeHash,
}

impl Checkpoint {
    /// Reads a note's text. Lines behind the third are the log's own and mean nothing here.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|origin| !origin.is_empty())?;
        let size = decimal(lines.next()?)?;
        let root = TreeHash::parse(lines.next()?)?;
        let whole = lines.all(|line| !line.is_empty());
        whole.then(|| Self { origin: origin.to_owned(), size, root })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

/// A witness's word: it has seen this checkpoint, and no other history of this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// Who.
    pub witness: KeyName,
    /// When, in seconds since 1970, by the witness's clock.
    pub seconds: u64,
}

/// A checkpoint in the note that it came in. It is to be believed after [`Self::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    head: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs the head of a log, whose origin is the key's name.
    pub fn sign(size: u64, root: TreeHash, key: &NoteKey) -> Self {
        let origin = key.public().name().as_str().to_owned();
        let head = Checkpoint { origin, size, root };
        let text = head.to_string();
        let signature = Signature::of_text(&text, key);
        Self { head, note: Note::new(text, vec![signature]) }
    }

    /// Reads a note, whoever may have signed it.
    pub fn parse(note: &str) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let head = Checkpoint::parse(note.text()).ok_or(CheckpointError::Text)?;
        Ok(Self { head, note })
    }

    /// What it says.
    pub const fn head(&self) -> &Checkpoint {
        &self.head
    }

    /// The note.
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// Size and root.
    pub const fn tree(&self) -> (u64, TreeHash) {
        (self.head.size, self.head.root)
    }

    /// Checks that it is of the log that a key stands for, and signed by it.
    pub fn verify(&self, log: &VerifierKey) -> Result<(), CheckpointError> {
        if log.algorithm() != Algorithm::Ed25519 {
            return Err(CheckpointError::Key(log.name().clone()));
        }
        if self.head.origin != log.name().as_str() {
            let found = self.head.origin.clone();
            return Err(CheckpointError::Origin { expected: log.name().clone(), found });
        }
        Ok(self.note.signed_by(log).map(|_| ())?)
    }

    /// Which of these witnesses have cosigned it. One that has not is left out; a signature that names one
    /// and is not its makes the whole note worthless.
    pub fn cosigned(&self, witnesses: &[VerifierKey]) -> Result<Vec<Cosigned>, CheckpointError> {
        let mut all = Vec::new();
        for witness in witnesses {
            match self.cosigned_by(witness) {
                Ok(cosigned) => all.push(cosigned),
                Err(CheckpointError::Note(NoteError::NotSigned(_))) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Checks that a witness has cosigned it.
    pub fn cosigned_by(&self, witness: &VerifierKey) -> Result<Cosigned, CheckpointError> {
        let wrong = || CheckpointError::Key(witness.name().clone());
        let seconds = self.note.signed_by(witness)?.seconds.ok_or_else(wrong)?;
        Ok(Cosigned { witness: witness.name().clone(), seconds })
    }

    /// A witness's signature, at a time in seconds since 1970. Whether there is a reason to give it is for
    /// the caller to know.
    ///
    /// # Errors
    /// If the key is no witness's.
    pub fn cosign(&self, key: &NoteKey, seconds: u64) -> Result<Signature, CheckpointError> {
        let public = key.public();
        if public.algorithm() == Algorithm::Cosignature {
            Ok(Signature::of_witness(self.note.text(), key, seconds))
        } else {
            Err(CheckpointError::Key(public.name().clone()))
        }
    }

    /// The same checkpoint with one signature more, or a newer one of a key that has signed it.
    #[must_use]
    pub fn with(mut self, signature: Signature) -> Self {
        self.note.add(signature);
        self
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}
