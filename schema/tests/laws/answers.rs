//! Answers: what a machine gets back for each kind of entry.

use std::fmt::Write as _;

use spireledger_schema::answer::Receipt;
use spireledger_schema::{Answer, Entry, EntryHash};

/// One line of JSON.
fn line(answer: &Answer) -> String {
    let mut out = b"before ".to_vec();
    answer.write_json(&mut out);
    String::from_utf8(out).unwrap().strip_prefix("before ").expect("appended").to_owned()
}

#[test]
fn every_kind_of_entry_has_its_receipt() {
    let mut shown = String::new();
    let mut before = None;
    for file in crate::golden::files() {
        let entry = Entry::decode(&file.bytes).unwrap();
        // The first case of each kind.
        if before.replace(entry.event.tag()) != Some(entry.event.tag()) {
            let receipt = Receipt::of(&entry, EntryHash::from_bytes([0xee; 32]));
            writeln!(shown, "{}\n    {}", file.name, line(&Answer::Accepted(receipt))).unwrap();
        }
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_replay_says_the_same_under_another_status() {
    for file in crate::golden::files() {
        let entry = Entry::decode(&file.bytes).unwrap();
        let receipt = Receipt::of(&entry, EntryHash::GENESIS.chain(&file.bytes));
        let accepted = line(&Answer::Accepted(receipt.clone()));
        let replayed = line(&Answer::Replayed(receipt));
        assert_eq!(accepted.replacen("accepted", "replayed", 1), replayed);
        assert!(accepted.starts_with(r#"{"status":"accepted","#), "{accepted}");
    }
}
