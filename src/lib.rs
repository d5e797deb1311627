//! Spireledger: an event-sourced settlement ledger for fleets of bitSpire Bitcoin ATMs.
//!
//! A *command* is a wish, in JSON or typed. The pure [`rules`] decide what follows from it: an *event*, a
//! replay of what was said before, or a refusal. The [`ledger`] is the one writer: it decides commands in
//! groups, appends their events to the [`log`] as hash-chained *entries*, makes the group durable, and
//! only then answers. Everything else is computed from the log: [`tables`] and balances, now or as of any
//! moment, and the [`audit`], which trusts nothing but the bytes.
//!
//! ```
//! use spireledger::ledger::{Ledger, Reader};
//! use spireledger::log::{Directory, ReadLog};
//! use spireledger::rules::Request;
//! use spireledger_schema::{Answer, Command};
//! use spireledger_schema::time::Timestamp;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! # let dir = place.path().join("ledger");
//! let clock = || Timestamp::from_seconds(1_767_225_600).expect("a time");
//! let (ledger, _) = Ledger::open_held(Directory::begin(&dir, "an example")?, Box::new(clock))?;
//! Directory::finish(&dir)?;
//!
//! let command = r#"{"type":"machine.register","id":"m1","operator_user_id":"op",
//!                   "wallet_id":"w1","fiat_code":"GTQ"}"#;
//! let request = Request::local(Command::parse(command)?);
//! assert!(matches!(ledger.ask_one(request.clone())?, Answer::Accepted(_)));
//! // Said again, it is answered with the first receipt, and nothing is appended.
//! assert!(matches!(ledger.ask_one(request)?, Answer::Replayed(receipt) if receipt.seq == 1));
//! ledger.close()?;
//!
//! let reader = Reader::open(&dir)?;
//! assert!(spireledger::audit::verify(&reader, |_| {}).is_sound());
//! assert_eq!(reader.head().seq, 1);
//! # Ok(())
//! # }
//! ```
//!
//! The words (commands, events, money, their bytes and JSON) are the crate `spireledger-schema`; folding
//! entries into state, and the versions of the tables, are `spireledger-projections`.
#![deny(clippy::unwrap_used, clippy::expect_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod audit;
pub mod bench;
pub mod crash;
pub mod export;
pub mod gateway;
pub mod import;
pub mod ledger;
mod lock;
pub mod log;
pub mod notary;
pub mod outbox;
pub mod payer;
pub mod proofs;
mod relays;
pub mod rules;
pub mod secret;
pub mod simulate;
pub mod tables;
