//! Which rows an entry touches: what has to be written anew when tables follow the log.
//!
//! Rows of the fleet are replaced place by place: a machine, an LP, a rule set, the bays of a machine.
//! A place may have any number of rows, or none. Deposits, settlements and legs are told by the stream
//! that the entry stands in.
//!
//! *Never:* read a row. *Start at:* [`places`].

use std::borrow::Cow;

use spireledger_schema::Event;
use spireledger_schema::text::{ClientId, MachineId, UserId};

use crate::cell::{Cell, IntoCell};
use crate::facts::{
    BayFact, ClientFact, DepositFact, LegFact, LpFact, MachineFact, Rows, SettlementFact, Source,
    SplitFact, Subject, TelemetryFact,
};
use crate::tables::{Row, Table, bay_rows, of_client, of_reports, of_rules};
use crate::{Fleet, Settlement};

/// Rows of the fleet that are replaced together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The row of the instance.
    Config,
    /// The row of a machine.
    Machine(MachineId),
    /// The row of an enrolment.
    Client(ClientId),
    /// The row of an LP.
    Lp(UserId),
    /// The rules of an operator, or of one of its machines.
    Rules(UserId, Option<MachineId>),
    /// The row of a machine's reports.
    Reports(MachineId),
    /// The rows of a machine's bays.
    Bays(MachineId),
}

/// What an entry's stream is folded to, where that is no part of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// A deposit.
    Deposit,
    /// A settlement with its legs.
    Settlement,
}

/// Which legs of its settlement an entry touches, beside those that it adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Legs {
    /// None.
    None,
    /// The one at this place.
    One(usize),
    /// Any of them.
    All,
}

/// The places that an event touches; `fleet` is the state after it.
pub fn places(fleet: &Fleet, event: &Event) -> Vec<Place> {
    match event {
        Event::ConfigChanged(_) => vec![Place::Config],
        Event::MachineRegistered(e) => of_machine(&e.id),
        Event::MachineChanged(e) => vec![Place::Machine(e.id.clone())],
        Event::MachinePaired(e) => vec![Place::Machine(e.id.clone())],
        Event::SplitsReplaced(e) => {
            vec![Place::Rules(e.operator_user_id.clone(), e.machine_id.clone())]
        }
        // Before version 4 an enrolment says what its LP wants.
        Event::LpChanged(e) => {
            let clients = fleet.clients_of(&e.user_id);
            let clients = clients.map(|client| Place::Client(client.id.clone()));
            clients.chain([Place::Lp(e.user_id.clone())]).collect()
        }
        Event::ClientEnrolled(e) => vec![Place::Client(e.id.clone())],
        Event::ClientChanged(e) => vec![Place::Client(e.id.clone())],
        Event::BeaconReported(e) => vec![Place::Reports(e.machine_id.clone())],
        Event::TelemetryReported(e) => vec![Place::Reports(e.machine_id.clone())],
        Event::CassettesSet(e) => vec![Place::Bays(e.machine_id.clone())],
        Event::CassettesReported(e) => vec![Place::Bays(e.machine_id.clone())],
        // No column of the fleet's tables says anything of balances.
        Event::DepositRecorded(_)
        | Event::DepositConfirmed(_)
        | Event::DepositRejected(_)
        | Event::SettlementClaimed(_)
        | Event::SettlementBegun(_)
        | Event::SettlementReleased(_)
        | Event::SettlementAdjusted(_)
        | Event::SettlementNoted(_)
        | Event::SettlementFinished(_)
        | Event::SettlementFailed(_)
        | Event::SettlementVoided(_)
        | Event::LegEnded(_)
        | Event::LegAdded(_)
        | Event::ClaimRefused(_) => Vec::new(),
    }
}

/// What was said of a machine before it was registered shows when it is.
fn of_machine(id: &MachineId) -> Vec<Place> {
    vec![Place::Machine(id.clone()), Place::Reports(id.clone()), Place::Bays(id.clone())]
}

/// The machine whose deposits have another currency after this event. No rule lets a machine with
/// deposits change its currency; a database that was imported may have done so.
pub fn currency_of<'e>(fleet: &Fleet, event: &'e Event) -> Option<&'e MachineId> {
    let Event::MachineChanged(e) = event else { return None };
    e.fiat_code?;
    fleet.machine(&e.id).filter(|machine| machine.deposits > 0).map(|_| &e.id)
}

