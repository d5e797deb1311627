//! Requests, answers and reports, without a relay.

use std::sync::Arc;

use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::{Event, EventBuilder, Keys, Kind, Tag, Timestamp as Seconds};
use proptest::prelude::*;
use serde_json::{Value, json};
use spireledger_schema::command::Body;
use spireledger_schema::identity::{Evidence, PaymentHash};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Code, EntryHash, Receipt, Refusal};

use super::codec::{self, PLAINTEXT_BYTES_MAX};
use super::reader::Reader;
use super::reports;
use crate::gateway::rate::Rate;
use crate::gateway::{Identities, Identity, Machines, Who};
use crate::ledger::Ledger;
use crate::log::Directory;
use crate::relays::CONTENT_BYTES_MAX;

fn keys(number: u8) -> Keys {
    Keys::parse(&format!("{number:02x}").repeat(32)).unwrap()
}

fn ledger_keys() -> Keys {
    keys(1)
}

fn machine() -> Keys {
    keys(3)
}

fn event(kind: u16, tag: Tag, content: &str) -> Event {
    EventBuilder::new(Kind::from(kind), content)
        .tags([tag])
        .custom_created_at(Seconds::from(1_767_225_600))
        .sign_with_keys(&machine())
        .unwrap()
}

fn sealed(text: &str) -> String {
    nip44::encrypt(machine().secret_key(), &ledger_keys().public_key(), text, Version::V2).unwrap()
}

fn request(text: &str) -> Event {
    event(21000, Tag::public_key(ledger_keys().public_key()), &sealed(text))
}

