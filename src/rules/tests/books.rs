//! The books of a world, kept a second time from the events alone, and the laws that they obey.

use std::collections::BTreeMap;

use spireledger_projections::books::{Account, Before, Unit};
use spireledger_projections::conservation::Guard;
use spireledger_projections::{Deposit, Fleet, LegRow, Life, Settlement};
use spireledger_schema::event::Leg;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Fiat;
use spireledger_schema::text::{ClientId, LegId};
use spireledger_schema::words::{
    ClientStatus, DepositStatus, LegStatus, LegType, Outcome, SettlementStatus, TxType,
};
use spireledger_schema::{Entry, EntryKey, Event};

use super::world::World;

/// What is remembered from step to step.
#[derive(Default)]
pub(super) struct Books {
    /// How far the log was read.
    seen: usize,
    /// The last plan of each settlement: the number of its first leg, and how many.
    plans: BTreeMap<EntryKey, (usize, usize)>,
    /// Legs that reached a final state: it is never left.
    ended: BTreeMap<(EntryKey, LegId), LegStatus>,
    /// Payments of a leg that may be under way: one at a time, until its own outcome is known.
    under_way: BTreeMap<(EntryKey, LegId), PaymentHash>,
    /// Settlements that reached a final state.
    closed: BTreeMap<EntryKey, SettlementStatus>,
    /// What the postings of all entries owe each LP, in hundredths.
    owed: BTreeMap<ClientId, i128>,
    /// Fiat paid to the LP in fixed mode, by UTC day and currency, in hundredths.
    paid: BTreeMap<(i64, String), i64>,
}

/// Checks the settlements that the newest entries touched, and all balances.
pub(super) fn check_books(world: &World, books: &mut Books) {
    let new = &world.log[books.seen..];
    books.seen = world.log.len();
    for entry in new {
        let key = entry.front.key;
        match &entry.event {
            Event::SettlementBegun(e) => books.planned(key, e.first_leg, &e.legs),
            Event::SettlementAdjusted(e) => books.planned(key, e.first_leg, &e.legs),
            Event::LegIntended(e) => {
                let place = (key, e.leg_id.clone());
                let before = books.under_way.insert(place, e.external_payment_hash);
                assert_eq!(before, None, "two payments of one leg under way");
            }
            Event::LegEnded(e) => {
                let intended = books.under_way.remove(&(key, e.leg_id.clone()));
                if intended.is_some() {
                    assert_eq!(e.external_payment_hash, intended, "another payment's outcome");
                    assert!(matches!(e.status, Outcome::Completed | Outcome::Failed));
                }
                let fixed = e.client_id.as_ref().is_some_and(|id| id.as_str().starts_with("fixed"));
                if fixed
                    && e.leg_type == LegType::Dca
                    && LegStatus::from(e.status) == LegStatus::Completed
                {
                    let settlement = world.fold(&key).expect("a leg has a settlement");
                    let machine = &settlement.claimed.machine_id;
                    let day = world.fleet.day_at(machine, entry.circumstances.recorded_at);
                    let place = (day, settlement.claimed.fiat_code.to_string());
                    let paid = books.paid.entry(place).or_default();
                    *paid += e.amount_fiat.map_or(0, Fiat::minor);
                    assert!(*paid <= 30_000, "an LP was paid beyond its daily limit");
                }
            }
            _ => {}
        }
        books.check_postings(world, entry);
        if let Some(settlement) = world.fold(&key) {
            books.check_settlement(key, &settlement);
        }
    }
    check_balances(world);
    for client in world.fleet.clients() {
        let owed = books.owed.get(&client.id).copied().unwrap_or_default();
        let left = client.remaining_fiat().map(Fiat::minor).map(i128::from);
        assert_eq!(left, Some(owed), "what the books owe {}", client.id);
    }
}

impl Books {
    fn planned(&mut self, key: EntryKey, first: u32, legs: &[Leg]) {
        if !legs.is_empty() {
            self.plans.insert(key, (first as usize - 1, legs.len()));
        }
    }

