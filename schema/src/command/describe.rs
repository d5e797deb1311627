//! The JSON Schema of the command language, printed from the commands' own field lists.

use serde_json::{Value, json};

use super::{Body, schema_of};
use crate::text::RequestId;
use crate::time::Timestamp;

/// The whole language as one JSON Schema (draft 2020-12).
pub fn json_schema() -> Value {
    let mut definitions = serde_json::Map::new();
    let mut choices = Vec::new();
    for (type_name, mut schema) in Body::descriptions() {
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.insert("type".into(), json!({ "const": type_name }));
            properties.insert(
                "occurred_at".into(),
                optional(schema_of::<Timestamp>(), "When it happened, beside when it is recorded."),
            );
            properties.insert(
                "request_id".into(),
                optional(
                    schema_of::<RequestId>(),
                    "The client's name for the request, so that a setting can be repeated safely.",
                ),
            );
        }
        if let Some(required) = schema["required"].as_array_mut() {
            required.insert(0, "type".into());
        }
        if type_name == "settlement.claim" {
            schema["$comment"] = "gross_sats, net_sats and commission_sats are read as wire_sats, \
                                  principal_sats and fee_sats"
                .into();
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

fn optional(schema: Value, description: &str) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }], "description": description })
}
