//! Balances by when things happened: held against the rule itself, said again without a thought for
//! memory, and against what must be true of any history.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spireledger_projections::{Client, Fleet, Occurred};
use spireledger_schema::event::{Event, Leg, RowImported};
use spireledger_schema::identity::Actor;
use spireledger_schema::imported::{Counted, CountsAs, Found, SourceRow, SourceTable};
use spireledger_schema::json::Patch;
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::text::{ClientId, Text};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegType, Outcome};
use spireledger_schema::{Circumstances, Entry, EntryKey, Front};

use super::moves::{self, Move};
use super::world::World;

/// Entries of a history, each said to have occurred so many seconds beside its recording.
fn entries(moves: &[(u8, Move)], shifts: &[Option<i64>]) -> Vec<Entry> {
    let mut all = World::of(moves, None).all;
    for (entry, shift) in all.iter_mut().zip(shifts.iter().cycle()) {
        entry.circumstances.occurred_at =
            shift.map(|shift| moved(entry.circumstances.recorded_at, shift));
    }
    all
}

fn moved(at: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(at.micros() + seconds * 1_000_000).unwrap()
}

/// Each entry with the one before it in its stream.
fn linked(entries: &[Entry]) -> Vec<(&Entry, u64)> {
    let mut last = BTreeMap::new();
    let link = |entry: &Entry| last.insert(entry.front.key, entry.front.seq).unwrap_or(0);
    let links: Vec<u64> = entries.iter().map(link).collect();
    entries.iter().zip(links).collect()
}

fn occurred(entries: &[Entry], until: Timestamp) -> Fleet {
    let mut occurred = Occurred::until(until);
    for (entry, prev) in linked(entries) {
        occurred.take(entry, prev).unwrap();
    }
    occurred.into_fleet()
}

fn recorded(entries: &[Entry], until: Timestamp) -> Fleet {
    let mut fleet = Fleet::default();
    let told = entries.iter().filter(|entry| entry.circumstances.recorded_at <= until);
    told.for_each(|entry| fleet.apply(entry).unwrap());
    fleet
}

/// From when an entry counts, and what it does to whom.
struct Effect<'a> {
    dated: bool,
    concerned: Vec<&'a ClientId>,
    lowers: Vec<&'a ClientId>,
    raises: Vec<&'a ClientId>,
}

fn effect(event: &Event) -> Option<Effect<'_>> {
    let (mut concerned, mut lowers, mut raises) = (Vec::new(), Vec::new(), Vec::new());
    let mut dated = true;
    match event {
        Event::ClientChanged(e) => concerned.push(&e.id),
        Event::DepositRecorded(e) => concerned.push(&e.client_id),
        Event::DepositRejected(e) => concerned.push(&e.client_id),
        Event::DepositConfirmed(e) => raises.push(&e.client_id),
        Event::SettlementBegun(e) => lowers.extend(dca(&e.legs)),
        Event::SettlementAdjusted(e) => {
            lowers.extend(dca(&e.legs));
            raises.extend(e.given_back.iter().map(|back| &back.client_id));
        }
        Event::SettlementVoided(e) => {
            raises.extend(e.given_back.iter().map(|back| &back.client_id));
        }
        Event::LegEnded(e) if e.leg_type == LegType::Dca => match e.status {
            Outcome::Completed | Outcome::Failed => concerned.extend(&e.client_id),
            Outcome::Voided | Outcome::Skipped | Outcome::Refunded => raises.extend(&e.client_id),
        },
        Event::ClientEnrolled(_) | Event::SettlementClaimed(_) | Event::LegEnded(_) => {}
        Event::SettlementNoted(_)
        | Event::SettlementReleased(_)
        | Event::SettlementFinished(_)
        | Event::SettlementFailed(_)
        | Event::LegAdded(_) => dated = false,
        _ => return None,
    }
    Some(Effect { dated, concerned, lowers, raises })
}

fn dca(legs: &[Leg]) -> impl Iterator<Item = &ClientId> {
    legs.iter().filter(|leg| leg.leg_type == LegType::Dca).filter_map(|leg| leg.client_id.as_ref())
}

