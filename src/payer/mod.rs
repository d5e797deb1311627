//! The payer: pays the legs that the ledger planned, and never one of them twice.
//!
//! What makes it safe is an order: an invoice is made once and written down as an *intent*
//! (`leg.intend`), durably; only then is it paid; and what became of it is asked by its hash, never
//! guessed from the answer to the payment. While an intent is open, nothing else is paid for its leg. So
//! after a crash between any two steps the next run finds out before it does anything.
//!
//! | what is known of the payment | what follows |
//! | --- | --- |
//! | it succeeded | `leg.outcome` completed, with its routing fee |
//! | it is pending, nobody answers, it is not found | wait |
//! | it failed, and its invoice has expired | `leg.outcome` failed; the leg may be intended anew |
//! | it was never sent: not found where it would be, and its invoice expired unpaid in the same LNbits | the same |
//! | anything else | wait; a person has to look |
//!
//! The ledger is opened for each thing that is read or said, and let go of while others are waited for: the
//! rules, which are asked before anybody else is, see what has changed meanwhile.
//!
//! *Never:* a payment without an intent; an outcome out of an answer to a payment; a key in a message.
//! *Start at:* [`Payer::run`], then `leg.rs`.

mod bolt11;
mod books;
mod bugs;
mod forward;
mod leg;
mod lnbits;
mod lnurl;
mod payments;
mod place;
mod reconcile;
mod run;
mod stuck;
#[cfg(test)]
mod tests;
mod wallets;

pub use bolt11::{Bolt11, NotAnInvoice};
pub use books::{Books, OnDisk, PayerLock, open_settlements, read_settlement};
pub use leg::{Did, Payer, Policy};
pub use lnbits::Lnbits;
pub use payments::{Destination, PaymentError, Payments, Row, Seen, Side};
pub use reconcile::{Difference, Kind, Reconciled, reconcile};
pub use run::{Done, Run};
pub use stuck::{Waiting, stuck};
pub use wallets::{Keys, Wallets, WalletsError};
