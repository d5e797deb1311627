//! Proofs that need nothing but bytes and a public key: the Merkle tree over the entries, signed tree
//! heads, and what is proven of a single entry.
//!
//! The formats are those that other people's tools read: the tree is RFC 6962's, over the hashes that chain
//! the entries; a [`SignedCheckpoint`] is a C2SP signed note; a witness signs it as C2SP `cosignature/v1`;
//! a [`Proof`] is a C2SP `tlog-proof`; a [`Growth`] is the body that a C2SP witness is asked with. What is
//! read is read strictly: bytes that are not exactly what the format says are refused.
//!
//! *Never:* I/O, a clock, randomness (the seed of a key is handed in), trust in what was not signed.
//! *Start at:* [`Proof::verify`]; `tree.rs` for the tree.

mod checkpoint;
mod frontier;
mod growth;
mod hash;
mod key;
mod lines;
mod note;
mod proof;
#[cfg(test)]
// Trees of tests are small.
#[allow(clippy::cast_possible_truncation)]
mod tests;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, Cosigned, SignedCheckpoint};
pub use frontier::Frontier;
pub use growth::{Growth, GrowthError};
pub use hash::TreeHash;
pub use key::{Algorithm, KeyError, KeyName, NoteKey, VerifierKey};
pub use note::{Note, NoteError, Signature};
pub use proof::{Proof, ProofError, Proven};
pub use tree::{Node, Nodes, consistency, extends, includes, inclusion, peaks, root, root_of_path};
