//! The words of Spireledger.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic
)]

pub mod answer;
mod bytes;
pub mod command;
pub mod entry;
pub mod event;
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
pub mod refusal;
pub mod streams;
pub mod text;
pub mod time;
pub mod words;

pub use answer::{Answer, Receipt};
pub use command::Command;
pub use entry::{Circumstances, Entry};
pub use event::Event;
pub use front::Front;
pub use hash::EntryHash;
pub use key::EntryKey;
pub use refusal::{Code, Refusal};
