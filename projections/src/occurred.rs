//! Balances as of a moment by when things happened, not by when the ledger heard of them.
//!
//! What came late is in, wherever it stands in the log: late arrivals are why one asks this way. An entry
//! counts from the latest of
//!
//! - its own time: when it occurred, as far as it says so, else when it was recorded;
//! - the times from which the earlier entries of the same deposit or settlement count: a confirmation
//!   that is said to be older than its deposit counts with the deposit;
//! - the time from which the enrolment counts that it is about;
//! - if it takes from a balance: the times from which everything counts that was put into that balance,
//!   or given back to it, before it in the log.
//!
//! So every deposit and settlement is seen at some point of its own life, never half of it, and no
//! balance is spent before it was there: where the history never lets one go below nothing, neither does
//! this. Notes, locks and ends of settlements move no money and hold nothing back. Machines and settings
//! are as they are known now.
//!
//! The log is read once, in order. Beside the fleet, memory holds what is out of order: a stream for
//! each entry recorded by the moment that does not count, and for each recorded after it that does.

use std::collections::{BTreeMap, BTreeSet};

use spireledger_schema::event::{Event, Leg};
use spireledger_schema::imported::{Counted, CountsAs, SourceTable};
use spireledger_schema::text::ClientId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType};
use spireledger_schema::{Entry, EntryKey};

use crate::{ApplyError, Fleet};

/// The fleet with the balances of a moment, while the log is read.
#[derive(Debug)]
pub struct Occurred {
    at: Timestamp,
    fleet: Fleet,
    /// The last entry that was recorded by then.
    in_time: u64,
    /// Streams with an entry recorded by then that does not count.
    cut: BTreeSet<EntryKey>,
    /// Streams with an entry recorded later that counts, and the last such entry.
    late: BTreeMap<EntryKey, u64>,
    /// Enrolments whose balance got something that does not count.
    lacking: BTreeSet<ClientId>,
}

/// How an entry is held against the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It counts always: no balance depends on it.
    Setting,
    /// It counts as soon as what it follows does.
    Silent,
    /// It counts at its time, at the earliest.
    Dated,
}

impl Occurred {
    /// Begins with an empty fleet: what counts at `at` or before will be in it.
    pub fn until(at: Timestamp) -> Self {
        Self {
            at,
            fleet: Fleet::default(),
            in_time: 0,
            cut: BTreeSet::new(),
            late: BTreeMap::new(),
            lacking: BTreeSet::new(),
        }
    }

    /// Takes the next entry of the log; `prev` is the entry before it in its stream, 0 for none. Says
    /// whether it counts.
    pub fn take(&mut self, entry: &Entry, prev: u64) -> Result<bool, ApplyError> {
        let (seq, key) = (entry.front.seq, &entry.front.key);
        let is_in_time = entry.circumstances.recorded_at <= self.at;
        if is_in_time {
            self.in_time = seq;
        }
        let kind = kind(&entry.event);
        let counts = kind == Kind::Setting || self.counts(entry, prev, kind);
        if counts {
            self.fleet.apply(entry)?;
        } else {
            self.lacking.extend(raised(&entry.event).cloned());
        }
        match (kind, counts, is_in_time) {
            (Kind::Setting, ..) | (_, true, true) | (_, false, false) => {}
            (_, true, false) => drop(self.late.insert(*key, seq)),
            (_, false, true) => drop(self.cut.insert(*key)),
        }
        Ok(counts)
    }

    fn counts(&self, entry: &Entry, prev: u64, kind: Kind) -> bool {
        let circumstances = &entry.circumstances;
        let own = circumstances.occurred_at.unwrap_or(circumstances.recorded_at);
        let key = &entry.front.key;
        let follows = match prev {
            0 => true,
            prev if prev <= self.in_time => !self.cut.contains(key),
            prev => self.late.get(key) == Some(&prev),
        };
        follows
            && (kind == Kind::Silent || own <= self.at)
            && concerned(&entry.event).all(|id| self.fleet.client(id).is_some())
            && lowered(&entry.event).all(|id| !self.lacking.contains(id))
    }

    /// The fleet: machines and settings as they are known now, enrolments and balances as of the moment.
    pub fn into_fleet(self) -> Fleet {
        self.fleet
    }
}

