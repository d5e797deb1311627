//! The tables, read from the log.
//!
//! Rows of the fleet come from its folded state. Settlements, payments and deposits are read one by
//! one, each from its own stream, in the order in which they came: memory stays flat however many
//! there are.
//!
//! *Never:* decide anything. *Start at:* [`rows`].

use spireledger_projections::facts::Rows;
use spireledger_projections::tables::{
    Row, Table, deposit_row, fleet_rows, leg_rows, settlement_row,
};
use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::{Entry, EntryKey, Event};

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
    let is_first: fn(&Event) -> bool = match table.rows() {
        Rows::Settlements | Rows::Legs => |e| matches!(e, Event::SettlementClaimed(_)),
        Rows::Deposits => |e| matches!(e, Event::DepositRecorded(_)),
        _ => return fleet_rows(table, fleet, sink),
    };
    for block in log.blocks_from(1) {
        for stored in block.map_err(LedgerError::from)?.entries() {
            let entry = decode(stored.front.seq, stored.canonical)?;
            if is_first(&entry.event) {
                of_stream(log, fleet, table, &entry.front.key, &mut sink)?;
            }
        }
    }
    Ok(())
}

fn of_stream<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    key: &EntryKey,
    sink: &mut impl FnMut(Row<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let entries: Vec<Entry> = history(log, key)?.into_iter().map(|(entry, _)| entry).collect();
    if table.rows() == Rows::Deposits {
        let deposit = Deposit::fold(&entries).map_err(LedgerError::from)?;
        let row = deposit.as_ref().and_then(|deposit| deposit_row(table, fleet, deposit));
        return row.map_or(Ok(()), sink);
    }
    let settlement = Settlement::fold(&entries).map_err(LedgerError::from)?;
    let Some(settlement) = &settlement else { return Ok(()) };
    if table.rows() == Rows::Settlements {
        return settlement_row(table, settlement).map_or(Ok(()), sink);
    }
    leg_rows(table, settlement).into_iter().try_for_each(sink)
}
