//! What every log must do, run by each of them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use spireledger_schema::front::ENTRY_FORMAT;
use spireledger_schema::{EntryKey, Front};

use super::{
    Block, Directory, Head, Log, LogError, MemoryLog, Past, Purpose, ReadLog, Sealer, SledLog,
};

/// An entry's bytes as the log sees them: a front, and something behind it.
fn canonical(front: &Front, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    front.write(&mut bytes);
    bytes.extend_from_slice(body);
    assert_eq!(bytes[0], ENTRY_FORMAT);
    bytes
}

fn key(n: u8) -> EntryKey {
    EntryKey::derive("test", &[&[n]])
}

/// What was appended, by the test's own bookkeeping.
#[derive(Default)]
struct Model {
    entries: Vec<Vec<u8>>,
    newest: BTreeMap<u8, u64>,
    links: Vec<u64>,
}

/// Appends one group of entries: key, alias, length of the body.
fn append(log: &impl Log, model: &mut Model, group: &[(u8, Option<u8>, usize)]) {
    let expected = log.head();
    let mut sealer = Sealer::new(expected);
    for (n, alias, len) in group {
        let seq = sealer.head().seq + 1;
        let front = Front { seq, key: key(*n), alias: alias.map(key) };
        let bytes = canonical(&front, &vec![*n; *len]);
        let prev = model.newest.insert(*n, seq).unwrap_or(0);
        let prev_alias = alias.map_or(0, |alias| model.newest.insert(alias, seq).unwrap_or(0));
        sealer.push(&front, &bytes, prev, prev_alias);
        model.entries.push(bytes);
        model.links.push(prev);
    }
    log.append(expected, &sealer.seal()).expect("the group fits");
}

fn check(log: &impl ReadLog, model: &Model) {
    assert_eq!(log.head().seq, model.entries.len() as u64);
    let mut head = Head::EMPTY;
    let mut seen = 0;
    for block in log.blocks_from(1) {
        let block = block.expect("readable");
        assert_eq!(block.before(), head);
        assert_eq!(block.chain_breaks(), []);
        for stored in block.entries() {
            assert_eq!(stored.canonical, model.entries[seen]);
            assert_eq!(stored.prev, model.links[seen]);
            seen += 1;
        }
        head = block.after();
    }
    assert_eq!(seen, model.entries.len());
    assert_eq!(head, log.head());
    for n in 0..=u8::MAX {
        assert_eq!(log.last_of(&key(n)).expect("readable"), model.newest.get(&n).copied());
    }
    for seq in 1..=model.entries.len() as u64 {
        let block = log.block_at(seq).expect("readable").expect("there");
        assert_eq!(block.get(seq).expect("in it").front.seq, seq);
        let from = log.blocks_from(seq).next().expect("there").expect("readable");
        assert!(from.get(seq).is_some());
    }
    assert_eq!(log.block_at(0).expect("readable"), None);
    assert_eq!(log.block_at(model.entries.len() as u64 + 1).expect("readable"), None);
    assert_eq!(log.blocks_from(model.entries.len() as u64 + 1).count(), 0);
}

fn refuses_another_head(log: &impl Log) {
    let wrong = Head { seq: 7_000, ..Head::EMPTY };
    let mut sealer = Sealer::new(wrong);
    let front = Front { seq: 7_001, key: key(1), alias: None };
    sealer.push(&front, &canonical(&front, b"x"), 0, 0);
    let blocks = sealer.seal();
    let head = log.head();
    assert!(matches!(log.append(wrong, &blocks), Err(LogError::HeadMoved { .. })));
    assert!(matches!(log.append(head, &blocks), Err(LogError::HeadMoved { .. })));
    assert_eq!(log.head(), head);
}

