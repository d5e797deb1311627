//! What deciding costs, in memory and without encoding: a measurement, not a test.
//!
//! `cargo test --release --lib rules::tests::speed -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use spireledger_projections::Fleet;
use spireledger_schema::command::Command;
use spireledger_schema::{Circumstances, Entry, Front};

use super::super::{Decision, Found, Request, decide, needs};
use super::words::*;
use super::world::{World, given};

const CLAIMS: u64 = 100_000;
const MACHINES: u64 = 200;

/// Machines with realistic ids, each with a wallet.
fn fleet() -> World {
    let machines = (0..MACHINES)
        .map(|n| with(machine("m1"), json!({ "id": id(n), "wallet_id": format!("{n:032x}") })));
    given(machines)
}

fn id(n: u64) -> String {
    format!("spire-{:08x}-guatemala", n % MACHINES)
}

fn request(claim: &Value) -> Request {
    Request::local(Command::parse(&claim.to_string()).unwrap())
}

fn requests() -> Vec<Request> {
    let bays = json!([
        { "position": 1, "denomination": 100, "provisioned": 20, "dispensed": 20, "rejected": 0 }
    ]);
    let claim = |n| {
        with(
            cash_out(n),
            json!({ "machine_id": id(n), "bitspire_txid": format!("tx-{n}"), "cassettes": bays,
                "bitspire_event_id": format!("{n:064x}"), "machine_seq": n }),
        )
    };
    (0..CLAIMS).map(|n| request(&claim(n))).collect()
}

fn entry(seq: u64, request: Request, fleet: &Fleet, world: &World) -> Entry {
    let needs = needs(fleet, &request);
    let decision = decide(fleet, &Found::default(), &request, world.now()).unwrap();
    let Decision::Append(event) = decision else { panic!("{decision:?}") };
    Entry {
        front: Front { seq, key: needs.stream, alias: needs.alias },
        circumstances: Circumstances {
            recorded_at: world.now(),
            occurred_at: request.command.occurred_at,
            actor: request.actor,
            request_id: request.command.request_id,
            evidence: request.evidence,
        },
        event,
    }
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn claims_decided_and_applied() {
    let world = fleet();
    let mut fleet = world.fleet.clone();
    let requests = requests();
    let mut seq = 0;
    let mut found = Vec::new();
    timed("accepted", requests.clone(), |request| {
        seq += 1;
        let entry = entry(seq, request, &fleet, &world);
        fleet.apply(&entry).unwrap();
        black_box(&entry);
    });
    for request in requests.clone() {
        let stream = vec![entry(1, request, &fleet, &world)];
        found.push(Found { stream, aliased: None });
    }
    let repeats: Vec<(Request, Found)> = requests.into_iter().zip(found).collect();
    timed("replayed", repeats, |(request, found)| {
        black_box(needs(&fleet, &request));
        let decision = decide(&fleet, &found, &request, world.now()).unwrap();
        assert!(matches!(decision, Decision::Replay(_)));
    });
}

/// Times parts of a thousand, so that what else the machine does shows in few of them.
fn timed<T>(what: &str, all: Vec<T>, mut work: impl FnMut(T)) {
    let mut nanos = Vec::new();
    let mut all = all.into_iter();
    while all.len() >= 1_000 {
        let start = Instant::now();
        all.by_ref().take(1_000).for_each(&mut work);
        nanos.push(start.elapsed().as_nanos() / 1_000);
    }
    nanos.sort_unstable();
    let (least, middle) = (nanos[0], nanos[nanos.len() / 2]);
    println!("{what}: {middle} ns a claim in the middle, {least} ns at least");
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn settlements_begun_at_a_machine_full_of_lps() {
    let mut world = given([machine("m1")]);
    for n in 0..120 {
        world = world.and(funded(&format!("lp {n}"), "99999999.00"));
    }
    let mut world = world.and((0..1_000).map(cash_out));
    let commands: Vec<Value> = (0..1_000).map(|n| begin(n, "p")).collect();
    let start = Instant::now();
    for command in &commands {
        black_box(world.submit(command));
    }
    let micros = start.elapsed().as_micros() / 1_000;
    println!("begun with 120 LPs, all of it twice and encoded: {micros} µs each");
}
