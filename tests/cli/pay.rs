//! `pay` and `stuck`, as far as they go without anybody who moves sats.

use std::os::unix::fs::PermissionsExt as _;

use crate::world::{World, claim, hash};

fn wallets(world: &World, mode: u32, text: &str) {
    let path = world.path("wallets.json");
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
}

/// Nobody listens on port 1.
const NOBODY: &str = r#"{"lnbits":"http://127.0.0.1:1","wallets":{
    "wallet-m1":{"admin_key":"a-secret","invoice_key":"a-secret"},
    "wallet-ana":{"invoice_key":"a-secret"},"wallet-super":{"invoice_key":"a-secret"}}}"#;

fn pay(world: &World, more: &[&str]) -> crate::world::Run {
    world.run(&[&["pay", "--wallets", "wallets.json", "--once"], more].concat())
}

#[test]
fn a_wallets_file_that_others_may_read_is_no_use() {
    let world = World::with_fleet();
    wallets(&world, 0o644, NOBODY);
    pay(&world, &[]).ends_with(2).says(&["mode 644", "chmod 600"]);
    wallets(&world, 0o600, "{\"a-secret\": 1}");
    let run = pay(&world, &[]).ends_with(2).says(&["docs/paying.md"]);
    assert!(!run.err.contains("a-secret"));
}

#[test]
fn without_an_answer_nothing_is_intended_and_everything_is_told() {
    let world = World::with_fleet();
    world.submit(&claim(1)).succeeds();
    wallets(&world, 0o600, NOBODY);
    pay(&world, &[]).succeeds();
    let stuck = world.run(&["stuck"]).ends_with(1);
    assert!(stuck.out.contains("--begin"), "{stuck:#?}");
    world.run(&["stuck", "--older-than", "1h"]).succeeds();

    let run = pay(&world, &["--begin", "--json"]).ends_with(1);
    let did: Vec<String> = run.json()["done"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|done| done["did"].as_str().expect("a word").to_owned())
        .collect();
    // Without splits the operator's fee stays in the machine's wallet, where it is: nothing has to move.
    assert_eq!(did, ["begun", "blocked", "paid", "blocked"]);
    assert!(run.out.contains("does not answer") && !run.out.contains("a-secret"));
    let trace = world.run(&["trace", &hash(1)]).succeeds();
    assert!(!trace.out.contains("leg.intended"), "{trace:#?}");
    world.run(&["reconcile", "--wallets", "wallets.json"]).ends_with(2).says(&["does not answer"]);
}
