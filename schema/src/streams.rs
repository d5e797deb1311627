//! The keys of what has no payment hash: one stream for each thing, derived from its kind and id.

use crate::identity::{Actor, PaymentHash};
use crate::imported::{SourceRow, SourceTable};
use crate::key::EntryKey;
use crate::text::{ClientId, DepositId, MachineId, RequestId, UserId};
use crate::time::Timestamp;

/// What holds for the whole instance.
pub fn config() -> EntryKey {
    EntryKey::derive("config", &[])
}

/// An operator's settings.
pub fn operator(user: &UserId) -> EntryKey {
    EntryKey::derive("operator", &[user.as_str().as_bytes()])
}

/// A machine: registration, changes, pairings.
pub fn machine(id: &MachineId) -> EntryKey {
    EntryKey::derive("machine", &[id.as_str().as_bytes()])
}

/// The split rules of an operator, or of one of its machines.
pub fn splits(operator: &UserId, machine: Option<&MachineId>) -> EntryKey {
    match machine {
        None => EntryKey::derive("splits", &[operator.as_str().as_bytes()]),
        Some(machine) => {
            EntryKey::derive("splits", &[operator.as_str().as_bytes(), machine.as_str().as_bytes()])
        }
    }
}

/// An LP's preferences.
pub fn lp(user: &UserId) -> EntryKey {
    EntryKey::derive("lp", &[user.as_str().as_bytes()])
}

/// One enrolment.
pub fn client(id: &ClientId) -> EntryKey {
    EntryKey::derive("client", &[id.as_str().as_bytes()])
}

/// One deposit.
pub fn deposit(id: &DepositId) -> EntryKey {
    EntryKey::derive("deposit", &[id.as_str().as_bytes()])
}

/// One beacon: its machine and moment are its identity.
pub fn beacon(machine: &MachineId, received_at: Timestamp) -> EntryKey {
    report("beacon", machine, received_at)
}

/// One telemetry report: its machine and moment are its identity.
pub fn telemetry(machine: &MachineId, received_at: Timestamp) -> EntryKey {
    report("telemetry", machine, received_at)
}

/// What the operator believes to be in a machine's bays.
pub fn cassettes(machine: &MachineId) -> EntryKey {
    EntryKey::derive("cassettes", &[machine.as_str().as_bytes()])
}

/// What a machine says is in its bays: one stream a moment, or one for all reports without one.
pub fn cassettes_state(machine: &MachineId, state_at: Option<Timestamp>) -> EntryKey {
    match state_at {
        Some(at) => report("cassettes state", machine, at),
        None => EntryKey::derive("cassettes state", &[machine.as_str().as_bytes()]),
    }
}

/// The alias under which a setting is found again: who asked, what type of command, which request.
pub fn request(actor: &Actor, type_name: &str, id: &RequestId) -> EntryKey {
    let [kind, who] = actor.identity();
    EntryKey::derive("request", &[kind, who, type_name.as_bytes(), id.as_str().as_bytes()])
}

/// A row that was brought in: the stream of what it is a row of, so that its whole life is in one
/// place; a stream of its own where it names nothing that could have one. A leg belongs to its
/// settlement, which only its database can name.
pub fn imported(row: &SourceRow, settlement: Option<&PaymentHash>) -> EntryKey {
    let id = row.id.as_str();
    let known = match row.table {
        SourceTable::Config => (id == "default").then(config),
        SourceTable::Machines => MachineId::parse(id).as_ref().map(machine),
        SourceTable::Lps => UserId::parse(id).as_ref().map(lp),
        SourceTable::Clients => ClientId::parse(id).as_ref().map(client),
        SourceTable::Deposits => DepositId::parse(id).as_ref().map(deposit),
        SourceTable::Settlements | SourceTable::Legs => settlement.map(PaymentHash::key),
        SourceTable::Splits | SourceTable::Telemetry | SourceTable::Bays => None,
    };
    known.unwrap_or_else(|| imported_alone(row.table, id))
}

/// A row that was brought in, by its table and id alone.
pub fn imported_alone(table: SourceTable, id: &str) -> EntryKey {
    EntryKey::derive("imported", &[table.as_str().as_bytes(), id.as_bytes()])
}

/// A rule set that was brought in: the stream of the same rule set set natively, or its own if that
/// could not be.
pub fn imported_rules(operator: &str, machine: Option<&str>) -> EntryKey {
    match (UserId::parse(operator), machine, machine.and_then(MachineId::parse)) {
        (Some(operator), None, _) => splits(&operator, None),
        (Some(operator), _, Some(machine)) => splits(&operator, Some(&machine)),
        _ => {
            let (machine, is_of_machine) = (machine.unwrap_or_default(), machine.is_some());
            let parts = [operator.as_bytes(), machine.as_bytes(), &[u8::from(is_of_machine)]];
            EntryKey::derive("imported splits", &parts)
        }
    }
}

fn report(kind: &str, machine: &MachineId, at: Timestamp) -> EntryKey {
    EntryKey::derive(kind, &[machine.as_str().as_bytes(), &at.micros().to_le_bytes()])
}
