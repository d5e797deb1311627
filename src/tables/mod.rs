//! The tables, read from the log.
//!
//! Rows of the fleet come from its folded state. Settlements, payments and deposits are read one by
//! one, each from its own stream, in the order in which they came: memory stays flat however many
//! there are.
//!
//! *Never:* decide anything. *Start at:* [`rows`].

use spireledger_projections::tables::{
    Row, Table, deposit_row, fleet_rows, payment_rows, settlement_row,
};
use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::{Entry, EntryKey, Event};

use crate::ledger::{LedgerError, decode, history};
use crate::log::ReadLog;

/// Hands out the rows of a table, in order, until `sink` fails.
pub fn rows<E: From<LedgerError>>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: Table,
    mut sink: impl FnMut(Row) -> Result<(), E>,
) -> Result<(), E> {
    let is_first: fn(&Event) -> bool = match table {
        Table::Settlements | Table::Payments => |e| matches!(e, Event::SettlementClaimed(_)),
        Table::Deposits => |e| matches!(e, Event::DepositRecorded(_)),
        _ => return fleet_rows(table, fleet).into_iter().try_for_each(sink),
    };
    for block in log.blocks_from(1) {
        for stored in block.map_err(LedgerError::from)?.entries() {
            let entry = decode(stored.front.seq, stored.canonical)?;
            if is_first(&entry.event) {
                of_stream(log, fleet, table, &entry.front.key)?
                    .into_iter()
                    .try_for_each(&mut sink)?;
            }
        }
    }
    Ok(())
}

fn of_stream(
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: Table,
    key: &EntryKey,
) -> Result<Vec<Row>, LedgerError> {
    let entries: Vec<Entry> = history(log, key)?.into_iter().map(|(entry, _)| entry).collect();
    if table == Table::Deposits {
        return Ok(Deposit::fold(&entries)?.iter().map(deposit_row).collect());
    }
    let Some(settlement) = Settlement::fold(&entries)? else { return Ok(Vec::new()) };
    if table == Table::Settlements {
        return Ok(vec![settlement_row(&settlement)]);
    }
    let machine = fleet.machine(&settlement.claimed.machine_id);
    Ok(payment_rows(&settlement, machine.map(|machine| &machine.operator_user_id)))
}
