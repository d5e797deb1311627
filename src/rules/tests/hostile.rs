//! What somebody could try: each test is named after the wrong that it shuts out.

use serde_json::{Value, json};
use spireledger_schema::identity::Actor;
use spireledger_schema::limits::CLIENTS_PER_MACHINE_MAX;
use spireledger_schema::money::Fiat;
use spireledger_schema::text::{ClientId, DepositId, MachineId, RequestId, UserId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Code, EntryKey, streams};

use super::super::adjust::ADJUSTMENTS_MAX;
use super::super::settlement::ATTEMPTS_MAX;
use super::words::*;
use super::world::{Said, World, given, payment_hash};

fn fleet() -> World {
    given([machine("m1")]).and(funded("a", "500.00"))
}

fn client(world: &World, id: &str) -> spireledger_projections::Client {
    world.fleet.client(&ClientId::parse(id).unwrap()).unwrap().clone()
}

fn remaining(world: &World, id: &str) -> String {
    client(world, id).remaining_fiat().unwrap().to_string()
}

#[test]
fn a_failed_leg_that_is_paid_later_does_not_spend_a_balance_twice() {
    let world = fleet().and([cash_out(1), begin(1, "p"), outcome(1, 2, "failed")]).and([
        cash_out(2),
        begin(2, "p"),
        outcome(1, 2, "completed"),
    ]);
    assert_eq!(world.planned(1, "a"), "500.00");
    assert_eq!(world.planned(2, "a"), "0.00");
    assert_eq!(remaining(&world, "a"), "0.00");
}

#[test]
fn a_failed_leg_that_is_given_up_gives_its_fiat_back() {
    for status in ["voided", "skipped", "refunded"] {
        let world = fleet().and([
            cash_out(1),
            begin(1, "p"),
            outcome(1, 2, "failed"),
            outcome(1, 2, status),
        ]);
        assert_eq!(remaining(&world, "a"), "500.00");
    }
}

#[test]
fn an_adjustment_gives_back_what_failed_legs_held() {
    let world = fleet().and([cash_out(1), begin(1, "p"), outcome(1, 2, "failed"), adjust(1)]);
    assert_eq!(world.planned(1, "a"), "500.00");
    let a = client(&world, "a");
    assert_eq!((a.pending_fiat.minor(), a.pending_sats.get()), (50_000, 64_757));
    let world = world.and([void(1)]);
    let a = client(&world, "a");
    assert_eq!((a.pending_fiat.minor(), a.pending_sats.get()), (0, 0));
}

#[test]
fn an_adjustment_after_a_leg_was_given_up_gives_back_once() {
    let world = fleet().and([cash_out(1), begin(1, "p"), outcome(1, 2, "skipped"), adjust(1)]);
    assert_eq!(client(&world, "a").pending_fiat.minor(), 50_000);
    assert_eq!(remaining(&world.and([void(1)]), "a"), "500.00");
}

#[test]
fn a_leg_added_too_early_does_not_keep_a_settlement_from_being_planned() {
    let world = fleet()
        .and([cash_out(1)])
        .when(refund(1, "back", 266_800))
        .then_refused(Code::WrongState, &[])
        .and([begin(1, "p")]);
    assert_eq!(world.settlement(1).legs.len(), 3);
}

#[test]
fn an_added_leg_cannot_take_the_id_of_one_that_is_planned_later() {
    fleet()
        .and([cash_out(1), begin(1, "p")])
        .when(with(refund(1, "x", 1), json!({ "leg_id": leg_id(1, 6) })))
        .then_refused(Code::Malformed, &[]);
}

/// A claim on the key of a thing that is no settlement, by a machine that knows how keys are made.
fn on(key: EntryKey) -> Value {
    with(cash_out(1), json!({ "payment_hash": key.to_string() }))
}