/// The rule, word for word: from when each entry counts. `None`: always.
fn counts_from(entries: &[Entry]) -> Vec<Option<Timestamp>> {
    let mut streams: BTreeMap<EntryKey, Timestamp> = BTreeMap::new();
    let mut enrolled: BTreeMap<&ClientId, Timestamp> = BTreeMap::new();
    let mut put_in: BTreeMap<&ClientId, Timestamp> = BTreeMap::new();
    let mut all = Vec::new();
    for Entry { front, circumstances, event } in entries {
        let Some(effect) = effect(event) else {
            all.push(None);
            continue;
        };
        let own = circumstances.occurred_at.unwrap_or(circumstances.recorded_at);
        let mut from = if effect.dated { own } else { Timestamp::EPOCH };
        from = from.max(streams.get(&front.key).copied().unwrap_or(Timestamp::EPOCH));
        let about = effect.concerned.iter().chain(&effect.lowers).chain(&effect.raises);
        from = about.map(|id| enrolled[*id]).fold(from, Timestamp::max);
        let there = effect.lowers.iter().filter_map(|id| put_in.get(*id).copied());
        from = there.fold(from, Timestamp::max);
        streams.insert(front.key, from);
        if let Event::ClientEnrolled(e) = event {
            enrolled.insert(&e.id, from);
        }
        for id in effect.raises {
            let newest = put_in.entry(id).or_insert(from);
            *newest = from.max(*newest);
        }
        all.push(Some(from));
    }
    all
}

fn by_the_rule(entries: &[Entry], until: Timestamp) -> Fleet {
    let mut fleet = Fleet::default();
    for (entry, from) in entries.iter().zip(counts_from(entries)) {
        if from.is_none_or(|from| from <= until) {
            fleet.apply(entry).unwrap();
        }
    }
    fleet
}

fn remaining(client: &Client) -> i64 {
    client.remaining_fiat().unwrap().minor()
}

/// The least that was ever left of each enrolment's balance, as the log tells it; nothing at most.
fn least(entries: &[Entry]) -> BTreeMap<ClientId, i64> {
    let (mut fleet, mut least) = (Fleet::default(), BTreeMap::new());
    for entry in entries {
        fleet.apply(entry).unwrap();
        for client in fleet.clients() {
            let least = least.entry(client.id.clone()).or_insert(0);
            *least = remaining(client).min(*least);
        }
    }
    least
}