    /// An entry keeps every sat in its place, and its postings sum to zero.
    fn check_postings(&mut self, world: &World, entry: &Entry) {
        let stream = world.stream(&entry.front.key);
        let earlier = stream.iter().filter(|other| other.front.seq < entry.front.seq);
        let before = Life::fold(earlier).unwrap();
        let mut after = before.clone();
        after.apply(entry).unwrap();
        let guard = Guard::before(&before, &entry.event);
        assert_eq!(guard.check(&world.fleet, &after, entry), Ok(()));
        let taken = Before::of(&world.fleet, &before, &entry.event);
        let made = taken.and_then(|taken| taken.transaction(&world.fleet, &after, entry));
        let Some(made) = made else { return };
        assert_eq!(made.suspense(), None, "{made:#?}");
        let mut sums: BTreeMap<Unit, i128> = BTreeMap::new();
        for posting in made.postings {
            *sums.entry(posting.unit).or_default() += posting.amount;
            if let Account::Lp(client) = posting.account {
                *self.owed.entry(client).or_default() -= posting.amount;
            }
        }
        assert!(sums.values().all(|sum| *sum == 0), "{sums:?}");
    }

    fn check_settlement(&mut self, key: EntryKey, settlement: &Settlement) {
        conserved(settlement, self.plans.get(&key).copied());
        for leg in &settlement.legs {
            let kept = leg.leg.leg_type == LegType::Retained;
            let intent = leg.intent.as_ref().map(|intent| intent.payment_hash);
            let place = (key, leg.id.clone());
            assert_eq!(intent, self.under_way.get(&place).copied(), "an open payment is shown");
            assert!(intent.is_none() || !leg.status.is_final(), "what ended is not under way");
            if leg.status.is_final() && !kept {
                let first = *self.ended.entry((key, leg.id.clone())).or_insert(leg.status);
                assert_eq!(first, leg.status, "a final state of a leg is never left");
            }
        }
        if settlement.status.is_final() {
            let first = *self.closed.entry(key).or_insert(settlement.status);
            assert_eq!(first, settlement.status, "a final state is never left");
            assert!(settlement.legs.iter().all(|leg| leg.status.is_final()));
            assert!(settlement.lock.is_none());
        }
        assert_eq!(settlement.lock.is_some(), settlement.status == SettlementStatus::Processing);
        let ids: std::collections::BTreeSet<_> =
            settlement.legs.iter().map(|leg| &leg.id).collect();
        assert_eq!(ids.len(), settlement.legs.len(), "no leg id is used twice");
    }
}

fn total<'a>(legs: impl Iterator<Item = &'a LegRow>) -> u64 {
    legs.map(|leg| leg.leg.amount_sats.get()).sum()
}

/// No sat of a settlement is lost, made or paid twice.
fn conserved(settlement: &Settlement, plan: Option<(usize, usize)>) {
    let due = match settlement.claimed.tx_type {
        TxType::CashOut => settlement.claimed.wire_sats.get(),
        TxType::CashIn => settlement.fee_sats.get(),
    };
    let live = |kinds: &'static [LegType]| {
        let legs = settlement.legs.iter().filter(|leg| leg.status.is_spent());
        legs.filter(|leg| kinds.contains(&leg.leg.leg_type))
    };
    let fees = total(live(&[LegType::SuperFee, LegType::OperatorSplit]));
    let principal = total(live(&[LegType::Dca, LegType::Retained]));
    let taken_away =
        total(live(&[LegType::SuperFee, LegType::OperatorSplit, LegType::Dca, LegType::Refund]));
    assert!(fees <= settlement.fee_sats.get(), "fees beyond the fee");
    assert!(principal <= settlement.principal_sats.get(), "more than the principal");
    assert!(taken_away <= due, "more leaves than came in");
    let split = settlement.platform_fee_sats.get() + settlement.operator_fee_sats.get();
    assert_eq!(split, settlement.fee_sats.get());
    for leg in live(&[LegType::Autoforward]) {
        let of = |kind| live(kind).filter(|other| other.leg.client_id == leg.leg.client_id);
        let got = total(of(&[LegType::Dca]).filter(|leg| leg.status == LegStatus::Completed));
        assert!(total(of(&[LegType::Autoforward])) <= got, "more forwarded than was received");
    }
    let Some((first, count)) = plan else { return };
    // All that came in is on the legs of the last plan; those of earlier plans hold nothing.
    let planned = &settlement.legs[first..first + count];
    assert_eq!(total(planned.iter()), due, "a plan adds up to what came in");
    assert!(settlement.legs[..first].iter().all(|leg| !leg.status.is_spent()));
    if settlement.status == SettlementStatus::Voided {
        assert!(settlement.legs.iter().all(|leg| !leg.status.is_spent()));
    }
    let paid = |leg: &LegRow| leg.status == LegStatus::Completed;
    let refund = |leg: &&LegRow| leg.leg.leg_type == LegType::Refund;
    // The customer may have been paid by another leg than the one that was planned for it.
    let owed = total(planned.iter().filter(refund));
    let refunded = total(settlement.legs.iter().filter(refund).filter(|leg| paid(leg)));
    let all_paid = planned.iter().filter(|leg| !refund(leg)).all(paid) && refunded >= owed;
    assert!(settlement.status != SettlementStatus::Processed || all_paid);
    assert!(settlement.status != SettlementStatus::Partial || !all_paid);
}

