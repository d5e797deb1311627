//! The description of the routes (OpenAPI 3.1), and a page for people to read it.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use spireledger_projections::tables::{Shape, Table};
use spireledger_projections::versions::NEWEST;

use super::commands;
use super::rows::PAGE_MAX;

/// What a route does.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    /// Whether it has to be signed.
    signed: bool,
    /// Parameters of the query: name, schema and meaning.
    query: Vec<(&'static str, Value, &'static str)>,
    /// Statuses besides those of every request, with the schema of what comes.
    answers: Vec<(u16, &'static str, Value)>,
}

/// The description.
pub fn description() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method] = described(&operation);
    }
    let mut schemas = commands_schemas();
    schemas.insert("Answer".into(), answer());
    schemas.insert("Problem".into(), problem());
    schemas.insert("Page".into(), page_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Spireledger",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A settlement ledger for fleets of Bitcoin ATMs. Requests are signed with \
                Nostr keys (NIP-98): kind 27235, `u` the whole URL, `method`, and for a body `payload`, \
                its SHA-256 in hex; at most 60 seconds old, each event once.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "nostr": {
                "type": "http",
                "scheme": "Nostr",
                "description": "`Authorization: Nostr <base64 of the event>` (NIP-98)",
            } },
            "schemas": schemas,
        },
    })
}

/// The schema of the command language, part by part, in the place where descriptions look for parts.
fn commands_schemas() -> Map<String, Value> {
    let text = include_str!("../../../schema/commands.schema.json");
    let text = text.replace("#/$defs/", "#/components/schemas/");
    let mut schemas = Map::new();
    if let Ok(Value::Object(mut command)) = serde_json::from_str(&text) {
        if let Some(Value::Object(parts)) = command.remove("$defs") {
            schemas.extend(parts);
        }
        command.remove("$schema");
        schemas.insert("Command".into(), Value::Object(command));
    }
    schemas
}

