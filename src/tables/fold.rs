//! One pass over the log: entries in, in order; out come the rows that they touched.
//!
//! Memory is bounded by the fleet and by the cache, not by the history: see `states.rs`.

use std::collections::BTreeSet;

use rusqlite::Connection;
use spireledger_projections::facts::{
    DepositAtMachine, DepositFact, FiatCode, LegOfSettlement, Rows, Source, Subject,
};
use spireledger_projections::tables::{Cell, Shape, rows_of};
use spireledger_projections::touched::{Place, balances, has_rows, machine_of, places};
use spireledger_projections::{Deposit, Fleet, Life, Settlement};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::DepositId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Entry, Event, streams};

use super::TablesError;
use super::entries::{Said, Saying};
use super::plan::{Plan, scope_columns};
use super::position;
use super::states::{DIRTY_MAX, Held, States};
use crate::ledger::{LedgerError, save_fleet, stream_up_to};
use crate::log::{Head, Past, ReadLog, Stored};

/// Deposits that are read at a time when the currency of all of a machine's changes.
const PAGE: usize = 1_000;

/// State at a position, and what of it the tables do not say yet.
pub(super) struct Fold {
    head: Head,
    fleet: Fleet,
    recorded_at: Timestamp,
    states: States,
    said: Said,
    has_balances: bool,
    places: BTreeSet<Place>,
    /// Machines whose deposits have another currency.
    currencies: BTreeSet<String>,
}

impl Fold {
    /// State of an empty log. It has a row already: that of the configuration.
    pub(super) fn empty(shape: &Shape) -> Self {
        let mut fold = Self::at(Head::EMPTY, Fleet::default(), Timestamp::EPOCH, shape);
        fold.places.insert(Place::Table(Rows::Config));
        fold
    }

    /// Goes on behind `head`, from the fleet there.
    pub(super) fn at(head: Head, fleet: Fleet, recorded_at: Timestamp, shape: &Shape) -> Self {
        let (places, currencies) = (BTreeSet::new(), BTreeSet::new());
        let has_balances = shape.tables().iter().any(|table| table.rows() == Rows::Balances);
        let (states, said) = (States::new(), Said::for_shape(shape));
        Self { head, fleet, recorded_at, states, said, has_balances, places, currencies }
    }

    /// The last entry that was taken.
    pub(super) const fn head(&self) -> Head {
        self.head
    }

    /// Saves the fleet beside the rows, for whoever goes on from here.
    pub(super) fn save_fleet(&self, to: &Connection) -> Result<(), TablesError> {
        let saved = save_fleet(&self.fleet, self.head, self.recorded_at)?;
        Ok(position::save_fleet(to, self.head.seq, &saved)?)
    }

    /// Takes the next entry.
    pub(super) fn take(
        &mut self,
        log: &dyn ReadLog,
        stored: &Stored<'_>,
        entry: &Entry,
    ) -> Result<(), LedgerError> {
        let currency = self.currency(&entry.event);
        self.fleet.apply(entry)?;
        if let Some((machine, before)) = currency
            && self.fleet.fiat_code_at(&machine).map(FiatCode::cell) != before
        {
            self.currencies.insert(machine);
        }
        self.places.extend(places(&self.fleet, &entry.event));
        if self.has_balances {
            self.places.extend(balances(&self.fleet, &entry.event));
        }
        if has_rows(&entry.event) {
            let mut saying = Saying { fleet: &self.fleet, said: &mut self.said };
            self.states.take(log, stored, entry, &mut saying)?;
        } else {
            self.said.take_alone(entry);
        }
        self.recorded_at = entry.circumstances.recorded_at;
        self.head = Head { seq: stored.front.seq, hash: stored.hash };
        Ok(())
    }

    /// The machine whose currency an event may change, and what it is before.
    fn currency(&self, event: &Event) -> Option<(String, Option<Cell<'static>>)> {
        let machine = machine_of(event)?;
        let code = self.fleet.fiat_code_at(machine).map(|code| code.cell().into_owned());
        Some((machine.to_owned(), code))
    }