/// Every balance is what all settlements and deposits come to, and none is negative.
fn check_balances(world: &World) {
    let mut sums: BTreeMap<ClientId, [i64; 6]> = BTreeMap::new();
    let mut add = |id: &ClientId, at: usize, amount: i64| {
        sums.entry(id.clone()).or_default()[at] += amount;
    };
    for key in &world.keys() {
        if let Some(deposit) = world.fold_deposit(key) {
            let amount = deposit.recorded.amount.minor();
            match deposit.status {
                DepositStatus::Confirmed => add(&deposit.recorded.client_id, 0, amount),
                DepositStatus::Pending => add(&deposit.recorded.client_id, 1, amount),
                DepositStatus::Rejected => {}
            }
        }
        let settlement = world.fold(key);
        for leg in settlement.iter().flat_map(|settlement| &settlement.legs) {
            let (LegType::Dca, Some(id)) = (leg.leg.leg_type, &leg.leg.client_id) else { continue };
            let fiat = leg.leg.amount_fiat.map_or(0, Fiat::minor);
            let sats = leg.leg.amount_sats.signed();
            match leg.status {
                LegStatus::Completed => [(2, fiat), (4, sats)],
                LegStatus::Pending | LegStatus::Failed => [(3, fiat), (5, sats)],
                _ => continue,
            }
            .into_iter()
            .for_each(|(at, amount)| add(id, at, amount));
        }
    }
    for client in world.fleet.clients() {
        let booked = [
            client.confirmed_fiat.minor(),
            client.unconfirmed_fiat.minor(),
            client.paid_fiat.minor(),
            client.pending_fiat.minor(),
            client.paid_sats.signed(),
            client.pending_sats.signed(),
        ];
        assert_eq!(booked, sums.get(&client.id).copied().unwrap_or_default(), "{}", client.id);
        assert!(client.remaining_fiat().unwrap() >= Fiat::ZERO, "{} is negative", client.id);
    }
}

/// The fleet is what its history comes to, survives being written down, and its indexes are right.
pub(super) fn check_fleet(world: &World) {
    let mut again = Fleet::default();
    for entry in &world.log {
        again.apply(entry).unwrap();
    }
    assert_eq!(again, world.fleet);
    let config = bincode::config::standard();
    let bytes = bincode::encode_to_vec(&world.fleet, config).unwrap();
    let (read, used): (Fleet, usize) = bincode::borrow_decode_from_slice(&bytes, config).unwrap();
    assert_eq!((&read, used), (&world.fleet, bytes.len()));
    for machine in world.fleet.machines() {
        assert_eq!(world.fleet.machine_with_wallet(&machine.wallet_id), Some(&machine.id));
        if let Some(npub) = &machine.machine_npub {
            assert_eq!(world.fleet.machine_with_npub(npub), Some(&machine.id));
        }
    }
    for client in world.fleet.clients() {
        assert!(world.fleet.clients_at(&client.machine_id).any(|other| other.id == client.id));
        assert!(world.fleet.clients_of(&client.user_id).any(|other| other.id == client.id));
        assert!(ClientStatus::ALL.contains(&client.status));
    }
}

impl World {
    fn keys(&self) -> std::collections::BTreeSet<EntryKey> {
        self.log.iter().map(|entry| entry.front.key).collect()
    }

    fn fold(&self, key: &EntryKey) -> Option<Settlement> {
        Settlement::fold(&self.stream(key)).unwrap()
    }

    fn fold_deposit(&self, key: &EntryKey) -> Option<Deposit> {
        Deposit::fold(&self.stream(key)).unwrap()
    }

    /// All settlements.
    pub fn settlements(&self) -> Vec<Settlement> {
        self.keys().iter().filter_map(|key| self.fold(key)).collect()
    }

    /// The legs of a settlement; none where there is no settlement.
    pub fn legs(&self, number: u64) -> Vec<LegRow> {
        let settlement = self.fold(&super::world::payment_hash(number).key());
        settlement.map(|settlement| settlement.legs).unwrap_or_default()
    }
}
