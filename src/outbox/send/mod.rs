//! Sending, until every claim has a receipt: here are the clock, chance and the network.
//!
//! The way of a claim: it is due ([`Schedule`](super::Schedule)) → it is noted as sent → it goes out over
//! Nostr ([`nostr`]), HTTP ([`http`]) or both ([`route`]) → an answer is heard → it is checked
//! ([`check_receipt`]) → it is noted, durably. *Start at:* [`run`].

mod http;
mod nostr;
mod receipt;
mod route;
mod run;
mod wire;

pub use receipt::{Checked, Proof, ReceiptError, Said, check_receipt};
pub use run::{Heard, Run, RunError, Told, run};
