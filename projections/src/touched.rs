//! Which rows an entry touches: what has to be written anew when tables follow the log.
//!
//! Rows of the fleet are replaced place by place: a machine, an LP, a rule set, the bays of a machine.
//! A place may have any number of rows, or none. Deposits, settlements and legs are told by the stream
//! that the entry stands in.
//!
//! *Never:* read a row. *Start at:* [`places`].

use std::borrow::Cow;

use spireledger_schema::Event;
use spireledger_schema::event::{GivenBack, Leg};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::{ClientId, MachineId, Text, UserId};

use crate::cell::{Cell, IntoCell};
use crate::facts::{
    AuditFact, BalanceFact, BayFact, ClientFact, DepositFact, LegFact, LpFact, MachineFact,
    PostingFact, Rows, SettlementFact, Source, SplitFact, Subject, TelemetryFact, WalletFact,
};
use crate::tables::{
    Row, Seen, Table, balance_of, bay_rows_at, fleet_rows, of_client, of_reports, rules_rows,
};
use crate::{Fleet, Settlement};

/// Rows of the fleet that are replaced together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
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
    /// The row of an enrolment's sums.
    Balance(ClientId),
    /// All rows of a table.
    Table(Rows),
}

/// Rows that are the fleet's.
const OF_FLEET: [Rows; 8] = [
    Rows::Config,
    Rows::Machines,
    Rows::Clients,
    Rows::Lps,
    Rows::Splits,
    Rows::Telemetry,
    Rows::Bays,
    Rows::Balances,
];

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
        Event::ConfigChanged(_) => vec![Place::Table(Rows::Config)],
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
        // What was found may be about anything, under any key. It comes all at once, and seldom.
        Event::RowImported(_) if has_rows(event) => Vec::new(),
        Event::RowImported(_) => OF_FLEET.map(Place::Table).to_vec(),
        Event::RulesImported(_) => vec![Place::Table(Rows::Splits)],
        // The sums of enrolments are places of their own: see [`balances`].
        Event::OperatorChanged(_)
        | Event::DepositRecorded(_)
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
        | Event::LegIntended(_)
        | Event::LegAdded(_)
        | Event::ImportPiece(_)
        | Event::ClaimRefused(_) => Vec::new(),
    }
}

/// The enrolments whose sums an event changes; `fleet` is the state after it.
pub fn balances(fleet: &Fleet, event: &Event) -> Vec<Place> {
    let of_legs = |legs: &[Leg]| -> Vec<ClientId> {
        legs.iter().filter_map(|leg| leg.client_id.clone()).collect()
    };
    let of_back = |back: &[GivenBack]| -> Vec<ClientId> {
        back.iter().map(|back| back.client_id.clone()).collect()
    };
    let clients = match event {
        Event::ClientEnrolled(e) => vec![e.id.clone()],
        // The currency of all of them may be another.
        Event::MachineChanged(e) if e.fiat_code.is_some() => {
            fleet.clients_at(&e.id).map(|client| client.id.clone()).collect()
        }
        Event::DepositRecorded(e) => vec![e.client_id.clone()],
        Event::DepositConfirmed(e) => vec![e.client_id.clone()],
        Event::DepositRejected(e) => vec![e.client_id.clone()],
        Event::SettlementBegun(e) => of_legs(&e.legs),
        Event::SettlementAdjusted(e) => [of_back(&e.given_back), of_legs(&e.legs)].concat(),
        Event::SettlementVoided(e) => of_back(&e.given_back),
        Event::LegEnded(e) => e.client_id.iter().cloned().collect(),
        Event::RowImported(e) => {
            let counted = [&e.before, &e.after].into_iter().flatten();
            counted.map(|counted| counted.client_id.clone()).collect()
        }
        _ => Vec::new(),
    };
    clients.into_iter().map(Place::Balance).collect()
}

/// What was said of a machine before it was registered shows when it is.
fn of_machine(id: &MachineId) -> Vec<Place> {
    vec![Place::Machine(id.clone()), Place::Reports(id.clone()), Place::Bays(id.clone())]
}

/// The machine whose currency may be another one after this event, by its id as it stands in tables. No
/// rule lets a machine with deposits change its currency; a database that was imported may have done so.
pub fn machine_of(event: &Event) -> Option<&str> {
    match event {
        Event::MachineChanged(e) => e.fiat_code.map(|_| e.id.as_str()),
        Event::RowImported(e) if e.row.table == SourceTable::Machines => Some(e.row.id.as_str()),
        _ => None,
    }
}

