//! nostr-tools, over a relay in this process.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nostr_relay_builder::LocalRelay;
use nostr_relay_builder::builder::RelayBuilder;
use serde_json::{Value, json};
use spireledger::proofs::{SignedCheckpoint, VerifierKey};

use crate::install::{file, installed};
use crate::world::{World, claim};

/// A server at a relay, with one machine, whose bays were set.
pub fn world(relay: &str) -> World {
    let config = "[checkpoints]\nevery_seconds = 1\n";
    let world = World::with(&format!("[nostr]\nrelays = [\"{relay}\"]\n{config}"));
    let npub = world.machine.hex();
    let commands = json!([
        { "type": "machine.register", "id": "m1", "operator_user_id": "op-maya", "wallet_id": "w1",
          "fiat_code": "GTQ", "machine_npub": npub },
        { "type": "cassettes.set", "machine_id": "m1",
          "positions": { "1": { "denomination": 100, "count": 500 } } },
    ]);
    world.command(&world.admin, &commands).is(200);
    world
}

/// Lets nostr-tools be the machine, and looks at what it was told and at what the ledger has.
pub fn check(world: &World, tools: &Path, relay: &str) {
    let claims: Vec<Value> = [1, 2].map(claim).into_iter().map(without_type).collect();
    let key = std::fs::read_to_string(world.dir.path().join("ledger/nostr.key")).expect("a key");
    let ledger = nostr_sdk::Keys::parse(key.trim()).expect("a key").public_key().to_hex();
    let argument = json!({ "origin": world.origin, "relay": relay, "ledger": ledger,
        "secret": world.machine.keys.secret_key().to_secret_hex(), "claims": claims,
        "beacon": { "cash_in": false, "cash_out": true, "cash_level": "high", "new": [1] } });
    let mut node = Command::new("node");
    node.current_dir(tools).arg(file("client.mjs")).arg(argument.to_string());
    let output = node.output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let over_http = &said["accepted"];
    assert_eq!(over_http["status"], 201, "{said:#}");
    assert_eq!(said["replayed"]["status"], 200, "{said:#}");
    assert_eq!(said["replayed"]["body"]["entry_hash"], over_http["body"]["entry_hash"]);
    assert_eq!(said["tampered"]["status"], 401, "{said:#}");
    assert_eq!(said["settlement"]["body"]["wire_sats"], 266_800, "{said:#}");
    for name in ["nostrAccepted", "nostrReplayed", "nostrRefused"] {
        assert_eq!(said[name]["author"], ledger, "{said:#}");
        assert_eq!(said[name]["verified"], true, "{said:#}");
    }
    let outcome = |name: &str| said[name]["body"]["outcome"].as_str().map(ToOwned::to_owned);
    assert_eq!(outcome("nostrAccepted").as_deref(), Some("accepted"), "{said:#}");
    assert_eq!(said["nostrAccepted"]["body"]["requestId"], "r-1");
    assert_eq!(outcome("nostrReplayed").as_deref(), Some("replayed"), "{said:#}");
    let again = &said["nostrReplayed"]["body"];
    assert_eq!(again["entry_hash"], over_http["body"]["entry_hash"], "one receipt over both");
    assert_eq!(outcome("nostrRefused").as_deref(), Some("refused"), "{said:#}");
    assert_eq!(said["setting"]["positions"]["1"]["count"], 500);
    until(world, "/v1/tables/cassette_configs", |row| row["state_count"] == 500);
    until(world, "/v1/tables/dca_telemetry", |row| row["beacon_cash_level"] == "high");
    published(world, relay, &ledger);
}

fn without_type(mut claim: Value) -> Value {
    claim.as_object_mut().expect("an object").remove("type");
    claim
}

/// Anybody can fetch the ledger's checkpoints from the relay, and hold the ledger to them.
fn published(world: &World, relay: &str, ledger: &str) {
    let vkey = VerifierKey::parse(world.run(&["checkpoint", "--key"]).trim()).expect("a key");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let begun = Instant::now();
    let checkpoints = loop {
        let found = checkpoints(&runtime, relay, ledger);
        if !found.is_empty() {
            break found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "no checkpoint was published");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(checkpoints.iter().all(|checkpoint| checkpoint.verify(&vkey).is_ok()));
}

/// The ledger's checkpoints that a relay keeps.
fn checkpoints(
    runtime: &tokio::runtime::Runtime,
    relay: &str,
    ledger: &str,
) -> Vec<SignedCheckpoint> {
    let events = runtime.block_on(async {
        let client = nostr_sdk::Client::default();
        client.add_relay(relay).await.expect("a relay");
        client.connect().await;
        let author = nostr_sdk::PublicKey::parse(ledger).expect("a key");
        let filter = nostr_sdk::Filter::new().kind(nostr_sdk::Kind::from(30078)).author(author);
        client.fetch_events(filter, Duration::from_secs(10)).await.expect("events")
    });
    events
        .iter()
        .filter(|event| {
            let tag = event.tags.identifier().unwrap_or_default();
            tag.starts_with("spireledger-checkpoint:")
        })
        .map(|event| SignedCheckpoint::parse(&event.content).expect("a checkpoint"))
        .collect()
}

/// Waits for a row that looks so.
fn until(world: &World, path: &str, looks_so: impl Fn(&Value) -> bool) {
    let begun = Instant::now();
    loop {
        let page = world.get(&world.admin, path).is(200);
        if page["rows"].as_array().expect("rows").iter().any(&looks_so) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{path}: {page:#}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_machine_with_nostr_tools_is_understood() {
    let Some(tools) = installed("nostr-tools") else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let relay = LocalRelay::new(RelayBuilder::default());
    let url = runtime.block_on(async {
        relay.run().await.expect("a relay");
        relay.url().await.to_string()
    });
    check(&world(&url), &tools, &url);
}
