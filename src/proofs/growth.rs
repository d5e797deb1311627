//! Growth: that a later checkpoint's log begins with an earlier one's, in the form in which a C2SP witness
//! is asked for its signature (tlog-witness, `add-checkpoint`).
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//! …
//!
//! example.com/log42
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/log42 Az3grl…
//! ```

use std::fmt;

use super::lines::{decimal, path, write_path};
use super::{CheckpointError, SignedCheckpoint, TreeHash, VerifierKey, extends};

/// Why it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrowthError {
    /// Not of the form.
    #[error("this is no proof of growth: `old SIZE`, hashes, an empty line and a checkpoint")]
    Form,
    /// A checkpoint that is not to be believed.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// It begins somewhere else.
    #[error("the proof begins at {found} entries, but the earlier checkpoint has {expected}")]
    Begins {
        /// The earlier checkpoint's size.
        expected: u64,
        /// What the proof says.
        found: u64,
    },
    /// The two are of one log that has been shown in two ways, or the proof is wrong.
    #[error(
        "the log of {new} entries does not begin with the one of {old} entries: history was changed, \
         or the proof is of other checkpoints"
    )]
    Fork {
        /// The earlier size.
        old: u64,
        /// The later size.
        new: u64,
    },
}

/// A consistency proof with the checkpoint that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// The size that it begins at.
    pub old: u64,
    /// RFC 6962's consistency proof.
    pub proof: Vec<TreeHash>,
    /// Where it leads.
    pub new: SignedCheckpoint,
}

impl Growth {
    /// Reads the text form, strictly.
    pub fn parse(text: &str) -> Result<Self, GrowthError> {
        let old = text.strip_prefix("old ").and_then(|rest| rest.split_once('\n'));
        let (size, rest) = old.ok_or(GrowthError::Form)?;
        let size = decimal(size).ok_or(GrowthError::Form)?;
        let (proof, note) = path(rest).ok_or(GrowthError::Form)?;
        Ok(Self { old: size, proof, new: SignedCheckpoint::parse(note)? })
    }

    /// Whether a text looks like one.
    pub fn is_begun(text: &str) -> bool {
        text.starts_with("old ")
    }

    /// Checks that both checkpoints are a log's and that the later one extends the earlier.
    pub fn verify(&self, old: &SignedCheckpoint, log: &VerifierKey) -> Result<(), GrowthError> {
        old.verify(log)?;
        self.new.verify(log)?;
        self.extends(old.tree())
    }

    /// Checks that the later checkpoint's tree begins with a tree of that size and root.
    pub fn extends(&self, old: (u64, TreeHash)) -> Result<(), GrowthError> {
        if self.old != old.0 {
            return Err(GrowthError::Begins { expected: old.0, found: self.old });
        }
        let new = self.new.tree();
        if extends(old, new, &self.proof) {
            Ok(())
        } else {
            Err(GrowthError::Fork { old: old.0, new: new.0 })
        }
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = format!("old {}\n", self.old);
        write_path(&self.proof, &mut out);
        write!(f, "{out}{}", self.new)
    }
}