/// Whether the stream that an event stands in has rows of its own: of a deposit, of a settlement and its
/// legs, or such as were found.
pub const fn has_rows(event: &Event) -> bool {
    match event {
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
        | Event::LegIntended(_)
        | Event::LegAdded(_) => true,
        Event::RowImported(e) => matches!(
            e.row.table,
            SourceTable::Deposits | SourceTable::Settlements | SourceTable::Legs
        ),
        Event::ConfigChanged(_)
        | Event::OperatorChanged(_)
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
        | Event::RulesImported(_)
        | Event::ImportPiece(_)
        | Event::ClaimRefused(_) => false,
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
        Rows::Settlements => &[Source::Settlement(SettlementFact::Id)],
        Rows::Splits => &[Source::Split(SplitFact::Operator), Source::Split(SplitFact::Machine)],
        Rows::Legs => &[Source::Leg(LegFact::Id)],
        Rows::Telemetry => &[Source::Telemetry(TelemetryFact::Machine)],
        Rows::Bays => &[Source::Bay(BayFact::Machine)],
        Rows::Balances => &[Source::Balance(BalanceFact::Client)],
        Rows::Postings => &[Source::Posting(PostingFact::Seq)],
        Rows::Wallets => &[Source::Wallet(WalletFact::Id)],
        Rows::Audits => &[Source::Audit(AuditFact::Seq)],
    }
}

impl Place {
    /// What its rows are.
    pub const fn rows(&self) -> Rows {
        match self {
            Self::Machine(_) => Rows::Machines,
            Self::Client(_) => Rows::Clients,
            Self::Lp(_) => Rows::Lps,
            Self::Rules(..) => Rows::Splits,
            Self::Reports(_) => Rows::Telemetry,
            Self::Bays(_) => Rows::Bays,
            Self::Balance(_) => Rows::Balances,
            Self::Table(rows) => *rows,
        }
    }

    /// What its rows have in the facts of their [`scope`], in that order. `None`: anything.
    pub fn scope(&self) -> Option<Vec<Cell<'_>>> {
        Some(match self {
            Self::Machine(id) | Self::Reports(id) | Self::Bays(id) => vec![id.cell()],
            Self::Client(id) | Self::Balance(id) => vec![id.cell()],
            Self::Lp(user) => vec![user.cell()],
            Self::Rules(operator, machine) => vec![operator.cell(), machine.cell()],
            Self::Table(_) => return None,
        })
    }

    /// Its rows in a table.
    pub fn rows_in<'a>(&self, table: &Table, fleet: &'a Fleet) -> Vec<Row<'a>> {
        let (source, id, subject) = match self {
            Self::Machine(id) => {
                (SourceTable::Machines, id.as_str(), fleet.machine(id).map(Subject::Machine))
            }
            Self::Client(id) => {
                let client = fleet.client(id).map(|client| of_client(fleet, client).subject);
                (SourceTable::Clients, id.as_str(), client)
            }
            Self::Balance(id) => {
                let client = fleet.client(id).map(|client| balance_of(fleet, client));
                let row = client.and_then(|subject| table.row(&Seen::from(subject)));
                return row.into_iter().collect();
            }
            Self::Lp(user) => (SourceTable::Lps, user.as_str(), fleet.lp(user).map(Subject::Lp)),
            Self::Reports(id) => {
                let reports = fleet.machine(id).and_then(|machine| of_reports(fleet, machine));
                (SourceTable::Telemetry, id.as_str(), reports)
            }
            Self::Rules(operator, machine) => {
                let machine = machine.as_ref().map(|id| Text::new(id.as_str()));
                let operator = Text::new(operator.as_str());
                return rules_rows(table, fleet, &operator, machine.as_ref());
            }
            Self::Bays(id) => return bay_rows_at(table, fleet, id),
            Self::Table(_) => {
                let mut rows = Vec::new();
                // Collecting cannot fail.
                let _ = fleet_rows(table, fleet, |row| {
                    rows.push(row);
                    Ok::<_, std::convert::Infallible>(())
                });
                return rows;
            }
        };
        let row = subject
            .and_then(|subject| table.row(&Seen { subject, imported: fleet.imported(source, id) }));
        row.into_iter().collect()
    }
}

/// The key's cell of a deposit's row, of a settlement's, of a leg's: without reading the whole row.
pub fn key_of<'a>(subject: &Subject<'a>) -> Cell<'a> {
    let key = scope(subject.rows()).first();
    key.map_or(Cell::Text(Cow::Borrowed("")), |source| source.read(subject))
}
