//! The tables, two ways.
//!
//! As **cells**, exact to the last digit and microsecond, for people, CSV and JSON: [`rows`] takes those
//! of the fleet from its folded state and reads settlements, legs and deposits one by one, each from its
//! own stream, in the order in which they came.
//!
//! As a **SQLite database**, for questions and other programs: the log is read once from front to back
//! and rows are written as entries touch them (`fold.rs`), into a file that follows the log ([`Live`]),
//! one that is handed out ([`export_sqlite`]), or one that goes with the question ([`passing`]).
//!
//! Memory is flat in both, however long the history. That they tell the same is a test.
//!
//! *Never:* decide anything. *Start at:* [`rows`], [`Live::follow`].

use spireledger_projections::facts::Rows;
use spireledger_projections::tables::{
    Row, Table, deposit_row, fleet_rows, leg_rows, settlement_row,
};
use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::{Entry, EntryKey, Event};

use crate::ledger::{LedgerError, decode, stream_up_to};
use crate::log::ReadLog;

mod build;
mod compare;
mod database;
mod fold;
mod live;
mod plan;
mod position;
mod question;
mod states;

pub use build::{Leftover, export_sqlite, passing};
pub use compare::{Difference, compare};
pub use database::{SCHEMA, SETTINGS, TablesError, Unusable};
pub use live::Live;
pub use question::{Listener, ask};

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
    let newest = log.last_of(key).map_err(LedgerError::from)?.unwrap_or(0);
    let entries: Vec<Entry> = stream_up_to(log, key, newest)?;
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
