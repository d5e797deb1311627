//! What can be read: tables, and the resources that people guess.

use axum::extract::{self, Path};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use spireledger_projections::tables::{Seen, Shape, Table, balance_of};
use spireledger_projections::versions::NEWEST;
use spireledger_schema::identity::PaymentHash;

use super::State;
use super::caller::{Caller, Sees};
use super::problem::Problem;
use super::rows::{Ask, Page, pairs};
use crate::ledger::{AsOf, entry_json, fleet_of, own_history, past};
use crate::log::ReadLog as _;

pub(super) type Answered = Result<Response, Problem>;

fn json_of(value: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn page_of(position: u64, page: Page) -> Response {
    json_of(&json!({ "as_of": position, "rows": page.rows, "next_cursor": page.next }))
}

/// Does what takes a while where it keeps nobody else waiting.
pub(super) async fn aside<T: Send + 'static>(
    state: &State,
    work: impl FnOnce(&State) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let Ok(_permit) = state.readers.acquire().await else {
        return Err(Problem::busy("the server is about to stop"));
    };
    let own = state.clone();
    let done = tokio::task::spawn_blocking(move || work(&own)).await;
    done.map_err(|error| Problem::broken(&error))?
}

fn table_at<'s>(shape: &'s Shape, name: &str) -> Result<&'s Table, Problem> {
    shape.table(name).ok_or_else(|| {
        let names: Vec<&str> = shape.tables().iter().map(Table::name).collect();
        let version = shape.version();
        let names = names.join(", ");
        Problem::not_found(format!("version {version} has no table `{name}`; it has {names}"))
    })
}

fn version_in(query: &str) -> Result<u16, Problem> {
    let given = pairs(query)?.into_iter().find(|(name, _)| name == "version");
    let Some((_, text)) = given else { return Ok(NEWEST) };
    let version = text.parse().ok().filter(|version| (1..=NEWEST).contains(version));
    version.ok_or_else(|| Problem::bad_request(format!("`version` is 1 to {NEWEST}, not `{text}`")))
}

/// A page of a table.
async fn page(state: State, caller: Caller, table: String) -> Answered {
    aside(&state, move |state| {
        let query = caller.uri.query().unwrap_or_default();
        let version = version_in(query)?;
        let shape = Shape::at(version).unwrap_or_else(Shape::newest);
        let table = table_at(&shape, &table)?;
        let ask = Ask::parse(query, table, &["version"])?;
        let (tables, position) = read(state, version)?;
        Ok(page_of(position, ask.page(&tables, table, caller.sees())?))
    })
    .await
}

fn read(state: &State, version: u16) -> Result<(rusqlite::Connection, u64), Problem> {
    let read = state.shelf.read(version).map_err(|error| Problem::broken(&error))?;
    read.ok_or_else(|| Problem::broken(&"the live tables are another program's"))
}

/// `GET /v1/tables/{table}`.
pub async fn table(
    extract::State(state): extract::State<State>,
    Path(table): Path<String>,
    caller: Caller,
) -> Answered {
    page(state, caller, table).await
}

/// `GET /v1/tables`.
pub async fn tables(caller: Caller) -> Answered {
    let version = version_in(caller.uri.query().unwrap_or_default())?;
    let shape = Shape::at(version).unwrap_or_else(Shape::newest);
    let tables = shape.tables().iter().map(|table| {
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        json!({ "table": table.name(), "key": table.key(), "columns": columns })
    });
    Ok(json_of(&json!({ "version": version, "tables": tables.collect::<Vec<_>>() })))
}

/// `GET /v1/settlements`.
pub async fn settlements(extract::State(state): extract::State<State>, caller: Caller) -> Answered {
    page(state, caller, "dca_settlements".into()).await
}

/// `GET /v1/machines`.
pub async fn machines(extract::State(state): extract::State<State>, caller: Caller) -> Answered {
    page(state, caller, "dca_machines".into()).await
}

/// `GET /v1/settlements/{payment_hash}`: the settlement and its legs.
pub async fn settlement(
    extract::State(state): extract::State<State>,
    Path(hash): Path<String>,
    caller: Caller,
) -> Answered {
    aside(&state, move |state| {
        let Found { tables, position, mut row, .. } = find(state, &hash, &caller)?;
        let shape = Shape::newest();
        let legs = table_at(&shape, "dca_payments")?;
        let id = row.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        // Whoever sees the settlement sees its legs.
        let ask = Ask::default().with("settlement_id", &id);
        let legs = ask.page(&tables, legs, Sees::All)?;
        row.insert("legs".into(), legs.rows.into());
        row.insert("as_of".into(), position.into());
        Ok(json_of(&Value::Object(row)))
    })
    .await
}