/// What the stream of an event is folded to.
pub const fn stream(event: &Event) -> Option<Stream> {
    match event {
        Event::DepositRecorded(_) | Event::DepositConfirmed(_) | Event::DepositRejected(_) => {
            Some(Stream::Deposit)
        }
        Event::SettlementClaimed(_)
        | Event::SettlementBegun(_)
        | Event::SettlementReleased(_)
        | Event::SettlementAdjusted(_)
        | Event::SettlementNoted(_)
        | Event::SettlementFinished(_)
        | Event::SettlementFailed(_)
        | Event::SettlementVoided(_)
        | Event::LegEnded(_)
        | Event::LegAdded(_) => Some(Stream::Settlement),
        Event::ConfigChanged(_)
        | Event::MachineRegistered(_)
        | Event::MachineChanged(_)
        | Event::MachinePaired(_)
        | Event::SplitsReplaced(_)
        | Event::LpChanged(_)
        | Event::ClientEnrolled(_)
        | Event::ClientChanged(_)
        | Event::BeaconReported(_)
        | Event::TelemetryReported(_)
        | Event::CassettesSet(_)
        | Event::CassettesReported(_)
        | Event::ClaimRefused(_) => None,
    }
}

/// The legs that an event touches in the settlement that it belongs to.
pub fn legs(settlement: &Settlement, event: &Event) -> Legs {
    match event {
        Event::LegEnded(e) => {
            let place = settlement.legs.iter().position(|leg| leg.id == e.leg_id);
            place.map_or(Legs::None, Legs::One)
        }
        // They void what is not paid.
        Event::SettlementAdjusted(_) | Event::SettlementVoided(_) => Legs::All,
        _ => Legs::None,
    }
}

/// The facts that tell which rows of a table are replaced together; none: all of them.
pub const fn scope(rows: Rows) -> &'static [Source] {
    match rows {
        Rows::Config => &[],
        Rows::Machines => &[Source::Machine(MachineFact::Id)],
        Rows::Clients => &[Source::Client(ClientFact::Id)],
        Rows::Lps => &[Source::Lp(LpFact::User)],
        Rows::Deposits => &[Source::Deposit(DepositFact::Id)],
        Rows::Settlements => &[Source::Settlement(SettlementFact::PaymentHash)],
        Rows::Splits => {
            &[Source::Split(SplitFact::Operator), Source::Split(SplitFact::Machine)]
        }
        Rows::Legs => &[Source::Leg(LegFact::Id)],
        Rows::Telemetry => &[Source::Telemetry(TelemetryFact::Machine)],
        Rows::Bays => &[Source::Bay(BayFact::Machine)],
    }
}

impl Place {
    /// What its rows are.
    pub const fn rows(&self) -> Rows {
        match self {
            Self::Config => Rows::Config,
            Self::Machine(_) => Rows::Machines,
            Self::Client(_) => Rows::Clients,
            Self::Lp(_) => Rows::Lps,
            Self::Rules(..) => Rows::Splits,
            Self::Reports(_) => Rows::Telemetry,
            Self::Bays(_) => Rows::Bays,
        }
    }

    /// What its rows have in the facts of their [`scope`], in that order.
    pub fn scope(&self) -> Vec<Cell<'_>> {
        match self {
            Self::Config => Vec::new(),
            Self::Machine(id) | Self::Reports(id) | Self::Bays(id) => vec![id.cell()],
            Self::Client(id) => vec![id.cell()],
            Self::Lp(user) => vec![user.cell()],
            Self::Rules(operator, machine) => vec![operator.cell(), machine.cell()],
        }
    }

    /// Its rows in a table.
    pub fn rows_in<'a>(&self, table: &Table, fleet: &'a Fleet) -> Vec<Row<'a>> {
        let subject = match self {
            Self::Config => Some(Subject::Config(fleet.config())),
            Self::Machine(id) => fleet.machine(id).map(Subject::Machine),
            Self::Client(id) => fleet.client(id).map(|client| of_client(fleet, client)),
            Self::Lp(user) => fleet.lp(user).map(Subject::Lp),
            Self::Reports(id) => fleet.machine(id).and_then(|m| of_reports(fleet, m)),
            Self::Rules(operator, machine) => {
                let rules = fleet.rules(operator, machine.as_ref());
                let rules = rules.into_iter().flat_map(of_rules);
                return rules.filter_map(|subject| table.row(&subject)).collect();
            }
            Self::Bays(id) => {
                return fleet.machine(id).map_or_else(Vec::new, |m| bay_rows(table, fleet, m));
            }
        };
        subject.and_then(|subject| table.row(&subject)).into_iter().collect()
    }
}

/// The key's cell of a deposit's row, of a settlement's, of a leg's: without reading the whole row.
pub fn key_of<'a>(subject: &Subject<'a>) -> Cell<'a> {
    let key = scope(subject.rows()).first();
    key.map_or(Cell::Text(Cow::Borrowed("")), |source| source.read(subject))
}
