//! What was brought in, in the fleet's state.

use std::collections::btree_map::Entry as Place;

use spireledger_schema::Event;
use spireledger_schema::event::{RowImported, RulesImported};
use spireledger_schema::imported::{Counted, CountsAs, Found, SourceRow, SourceTable};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::text::{ClientId, MachineId, Text, UserId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{DepositStatus, LegStatus, LegType};

use super::{
    ImportedRow, bay, beacon, client, config, fiat, lp, machine, sats, sources, splits,
    status_of_leg, telemetry,
};
use crate::cell::Cell;
use crate::facts::{Enrolment, FiatCode, Subject};
use crate::tables::{of_bay, of_reports};
use crate::{ApplyError, Fleet, Rules};

/// A row's place among those that were brought in.
pub type RowKey = (SourceTable, Text);

/// Facts of rows that were brought in, before something happens to them.
pub(crate) type Before = Vec<(RowKey, Option<Vec<Cell<'static>>>)>;

impl Fleet {
    /// A row that was brought in and stands beside the state. Those of deposits, settlements and legs
    /// are in the streams of each.
    pub fn imported(&self, table: SourceTable, id: &str) -> Option<&ImportedRow> {
        if self.imported.is_empty() { None } else { self.imported.get(&(table, Text::new(id))) }
    }

    /// All rows of a table that were brought in, by their ids.
    pub fn all_imported(&self, table: SourceTable) -> impl Iterator<Item = &ImportedRow> {
        let rows = self.imported.range((table, Text::new(""))..);
        rows.take_while(move |((found, _), _)| *found == table).map(|(_, row)| row)
    }

    /// What a machine's currency is, in the words in which it is shown.
    pub fn fiat_code_at(&self, machine: &str) -> Option<FiatCode<'_>> {
        let imported = self.imported(SourceTable::Machines, machine).filter(|row| !row.is_live);
        if let Some(imported) = imported {
            return Some(FiatCode::Found(imported.row.cell("fiat_code")));
        }
        let machine = self.machine(&MachineId::parse(machine)?)?;
        Some(FiatCode::Code(machine.fiat_code.as_str()))
    }

    /// A row was brought in. What it cannot make state of is kept beside it.
    pub(crate) fn row_imported(
        &mut self,
        e: &RowImported,
        at: Timestamp,
        seq: u64,
    ) -> Result<(), ApplyError> {
        self.counted(e, seq)?;
        let row = &e.row;
        match row.table {
            SourceTable::Settlements => {
                self.count_at(row, |machine| machine.settlements += 1);
                return Ok(());
            }
            SourceTable::Deposits => {
                self.count_at(row, |machine| machine.deposits += 1);
                return Ok(());
            }
            SourceTable::Legs => return Ok(()),
            _ => {}
        }
        if e.is_live {
            self.take(row, at);
        }
        let key = (row.table, row.id.clone());
        self.imported.insert(key, ImportedRow::new(row.clone(), seq, e.is_live));
        Ok(())
    }

    /// Makes state of a row.
    fn take(&mut self, row: &SourceRow, at: Timestamp) {
        match row.table {
            SourceTable::Config => {
                if let Some(config) = config(row) {
                    self.config = config;
                }
            }
            SourceTable::Machines => self.take_machine(row, at),
            SourceTable::Lps => {
                if let Some(lp) = lp(row, at) {
                    self.lps.insert(lp.user_id.clone(), lp);
                }
            }
            SourceTable::Clients => self.take_client(row, at),
            SourceTable::Telemetry => self.take_reports(row),
            SourceTable::Bays => self.take_bay(row),
            SourceTable::Splits
            | SourceTable::Deposits
            | SourceTable::Settlements
            | SourceTable::Legs => {}
        }
    }

    fn take_machine(&mut self, row: &SourceRow, at: Timestamp) {
        let Some(mut machine) = machine(row, at) else { return };
        if let Some(before) = self.machines.get(&machine.id) {
            (machine.settlements, machine.deposits) = (before.settlements, before.deposits);
            self.wallets.remove(&before.wallet_id);
            if let Some(npub) = before.machine_npub {
                self.npubs.remove(&npub);
            }
        }
        self.wallets.insert(machine.wallet_id.clone(), machine.id.clone());
        if let Some(npub) = machine.machine_npub {
            self.npubs.insert(npub, machine.id.clone());
        }
        self.machines.insert(machine.id.clone(), machine);
    }

    fn take_client(&mut self, row: &SourceRow, at: Timestamp) {
        let Some(mut client) = client(row, at) else { return };
        if let Some(before) = self.clients.get(&client.id) {
            let moved = (before.machine_id.clone(), before.user_id.clone());
            if let Some(enrolled) = self.enrolled.get_mut(&moved.0) {
                enrolled.remove(&(moved.1.clone(), client.id.clone()));
            }
            if let Some(enrolments) = self.enrolments.get_mut(&moved.1) {
                enrolments.remove(&client.id);
            }
            client.keep_sums_of(before);
        }
        let at_machine = self.enrolled.entry(client.machine_id.clone()).or_default();
        at_machine.insert((client.user_id.clone(), client.id.clone()));
        self.enrolments.entry(client.user_id.clone()).or_default().insert(client.id.clone());
        self.clients.insert(client.id.clone(), client);
    }

    fn take_reports(&mut self, row: &SourceRow) {
        let Some(id) = row.cell("machine_id").as_str().and_then(MachineId::parse) else { return };
        if let Some(beacon) = beacon(row, id.clone()) {
            self.beacons.insert(id.clone(), beacon);
        }
        if let Some(telemetry) = telemetry(row) {
            self.telemetry.insert(id, telemetry);
        }
    }

    fn take_bay(&mut self, row: &SourceRow) {
        let Some(bay) = bay(row) else { return };
        let bays = self.bays.entry(bay.machine_id).or_default();
        bays.believed.insert(bay.position, bay.believed);
        bays.updated_at = bays.updated_at.max(bay.updated_at);
        bays.updated_by = bay.updated_by.or(bays.updated_by.take());
        if let Some(reported) = bay.reported {
            bays.reported.insert(bay.position, reported);
            bays.state_at = bays.state_at.max(bay.state_at);
            bays.counted_at = bays.state_at;
            bays.state_event_id = bay.state_event_id.or(bays.state_event_id.take());
        }
    }

    /// A rule set was brought in, in the place of what was set before.
    pub(crate) fn rules_imported(&mut self, e: &RulesImported, at: Timestamp, seq: u64) {
        let row = |row: &SourceRow| ImportedRow::new(row.clone(), seq, e.is_live);
        let operator = UserId::parse(e.operator_user_id.as_str());
        let machine = e.machine_id.as_ref().map(|id| MachineId::parse(id.as_str()));
        // A machine whose id is none cannot have native rules.
        if let (Some(operator), None | Some(Some(_))) = (operator, &machine) {
            let key = (operator.clone(), machine.flatten());
            if e.rows.is_empty() {
                self.rules.remove(&key);
                return;
            }
            let rules = Rules {
                operator_user_id: operator,
                machine_id: key.1.clone(),
                splits: splits(&e.rows).filter(|_| e.is_live).unwrap_or_default(),
                created_at: at,
                seq,
                imported: e.rows.iter().map(row).collect(),
            };
            self.rules.insert(key, rules);
            return;
        }
        let is_of_set = |row: &SourceRow| {
            row.cell("operator_user_id").name().as_ref() == Some(&e.operator_user_id)
                && row.cell("machine_id").name() == e.machine_id
        };
        self.imported
            .retain(|(table, _), old| *table != SourceTable::Splits || !is_of_set(&old.row));
        for found in &e.rows {
            self.imported.insert((SourceTable::Splits, found.id.clone()), row(found));
        }
    }

    fn count_at(&mut self, row: &SourceRow, count: impl FnOnce(&mut crate::Machine)) {
        let id = row.cell("machine_id").as_str().and_then(MachineId::parse);
        if let Some(machine) = id.and_then(|id| self.machines.get_mut(&id)) {
            count(machine);
        }
    }

    /// Sums follow what a row counts for, in the place of what it counted for before.
    fn counted(&mut self, e: &RowImported, seq: u64) -> Result<(), ApplyError> {
        if let Some(before) = &e.before {
            self.client_mut(&before.client_id, seq)?.uncount(before, seq)?;
        }
        if let Some(after) = &e.after {
            let at = super::moment(e.row.cell("created_at"));
            let machine = self.client_mut(&after.client_id, seq)?.machine_id.clone();
            let day = at.map(|at| self.day_at(&machine, at));
            self.client_mut(&after.client_id, seq)?.count(after, day, seq)?;
        }
        Ok(())
    }

    /// Facts of all that was brought in and that an event may change.
    pub(crate) fn facts_before(&self, event: &Event) -> Before {
        if self.imported.is_empty() {
            return Vec::new();
        }
        let keys = self.rows_touched(event);
        let rows = keys.into_iter().filter(|key| self.imported.contains_key(key));
        rows.map(|key| {
            let facts = self.facts(&key);
            (key, facts)
        })
        .collect()
    }

    /// What was found gives way to what was said since.
    pub(crate) fn supersede(&mut self, before: Before) {
        for (key, facts) in before {
            let now = self.facts(&key);
            let Place::Occupied(mut place) = self.imported.entry(key) else { continue };
            match (facts, now) {
                (Some(before), Some(now)) => place.get_mut().supersede(&before, &now),
                (None, None) => {}
                // It is gone (a bay that is not there any more), or there is more than what was
                // found (something that was registered under its id).
                (Some(_), None) | (None, Some(_)) => {
                    place.remove();
                }
            }
        }
    }

    /// The rows that a native event can touch.
    fn rows_touched(&self, event: &Event) -> Vec<RowKey> {
        let key = |table, id: &str| vec![(table, Text::new(id))];
        match event {
            Event::ConfigChanged(_) => key(SourceTable::Config, "default"),
            Event::MachineRegistered(e) => key(SourceTable::Machines, e.id.as_str()),
            Event::MachineChanged(e) => key(SourceTable::Machines, e.id.as_str()),
            Event::MachinePaired(e) => key(SourceTable::Machines, e.id.as_str()),
            Event::ClientEnrolled(e) => key(SourceTable::Clients, e.id.as_str()),
            Event::ClientChanged(e) => key(SourceTable::Clients, e.id.as_str()),
            Event::LpChanged(e) => {
                let clients = self.clients_of(&e.user_id);
                let clients = clients.map(|c| (SourceTable::Clients, Text::new(c.id.as_str())));
                clients.chain(key(SourceTable::Lps, e.user_id.as_str())).collect()
            }
            Event::BeaconReported(e) => key(SourceTable::Telemetry, e.machine_id.as_str()),
            Event::TelemetryReported(e) => key(SourceTable::Telemetry, e.machine_id.as_str()),
            Event::CassettesSet(e) => self.bays_of(&e.machine_id),
            Event::CassettesReported(e) => self.bays_of(&e.machine_id),
            _ => Vec::new(),
        }
    }

    fn bays_of(&self, machine: &MachineId) -> Vec<RowKey> {
        let bays = self.all_imported(SourceTable::Bays);
        let own = bays.filter(|bay| bay.row.cell("machine_id").as_str() == Some(machine.as_str()));
        own.map(|bay| (SourceTable::Bays, bay.row.id.clone())).collect()
    }

    /// The facts of a row's columns, as the state has them. `None`: there is no such thing.
    fn facts(&self, key: &RowKey) -> Option<Vec<Cell<'static>>> {
        let subject = self.subject_of(&self.imported.get(key)?.row)?;
        let read = |source: &crate::facts::Source| source.read(&subject).into_owned();
        Some(sources(key.0).iter().map(read).collect())
    }

    /// The state behind what a row is about, if there is any.
    pub(crate) fn subject_of(&self, row: &SourceRow) -> Option<Subject<'_>> {
        let id = row.id.as_str();
        match row.table {
            SourceTable::Config => (id == "default").then_some(Subject::Config(&self.config)),
            SourceTable::Machines => self.machine(&MachineId::parse(id)?).map(Subject::Machine),
            SourceTable::Lps => self.lp(&UserId::parse(id)?).map(Subject::Lp),
            SourceTable::Clients => {
                let client = self.client(&ClientId::parse(id)?)?;
                Some(Subject::Client(Enrolment { client, lp: self.lp(&client.user_id) }))
            }
            SourceTable::Telemetry => of_reports(self, self.machine(&MachineId::parse(id)?)?),
            SourceTable::Bays => {
                let machine = MachineId::parse(row.cell("machine_id").as_str()?)?;
                let Found::Integer(position) = row.cell("position") else { return None };
                of_bay(self, self.machine(&machine)?, u32::try_from(*position).ok()?)
            }
            SourceTable::Splits
            | SourceTable::Deposits
            | SourceTable::Settlements
            | SourceTable::Legs => None,
        }
    }
}

