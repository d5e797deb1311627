//! The words of Spireledger.
pub mod front;
pub mod hash;
pub mod hex;
pub mod key;

pub use front::Front;
pub use hash::EntryHash;
pub use key::EntryKey;
