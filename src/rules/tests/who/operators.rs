//! What an operator may and may not do where more than one thing is named, ids are taken, machines move on.

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::identity::{Actor, Role};

use super::super::words::*;
use super::super::world::{World, given};
use super::cells::{NOBODYS, OTHERS, OWN, of, refusal};

fn both() -> World {
    given(of(OWN)).and(of(OTHERS))
}

fn by_op(world: World) -> World {
    world.by_user(Role::Operator, 20, OWN.operator)
}

fn by_po(world: World) -> World {
    world.by_user(Role::Operator, 30, OTHERS.operator)
}

fn of_po(command: Value) -> Value {
    with(command, json!({ "operator_user_id": OTHERS.operator }))
}

#[test]
fn a_machine_cannot_be_given_away_nor_anothers_things_be_set() {
    let to_others = [
        machine_update(OWN.machine, json!({ "operator_user_id": OTHERS.operator })),
        machine_update(OWN.machine, json!({ "operator_user_id": NOBODYS.operator })),
        of_po(machine("new")),
        of_po(operator("-06:00")),
        of_po(splits(&[("x", "1")])),
        with(of_po(splits(&[("x", "1")])), json!({ "machine_id": OWN.machine })),
    ];
    for command in to_others {
        by_op(both()).when(command).then_refused(Code::Forbidden, &[]);
    }
}

#[test]
fn own_splits_cannot_be_set_for_anothers_machine() {
    let at = |machine: &str| with(splits(&[("x", "1")]), json!({ "machine_id": machine }));
    by_op(both()).when(at(OTHERS.machine)).then_refused(Code::UnknownMachine, &[]);
    let absent = by_op(given(of(OWN)));
    assert_eq!(refusal(by_op(both()), &at(OTHERS.machine)), refusal(absent, &at(OTHERS.machine)));
}

/// What would make something of its own under an id that is another's.
fn under_taken_ids() -> [Value; 4] {
    let all: [Value; 5] = of(OTHERS).try_into().expect("five things");
    let [registered, _, enrolled, deposited, claimed] = all;
    let own =
        json!({ "operator_user_id": OWN.operator, "wallet_id": "w", "machine_npub": npub(40) });
    [
        with(registered, own),
        with(enrolled, json!({ "machine_id": OWN.machine })),
        with(deposited, json!({ "client_id": OWN.client })),
        with(claimed, json!({ "machine_id": OWN.machine })),
    ]
}

#[test]
fn an_id_that_is_taken_tells_nothing_of_what_has_it() {
    let mut said = Vec::new();
    for command in under_taken_ids() {
        let (no, _) = by_op(both()).when(command.clone()).refusal(Code::Conflict);
        assert!(no.details.is_empty(), "{command}");
        said.push(no);
        // With nothing there it is free.
        by_op(given(of(OWN))).when(command).then_accepted();
    }
    said.dedup();
    assert_eq!(said.len(), 1, "what has the id cannot be told");
}

#[test]
fn what_is_named_is_looked_at_before_the_id_of_what_is_new() {
    for id in [OWN.deposit, OTHERS.deposit, "new"] {
        let command = deposit(id, OTHERS.client, "10.00");
        by_op(both()).when(command).then_refused(Code::UnknownClient, &[]);
    }
    for number in [OWN.settlement, OTHERS.settlement, 100] {
        let command = with(cash_out(number), json!({ "machine_id": OTHERS.machine }));
        by_op(both()).when(command).then_refused(Code::UnknownMachine, &[]);
    }
    for id in [OWN.client, OTHERS.client, "new"] {
        let command = with(enroll("z"), json!({ "id": id, "machine_id": OTHERS.machine }));
        by_op(both()).when(command).then_refused(Code::UnknownMachine, &[]);
    }
}

#[test]
fn a_machine_learns_nothing_of_the_claim_that_has_its_hash() {
    let on = |number| with(cash_out(number), json!({ "machine_id": OWN.machine }));
    let world = both().by_machine(OWN.key);
    let (no, world) = world.when(on(OTHERS.settlement)).refusal(Code::Conflict);
    assert!(no.details.is_empty());
    assert_eq!(world.evidence(OTHERS.settlement).len(), 1, "it is kept all the same");
    world.when(on(OWN.settlement)).then_replayed(5);
}

