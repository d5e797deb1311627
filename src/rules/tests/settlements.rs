//! The life of a settlement: every state and every command, the lock, adjustments and the end.

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::Event;
use spireledger_schema::identity::{Actor, PublicKey, Role};

use super::words::*;
use super::world::{Said, World, given};

/// Begun, it has three legs: 1 the operator's fee, 2 the LP's sats, 3 what is retained.
fn claimed() -> World {
    given([machine("m1")]).and(funded("a", "500.00")).and([cash_out(1)])
}

fn claiming(command: Value, claim: &str) -> Value {
    with(command, json!({ "processing_claim": claim }))
}

/// Every state, and how a settlement comes to it. The holder of a lock is `p`.
fn states() -> Vec<(&'static str, Vec<Value>)> {
    let paid = |leg| outcome(1, leg, "completed");
    let started = || vec![begin(1, "p")];
    let with_legs = |more: &[Value]| [started(), more.to_vec()].concat();
    vec![
        ("pending", vec![]),
        ("pending, planned", with_legs(&[release(1, "p")])),
        ("pending, paid", with_legs(&[paid(2), release(1, "p")])),
        ("processing", started()),
        ("processing, paid", with_legs(&[paid(2)])),
        ("processing, ended", with_legs(&[paid(1), paid(2)])),
        ("failed", vec![fail(1)]),
        ("failed, planned", with_legs(&[fail(1)])),
        ("failed, paid", with_legs(&[paid(2), fail(1)])),
        ("processed", with_legs(&[paid(1), paid(2), finish(1)])),
        ("partial", with_legs(&[paid(1), outcome(1, 2, "skipped"), finish(1)])),
        ("voided", vec![void(1)]),
        ("voided, planned", with_legs(&[void(1)])),
    ]
}

/// Every command about a settlement, other than any that led to a state above.
fn commands() -> Vec<Value> {
    let reason = json!({ "error_message": "another" });
    vec![
        begin(1, "q"),
        release(1, "q"),
        adjust(1),
        with(finish(1), reason.clone()),
        with(fail(1), reason.clone()),
        with(void(1), reason),
        note(1, "n", "a note"),
        with(outcome(1, 2, "failed"), json!({ "external_payment_hash": hash(9) })),
        autoforward(1, "on", "a", 1_000),
        refund(1, "back", 1_000),
    ]
}

/// What each command comes to: a state, or the code of a refusal.
#[rustfmt::skip]
const TABLE: [(&str, [&str; 10]); 13] = [
//   state                 begin              release        adjust         finish         fail           void           note          leg.outcome     autoforward           refund
    ("pending",           ["processing",      "wrong_claim", "pending",     "wrong_state", "failed",      "voided",      "pending",    "not_found",    "wrong_state",        "wrong_state"]),
    ("pending, planned",  ["processing",      "wrong_claim", "pending",     "wrong_state", "failed",      "voided",      "pending",    "pending",      "exceeds_available",  "pending"]),
    ("pending, paid",     ["processing",      "wrong_claim", "wrong_state", "wrong_state", "failed",      "wrong_state", "pending",    "wrong_state",  "pending",            "pending"]),
    ("processing",        ["already_claimed", "wrong_claim", "processing",  "legs_open",   "failed",      "voided",      "processing", "processing",   "exceeds_available",  "processing"]),
    ("processing, paid",  ["already_claimed", "wrong_claim", "wrong_state", "legs_open",   "failed",      "wrong_state", "processing", "wrong_state",  "processing",         "processing"]),
    ("processing, ended", ["already_claimed", "wrong_claim", "wrong_state", "processed",   "failed",      "wrong_state", "processing", "wrong_state",  "processing",         "processing"]),
    ("failed",            ["processing",      "wrong_claim", "failed",      "wrong_state", "wrong_state", "voided",      "failed",     "not_found",    "wrong_state",        "wrong_state"]),
    ("failed, planned",   ["processing",      "wrong_claim", "failed",      "wrong_state", "wrong_state", "voided",      "failed",     "failed",       "exceeds_available",  "failed"]),
    ("failed, paid",      ["processing",      "wrong_claim", "wrong_state", "wrong_state", "wrong_state", "wrong_state", "failed",     "wrong_state",  "failed",             "failed"]),
    ("processed",         ["wrong_state",     "wrong_claim", "wrong_state", "conflict",    "wrong_state", "wrong_state", "processed",  "wrong_state",  "wrong_state",        "wrong_state"]),
    ("partial",           ["wrong_state",     "wrong_claim", "wrong_state", "conflict",    "wrong_state", "wrong_state", "partial",    "wrong_state",  "wrong_state",        "wrong_state"]),
    ("voided",            ["wrong_state",     "wrong_claim", "wrong_state", "wrong_state", "wrong_state", "conflict",    "voided",     "not_found",    "wrong_state",        "wrong_state"]),
    ("voided, planned",   ["wrong_state",     "wrong_claim", "wrong_state", "wrong_state", "wrong_state", "conflict",    "voided",     "wrong_state",  "wrong_state",        "wrong_state"]),
];