    /// Whether rows have to be written before more is taken.
    pub(super) const fn is_full(&self) -> bool {
        self.states.dirty_len() >= DIRTY_MAX || self.states.is_heavy()
    }

    /// Whether what entries have said has to be written before more is taken.
    pub(super) const fn has_said_much(&self) -> bool {
        self.said.is_full()
    }

    /// Writes what entries have said since the last time.
    pub(super) fn write_said(
        &mut self,
        to: &Connection,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        Ok(self.said.write(to, plans)?)
    }

    /// Writes the rows of all that was touched since the last time.
    pub(super) fn write(
        &mut self,
        log: &dyn ReadLog,
        to: &Connection,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        self.write_said(to, plans)?;
        let dirty = Dirty::sorted_out(&self.states);
        for plan in plans {
            match plan.rows() {
                Rows::Deposits => self.write_deposits(&dirty, to, plan)?,
                Rows::Settlements => self.write_settlements(&dirty, to, plan)?,
                Rows::Legs => self.write_legs(&dirty, to, plan)?,
                rows if rows.of_entries() => {}
                _ => self.write_places(to, plan)?,
            }
        }
        for plan in plans.iter().filter(|plan| plan.rows() == Rows::Deposits) {
            for machine in &self.currencies {
                self.write_deposits_at(machine, log, to, plan)?;
            }
        }
        self.places.clear();
        self.currencies.clear();
        self.states.written();
        Ok(())
    }

    /// All old rows go before the first new one comes: two machines may have changed wallets.
    fn write_places(&self, to: &Connection, plan: &Plan) -> Result<(), TablesError> {
        let whole = Place::Table(plan.rows());
        let places: Vec<&Place> = if self.places.contains(&whole) {
            vec![&whole]
        } else {
            self.places.iter().filter(|place| place.rows() == plan.rows()).collect()
        };
        if places.is_empty() {
            return Ok(());
        }
        for place in &places {
            match place.scope() {
                Some(scope) => plan.delete(to)?.run(&scope)?,
                None => drop(to.execute(&format!("DELETE FROM {}", plan.name()), [])?),
            }
        }
        let mut insert = plan.insert(to)?;
        for place in &places {
            for row in place.rows_in(plan.table(), &self.fleet) {
                insert.run(&row)?;
            }
        }
        Ok(())
    }

    fn write_deposits(
        &self,
        dirty: &Dirty<'_>,
        to: &Connection,
        plan: &Plan,
    ) -> Result<(), TablesError> {
        self.write_found(dirty, to, plan)?;
        if dirty.deposits.is_empty() {
            return Ok(());
        }
        let mut rows = plan.rewrite(to)?;
        for (held, deposit) in &dirty.deposits {
            let fiat_code = self.fleet.fiat_code_at(deposit.recorded.machine_id.as_str());
            let subject = Subject::Deposit(DepositAtMachine { deposit, fiat_code });
            rows.write(&subject, held.is_written)?;
        }
        Ok(())
    }

    fn write_settlements(
        &self,
        dirty: &Dirty<'_>,
        to: &Connection,
        plan: &Plan,
    ) -> Result<(), TablesError> {
        self.write_found(dirty, to, plan)?;
        if dirty.settlements.is_empty() {
            return Ok(());
        }
        let mut rows = plan.rewrite(to)?;
        for (held, settlement) in &dirty.settlements {
            rows.write(&Subject::Settlement(settlement), held.is_written)?;
        }
        Ok(())
    }

    fn write_legs(
        &self,
        dirty: &Dirty<'_>,
        to: &Connection,
        plan: &Plan,
    ) -> Result<(), TablesError> {
        self.write_found(dirty, to, plan)?;
        if dirty.with_legs.is_empty() {
            return Ok(());
        }
        let mut rows = plan.rewrite(to)?;
        for (held, settlement) in &dirty.with_legs {
            for (place, leg) in settlement.legs.iter().enumerate() {
                let is_there = place < held.legs_written;
                if !is_there || held.legs_changed.contains(&place) {
                    rows.write(&Subject::Leg(LegOfSettlement { settlement, leg }), is_there)?;
                }
            }
        }
        Ok(())
    }

