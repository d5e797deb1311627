//! What has no identity: setting what is so changes nothing, and a `request_id` makes it repeatable.

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::identity::{Actor, PublicKey, Role};

use super::words::*;
use super::world::{World, given};

fn fleet() -> World {
    given([machine("m1"), lp("a"), enroll("a")])
}

/// Every setting: one, another one that takes its place, and the field that differs.
fn settings() -> Vec<(Value, Value, &'static str)> {
    let named = |name| machine_update("m1", json!({ "name": name }));
    vec![
        (
            config(json!({ "max_cash_in_sats": 1 })),
            config(json!({ "max_cash_in_sats": 2 })),
            "max_cash_in_sats",
        ),
        (named("Corner"), named("Station"), "name"),
        (pair("m1", 1), pair("m1", 2), "machine_npub"),
        (splits(&[("x", "1")]), splits(&[("y", "1")]), "splits"),
        (
            with(lp("a"), json!({ "autoforward_enabled": true })),
            with(lp("a"), json!({ "autoforward_enabled": false })),
            "autoforward_enabled",
        ),
        (
            client_update("a", json!({ "status": "paused" })),
            client_update("a", json!({ "status": "active" })),
            "status",
        ),
        (cassettes_set(10), cassettes_set(20), "positions"),
        (cassettes_report(10), cassettes_report(20), "positions"),
    ]
}

fn called(command: &Value, request_id: &str) -> Value {
    with(command.clone(), json!({ "request_id": request_id }))
}

#[test]
fn setting_what_is_so_is_replayed_with_the_entry_that_made_it_so() {
    for (one, other, _) in settings() {
        fleet()
            .when(one.clone())
            .then_accepted()
            .after(60)
            .when(one.clone())
            .then_replayed(4)
            .when(other.clone())
            .then_accepted()
            .when(other)
            .then_replayed(5)
            .when(one.clone())
            .then_accepted()
            .when(one)
            .then_replayed(6);
    }
}

#[test]
fn with_a_request_id_the_first_answer_comes_again_whatever_was_set_since() {
    for (one, other, _) in settings() {
        fleet()
            .when(called(&one, "r1"))
            .then_accepted()
            .and([called(&other, "r2")])
            .after(60)
            .when(called(&one, "r1"))
            .then_replayed(4)
            .when(called(&other, "r2"))
            .then_replayed(5)
            // A late repeat of the first did not undo the second.
            .when(other)
            .then_replayed(5);
    }
}

#[test]
fn one_request_id_for_two_contents_conflicts() {
    for (one, other, field) in settings() {
        fleet()
            .when(called(&one, "r1"))
            .then_accepted()
            .when(called(&other, "r1"))
            .then_refused(Code::Conflict, &[field])
            .when(one)
            .then_replayed(4);
    }
}

#[test]
fn a_request_id_is_its_actors_and_its_types_own() {
    let key = Actor::Key { role: Role::Super, public_key: PublicKey::from_bytes([7; 32]) };
    for (one, other, _) in settings() {
        fleet()
            .and([called(&one, "r1")])
            .by(key.clone())
            .when(called(&other, "r1"))
            .then_accepted()
            .by(Actor::Local)
            .when(called(&machine_update("m1", json!({ "location": "Xela" })), "r9"))
            .then_accepted()
            .when(called(&config(json!({ "super_fee_wallet_id": "fees" })), "r9"))
            .then_accepted();
    }
}

#[test]
fn a_known_request_is_looked_up_before_what_it_speaks_of() {
    let elsewhere = [
        machine_update("m9", json!({ "name": "Corner" })),
        pair("m9", 1),
        client_update("b", json!({ "status": "paused" })),
        with(cassettes_set(10), json!({ "machine_id": "m9" })),
    ];
    let here = [
        machine_update("m1", json!({ "name": "Corner" })),
        pair("m1", 1),
        client_update("a", json!({ "status": "paused" })),
        cassettes_set(10),
    ];
    for (here, elsewhere) in here.iter().zip(elsewhere) {
        let (no, _) = fleet()
            .and([called(here, "r1")])
            .when(called(&elsewhere, "r1"))
            .refusal(Code::Conflict);
        assert!(no.message.contains("id"), "{}", no.message);
    }
}

#[test]
fn what_is_so_by_default_was_set_by_nobody_and_can_be_set() {
    let zero = config(json!({ "super_cash_in_fee_fraction": "0" }));
    given([]).when(zero.clone()).then_accepted().when(zero).then_replayed(1);
}

#[test]
fn a_field_that_came_with_its_thing_was_set_by_the_entry_that_made_the_thing() {
    fleet()
        .and([machine_update("m1", json!({ "name": "Corner" }))])
        .when(machine_update("m1", json!({ "wallet_id": "wallet of m1" })))
        .then_replayed(1)
        .when(machine_update("m1", json!({ "wallet_id": "wallet of m1", "name": "Corner" })))
        .then_replayed(4)
        .when(client_update("a", json!({ "status": "active" })))
        .then_replayed(3);
}