#[test]
fn every_state_and_every_command() {
    for ((state, history), (named, expected)) in states().into_iter().zip(TABLE) {
        assert_eq!(state, named);
        for (command, expected) in commands().into_iter().zip(expected) {
            let mut world = claimed().and(history.clone());
            let name = state.split(',').next().unwrap();
            assert_eq!(world.settlement(1).status.as_str(), name);
            let came_to = match world.submit(&command) {
                Said::Accepted(_) => world.settlement(1).status.as_str(),
                Said::Refused(no) => no.code.as_str(),
                Said::Replayed(seq) => panic!("{command} in {state} replayed {seq}"),
            };
            assert_eq!(came_to, expected, "{command} in {state}");
        }
    }
}

#[test]
fn whatever_was_done_is_replayed_at_the_end() {
    for (_, history) in states() {
        let first = claimed().log.len() as u64;
        let mut world = claimed().and(history.clone());
        for (at, command) in history.iter().enumerate() {
            assert_eq!(world.submit(command), Said::Replayed(first + 1 + at as u64), "{command}");
        }
    }
}

#[test]
fn of_many_processors_one_wins() {
    let mut world = claimed();
    let won = (0..100).filter(|n| {
        matches!(world.submit(&begin(1, &format!("processor {n}"))), Said::Accepted(_))
    });
    assert_eq!(won.collect::<Vec<_>>(), [0]);
    let (no, world) = world.when(begin(1, "late")).refusal(Code::AlreadyClaimed);
    assert_eq!(no.details["processing_claim"], "processor 0");
    world.when(begin(1, "processor 0")).then_replayed(7);
}

#[test]
fn a_lock_is_taken_over_only_after_its_lease_and_that_is_recorded() {
    let world = claimed().and([begin(1, "p")]);
    let since = world.now();
    let world = world
        .after(600)
        .when(begin(1, "q"))
        .then_refused(Code::AlreadyClaimed, &[])
        .after(1)
        .when(begin(1, "q"))
        .then_accepted();
    let Event::SettlementBegun(begun) = &world.log.last().unwrap().event else { panic!() };
    let taken_over = begun.taken_over.as_ref().unwrap();
    assert_eq!((taken_over.processing_claim.as_str(), taken_over.since), ("p", since));
    assert!(begun.legs.is_empty(), "legs are planned once");
    world
        .when(release(1, "p"))
        .then_refused(Code::WrongClaim, &[])
        .when(claiming(fail(1), "p"))
        .then_refused(Code::WrongClaim, &[])
        .when(begin(1, "p"))
        .then_replayed(7);
}

#[test]
fn a_claim_that_is_given_has_to_hold_the_lock() {
    let ended = [begin(1, "p"), outcome(1, 1, "completed"), outcome(1, 2, "completed")];
    claimed()
        .and(ended)
        .when(claiming(finish(1), "q"))
        .then_refused(Code::WrongClaim, &[])
        .when(claiming(fail(1), "q"))
        .then_refused(Code::WrongClaim, &[])
        .when(claiming(finish(1), "p"))
        .then_accepted();
    claimed()
        .and([begin(1, "p")])
        .when(claiming(void(1), "q"))
        .then_refused(Code::WrongClaim, &[])
        .when(claiming(void(1), "p"))
        .then_accepted();
}

#[test]
fn without_a_claim_anothers_lock_is_respected_for_its_lease() {
    let key = Actor::Key { role: Role::Super, public_key: PublicKey::from_bytes([7; 32]) };
    let history = [begin(1, "p"), outcome(1, 1, "failed"), outcome(1, 2, "failed")];
    for command in [adjust(1), fail(1), void(1), finish(1)] {
        let anothers = claimed().and(history.clone()).by(key.clone());
        let (no, world) = anothers.when(command.clone()).refusal(Code::AlreadyClaimed);
        assert_eq!(no.details["processing_claim"], "p");
        if command != finish(1) {
            world.after(601).when(command.clone()).then_accepted();
            // Whoever holds it need not say so.
            claimed().and(history.clone()).when(command).then_accepted();
        }
    }
}

