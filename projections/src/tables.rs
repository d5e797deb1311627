//! The rows of a version's tables.
//!
//! Rows of the fleet come from [`Fleet`]; rows of deposits, settlements and legs come from the stream
//! of each, so that nobody has to hold all of them. What a version's columns cannot hold is left out:
//! see [`Table::row`].
//!
//! *Never:* know a version by its number: columns say what they read. *Start at:* [`fleet_rows`].

use std::collections::BTreeSet;

pub use crate::cell::{Cell, SqlCell};
use crate::facts::{
    BayState, DepositAtMachine, Enrolment, LegOfSettlement, Reports, Rows, SplitInPlace, Subject,
};
pub use crate::shape::{Shape, Table};
use crate::{Client, Deposit, Fleet, Machine, Rules, Settlement};

/// A row, in the order of its table's columns.
pub type Row<'a> = Vec<Cell<'a>>;

/// Every subject of the fleet that has a row of its own; none for deposits, settlements and legs.
pub fn fleet_subjects(fleet: &Fleet, rows: Rows) -> Box<dyn Iterator<Item = Subject<'_>> + '_> {
    match rows {
        Rows::Config => Box::new(std::iter::once(Subject::Config(fleet.config()))),
        Rows::Machines => Box::new(fleet.machines().map(Subject::Machine)),
        Rows::Clients => Box::new(fleet.clients().map(|client| of_client(fleet, client))),
        Rows::Lps => Box::new(fleet.lps().map(Subject::Lp)),
        Rows::Splits => Box::new(fleet.all_rules().flat_map(of_rules)),
        Rows::Telemetry => Box::new(fleet.machines().filter_map(|m| of_reports(fleet, m))),
        Rows::Bays => Box::new(fleet.machines().flat_map(|m| of_bays(fleet, m))),
        Rows::Deposits | Rows::Settlements | Rows::Legs => Box::new(std::iter::empty()),
    }
}

/// The rows of a table that the fleet holds; none for deposits, settlements and legs.
///
/// Of rows that share a key the last stands. Only bays can share one (before version 8), and only
/// those of one machine, which stand together: no more than one machine's rows are held at a time.
pub fn fleet_rows<'a, E>(
    table: &Table,
    fleet: &'a Fleet,
    mut sink: impl FnMut(Row<'a>) -> Result<(), E>,
) -> Result<(), E> {
    if table.rows() != Rows::Bays {
        let subjects = fleet_subjects(fleet, table.rows());
        return subjects.filter_map(|subject| table.row(&subject)).try_for_each(sink);
    }
    for machine in fleet.machines() {
        bay_rows(table, fleet, machine).into_iter().try_for_each(&mut sink)?;
    }
    Ok(())
}

/// The rows of one machine's bays, by position; of those that share a key the last.
pub fn bay_rows<'a>(table: &Table, fleet: &'a Fleet, machine: &'a Machine) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for row in of_bays(fleet, machine).iter().filter_map(|subject| table.row(subject)) {
        rows.retain(|earlier| table.key_of(earlier) != table.key_of(&row));
        rows.push(row);
    }
    rows
}

/// The row of a deposit.
pub fn deposit_row<'a>(table: &Table, fleet: &'a Fleet, deposit: &'a Deposit) -> Option<Row<'a>> {
    let machine = fleet.machine(&deposit.recorded.machine_id);
    table.row(&Subject::Deposit(DepositAtMachine { deposit, machine }))
}

/// The row of a settlement.
pub fn settlement_row<'a>(table: &Table, settlement: &'a Settlement) -> Option<Row<'a>> {
    table.row(&Subject::Settlement(settlement))
}

/// A row a leg of a settlement, in the order in which they were planned.
pub fn leg_rows<'a>(table: &Table, settlement: &'a Settlement) -> Vec<Row<'a>> {
    let row = |leg| table.row(&Subject::Leg(LegOfSettlement { settlement, leg }));
    settlement.legs.iter().filter_map(row).collect()
}

/// An enrolment with its LP.
pub fn of_client<'a>(fleet: &'a Fleet, client: &'a Client) -> Subject<'a> {
    Subject::Client(Enrolment { client, lp: fleet.lp(&client.user_id) })
}

/// The rules of a set, in order.
pub fn of_rules(rules: &Rules) -> impl Iterator<Item = Subject<'_>> {
    let placed = (0u32..).zip(&rules.splits);
    placed.map(move |(place, split)| Subject::Split(SplitInPlace { rules, place, split }))
}

/// What a machine has reported, if it has.
pub fn of_reports<'a>(fleet: &'a Fleet, machine: &'a Machine) -> Option<Subject<'a>> {
    let (beacon, telemetry) = (fleet.beacon(&machine.id), fleet.telemetry(&machine.id));
    let reports = Reports { machine_id: &machine.id, beacon, telemetry };
    (beacon.is_some() || telemetry.is_some()).then_some(Subject::Telemetry(reports))
}

/// The bays of a machine that the operator believes in or that the machine reports, by position.
pub fn of_bays<'a>(fleet: &'a Fleet, machine: &'a Machine) -> Vec<Subject<'a>> {
    let Some(bays) = fleet.bays(&machine.id) else { return Vec::new() };
    let positions: BTreeSet<u32> =
        bays.believed.keys().chain(bays.reported.keys()).copied().collect();
    let bay = |position: u32| {
        let state = bays.reported.get(&position);
        let held = bays.believed.get(&position).or(state)?;
        Some(Subject::Bay(BayState { machine_id: &machine.id, position, held, state, bays }))
    };
    positions.into_iter().filter_map(bay).collect()
}