/// At every entry the log's past is what the log was then.
fn looks_like_its_past(log: &impl ReadLog, model: &Model) {
    for seq in (0..=model.entries.len()).step_by(7) {
        let past = Past::new(log, seq as u64).expect("readable");
        assert_eq!(past.head().seq, seq as u64);
        let mut seen = 0;
        for block in past.blocks_from(1) {
            let block = block.expect("readable");
            let again = Block::parse(block.bytes().clone()).expect("a whole block");
            assert_eq!(again.chain_breaks(), []);
            for stored in again.entries() {
                assert_eq!(stored.canonical, model.entries[seen]);
                seen += 1;
            }
        }
        assert_eq!(seen, seq);
        assert_eq!(past.block_at(seq as u64 + 1).expect("readable"), None);
        for n in 0..20 {
            let newest = (1..=seq).rev().find(|at| {
                let front = Front::read(&model.entries[at - 1]).expect("a front").0;
                front.key == key(n) || front.alias == Some(key(n))
            });
            assert_eq!(past.last_of(&key(n)).expect("readable"), newest.map(|at| at as u64));
        }
    }
}

fn group() -> impl Strategy<Value = Vec<(u8, Option<u8>, usize)>> {
    // Mostly short entries, sometimes the longest there are.
    let len = prop_oneof![9 => 0usize..400, 1 => 40_000usize..49_000];
    let entry = (0u8..60, proptest::option::weighted(0.2, 60u8..90), len);
    proptest::collection::vec(entry, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_log_gives_back_what_was_appended(groups in proptest::collection::vec(group(), 1..6)) {
        let memory = MemoryLog::new();
        let mut model = Model::default();
        for group in &groups {
            append(&memory, &mut model, group);
        }
        check(&memory, &model);
        refuses_another_head(&memory);

        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ledger");
        drop(Directory::begin(&path, "a test").expect("made"));
        Directory::finish(&path).expect("made");
        let open = || {
            let held = Directory::hold(&path, Purpose::Write).expect("free");
            let opened = SledLog::open(held).expect("opens");
            assert!(opened.repairs.is_empty());
            opened.log
        };
        let mut model = Model::default();
        for (at, group) in groups.iter().enumerate() {
            // A new process each time; with and without a key file that is up to date.
            let log = open();
            append(&log, &mut model, group);
            if at % 2 == 0 {
                log.save_keys().expect("saved");
            }
        }
        let log = open();
        check(&log, &model);
        refuses_another_head(&log);
        looks_like_its_past(&log, &model);
        let share = super::Share::open(&path, std::sync::Arc::new(log)).expect("shared");
        check(&super::RemoteLog::connect(&path).expect("there"), &model);
        drop(share);
    }
}

#[test]
fn a_key_that_is_found_while_its_group_is_taken_in_can_be_read() {
    const GROUPS: u32 = 20;
    const GROUP: u32 = 4_000;
    let key =
        |group: u32, at: u32| EntryKey::derive("test", &[&group.to_le_bytes(), &at.to_le_bytes()]);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("ledger");
    drop(Directory::begin(&path, "a test").expect("made"));
    Directory::finish(&path).expect("made");
    let log = SledLog::open(Directory::hold(&path, Purpose::Write).expect("free"));
    let log = log.expect("opens").log;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sealer = Sealer::new(log.head());
            for group in 0..GROUPS {
                for at in 0..GROUP {
                    let seq = sealer.head().seq + 1;
                    let front = Front { seq, key: key(group, at), alias: None };
                    sealer.push(&front, &canonical(&front, &[0; 100]), 0, 0);
                }
                log.append(log.head(), &sealer.seal()).expect("the group fits");
            }
        });
        // Asks for a group's first key until it is there: it is taken in first, long before the last.
        for first in (0..GROUPS).map(|group| key(group, 0)) {
            let seq = loop {
                if let Some(seq) = log.last_of(&first).expect("readable") {
                    break seq;
                }
            };
            let block = log.block_at(seq).expect("readable").expect("there");
            assert_eq!(block.get(seq).expect("in it").front.key, first);
        }
    });
}
