//! What is wrong is answered where somebody can be told, and ignored where not; nothing stops the loop.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::{EventBuilder, Keys, Kind, Tag};
use serde_json::{Value, json};

use crate::world::{Person, World, claiming, keys, ledger_keys, machine_keys};

/// Long enough for an answer that must not come: others come within milliseconds.
const NO_ANSWER: Duration = Duration::from_secs(2);

/// The answer to an event that is sent once.
async fn answer(person: &mut Person, event: &nostr_sdk::Event) -> Option<Value> {
    person.send(event).await;
    person.answer(event.id, NO_ANSWER).await.map(|(_, answer)| answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_told_is_told_by_name() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let signer = machine_keys().public_key().to_hex();
    let entries = world.entries();
    let cases: &[(&str, &str, &str)] = &[
        ("no JSON", "malformed", ""),
        ("[]", "malformed", ""),
        ("{}", "malformed", "rpcName"),
        (r#"{"rpcName":7,"requestId":"r"}"#, "malformed", "rpcName"),
        (r#"{"rpcName":"settlement.clam","requestId":"r"}"#, "malformed", "type"),
        (r#"{"rpcName":"settlement.claim","requestId":"r"}"#, "malformed", "payment_hash"),
        (r#"{"rpcName":"settlement.claim","requestId":7,"body":{}}"#, "malformed", "requestId"),
        (r#"{"rpcName":"config.set","body":[]}"#, "malformed", "body"),
        (r#"{"rpcName":"config.set","body":{"type":"lp.set"}}"#, "malformed", "body.type"),
        (r#"{"rpcName":"config.set","rpcName":"lp.set"}"#, "malformed", "rpcName"),
        (r#"{"part":"x","index":0,"totalShards":2,"shardsId":"aa"}"#, "malformed", "shardsId"),
        (r#"{"rpcName":"config.set","authIdentifier":"00"}"#, "forbidden", ""),
    ];
    for (text, code, field) in cases {
        let event = machine.request(text);
        let told = answer(&mut machine, &event).await.unwrap_or_else(|| panic!("silence: {text}"));
        assert_eq!((&told["status"], &told["code"]), (&json!("ERROR"), &json!(code)), "{text}");
        assert_eq!(told["details"]["field"].as_str().unwrap_or_default(), *field, "{text}");
        if text.contains(r#""requestId":"r""#) {
            assert_eq!(told["requestId"], "r", "{text}");
        }
    }
    assert_eq!(world.entries(), entries);
    // The sender's own key may be named, and what others of this family send is let pass.
    let mut full = claiming(1);
    full["authIdentifier"] = signer.into();
    full["params"] = json!({});
    full["query"] = json!({});
    full["appId"] = "app".into();
    full["body"]["type"] = "settlement.claim".into();
    assert_eq!(machine.ask(&full).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decrypted_is_answered_to_whoever_signed_it() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let to = ledger_keys().public_key();
    let for_another =
        nip44::encrypt(machine.keys.secret_key(), &keys(9).public_key(), "{}", Version::V2);
    let right = nip44::encrypt(machine.keys.secret_key(), &to, "{}", Version::V2).expect("sealed");
    let mut old = STANDARD.decode(&right).expect("base64");
    old[0] = 1;
    let contents = [
        String::new(),
        "no base64?iv=x".into(),
        STANDARD.encode(old),
        for_another.expect("sealed"),
        right[..right.len() / 2].to_owned(),
    ];
    for content in contents {
        let event = machine.sealed(&content);
        let told = answer(&mut machine, &event).await.unwrap_or_else(|| panic!("{content}"));
        assert_eq!(told["code"], "malformed", "{content}");
        assert_eq!(told["details"]["field"], "content", "{content}");
    }
    assert_eq!(machine.ask(&claiming(1)).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_none_of_ours_is_not_answered() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let entries = world.entries();
    // To somebody else.
    let foreign = EventBuilder::new(Kind::from(21000), "x")
        .tags([Tag::public_key(keys(9).public_key())])
        .sign_with_keys(&machine.keys)
        .expect("signed");
    // Another kind, to us.
    let other_kind = EventBuilder::new(Kind::from(21001), "x")
        .tags([Tag::public_key(ledger_keys().public_key())])
        .sign_with_keys(&machine.keys)
        .expect("signed");
    // An answer: two ledgers would never stop.
    let reply = machine.request(r#"{"status":"ERROR","requestId":"r","reason":"no"}"#);
    // Longer than any request.
    let long = machine.sealed(&"A".repeat(100_000));
    for event in [foreign, other_kind, reply, long] {
        assert_eq!(answer(&mut machine, &event).await, None, "{}", event.content);
    }
    assert_eq!(world.entries(), entries);
    assert_eq!(machine.ask(&claiming(1)).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_forges_events_is_not_believed() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut machine = world.person(machine_keys()).await;
    let entries = world.entries();
    let right = machine.request(&claiming(1).to_string());
    let other = machine.request(&claiming(2).to_string());
    let mut another_id = right.clone();
    another_id.id = other.id;
    let mut another_signature = right.clone();
    another_signature.sig = other.sig;
    let mut another_key = right.clone();
    another_key.pubkey = keys(9).public_key();
    for forged in [another_id, another_signature, another_key] {
        // Passed on unchecked.
        assert!(world.relays[0].notify_event(forged.clone()));
        assert_eq!(machine.answer(forged.id, Duration::from_millis(500)).await, None);
    }
    assert_eq!(world.entries(), entries);
    // None of them used up the id of the right one.
    assert_eq!(answer(&mut machine, &right).await.expect("told")["outcome"], "accepted");
    // An id that was checked once is no pass for another content.
    let mut altered = right;
    altered.content = other.content;
    assert!(world.relays[0].notify_event(altered.clone()));
    assert_eq!(machine.answer(altered.id, Duration::from_millis(500)).await, None);
    assert_eq!(world.entries(), entries + 1);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_no_machines_is_told_so_and_leaves_nothing() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let mut stranger = world.person(Keys::generate()).await;
    let entries = world.entries();
    let event = stranger.request(&claiming(5).to_string());
    let told = answer(&mut stranger, &event).await.expect("told");
    assert_eq!((&told["code"], &told["requestId"]), (&json!("forbidden"), &json!("r5")));
    assert_eq!(world.entries(), entries);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_in_masses_are_let_go_and_machines_are_heard() {
    let world = World::with_relays(1).await;
    world.listening().await;
    let stranger = world.person(Keys::generate()).await;
    let events: Vec<_> =
        (0..400).map(|number| stranger.request(&claiming(number).to_string())).collect();
    stranger.send_all(&events).await;
    let mut machine = world.person(machine_keys()).await;
    assert_eq!(machine.ask(&claiming(1)).await["outcome"], "accepted");
    world.until("some were let go", |world| world.counters.strangers_dropped.get() > 0).await;
    world.stop().await.expect("stopped");
}
