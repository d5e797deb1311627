//! `settlement.claim`: once, whatever happens later; refused in a fixed order; kept as evidence.

use serde_json::{Value, json};
use spireledger_schema::identity::Actor;
use spireledger_schema::text::Text;
use spireledger_schema::{Code, Event};

use super::super::EVIDENCE_PER_HASH_MAX;
use super::words::*;
use super::world::{World, given};

/// A machine with the key 1, in a fleet where the platform takes 0.5 % and the operator 2.5 %.
fn fleet() -> World {
    given([
        config(json!({ "super_cash_in_fee_fraction": "0.0050",
            "super_cash_out_fee_fraction": "0.0050", "max_cash_in_sats": 100_000 })),
        with(
            machine("m1"),
            json!({ "machine_npub": npub(1), "operator_cash_in_fee_fraction": "0.0250",
                "operator_cash_out_fee_fraction": "0.0250" }),
        ),
    ])
}

fn split(world: &World, number: u64) -> (u64, u64, i64) {
    let s = world.settlement(number);
    (s.platform_fee_sats.get(), s.operator_fee_sats.get(), s.fee_mismatch_sats.unwrap())
}

#[test]
fn a_claim_is_accepted_with_its_fee_split() {
    let world = fleet().when(cash_out(1)).then_accepted();
    // 0.5 % and 2.5 % of 259,029 are 1,295.145 and 6,475.725.
    assert_eq!(split(&world, 1), (1_295, 6_476, 0));
}

#[test]
fn the_platform_is_paid_its_fraction_of_principal_not_of_the_fee() {
    let world = fleet()
        .and([config(json!({ "super_cash_out_fee_fraction": "0.0300" }))])
        .and([machine_update("m1", json!({ "operator_cash_out_fee_fraction": "0.0000" }))])
        .and([cash_out(1)]);
    // 3 % of 259,029; of the fee it would have been 233.
    assert_eq!(split(&world, 1), (7_771, 0, 0));
}

#[test]
fn the_platform_takes_at_most_the_fee() {
    let world = fleet()
        .and([config(json!({ "super_cash_out_fee_fraction": "0.0400" }))])
        .and([cash_out(1)]);
    assert_eq!(split(&world, 1), (7_771, 0, 7_771 - 10_361 - 6_476));
}

#[test]
fn fees_of_each_direction_are_its_own() {
    let world = fleet()
        .and([config(json!({ "super_cash_in_fee_fraction": "0.0100" }))])
        .and([cash_in(1), cash_out(2)]);
    assert_eq!(split(&world, 1), (130, 258, 388 - 130 - 324));
    assert_eq!(split(&world, 2), (1_295, 6_476, 0));
}

#[test]
fn a_wrong_fee_is_recorded_not_refused() {
    let odd = with(cash_out(1), json!({ "wire_sats": 260_029, "fee_sats": 1_000 }));
    let world = fleet().when(odd).then_accepted();
    assert_eq!(split(&world, 1), (1_000, 0, 1_000 - 1_295 - 6_476));
}

#[test]
fn a_claim_is_replayed_whatever_changed_since() {
    let world = fleet().and([cash_out(1), cash_in(2)]);
    let world = world
        .when(cash_out(1))
        .then_replayed(3)
        .and([machine_update("m1", json!({ "is_active": false }))])
        .and([config(json!({ "max_cash_in_sats": 0, "super_cash_out_fee_fraction": "0.9" }))])
        .and([pair("m1", 9)])
        .after(86_400 * 365)
        .when(cash_out(1))
        .then_replayed(3)
        .when(cash_in(2))
        .then_replayed(4)
        // Whoever may speak for the machine now may repeat what it said before.
        .by_machine(9)
        .when(cash_out(1))
        .then_replayed(3);
    assert_eq!(split(&world, 1), (1_295, 6_476, 0));
}

#[test]
fn a_claim_is_replayed_however_far_its_settlement_has_come() {
    fleet()
        .and(funded("a", "500.00"))
        .and([cash_out(1), begin(1, "p"), note(1, "n", "a note"), adjust(1), void(1)])
        .when(cash_out(1))
        .then_replayed(7);
}

#[test]
fn what_names_only_the_attempt_is_not_compared() {
    let first = with(cash_out(1), json!({ "bitspire_event_id": "e1", "machine_seq": 7 }));
    let again = with(
        cash_out(1),
        json!({ "bitspire_event_id": "e2", "machine_seq": 8, "request_id": "another" }),
    );
    fleet().and([first]).when(again).then_replayed(3).when(cash_out(1)).then_replayed(3);
}

#[test]
fn machines_count_their_claims_from_one() {
    let zero = with(cash_out(1), json!({ "machine_seq": 0 }));
    let (refusal, world) = fleet().when(zero.clone()).refusal(Code::Malformed);
    assert_eq!(refusal.details["field"], "machine_seq");
    // What names only the attempt is nothing to refuse a replay for.
    world.and([cash_out(1)]).when(zero).then_replayed(3);
}

