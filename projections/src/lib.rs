//! Folding entries into state.
//!
//! [`Fleet`] is what every decision needs at hand: configuration, machines, rules, LPs, clients and
//! their balances. Its size follows the fleet, not the history. [`Settlement`] and [`Deposit`] are
//! folded from the entries of their own stream, when somebody asks for one of them. [`tables`] shows
//! all of it as rows, in any of the [`versions`] that the tables have had.
//!
//! *Never:* I/O, a clock, randomness, a `HashMap`, a float. The same entries always give the same
//! state. *Start at:* [`Fleet::apply`].
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::float_arithmetic
)]

mod audited;
mod balances;
pub mod books;
mod cell;
pub mod conservation;
mod deposit;
pub mod facts;
mod fleet;
pub mod imported;
mod life;
mod numbers;
mod occurred;
mod rows;
mod settlement;
pub mod shape;
pub mod tables;
pub mod touched;
pub mod versions;

pub use audited::{Audited, AuditedLeg};
pub use deposit::Deposit;
pub use fleet::Fleet;
pub use life::{Life, is_apart};
pub use numbers::Numbers;
pub use occurred::Occurred;
pub use rows::{Bays, Beacon, Client, Config, Lp, Machine, Rules, Telemetry};
pub use settlement::{Intent, LegRow, Lock, Settlement};
use spireledger_schema::event::ImportPiece;

/// Refuses the last piece of what was brought in, which has to be put together with those before it first;
/// with the others nothing happens.
pub(crate) const fn whole(e: &ImportPiece, seq: u64) -> Result<(), ApplyError> {
    if e.is_last() { Err(ApplyError::InPieces { seq }) } else { Ok(()) }
}

/// Why an entry cannot be folded. A history that `decide` wrote never gives one of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The entry speaks of something that no entry before it made.
    #[error("entry {seq} speaks of {what}, which no earlier entry made")]
    Unknown {
        /// The entry.
        seq: u64,
        /// What it speaks of.
        what: String,
    },
    /// A sum leaves its bounds.
    #[error("entry {seq} takes {what} out of bounds")]
    OutOfBounds {
        /// The entry.
        seq: u64,
        /// Which sum.
        what: String,
    },
    /// The entry completes what came in pieces, and was not put together with those before it.
    #[error("entry {seq} is the last piece of something, and not all of it")]
    InPieces {
        /// The entry.
        seq: u64,
    },
    /// The entry stands in a stream where it does not belong.
    #[error("entry {seq} ({name}) does not belong in its stream")]
    Misplaced {
        /// The entry.
        seq: u64,
        /// The event's name.
        name: &'static str,
    },
}
