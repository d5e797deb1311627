//! The notary: what the pure proofs need of a ledger directory. The tree beside the log, the key that signs
//! its head, every checkpoint that was ever signed, and what this ledger has witnessed of others.
//!
//! | file | what | may be deleted |
//! | --- | --- | --- |
//! | `tree` | upper nodes of the tree: see `tree_file.rs` | yes, it is made from the log |
//! | `note.key` | the secret key that signs checkpoints, mode 0600 | no, and no backup holds it |
//! | `checkpoints` | every checkpoint that was signed: see `records.rs` | no |
//! | `cosigner/` | what this ledger witnesses of others: see `witness.rs` | no |
//!
//! *Never:* a signature on what does not extend all that was signed before; a checkpoint that leaves before
//! it is durable here; the secret key in a text. *Start at:* [`Notary::checkpoint`].

mod copy;
mod desk;
mod error;
mod keys;
mod records;
mod store;
#[cfg(test)]
mod tests;
mod tree;
mod tree_file;
mod witness;

pub use copy::CheckpointsCopy;
pub use desk::{Access, Notary};
pub use error::NotaryError;
pub use keys::{KEY_FILE, load_key, make_key, public_key};
pub use records::{Damage, Record, Records};
pub use store::{CHECKPOINTS_FILE, Store, Stored};
pub use tree::Tree;
pub use tree_file::{TREE_FILE, TreeFile, position_of};
pub use witness::{Refused, Witness};