#[test]
fn a_claim_on_the_key_of_a_thing_is_refused_and_harms_nothing() {
    let world = fleet()
        .and([config(json!({ "max_cash_in_sats": 1 })), splits(&[("x", "1")])])
        .and([beacon(5), cassettes_set(1)]);
    let op = UserId::parse("op").unwrap();
    let a = UserId::parse("a").unwrap();
    let m1 = MachineId::parse("m1").unwrap();
    let keys = [
        streams::config(),
        streams::machine(&m1),
        streams::lp(&a),
        streams::splits(&op, None),
        streams::client(&ClientId::parse("a").unwrap()),
        streams::deposit(&DepositId::parse("deposit of a").unwrap()),
        streams::beacon(&m1, Timestamp::from_seconds(5).unwrap()),
        streams::cassettes(&m1),
    ];
    for key in keys {
        world.clone().when(on(key)).then_refused(Code::Conflict, &[]);
    }
}

#[test]
fn a_claim_on_the_key_of_a_thing_to_come_does_not_keep_it_from_coming() {
    let m1 = MachineId::parse("m1").unwrap();
    let b = UserId::parse("b").unwrap();
    // Nobody can be kept from being set up, because their ids are not theirs to choose.
    let named = streams::request(&Actor::Local, "lp.set", &RequestId::parse("r1").unwrap());
    let settings = [
        (named, with(lp("b"), json!({ "request_id": "r1" }))),
        (streams::config(), config(json!({ "max_cash_in_sats": 1 }))),
        (streams::lp(&b), lp("b")),
        (streams::splits(&UserId::parse("op").unwrap(), None), splits(&[("x", "1")])),
        (streams::cassettes(&m1), cassettes_set(1)),
        (streams::cassettes_state(&m1, None), cassettes_report(1)),
    ];
    for (key, command) in settings {
        let hash = json!({ "payment_hash": key.to_string() });
        let world = fleet()
            .and([on(key)])
            .when(command.clone())
            .then_accepted()
            .when(command)
            .then_replayed(7)
            // The settlement, if it is one, goes its own way.
            .when(with(begin(1, "p"), hash.clone()))
            .then_accepted()
            .when(with(void(1), hash.clone()))
            .then_accepted()
            .when(on(key))
            .then_replayed(6);
        assert_eq!(remaining(&world, "a"), "500.00");
    }
    // Whoever chooses an id can choose another.
    let chosen = [
        (streams::machine(&MachineId::parse("m2").unwrap()), machine("m2")),
        (streams::client(&ClientId::parse("b").unwrap()), enroll("b")),
        (streams::deposit(&DepositId::parse("d").unwrap()), deposit("d", "a", "1.00")),
    ];
    for (key, command) in chosen {
        fleet().and([on(key)]).when(command).refusal(Code::Conflict);
    }
    let key = streams::deposit(&DepositId::parse("d").unwrap());
    fleet().and([on(key)]).when(confirm("d")).then_refused(Code::NotFound, &[]);
}

#[test]
fn a_request_is_no_settlement() {
    let r1 = RequestId::parse("r1").unwrap();
    for command in [adjust(1), fail(1)] {
        let type_name = command["type"].as_str().unwrap();
        let key = streams::request(&Actor::Local, type_name, &r1);
        let hash = json!({ "payment_hash": key.to_string() });
        let asked = with(command.clone(), json!({ "request_id": "r1" }));
        let world = fleet().and([cash_out(1), asked]);
        world.clone().when(with(note(1, "n", "x"), hash.clone())).then_refused(Code::NotFound, &[]);
        // What comes to be under the key is a settlement of its own, and the request is found still.
        let seq = world.log.len() as u64;
        let begun = with(begin(1, "p"), hash.clone());
        world
            .and([with(cash_out(1), hash), begun])
            .when(with(command, json!({ "request_id": "r1" })))
            .then_replayed(seq);
    }
}

