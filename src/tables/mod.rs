//! The tables, read from the log.
//!
//! Rows of the fleet come from its folded state. Settlements, payments and deposits are read one by
//! one, each from its own stream, in the order in which they came: memory stays flat however many
//! there are.
//!
//! *Never:* decide anything. *Start at:* [`rows`].

use spireledger_projections::tables::{Row, Table, fleet_rows, rows_of};
use spireledger_projections::{Fleet, Life};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::{Entry, Event};

use crate::ledger::{LedgerError, decode, history};
use crate::log::ReadLog;

mod database;
mod parquet;
mod question;

pub use database::{SCHEMA, TablesError, export_sqlite, in_memory};
pub use parquet::{ParquetTable, export_parquet};
pub use question::{Answer, ask};

/// Hands out the rows of a table, in order, until `sink` fails.
pub fn rows<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    mut sink: impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if table.rows().of_fleet() {
        return fleet_rows(table, fleet, sink);
    }
    for block in log.blocks_from(1) {
        for stored in block.map_err(LedgerError::from)?.entries() {
            let entry = decode(stored.front.seq, stored.canonical)?;
            if begins(&entry.event) {
                of_stream(log, fleet, table, &entry, &mut sink)?;
            }
        }
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
    let stream = history(log, &first.front.key)?;
    let entries: Vec<Entry> = stream.into_iter().map(|(entry, _)| entry).collect();
    let begins_here = entries.iter().find(|entry| begins(&entry.event));
    if begins_here.is_none_or(|entry| entry.front.seq != first.front.seq) {
        return Ok(());
    }
    let life = Life::fold(&entries).map_err(LedgerError::from)?;
    rows_of(table, fleet, &life).into_iter().try_for_each(sink)
}
