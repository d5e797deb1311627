//! The words of Spireledger: what can be asked for, what can have happened, and how each is spelled.
//!
//! A [`Command`] comes in as JSON, from the command line, HTTP or Nostr. The rules make of it an
//! [`Event`] or a [`Refusal`]. The log keeps the event as an [`Entry`]: behind a [`Front`] that says
//! where it stands, with when, who and why it is believed, as canonical bytes that are chained by
//! [`EntryHash`]. What the sender gets back is an [`Answer`].
//!
//! ```
//! use spireledger_schema::event::DepositConfirmed;
//! use spireledger_schema::command::{Body, Command};
//! use spireledger_schema::identity::Actor;
//! use spireledger_schema::money::Fiat;
//! use spireledger_schema::text::ClientId;
//! use spireledger_schema::time::Timestamp;
//! use spireledger_schema::{Circumstances, Entry, EntryHash, Event, Front, streams};
//!
//! // What was asked for. A wrong field is refused by name.
//! let command = Command::parse(r#"{"type":"deposit.confirm","id":"d1"}"#).unwrap();
//! let Body::DepositConfirm(confirm) = command.body else { panic!() };
//! let problem = Command::parse(r#"{"type":"deposit.confirm","id":""}"#).unwrap_err();
//! assert_eq!(
//!     problem.to_string(),
//!     "`id`: found \"\", expected a string of 1 to 128 bytes without control characters",
//! );
//!
//! // What happened, as it is kept.
//! let entry = Entry {
//!     front: Front { seq: 1, key: streams::deposit(&confirm.id), alias: None },
//!     circumstances: Circumstances {
//!         recorded_at: Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap(),
//!         occurred_at: command.occurred_at,
//!         actor: Actor::Local,
//!         request_id: command.request_id,
//!         evidence: None,
//!     },
//!     event: Event::DepositConfirmed(DepositConfirmed {
//!         id: confirm.id,
//!         client_id: ClientId::parse("c1").unwrap(),
//!         amount: Fiat::parse("5000.00").unwrap(),
//!         notes: confirm.notes,
//!     }),
//! };
//! let mut bytes = Vec::new();
//! entry.encode(&mut bytes).unwrap();
//! assert_eq!(Entry::decode(&bytes), Ok(entry));
//! let head = EntryHash::GENESIS.chain(&bytes);
//! assert_ne!(head, EntryHash::GENESIS);
//! ```
//!
//! | to | start at |
//! | --- | --- |
//! | read or change a command | [`command`]: one list of fields a command; reading, writing and the JSON Schema come from it |
//! | read or change an event | [`event`]: a tag is a byte shape for ever, a changed shape is a new tag |
//! | know what a field may hold | [`money`], [`text`], [`time`], [`identity`], [`words`], [`parts`], [`personal`] |
//! | know what is kept of a database that was brought in | [`imported`] |
//! | know how long anything may be | [`limits`] |
//! | find an entry's key | [`streams`] |
//! | know why something was refused | [`refusal`], and [`json`] for what is malformed |
//!
//! **Two promises.** Bytes: what a released version wrote is read by every later one, as the same
//! event; only an entry's canonical bytes are read as that entry, so bytes and meaning are one to
//! one. `fixtures/bytes/` holds golden entries of every tag. JSON: `commands.schema.json` beside this
//! crate is the whole command language, and is checked against it.
//!
//! *Never here:* I/O, a clock, randomness, a float for money, a `HashMap`, or any other room of the
//! house. Times and ids come in with the command.
#![deny(
    missing_docs,
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
pub mod imported;
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
