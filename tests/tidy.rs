//! The house rules, as a test: arrows between rooms go down only, pure rooms stay pure, files stay
//! small and say what they are for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, each with the rooms it may use. What is not listed is not allowed.
const ROOMS: &[(&str, &[&str])] = &[
    ("rules", &[]),
    ("log", &[]),
    ("outbox", &["proofs"]),
    ("proofs", &[]),
    ("notary", &["log", "proofs"]),
    ("simulate", &["rules"]),
    ("ledger", &["log", "notary", "proofs", "rules"]),
    ("tables", &["ledger", "log"]),
    ("export", &["ledger", "log", "tables"]),
    ("import", &["ledger", "rules"]),
    ("payer", &["ledger", "log", "rules"]),
    ("audit", &["ledger", "log", "notary", "proofs", "rules", "tables"]),
    ("gateway", &["ledger", "log", "notary", "proofs", "rules", "tables"]),
    ("bench", &["import", "ledger", "log", "notary", "rules", "simulate", "tables"]),
    (
        "cli",
        &[
            "audit", "bench", "export", "gateway", "import", "ledger", "log", "notary", "outbox",
            "payer", "proofs", "rules", "simulate", "tables",
        ],
    ),
];

/// Words that may not stand in a pure room.
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "HashMap",
    "HashSet",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "f64",
    "f32",
    "rand::",
    ".unwrap()",
    ".expect(",
    "panic!(",
    "todo!(",
    "unimplemented!(",
];

const PURE: &[&str] = &["schema/src", "projections/src", "src/proofs", "src/rules"];

/// Longest source file, in lines.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder, by its path from the root.
fn sources(folder: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root().join(folder)];
    while let Some(dir) = open.pop() {
        for item in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = item.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).expect("below the root");
                let text = fs::read_to_string(&path).expect("readable");
                found.insert(name.to_string_lossy().into_owned(), text);
            }
        }
    }
    found
}

fn everything() -> BTreeMap<String, String> {
    let folders = ["src", "schema/src", "schema/tests", "projections", "tests", "benches"];
    folders.iter().flat_map(|folder| sources(folder)).collect()
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.ends_with("conformance.rs")
}

/// The code of a file without its unit tests and comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn arrows_between_rooms_go_down_only() {
    let rooms: BTreeMap<&str, &[&str]> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let parts: Vec<&str> = path.split('/').collect();
        let [_, room, _, ..] = parts[..] else { continue };
        let Some(allowed) = rooms.get(room) else {
            wrong.push(format!("{path}: the room `{room}` is not in the table of rooms"));
            continue;
        };
        for other in rooms.keys().filter(|other| **other != room && !allowed.contains(other)) {
            let uses = [format!("crate::{other}::"), format!("spireledger::{other}::")];
            if uses.iter().any(|used| code(&text).contains(used.as_str())) {
                wrong.push(format!("{path} uses `{other}`, which is no room below it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_crates_below_know_nothing_of_those_above() {
    let manifest = |name: &str| fs::read_to_string(root().join(name)).expect("readable");
    // What only tests use is no part of a crate.
    let dependencies = |text: &str| {
        let all = text.split("[dependencies]").nth(1).unwrap_or("");
        all.split("[dev-dependencies]").next().unwrap_or("").to_owned()
    };
    let schema = dependencies(&manifest("schema/Cargo.toml"));
    let projections = dependencies(&manifest("projections/Cargo.toml"));
    for above in ["spireledger-projections", "tokio", "sled", "rusqlite"] {
        assert!(!schema.contains(above), "schema depends on {above}");
    }
    for above in ["tokio", "sled", "rusqlite"] {
        assert!(!projections.contains(above), "projections depends on {above}");
    }
}

#[test]
fn pure_rooms_stay_pure() {
    let mut wrong = Vec::new();
    for (path, text) in PURE.iter().flat_map(|folder| sources(folder)) {
        if is_test(&path) {
            continue;
        }
        for word in IMPURE.iter().filter(|word| code(&text).contains(**word)) {
            wrong.push(format!("{path}: `{word}`"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_log_cannot_read_an_event() {
    for (path, text) in sources("src/log") {
        for word in
            ["Entry::decode", "schema::event", "schema::Entry,", "schema::Event", "projections"]
        {
            assert!(
                !code(&text).contains(word),
                "{path}: entries are opaque bytes here, not `{word}`"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_can_be_seen_whole() {
    let mut wrong = Vec::new();
    for (path, text) in everything() {
        if !text.starts_with("//!") {
            wrong.push(format!("{path} does not begin with what it is for"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{path} has {lines} lines; {LINES_MAX} are enough for one room"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    for (path, text) in everything() {
        if path.ends_with("tidy.rs") {
            continue;
        }
        for word in ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("] {
            assert!(!text.contains(word), "{path}: `{word}`");
        }
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "docs/atm.md",
        "docs/exports.md",
        "docs/format.md",
        "docs/nostr.md",
        "docs/paying.md",
        "docs/report.md",
        "docs/proofs.md",
        "docs/tables.md",
        "docs/verify.md",
    ] {
        let text = fs::read_to_string(root().join(document)).expect(document);
        let base = Path::new(document).parent().expect("a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") && !link.starts_with('#') {
                let target = root().join(base).join(link.split('#').next().unwrap_or_default());
                assert!(target.exists(), "{document} links to {link}, which is not there");
            }
        }
    }
}
