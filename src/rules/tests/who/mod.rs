//! Who may do what. [`cells`] walks through the whole table; here is what machines and the administrator do.

mod cells;
mod operators;
mod page;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::command::Body;
use spireledger_schema::identity::{Actor, PublicKey, Role};
use spireledger_schema::text::Text;

use super::words::*;
use super::world::{Said, World, given};

/// `m1` has the key 1, `m2` the key 2.
fn fleet() -> World {
    given([
        with(machine("m1"), json!({ "machine_npub": npub(1) })),
        with(machine("m2"), json!({ "machine_npub": npub(2) })),
        lp("a"),
        enroll("a"),
        deposit("d", "a", "10.00"),
        cash_out(1),
    ])
}

fn key(role: Role) -> Actor {
    Actor::Key { role, public_key: PublicKey::from_bytes([7; 32]) }
}

/// What a machine may send, for `m1`.
fn of_machines() -> [Value; 4] {
    [cash_out(2), beacon(5), telemetry(5), cassettes_report(5)]
}

/// What no machine may send, each valid.
fn of_others() -> Vec<Value> {
    vec![
        config(json!({ "max_cash_in_sats": 1 })),
        operator("-06:00"),
        machine("m3"),
        machine_update("m1", json!({ "is_active": true, "name": "Corner" })),
        pair("m1", 1),
        splits(&[("x", "1")]),
        with(lp("a"), json!({ "autoforward_enabled": true })),
        enroll("b"),
        client_update("a", json!({ "status": "paused" })),
        deposit("e", "a", "10.00"),
        confirm("d"),
        begin(1, "p"),
        note(1, "n", "a note"),
        intend(1, 1, 20, 7_771),
        outcome(1, 1, "completed"),
        adjust_to(1, "0.00", 0, 0),
        refund(1, "back", 1),
        release(1, "p"),
        fail(1),
        void(1),
        finish(1),
        cassettes_set(10),
        reject("d"),
    ]
}

#[test]
fn every_command_is_either_a_machines_or_not() {
    let all = of_machines().into_iter().chain(of_others());
    let types: BTreeSet<String> = all.map(|c| c["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, Body::TYPES.iter().map(ToString::to_string).collect());
}

#[test]
fn a_machine_reports_for_itself_only() {
    for command in of_machines() {
        let unsigned = fleet().by_machine(3);
        fleet().by_machine(1).when(command.clone()).then_accepted();
        fleet().by_machine(2).when(command.clone()).then_refused(Code::Forbidden, &[]);
        unsigned.when(command.clone()).then_refused(Code::Forbidden, &[]);
        let unknown = with(command, json!({ "machine_id": "m9" }));
        fleet().by_machine(1).when(unknown).then_refused(Code::Forbidden, &[]);
    }
}

#[test]
fn a_machine_does_nothing_else() {
    for command in of_others() {
        fleet().by_machine(1).when(command).then_refused(Code::Forbidden, &[]);
    }
}

#[test]
fn the_administrator_does_everything_and_so_does_the_ledger_itself() {
    let all = [Actor::Local, key(Role::Super), Actor::Ledger];
    let import = Actor::Import { file: Text::new("old.sqlite3"), version: 12 };
    for actor in all.into_iter().chain([import]) {
        let mut world = fleet().by(actor);
        for command in of_machines().into_iter().chain(of_others()) {
            let said = world.submit(&command);
            if let Said::Refused(no) = said {
                assert_ne!(no.code, Code::Forbidden, "{command}");
            }
        }
    }
}

#[test]
fn a_stranger_learns_nothing_of_what_is_known() {
    // The same answer for what is there, what differs, and what is not there.
    let known = cash_out(1);
    let differs = with(cash_out(1), json!({ "fiat_amount": "1.00" }));
    let unknown = with(cash_out(5), json!({ "machine_id": "m9" }));
    let answers: Vec<_> = [known, differs, unknown]
        .into_iter()
        .map(|claim| fleet().by_machine(2).when(claim).refusal(Code::Forbidden).0)
        .collect();
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
}

#[test]
fn a_key_that_was_taken_away_speaks_for_nobody() {
    fleet()
        .and([machine_update("m1", json!({ "machine_npub": null }))])
        .by_machine(1)
        .when(cash_out(2))
        .then_refused(Code::Forbidden, &[])
        .when(without(beacon(5), "machine_id"))
        .then_refused(Code::Forbidden, &[]);
}

#[test]
fn what_a_machine_said_is_the_same_when_the_operator_says_it() {
    fleet()
        .by_machine(1)
        .and([cash_out(2)])
        .by(Actor::Local)
        .when(cash_out(2))
        .then_replayed(7)
        .by(key(Role::Super))
        .when(cash_out(2))
        .then_replayed(7);
}
