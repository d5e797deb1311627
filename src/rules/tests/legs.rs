//! Legs: how payments end, and the legs that are added by hand.

use serde_json::{Value, json};
use spireledger_schema::Code;

use super::words::*;
use super::world::{World, given};

/// Begun: leg 1 the operator's 7,771 sats, 2 the LP's 64,757, 3 the 194,272 that are retained.
fn begun() -> World {
    given([machine("m1")]).and(funded("a", "500.00")).and([cash_out(1), begin(1, "p")])
}

fn paid(leg: u32) -> Value {
    outcome(1, leg, "completed")
}

fn by_payment(command: Value, number: u64) -> Value {
    with(command, json!({ "external_payment_hash": hash(number) }))
}

#[test]
fn an_outcome_is_recorded_once() {
    let fee = json!({ "routing_fee_msat": 1_500 });
    begun()
        .when(by_payment(with(paid(2), fee.clone()), 20))
        .then_accepted()
        .and([paid(1), finish(1)])
        .when(by_payment(with(paid(2), fee.clone()), 20))
        .then_replayed(8)
        .when(by_payment(with(paid(2), fee), 21))
        .then_refused(Code::Conflict, &["external_payment_hash"])
        .when(by_payment(paid(2), 20))
        .then_refused(Code::Conflict, &["routing_fee_msat"]);
}

#[test]
fn a_leg_may_fail_often_and_be_paid_once() {
    let failed = outcome(1, 2, "failed");
    begun()
        .and([by_payment(failed.clone(), 20)])
        .when(by_payment(failed.clone(), 20))
        .then_replayed(8)
        .when(by_payment(failed.clone(), 21))
        .then_accepted()
        .when(by_payment(with(failed.clone(), json!({ "error_message": "no route" })), 20))
        .then_refused(Code::Conflict, &["error_message"])
        .and([paid(2)])
        .when(by_payment(failed.clone(), 20))
        .then_replayed(8)
        .when(by_payment(failed, 22))
        .then_refused(Code::WrongState, &[]);
}

#[test]
fn a_final_outcome_is_never_left() {
    let outcomes = ["completed", "voided", "skipped", "refunded"];
    for first in outcomes {
        for then in outcomes.iter().filter(|then| **then != first) {
            let world = begun().and([outcome(1, 2, first)]);
            let (no, _) = world.when(outcome(1, 2, then)).refusal(Code::WrongState);
            assert_eq!(no.details["state"], first);
        }
    }
}

#[test]
fn what_is_retained_needs_no_payment() {
    assert_eq!(begun().settlement(1).legs[2].status.as_str(), "completed");
    begun().when(outcome(1, 3, "voided")).then_refused(Code::WrongState, &[]);
}

#[test]
fn an_unknown_leg_is_not_found() {
    begun()
        .when(outcome(1, 4, "completed"))
        .then_refused(Code::NotFound, &[])
        .when(outcome(2, 1, "completed"))
        .then_refused(Code::NotFound, &[]);
}

#[test]
fn a_leg_is_added_once() {
    begun()
        .and([refund(1, "back", 1_000)])
        .when(refund(1, "back", 1_000))
        .then_replayed(8)
        .when(refund(1, "back", 1_001))
        .then_refused(Code::Conflict, &["amount_sats"])
        .when(with(outcome(1, 1, "completed"), json!({ "leg_id": "back" })))
        .then_accepted()
        .when(refund(1, "back", 1_000))
        .then_replayed(8);
}

#[test]
fn an_lp_forwards_at_most_what_it_was_paid() {
    begun()
        .when(autoforward(1, "f", "a", 1))
        .then_refused(Code::ExceedsAvailable, &[])
        .and([paid(2)])
        .when(autoforward(1, "f", "a", 64_758))
        .then_refused(Code::ExceedsAvailable, &[])
        .when(autoforward(1, "f", "a", 64_000))
        .then_accepted()
        .when(autoforward(1, "g", "a", 758))
        .then_refused(Code::ExceedsAvailable, &[])
        .when(autoforward(1, "g", "b", 1))
        .then_refused(Code::ExceedsAvailable, &[])
        .when(autoforward(1, "g", "a", 757))
        .then_accepted();
}