#[test]
fn a_processor_that_never_gives_up_does_not_grow_a_settlement_for_ever() {
    let claim = |n: usize| format!("attempt {n}");
    let mut world = fleet().and([cash_out(1)]);
    for n in 0..ATTEMPTS_MAX {
        let paid_by = json!({ "external_payment_hash": hash(n as u64) });
        world = world
            .and([begin(1, &claim(n)), with(outcome(1, 2, "failed"), paid_by)])
            .and([release(1, &claim(n))]);
    }
    let once_more = with(outcome(1, 2, "failed"), json!({ "external_payment_hash": hash(9_999) }));
    world
        .when(begin(1, "once more"))
        .then_refused(Code::LimitReached, &[])
        .when(once_more)
        .then_refused(Code::LimitReached, &[])
        // It is not stuck: what becomes of its legs is taken, and then it can be ended.
        .and([outcome(1, 2, "completed"), outcome(1, 1, "voided")])
        .and([begin(1, "to end it"), finish(1)]);
}

#[test]
fn adjustments_are_bounded() {
    let mut world = fleet().and([cash_out(1), begin(1, "p")]);
    for n in 0..ADJUSTMENTS_MAX as u64 {
        world = world.and([adjust_to(1, "100.00", n, 0)]);
    }
    let (again, other) = (adjust_to(1, "100.00", 999, 0), adjust_to(1, "100.00", 5_000, 0));
    world
        .when(again)
        .then_refused(Code::LimitReached, &[])
        .when(other)
        .then_refused(Code::LimitReached, &[])
        .when(void(1))
        .then_accepted();
}

#[test]
fn one_request_on_two_settlements_conflicts() {
    for command in [adjust, fail] {
        let called = |number| with(command(number), json!({ "request_id": "r1" }));
        fleet()
            .and([cash_out(1), cash_out(2), called(1)])
            .when(called(2))
            .then_refused(Code::Conflict, &["payment_hash"])
            .when(called(1))
            .then_replayed(8);
    }
}

#[test]
fn a_claim_on_the_key_of_evidence_does_not_crowd_evidence_out() {
    let hash = payment_hash(1).evidence_key();
    let mut world = fleet().and([cash_out(1), on(hash)]);
    for n in 0..40 {
        let note = with(note(1, &n.to_string(), "x"), json!({ "payment_hash": hash.to_string() }));
        world = world.and([note]);
    }
    let before = world.log.len();
    let world = world
        .when(with(cash_out(1), json!({ "fiat_amount": "1.00" })))
        .then_refused(Code::Conflict, &["fiat_amount"]);
    assert_eq!(world.log.len(), before + 1);
}

#[test]
fn claims_of_all_the_sats_there_are_do_not_break_an_lps_sums() {
    let all = 2_100_000_000_000_000_u64;
    let greedy = |n| {
        with(
            cash_out(n),
            json!({ "wire_sats": all, "principal_sats": all, "fee_sats": 0,
                "fiat_amount": "0.01" }),
        )
    };
    let mut world = fleet();
    for n in 1..=3 {
        world = world.and([greedy(n), begin(n, "p")]);
    }
    assert_eq!(world.planned(1, "a"), "0.01");
    assert_eq!(world.planned(2, "a"), "0.00");
}

#[test]
fn an_lp_gives_no_fiat_for_no_sats() {
    let dust = with(
        cash_out(1),
        json!({ "wire_sats": 1, "principal_sats": 1, "fee_sats": 0, "fiat_amount": "900.00" }),
    );
    let world = fleet().and(funded("b", "600.00")).and([dust, begin(1, "p")]);
    let legs = world.settlement(1).legs;
    let fiat: i64 = legs.iter().filter_map(|leg| leg.leg.amount_fiat).map(Fiat::minor).sum();
    assert_eq!(legs.len(), 1);
    assert!(fiat <= 90_000);
    let given: i64 = ["a", "b"].iter().map(|id| client(&world, id).pending_fiat.minor()).sum();
    assert_eq!(given, fiat);
}