fn described(operation: &Operation) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    for part in operation.path.split('/').filter_map(|part| part.strip_prefix('{')) {
        let name = part.trim_end_matches('}');
        let schema = match name {
            "payment_hash" => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
            _ => json!({ "type": "string", "enum": tables() }),
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    for (name, schema, meaning) in &operation.query {
        parameters
            .push(json!({ "name": name, "in": "query", "schema": schema, "description": meaning }));
    }
    let mut responses: Map<String, Value> = Map::new();
    for (status, meaning, schema) in &operation.answers {
        let kind = match schema {
            Value::String(kind) => json!({ kind: { "schema": { "type": "string" } } }),
            schema => json!({ "application/json": { "schema": schema } }),
        };
        responses.insert(status.to_string(), json!({ "description": meaning, "content": kind }));
    }
    let problem = json!({ "application/problem+json": {
        "schema": { "$ref": "#/components/schemas/Problem" } } });
    let mut statuses: Vec<(u16, &str)> = Vec::new();
    if operation.signed {
        statuses.extend([
            (400, "Not understood"),
            (401, "Not signed as it must be"),
            (403, "Not allowed"),
            (404, "Not there, or somebody else's"),
            (408, "Sent too slowly"),
            (413, "Too long"),
            (429, "Too many requests of this key"),
            (503, "Busy for a moment"),
        ]);
    }
    if operation.method == "post" {
        let refused = commands::statuses();
        statuses.extend(
            refused.iter().map(|status| (status.as_u16(), "Refused: the problem carries why")),
        );
    }
    for (status, meaning) in statuses {
        let response = json!({ "description": meaning, "content": problem });
        responses.entry(status.to_string()).or_insert(response);
    }
    let mut out = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if operation.signed {
        out["security"] = json!([{ "nostr": [] }]);
    }
    if operation.method == "post" {
        let one = json!({ "$ref": "#/components/schemas/Command" });
        // Whatever stands in an array gets an answer of its own: what is no command is refused alone.
        let of_array = json!({ "anyOf": [one, {}] });
        let schema = json!({ "anyOf": [one, { "type": "array", "items": of_array }] });
        out["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    out
}

fn tables() -> Vec<&'static str> {
    Shape::lent(NEWEST)
        .map_or_else(Vec::new, |shape| shape.tables().iter().map(Table::name).collect())
}

fn operations() -> Vec<Operation> {
    let mut all = vec![of_commands()];
    all.extend(of_resources());
    all.extend(of_log());
    all.extend(of_watching());
    all
}

fn reference(part: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{part}") })
}

fn of_commands() -> Operation {
    let some = json!({ "oneOf": [reference("Answer"), {
        "type": "array", "items": reference("Answer") }] });
    Operation {
        path: "/v1/commands",
        method: "post",
        id: "command",
        summary: "Sends a command, or an array of them, each with an answer of its own, in order.",
        signed: true,
        query: Vec::new(),
        answers: vec![
            (201, "Accepted: it is durable", reference("Answer")),
            (200, "Replayed: it was in the ledger already. Of an array: its answers", some),
        ],
    }
}

fn signed(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: Vec<(&'static str, Value, &'static str)>,
    schema: Value,
) -> Operation {
    let answers = vec![(200, "What is there", schema)];
    Operation { path, method: "get", id, summary, signed: true, query, answers }
}

fn of_resources() -> Vec<Operation> {
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX });
    let cursor = json!({ "type": "string", "pattern": "^([0-9a-f]{2})+$" });
    let paged = vec![
        ("limit", limit, "Rows of a page."),
        ("cursor", cursor, "`next_cursor` of the page before."),
    ];
    let version = json!({ "type": "integer", "minimum": 1, "maximum": NEWEST });
    let version = ("version", version, "Version of the tables; the newest by default.");
    let as_of = json!({ "type": "string", "anyOf": [
        { "pattern": "^[0-9]{1,18}$" }, { "format": "date-time" }] });
    let as_of = ("as_of", as_of, "An entry's number or a time: balances as they were then.");
    let with = |more| [paged.clone(), vec![more]].concat();
    let page = || reference("Page");
    let object = || json!({ "type": "object" });
    vec![
        signed(
            "/v1/settlements",
            "settlements",
            "Settlements, by id. Any column can be a filter.",
            with(version.clone()),
            page(),
        ),
        signed(
            "/v1/settlements/{payment_hash}",
            "settlement",
            "A settlement with its legs.",
            Vec::new(),
            object(),
        ),
        signed(
            "/v1/machines",
            "machines",
            "Machines, by id. Any column can be a filter.",
            with(version.clone()),
            page(),
        ),
        signed(
            "/v1/balances",
            "balances",
            "What each LP has at each machine.",
            with(as_of),
            page(),
        ),
        signed(
            "/v1/tables",
            "tables",
            "The tables of a version and their columns.",
            vec![version.clone()],
            object(),
        ),
        signed(
            "/v1/tables/{table}",
            "table",
            "The rows of a table, by its key. Any column can be a filter.",
            with(version),
            page(),
        ),
    ]
}

fn of_log() -> Vec<Operation> {
    let from = json!({ "type": "integer", "minimum": 1 });
    let trace = signed(
        "/v1/trace/{payment_hash}",
        "trace",
        "Every entry of a settlement's life.",
        Vec::new(),
        json!({ "type": "object" }),
    );
    let events = signed(
        "/v1/events",
        "events",
        "The log as server-sent events: all entries, and each new one when it is durable. \
         `Last-Event-ID` goes on behind an entry.",
        vec![("from", from, "The first entry; 1 by default.")],
        json!("text/event-stream"),
    );
    let since = json!({ "type": "integer", "minimum": 0 });
    let checkpoint = signed(
        "/v1/checkpoint",
        "checkpoint",
        "The signed head of the log (a C2SP checkpoint); with `since`, the proof that it extends the \
         checkpoint of that size.",
        vec![("since", since, "The size of an earlier checkpoint.")],
        json!("text/plain"),
    );
    let proof = signed(
        "/v1/proof/{payment_hash}",
        "proof",
        "The proof that a settlement's claim is in the log (a C2SP tlog-proof).",
        Vec::new(),
        json!("text/plain"),
    );
    vec![trace, events, checkpoint, proof]
}

fn of_watching() -> Vec<Operation> {
    let open = |path, id, summary, kind| {
        let signed = signed(path, id, summary, Vec::new(), kind);
        Operation { signed: false, ..signed }
    };
    let text = || json!("text/plain");
    let mut ready = open("/readyz", "readyz", "Commands are taken.", text());
    ready.answers.push((503, "They are not, for now", text()));
    let metrics = "Counters in the text format of Prometheus.";
    vec![
        open("/healthz", "healthz", "The process is there.", text()),
        ready,
        open("/metrics", "metrics", metrics, text()),
        open("/openapi.json", "description", "This description.", json!({ "type": "object" })),
        open("/", "page", "This description, for people.", json!("text/html")),
    ]
}

