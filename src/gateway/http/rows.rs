//! Rows of tables, for whoever may see them: filtered, and page by page.

use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, params_from_iter};
use serde_json::{Map, Value};
use spireledger_projections::shape::Declared;
use spireledger_projections::tables::Table;
use spireledger_schema::time::Timestamp;

use super::caller::Sees;
use super::problem::Problem;
use crate::tables::SCHEMA;

/// Rows of a page, unless fewer are asked for.
pub const PAGE_MAX: usize = 1_000;
const PAGE: usize = 100;

/// What of a table is asked for.
#[derive(Debug, Default)]
pub struct Ask {
    /// Columns that must have a value.
    filters: Vec<(String, String)>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A page of rows.
pub struct Page {
    /// The rows, by column.
    pub rows: Vec<Map<String, Value>>,
    /// Where the next page begins; nothing behind the last row.
    pub next: Option<String>,
}

/// The condition under which rows of a table may be seen, with the value of its one place; `Err`: none of
/// them may.
fn condition(table: &str, sees: Sees<'_>) -> Result<Option<(String, String)>, Problem> {
    let machines = |test: &str| format!("SELECT id FROM {SCHEMA}.dca_machines WHERE {test} = ?");
    let clients = format!("SELECT id FROM {SCHEMA}.dca_clients WHERE user_id = ?");
    let own = match sees {
        Sees::All => return Ok(None),
        Sees::Operator(user) => {
            let machines = machines("operator_user_id");
            let at_machines = format!("machine_id IN ({machines})");
            let condition = match table {
                "dca_machines" | "dca_commission_splits" | "dca_payments" | "journal" => {
                    "operator_user_id = ?".to_owned()
                }
                "dca_clients" | "dca_deposits" | "dca_settlements" | "dca_telemetry"
                | "cassette_configs" | "balances" => at_machines,
                "dca_lp" => format!(
                    "user_id IN (SELECT user_id FROM {SCHEMA}.dca_clients WHERE {at_machines})"
                ),
                "settlement_audit" => format!(
                    "settlement_id IN (SELECT id FROM {SCHEMA}.dca_settlements WHERE {at_machines})"
                ),
                _ => return Err(nothing_of(table)),
            };
            (condition, user.to_string())
        }
        Sees::Lp(user) => {
            let condition = match table {
                "dca_lp" | "dca_clients" | "balances" => "user_id = ?".to_owned(),
                "dca_deposits" | "dca_payments" => format!("client_id IN ({clients})"),
                _ => return Err(nothing_of(table)),
            };
            (condition, user.to_string())
        }
        Sees::Machine(key) => {
            let condition = match table {
                "dca_machines" => "machine_npub = ?".to_owned(),
                "dca_settlements" | "dca_telemetry" | "cassette_configs" => {
                    format!("machine_id IN ({})", machines("machine_npub"))
                }
                _ => return Err(nothing_of(table)),
            };
            (condition, key.to_string())
        }
    };
    Ok(Some(own))
}

fn nothing_of(table: &str) -> Problem {
    Problem::forbidden(format!("this key may not read {table}"))
}

impl Ask {
    /// Reads a query string; `reserved` are parameters of the route itself.
    pub fn parse(query: &str, table: &Table, reserved: &[&str]) -> Result<Self, Problem> {
        let mut ask = Self::default();
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "limit" => {
                    let limit = value.parse().ok().filter(|n| (1..=PAGE_MAX).contains(n));
                    let wrong = || {
                        Problem::bad_request(format!("`limit` is 1 to {PAGE_MAX}, not `{value}`"))
                    };
                    ask.limit = Some(limit.ok_or_else(wrong)?);
                }
                "cursor" => ask.cursor = Some(value),
                name if reserved.contains(&name) => {}
                name if table.column(name).is_some() => ask.filters.push((name.to_owned(), value)),
                name => {
                    let columns: Vec<&str> = table.columns().iter().map(|c| c.name).collect();
                    return Err(Problem::bad_request(format!(
                        "{} has no column `{name}`; it has {}; a page is told by `limit` and `cursor`",
                        table.name(),
                        columns.join(", ")
                    )));
                }
            }
        }
        Ok(ask)
    }

    /// The same, with one more column that must have a value.
    #[must_use]
    pub fn with(mut self, column: &str, value: &str) -> Self {
        self.filters.push((column.to_owned(), value.to_owned()));
        self
    }

    /// Reads the page, in the order of the table's key.
    pub fn page(
        &self,
        tables: &Connection,
        table: &Table,
        sees: Sees<'_>,
    ) -> Result<Page, Problem> {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        if let Some((condition, value)) = condition(table.name(), sees)? {
            conditions.push(condition);
            values.push(Sql::Text(value));
        }
        for (column, value) in &self.filters {
            conditions.push(format!("\"{column}\" = ?"));
            values.push(Sql::Text(value.clone()));
        }
        let key = table.key();
        if let Some(cursor) = &self.cursor {
            let places = vec!["?"; key.len()].join(", ");
            conditions.push(format!("({}) > ({places})", key.join(", ")));
            values.extend(read_cursor(cursor, key.len())?);
        }
        let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let limit = self.limit.unwrap_or(PAGE);
        let condition =
            if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
        let select = format!(
            "SELECT \"{}\" FROM {SCHEMA}.{} WHERE {condition} ORDER BY {} LIMIT {}",
            names.join("\", \""),
            table.name(),
            key.join(", "),
            limit + 1
        );
        read(tables, table, &select, values, limit).map_err(|error| Problem::broken(&error))
    }
}