#[test]
fn fail_and_begin_do_not_plan_twice() {
    let world = claimed().and([
        begin(1, "p"),
        fail(1),
        begin(1, "q"),
        with(fail(1), json!({ "error_message": "again" })),
        begin(1, "r"),
        release(1, "r"),
        begin(1, "s"),
    ]);
    assert_eq!(world.settlement(1).legs.len(), 3);
}

#[test]
fn an_adjustment_before_the_first_begin_is_what_gets_planned() {
    let world = claimed().and([adjust(1)]);
    assert!(world.settlement(1).legs.is_empty());
    let world = world.and([begin(1, "p")]);
    assert_eq!(sats(&world, "refund"), 66_700);
    assert_eq!(world.settlement(1).legs.len(), 4);
}

fn sats(world: &World, kind: &str) -> u64 {
    let legs = world.settlement(1).legs;
    let of_kind = legs.iter().filter(|leg| leg.leg.leg_type.as_str() == kind);
    of_kind.filter(|leg| leg.status.as_str() != "voided").map(|leg| leg.leg.amount_sats.get()).sum()
}

#[test]
fn an_adjustment_voids_what_was_planned_and_plans_anew() {
    let world = claimed().and([begin(1, "p"), adjust(1)]);
    let settlement = world.settlement(1);
    let voided = settlement.legs.iter().filter(|leg| leg.status.as_str() == "voided");
    assert_eq!(voided.count(), 3);
    let ids: Vec<&str> = settlement.legs.iter().map(|leg| leg.id.as_str()).collect();
    assert_eq!(ids, (1..=7).map(|n| leg_id(1, n)).collect::<Vec<_>>());
    assert_eq!((settlement.principal_sats.get(), settlement.fee_sats.get()), (194_272, 5_828));
}

#[test]
fn an_adjustment_only_lowers_what_was_claimed() {
    for (fiat, principal, fee) in
        [("2000.01", 1, 1), ("1.00", 259_030, 1), ("1.00", 1, 7_772), ("9999.00", 259_029, 7_771)]
    {
        claimed()
            .when(adjust_to(1, fiat, principal, fee))
            .then_refused(Code::ExceedsAvailable, &[]);
    }
    claimed().when(adjust_to(1, "2000.00", 259_029, 7_771)).then_accepted();
    given([machine("m1"), cash_in(1)])
        .when(adjust_to(1, "1.00", 1, 1))
        .then_refused(Code::WrongState, &[]);
}

#[test]
fn an_adjustment_is_repeated_by_content_or_by_request() {
    let called = |command: Value, id: &str| with(command, json!({ "request_id": id }));
    let lower = adjust_to(1, "1000.00", 129_515, 3_886);
    claimed()
        .and([called(adjust(1), "r1"), called(lower.clone(), "r2")])
        .when(lower.clone())
        .then_replayed(8)
        // A late repeat of the first does not undo the second.
        .when(called(adjust(1), "r1"))
        .then_replayed(7)
        .when(called(lower, "r1"))
        .then_refused(Code::Conflict, &["fee_sats", "fiat_amount", "principal_sats"])
        // Nor is it undone by saying so.
        .when(adjust(1))
        .then_accepted()
        .when(adjust(1))
        .then_replayed(9);
}

#[test]
fn a_failure_is_repeated_by_its_claim_and_new_without_one() {
    let said = |text: &str| json!({ "error_message": text });
    claimed()
        .and([begin(1, "p"), claiming(fail(1), "p")])
        .when(claiming(fail(1), "p"))
        .then_replayed(8)
        .when(with(claiming(fail(1), "p"), said("no route")))
        .then_refused(Code::Conflict, &["error_message"])
        .and([begin(1, "q")])
        .when(claiming(fail(1), "p"))
        .then_replayed(8)
        .when(fail(1))
        .then_accepted()
        .when(fail(1))
        .then_replayed(10)
        .and([begin(1, "r"), release(1, "r")])
        // It does not say of a settlement that waits again that it has failed already.
        .when(fail(1))
        .then_accepted();
}