impl crate::Client {
    fn keep_sums_of(&mut self, before: &Self) {
        self.confirmed_fiat = before.confirmed_fiat;
        self.unconfirmed_fiat = before.unconfirmed_fiat;
        self.paid_fiat = before.paid_fiat;
        self.pending_fiat = before.pending_fiat;
        self.paid_sats = before.paid_sats;
        self.pending_sats = before.pending_sats;
        self.day = before.day;
        self.day_fiat = before.day_fiat;
    }
}

/// What a row counts for in an enrolment's sums, in the place of what it counted for before. `None`
/// where it cannot be told, the enrolment is not known, or a sum would leave its bounds.
///
/// What still waits can be ended here, and then has to leave the sum that it is in: so it counts only
/// with an amount that no rule would mind. `is_open`: the leg's settlement has not ended, so that a
/// failed leg may be tried again.
pub fn counted(
    fleet: &Fleet,
    row: &SourceRow,
    before: Option<&Counted>,
    is_open: bool,
) -> Option<Counted> {
    let client_id = row.cell("client_id").as_str().and_then(ClientId::parse)?;
    let counted = match row.table {
        SourceTable::Deposits => deposit_counted(row, client_id),
        SourceTable::Legs => leg_counted(row, client_id, is_open),
        _ => None,
    }?;
    let mut client = fleet.client(&counted.client_id)?.clone();
    let own = before.filter(|before| before.client_id == counted.client_id);
    own.map_or(Ok(()), |before| client.uncount(before, 0)).ok()?;
    client.count(&counted, None, 0).ok()?;
    Some(counted)
}

