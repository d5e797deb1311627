//! Many at once, in one process: each settlement has one effect, and everybody gets the same receipt.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};
use std::thread;

use spireledger::ledger::Ledger;
use spireledger::log::{Directory, ReadLog};
use spireledger::rules::Request;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Command, Receipt};

use crate::chance::Chance;
use crate::fleet;

/// Commands before the first claim.
const BEFORE: u64 = 8;

fn request(n: u64) -> Request {
    Request::local(Command::parse_bytes(fleet::command(n).as_bytes()).expect("a command"))
}

/// Opens a ledger with a fleet in it, and hands it to many.
fn with_ledger(work: impl FnOnce(&Arc<Ledger>)) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ledger");
    drop(Directory::begin(&path, "a test").expect("made"));
    Directory::finish(&path).expect("made");
    let clock = || Box::new(|| Timestamp::from_micros(1_767_225_600_000_000).expect("a time"));
    let (ledger, _) = Ledger::open(&path, clock()).expect("opened");
    for n in 0..BEFORE {
        assert!(matches!(ledger.ask_one(request(n)), Ok(Answer::Accepted(_))));
    }
    let ledger = Arc::new(ledger);
    work(&ledger);
    Arc::into_inner(ledger).expect("all are done").close().expect("closed");
    // And the same again, from the disk.
    let (ledger, repairs) = Ledger::open(&path, clock()).expect("opened");
    assert!(repairs.is_empty());
    ledger.close().expect("closed");
}

fn receipt(answer: Answer) -> (bool, Receipt) {
    match answer {
        Answer::Accepted(receipt) => (true, receipt),
        Answer::Replayed(receipt) => (false, receipt),
        Answer::Refused(refusal) => panic!("{refusal:?}"),
    }
}

#[test]
fn a_hundred_threads_with_one_payment_hash_make_one_entry_and_get_one_receipt() {
    with_ledger(|ledger| {
        let begun = Arc::new(Barrier::new(100));
        let threads: Vec<_> = (0..100)
            .map(|_| {
                let (ledger, begun) = (Arc::clone(ledger), Arc::clone(&begun));
                thread::spawn(move || {
                    begun.wait();
                    receipt(ledger.ask_one(request(BEFORE)).expect("answered"))
                })
            })
            .collect();
        let all: Vec<_> = threads.into_iter().map(|t| t.join().expect("no panic")).collect();
        assert_eq!(all.iter().filter(|(accepted, _)| *accepted).count(), 1);
        assert!(all.iter().all(|(_, receipt)| *receipt == all[0].1), "one receipt for all");
        assert_eq!(ledger.log().head().seq, BEFORE + 1);
    });
}

#[test]
fn many_threads_with_many_payment_hashes_make_one_entry_each() {
    const THREADS: u64 = 16;
    const CLAIMS: u64 = 150;
    with_ledger(|ledger| {
        let claims: Vec<u64> = (BEFORE..)
            .filter(|n| fleet::payment_hash(*n).is_some())
            .take(CLAIMS as usize)
            .collect();
        let claims = Arc::new(claims);
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (ledger, claims) = (Arc::clone(ledger), Arc::clone(&claims));
                thread::spawn(move || {
                    let mut chance = Chance::following(thread);
                    // Each its own order, some twice.
                    let mut order = [claims.as_slice(), &claims[..30]].concat();
                    for at in 0..order.len() {
                        let other = chance.below(order.len() as u64) as usize;
                        order.swap(at, other);
                    }
                    let ask = |n| (n, receipt(ledger.ask_one(request(n)).expect("answered")));
                    order.into_iter().map(ask).collect::<Vec<_>>()
                })
            })
            .collect();
        let mut receipts: BTreeMap<u64, Vec<(bool, Receipt)>> = BTreeMap::new();
        for thread in threads {
            for (n, answer) in thread.join().expect("no panic") {
                receipts.entry(n).or_default().push(answer);
            }
        }
        assert_eq!(receipts.len() as u64, CLAIMS);
        for (n, answers) in &receipts {
            let accepted = answers.iter().filter(|(accepted, _)| *accepted).count();
            assert_eq!(accepted, 1, "claim {n}");
            assert!(answers.iter().all(|(_, receipt)| *receipt == answers[0].1), "claim {n}");
        }
        assert_eq!(ledger.log().head().seq, BEFORE + CLAIMS);
    });
}
