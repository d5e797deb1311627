//! The books in the languages of other people's tools: plain-text accounting journals that `bean-check` and
//! `hledger check` accept, with assertions that find a change of any amount.
//!
//! One pass over the log, in memory that follows the number of accounts. The same entries give the same
//! bytes, whoever writes them and when. Tables as CSV, JSON Lines and Parquet are the tables' own business:
//! see [`crate::tables::export_files`].
//!
//! *Never:* round; a name, a note or an address of a person; a clock. *Start at:* [`export_journal`].

mod beancount;
mod hledger;
mod journal;
mod money;
mod names;
mod place;

pub use journal::{JournalFormat, Journaled, export_journal};
pub use place::{ExportError, WriteError, write_file};
