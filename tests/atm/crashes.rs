//! A machine that is killed between any two steps: `spireledger::crash::POINTS` that begin with `atm:`. In
//! the end every claim is in the ledger once, and no number was given twice or left out.

use std::collections::BTreeMap;

use serde_json::json;
use spireledger::crash::POINTS;

use crate::server::Server;
use crate::world::{Done, Machine, finish, hashes};

const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
/// How often a point is passed before it kills.
const SKIPS: [u32; 4] = [0, 1, 2, 5];
/// Claims that are put together.
const TOGETHER: usize = 3;

/// Runs a command up to a point; whether it got there.
fn dies(machine: &Machine, args: &[&str], input: &str, at: &str) -> (bool, Done) {
    let mut command = machine.command(args);
    command.env("SPIRELEDGER_CRASH", at);
    let done = finish(command, input);
    let died = done.err.contains("crash point");
    assert_eq!(died, done.status.code().is_none(), "{at}: {done:#?}");
    (died, done)
}

/// What `put` acknowledged, by payment hash; the same claim never has two numbers.
fn note(numbers: &mut BTreeMap<String, u64>, done: &Done, at: &str) {
    for answer in done.lines() {
        let hash = answer["payment_hash"].as_str().expect("a hash").to_owned();
        let number = answer["machine_seq"].as_u64().expect("a number");
        let known = numbers.insert(hash, number);
        assert!(known.is_none_or(|known| known == number), "{at}: {answer} after {known:?}");
    }
}

/// A machine's life with a crash; whether there was one.
fn live(machine: &Machine, all: &[String], at: &str) -> bool {
    machine.set("compact_after_bytes", 1);
    let (mut died, mut numbers) = (false, BTreeMap::new());
    for some in all.chunks(TOGETHER) {
        let (here, done) = dies(machine, &["put"], &machine.lines(some), at);
        died |= here;
        note(&mut numbers, &done, at);
    }
    died |= dies(machine, &["run", "--once", "--wait", "5"], "", at).0;
    // The machine does not know what of it was kept, and puts all of it again.
    let again = machine.atm(&["put"], &machine.lines(all)).expect(0);
    note(&mut numbers, &again, at);
    let mut given: Vec<u64> = numbers.values().copied().collect();
    given.sort_unstable();
    assert_eq!(given, (1..=all.len() as u64).collect::<Vec<_>>(), "{at}");
    machine.run_once().expect(0);
    for claim in machine.list() {
        let hash = claim["payment_hash"].as_str().expect("a hash");
        assert_eq!(claim["status"], "done", "{at}: {claim}");
        assert_eq!(numbers.get(hash).copied(), claim["machine_seq"].as_u64(), "{at}");
    }
    died
}

#[test]
fn a_machine_that_dies_at_any_point_has_each_claim_in_the_ledger_once_under_its_number() {
    let place = tempfile::tempdir().unwrap();
    let mut server = Server::new(&[], None);
    let points: Vec<&str> =
        POINTS.iter().copied().filter(|point| point.starts_with("atm:")).collect();
    assert!(points.len() > 10);
    let lives: Vec<(String, u32)> = points
        .iter()
        .flat_map(|point| SKIPS.map(|skip| (format!("{point}@{skip}"), skip)))
        .collect();
    let machines: Vec<(Machine, Vec<String>)> = (0..lives.len())
        .map(|n| {
            let id = format!("m{n}");
            let machine = Machine::new(place.path(), &id, KEY, &["--http", &server.url()]);
            (machine, hashes(n as u64 + 1, 9))
        })
        .collect();
    let registered: Vec<_> = machines
        .iter()
        .map(|(machine, _)| {
            json!({ "type": "machine.register", "id": machine.id, "wallet_id": machine.id,
                "operator_user_id": "op", "fiat_code": "GTQ", "machine_npub": machine.npub })
        })
        .collect();
    server.submit(&registered);
    server.start();
    for ((machine, all), (at, skip)) in machines.iter().zip(&lives) {
        let died = live(machine, all, at);
        assert!(died || *skip > 0, "{at} was never reached");
    }
    for (machine, all) in &machines {
        server.has_each_once(&machine.id, all);
    }
}
