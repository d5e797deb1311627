//! The tables, two ways.
//!
//! As **cells**, exact to the last digit and microsecond, for people, CSV and JSON: [`rows`] takes those
//! of the fleet from its folded state, reads settlements, legs and deposits one by one, each from its own
//! stream, in the order in which they came, and what entries add (postings, say) as it reads them.
//!
//! As a **SQLite database**, for questions and other programs: the log is read once from front to back
//! and rows are written as entries touch them (`fold.rs`), into a file that follows the log ([`Live`]),
//! one that is handed out ([`export_sqlite`]), or one that goes with the question ([`passing`]). As cells they
//! are also handed out as **files** ([`export_files`]).
//!
//! Memory is flat in both, however long the history. That they tell the same is a test.
//!
//! *Never:* decide anything. *Start at:* [`rows`], [`Live::follow`].

use spireledger_projections::tables::{Row, Table, fleet_rows, rows_of};
use spireledger_projections::{Fleet, Life};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::{Entry, Event};

use crate::ledger::{LedgerError, read, stream_up_to};
use crate::log::ReadLog;

mod ahead;
mod booked;
mod build;
mod compare;
mod database;
mod entries;
mod files;
mod fold;
mod live;
mod parquet;
mod plan;
mod position;
mod question;
mod sink;
mod states;

pub use booked::{Booked, booked};
pub use build::{Leftover, export_sqlite, passing};
pub use compare::{Difference, compare};
pub use database::{SCHEMA, SETTINGS, TablesError, Unusable};
pub use files::{Exported, FileFormat, csv_line, export_files, write_object};
pub use live::Live;
pub use parquet::{Parquet, ParquetTable, export_parquet};
pub use question::{Listener, ask};
pub(crate) use states::{Around, States};

/// Hands out the rows of a table, in order, until `sink` fails.
pub fn rows<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    mut sink: impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    rows_after(log, fleet, table, 0, |told| match told {
        Told::Row(row) => sink(row),
        Told::Passed(_) => Ok(()),
    })
}

/// What whoever wants rows is told, in order.
pub(crate) enum Told<'a> {
    /// A row.
    Row(Row<'a>),
    /// All rows that begin with this entry or an earlier one were told.
    Passed(u64),
}

/// Tells of the rows of a table that begin behind an entry; of those of the fleet, which begin with none,
/// of all.
pub(crate) fn rows_after<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    after: u64,
    mut sink: impl FnMut(Told<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if table.rows().of_fleet() {
        return fleet_rows(table, fleet, |row| sink(Told::Row(row)));
    }
    if table.rows().of_entries() {
        return entries::rows_after(log, table, after, &mut sink);
    }
    for block in log.blocks_from(after + 1) {
        let block = block.map_err(LedgerError::from)?;
        for stored in block.entries().filter(|stored| stored.front.seq > after) {
            let entry = read(log, &stored)?;
            if begins(&entry.event) {
                of_stream(log, fleet, table, &entry, &mut |row| sink(Told::Row(row)))?;
            }
        }
        sink(Told::Passed(block.last_seq()))?;
    }
    Ok(())
}

/// Whether an event is the first of what has rows of its own.
fn begins(event: &Event) -> bool {
    match event {
        Event::SettlementClaimed(_) | Event::DepositRecorded(_) => true,
        Event::RowImported(e) => matches!(
            e.row.table,
            SourceTable::Deposits | SourceTable::Settlements | SourceTable::Legs
        ),
        _ => false,
    }
}

/// The rows of a stream, when its first entry that has any comes by.
fn of_stream<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    first: &Entry,
    sink: &mut impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let newest = log.last_of(&first.front.key).map_err(LedgerError::from)?.unwrap_or(0);
    let entries: Vec<Entry> = stream_up_to(log, &first.front.key, newest)?;
    let begins_here = entries.iter().find(|entry| begins(&entry.event));
    if begins_here.is_none_or(|entry| entry.front.seq != first.front.seq) {
        return Ok(());
    }
    let life = Life::fold(&entries).map_err(LedgerError::from)?;
    rows_of(table, fleet, &life).into_iter().try_for_each(sink)
}
