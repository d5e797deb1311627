//! The rows of a version's tables.
//!
//! Rows of the fleet come from [`Fleet`]; rows of deposits, settlements and legs come from the stream
//! of each, so that nobody has to hold all of them. What a version's columns cannot hold is left out:
//! see [`Table::row`].
//!
//! *Never:* know a version by its number: columns say what they read. *Start at:* [`fleet_rows`].

use std::collections::BTreeSet;

use spireledger_schema::imported::{SourceRow, SourceTable};
use spireledger_schema::text::{MachineId, Text};

pub use crate::cell::{Cell, SqlCell};
use crate::facts::{
    Alone, BalanceAtMachine, BayState, DepositAtMachine, Enrolment, LegOfSettlement, Reports, Rows,
    SplitInPlace, Subject,
};
use crate::imported::ImportedRow;
pub use crate::shape::{Seen, Shape, Table};
use crate::{Client, Deposit, Fleet, Life, Machine, Rules, Settlement};

/// A row, in the order of its table's columns.
pub type Row<'a> = Vec<Cell<'a>>;

/// Every subject of the fleet that has a row of its own; none for what is not the fleet's.
pub fn fleet_subjects(fleet: &Fleet, rows: Rows) -> Box<dyn Iterator<Item = Seen<'_>> + '_> {
    use SourceTable as T;
    let with =
        move |table, id: &str, subject| Seen { subject, imported: fleet.imported(table, id) };
    match rows {
        Rows::Config => {
            let own = with(T::Config, "default", Subject::Config(fleet.config()));
            Box::new(std::iter::once(own).chain(alone(fleet, T::Config, rows)))
        }
        Rows::Machines => {
            let own = fleet.machines().map(move |machine| {
                with(T::Machines, machine.id.as_str(), Subject::Machine(machine))
            });
            Box::new(own.chain(alone(fleet, T::Machines, rows)))
        }
        Rows::Clients => {
            let own = fleet.clients().map(move |client| of_client(fleet, client));
            Box::new(own.chain(alone(fleet, T::Clients, rows)))
        }
        Rows::Lps => {
            let own = fleet.lps().map(move |lp| with(T::Lps, lp.user_id.as_str(), Subject::Lp(lp)));
            Box::new(own.chain(alone(fleet, T::Lps, rows)))
        }
        Rows::Splits => {
            let own = fleet.all_rules().flat_map(of_rules);
            Box::new(own.chain(alone(fleet, T::Splits, rows)))
        }
        Rows::Telemetry => {
            let own = fleet.machines().filter_map(move |machine| {
                let subject = of_reports(fleet, machine)?;
                Some(with(T::Telemetry, machine.id.as_str(), subject))
            });
            Box::new(own.chain(alone(fleet, T::Telemetry, rows)))
        }
        Rows::Bays => {
            let own = fleet.machines().flat_map(move |machine| of_bays(fleet, machine));
            Box::new(own.chain(alone(fleet, T::Bays, rows)))
        }
        Rows::Balances => {
            Box::new(fleet.clients().map(move |client| balance_of(fleet, client).into()))
        }
        Rows::Deposits
        | Rows::Settlements
        | Rows::Legs
        | Rows::Postings
        | Rows::Wallets
        | Rows::Audits => Box::new(std::iter::empty()),
    }
}

/// Rows of the fleet that were brought in and that no state stands behind.
fn alone(fleet: &Fleet, table: SourceTable, rows: Rows) -> impl Iterator<Item = Seen<'_>> {
    let all = fleet.all_imported(table);
    let subject = Subject::Imported(Alone { rows, fiat_code: None });
    all.filter(move |row| fleet.subject_of(&row.row).is_none())
        .map(move |row| Seen { subject, imported: Some(row) })
}

/// The rows of a table that the fleet holds; none for what is not the fleet's.
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
        return subjects.filter_map(|seen| table.row(&seen)).try_for_each(sink);
    }
    for machine in fleet.machines() {
        bay_rows(table, fleet, machine).into_iter().try_for_each(&mut sink)?;
    }
    let alone = alone(fleet, SourceTable::Bays, Rows::Bays);
    keyed(table, alone).into_iter().try_for_each(sink)
}

