//! Writes the golden bytes of new tags into `fixtures/bytes/`, each beside the JSON of what it says.
//!
//! `cargo run -p spireledger-schema --example golden`
//!
//! A file that is there is never written again: what a log once held is read for ever. When a shape
//! changes, it gets a new tag; move its cases here to the new shape, and let the old files be.

mod fleet;
mod imported;
mod legs;
mod money;
mod settlement;

use std::path::Path;
use std::process::ExitCode;

use spireledger_schema::identity::{Actor, Evidence, PaymentHash, PublicKey, Role};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{RequestId, Text};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Entry, EntryKey, Event, Front};

/// A golden entry before it is written.
pub struct Case {
    /// What is special about it: the end of the file's name.
    pub name: &'static str,
    /// The stream it belongs to.
    pub key: EntryKey,
    /// Who caused it, and what is known of that.
    pub by: By,
    /// What happened.
    pub event: Event,
}

/// Under which circumstances the entry is written.
pub enum By {
    /// The command line, nothing else known.
    Local,
    /// A machine that signed a Nostr event with a request of its own.
    Machine,
    /// A key in another role, with an alias for its request.
    Key(Role),
    /// An import of a database.
    Import,
    /// The ledger itself.
    Ledger,
}

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bytes");
    let (mut written, mut kept, mut failed) = (0, 0, 0);
    let cases = [
        fleet::cases(),
        money::cases(),
        settlement::cases(),
        imported::cases(),
        legs::intents(),
        imported::pieces(),
    ];
    for (seq, case) in (1..).zip(cases.into_iter().flatten()) {
        let kind = case.event.name().replace('.', "-");
        let name = format!("tag-{:03}-{kind}-{}", case.event.tag(), case.name);
        match write(&folder.join(&name), &entry(seq, case)) {
            Ok(true) => written += 1,
            Ok(false) => kept += 1,
            Err(why) => {
                eprintln!("{name}: {why}");
                failed += 1;
            }
        }
    }
    println!("{written} written, {kept} were there and are as they were, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes both files of an entry, if neither is there.
fn write(path: &Path, entry: &Entry) -> std::io::Result<bool> {
    use std::io::Write as _;
    let (binary, json) = (path.with_extension("bin"), path.with_extension("json"));
    if binary.exists() || json.exists() {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    entry.encode(&mut bytes).map_err(std::io::Error::other)?;
    std::fs::File::create_new(binary)?.write_all(&bytes)?;
    let shown = serde_json::to_string_pretty(entry)? + "\n";
    std::fs::File::create_new(json)?.write_all(shown.as_bytes())?;
    Ok(true)
}

fn entry(seq: u64, case: Case) -> Entry {
    let (recorded_at, happened_at) = (at(1_767_225_601_123_456), at(1_767_225_600_000_000));
    let key = |role, byte| Actor::Key { role, public_key: PublicKey::from_bytes([byte; 32]) };
    let mut alias = None;
    let mut circumstances = Circumstances {
        recorded_at,
        occurred_at: None,
        actor: Actor::Local,
        request_id: None,
        evidence: None,
    };
    match case.by {
        By::Local => {}
        By::Machine => {
            circumstances.actor = key(Role::Machine, 0x77);
            circumstances.occurred_at = Some(happened_at);
            circumstances.request_id = RequestId::parse("req-7");
            circumstances.evidence = Some(Evidence::NostrEvent {
                id: [0x1d; 32],
                signature: [0x51; 64],
                kind: 21_000,
                created_at: at(1_767_225_600_500_000),
            });
        }
        By::Key(role) => {
            circumstances.actor = key(role, 0x99);
            circumstances.request_id = RequestId::parse("5c1f2c52-0e7b-4a0e-9d2b-5a4f6f1c7f10");
            alias = Some(EntryKey::from_bytes([0xa1; 32]));
        }
        By::Import => {
            let file = Text::new("ext_spirekeeper.sqlite3");
            circumstances.actor = Actor::Import { file, version: 12 };
            circumstances.occurred_at = Some(happened_at);
        }
        By::Ledger => circumstances.actor = Actor::Ledger,
    }
    Entry { front: Front { seq, key: case.key, alias }, circumstances, event: case.event }
}

/// The settlement that the cases are about.
pub const SETTLEMENT: PaymentHash = PaymentHash::from_bytes([0x9f; 32]);

/// A value that is right, or a bug in this file.
pub fn ok<T>(value: Option<T>) -> T {
    value.expect("a valid value")
}

/// A moment, in microseconds since 1970.
pub fn at(micros: i64) -> Timestamp {
    ok(Timestamp::from_micros(micros))
}

/// A personal field that can be read.
pub fn plain(text: &str) -> Personal {
    Personal::Plain(Text::new(text))
}

/// A personal field under somebody's key.
pub fn sealed() -> Personal {
    Personal::Sealed {
        key_id: *b"person-key-id-16",
        nonce: *b"a-nonce-of-24-bytes-long",
        sealed: (0..40).collect(),
    }
}