fn answer() -> Value {
    json!({
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": { "enum": ["accepted", "replayed", "refused"] },
            "payment_hash": { "type": "string" },
            "id": { "type": "string" },
            "seq": { "type": "integer" },
            "entry_hash": { "type": "string" },
            "receipt": {
                "type": "string",
                "description": "With `\"receipt\": true` in the command: the proof that the entry is in the \
                                log, as a C2SP tlog-proof."
            },
            "receipt_missing": {
                "type": "string",
                "description": "Why the receipt that was asked for could not be made. The answer stands."
            },
            "recorded_at": { "type": "string", "format": "date-time" },
            "settlement": { "type": "object" },
            "legs": { "type": "array", "items": { "type": "object" } },
            "code": { "type": "string" },
            "message": { "type": "string" },
            "retryable": { "type": "boolean" },
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "refusal": { "$ref": "#/components/schemas/Answer" },
        },
    })
}

fn page_schema() -> Value {
    json!({
        "type": "object",
        "required": ["as_of", "rows", "next_cursor"],
        "properties": {
            "as_of": { "type": "integer", "description": "The entry that the rows are of." },
            "rows": { "type": "array", "items": { "type": "object" } },
            "next_cursor": { "type": ["string", "null"] },
        },
    })
}

/// `GET /openapi.json`.
pub async fn json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], description().to_string()).into_response()
}

/// `GET /`.
pub async fn html() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page()).into_response()
}

/// The description as a page that needs nothing from anywhere.
pub fn page() -> String {
    let mut out = String::from(HEAD);
    for operation in operations() {
        let method = operation.method.to_uppercase();
        let key = if operation.signed { "signed" } else { "open" };
        out.extend(["<section><h2><code>", &method, " ", operation.path, "</code> <small>", key]);
        out.extend(["</small></h2><p>", &escaped(operation.summary), "</p>"]);
        if !operation.query.is_empty() {
            out.push_str("<table><tr><th>parameter<th>what it is</tr>");
            for (name, _, meaning) in &operation.query {
                out.extend(["<tr><td><code>", name, "</code><td>", &escaped(meaning), "</tr>"]);
            }
            out.push_str("</table>");
        }
        out.push_str("<table><tr><th>status<th>when</tr>");
        for (status, meaning, _) in &operation.answers {
            out.extend(["<tr><td>", &status.to_string(), "<td>", &escaped(meaning), "</tr>"]);
        }
        out.push_str("</table></section>");
    }
    out.push_str("</main></html>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
<meta name=viewport content='width=device-width'><title>Spireledger</title><style>\
body{font:16px/1.5 system-ui,sans-serif;margin:0;color:#1c1c1c;background:#fafafa}\
main{max-width:52rem;margin:2rem auto;padding:0 1rem}\
section{background:#fff;border:1px solid #ddd;border-radius:6px;padding:.5rem 1rem;margin:1rem 0}\
h2{font-size:1.05rem}small{color:#777;font-weight:400}table{border-collapse:collapse;margin:.5rem 0}\
td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}th{color:#777;font-weight:400}\
</style><main><h1>Spireledger</h1><p>Commands go in, tables and traces come out. Requests are signed with \
Nostr keys (NIP-98). The same as <a href=/openapi.json>OpenAPI</a>, with the schema of every command. \
A request that is not done is answered with problem details (RFC 9457): 400 not understood, 401 not \
signed as it must be, 403 not allowed, 404 not there or somebody else&rsquo;s, 409 conflict, 413 too \
long, 422 refused, 429 too many, 503 busy.</p>";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::http::routes;

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let mut routed: Vec<&str> = routes().iter().map(|(path, _)| *path).collect();
        let description = description();
        let paths = description["paths"].as_object().expect("paths");
        let mut described: Vec<&str> = paths.keys().map(String::as_str).collect();
        routed.sort_unstable();
        described.sort_unstable();
        assert_eq!(routed, described);
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_the_commands_have_their_schema() {
        let mut ids: Vec<&str> = operations().iter().map(|operation| operation.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(description()["components"]["schemas"]["Command"].is_object());
    }
}