#[test]
fn an_autoforward_says_whose_sats_go_where() {
    let forward = autoforward(1, "f", "a", 1);
    begun()
        .and([paid(2)])
        .when(without(forward.clone(), "client_id"))
        .then_refused(Code::Malformed, &[])
        .when(without(forward.clone(), "destination_ln_address"))
        .then_refused(Code::Malformed, &[])
        .when(with(forward, json!({ "amount_sats": 0 })))
        .then_refused(Code::Malformed, &[]);
}

#[test]
fn what_an_autoforward_gave_up_can_be_forwarded_again() {
    let ended = |status: &str| with(outcome(1, 1, status), json!({ "leg_id": "f" }));
    begun()
        .and([paid(2), autoforward(1, "f", "a", 64_757), ended("failed")])
        // It may still be tried again.
        .when(autoforward(1, "g", "a", 1))
        .then_refused(Code::ExceedsAvailable, &[])
        .and([ended("voided")])
        .when(autoforward(1, "g", "a", 64_757))
        .then_accepted();
}

#[test]
fn a_refund_takes_at_most_what_no_other_leg_takes_away() {
    // Retained sats stay in the machine's wallet: the customer may have them.
    let (no, world) = begun().when(refund(1, "r", 194_273)).refusal(Code::ExceedsAvailable);
    assert_eq!(no.details["available_sats"], 194_272);
    world
        .and([refund(1, "r", 194_000)])
        .when(refund(1, "s", 273))
        .then_refused(Code::ExceedsAvailable, &[])
        .and([paid(1), paid(2)])
        .when(refund(1, "s", 272))
        .then_accepted();
}

#[test]
fn a_leg_that_may_be_tried_again_keeps_its_sats() {
    begun()
        .and([outcome(1, 2, "failed")])
        .when(refund(1, "r", 194_273))
        .then_refused(Code::ExceedsAvailable, &[])
        .and([outcome(1, 2, "voided")])
        .when(refund(1, "r", 194_272 + 64_757))
        .then_accepted();
}

#[test]
fn a_cash_in_has_nothing_to_refund_or_forward() {
    given([machine("m1"), cash_in(1), begin(1, "p")])
        .when(refund(1, "r", 1))
        .then_refused(Code::WrongState, &[])
        .when(autoforward(1, "f", "a", 1))
        .then_refused(Code::ExceedsAvailable, &[]);
}

#[test]
fn the_ids_of_planned_legs_are_the_ledgers_own() {
    for number in [1, 4, 9] {
        let taken = with(refund(1, "r", 1), json!({ "leg_id": leg_id(1, number) }));
        begun().when(taken).then_refused(Code::Malformed, &[]);
    }
}

#[test]
fn every_lp_of_a_full_machine_can_forward() {
    let users: Vec<String> = (0..120).map(|n| format!("user {n:03}")).collect();
    let mut world = given([machine("m1")]);
    for user in &users {
        world = world.and(funded(user, "100.00"));
    }
    let mut world = world.and([cash_out(1), begin(1, "p")]);
    let legs = world.settlement(1).legs;
    for (number, leg) in (1..).zip(&legs) {
        let Some(client) = &leg.leg.client_id else { continue };
        let sats = leg.leg.amount_sats.get();
        let id = format!("forward {number}");
        world = world
            .and([paid(number), autoforward(1, &id, client.as_str(), sats)])
            .and([with(paid(1), json!({ "leg_id": id }))]);
    }
    assert_eq!(world.and([paid(1), finish(1)]).settlement(1).status.as_str(), "processed");
}

#[test]
fn added_legs_are_bounded() {
    let many = (0..200).map(|n| refund(1, &format!("refund {n}"), 1));
    begun().and(many).when(refund(1, "one more", 1)).then_refused(Code::LimitReached, &[]);
}
