//! The JSON Schema of the command language, printed from the commands' own field lists.

use serde_json::{Map, Value, json};

use super::settlement::OLD_NAMES;
use super::{Body, schema_of};
use crate::json::{nullable, with};
use crate::text::RequestId;
use crate::time::Timestamp;

/// The whole language as one JSON Schema (draft 2020-12).
///
/// What a command that is accepted must look like, but not all of it: lengths are counted in bytes
/// by the language and in characters by JSON Schema, and what two fields say together is not here.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut choices = Vec::new();
    for (type_name, mut schema) in Body::descriptions() {
        describe_envelope(&mut schema, type_name);
        if type_name == "settlement.claim" {
            describe_old_names(&mut schema);
        }
        choices.push(json!({ "$ref": format!("#/$defs/{type_name}") }));
        definitions.insert(type_name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:spireledger:commands",
        "title": "Spireledger commands",
        "oneOf": choices,
        "$defs": definitions,
    })
}

/// What every command may carry beside its own fields.
fn describe_envelope(schema: &mut Value, type_name: &str) {
    let optional =
        |schema: &Value, description: &str| with(nullable(schema), "description", description);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let happened = "When it happened, beside when it is recorded.";
        let named = "The client's name for the request, so that a setting can be repeated safely.";
        properties.insert("type".into(), json!({ "const": type_name }));
        properties.insert("occurred_at".into(), optional(&schema_of::<Timestamp>(), happened));
        let proven = "Whether the answer shall carry the proof that the entry is in the log.";
        properties.insert("request_id".into(), optional(&schema_of::<RequestId>(), named));
        properties.insert("receipt".into(), optional(&schema_of::<bool>(), proven));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.insert(0, "type".into());
    }
}

/// An amount may be given under its old name instead; both are read as the new one.
fn describe_old_names(schema: &mut Value) {
    let mut either = Vec::new();
    for (old, new) in OLD_NAMES {
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            let current = properties.get(new).cloned().unwrap_or_default();
            let described = with(current, "description", format!("The older name of {new}."));
            properties.insert(old.to_owned(), with(described, "deprecated", true));
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| name != new);
        }
        either.push(json!({ "anyOf": [{ "required": [new] }, { "required": [old] }] }));
    }
    *schema = with(std::mem::take(schema), "allOf", either);
}