#[test]
fn a_failure_is_found_again_by_its_request() {
    let called = |id: &str| with(fail(1), json!({ "request_id": id }));
    claimed()
        .and([begin(1, "p"), called("r1"), begin(1, "q")])
        .when(called("r1"))
        .then_replayed(8)
        .when(called("r2"))
        .then_accepted();
}

#[test]
fn a_note_is_written_once_in_any_state() {
    claimed()
        .and([note(1, "n", "a note"), void(1)])
        .when(note(1, "n", "a note"))
        .then_replayed(7)
        .when(note(1, "n", "another"))
        .then_refused(Code::Conflict, &["note"])
        .when(note(1, "o", "another"))
        .then_accepted()
        .when(note(2, "n", "a note"))
        .then_refused(Code::NotFound, &[]);
}

#[test]
fn notes_on_a_settlement_are_bounded() {
    let many = (0..super::super::settlement::NOTES_MAX).map(|n| note(1, &n.to_string(), "a note"));
    claimed()
        .and(many)
        .when(note(1, "one more", "a note"))
        .then_refused(Code::LimitReached, &[])
        .when(note(1, "5", "a note"))
        .then_replayed(12)
        .when(void(1))
        .then_accepted();
}

#[test]
fn a_settlement_ends_as_well_as_its_legs_do() {
    let ends = |history: Vec<Value>| {
        let world = claimed().and(history).and([finish(1)]);
        world.settlement(1).status.to_string()
    };
    let paid = |leg| outcome(1, leg, "completed");
    let given_up = |leg| outcome(1, leg, "voided");
    let adjusted = || vec![begin(1, "p"), adjust(1)];
    assert_eq!(ends(vec![begin(1, "p"), paid(1), paid(2)]), "processed");
    assert_eq!(ends(vec![begin(1, "p"), paid(1), given_up(2)]), "partial");
    assert_eq!(ends([adjusted(), vec![paid(4), paid(5), paid(7)]].concat()), "processed");
    // The customer's refund was owed.
    assert_eq!(ends([adjusted(), vec![paid(4), paid(5), given_up(7)]].concat()), "partial");
    // The customer was paid by another leg.
    let by_another = [given_up(7), refund(1, "by hand", 66_700)];
    let by_another = [adjusted(), vec![paid(4), paid(5)], by_another.to_vec()].concat();
    let by_hand = with(paid(1), json!({ "leg_id": "by hand" }));
    assert_eq!(ends([by_another, vec![by_hand]].concat()), "processed");
    // A leg that failed before it was paid ended well.
    let retried = vec![begin(1, "p"), outcome(1, 2, "failed"), paid(2), paid(1)];
    assert_eq!(ends(retried), "processed");
    // What an LP's leg left was given back to the customer.
    let given_back = vec![
        begin(1, "p"),
        paid(1),
        given_up(2),
        refund(1, "back", 64_757),
        with(outcome(1, 2, "completed"), json!({ "leg_id": "back" })),
    ];
    assert_eq!(ends(given_back), "partial");
}

#[test]
fn a_cash_in_ends_when_its_fee_is_paid() {
    let world = given([machine("m1"), cash_in(1), begin(1, "p")])
        .when(finish(1))
        .then_refused(Code::LegsOpen, &[])
        .and([outcome(1, 1, "completed"), finish(1)]);
    assert_eq!(world.settlement(1).status.as_str(), "processed");
}

#[test]
fn an_end_that_is_said_otherwise_conflicts() {
    let said = json!({ "error_message": "all well", "occurred_at": 5 });
    let paid = [outcome(1, 1, "completed"), outcome(1, 2, "completed")];
    let differs = ["error_message", "occurred_at", "processing_claim"];
    let claiming = |command| with(claiming(command, "p"), said.clone());
    claimed()
        .and([begin(1, "p")])
        .and(paid)
        .and([finish(1)])
        .when(claiming(finish(1)))
        .then_refused(Code::Conflict, &differs)
        .when(finish(1))
        .then_replayed(10);
    claimed()
        .and([begin(1, "p"), void(1)])
        .when(claiming(void(1)))
        .then_refused(Code::Conflict, &differs)
        .when(void(1))
        .then_replayed(8);
}

#[test]
fn open_legs_are_named() {
    let (no, _) = claimed().and([begin(1, "p")]).when(finish(1)).refusal(Code::LegsOpen);
    assert_eq!(no.details["legs"], json!([leg_id(1, 1), leg_id(1, 2)]));
}
