//! What was brought in belongs to whom its database says, for operators and machines that speak for
//! themselves.

use serde_json::{Value, json};
use spireledger::rules::Request;
use spireledger_schema::identity::{Actor, PublicKey, Role};
use spireledger_schema::text::UserId;
use spireledger_schema::{Answer, Code, Command};

use crate::later::{HASH, accepted, change, claim, refused, world};
use crate::world::World;

/// Another operator's machine beside `m1` of `op`, each with the key of its number.
fn two() -> World {
    let world = world();
    for (number, id) in [(1, "m1"), (2, "m2")] {
        let (wallet, key) = (format!("wallet {id}"), format!("{number:02x}").repeat(32));
        let machine = match number {
            1 => json!({ "type": "machine.update", "id": id, "machine_npub": key }),
            _ => json!({ "type": "machine.register", "id": id, "operator_user_id": "po",
                "wallet_id": wallet, "fiat_code": "GTQ", "machine_npub": key }),
        };
        accepted(world.ask(&machine));
    }
    world
}

fn ask(world: &World, role: Role, key: u8, user: Option<&str>, command: &Value) -> Answer {
    let request = Request {
        command: Command::parse(&command.to_string()).unwrap(),
        actor: Actor::Key { role, public_key: PublicKey::from_bytes([key; 32]) },
        user: user.and_then(UserId::parse),
        evidence: None,
    };
    world.ledger().ask_one(request).unwrap()
}

#[test]
fn an_operator_goes_on_with_its_own_and_another_sees_nothing() {
    let goes_on = [
        json!({ "type": "deposit.confirm", "id": "d2" }),
        json!({ "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "w" }),
    ];
    for command in goes_on {
        let world = two();
        refused(ask(&world, Role::Operator, 30, Some("po"), &command), Code::NotFound);
        accepted(ask(&world, Role::Operator, 20, Some("op"), &command));
        world.ends_sound();
    }
    let world = two();
    let update = json!({ "type": "client.update", "id": "c1", "status": "paused" });
    refused(ask(&world, Role::Operator, 30, Some("po"), &update), Code::UnknownClient);
    accepted(ask(&world, Role::Operator, 20, Some("op"), &update));
    world.ends_sound();
}

#[test]
fn only_the_machine_that_it_was_of_is_told_that_a_settlement_is_known() {
    let world = two();
    let own = claim(259_029);
    let mut others = claim(259_029);
    others["machine_id"] = json!("m2");
    let replays = [(Role::Machine, 1, None), (Role::Operator, 20, Some("op"))];
    for (role, key, user) in replays {
        let answer = ask(&world, role, key, user, &own);
        assert!(matches!(answer, Answer::Replayed(_)), "{answer:?}");
    }
    for (role, key, user) in [(Role::Machine, 2, None), (Role::Operator, 30, Some("po"))] {
        let Answer::Refused(no) = ask(&world, role, key, user, &others) else { panic!("{user:?}") };
        assert_eq!(no.code, Code::Conflict);
        let told: Vec<&String> = no.details.keys().filter(|name| *name != "evidence_seq").collect();
        assert!(told.is_empty(), "{told:?}");
    }
    world.ends_sound();
}

#[test]
fn an_id_that_was_brought_in_is_taken_and_no_more_is_said() {
    let world = two();
    change(&world, "UPDATE spirekeeper.dca_deposits SET amount = 300 WHERE id = 'd2'");
    assert_eq!(world.import("db", None).appended(), 1);
    let enrolled =
        json!({ "type": "client.enroll", "id": "c2", "machine_id": "m2", "user_id": "ana" });
    accepted(ask(&world, Role::Operator, 30, Some("po"), &enrolled));
    let taken = [
        json!({ "type": "deposit.record", "id": "d2", "client_id": "c2", "amount": "1.00",
            "creator_user_id": "po" }),
        json!({ "type": "client.enroll", "id": "c1", "machine_id": "m2", "user_id": "eva" }),
        json!({ "type": "machine.register", "id": "m1", "operator_user_id": "po",
            "wallet_id": "w-new", "fiat_code": "GTQ" }),
    ];
    for command in taken {
        let answer = ask(&world, Role::Operator, 30, Some("po"), &command);
        let Answer::Refused(no) = answer else { panic!("{command}: {answer:?}") };
        assert_eq!((no.code, no.details.len()), (Code::Conflict, 0), "{command}");
    }
    world.ends_sound();
}
