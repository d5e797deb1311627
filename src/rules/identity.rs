//! Identity and replay: was this said before, and in the same words?

use serde_json::{Value, json};
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::{Case, Ruling, Step, Stop};

/// An entry has the identity of the command: the same content replays it, other content conflicts.
pub(super) fn replay_or_conflict(case: &Case<'_>, first: &Entry, now: &Event) -> Ruling {
    if first.event == *now && first.circumstances.occurred_at == case.request.command.occurred_at {
        return Ok(Step::Replay(first.front.seq));
    }
    Err(conflict(case, first, now).into())
}

/// What differs between the first entry and what is said now, field by field.
fn conflict(case: &Case<'_>, first: &Entry, now: &Event) -> Refusal {
    let said = |event: &Event, occurred_at: Option<_>| {
        let mut fields = serde_json::to_value(event).unwrap_or_default();
        fields["occurred_at"] = serde_json::to_value(occurred_at).unwrap_or_default();
        fields
    };
    let before = said(&first.event, first.circumstances.occurred_at);
    let after = said(now, case.request.command.occurred_at);
    let mut fields = Vec::new();
    for name in names(&before, &after) {
        let (old, new) = (before.get(&name), after.get(&name));
        if old.unwrap_or(&Value::Null) != new.unwrap_or(&Value::Null) {
            fields.push(json!({ "field": name, "first": old, "now": new }));
        }
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

fn names(before: &Value, after: &Value) -> Vec<String> {
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().map(|map| map.keys().cloned().collect()).unwrap_or_default()
    };
    let mut all = keys(before);
    all.extend(keys(after));
    all.sort();
    all.dedup();
    all
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
