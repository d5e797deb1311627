//! Golden bytes: what was once written is read, and means what it meant.
//!
//! The files are in `fixtures/bytes/`; `cargo run -p spireledger-schema --example golden` adds those
//! of a new tag, and never changes one that is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use spireledger_schema::identity::{Actor, Evidence, Role};
use spireledger_schema::personal::Personal;
use spireledger_schema::{Entry, Event};

/// One golden entry: its canonical bytes, and the JSON that shows what they mean.
pub struct File {
    /// `tag-NNN-<event-name>-<case>`
    pub name: String,
    pub bytes: Vec<u8>,
    pub json: String,
}

pub fn files() -> impl Iterator<Item = File> {
    let folder = PathBuf::from(crate::CRATE).join("../fixtures/bytes");
    let entries = std::fs::read_dir(&folder).expect("fixtures/bytes is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    paths.sort();
    paths.into_iter().map(|path| File {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        bytes: std::fs::read(&path).unwrap(),
        json: std::fs::read_to_string(path.with_extension("json")).unwrap_or_default(),
    })
}

fn decoded(file: &File) -> Entry {
    Entry::decode(&file.bytes).unwrap_or_else(|error| panic!("{}: {error}", file.name))
}

/// The tag that the file's name says.
fn tag_of(file: &File) -> u16 {
    let digits = file.name.strip_prefix("tag-").and_then(|rest| rest.get(..3));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("{}?", file.name))
}

#[test]
fn golden_bytes_mean_what_they_meant() {
    for file in files() {
        let entry = decoded(&file);
        let shown = serde_json::to_string_pretty(&entry).unwrap() + "\n";
        assert_eq!(shown, file.json, "{}", file.name);
        let says = format!("tag-{:03}-{}-", tag_of(&file), entry.event.name().replace('.', "-"));
        assert!(file.name.starts_with(&says), "{} holds {says}", file.name);
    }
}

/// Of today's shapes. An older shape is read as today's event, and written no more.
#[test]
fn golden_entries_are_written_as_they_were() {
    for file in files() {
        let entry = decoded(&file);
        if entry.event.tag() == tag_of(&file) {
            let mut bytes = Vec::new();
            entry.encode(&mut bytes).unwrap();
            assert_eq!(bytes, file.bytes, "{}", file.name);
        }
    }
}

/// The page that explains the bytes explains these.
#[test]
fn the_entry_that_is_explained_is_on_file() {
    let page = include_str!("../../../fixtures/bytes/README.md");
    let (_, table) = page.split_once("byte by byte").expect("an example");
    let cells = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let digits: String = cells.flat_map(|(bytes, _)| bytes.split(' ')).collect();
    let file = files().find(|file| file.name == "tag-010-deposit-confirmed-bare").unwrap();
    assert_eq!(digits, spireledger_schema::hex::encode(&file.bytes));
}

#[test]
fn every_tag_has_two_golden_entries_or_more() {
    let mut counts = BTreeMap::new();
    for file in files() {
        *counts.entry(tag_of(&file)).or_insert(0) += 1;
    }
    for (tag, name) in Event::readable_tags() {
        let count = counts.remove(&tag).unwrap_or(0);
        assert!(count >= 2, "tag {tag} ({name}) has {count} golden entries; see this file's head");
    }
    assert!(counts.is_empty(), "golden entries of tags that are not read any more: {counts:?}");
}

/// What stands beside the events must be pinned, too: every actor and role, evidence, aliases,
/// requests, and personal fields in each of their three states.
#[test]
fn golden_entries_hold_every_part_of_the_format() {
    let mut held = BTreeSet::new();
    for file in files() {
        let entry = decoded(&file);
        let circumstances = &entry.circumstances;
        held.insert(match circumstances.actor {
            Actor::Local => "local",
            Actor::Key { role: Role::Super, .. } => "super",
            Actor::Key { role: Role::Operator, .. } => "operator",
            Actor::Key { role: Role::Machine, .. } => "machine",
            Actor::Key { role: Role::Lp, .. } => "lp",
            Actor::Key { role: Role::Auditor, .. } => "auditor",
            Actor::Import { .. } => "import",
            Actor::Ledger => "ledger",
        });
        let optional = [
            (entry.front.alias.is_some(), "alias"),
            (circumstances.occurred_at.is_some(), "occurred_at"),
            (circumstances.request_id.is_some(), "request_id"),
            (matches!(circumstances.evidence, Some(Evidence::NostrEvent { .. })), "nostr event"),
        ];
        held.extend(optional.iter().filter(|(given, _)| *given).map(|(_, what)| *what));
        if let Event::SettlementNoted(noted) = &entry.event {
            held.insert(match noted.note {
                Personal::Plain(_) => "plain",
                Personal::Sealed { .. } => "sealed",
                Personal::Erased => "erased",
            });
        }
    }
    let all = [
        "local",
        "super",
        "operator",
        "machine",
        "lp",
        "auditor",
        "import",
        "ledger",
        "alias",
        "occurred_at",
        "request_id",
        "nostr event",
        "plain",
        "sealed",
        "erased",
    ];
    let missing: Vec<_> = all.iter().filter(|what| !held.contains(*what)).collect();
    assert!(missing.is_empty(), "no golden entry has {missing:?}");
}
