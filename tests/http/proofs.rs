//! Checkpoints and proofs over HTTP, held against nothing but the public key.

use std::time::{Duration, Instant};

use spireledger::proofs::{Growth, Proof, SignedCheckpoint, VerifierKey};

use crate::world::{Said, World, claim, hash};

fn vkey(world: &World) -> VerifierKey {
    let said = world.run(&["checkpoint", "--key"]);
    VerifierKey::parse(said.trim()).expect("a key")
}

#[track_caller]
fn text(said: Said) -> String {
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.header("content-type"), Some("text/plain; charset=utf-8"));
    said.text
}

#[test]
fn a_claim_is_proven_to_whoever_may_see_it_and_a_log_only_grows() {
    let world = World::with_fleet();
    let key = vkey(&world);
    let earlier = text(world.get(&world.auditor, "/v1/checkpoint"));
    let earlier = SignedCheckpoint::parse(&earlier).expect("a checkpoint");
    earlier.verify(&key).expect("signed by the ledger");
    world.command(&world.machine, &claim(1)).is(201);

    let path = format!("/v1/proof/{}", hash(1));
    for by in [&world.maya, &world.auditor, &world.machine] {
        let proof = Proof::parse(&text(world.get(by, &path))).expect("a proof");
        let proven = proof.verify(&key, &[]).expect("proven");
        assert_eq!(proven.entry.front.key.to_string(), hash(1));
    }
    world.get(&world.omar, &path).problem(404, "was claimed");
    world.get(&world.auditor, &format!("/v1/proof/{}", hash(2))).problem(404, "was claimed");

    let size = earlier.head().size;
    let growth = text(world.get(&world.auditor, &format!("/v1/checkpoint?since={size}")));
    let growth = Growth::parse(&growth).expect("a proof of growth");
    growth.new.verify(&key).expect("signed by the ledger");
    assert_eq!(growth.new.head().size, size + 1);
    assert!(spireledger::proofs::extends(earlier.tree(), growth.new.tree(), &growth.proof));
    world.get(&world.auditor, "/v1/checkpoint?since=999").problem(400, "at most");
    world.get(&world.auditor, "/v1/checkpoint?until=1").problem(400, "`since`");
}

#[test]
fn an_answer_carries_its_receipt_if_that_is_wanted() {
    let world = World::with_fleet();
    let key = vkey(&world);
    let mut wanted = claim(1);
    wanted["receipt"] = true.into();
    let first = world.command(&world.machine, &wanted).is(201);
    let proof = first["receipt"].as_str().expect("a receipt").to_owned();
    let proven = Proof::parse(&proof).expect("a proof").verify(&key, &[]).expect("proven");
    assert_eq!(proven.entry.front.seq, first["seq"]);
    let again = world.command(&world.machine, &wanted).is(200);
    assert_eq!(again["receipt"], proof, "the same receipt every time");
    let unasked = world.command(&world.machine, &claim(2)).is(201);
    assert!(unasked.get("receipt").is_none());
}

#[test]
fn a_log_that_grows_is_signed_by_itself() {
    let world = World::with("[checkpoints]\nevery_seconds = 1\n");
    let machine = serde_json::json!({ "type": "machine.register", "id": "m1",
        "operator_user_id": "op-maya", "wallet_id": "w1", "fiat_code": "GTQ" });
    world.command(&world.admin, &machine).is(201);
    let begun = Instant::now();
    while !world.run(&["checkpoint", "list"]).contains('1') {
        assert!(begun.elapsed() < Duration::from_secs(20), "no checkpoint was signed");
        std::thread::sleep(Duration::from_millis(100));
    }
}
