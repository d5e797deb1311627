//! Over HTTP.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::proxy;
use crate::server::Server;
use crate::world::{Machine, hashes, joined};

/// Nobody looks at the ledger's key over HTTP.
const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

/// A server and the machine `m1` that is registered there.
fn world(place: &tempfile::TempDir) -> (Server, Machine) {
    let mut server = Server::new(&[], None);
    let machine = Machine::new(place.path(), "m1", KEY, &["--http", &server.url()]);
    server.register("m1", &machine.npub);
    server.start();
    (server, machine)
}

#[test]
fn what_was_put_is_numbered_sent_and_done_once() {
    let place = tempfile::tempdir().unwrap();
    let (server, machine) = world(&place);
    let all = hashes(1, 40);
    let kept = machine.put(&all);
    let expected: Vec<_> = (1..=40)
        .zip(&all)
        .map(|(n, hash)| json!({ "status": "kept", "payment_hash": hash, "machine_seq": n }))
        .collect();
    assert_eq!(kept, expected);
    assert_eq!(server.claims().len(), 0, "nothing is sent by keeping");
    let told = machine.run_once().expect(0).lines();
    assert_eq!(told.len(), 40);
    assert!(told.iter().all(|told| told["status"] == "accepted"), "{told:?}");
    server.has_each_once("m1", &all);

    // Put again, nothing is new, and nothing is sent.
    let known = machine.put(&all);
    assert!((1..=40).zip(&known).all(|(n, told)| *told
        == json!({ "status": "known", "payment_hash": all[n - 1], "machine_seq": n })));
    assert_eq!(machine.run_once().expect(0).out, "");
    let status = machine.atm(&["status", "--json"], "").expect(0).json();
    assert_eq!((&status["done"], &status["waiting"]), (&json!(40), &json!(0)));
    let shown = machine.atm(&["receipt", &all[6]], "").expect(0).json();
    assert_eq!(
        (&shown["machine_seq"], &shown["answer"]["payment_hash"]),
        (&json!(7), &json!(all[6]))
    );
}

#[test]
fn requests_and_answers_that_are_lost_or_come_twice_change_nothing() {
    let place = tempfile::tempdir().unwrap();
    // The server is called by the proxy's address, which is known only when both are there.
    let port = crate::server::free_port();
    let (proxied, counts) = proxy::start(port);
    let public = format!("http://127.0.0.1:{proxied}");
    let mut server = Server::new(&[], Some(&public));
    server.port = port;
    let machine = Machine::new(place.path(), "m1", KEY, &["--http", &public]);
    server.register("m1", &machine.npub);
    server.start();
    let all = hashes(2, 60);
    // One after the other, so that there are many requests.
    let running = machine.running();
    for some in all.chunks(6) {
        machine.put(some);
        std::thread::sleep(Duration::from_millis(150));
    }
    machine.until_done(all.len());
    running.stop();
    server.has_each_once("m1", &all);
    for count in [&counts.lost, &counts.unanswered, &counts.doubled, &counts.passed] {
        assert!(count.load(Ordering::Relaxed) > 0, "{counts:?}");
    }
}

#[test]
fn a_server_that_is_killed_and_a_machine_that_is_killed_lose_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (mut server, machine) = world(&place);
    let all = hashes(3, 60);
    let mut running = machine.running();
    for (round, some) in all.chunks(10).enumerate() {
        machine.put(some);
        if round % 2 == 0 {
            server.kill();
            std::thread::sleep(Duration::from_millis(300));
            server.start();
        } else {
            running.kill();
            running = machine.running();
        }
    }
    machine.until_done(all.len());
    running.stop();
    server.has_each_once("m1", &all);
}

