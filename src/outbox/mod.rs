//! The machine's side: claims are kept on the machine's own disk before they are sent, and sent until the
//! ledger's receipt for each is there.
//!
//! A claim that was kept has a number, one more than the last. Number and claim are one durable write, so
//! that a number is never given twice, never without a claim, and the ledger sees what is missing. The
//! file is described in `file.rs`, what can happen to a claim in [`State`], and `docs/atm.md` is for
//! whoever builds a machine.
//!
//! *Never:* a claim sent before it is kept, or changed after; anything of the ledger itself: this runs on
//! a machine. Clock, chance and network are in `send/` alone. *Start at:* [`Outbox`], then [`run`].

mod claim;
mod file;
mod record;
mod salvage;
mod schedule;
mod send;
mod settings;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod told;

pub use claim::{ClaimError, NewClaim};
pub use file::Damage;
pub use record::{Receipt, Refused, Via};
pub use salvage::Salvaged;
pub use schedule::{Pauses, Schedule};
pub use send::{
    Checked, Heard, Proof, ReceiptError, Run, RunError, Said, Told, check_receipt, run,
};
pub use settings::{Settings, SettingsError, parse_http, parse_relay, parse_vkey};
pub use state::{Claim, Content, Standing, State};
pub use store::{KEEP_MAX, Outbox};
pub use told::{Keep, OutboxError, Repair};