fn read(
    tables: &Connection,
    table: &Table,
    select: &str,
    values: Vec<Sql>,
    limit: usize,
) -> rusqlite::Result<Page> {
    let mut select = tables.prepare(select)?;
    let mut found = select.query(params_from_iter(values))?;
    let mut page = Page { rows: Vec::new(), next: None };
    let mut last: Vec<Sql> = Vec::new();
    while let Some(row) = found.next()? {
        if page.rows.len() == limit {
            page.next = Some(write_cursor(&last));
            break;
        }
        let mut object = Map::new();
        last.clear();
        for (at, column) in table.columns().iter().enumerate() {
            let value = row.get_ref(at)?;
            object.insert(column.name.into(), shown(column.declared, value));
        }
        for name in table.key() {
            let at = table.columns().iter().position(|column| column.name == *name);
            last.push(row.get(at.unwrap_or_default())?);
        }
        page.rows.push(object);
    }
    Ok(page)
}

/// A value as the command language writes it: decimals as strings, moments in RFC 3339.
fn shown(declared: Declared, value: ValueRef<'_>) -> Value {
    let number = |places: usize| match value {
        ValueRef::Integer(number) => Some(format!("{number}.{}", "0".repeat(places))),
        ValueRef::Real(number) => Some(format!("{number:.places$}")),
        _ => None,
    };
    let typed = match (declared, value) {
        (Declared::Boolean, ValueRef::Integer(truth @ (0 | 1))) => Some(Value::Bool(truth == 1)),
        (Declared::Timestamp, ValueRef::Integer(seconds)) => {
            Timestamp::from_seconds(seconds).and_then(|at| serde_json::to_value(at).ok())
        }
        (Declared::Fiat, _) => number(2).map(Value::String),
        (Declared::Fraction, _) => number(4).map(Value::String),
        (Declared::Real, ValueRef::Real(number)) => Some(Value::String(number.to_string())),
        (Declared::Real, ValueRef::Integer(number)) => Some(Value::String(number.to_string())),
        _ => None,
    };
    typed.unwrap_or_else(|| match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => spireledger_schema::hex::encode(bytes).into(),
    })
}

/// The key of a page's last row, in hex: nobody has to know what is in it.
fn write_cursor(key: &[Sql]) -> String {
    let values = key.iter().map(|value| match value {
        Sql::Integer(number) => Value::from(*number),
        Sql::Real(number) => Value::from(*number),
        Sql::Text(text) => Value::from(text.as_str()),
        Sql::Null | Sql::Blob(_) => Value::Null,
    });
    spireledger_schema::hex::encode(Value::Array(values.collect()).to_string().as_bytes())
}

fn read_cursor(cursor: &str, len: usize) -> Result<Vec<Sql>, Problem> {
    let wrong = || Problem::bad_request("`cursor` is not one that a page was answered with");
    let bytes = bytes_of(cursor).ok_or_else(wrong)?;
    let values: Vec<Value> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let read = |value: Value| match value {
        Value::String(text) => Some(Sql::Text(text)),
        Value::Number(number) => {
            number.as_i64().map(Sql::Integer).or_else(|| number.as_f64().map(Sql::Real))
        }
        Value::Null => Some(Sql::Null),
        _ => None,
    };
    let values: Option<Vec<Sql>> = values.into_iter().map(read).collect();
    values.filter(|values| values.len() == len).ok_or_else(wrong)
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [_, _] => u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok(),
        _ => None,
    };
    pairs.map(byte).collect()
}

/// The parameters of a query string, decoded.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
        decoded
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| Problem::bad_request("the query is no UTF-8"))
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}
