//! What holds for every story.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use spireledger_schema::command::{Body, SettlementClaim};
use spireledger_schema::words::TxType;
use spireledger_schema::{Code, Command};

use super::super::{DAY, Expected, Line, Options, Simulator};
use super::{after, busy, recorded_from, send};

/// Two lines are always recorded within the ten minutes for which a lock is held.
const SECONDS_A_LINE: [i64; 3] = [0, 1, 599];

fn accepted_claims(options: Options) -> Vec<SettlementClaim> {
    let accepted = Simulator::new(options).filter(|line| line.expected == Expected::Accepted);
    let commands = accepted.map(|line| Command::parse(&line.json).unwrap());
    let claims = commands.filter_map(|command| match command.body {
        Body::SettlementClaim(claim) => Some(claim),
        _ => None,
    });
    claims.collect()
}

/// The rate in 10⁻⁸ sats a unit.
fn rate8(claim: &SettlementClaim) -> i128 {
    let mut rate = claim.exchange_rate.decimal();
    assert!(rate.scale() <= 8);
    rate.rescale(8);
    rate.mantissa()
}

#[test]
fn every_line_is_answered_as_expected_and_plans_do_not_depend_on_the_clock() {
    for options in [Options::month(), busy()] {
        let ledgers = SECONDS_A_LINE.map(|seconds| send(options, seconds));
        let balances = |at: usize| -> Vec<_> {
            let clients = ledgers[at].fleet.clients();
            clients
                .map(|c| (c.id.clone(), c.remaining_fiat(), c.paid_sats, c.pending_sats, c.status))
                .collect()
        };
        for other in 1..ledgers.len() {
            assert_eq!(ledgers[0].plans(), ledgers[other].plans());
            assert_eq!(balances(0), balances(other));
        }
        assert!(ledgers[0].plans().len() > 500);
    }
}

#[test]
fn a_story_that_is_sent_twice_changes_nothing() {
    // A lock that is still held at the end can be taken over ten minutes later; in the recorded month
    // nobody tries.
    for (options, seconds_later) in [(Options::month(), 31_536_000), (busy(), 0)] {
        let mut ledger = send(options, 0);
        let (fleet, entries) = (ledger.fleet.clone(), ledger.seq);
        for line in Simulator::new(options) {
            let answer = ledger.submit(&line.json, after(recorded_from(), seconds_later));
            match line.expected {
                Expected::Refused(_) => assert_ne!(answer, Expected::Accepted, "{}", line.json),
                _ => assert_eq!(answer, Expected::Replayed, "{}", line.json),
            }
        }
        assert!(ledger.fleet == fleet && ledger.seq == entries);
    }
}

#[test]
fn no_lp_gets_more_than_it_has() {
    for client in send(busy(), 1).fleet.clients() {
        assert!(client.remaining_fiat().unwrap().minor() >= 0, "{client:?}");
    }
}

#[test]
fn without_noise_everything_is_accepted() {
    let options = Options { noise: 0, ..busy() };
    assert!(Simulator::new(options).all(|line| line.expected == Expected::Accepted));
    send(options, 1);
}

#[test]
fn stories_have_every_command_and_every_answer_that_a_file_can_get() {
    has_everything(Options::month());
    has_everything(busy());
}

