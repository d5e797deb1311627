//! The report for an accountant: what one operator's machines did in a period, in figures that add up and
//! that each name the entries they come from.
//!
//! Three steps, each in its place. The log is read once, from front to back and in bounded memory, into
//! [`Facts`] (`gather.rs`). A pure function makes a [`Report`] of them (`build.rs`), which checks itself
//! (`checks.rs`). [`write_html`] writes it for a person; as JSON it is the same.
//!
//! *Never:* round, trust a table, take text for HTML. *Start at:* [`gather`], then [`report`].

mod amount;
mod build;
mod checks;
mod exceptions;
pub mod facts;
mod gather;
mod html;
mod measures;
mod model;
mod pins;
mod question;
mod sequence;
mod summary;
mod tables;

pub use amount::Amount;
pub use build::report;
pub use facts::{Asked, Facts};
pub use gather::gather;
pub use html::write_html;
pub use model::{Check, Moved, Report, Row, Section, Source, Table, Value};
pub use pins::{Pin, pin};
