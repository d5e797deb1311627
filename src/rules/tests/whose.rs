//! Who speaks in a history, and the law for all of them: nobody changes what is not its own, and who has
//! nothing learns nothing. Whose something is, is told here from what a command names, apart from the rules.

use serde_json::Value;
use spireledger_schema::identity::{Actor, PaymentHash, Role};
use spireledger_schema::text::{ClientId, DepositId, MachineId, UserId};
use spireledger_schema::{Event, streams};

use super::world::{Said, Speaker, World, speaker};

/// Who speaks: mostly the administrator, sometimes another key, a machine, an operator or an LP.
pub(super) fn one_who_speaks(n: u8) -> Speaker {
    match n % 16 {
        0 => speaker(Role::Machine, 1, None),
        1 => speaker(Role::Machine, 2, None),
        2 | 3 => speaker(Role::Super, 9, None),
        4..=6 => speaker(Role::Operator, 20, Some("op")),
        7 => speaker(Role::Operator, 21, Some("po")),
        8 => speaker(Role::Lp, 22, Some("a")),
        _ => (Actor::Local, None),
    }
}

/// Those who have nothing in any history, and so may do nothing.
fn stranger(n: u8) -> Speaker {
    match n % 4 {
        0 => speaker(Role::Operator, 40, Some("stranger")),
        1 => speaker(Role::Lp, 41, Some("stranger")),
        2 => speaker(Role::Machine, 42, None),
        _ => speaker(Role::Auditor, 43, None),
    }
}

/// Who has nothing changes nothing, and hears what a ledger says in which there is nothing.
pub(super) fn refused_to_strangers(world: World, n: u8, command: &Value) -> World {
    let stranger = stranger(n);
    let mut world = world.by_speaker(&stranger);
    let before = world.log.len();
    let answer = world.submit(command);
    assert!(matches!(answer, Said::Refused(_)), "{command} of {stranger:?}: {answer:?}");
    assert_eq!(world.log.len(), before, "{command} of {stranger:?} left a trace");
    assert_eq!(World::new().by_speaker(&stranger).submit(command), answer);
    world
}

/// Whose a command's object is, as an operator's, before it is changed.
pub(super) fn owner(world: &World, command: &Value) -> Option<UserId> {
    let id = |field: &str| command[field].as_str().unwrap_or_default().to_owned();
    let of_machine = |id: &str| {
        let machine = world.fleet.machine(&MachineId::parse(id)?)?;
        Some(machine.operator_user_id.clone())
    };
    let of_client = |id: &str| {
        let client = world.fleet.client(&ClientId::parse(id)?)?;
        of_machine(client.machine_id.as_str())
    };
    let kind = command["type"].as_str().unwrap();
    match kind {
        "operator.set" | "machine.register" | "splits.set" => {
            UserId::parse(&id("operator_user_id"))
        }
        "machine.update" | "machine.pair" => of_machine(&id("id")),
        "cassettes.set" | "client.enroll" | "settlement.claim" => of_machine(&id("machine_id")),
        "client.update" => of_client(&id("id")),
        "deposit.record" => of_client(&id("client_id")),
        "deposit.confirm" | "deposit.reject" => {
            let stream = world.stream(&streams::deposit(&DepositId::parse(&id("id"))?));
            let recorded = stream.iter().find_map(|entry| match &entry.event {
                Event::DepositRecorded(e) => Some(e.machine_id.clone()),
                _ => None,
            })?;
            of_machine(recorded.as_str())
        }
        _ if kind.starts_with("settlement.") || kind.starts_with("leg.") => {
            let hash = PaymentHash::parse_hex(&id("payment_hash"))?;
            world.stream(&hash.key()).iter().find_map(|entry| match &entry.event {
                Event::SettlementClaimed(e) => Some(e.operator_user_id.clone()),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Whatever was accepted of an operator, a machine or an LP was about its own.
pub(super) fn is_its_own(
    world: &World,
    (actor, user): &Speaker,
    owner: Option<UserId>,
    command: &Value,
) {
    let Actor::Key { role, public_key } = actor else { return };
    match role {
        Role::Super => {}
        Role::Operator => assert_eq!(owner, *user, "{command}"),
        Role::Machine => {
            let machine = world.fleet.machine_with_npub(public_key).unwrap().as_str();
            assert!(command["machine_id"].is_null() || command["machine_id"] == machine);
        }
        Role::Lp => {
            assert_eq!(command["type"], "lp.set");
            assert_eq!(command["user_id"].as_str(), user.as_ref().map(UserId::as_str));
        }
        Role::Auditor => panic!("an auditor changed something: {command}"),
    }
}
