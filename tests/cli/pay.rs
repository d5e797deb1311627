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

/// Somebody who takes every connection, and never says a word.
fn mute() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, NOBODY.replace("127.0.0.1:1\"", &format!("127.0.0.1:{port}\"")))
}

#[test]
fn while_a_payer_waits_others_write_but_no_second_payer_comes() {
    let world = World::with_fleet();
    world.submit(&claim(1)).succeeds();
    let (_listener, file) = mute();
    wallets(&world, 0o600, &file);
    let mut waiting = world.command(&["pay", "--wallets", "wallets.json", "--begin"]);
    let waiting = waiting.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut waiting = waiting.spawn().expect("started");
    let is_begun = || world.run(&["trace", &hash(1)]).succeeds().out.contains("begun");
    let since = std::time::Instant::now();
    while !is_begun() {
        assert!(since.elapsed().as_secs() < 30, "it never begins");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for n in 2..6 {
        assert_eq!(world.submit(&claim(n)).succeeds().statuses(), ["accepted"]);
    }
    pay(&world, &["--begin"]).ends_with(2).says(&["has a payer at work", "process"]);
    // Whoever only looks is in nobody's way.
    assert!(waiting.try_wait().expect("its state").is_none(), "it waits all the time");
    waiting.kill().expect("killed");
    waiting.wait().expect("gone");
    // The system has let go of its lock.
    wallets(&world, 0o600, NOBODY);
    pay(&world, &[]).ends_with(1);
    world.run(&["verify"]).succeeds();
}