fn shifts() -> impl Strategy<Value = Vec<Option<i64>>> {
    vec(option::weighted(0.7, -40..40i64), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_log_is_read_once_and_the_rule_is_kept(
        moves in moves::history(), shifts in shifts(), seconds in -40..140i64,
    ) {
        let entries = entries(&moves, &shifts);
        let until = moved(Timestamp::from_seconds(1_767_225_600).unwrap(), seconds);
        let fleet = occurred(&entries, until);
        prop_assert_eq!(&fleet, &by_the_rule(&entries, until));
        let least = least(&entries);
        for client in fleet.clients() {
            prop_assert!(remaining(client) >= least[&client.id], "{:?}", client);
        }
    }

    #[test]
    fn where_nothing_says_another_time_it_is_as_of_the_recorded_one(
        moves in moves::history(), same: bool, seconds in -1..140i64,
    ) {
        let entries = entries(&moves, &[same.then_some(0)]);
        let until = moved(Timestamp::from_seconds(1_767_225_600).unwrap(), seconds);
        let balances = |fleet: &Fleet| fleet.clients().cloned().collect::<Vec<_>>();
        prop_assert_eq!(balances(&occurred(&entries, until)), balances(&recorded(&entries, until)));
    }

    #[test]
    fn in_the_end_everything_counts(moves in moves::history(), shifts in shifts()) {
        let entries = entries(&moves, &shifts);
        let end = Timestamp::from_seconds(2_000_000_000).unwrap();
        prop_assert_eq!(occurred(&entries, end), recorded(&entries, end));
    }
}

/// A deposit and its confirmation, then a settlement with one leg that is paid; each with the seconds
/// beside its recording at which it is said to have occurred. Which entries count at which second.
fn check(shifts: [Option<i64>; 6], until: i64, confirmed: i64, paid: i64) {
    let mut moves = deposited();
    moves.extend([
        Move::Claim {
            machine: 0,
            cash_out: true,
            principal: 10_000,
            fee: 10,
            fiat: 1_000,
            details: 0,
        },
        Move::Begin { settlement: 0, legs: vec![(0, 0, 10_000, 1_000)] },
        Move::Leg { settlement: 0, leg: 0, outcome: 0 },
    ]);
    let moves: Vec<_> = moves.into_iter().map(|happening| (10, happening)).collect();
    let mut all = vec![None; 2];
    all.extend(shifts);
    let entries = entries(&moves, &all);
    assert_eq!(entries.len(), 8, "{entries:#?}");
    let fleet = occurred(&entries, moved(Timestamp::from_seconds(1_767_225_600).unwrap(), until));
    let client = fleet.clients().next();
    let of = |fiat: fn(&Client) -> Fiat| client.map_or(0, |client| fiat(client).minor());
    let said = (of(|client| client.confirmed_fiat), of(|client| client.paid_fiat));
    assert_eq!(said, (confirmed, paid), "{shifts:?} until {until}");
}

#[test]
fn what_came_late_counts_from_when_it_occurred_but_not_before_what_it_rests_on() {
    // Recorded after 30 (enrolment), 40 and 50 (deposit), 60, 70, 80 seconds.
    let usual = [None; 6];
    check(usual, 49, 0, 0);
    check(usual, 50, 50_000, 0);
    check(usual, 79, 50_000, 0);
    check(usual, 80, 50_000, 1_000);
    // Payment and deposit are told of late.
    let late = [None, Some(-5), Some(-15), Some(-25), Some(-30), Some(-35)];
    check(late, 34, 0, 0);
    check(late, 35, 50_000, 0);
    check(late, 45, 50_000, 1_000);
    // A confirmation that is said to be older than its deposit.
    check([None, None, Some(-45), None, None, None], 39, 0, 0);
    check([None, None, Some(-45), None, None, None], 40, 50_000, 0);
    // A payout that is said to be older than the deposit that pays for it.
    let early = [None, None, None, Some(-55), Some(-65), Some(-75)];
    check(early, 49, 0, 0);
    check(early, 50, 50_000, 1_000);
    // A deposit of tomorrow keeps the payout out, too.
    check([None, Some(500), None, None, None, None], 100, 0, 0);
    check([None, Some(500), None, None, None, None], 540, 50_000, 1_000);
    // Nobody has a balance before being enrolled.
    check([Some(60), None, None, None, None, None], 89, 0, 0);
    check([Some(60), None, None, None, None, None], 90, 50_000, 1_000);
}

#[test]
fn what_is_planned_with_fiat_that_was_given_back_does_not_count_before_that() {
    let voided = Outcome::ALL.iter().position(|outcome| *outcome == Outcome::Voided).unwrap();
    let claim = || Move::Claim {
        machine: 0,
        cash_out: true,
        principal: 10_000,
        fee: 10,
        fiat: 1_000,
        details: 0,
    };
    let begin = |settlement, worth| Move::Begin { settlement, legs: vec![(0, 0, 10_000, worth)] };
    for given_back in [
        Move::End { settlement: 0, how: 2 },
        Move::End { settlement: 0, how: 4 },
        Move::Leg { settlement: 0, leg: 0, outcome: u8::try_from(voided).unwrap() },
    ] {
        let mut moves = deposited();
        moves.extend([claim(), begin(0, 50_000), given_back.clone(), claim(), begin(1, 40_000)]);
        let mut shifts = vec![None; 10];
        shifts[7] = Some(500);
        let moves: Vec<_> = moves.into_iter().map(|happening| (10, happening)).collect();
        let entries = entries(&moves, &shifts);
        assert_eq!(entries.len(), 10, "{given_back:?}");
        let pending = |until| {
            let until = moved(Timestamp::from_seconds(1_767_225_600).unwrap(), until);
            let fleet = occurred(&entries, until);
            fleet.clients().map(|client| client.pending_fiat.minor()).collect::<Vec<_>>()
        };
        assert_eq!(pending(579), [50_000], "{given_back:?}");
        assert_eq!(pending(580), [40_000], "{given_back:?}");
    }
}

/// One LP with 500.00 at one machine: five entries.
fn deposited() -> Vec<Move> {
    vec![
        Move::Register { machine: 0, operator: 0, paired: true, currency: 1, fees: (0, 0) },
        Move::Lp { user: 0, wallet: 1, fixed: None, limit: Patch::Keep, forward: Patch::Keep },
        Move::Enroll { machine: 0, user: 0, username: None },
        Move::Deposit { client: 0, amount: 50_000, currency: 1, notes: None },
        Move::Decide { deposit: 0, confirmed: true, notes: None },
    ]
}

/// A row that was brought in, recorded at 100 seconds and made so many seconds after the beginning.
fn imported(
    seq: u64,
    key: u8,
    made: i64,
    table: SourceTable,
    said: &[(&str, &str)],
    counts: [Option<Counted>; 2],
) -> Entry {
    let mut cells = vec![Found::Absent; table.columns().len()];
    for (column, text) in said {
        cells[table.place(column).unwrap()] = Found::Text(Text::new(text));
    }
    let [before, after] = counts;
    let row = SourceRow { table, version: 12, id: Text::new("row"), cells };
    let event = RowImported { row, is_live: true, operator_user_id: None, before, after };
    let begin = Timestamp::from_seconds(1_767_225_600).unwrap();
    Entry {
        front: Front { seq, key: EntryKey::from_bytes([key; 32]), alias: None },
        circumstances: Circumstances {
            recorded_at: moved(begin, 100),
            occurred_at: Some(moved(begin, made)),
            actor: Actor::Import { file: Text::new("spirekeeper.sqlite3"), version: 12 },
            request_id: None,
            evidence: None,
        },
        event: Event::RowImported(event),
    }
}

#[test]
fn rows_that_were_brought_in_count_from_when_they_were_made() {
    let counted = |counts_as, minor| {
        let client_id = ClientId::parse("c1").unwrap();
        let amount_sats =
            Sats::new(u64::from(matches!(counts_as, CountsAs::Paid | CountsAs::Pending))).unwrap();
        Some(Counted {
            client_id,
            counts_as,
            amount_fiat: Fiat::from_minor(minor).unwrap(),
            amount_sats,
        })
    };
    let client = [("id", "c1"), ("machine_id", "m1"), ("user_id", "ana"), ("status", "active")];
    let entries = [
        imported(1, 1, 10, SourceTable::Clients, &client, [None, None]),
        imported(2, 2, 30, SourceTable::Deposits, &[], [None, counted(CountsAs::Unconfirmed, 500)]),
        // The same deposit, confirmed since: brought in with the next state of the database.
        imported(
            3,
            2,
            30,
            SourceTable::Deposits,
            &[],
            [counted(CountsAs::Unconfirmed, 500), counted(CountsAs::Confirmed, 500)],
        ),
        // A leg that was made before the deposit that pays for it.
        imported(4, 3, 20, SourceTable::Legs, &[], [None, counted(CountsAs::Pending, 300)]),
        imported(
            5,
            3,
            50,
            SourceTable::Legs,
            &[],
            [counted(CountsAs::Pending, 300), counted(CountsAs::Paid, 300)],
        ),
        // A leg that has nothing to do with a balance any more gives it back.
        imported(6, 3, 60, SourceTable::Legs, &[], [counted(CountsAs::Paid, 300), None]),
        imported(7, 4, 40, SourceTable::Legs, &[], [None, counted(CountsAs::Paid, 400)]),
    ];
    let sums = |until| {
        let until = moved(Timestamp::from_seconds(1_767_225_600).unwrap(), until);
        let fleet = occurred(&entries, until);
        let sums = |client: &Client| {
            [client.confirmed_fiat, client.pending_fiat, client.paid_fiat].map(Fiat::minor)
        };
        fleet.clients().next().map(sums)
    };
    assert_eq!(sums(9), None);
    assert_eq!(sums(29), Some([0, 0, 0]));
    assert_eq!(sums(30), Some([500, 300, 0]));
    assert_eq!(sums(50), Some([500, 0, 300]));
    assert_eq!(sums(60), Some([500, 0, 400]));
}