/// The rows of one machine's bays, by position; of those that share a key the last.
pub fn bay_rows<'a>(table: &Table, fleet: &'a Fleet, machine: &'a Machine) -> Vec<Row<'a>> {
    keyed(table, of_bays(fleet, machine).into_iter())
}

/// The rows of one machine's bays: those that it has here, then those that were found and that nothing
/// here stands behind.
pub fn bay_rows_at<'a>(table: &Table, fleet: &'a Fleet, id: &MachineId) -> Vec<Row<'a>> {
    let mut rows = fleet.machine(id).map_or_else(Vec::new, |m| bay_rows(table, fleet, m));
    let found = alone(fleet, SourceTable::Bays, Rows::Bays).filter(|seen| {
        let machine = seen.imported.and_then(|found| found.row.cell("machine_id").as_str());
        machine == Some(id.as_str())
    });
    rows.extend(keyed(table, found));
    rows
}

/// Rows of which those that share a key give way to the last.
fn keyed<'a>(table: &Table, all: impl Iterator<Item = Seen<'a>>) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = Vec::new();
    for row in all.filter_map(|seen| table.row(&seen)) {
        rows.retain(|earlier| table.key_of(earlier) != table.key_of(&row));
        rows.push(row);
    }
    rows
}

/// The rows that a stream has in a table: of its deposit, its settlement or its legs, and what was
/// brought in beside them.
pub fn rows_of<'a>(table: &Table, fleet: &'a Fleet, life: &'a Life) -> Vec<Row<'a>> {
    let mut rows = match (table.rows(), &life.settlement, &life.deposit) {
        (Rows::Deposits, _, Some(deposit)) => {
            deposit_row(table, fleet, deposit).into_iter().collect()
        }
        (Rows::Settlements, Some(settlement), _) => {
            settlement_row(table, settlement).into_iter().collect()
        }
        (Rows::Legs, Some(settlement), _) => leg_rows(table, settlement),
        _ => Vec::new(),
    };
    let alone = life.alone.iter().filter(|((source, _), _)| source.as_str() == table.name());
    rows.extend(alone.filter_map(|(_, row)| {
        let machine = row.row.cell("machine_id").as_str();
        let fiat_code = machine.and_then(|machine| fleet.fiat_code_at(machine));
        let subject = Subject::Imported(Alone { rows: table.rows(), fiat_code });
        table.row(&Seen { subject, imported: Some(row) })
    }));
    rows
}

/// The row that the fleet has in a table of what a found row is about; none for deposits,
/// settlements and legs.
pub fn row_of<'a>(table: &Table, fleet: &'a Fleet, found: &SourceRow) -> Option<Row<'a>> {
    let imported = fleet.imported(found.table, found.id.as_str());
    let alone = || Subject::Imported(Alone { rows: table.rows(), fiat_code: None });
    let subject = fleet.subject_of(found).or_else(|| imported.map(|_| alone()))?;
    table.row(&Seen { subject, imported })
}

/// The rows of one rule set.
pub fn rules_rows<'a>(
    table: &Table,
    fleet: &'a Fleet,
    operator: &Text,
    machine: Option<&Text>,
) -> Vec<Row<'a>> {
    let of_set = |rules: &&Rules| {
        rules.operator_user_id.as_str() == operator.as_str()
            && rules.machine_id.as_ref().map(MachineId::as_str) == machine.map(Text::as_str)
    };
    let own = fleet.all_rules().filter(of_set).flat_map(of_rules);
    let alone = alone(fleet, SourceTable::Splits, Rows::Splits).filter(|seen| {
        seen.imported.is_some_and(|imported| {
            imported.row.cell("operator_user_id").name().as_ref() == Some(operator)
                && imported.row.cell("machine_id").name().as_ref() == machine
        })
    });
    own.chain(alone).filter_map(|seen| table.row(&seen)).collect()
}

/// The row of a deposit.
pub fn deposit_row<'a>(table: &Table, fleet: &'a Fleet, deposit: &'a Deposit) -> Option<Row<'a>> {
    let fiat_code = fleet.fiat_code_at(deposit.recorded.machine_id.as_str());
    let subject = Subject::Deposit(DepositAtMachine { deposit, fiat_code });
    table.row(&Seen { subject, imported: deposit.imported.as_ref() })
}

