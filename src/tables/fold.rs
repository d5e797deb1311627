//! One pass over the log: entries in, in order; out come the rows that they touched.
//!
//! Memory is bounded by the fleet and by the cache, not by the history: see `states.rs`.

use std::collections::BTreeSet;

use spireledger_projections::facts::{DepositAtMachine, FiatCode, LegOfSettlement, Rows, Subject};
use spireledger_projections::tables::{Cell, Shape, rows_of};
use spireledger_projections::touched::{Place, balances, has_rows, machine_of, places};
use spireledger_projections::{Deposit, Fleet, Life, Settlement};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::DepositId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Entry, Event, streams};

use super::TablesError;
use super::entries::{Said, Saying};
use super::plan::{Plan, Verb};
use super::sink::Sink;
use super::states::{DIRTY_MAX, Held, States};
use crate::ledger::{LedgerError, save_fleet, stream_up_to};
use crate::log::{Head, Past, ReadLog, Stored};

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

    /// The fleet as it is saved beside the rows, for whoever goes on from here.
    pub(super) fn saved_fleet(&self) -> Result<Vec<u8>, LedgerError> {
        save_fleet(&self.fleet, self.head, self.recorded_at)
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
        sink: &mut impl Sink,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        self.said.write(sink, plans)
    }

    /// Writes the rows of all that was touched since the last time.
    pub(super) fn write(
        &mut self,
        log: &dyn ReadLog,
        sink: &mut impl Sink,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        self.write_said(sink, plans)?;
        let dirty = Dirty::sorted_out(&self.states);
        for (at, plan) in plans.iter().enumerate() {
            match plan.rows() {
                Rows::Deposits => self.write_deposits(&dirty, sink, (at, plan))?,
                Rows::Settlements => self.write_settlements(&dirty, sink, (at, plan))?,
                Rows::Legs => self.write_legs(&dirty, sink, (at, plan))?,
                rows if rows.of_entries() => {}
                _ => self.write_places(sink, (at, plan))?,
            }
        }
        for (at, plan) in plans.iter().enumerate().filter(|(_, p)| p.rows() == Rows::Deposits) {
            for machine in &self.currencies {
                self.write_deposits_at(machine, log, sink, (at, plan))?;
            }
        }
        self.places.clear();
        self.currencies.clear();
        self.states.written();
        Ok(())
    }

    /// All old rows go before the first new one comes: two machines may have changed wallets.
    fn write_places(
        &self,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        let whole = Place::Table(plan.rows());
        let places: Vec<&Place> = if self.places.contains(&whole) {
            vec![&whole]
        } else {
            self.places.iter().filter(|place| place.rows() == plan.rows()).collect()
        };
        for place in &places {
            match place.scope() {
                Some(scope) => sink.cells(at, Verb::Delete, scope)?,
                None => sink.cells(at, Verb::DeleteAll, Vec::new())?,
            }
        }
        for place in &places {
            for row in place.rows_in(plan.table(), &self.fleet) {
                sink.cells(at, Verb::Insert, row)?;
            }
        }
        Ok(())
    }

    fn write_deposits(
        &self,
        dirty: &Dirty<'_>,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        self.write_found(dirty, sink, (at, plan))?;
        for (held, deposit) in &dirty.deposits {
            let fiat_code = self.fleet.fiat_code_at(deposit.recorded.machine_id.as_str());
            let subject = Subject::Deposit(DepositAtMachine { deposit, fiat_code });
            sink.subject(at, &subject, held.is_written)?;
        }
        Ok(())
    }

    fn write_settlements(
        &self,
        dirty: &Dirty<'_>,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        self.write_found(dirty, sink, (at, plan))?;
        for (held, settlement) in &dirty.settlements {
            sink.subject(at, &Subject::Settlement(settlement), held.is_written)?;
        }
        Ok(())
    }

    fn write_legs(
        &self,
        dirty: &Dirty<'_>,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        self.write_found(dirty, sink, (at, plan))?;
        for (held, settlement) in &dirty.with_legs {
            for (place, leg) in settlement.legs.iter().enumerate() {
                let is_there = place < held.legs_written;
                if !is_there || held.legs_changed.contains(&place) {
                    let subject = Subject::Leg(LegOfSettlement { settlement, leg });
                    sink.subject(at, &subject, is_there)?;
                }
            }
        }
        Ok(())
    }

    /// Replaces the rows of lives in which something was brought in.
    fn write_found(
        &self,
        dirty: &Dirty<'_>,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        let table = plan.table();
        for before in dirty.found.iter().filter_map(|held| held.before.as_ref()) {
            for row in rows_of(table, &self.fleet, before) {
                let key = table.key_of(&row).into_iter().cloned().collect();
                sink.cells(at, Verb::DeleteKey, key)?;
            }
        }
        for held in &dirty.found {
            for row in rows_of(table, &self.fleet, &held.life) {
                sink.cells(at, Verb::Insert, row)?;
            }
        }
        Ok(())
    }

    /// Writes all deposits at a machine anew: it has another currency.
    fn write_deposits_at(
        &self,
        machine: &str,
        log: &dyn ReadLog,
        sink: &mut impl Sink,
        (at, plan): (usize, &Plan),
    ) -> Result<(), TablesError> {
        let past = Past::new(log, self.head.seq).map_err(LedgerError::from)?;
        let mut last = String::new();
        loop {
            let ids = sink.ids_at(at, machine, &last)?;
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
                    sink.cells(at, Verb::Upsert, row)?;
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
