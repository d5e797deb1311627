//! Identity and replay: was this said before, and in the same words?

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Code, Entry, EntryKey, Event, Refusal};

use super::{Case, Ruling, Step, Stop, needs};

/// An entry has the identity of the command: the same content replays it, other content conflicts.
pub(super) fn replay_or_conflict(case: &Case<'_>, first: &Entry, now: &Event) -> Ruling {
    if first.event.tag() != now.tag() {
        return Err(taken(first).into());
    }
    // A request can be found again in another stream. Events of settlements do not name theirs.
    let key = needs::stream(case.fleet, case.request);
    if first.front.key == key
        && first.event == *now
        && first.circumstances.occurred_at == case.request.command.occurred_at
    {
        return Ok(Step::Replay(first.front.seq));
    }
    Err(conflict(case, first, now, key).into())
}

/// Payment hashes and the keys of other things share one space, and whoever claims names the hash: a
/// machine that was taken over can name the key of something else, there or to come. That is a
/// refusal for whoever comes second, and nothing worse.
pub(super) fn taken(first: &Entry) -> Refusal {
    let (seq, name) = (first.front.seq, first.event.name());
    if matches!(first.event, Event::RowImported(_) | Event::RulesImported(_)) {
        let message = format!(
            "entry {seq} brought this in from a database; it is here already, and can be changed but \
             not made anew"
        );
        return Refusal::new(Code::Conflict, message).with("seq", seq);
    }
    let message = format!(
        "the key of this is taken by something else ({name}, entry {seq}), which does not happen by \
         chance; use another id, or the hash of a real payment"
    );
    Refusal::new(Code::Conflict, message).with("seq", seq)
}

/// The first entry of the stream, if it made the thing that the command would make. What was brought
/// in and is only kept made nothing: `is_there` tells whether there is such a thing.
pub(super) fn maker<'a>(case: &Case<'a>, is_there: bool) -> Option<&'a Entry> {
    let first = case.found.stream.first()?;
    let is_kept_only = matches!(&first.event, Event::RowImported(e) if !e.is_live);
    (is_there || !is_kept_only).then_some(first)
}

/// What differs between the first entry and what is said now, field by field.
fn conflict(case: &Case<'_>, first: &Entry, now: &Event, key: EntryKey) -> Refusal {
    let before = said(&first.event, first.circumstances.occurred_at);
    let after = said(now, case.request.command.occurred_at);
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |fields: &Map<String, Value>, name| fields.get(name).cloned().unwrap_or_default();
    let mut fields: Vec<Value> = Vec::new();
    for name in names {
        let (old, new) = (value(&before, name), value(&after, name));
        if old != new {
            fields.push(json!({ "field": name, "first": old, "now": new }));
        }
    }
    if fields.is_empty() {
        let (old, new) = (first.front.key.to_string(), key.to_string());
        fields.push(json!({ "field": "payment_hash", "first": old, "now": new }));
    }
    let listed: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
    let seq = first.front.seq;
    let message = format!(
        "entry {seq} says this already, with other content; these differ: {}. \
         The first one stands.",
        listed.join(", ")
    );
    Refusal::new(Code::Conflict, message)
        .with("fields", &fields)
        .with("seq", seq)
        .with("recorded_at", first.circumstances.recorded_at)
}

fn said(event: &Event, occurred_at: Option<Timestamp>) -> Map<String, Value> {
    let mut fields = match serde_json::to_value(event) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    // The fields of an added leg, by the names that its command has for them.
    if let Some(Value::Object(leg)) = fields.remove("leg") {
        fields.extend(leg);
    }
    fields.insert("occurred_at".into(), json!(occurred_at));
    fields
}

/// Whether a setting was said already. With a `request_id` that was seen: the first answer again, or
/// a conflict. Setting what already is so: the entry that made it so. `None`: it is new.
///
/// `is_so`: nothing would change. `made_it_so`: whether an event set one of the given fields. What is
/// so by default alone was made so by no entry; setting it is new.
pub(super) fn replayed(
    case: &Case<'_>,
    event: &Event,
    is_so: bool,
    made_it_so: impl Fn(&Event) -> bool,
) -> Result<Option<Step>, Stop> {
    if let Some(first) = &case.found.aliased {
        return replay_or_conflict(case, first, event).map(Some);
    }
    if !is_so {
        return Ok(None);
    }
    let maker = case.found.stream.iter().rev().find(|entry| made_it_so(&entry.event));
    Ok(maker.map(|entry| Step::Replay(entry.front.seq)))
}