#[test]
fn a_refusal_for_good_stays_to_be_seen_and_the_ledger_tells_the_number_that_it_has_not_got() {
    let place = tempfile::tempdir().unwrap();
    let (server, machine) = world(&place);
    let all = hashes(4, 3);
    let mut wrong = machine.claim(&all[1]);
    wrong["wire_sats"] = json!(1);
    let lines = [machine.claim(&all[0]), wrong, machine.claim(&all[2])];
    machine.atm(&["put", "-"], &joined(&lines)).expect(0);
    let told = machine.run_once().expect(1).lines();
    assert!(told.iter().any(|told| told["code"] == "unbalanced"), "{told:?}");
    let refused = || machine.atm(&["list", "--json", "--refused"], "").expect(0).lines();
    let seen = refused();
    assert_eq!((seen.len(), &seen[0]["machine_seq"]), (1, &json!(2)));
    assert_eq!(seen[0]["refusal"]["code"], "unbalanced");
    let numbers = server.numbers("m1");
    assert_eq!((&numbers["missing"], &numbers["first_missing"]), (&json!(1), &json!([[2, 2]])));
    let shown = server.run(&["log", "stats"], "").expect(0).out;
    let row = shown.lines().find(|line| line.contains("m1")).expect("a row of the machine");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["m1", "3", "1", "2"]);
    let metrics = metrics(&server);
    let line = "spireledger_machine_claims_missing{machine=\"m1\"} 1\n";
    assert!(metrics.contains(line), "{metrics}");

    // Another claim of its settlement is refused where it is put.
    let conflict = machine.atm(&["put"], &machine.lines(&all[1..2])).expect(1).lines();
    let said = (&conflict[0]["code"], &conflict[0]["fields"]);
    assert_eq!(said, (&json!("conflict"), &json!(["wire_sats"])));
    assert_eq!(machine.run_once().expect(1).out, "", "it is not sent by itself");
    assert!(machine.atm(&["receipt", "2"], "").expect(1).err.contains("no receipt"));
}

#[test]
fn what_was_refused_for_good_is_sent_again_by_hand_when_the_ledger_was_put_right() {
    let place = tempfile::tempdir().unwrap();
    let (mut server, machine) = world(&place);
    let all = hashes(8, 1);
    let mut other = machine.claim(&all[0]);
    other["fiat_code"] = json!("USD");
    machine.atm(&["put"], &other.to_string()).expect(0);
    let told = machine.run_once().expect(1).lines();
    assert_eq!(told[0]["code"], "currency_mismatch");
    server.kill();
    server.submit(&[json!({ "type": "machine.update", "id": "m1", "fiat_code": "USD" })]);
    server.start();
    assert!(machine.atm(&["retry", "1", "7"], "").expect(1).err.contains('7'));
    machine.run_once().expect(0);
    server.has_each_once("m1", &all);
}

#[test]
fn a_refusal_that_may_pass_is_sent_again_until_it_does() {
    let place = tempfile::tempdir().unwrap();
    let (mut server, machine) = world(&place);
    server.kill();
    server.submit(&[json!({ "type": "machine.update", "id": "m1", "is_active": false })]);
    server.start();
    let all = hashes(5, 2);
    machine.put(&all);
    let told = machine.atm(&["run", "--once", "--wait", "2", "--json"], "").expect(1).lines();
    // Told once for each, however often it is sent.
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|told| told["code"] == "inactive_machine"), "{told:?}");
    let list = machine.list();
    assert!(list.iter().all(|claim| claim["status"] == "waiting"
        && claim["refusal"]["code"] == "inactive_machine"
        && claim["sends"].as_u64() > Some(1)));
    server.kill();
    server.submit(&[json!({ "type": "machine.update", "id": "m1", "is_active": true })]);
    server.start();
    machine.run_once().expect(0);
    server.has_each_once("m1", &all);
}