#[test]
fn the_same_amount_spelled_otherwise_is_the_same() {
    let spelled = with(
        without(without(without(cash_out(1), "wire_sats"), "principal_sats"), "fee_sats"),
        json!({ "gross_sats": 266_800, "net_sats": 259_029, "commission_sats": 7_771,
            "fiat_amount": "2000", "exchange_rate": "129.51450",
            "occurred_at": "2026-01-01T00:00:00Z" }),
    );
    fleet().and([cash_out(1)]).when(spelled).then_replayed(3);
}

#[test]
fn other_content_on_one_hash_conflicts_field_by_field() {
    let changes: [(Value, &[&str]); 9] = [
        (json!({ "fiat_amount": "1999.00" }), &["fiat_amount"]),
        (json!({ "wire_sats": 266_801, "fee_sats": 7_772 }), &["fee_sats", "wire_sats"]),
        (json!({ "exchange_rate": "129.6" }), &["exchange_rate"]),
        (json!({ "machine_id": "m2" }), &["machine_id"]),
        (json!({ "fiat_code": "USD" }), &["fiat_code"]),
        (json!({ "bitspire_txid": "tx-2" }), &["bitspire_txid"]),
        (json!({ "occurred_at": 1_767_225_601 }), &["occurred_at"]),
        (json!({ "bills": [{ "denomination": 100, "count": 20 }] }), &["bills"]),
        (
            json!({ "tx_type": "cash_in", "wire_sats": 1, "principal_sats": 1, "fee_sats": 0 }),
            &["fee_sats", "principal_sats", "tx_type", "wire_sats"],
        ),
    ];
    for (change, fields) in changes {
        let world = fleet().and([cash_out(1)]);
        world
            .when(with(cash_out(1), change))
            .then_refused(Code::Conflict, fields)
            .when(cash_out(1))
            .then_replayed(3);
    }
}

#[test]
fn a_conflict_shows_both_sides_and_where_the_first_stands() {
    let other = with(cash_out(1), json!({ "fiat_amount": "1000.00" }));
    let (no, _) = fleet().and([cash_out(1)]).when(other).refusal(Code::Conflict);
    let differs = json!([{ "field": "fiat_amount", "first": "2000.00", "now": "1000.00" }]);
    assert_eq!(no.details["fields"], differs);
    assert_eq!(no.details["seq"], 3);
}

#[test]
fn a_claim_wrong_in_several_ways_gets_the_earliest_code() {
    // Each step rights one wrong; the next wrong in the order of the codes shows.
    let wrong = with(
        cash_in(1),
        json!({ "machine_id": "m2", "fiat_code": "USD", "principal_sats": 100_001 }),
    );
    let off = json!({ "is_active": false });
    fleet()
        .by_machine(1)
        .when(with(wrong.clone(), json!({ "payment_hash": "00" })))
        .then_refused(Code::Malformed, &[])
        .when(wrong.clone())
        .then_refused(Code::Forbidden, &[])
        .by(Actor::Local)
        .when(wrong.clone())
        .then_refused(Code::UnknownMachine, &[])
        .and([machine("m2"), machine_update("m2", off)])
        .when(wrong.clone())
        .then_refused(Code::InactiveMachine, &[])
        .and([machine_update("m2", json!({ "is_active": true }))])
        .when(wrong.clone())
        .then_refused(Code::CurrencyMismatch, &[])
        .and([machine_update("m2", json!({ "fiat_code": "USD" }))])
        .when(wrong.clone())
        .then_refused(Code::Unbalanced, &[])
        .when(with(wrong.clone(), json!({ "wire_sats": 99_613 })))
        .then_refused(Code::CashInCap, &[])
        .and([config(json!({ "max_cash_in_sats": 100_001 }))])
        .when(with(wrong.clone(), json!({ "wire_sats": 99_613 })))
        .then_accepted()
        .when(wrong)
        .then_refused(Code::Conflict, &["wire_sats"]);
}

#[test]
fn a_refused_claim_is_accepted_once_it_may_be() {
    fleet()
        .and([machine_update("m1", json!({ "is_active": false }))])
        .by_machine(1)
        .when(cash_out(1))
        .then_refused(Code::InactiveMachine, &[])
        .by(Actor::Local)
        .and([machine_update("m1", json!({ "is_active": true }))])
        .by_machine(1)
        .when(cash_out(1))
        .then_accepted()
        .when(cash_out(1))
        // Behind it in the log: the refusal's evidence, and the machine switched on.
        .then_replayed(6);
}