/// What the machine reads in the answer to a request.
fn answered(text: &str, answer: &Answer) -> Value {
    let request = request(text);
    let (letter, _) = codec::open(&ledger_keys(), &request).unwrap();
    let event = codec::seal(&ledger_keys(), &letter, answer, Seconds::from(1_767_225_601)).unwrap();
    event.verify().unwrap();
    assert_eq!(event.tags.event_ids().copied().collect::<Vec<_>>(), [request.id]);
    assert_eq!(event.tags.public_keys().copied().collect::<Vec<_>>(), [machine().public_key()]);
    let text = nip44::decrypt(machine().secret_key(), &event.pubkey, &event.content).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_name_and_the_body_make_the_command() {
    for body in [r#""body":{"id":"d1"}"#, r#""body" : { "id" : "d1", "type":"deposit.confirm" }"#] {
        let event = request(&format!(r#"{{"rpcName":"deposit.confirm",{body}}}"#));
        let (_, asked) = codec::open(&ledger_keys(), &event).unwrap();
        let Body::DepositConfirm(confirm) = asked.unwrap().body else { panic!("{body}") };
        assert_eq!(confirm.id.as_str(), "d1");
    }
    // Nothing said is an empty body, and a name cannot say more than a name.
    for (text, field) in [
        (r#"{"rpcName":"deposit.confirm"}"#, "id"),
        (r#"{"rpcName":"deposit.confirm","body":{}}"#, "id"),
        (r#"{"rpcName":"deposit.confirm\",\"id\":\"d1"}"#, "type"),
    ] {
        let (_, asked) = codec::open(&ledger_keys(), &request(text)).unwrap();
        assert_eq!(asked.unwrap_err().details["field"], field, "{text}");
    }
}

#[test]
fn an_answer_says_what_became_of_the_request_in_the_words_of_the_family() {
    let receipt = Receipt {
        payment_hash: Some(PaymentHash::from_bytes([9; 32])),
        id: None,
        seq: 7,
        entry_hash: EntryHash::GENESIS,
        recorded_at: Timestamp::EPOCH,
        settlement: None,
        legs: Vec::new(),
        proof: None,
    };
    let asked = r#"{"rpcName":"settlement.claim","requestId":"r1","body":{}}"#;
    let told = answered(asked, &Answer::Replayed(receipt));
    assert_eq!((&told["status"], &told["outcome"]), (&json!("OK"), &json!("replayed")));
    assert_eq!((&told["requestId"], &told["seq"]), (&json!("r1"), &json!(7)));

    let refusal = Refusal::new(Code::Busy, "later").with("wait", 1);
    let told = answered(r#"{"rpcName":"x"}"#, &refusal.into());
    let expected = json!({"status": "ERROR", "outcome": "refused", "code": "busy",
        "retryable": true, "message": "later", "reason": "later", "details": {"wait": 1}});
    assert_eq!(told, expected);
}

#[test]
fn an_answer_too_long_for_one_event_says_what_it_left_out() {
    let details = "x".repeat(PLAINTEXT_BYTES_MAX);
    let refusal = Refusal::new(Code::Conflict, "no").with("fields", details);
    let told = answered(r#"{"rpcName":"x","requestId":"r"}"#, &refusal.into());
    assert_eq!(told["left_out"], json!(["details"]));
    assert_eq!((&told["code"], &told["requestId"]), (&json!("conflict"), &json!("r")));
}

#[test]
fn an_answer_of_any_length_is_sent() {
    // The other fields have about 125 bytes.
    for short_by in [0, 100].into_iter().chain(110..140).chain([150, 400]) {
        let details = "x".repeat(PLAINTEXT_BYTES_MAX - short_by);
        let refusal = Refusal::new(Code::Conflict, "no").with("fields", details);
        let told = answered(r#"{"rpcName":"x"}"#, &refusal.into());
        assert_eq!(told["code"], "conflict");
        let is_whole = told.get("details").is_some();
        assert_eq!(is_whole, told.get("left_out").is_none());
        assert!(is_whole || short_by < 150, "short by {short_by}");
        assert!(!is_whole || short_by > 100, "short by {short_by}");
    }
}

#[test]
fn the_longest_request_is_read_whole() {
    let filler = "x".repeat(PLAINTEXT_BYTES_MAX - r#"{"rpcName":"x","more":""}"#.len());
    let longest = request(&format!(r#"{{"rpcName":"x","more":"{filler}"}}"#));
    assert!(longest.content.len() <= CONTENT_BYTES_MAX);
    let (_, asked) = codec::open(&ledger_keys(), &longest).unwrap();
    assert_eq!(asked.unwrap_err().details["field"], "type");
}

#[test]
fn a_report_bears_the_moment_at_which_it_was_signed() {
    let beacon = event(30078, Tag::identifier("b"), r#"{"cash_in":true,"received_at":5}"#);
    let Body::BeaconReport(report) = reports::read(&ledger_keys(), &beacon).unwrap().unwrap().body
    else {
        panic!("a beacon")
    };
    assert_eq!(report.received_at, Timestamp::from_seconds(1_767_225_600).unwrap());
    assert_eq!(report.machine_id, None);
}

/// A reader before a ledger that knows no machine, and the administrator's key is the machine's.
fn reader(dir: &std::path::Path) -> Reader {
    let directory = Directory::begin(dir, "a test").unwrap();
    let (ledger, _) = Ledger::open_held(directory, Box::new(|| Timestamp::EPOCH)).unwrap();
    Directory::finish(dir).unwrap();
    let machines = Machines::of(Arc::clone(ledger.log())).unwrap();
    let key = machine().public_key().to_hex();
    let known = [Identity { key, role: Who::Super, user_id: None }];
    let (known, rate) = (Identities::new(&known).unwrap(), Rate::new(600));
    Reader::new(ledger_keys(), known, Arc::new(machines), rate, Arc::default())
}

#[test]
fn an_event_is_checked_whatever_brought_it_and_read_once() {
    let place = tempfile::tempdir().unwrap();
    let reader = reader(&place.path().join("ledger"));
    let right = request(r#"{"rpcName":"deposit.confirm","body":{"id":"d1"}}"#);
    let mut altered = right.clone();
    altered.content = request(r#"{"rpcName":"deposit.confirm","body":{"id":"d2"}}"#).content;
    let mut unsigned = right.clone();
    unsigned.sig = request("{}").sig;
    for forged in [&altered, &unsigned] {
        assert!(reader.read(forged).unwrap().is_none());
    }
    assert_eq!(reader.counters.invalid.get(), 2);
    // A forgery does not use up the id of what it pretends to be.
    let job = reader.read(&right).unwrap().unwrap();
    let Some(Evidence::NostrEvent { id, kind, .. }) = job.asked.unwrap().evidence else {
        panic!("what was signed is kept")
    };
    assert_eq!((id, kind), (right.id.to_bytes(), 21000));
    assert!(reader.read(&right).unwrap().is_none());
    assert_eq!(reader.counters.duplicates.get(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_sent_is_read_or_answered(text in ".{1,200}") {
        // Told to be wrong, or ignored as an answer is: never a panic.
        if let Some((_, asked)) = codec::open(&ledger_keys(), &request(&text)) {
            prop_assert!(asked.is_err());
        }
    }

    #[test]
    fn whatever_is_published_makes_no_report_of_another_machine(
        text in prop_oneof![".{1,200}", r#"[0-9"{}:,]{0,9},?"machine_id":"m2"[}]{0,2}"#],
    ) {
        let telemetry = event(30079, Tag::identifier("t"), &sealed(&text));
        let beacon = event(30078, Tag::identifier("b"), &text);
        for event in [telemetry, beacon] {
            if let Some(Ok(command)) = reports::read(&ledger_keys(), &event) {
                let named = match command.body {
                    Body::BeaconReport(report) => report.machine_id,
                    Body::TelemetryReport(report) => report.machine_id,
                    other => panic!("{}", other.type_name()),
                };
                prop_assert_eq!(named, None);
            }
        }
    }
}