#[test]
fn one_process_sends_while_others_put_each_line_answered_as_it_comes() {
    let place = tempfile::tempdir().unwrap();
    let (server, machine) = world(&place);
    let running = machine.running();
    let all = hashes(6, 5);
    let mut put = machine.command(&["put"]);
    let mut child = put.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut answers = std::io::BufRead::lines(std::io::BufReader::new(stdout));
    for hash in &all {
        writeln!(stdin, "{}", machine.claim(hash)).unwrap();
        let answer = answers.next().expect("an answer").expect("text");
        assert!(answer.contains(hash.as_str()), "{answer}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    machine.until_done(5);
    let second = machine.atm(&["run", "--once"], "").expect(2);
    assert!(second.err.contains("is sending from this outbox already"), "{second:?}");
    running.stop();
    server.has_each_once("m1", &all);
}

#[test]
fn a_machine_nobody_knows_keeps_its_claims_until_it_is_registered() {
    let place = tempfile::tempdir().unwrap();
    let mut server = Server::new(&[], None);
    let machine = Machine::new(place.path(), "m1", KEY, &["--http", &server.url()]);
    server.start();
    let all = hashes(7, 3);
    machine.put(&all);
    let done = machine.atm(&["run", "--once", "--wait", "1", "--json"], "").expect(1);
    assert!(done.err.contains("403"), "{done:?}");
    assert!(machine.list().iter().all(|claim| claim["status"] == "waiting"));
    server.kill();
    server.register("m1", &machine.npub);
    server.start();
    machine.run_once().expect(0);
    server.has_each_once("m1", &all);
}

#[test]
fn a_machines_directory_is_closed_to_others_and_made_once() {
    let place = tempfile::tempdir().unwrap();
    let machine = Machine::new(place.path(), "m1", KEY, &["--http", "https://ledger.example"]);
    let mode = |name: &str| {
        let path = place.path().join("m1").join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(
        [mode(""), mode("key"), mode("outbox"), mode("atm.toml")],
        [0o700, 0o600, 0o600, 0o600]
    );
    let begin = ["init", "--machine-id", "m1", "--ledger-key", KEY];
    let again = machine.atm(&[&begin[..], &["--http", "https://ledger.example"]].concat(), "");
    assert!(again.expect(2).err.contains("already"));
    // An interrupted one is gone on with, and keeps its key.
    std::fs::remove_file(place.path().join("m1/atm.toml")).unwrap();
    let again = machine.atm(&[&begin[..], &["--http", "https://ledger.example"]].concat(), "");
    assert_eq!(again.expect(0).out.trim(), machine.npub);
    let open = machine.atm(&[&begin[..], &["--http", "http://ledger.example"]].concat(), "");
    assert!(open.expect(2).err.contains("https://"));
    // A key that is given is the machine's.
    let given = place.path().join("m1/key");
    let key_file = ["--http", "https://ledger.example", "--key-file", given.to_str().unwrap()];
    let other = Machine::new(place.path(), "m2", KEY, &key_file);
    assert_eq!(other.npub, machine.npub);
}

fn metrics(server: &Server) -> String {
    let mut answered = ureq::get(format!("{}/metrics", server.url())).call().expect("answered");
    answered.body_mut().read_to_string().expect("text")
}

#[test]
fn with_the_ledgers_key_only_a_proof_counts_and_it_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let mut server = Server::new(&[], None);
    let vkey = |server: &Server| server.run(&["checkpoint", "--key"], "").expect(0).out;
    let machine_of = |id: &str, vkey: &str, server: &Server| {
        let ways = ["--http", &server.url(), "--ledger-vkey", vkey.trim()];
        Machine::new(place.path(), id, KEY, &ways)
    };
    let machine = machine_of("m1", &vkey(&server), &server);
    // This one was told another ledger's key: what it hears proves nothing to it.
    let other = machine_of("m2", &vkey(&Server::new(&[], None)), &server);
    for machine in [&machine, &other] {
        server.register(&machine.id, &machine.npub);
    }
    server.start();
    let all = hashes(1, 5);
    machine.put(&all);
    machine.run_once().expect(0);
    let shown = machine.atm(&["receipt", &all[2]], "").expect(0).json();
    let file = place.path().join("proof");
    std::fs::write(&file, shown["proof"].as_str().expect("a proof")).unwrap();
    let path = file.to_str().unwrap();
    let proven =
        server.run(&["proof", "verify", path, "--key", vkey(&server).trim()], "").expect(0);
    assert!(proven.out.contains(&all[2]), "{proven:?}");

    other.put(&hashes(2, 1));
    let told = other.atm(&["run", "--once", "--wait", "2"], "");
    assert_eq!(told.status.code(), Some(1), "{told:?}");
    assert!(told.err.contains("proves nothing"), "{told:?}");
    assert_eq!(other.list()[0]["status"], "waiting");
}
