//! One pass over the log: entries in, in order; out come the rows that they touched.
//!
//! Memory is bounded by the fleet and by the cache, not by the history: see `states.rs`.

use std::collections::BTreeSet;

use rusqlite::Connection;
use spireledger_projections::facts::{
    DepositAtMachine, DepositFact, LegOfSettlement, Rows, Source, Subject,
};
use spireledger_projections::touched::{Place, currency_of, places, stream};
use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::text::{DepositId, MachineId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Entry, streams};

use super::TablesError;
use super::position;
use super::plan::{Plan, scope_columns};
use super::states::{Held, States};
use crate::ledger::{LedgerError, decode, save_fleet, stream_up_to};
use crate::log::{Head, Past, ReadLog, Stored};

/// Deposits and settlements that wait to be written, at most.
const DIRTY_MAX: usize = 16_384;
/// Deposits that are read at a time when the currency of all of a machine's changes.
const PAGE: usize = 1_000;

/// State at a position, and what of it the tables do not say yet.
pub(super) struct Fold {
    head: Head,
    fleet: Fleet,
    recorded_at: Timestamp,
    states: States,
    places: BTreeSet<Place>,
    /// Machines whose deposits have another currency.
    currencies: BTreeSet<MachineId>,
}

impl Fold {
    /// State of an empty log. It has a row already: that of the configuration.
    pub(super) fn empty() -> Self {
        let mut fold = Self::at(Head::EMPTY, Fleet::default(), Timestamp::EPOCH);
        fold.places.insert(Place::Config);
        fold
    }

    /// Goes on behind `head`, from the fleet there.
    pub(super) fn at(head: Head, fleet: Fleet, recorded_at: Timestamp) -> Self {
        let (places, currencies) = (BTreeSet::new(), BTreeSet::new());
        Self { head, fleet, recorded_at, states: States::new(), places, currencies }
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
    ) -> Result<(), LedgerError> {
        let entry = decode(stored.front.seq, stored.canonical)?;
        self.fleet.apply(&entry)?;
        self.places.extend(places(&self.fleet, &entry.event));
        self.currencies.extend(currency_of(&self.fleet, &entry.event).cloned());
        if let Some(stream) = stream(&entry.event) {
            self.states.take(log, stored, &entry, stream)?;
        }
        self.recorded_at = entry.circumstances.recorded_at;
        self.head = Head { seq: stored.front.seq, hash: stored.hash };
        Ok(())
    }

    /// Whether rows have to be written before more is taken.
    pub(super) const fn is_full(&self) -> bool {
        self.states.dirty_len() >= DIRTY_MAX || self.states.is_heavy()
    }

    /// Writes the rows of all that was touched since the last time.
    pub(super) fn write(
        &mut self,
        log: &dyn ReadLog,
        to: &Connection,
        plans: &[Plan],
    ) -> Result<(), TablesError> {
        for plan in plans {
            match plan.rows() {
                Rows::Deposits => self.write_deposits(to, plan)?,
                Rows::Settlements => self.write_settlements(to, plan)?,
                Rows::Legs => self.write_legs(to, plan)?,
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
        let places = || self.places.iter().filter(|place| place.rows() == plan.rows());
        if places().next().is_none() {
            return Ok(());
        }
        let mut delete = plan.delete(to)?;
        for place in places() {
            delete.run(&place.scope())?;
        }
        let mut insert = plan.insert(to)?;
        for place in places() {
            for row in place.rows_in(plan.table(), &self.fleet) {
                insert.run(&row)?;
            }
        }
        Ok(())
    }

    fn write_deposits(&self, to: &Connection, plan: &Plan) -> Result<(), TablesError> {
        write_states(to, plan, self.states.deposits.dirty(), |deposit| self.at_machine(deposit))
    }

    fn at_machine<'s>(&'s self, deposit: &'s Deposit) -> Subject<'s> {
        let machine = self.fleet.machine(&deposit.recorded.machine_id);
        Subject::Deposit(DepositAtMachine { deposit, machine })
    }

    fn write_settlements(&self, to: &Connection, plan: &Plan) -> Result<(), TablesError> {
        write_states(to, plan, self.states.settlements.dirty(), Subject::Settlement)
    }

    fn write_legs(&self, to: &Connection, plan: &Plan) -> Result<(), TablesError> {
        let with_legs = |held: &&Held<Settlement>| {
            let legs = held.state.as_ref().map_or(0, |settlement| settlement.legs.len());
            legs > held.legs_written || !held.legs_changed.is_empty()
        };
        let mut held = self.states.settlements.dirty().filter(with_legs).peekable();
        if held.peek().is_none() {
            return Ok(());
        }
        let mut rows = plan.rewrite(to)?;
        for held in held {
            let Some(settlement) = &held.state else { continue };
            for (place, leg) in settlement.legs.iter().enumerate() {
                let is_written = place < held.legs_written;
                if is_written && !held.legs_changed.contains(&place) {
                    continue;
                }
                let subject = Subject::Leg(LegOfSettlement { settlement, leg });
                rows.write(&subject, is_written)?;
            }
        }
        Ok(())
    }

    /// Writes all deposits at a machine anew: it has another currency.
    fn write_deposits_at(
        &self,
        machine: &MachineId,
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
        let mut rows = plan.rewrite(to)?;
        let mut last = String::new();
        loop {
            let ids = page.query_map((machine.as_str(), &last), |row| row.get(0))?;
            let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
            let Some(newest) = ids.last() else { return Ok(()) };
            last.clone_from(newest);
            for id in ids.iter().filter_map(|id| DepositId::parse(id)) {
                let key = streams::deposit(&id);
                let seq = past.last_of(&key).map_err(LedgerError::from)?.unwrap_or(0);
                let entries: Vec<Entry> = stream_up_to(&past, &key, seq)?;
                let deposit = Deposit::fold(&entries).map_err(LedgerError::from)?;
                if let Some(deposit) = &deposit {
                    rows.write(&self.at_machine(deposit), true)?;
                }
            }
        }
    }
}

fn write_states<'s, T: 's>(
    to: &Connection,
    plan: &Plan,
    held: impl Iterator<Item = &'s Held<T>>,
    subject: impl Fn(&'s T) -> Subject<'s>,
) -> Result<(), TablesError> {
    let mut held = held.peekable();
    if held.peek().is_none() {
        return Ok(());
    }
    let mut rows = plan.rewrite(to)?;
    for held in held {
        if let Some(state) = &held.state {
            rows.write(&subject(state), held.is_written)?;
        }
    }
    Ok(())
}
