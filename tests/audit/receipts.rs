//! Receipts: with the answer, or later, and verified with nothing but a key.

use serde_json::Value;

use crate::world::{World, claim, hash};
use crate::{fleet, key, save, submit};

fn asking(n: u32) -> String {
    claim(n).replace("{\"type\"", "{\"receipt\":true,\"type\"")
}

fn verify(world: &World, file: &str, key: &str) -> crate::world::Run {
    world.run(&["--ledger", "nowhere", "proof", "verify", file, "--key", key])
}

#[test]
fn an_answer_carries_its_receipt_and_a_repeat_carries_the_same() {
    let world = fleet(3);
    let lines: String = [claim(3), asking(4), claim(5), asking(6)].concat();
    let answers = world.submit(&lines).succeeds().lines();
    let receipts: Vec<bool> = answers.iter().map(|answer| answer["receipt"].is_string()).collect();
    assert_eq!(receipts, [false, true, false, true]);
    let receipt = answers[1]["receipt"].as_str().expect("a receipt");
    std::fs::write(world.path("r"), receipt).expect("written");
    let said = verify(&world, "r", &key(&world)).succeeds().out;
    assert!(
        said.starts_with("proven: settlement.claimed is entry 11 of ledger.example/gt\n"),
        "{said}"
    );
    assert!(said.contains("\"wire_sats\": 266800"), "{said}");
    let json =
        world.run(&["proof", "verify", "r", "--key", &key(&world), "--json"]).succeeds().json();
    assert_eq!(json["entry"]["hash"], answers[1]["entry_hash"]);
    assert_eq!(json["entry"]["seq"], answers[1]["seq"]);

    // The whole group was signed once, and a repeat is answered with the same bytes, whatever came since.
    submit(&world, 7, 300);
    world.run(&["checkpoint"]).succeeds();
    let again = world.submit(&lines).succeeds().lines();
    assert_eq!(again[1]["status"], "replayed");
    assert_eq!(again[1]["receipt"], answers[1]["receipt"]);
    assert_eq!(again[3]["receipt"], answers[3]["receipt"]);
    let list = world.run(&["checkpoint", "list", "--json"]).succeeds().json();
    let sizes: Vec<&Value> =
        list.as_array().expect("a list").iter().map(|each| &each["size"]).collect();
    assert_eq!(sizes, [13, 306]);
    // Asked for later, it is the same once more.
    let later = world.run(&["proof", &hash(4)]).succeeds().out;
    assert_eq!(later, receipt);
    world.run(&["verify"]).succeeds();
}

#[test]
fn a_refusal_has_no_receipt_and_a_receipt_that_cannot_be_made_takes_nothing_back() {
    let world = fleet(1);
    let bad = asking(1).replace("\"fee_sats\":7771", "\"fee_sats\":7772");
    let answers = world.submit(&bad).ends_with(1).lines();
    assert_eq!(answers[0]["status"], "refused");
    assert_eq!(answers[0]["receipt"], Value::Null);
    world.run(&["checkpoint"]).succeeds();
    std::fs::rename(world.path("ledger/note.key"), world.path("aside")).expect("moved");
    let answer = world.submit(&asking(1)).succeeds().lines().remove(0);
    assert_eq!(answer["status"], "accepted");
    assert!(
        answer["receipt_missing"].as_str().expect("why").contains("note.key is gone"),
        "{answer}"
    );
    std::fs::rename(world.path("aside"), world.path("ledger/note.key")).expect("moved");
    let answer = world.submit(&asking(1)).succeeds().lines().remove(0);
    assert_eq!(answer["status"], "replayed");
    assert!(answer["receipt"].is_string());
}

#[test]
fn every_entry_can_be_proven_and_no_changed_proof_is_accepted() {
    let world = fleet(600);
    let public = key(&world);
    for seq in ["1", "6", "7", "256", "257", "512", "600", "606"] {
        let text = save(&world, "p", &["proof", "--seq", seq]);
        let said = verify(&world, "p", &public).succeeds().out;
        assert!(said.contains(&format!("is entry {seq} of")), "{said}");
        std::fs::write(world.path("p"), text.replacen("index ", "index 1", 1)).expect("written");
        let said = verify(&world, "p", &public).ends_with(1).out;
        assert!(said.starts_with("NOT PROVEN: "), "{said}");
    }
    world.run(&["proof", "--seq", "607"]).ends_with(2).says(&["there is no entry 607"]);
    world.run(&["proof", &hash(900)]).ends_with(2).says(&["no settlement"]);
    world.run(&["proof"]).ends_with(2);
    world.run(&["proof", "--seq", "1", "--out", "kept"]).succeeds();
    world.run(&["proof", "--seq", "2", "--out", "kept"]).ends_with(2);
    verify(&world, "kept", &public).succeeds();
    verify(&world, "kept", "no key").ends_with(2);
    verify(&world, "no such file", &public).ends_with(2);
}

/// A server has the ledger open: what it has made durable is proven beside it.
#[test]
fn proofs_are_made_beside_a_writer() {
    let world = fleet(300);
    let mut child = world
        .command(&["submit", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("piped");
    let mut output = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let mut ask = |n: u32| {
        use std::io::{BufRead as _, Write as _};
        input.write_all(asking(n).as_bytes()).and_then(|()| input.flush()).expect("written");
        let mut line = String::new();
        output.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        answer["receipt"].as_str().expect("a receipt").to_owned()
    };
    let public = key(&world);
    for n in 300..306 {
        std::fs::write(world.path("r"), ask(n)).expect("written");
        verify(&world, "r", &public).succeeds();
        save(&world, "p", &["proof", "--seq", "20"]);
        verify(&world, "p", &public).succeeds();
        world.run(&["checkpoint"]).succeeds();
    }
    drop(input);
    assert!(child.wait().expect("it ends").success());
    world.run(&["verify"]).succeeds();
}
