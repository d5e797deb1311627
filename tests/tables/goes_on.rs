//! A `verify` that was interrupted goes on where it was, and comes to what an uninterrupted one comes to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use spireledger::audit::{Kept, Report, verify, verify_from};
use spireledger::log::{Log, MemoryLog, ReadLog};
use spireledger_schema::event::Event;

use crate::forged::{chained, entries, more};
use crate::world::World;

/// Some blocks of the month with two fees split otherwise, one early and one late.
fn log() -> MemoryLog {
    let mut all = entries(&World::of_month());
    let mut claims: Vec<_> = all
        .iter_mut()
        .filter_map(|entry| match &mut entry.event {
            Event::SettlementClaimed(e) => Some(e),
            _ => None,
        })
        .collect();
    let last = claims.len() - 1;
    for at in [0, last] {
        claims[at].fee_mismatch_sats += 1;
        claims[at].operator_fee_sats = more(claims[at].operator_fee_sats);
    }
    chained(&mut all)
}

fn kept(dir: &Path) -> Kept {
    Kept::in_ledger(dir).every(Duration::ZERO)
}

/// Ends in the middle, as if it was killed.
fn interrupted(log: &dyn ReadLog, kept: &Kept, after: u64) {
    let died = catch_unwind(AssertUnwindSafe(|| {
        verify_from(log, None, Some(kept), |seq| assert!(seq < after, "killed"))
    }));
    assert!(died.is_err(), "it was not to get to its end");
}

/// Goes on, and tells where it began.
fn gone_on(log: &dyn ReadLog, kept: &Kept) -> (u64, Report) {
    let position = kept.position(log).expect("fits").expect("kept");
    let from = position.seq();
    let report = verify_from(log, Some(position), Some(kept), |seq| assert!(seq > from));
    (from, report)
}

#[test]
fn it_finds_what_an_uninterrupted_one_finds() {
    let (log, dir) = (log(), tempfile::tempdir().expect("a place"));
    let whole = verify(&log, |_| {});
    assert!(whole.breaks.len() >= 2, "{whole:#?}");
    let kept = kept(dir.path());
    for after in [log.head().seq / 3, log.head().seq / 2, log.head().seq] {
        interrupted(&log, &kept, after);
        let (from, report) = gone_on(&log, &kept);
        assert!(from > 0 && from <= log.head().seq);
        assert_eq!(report, whole);
    }
    kept.remove();
    assert!(kept.position(&log).expect("nothing wrong").is_none());
}

#[test]
fn a_position_that_does_not_fit_is_not_used() {
    let (log, dir) = (log(), tempfile::tempdir().expect("a place"));
    let kept = kept(dir.path());
    interrupted(&log, &kept, log.head().seq / 2);
    let path = dir.path().join("verify.position");
    let whole = std::fs::read(&path).expect("kept");
    for at in [0, 9, 20, whole.len() / 2, whole.len() - 1] {
        let mut hurt = whole.clone();
        hurt[at] ^= 1;
        std::fs::write(&path, hurt).expect("written");
        assert!(kept.position(&log).is_err(), "byte {at}");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("written");
    assert!(kept.position(&log).is_err());
    std::fs::write(&path, &whole).expect("written");
    assert!(kept.position(&log).expect("fits").is_some());
    // Another log, which is as long.
    let mut others = entries(&World::of_month());
    assert_eq!(kept.position(&chained(&mut others)).err().as_deref(), Some("it is of another log"));
    let empty = MemoryLog::new();
    empty.append(empty.head(), &[]).expect("nothing");
    assert!(kept.position(&empty).is_err());
}
