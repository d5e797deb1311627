//! Claims go in, answers come back.

use std::time::Duration;

use nostr_sdk::Kind;
use serde_json::json;
use spireledger::log::ReadLog;

use crate::world::{World, claim, claiming, ledger_keys, machine_keys, super_keys};

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_goes_in_and_its_receipt_comes_back() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let before = world.entries();
    let event = machine.request(&claiming(7).to_string());
    machine.send(&event).await;
    let (carrier, answer) = machine.answer(event.id, Duration::from_secs(20)).await.expect("it");

    assert_eq!(carrier.kind, Kind::from(21000));
    assert_eq!(carrier.pubkey, ledger_keys().public_key());
    let tagged: Vec<_> = carrier.tags.public_keys().copied().collect();
    assert_eq!(tagged, [machine_keys().public_key()]);
    assert_eq!(answer["status"], "OK");
    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(answer["requestId"], "r7");
    assert_eq!(answer["payment_hash"], format!("{:064x}", 7));
    assert_eq!(answer["seq"], before + 1);
    assert_eq!(answer["settlement"]["platform_fee_sats"], 2_590);
    assert_eq!(world.entries(), before + 1);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_is_sent_again_gets_the_first_receipt_again() {
    let world = World::with_relays(1).await;
    let mut machine = world.person(machine_keys()).await;
    let first = machine.ask(&claiming(1)).await;
    let entries = world.entries();
    for _ in 0..3 {
        let again = machine.ask(&claiming(1)).await;
        assert_eq!(again["outcome"], "replayed");
        assert_eq!(again["seq"], first["seq"]);
        assert_eq!(again["entry_hash"], first["entry_hash"]);
    }
    assert_eq!(world.entries(), entries);

    let mut other = claiming(1);
    other["body"]["fiat_amount"] = "1000.00".into();
    let conflict = machine.ask(&other).await;
    assert_eq!(conflict["status"], "ERROR");
    assert_eq!(conflict["outcome"], "refused");
    assert_eq!(conflict["code"], "conflict");
    assert_eq!(conflict["reason"], conflict["message"]);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_through_three_relays_is_one_command() {
    let world = World::with_relays(3).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let (entries, requests) = (world.entries(), world.counters.requests.get());
    let event = machine.request(&claiming(1).to_string());
    let (received, duplicates) = (world.counters.received.get(), world.counters.duplicates.get());
    machine.send(&event).await;
    let (_, answer) = machine.answer(event.id, Duration::from_secs(20)).await.expect("it");
    assert_eq!(answer["outcome"], "accepted");
    world
        .until("all three relays brought it", |world| {
            world.counters.received.get() == received + 3
                && world.counters.duplicates.get() == duplicates + 2
        })
        .await;
    assert_eq!(world.counters.requests.get(), requests + 1);
    assert_eq!(world.entries(), entries + 1);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_role_may_send_what_the_role_may() {
    let world = World::with_relays(1).await;
    let mut administrator = world.person(super_keys()).await;
    let set = json!({"rpcName": "config.set", "body": {"max_cash_in_sats": 1_000}});
    let answer = administrator.ask(&set).await;
    assert_eq!(answer["outcome"], "accepted");
    assert_eq!(answer.get("requestId"), None);

    let mut machine = world.person(machine_keys()).await;
    let answer = machine.ask(&set).await;
    assert_eq!((&answer["outcome"], &answer["code"]), (&json!("refused"), &json!("forbidden")));
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_registered_later_is_heard_from_then_on() {
    let world = World::with_relays(1).await;
    let late = nostr_sdk::Keys::generate();
    let mut machine = world.person(late.clone()).await;
    let mut request = claiming(1);
    request["body"] = claim(1);
    request["body"]["machine_id"] = "m2".into();
    let entries = world.entries();
    assert_eq!(machine.ask(&request).await["code"], "forbidden");
    // A stranger leaves nothing behind, not even a refused claim.
    assert_eq!(world.entries(), entries);
    world.say(json!({"type": "machine.register", "id": "m2", "operator_user_id": "op",
        "wallet_id": "w2", "fiat_code": "GTQ", "machine_npub": late.public_key().to_hex()}));
    assert_eq!(machine.ask(&request).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_answered_before_the_gateway_stops() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let entries = world.entries();
    let events: Vec<_> =
        (1..=100).map(|number| machine.request(&claiming(number).to_string())).collect();
    machine.send_all(&events).await;
    world.until("the first is written", |world| world.entries() > entries).await;
    let desk = world.desk().clone();
    world.stop().await.expect("stopped");
    let written = desk.ledger().log().head().seq - entries;
    let answered = machine.answered(&events, Duration::from_secs(2)).await;
    assert_eq!(u64::try_from(answered).expect("a number"), written);
}