const fn kind(event: &Event) -> Kind {
    match event {
        Event::ConfigChanged(_)
        | Event::OperatorChanged(_)
        | Event::MachineRegistered(_)
        | Event::MachineChanged(_)
        | Event::MachinePaired(_)
        | Event::SplitsReplaced(_)
        | Event::LpChanged(_)
        | Event::BeaconReported(_)
        | Event::TelemetryReported(_)
        | Event::CassettesSet(_)
        | Event::CassettesReported(_)
        | Event::RulesImported(_)
        | Event::ClaimRefused(_) => Kind::Setting,
        Event::RowImported(e) => match e.row.table {
            SourceTable::Clients
            | SourceTable::Deposits
            | SourceTable::Settlements
            | SourceTable::Legs => Kind::Dated,
            SourceTable::Config
            | SourceTable::Machines
            | SourceTable::Lps
            | SourceTable::Splits
            | SourceTable::Telemetry
            | SourceTable::Bays => Kind::Setting,
        },
        Event::SettlementReleased(_)
        | Event::SettlementNoted(_)
        | Event::SettlementFinished(_)
        | Event::SettlementFailed(_)
        | Event::LegIntended(_)
        | Event::LegAdded(_)
        // What it becomes a part of follows what it follows.
        | Event::ImportPiece(_) => Kind::Silent,
        Event::ClientEnrolled(_)
        | Event::ClientChanged(_)
        | Event::DepositRecorded(_)
        | Event::DepositConfirmed(_)
        | Event::DepositRejected(_)
        | Event::SettlementClaimed(_)
        | Event::SettlementBegun(_)
        | Event::SettlementAdjusted(_)
        | Event::SettlementVoided(_)
        | Event::LegEnded(_) => Kind::Dated,
    }
}

/// The enrolments that must be there for an entry to count.
fn concerned(event: &Event) -> impl Iterator<Item = &ClientId> {
    let one = match event {
        Event::ClientChanged(e) => Some(&e.id),
        Event::DepositRecorded(e) => Some(&e.client_id),
        Event::DepositConfirmed(e) => Some(&e.client_id),
        Event::DepositRejected(e) => Some(&e.client_id),
        Event::LegEnded(e) if e.leg_type == LegType::Dca => e.client_id.as_ref(),
        _ => None,
    };
    let imported = counted(event).map(|(_, counted)| &counted.client_id);
    one.into_iter().chain(imported).chain(lowered(event)).chain(raised(event))
}

/// The enrolments from whose balance an entry takes.
fn lowered(event: &Event) -> impl Iterator<Item = &ClientId> {
    let legs: &[Leg] = match event {
        Event::SettlementBegun(e) => &e.legs,
        Event::SettlementAdjusted(e) => &e.legs,
        _ => &[],
    };
    let dca = legs.iter().filter(|leg| leg.leg_type == LegType::Dca);
    let imported = counted(event).map(|(_, counted)| &counted.client_id);
    let imported = imported.filter(|id| imported_shift(event, id) < 0);
    dca.filter_map(|leg| leg.client_id.as_ref()).chain(imported)
}

/// The enrolments whose balance an entry adds to.
fn raised(event: &Event) -> impl Iterator<Item = &ClientId> {
    let (one, back) = match event {
        Event::DepositConfirmed(e) => (Some(&e.client_id), [].as_slice()),
        Event::SettlementAdjusted(e) => (None, e.given_back.as_slice()),
        Event::SettlementVoided(e) => (None, e.given_back.as_slice()),
        Event::LegEnded(e) if e.leg_type == LegType::Dca && is_given_up(e.status.into()) => {
            (e.client_id.as_ref(), [].as_slice())
        }
        _ => (None, [].as_slice()),
    };
    let imported = counted(event).map(|(_, counted)| &counted.client_id);
    let imported = imported.filter(|id| imported_shift(event, id) > 0);
    one.into_iter().chain(back.iter().map(|back| &back.client_id)).chain(imported)
}

/// What a row that was brought in counted for (-1) and counts for (1).
fn counted(event: &Event) -> impl Iterator<Item = (i128, &Counted)> {
    let (before, after) = match event {
        Event::RowImported(e) => (e.before.as_ref(), e.after.as_ref()),
        _ => (None, None),
    };
    before.map(|counted| (-1, counted)).into_iter().chain(after.map(|counted| (1, counted)))
}

/// What such a row adds to what is left of an enrolment's balance, in hundredths.
fn imported_shift(event: &Event, id: &ClientId) -> i128 {
    let own = counted(event).filter(|(_, counted)| counted.client_id == *id);
    own.map(|(sign, counted)| {
        let minor = i128::from(counted.amount_fiat.minor());
        match counted.counts_as {
            CountsAs::Unconfirmed => 0,
            CountsAs::Confirmed => sign * minor,
            CountsAs::Pending | CountsAs::Paid => -sign * minor,
        }
    })
    .sum()
}

/// Whether a leg that ends so leaves its fiat with the LP.
fn is_given_up(status: LegStatus) -> bool {
    status.is_final() && status != LegStatus::Completed
}
