//! The audit: everything computed again from the bytes, and every difference named.
//!
//! *Never:* trust a table, an index or a snapshot; stop at the first break.
//! *Start at:* [`verify`]; for accountants, [`report`].

mod differences;
mod evidence;
mod kept;
mod live;
mod near;
mod notary;
pub mod report;
mod rules;
mod said;
mod verify;

pub use kept::{Kept, Position};
pub use live::LiveTables;
pub use notary::Signed;
pub use rules::NOT_DECIDED;
pub use verify::{Break, Report, verify, verify_backup, verify_from, verify_opened_backup};