#[test]
fn a_key_that_something_else_has_is_only_taken() {
    // A claim may name the key of anything. Whether a deposit is there shows in no word of the answer.
    let key = |id: &str| {
        let id = spireledger_schema::text::DepositId::parse(id).unwrap();
        spireledger_schema::streams::deposit(&id).to_string()
    };
    let at = |id| with(cash_out(1), json!({ "payment_hash": key(id), "machine_id": OWN.machine }));
    for speaks in [by_op(both()), both().by_machine(OWN.key)] {
        let (no, _) = speaks.when(at(OTHERS.deposit)).refusal(Code::Conflict);
        assert!(no.details.is_empty() && !no.message.contains("deposit"));
    }
}

#[test]
fn the_legs_of_anothers_settlement_are_no_legs_of_ones_own() {
    let begun = || by_op(both().and([begin(1, "p"), begin(2, "p")]));
    for leg in [leg_id(OTHERS.settlement, 1), leg_id(NOBODYS.settlement, 1)] {
        let own = with(outcome(1, 1, "completed"), json!({ "leg_id": leg }));
        begun().when(own).then_refused(Code::NotFound, &[]);
    }
    for client in [OTHERS.client, NOBODYS.client] {
        begun().when(autoforward(1, "f", client, 1)).then_refused(Code::ExceedsAvailable, &[]);
    }
}

#[test]
fn a_request_id_is_its_keys_own() {
    let named = |id| machine_update(id, json!({ "name": "Corner", "request_id": "r1" }));
    let world = by_po(both()).when(named(OTHERS.machine)).then_accepted();
    by_op(world)
        .when(named(OTHERS.machine))
        .then_refused(Code::UnknownMachine, &[])
        .when(named(OWN.machine))
        .then_accepted()
        .when(named(OWN.machine))
        .then_replayed(12);
}

#[test]
fn a_machine_that_moves_on_takes_its_lps_along_and_leaves_its_settlements() {
    let moves = machine_update(OWN.machine, json!({ "operator_user_id": OTHERS.operator }));
    let world = both().and([moves]);
    let settled = [begin(1, "p"), note(1, "n", "x")];
    let current = [
        machine_update(OWN.machine, json!({ "name": "Corner" })),
        client_update(OWN.client, json!({ "status": "paused" })),
        confirm(OWN.deposit),
        cash_out(50),
    ];
    for command in settled {
        by_op(world.clone()).when(command.clone()).then_accepted();
        by_po(world.clone()).when(command).then_refused(Code::NotFound, &[]);
    }
    for command in current {
        by_po(world.clone()).when(command.clone()).then_accepted();
        refusal(by_op(world.clone()), &command);
    }
    // What the former operator had said of it is no longer replayed to it.
    let mut all = of(OWN);
    by_op(world.clone()).when(all.remove(0)).then_refused(Code::Conflict, &[]);
    // The machine itself goes on with what it claimed.
    world.by_machine(OWN.key).when(cash_out(1)).then_replayed(5);
}

#[test]
fn what_was_said_by_one_who_may_is_replayed_to_the_other() {
    by_op(both())
        .when(begin(1, "p"))
        .then_accepted()
        .by(Actor::Local)
        .when(begin(1, "p"))
        .then_replayed(11)
        .by_machine(OWN.key)
        .when(cash_out(1))
        .then_replayed(5);
    by_op(both()).when(cash_out(1)).then_replayed(5);
}

#[test]
fn an_lp_sets_its_own_preferences_only() {
    let by_a = |world: World| world.by_user(Role::Lp, 21, OWN.lp);
    by_a(World::new()).when(lp(OWN.lp)).then_accepted().when(lp(OWN.lp)).then_replayed(1);
    for other in [OTHERS.lp, NOBODYS.lp] {
        by_a(both()).when(lp(other)).then_refused(Code::Forbidden, &[]);
    }
}
