//! Spireledger.
#![deny(clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]
pub mod audit;
pub mod ledger;
pub mod log;
pub mod rules;
pub mod simulate;
pub mod tables;