fn deposit_counted(row: &SourceRow, client_id: ClientId) -> Option<Counted> {
    let amount_fiat = fiat(row.cell("amount"))?;
    let counts_as = match row.cell("status").as_str().and_then(DepositStatus::parse)? {
        DepositStatus::Pending if amount_fiat >= Fiat::ZERO => CountsAs::Unconfirmed,
        DepositStatus::Confirmed => CountsAs::Confirmed,
        DepositStatus::Pending | DepositStatus::Rejected => return None,
    };
    Some(Counted { client_id, counts_as, amount_fiat, amount_sats: Sats::ZERO })
}

fn leg_counted(row: &SourceRow, client_id: ClientId, is_open: bool) -> Option<Counted> {
    if row.cell("leg_type").as_str().and_then(LegType::parse)? != LegType::Dca {
        return None;
    }
    let amount_sats = sats(row.cell("amount_sats"))?;
    let found = row.cell("amount_fiat");
    let amount = if found.is_something() { Some(fiat(found)?) } else { None };
    let counts_as = match status_of_leg(row)? {
        LegStatus::Completed => CountsAs::Paid,
        LegStatus::Pending if amount >= Some(Fiat::ZERO) => CountsAs::Pending,
        LegStatus::Failed if is_open && amount >= Some(Fiat::ZERO) => CountsAs::Pending,
        _ => return None,
    };
    Some(Counted { client_id, counts_as, amount_fiat: amount.unwrap_or_default(), amount_sats })
}