#[test]
fn sats_that_do_not_add_up_are_refused() {
    let wrongs = [
        with(cash_out(1), json!({ "wire_sats": 266_799 })),
        with(cash_out(1), json!({ "wire_sats": 251_258 })),
        with(cash_in(1), json!({ "wire_sats": 13_339 })),
        with(cash_in(1), json!({ "wire_sats": 0, "principal_sats": 1, "fee_sats": 2 })),
        with(
            cash_out(1),
            json!({ "wire_sats": 2_100_000_000_000_000_u64,
                "principal_sats": 2_100_000_000_000_000_u64, "fee_sats": 1 }),
        ),
    ];
    for wrong in wrongs {
        fleet().when(wrong).then_refused(Code::Unbalanced, &[]);
    }
}

#[test]
fn the_cap_bounds_the_principal_of_a_cash_in_only() {
    let cap = |cap: Value| config(json!({ "max_cash_in_sats": cap }));
    let big = with(
        cash_in(1),
        json!({ "wire_sats": 2_000_000_000_000_000_u64,
            "principal_sats": 2_000_000_000_000_000_u64, "fee_sats": 0 }),
    );
    let none = with(cash_in(2), json!({ "wire_sats": 0, "principal_sats": 0, "fee_sats": 0 }));
    fleet().and([cap(json!(12_951))]).when(cash_in(1)).then_accepted();
    fleet().and([cap(json!(12_950))]).when(cash_in(1)).then_refused(Code::CashInCap, &[]);
    fleet().and([cap(json!(0))]).when(cash_in(1)).then_refused(Code::CashInCap, &[]);
    fleet().and([cap(json!(0))]).when(none).then_refused(Code::CashInCap, &[]);
    fleet().and([cap(json!(0))]).when(cash_out(1)).then_accepted();
    fleet().and([cap(Value::Null)]).when(big).then_accepted();
    given([machine("m1")]).when(cash_in(1)).then_accepted();
}

#[test]
fn a_conflicting_claim_is_kept_whoever_sent_it() {
    let other = with(cash_out(1), json!({ "fiat_amount": "1000.00" }));
    let world =
        fleet().and([cash_out(1)]).when(other).then_refused(Code::Conflict, &["fiat_amount"]);
    let kept = world.evidence(1);
    assert_eq!(kept.len(), 1);
    let Event::ClaimRefused(kept) = &kept[0].event else { panic!("no refused claim") };
    assert_eq!(kept.code.as_str(), "conflict");
    assert_eq!(kept.fields.iter().map(Text::as_str).collect::<Vec<_>>(), ["fiat_amount"]);
    assert!(kept.claim.as_str().contains("\"fiat_amount\":\"1000.00\""));
}

#[test]
fn any_refused_claim_of_a_machine_is_kept() {
    let unbalanced = with(cash_out(1), json!({ "wire_sats": 1 }));
    let world = fleet().when(unbalanced.clone()).then_refused(Code::Unbalanced, &[]);
    assert_eq!(world.evidence(1).len(), 0, "whoever sits at the ledger sees the refusal");
    let world = world.by_machine(1).when(unbalanced).then_refused(Code::Unbalanced, &[]);
    assert_eq!(world.evidence(1).len(), 1);
}

#[test]
fn the_same_refused_claim_is_kept_once() {
    let other =
        |event| with(cash_out(1), json!({ "fiat_amount": "1000.00", "bitspire_event_id": event }));
    let mut world = fleet().and([cash_out(1)]);
    for attempt in 0..10 {
        // Each attempt is signed anew: that alone is no new evidence.
        world = world
            .when(with(other(format!("event {attempt}")), json!({ "machine_seq": attempt })))
            .then_refused(Code::Conflict, &["fiat_amount"]);
    }
    assert_eq!(world.evidence(1).len(), 1);
}

#[test]
fn evidence_is_bounded() {
    let mut world = fleet().and([cash_out(1)]);
    for amount in 0..EVIDENCE_PER_HASH_MAX + 10 {
        let other = with(cash_out(1), json!({ "fiat_amount": format!("{amount}.00") }));
        world = world.when(other).then_refused(Code::Conflict, &["fiat_amount"]);
    }
    assert_eq!(world.evidence(1).len(), EVIDENCE_PER_HASH_MAX);
}

#[test]
fn other_refusals_leave_room_for_the_evidence_of_a_conflict() {
    let mut world = fleet().by_machine(1);
    for wire in 0..EVIDENCE_PER_HASH_MAX as u64 + 10 {
        let wrong = with(cash_out(1), json!({ "wire_sats": wire }));
        world = world.when(wrong).then_refused(Code::Unbalanced, &[]);
    }
    let before = world.evidence(1).len();
    let world = world
        .and([cash_out(1)])
        .when(with(cash_out(1), json!({ "fiat_amount": "1000.00" })))
        .then_refused(Code::Conflict, &["fiat_amount"]);
    assert_eq!(world.evidence(1).len(), before + 1);
}
