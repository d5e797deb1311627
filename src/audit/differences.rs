//! What differs between the event that the rules come to and the one that is there, field by field.

use serde_json::Value;
use spireledger_schema::Event;

/// Fields that are named: the first ones tell enough.
const NAMED_MAX: usize = 8;

/// Values are shown with so many characters at most.
const SHOWN_CHARS: usize = 120;

/// Names what differs: `field: expected 1, found 2`.
pub(super) fn between(expected: &Event, found: &Event) -> String {
    let mut told = Vec::new();
    // Every event has a JSON form: strings, numbers, lists and objects with string keys.
    let json = |event| serde_json::to_value(event).unwrap_or_default();
    compare("", &json(expected), &json(found), &mut told);
    let more = told.len().saturating_sub(NAMED_MAX);
    told.truncate(NAMED_MAX);
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

fn compare(path: &str, expected: &Value, found: &Value, told: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(all), Value::Object(others)) => {
            let below = |name: &str| {
                if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
            };
            for (name, value) in all {
                compare(&below(name), value, others.get(name).unwrap_or(&Value::Null), told);
            }
            for (name, value) in others.iter().filter(|(name, _)| !all.contains_key(*name)) {
                compare(&below(name), &Value::Null, value, told);
            }
        }
        (Value::Array(all), Value::Array(others)) => {
            for at in 0..all.len().max(others.len()) {
                let value = |list: &[Value]| list.get(at).cloned().unwrap_or_default();
                compare(&format!("{path}[{at}]"), &value(all), &value(others), told);
            }
        }
        _ if expected == found => {}
        _ => told.push(format!("{path}: expected {}, found {}", shown(expected), shown(found))),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::Null => return "nothing".into(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}