fn has_everything(options: Options) {
    let (mut types, mut statuses, mut codes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for Line { json, expected } in Simulator::new(options) {
        statuses.insert(expected.status());
        codes.extend(expected.code());
        if expected == Expected::Accepted {
            types.insert(Command::parse(&json).unwrap().body.type_name());
        }
    }
    assert_eq!(types, Body::TYPES.iter().copied().collect());
    assert_eq!(statuses, BTreeSet::from(["accepted", "replayed", "refused"]));
    // Whoever has the file may do everything, and waits until there is room in the queue; and no
    // small fleet comes near a limit.
    let others = [Code::Forbidden, Code::Busy, Code::LimitReached];
    let all = Code::ALL.iter().copied().filter(|code| !others.contains(code));
    assert_eq!(codes, all.collect());
}

#[test]
fn claims_are_balanced_and_their_cash_adds_up() {
    for claim in accepted_claims(busy()) {
        let (wire, fee) = (claim.wire_sats, claim.fee_sats);
        let cash: u64 = match claim.tx_type {
            TxType::CashIn => {
                assert_eq!(wire.checked_add(fee), Some(claim.principal_sats));
                let bills = claim.bills.as_ref().unwrap();
                bills.iter().map(|bill| u64::from(bill.denomination * bill.count)).sum()
            }
            TxType::CashOut => {
                assert_eq!(claim.principal_sats.checked_add(fee), Some(wire));
                let bays = claim.cassettes.as_ref().unwrap();
                assert!(bays.iter().all(|bay| bay.dispensed <= bay.provisioned));
                bays.iter().map(|bay| u64::from(bay.denomination * bay.provisioned)).sum()
            }
        };
        assert_eq!(claim.fiat_amount.minor().unsigned_abs(), cash * 100);
        // The rate is what principal and fiat make it, to half of the eighth place.
        let (rate, fiat) = (rate8(&claim), i128::from(cash));
        let exact = i128::from(claim.principal_sats.get()) * 100_000_000;
        assert!((rate * fiat - exact).abs() * 2 <= fiat, "{claim:?}");
    }
}

#[test]
fn machines_count_their_claims_and_no_payment_hash_comes_twice() {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut hashes = BTreeSet::new();
    for claim in accepted_claims(busy()) {
        let count = counts.entry(claim.machine_id.to_string()).or_default();
        *count += 1;
        assert_eq!(claim.machine_seq, Some(*count));
        assert!(hashes.insert(claim.payment_hash));
    }
    assert_eq!(counts.len(), 14);
}

#[test]
fn rates_move_slowly() {
    let mut last: BTreeMap<String, i128> = BTreeMap::new();
    for claim in accepted_claims(busy()) {
        let now = rate8(&claim);
        if let Some(before) = last.insert(claim.fiat_code.to_string(), now) {
            // Each customer moves the quote by at most a fifth of a percent; between two claims that
            // are accepted there are only a few that are not.
            assert!((now - before).abs() * 100 < before, "{before} then {now}");
        }
    }
    assert_eq!(last.len(), 3);
}

#[test]
fn one_seed_one_story() {
    let mut hash = blake3::Hasher::new();
    let options = Options { days: 365, ..busy() };
    let lines: Vec<Line> = Simulator::new(options).take(5_000).collect();
    assert_eq!(lines.len(), 5_000);
    for line in &lines {
        hash.update(line.json.as_bytes()).update(b"\n").update(line.expected.status().as_bytes());
    }
    assert_eq!(
        hash.finalize().to_hex().as_str(),
        "45a53e7395f0a84b563ff509d9b6a0a01ae7899e653c7c0ffccab9d2c52bd289"
    );
    let other = Options { seed: options.seed + 1, ..options };
    assert!(Simulator::new(other).zip(lines).any(|(one, line)| one != line));
}

#[test]
fn what_is_kept_does_not_grow_with_the_days() {
    let mut simulator = Simulator::new(Options { days: 400, lps: 6, ..Options::month() });
    let end = simulator.end;
    let mut most = 0;
    while simulator.next().is_some() {
        most = most.max(simulator.open.len() + simulator.ready.len());
    }
    assert!(simulator.now > end - DAY.cast_signed(), "the story goes on to the last day");
    assert!(most < 100, "{most} settlements and lines were kept at a time");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_fleet_has_a_story(
        seed: u64, machines in 0u32..9, operators in 0u32..4, lps in 0u32..12, days in 0u32..15,
        claims_per_machine_day in 0u32..9, noise in 0u32..=1_000,
    ) {
        let start = Options::month().start;
        let options =
            Options { seed, start, machines, operators, lps, days, claims_per_machine_day, noise };
        send(options, 1);
    }
}