    /// Replaces the rows of lives in which something was brought in.
    fn write_found(
        &self,
        dirty: &Dirty<'_>,
        to: &Connection,
        plan: &Plan,
    ) -> Result<(), TablesError> {
        if dirty.found.is_empty() {
            return Ok(());
        }
        let table = plan.table();
        let mut delete = plan.delete_key(to)?;
        for before in dirty.found.iter().filter_map(|held| held.before.as_ref()) {
            for row in rows_of(table, &self.fleet, before) {
                let key: Vec<_> = table.key_of(&row).into_iter().cloned().collect();
                delete.run(&key)?;
            }
        }
        let mut insert = plan.insert(to)?;
        for held in &dirty.found {
            for row in rows_of(table, &self.fleet, &held.life) {
                insert.run(&row)?;
            }
        }
        Ok(())
    }

    /// Writes all deposits at a machine anew: it has another currency.
    fn write_deposits_at(
        &self,
        machine: &str,
        log: &dyn ReadLog,
        to: &Connection,
        plan: &Plan,
    ) -> Result<(), TablesError> {
        let columns = plan.table().columns();
        let at_machine = columns.iter().find(|c| c.source == Source::Deposit(DepositFact::Machine));
        let id = scope_columns(plan.table()).first().copied();
        let (Some(at_machine), Some(id)) = (at_machine, id) else { return Ok(()) };
        let past = Past::new(log, self.head.seq).map_err(LedgerError::from)?;
        let mut page = to.prepare_cached(&format!(
            "SELECT {id} FROM {} WHERE {} = ?1 AND {id} > ?2 ORDER BY {id} LIMIT {PAGE}",
            plan.name(),
            at_machine.name
        ))?;
        let mut write = plan.rewrite(to)?;
        let mut last = String::new();
        loop {
            let ids = page.query_map((machine, &last), |row| row.get(0))?;
            let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
            let Some(newest) = ids.last() else { return Ok(()) };
            last.clone_from(newest);
            for id in &ids {
                let known = DepositId::parse(id).map(|id| streams::deposit(&id));
                let alone = || streams::imported_alone(SourceTable::Deposits, id);
                let key = known.unwrap_or_else(alone);
                let seq = past.last_of(&key).map_err(LedgerError::from)?.unwrap_or(0);
                let entries: Vec<Entry> = stream_up_to(&past, &key, seq)?;
                let life = Life::fold(&entries).map_err(LedgerError::from)?;
                for row in rows_of(plan.table(), &self.fleet, &life) {
                    write.put(&row)?;
                }
            }
        }
    }
}

/// What is dirty, looked at once and sorted out by the tables that it has rows in.
#[derive(Default)]
struct Dirty<'s> {
    deposits: Vec<(&'s Held, &'s Deposit)>,
    settlements: Vec<(&'s Held, &'s Settlement)>,
    /// Settlements whose legs have changed.
    with_legs: Vec<(&'s Held, &'s Settlement)>,
    /// In which something was brought in: replaced in all tables.
    found: Vec<&'s Held>,
}

impl<'s> Dirty<'s> {
    fn sorted_out(states: &'s States) -> Self {
        let mut dirty = Self::default();
        for held in states.dirty() {
            if held.is_found {
                dirty.found.push(held);
                continue;
            }
            dirty.deposits.extend(held.life.deposit.as_ref().map(|deposit| (held, deposit)));
            let Some(settlement) = &held.life.settlement else { continue };
            dirty.settlements.push((held, settlement));
            if settlement.legs.len() > held.legs_written || !held.legs_changed.is_empty() {
                dirty.with_legs.push((held, settlement));
            }
        }
        dirty
    }
}
