//! What operators set reaches their machines.

use std::time::Duration;

use nostr_sdk::nips::nip44;
use nostr_sdk::{Event, Filter, Kind};
use serde_json::{Value, json};

use crate::world::{Person, World, closed_relay, ledger_keys, machine_keys, relay, started};

/// The settings that a relay keeps for the machine.
async fn kept(person: &Person) -> Vec<Event> {
    let tag = format!("bitspire-cassettes:{}", machine_keys().public_key().to_hex());
    let filter =
        Filter::new().kind(Kind::from(30078)).author(ledger_keys().public_key()).identifier(tag);
    let found = person.client.fetch_events(filter, Duration::from_secs(5)).await.expect("fetched");
    found.into_iter().collect()
}

/// The one setting that a relay keeps, once it says something.
async fn told(person: &Person, says: &Value) -> Event {
    for _ in 0..100 {
        if let [event] = kept(person).await.as_slice() {
            event.verify().expect("signed by the ledger");
            let secret = person.keys.secret_key();
            let text = nip44::decrypt(secret, &event.pubkey, &event.content).expect("for us");
            if serde_json::from_str::<Value>(&text).expect("JSON") == *says {
                return event.clone();
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no relay tells {says}; there is {:?}", kept(person).await);
}

fn set(count: u32) -> Value {
    json!({ "type": "cassettes.set", "machine_id": "m1",
            "positions": { "1": { "denomination": 100, "count": count } } })
}

fn positions(count: u32) -> Value {
    json!({ "positions": { "1": { "denomination": 100, "count": count } } })
}

async fn say_state(machine: &Person, count: u32, seconds: i64) {
    let key = machine.keys.public_key();
    let (secret, to) = (machine.keys.secret_key(), ledger_keys().public_key());
    let text = positions(count).to_string();
    let sealed = nip44::encrypt(secret, &to, text, nip44::Version::V2).expect("encrypted");
    machine
        .publish(30078, &format!("bitspire-cassettes-state:{}", key.to_hex()), &sealed, seconds)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_is_kept_for_the_machine_until_it_is_confirmed() {
    let world = World::with_relays(1).await;
    let machine = world.person(machine_keys()).await;
    assert_eq!(world.say(set(500))["status"], "accepted");
    let event = told(&machine, &positions(500)).await;
    // The machine still says what it had before; then what it was told.
    let entries = world.entries();
    let at = i64::try_from(event.created_at.as_secs()).expect("a time");
    say_state(&machine, 37, at - 1).await;
    world.until("the old state is written", |world| world.entries() == entries + 1).await;
    assert!(!bays(&world).is_confirmed(second(at)));
    say_state(&machine, 500, at + 1).await;
    world.until("the new state is written", |world| world.entries() == entries + 2).await;
    assert!(bays(&world).is_confirmed(second(at)));
    // Another setting takes the place of the first.
    world.say(set(700));
    let newer = told(&machine, &positions(700)).await;
    assert!(newer.created_at > event.created_at);
    world.stop().await.expect("stopped");
}

fn bays(world: &World) -> spireledger_projections::Bays {
    let machine = spireledger_schema::text::MachineId::parse("m1").expect("an id");
    world.fleet().bays(&machine).expect("bays").clone()
}

fn second(at: i64) -> spireledger_schema::time::Timestamp {
    spireledger_schema::time::Timestamp::from_seconds(at).expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_comes_later_is_told_and_one_setting_is_one_event_at_all() {
    let (first, second) = (started(relay()).await, started(closed_relay()).await);
    let urls = [first.url().await, second.url().await];
    let world = World::behind(vec![first, second]).await;
    world.say(set(500));
    let machine_at =
        async |number: usize| Person::at(machine_keys(), std::slice::from_ref(&urls[number])).await;
    let here = told(&machine_at(0).await, &positions(500)).await;
    // This one asks who is there first (NIP-42).
    let there = told(&machine_at(1).await, &positions(500)).await;
    assert_eq!(here.id, there.id);
    // A relay that lost all is told again when it is connected again.
    let port = urls[0].as_str_without_trailing_slash().rsplit(':').next().expect("a port");
    let port: u16 = port.parse().expect("a port");
    world.relays[0].shutdown();
    let empty = started(relay().port(port)).await;
    let again = told(&machine_at(0).await, &positions(500)).await;
    assert_eq!(here.id, again.id);
    world.stop().await.expect("stopped");
    drop(empty);
}