/// A settlement, for whoever may see it, with the tables that tell of it.
pub(super) struct Found {
    pub hash: PaymentHash,
    tables: rusqlite::Connection,
    position: u64,
    row: serde_json::Map<String, Value>,
}

/// Looks a settlement up. Somebody else's is as if there were none.
pub(super) fn find(state: &State, hash: &str, caller: &Caller) -> Result<Found, Problem> {
    let no_hash = || Problem::bad_request(format!("`{hash}` is no payment hash: 64 hex digits"));
    let hash = PaymentHash::parse_hex(hash).ok_or_else(no_hash)?;
    let (tables, position) = read(state, NEWEST)?;
    let shape = Shape::newest();
    let table = table_at(&shape, "dca_settlements")?;
    let ask = Ask::default().with("payment_hash", &hash.to_string());
    let row = ask.page(&tables, table, caller.sees())?.rows.pop();
    let row = row.ok_or_else(|| not_claimed(&hash))?;
    Ok(Found { hash, tables, position, row })
}

pub(super) fn not_claimed(hash: &PaymentHash) -> Problem {
    Problem::not_found(format!("no settlement {hash} was claimed"))
}

/// `GET /v1/trace/{payment_hash}`: every entry of a settlement's life.
pub async fn trace(
    extract::State(state): extract::State<State>,
    Path(hash): Path<String>,
    caller: Caller,
) -> Answered {
    aside(&state, move |state| {
        let Found { hash, position, .. } = find(state, &hash, &caller)?;
        let broken = |error: crate::ledger::LedgerError| Problem::broken(&error);
        let life = own_history(&**state.desk.ledger().log(), &hash.key()).map_err(broken)?;
        let entries: Vec<Value> = life.iter().map(|(entry, at)| entry_json(entry, *at)).collect();
        Ok(json_of(&json!({ "payment_hash": hash, "as_of": position, "entries": entries })))
    })
    .await
}

/// `GET /v1/balances`, of now or as of an entry or a moment.
pub async fn balances(extract::State(state): extract::State<State>, caller: Caller) -> Answered {
    let given = pairs(caller.uri.query().unwrap_or_default())?;
    let Some((_, as_of)) = given.into_iter().find(|(name, _)| name == "as_of") else {
        return page(state, caller, "balances".into()).await;
    };
    let as_of: AsOf = as_of.parse().map_err(|error| {
        Problem::bad_request(format!("`as_of` is an entry's number or a time: {error}"))
    })?;
    aside(&state, move |state| balances_then(state, &caller, as_of)).await
}

fn balances_then(state: &State, caller: &Caller, as_of: AsOf) -> Answered {
    let broken = |error: crate::ledger::LedgerError| Problem::broken(&error);
    let log = &**state.desk.ledger().log();
    let past = past(log, as_of).map_err(|error| Problem::bad_request(error.to_string()))?;
    let fleet = fleet_of(&past, &state.dir).map_err(broken)?;
    let shape = Shape::newest();
    let table = table_at(&shape, "balances")?;
    let sees = |client: &&spireledger_projections::Client| match caller.sees() {
        Sees::All => true,
        Sees::Lp(user) => client.user_id == *user,
        Sees::Operator(user) => {
            let machine = fleet.machine(&client.machine_id);
            machine.is_some_and(|machine| machine.operator_user_id == *user)
        }
        Sees::Machine(_) => false,
    };
    if matches!(caller.sees(), Sees::Machine(_)) {
        return Err(Problem::forbidden("this key may not read balances"));
    }
    let rows = fleet.clients().filter(sees).filter_map(|client| {
        let row = table.row(&Seen::from(balance_of(&fleet, client)))?;
        let cells = table.columns().iter().zip(row);
        let cells = cells.map(|(column, cell)| {
            (column.name.to_owned(), serde_json::to_value(cell).unwrap_or(Value::Null))
        });
        Some(Value::Object(cells.collect()))
    });
    let rows: Vec<Value> = rows.collect();
    Ok(json_of(&json!({ "as_of": past.head().seq, "rows": rows, "next_cursor": null })))
}
