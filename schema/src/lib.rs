//! The words of Spireledger.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::float_arithmetic)]

mod bytes;
pub mod command;
pub mod front;
pub mod hash;
pub mod hex;
pub mod identity;
pub mod json;
pub mod key;
pub mod limits;
pub mod money;
pub mod parts;
pub mod personal;
pub mod text;
pub mod time;
pub mod words;

pub use front::Front;
pub use hash::EntryHash;
pub use key::EntryKey;
