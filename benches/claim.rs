//! What one claim costs, step by step, without the disk: reading it, deciding it, its bytes, its hash,
//! reading the bytes back, folding it.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use spireledger::rules::{Found, Request, decide};
use spireledger::simulate::{Claims, Options};
use spireledger_projections::Fleet;
use spireledger_schema::identity::Actor;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Command, Entry, EntryHash, Event, Front, streams};

/// A fleet as the simulator sets it up, and one claim at it.
fn world() -> (Fleet, String) {
    let mut lines = Claims::new(&Options::month());
    let mut fleet = Fleet::default();
    let set_up: Vec<String> = lines.set_up().collect();
    for (seq, line) in (1..).zip(&set_up) {
        let request = Request::local(Command::parse(line).expect("a command"));
        let found = Found::default();
        let decided = decide(&fleet, &found, &request, Timestamp::EPOCH).expect("decided");
        if let spireledger::rules::Decision::Append(event) = decided {
            fleet.apply(&entry(seq, event)).expect("applied");
        }
    }
    let mut claim = String::new();
    lines.write(&mut claim);
    (fleet, claim)
}

fn entry(seq: u64, event: Event) -> Entry {
    let circumstances = Circumstances {
        recorded_at: Timestamp::EPOCH,
        occurred_at: None,
        actor: Actor::Local,
        request_id: None,
        evidence: None,
    };
    Entry { front: Front { seq, key: streams::config(), alias: None }, circumstances, event }
}

fn claim(c: &mut Criterion) {
    let (mut fleet, line) = world();
    let request = Request::local(Command::parse(&line).expect("a command"));
    let found = Found::default();
    let decided = decide(&fleet, &found, &request, Timestamp::EPOCH).expect("decided");
    let spireledger::rules::Decision::Append(event) = decided else { panic!("{decided:?}") };
    let entry = entry(1_000, event);
    let mut bytes = Vec::new();
    entry.encode(&mut bytes).expect("fits");

    c.bench_function("parse", |b| b.iter(|| Command::parse(black_box(&line))));
    c.bench_function("decide", |b| {
        b.iter(|| decide(&fleet, &found, black_box(&request), Timestamp::EPOCH));
    });
    c.bench_function("encode", |b| {
        b.iter(|| {
            bytes.clear();
            black_box(&entry).encode(&mut bytes)
        });
    });
    c.bench_function("chain", |b| b.iter(|| EntryHash::GENESIS.chain(black_box(&bytes))));
    c.bench_function("decode", |b| b.iter(|| Entry::decode(black_box(&bytes))));
    c.bench_function("apply", |b| b.iter(|| fleet.apply(black_box(&entry))));
}

criterion_group!(benches, claim);
criterion_main!(benches);
