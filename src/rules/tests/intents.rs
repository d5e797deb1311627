//! Intents: one payment of a leg at a time, and none is forgotten.

use serde_json::{Value, json};
use spireledger_schema::Code;

use super::words::*;
use super::world::{World, given};

/// Begun: leg 1 the operator's 7,771 sats, 2 the LP's 64,757, 3 what is retained.
fn begun() -> World {
    given([machine("m1")]).and(funded("a", "500.00")).and([cash_out(1), begin(1, "p")])
}

fn lp(invoice: u64) -> Value {
    intend(1, 2, invoice, 64_757)
}

fn ended(status: &str, invoice: u64) -> Value {
    with(outcome(1, 2, status), json!({ "external_payment_hash": hash(invoice) }))
}

#[test]
fn a_payment_is_intended_once_and_then_completed() {
    let world = begun().and([lp(20)]);
    assert_eq!(
        world.settlement(1).legs[1].intent.as_ref().unwrap().payment_hash.to_string(),
        hash(20)
    );
    let world = world
        .when(lp(20))
        .then_replayed(8)
        .when(with(lp(20), json!({ "bolt11": "lnbc other" })))
        .then_refused(Code::Conflict, &["bolt11"])
        .and([ended("completed", 20)]);
    assert_eq!(world.settlement(1).legs[1].intent, None);
    // Said again it is what was said, even now; and nothing else can be said.
    world.when(lp(20)).then_replayed(8).when(lp(21)).then_refused(Code::WrongState, &[]);
}

#[test]
fn a_second_payment_waits_until_the_first_is_known_to_have_failed() {
    let (no, world) = begun().and([lp(20)]).when(lp(21)).refusal(Code::WrongState);
    assert_eq!(no.details["external_payment_hash"], hash(20));
    world
        .and([ended("failed", 20), lp(21)])
        .when(ended("completed", 20))
        .then_refused(Code::WrongState, &[])
        .when(ended("completed", 21))
        .then_accepted();
}

#[test]
fn what_may_be_under_way_ends_only_by_its_own_outcome() {
    let mut world = begun().and([lp(20)]);
    for other in [
        outcome(1, 2, "completed"),
        outcome(1, 2, "failed"),
        ended("completed", 21),
        ended("failed", 21),
        ended("voided", 20),
        ended("skipped", 20),
        ended("refunded", 20),
        void(1),
        adjust(1),
    ] {
        world = world.when(other).then_refused(Code::WrongState, &[]);
    }
    // Breaking off and beginning again change nothing about it.
    world
        .and([fail(1), begin(1, "q"), release(1, "q"), begin(1, "r")])
        .when(void(1))
        .then_refused(Code::WrongState, &[])
        .and([ended("failed", 20), void(1)]);
}

#[test]
fn a_late_success_of_a_failed_payment_is_taken_while_no_other_is_under_way() {
    begun().and([lp(20), ended("failed", 20), ended("completed", 20)]);
}

#[test]
fn only_a_settlement_that_is_processed_is_paid_and_its_lock_is_respected() {
    let released = begun().and([release(1, "p")]);
    released.when(lp(20)).then_refused(Code::WrongState, &[]);
    let stranger = with(lp(20), json!({ "processing_claim": "q" }));
    begun().when(stranger).then_refused(Code::WrongClaim, &[]);
    let holder = with(lp(20), json!({ "processing_claim": "p" }));
    begun().when(holder).then_accepted();
}

#[test]
fn an_invoice_pays_its_own_leg_and_nothing_else() {
    begun()
        .when(intend(1, 2, 20, 64_756))
        .then_refused(Code::Unbalanced, &[])
        .when(intend(1, 2, 1, 64_757))
        .then_refused(Code::Malformed, &[])
        .when(intend(1, 9, 20, 64_757))
        .then_refused(Code::NotFound, &[])
        .when(intend(1, 3, 20, 194_272))
        .then_refused(Code::WrongState, &[])
        .and([lp(20)])
        .when(with(intend(1, 1, 20, 7_771), json!({ "bolt11": "lnbc20" })))
        .then_refused(Code::Conflict, &["amount_sats", "leg_id"]);
}