#[test]
fn the_largest_plan_fits_an_entry_and_so_does_its_adjustment() {
    // The longest ids there are, as many as there may be, and the largest amounts.
    let wide = |text: &str| format!("{text:x<128}");
    let target: Vec<String> = (0..64).map(|n| format!("{n:x>128}")).collect();
    let rules: Vec<(&str, &str)> = target
        .iter()
        .zip(std::iter::once("0.9937").chain(["0.0001"; 63]))
        .map(|(t, f)| (&**t, f))
        .collect();
    let mut world = given([
        config(json!({ "super_fee_wallet_id": wide("fees"),
            "super_cash_out_fee_fraction": "0.0001" })),
        with(machine("m1"), json!({ "wallet_id": wide("machine") })),
        splits(&rules),
    ]);
    let mut enrolled = 0;
    for n in 0..CLIENTS_PER_MACHINE_MAX {
        let user = wide(&n.to_string());
        world = world.and([with(lp(&user), json!({ "dca_wallet_id": wide(&format!("w{n}")) }))]);
        let id = format!("deposit {n}");
        match world.submit(&enroll(&user)) {
            Said::Accepted(_) => enrolled += 1,
            Said::Refused(no) => {
                assert_eq!(no.code, Code::LimitReached);
                break;
            }
            Said::Replayed(seq) => panic!("enrolled at {seq} already"),
        }
        world = world.and([deposit(&id, &user, "99999999.99"), confirm(&id)]);
    }
    assert!(enrolled >= 35, "{enrolled} enrolments with the longest ids");
    let huge = with(
        cash_out(1),
        json!({ "wire_sats": 2_000_000_000_000_000_u64, "fee_sats": 900_000_000_000_000_u64,
            "principal_sats": 1_100_000_000_000_000_u64, "fiat_amount": "3000000000.00" }),
    );
    let named = json!({ "request_id": wide("request") });
    let adjusted = with(
        adjust_to(1, "2999999999.00", 1_000_000_000_000_000, 800_000_000_000_000),
        json!({ "reason": "x".repeat(4_096) }),
    );
    world
        .and([with(huge, named.clone()), with(begin(1, &wide("p")), named.clone())])
        .and([with(adjusted, named.clone())])
        .when(with(void(1), with(named, json!({ "error_message": "x".repeat(4_096) }))))
        .then_accepted();
}

#[test]
fn a_full_machine_of_common_ids_is_not_refused() {
    let uuid = |n: usize| format!("{n:08}-0000-4000-8000-000000000000");
    let many =
        (0..CLIENTS_PER_MACHINE_MAX).map(|n| with(enroll(&uuid(n)), json!({ "id": uuid(n) })));
    given([machine("m1")]).and(many);
}

#[test]
fn an_operators_fee_follows_the_machine_and_no_stale_rule() {
    let own = with(splits(&[("old", "1")]), json!({ "machine_id": "m1" }));
    let to = |world: &World| world.settlement(1).legs[0].leg.destination_wallet_id.clone().unwrap();
    let moved = fleet()
        .and([splits(&[("default", "1")]), own])
        .and([machine_update("m1", json!({ "operator_user_id": "new" }))]);
    let world = moved.clone().and([cash_out(1), begin(1, "p")]);
    assert_eq!(to(&world).as_str(), "wallet of m1");
    let theirs = with(splits(&[("new", "1")]), json!({ "operator_user_id": "new" }));
    let world = moved.and([theirs, cash_out(1), begin(1, "p")]);
    assert_eq!(to(&world).as_str(), "new");
}

#[test]
fn a_late_payment_of_a_void_leg_is_refused_with_what_to_do() {
    let world = fleet().and([cash_out(1), begin(1, "p"), adjust(1)]);
    let (no, _) = world.when(outcome(1, 2, "completed")).refusal(Code::WrongState);
    assert!(no.message.contains("settlement.note"), "{}", no.message);
}