/// The row of a settlement.
pub fn settlement_row<'a>(table: &Table, settlement: &'a Settlement) -> Option<Row<'a>> {
    let subject = Subject::Settlement(settlement);
    table.row(&Seen { subject, imported: settlement.imported.as_ref() })
}

/// A row a leg of a settlement, in the order in which they were planned.
pub fn leg_rows<'a>(table: &Table, settlement: &'a Settlement) -> Vec<Row<'a>> {
    let row = |leg: &'a crate::LegRow| {
        let subject = Subject::Leg(LegOfSettlement { settlement, leg });
        table.row(&Seen { subject, imported: leg.imported.as_ref() })
    };
    settlement.legs.iter().filter_map(row).collect()
}

/// What an LP has at a machine.
pub fn balance_of<'a>(fleet: &'a Fleet, client: &'a Client) -> Subject<'a> {
    let fiat_code = fleet.fiat_code_at(client.machine_id.as_str());
    Subject::Balance(BalanceAtMachine { client, fiat_code })
}

/// An enrolment with its LP.
pub fn of_client<'a>(fleet: &'a Fleet, client: &'a Client) -> Seen<'a> {
    let subject = Subject::Client(Enrolment { client, lp: fleet.lp(&client.user_id) });
    Seen { subject, imported: fleet.imported(SourceTable::Clients, client.id.as_str()) }
}

/// The rules of a set, in order.
pub fn of_rules(rules: &Rules) -> Box<dyn Iterator<Item = Seen<'_>> + '_> {
    if !rules.is_live() {
        let subject = Subject::Imported(Alone { rows: Rows::Splits, fiat_code: None });
        let rows = rules.imported.iter();
        return Box::new(rows.map(move |row| Seen { subject, imported: Some(row) }));
    }
    let placed = (0u32..).zip(&rules.splits);
    Box::new(placed.zip(found(rules)).map(move |((place, split), imported)| Seen {
        subject: Subject::Split(SplitInPlace { rules, place, split }),
        imported,
    }))
}

/// The row that each rule of a set was brought in as, if it was.
fn found(rules: &Rules) -> impl Iterator<Item = Option<&ImportedRow>> {
    rules.imported.iter().map(Some).chain(std::iter::repeat(None))
}

/// What a machine has reported, if it has.
pub fn of_reports<'a>(fleet: &'a Fleet, machine: &'a Machine) -> Option<Subject<'a>> {
    let (beacon, telemetry) = (fleet.beacon(&machine.id), fleet.telemetry(&machine.id));
    let reports = Reports { machine_id: &machine.id, beacon, telemetry };
    (beacon.is_some() || telemetry.is_some()).then_some(Subject::Telemetry(reports))
}

/// The bays of a machine that the operator believes in or that the machine reports, by position.
pub fn of_bays<'a>(fleet: &'a Fleet, machine: &'a Machine) -> Vec<Seen<'a>> {
    let Some(bays) = fleet.bays(&machine.id) else { return Vec::new() };
    let positions: BTreeSet<u32> =
        bays.believed.keys().chain(bays.reported.keys()).copied().collect();
    let bay = |position: u32| {
        let subject = of_bay(fleet, machine, position)?;
        let id = bay_id(machine.id.as_str(), &position.to_string());
        Some(Seen { subject, imported: fleet.imported(SourceTable::Bays, id.as_str()) })
    };
    positions.into_iter().filter_map(bay).collect()
}

/// One bay of a machine.
pub(crate) fn of_bay<'a>(
    fleet: &'a Fleet,
    machine: &'a Machine,
    position: u32,
) -> Option<Subject<'a>> {
    let bays = fleet.bays(&machine.id)?;
    let state = bays.reported.get(&position);
    let held = bays.believed.get(&position).or(state)?;
    Some(Subject::Bay(BayState { machine_id: &machine.id, position, held, state, bays }))
}

/// What a bay that is brought in is called: its machine and number.
pub fn bay_id(machine: &str, position: &str) -> Text {
    Text::new(&format!("{machine}:{position}"))
}
