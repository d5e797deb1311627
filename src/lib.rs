//! Spireledger.
#![deny(clippy::unwrap_used, clippy::expect_used)]
pub mod rules;
pub mod simulate;
