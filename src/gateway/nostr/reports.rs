//! What machines publish of themselves, as commands: beacons and the state of cassettes (kind 30078),
//! telemetry (kind 30079). Pure.
//!
//! Such events are addressable: a relay keeps the newest. `created_at` becomes the report's moment, so
//! the newest counts in the ledger too, whatever the order in which they arrive.

use std::collections::BTreeMap;
use std::fmt::Write;

use nostr_sdk::nips::nip44::v2::ConversationKey;
use nostr_sdk::{Event, Keys};
use serde_json::value::RawValue;
use spireledger_schema::Command;
use spireledger_schema::json::Malformed;

use super::codec::decrypt;

/// Beacons, and the state of cassettes (NIP-78).
pub const BEACON: u16 = 30078;
/// Telemetry, for the ledger only.
pub const TELEMETRY: u16 = 30079;

/// `d` tags of everything about cassettes begin with this.
pub const CASSETTES: &str = "bitspire-cassettes";
/// The `d` tag of a machine's own word on its cassettes; its public key in hex follows.
const CASSETTES_STATE: &str = "bitspire-cassettes-state:";

/// Fields of a beacon, and the command's.
const BEACON_FIELDS: &[(&str, &str, Shape)] = &[
    ("cash_in", "cash_in", Shape::AsItIs),
    ("cash_out", "cash_out", Shape::AsItIs),
    ("cash_level", "cash_level", Shape::Text),
    ("fiat", "fiat", Shape::Text),
    ("model", "model", Shape::Text),
    ("name", "name", Shape::Text),
    ("location", "location", Shape::Text),
    ("geo", "geo", Shape::Text),
    ("fees", "fees_json", Shape::AsItIs),
    ("limits", "limits_json", Shape::AsItIs),
    ("denominations", "denominations_json", Shape::AsItIs),
    ("version", "version", Shape::Text),
];

#[derive(Clone, Copy)]
enum Shape {
    AsItIs,
    /// A string; anything else is kept as its JSON text.
    Text,
}

/// Reads what a machine published. `None` if this is no report but something else of its key.
pub fn read(keys: &Keys, event: &Event) -> Option<Result<Command, Malformed>> {
    let tag = event.tags.identifier().unwrap_or_default();
    match event.kind.as_u16() {
        TELEMETRY => Some(opened(keys, event).and_then(|text| telemetry(event, &text))),
        BEACON if tag.starts_with(CASSETTES) => {
            let own = tag.strip_prefix(CASSETTES_STATE) == Some(event.pubkey.to_hex().as_str());
            own.then(|| opened(keys, event).and_then(|text| cassettes(event, &text)))
        }
        BEACON => beacon(event),
        _ => None,
    }
}

fn opened(keys: &Keys, event: &Event) -> Result<String, Malformed> {
    let secret = ConversationKey::derive(keys.secret_key(), &event.pubkey)
        .map_err(|_| Malformed::new("no point on the curve", "a public key").within("pubkey"))?;
    decrypt(&secret, &event.content)
}

/// The parts of a JSON object, as they were written.
fn parts(text: &str) -> Result<BTreeMap<String, &RawValue>, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed::new(text, "a JSON object"))
}

/// A beacon is an object that says whether cash is taken or given. Fields that nobody knows yet are let
/// pass: machines are newer than ledgers.
fn beacon(event: &Event) -> Option<Result<Command, Malformed>> {
    let fields = parts(&event.content).ok()?;
    if !fields.contains_key("cash_in") && !fields.contains_key("cash_out") {
        return None;
    }
    let mut command = begun("beacon.report", "received_at", event);
    for (name, ours, shape) in BEACON_FIELDS {
        let Some(raw) = fields.get(*name).map(|raw| raw.get()) else { continue };
        // Nothing said is nothing, however it is spelled.
        if raw == "null" || raw == "\"\"" {
            continue;
        }
        let value = match shape {
            Shape::Text if !raw.starts_with('"') => serde_json::Value::from(raw).to_string(),
            Shape::Text | Shape::AsItIs => raw.to_owned(),
        };
        field(&mut command, ours, &value);
    }
    command.push('}');
    Some(Command::parse(&command))
}

fn telemetry(event: &Event, text: &str) -> Result<Command, Malformed> {
    // One JSON value and nothing behind it: the text becomes a part of a command.
    let value: &RawValue =
        serde_json::from_str(text).map_err(|_| Malformed::new(text, "JSON").within("content"))?;
    let mut command = begun("telemetry.report", "received_at", event);
    field(&mut command, "telemetry", value.get());
    command.push('}');
    Command::parse(&command)
}

fn cassettes(event: &Event, text: &str) -> Result<Command, Malformed> {
    let fields = parts(text)?;
    let mut command = begun("cassettes.report", "state_at", event);
    field(&mut command, "state_event_id", &format!("\"{}\"", event.id.to_hex()));
    for name in ["positions", "denominations"] {
        if let Some(raw) = fields.get(name) {
            field(&mut command, name, raw.get());
        }
    }
    command.push('}');
    Command::parse(&command)
}

fn begun(kind: &str, moment: &str, event: &Event) -> String {
    format!("{{\"type\":\"{kind}\",\"{moment}\":{}", event.created_at.as_secs())
}

fn field(command: &mut String, name: &str, json: &str) {
    // Writing to a string cannot fail.
    let _ = write!(command, ",\"{name}\":{json}");
}
