//! Whether live tables are what the log says: held, row by row, against tables that are made for the
//! purpose.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, Rows};
use spireledger_projections::tables::{Shape, Table};

use super::database::{Database, SCHEMA, TablesError};
use crate::log::ReadLog;

/// One thing that live tables say wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: String,
    /// The key of the row; nothing for the table itself.
    pub key: String,
    /// What is wrong: which column, what is there and what should be.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let space = if self.key.is_empty() { "" } else { " " };
        write!(f, "{}{space}{}: {}", self.table, self.key, self.what)
    }
}

/// Holds live tables against what `log` says, up to their position; every difference is handed to `found`.
/// `live` comes from [`super::Live::read`], so it stands still.
pub fn compare(
    log: &dyn ReadLog,
    live: &Connection,
    shape: &Shape,
    found: &mut dyn FnMut(Difference),
    tick: &mut dyn FnMut(u64),
) -> Result<(), TablesError> {
    let mut fresh = Database::passing(shape, None)?;
    fresh.forward(log, tick)?;
    fresh.index(shape, None)?;
    let fresh = fresh.connection();
    whole(live, found)?;
    described(live, fresh, found)?;
    shape.tables().iter().try_for_each(|table| compare_rows(live, fresh, table, found))
}

/// What SQLite itself finds wrong: indexes that do not fit their tables, broken pages.
fn whole(live: &Connection, found: &mut dyn FnMut(Difference)) -> Result<(), TablesError> {
    let mut check = live.prepare(&format!("PRAGMA {SCHEMA}.integrity_check"))?;
    let mut said = check.query([])?;
    while let Some(row) = said.next()? {
        let what: String = row.get(0)?;
        if what != "ok" {
            found(Difference { table: "the file".into(), key: String::new(), what });
        }
    }
    Ok(())
}

/// Tables and indexes themselves.
fn described(
    live: &Connection,
    fresh: &Connection,
    found: &mut dyn FnMut(Difference),
) -> Result<(), TablesError> {
    let read = |connection: &Connection, schema| -> rusqlite::Result<Vec<(String, String)>> {
        let all = format!(
            "SELECT name, coalesce(sql, '') FROM {schema}.sqlite_master \
             WHERE name NOT LIKE 'spireledger~_%' ESCAPE '~' ORDER BY name"
        );
        let mut all = connection.prepare(&all)?;
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let (there, should) = (read(live, SCHEMA)?, read(fresh, "main")?);
    for (name, sql) in &should {
        let what = match there.iter().find(|(found, _)| found == name) {
            None => "it is not there".to_owned(),
            Some((_, found)) if found != sql => format!("it is `{found}`, should be `{sql}`"),
            Some(_) => continue,
        };
        found(Difference { table: name.clone(), key: String::new(), what });
    }
    for (name, _) in there.iter().filter(|(name, _)| should.iter().all(|(known, _)| known != name))
    {
        let what = "no version has it".to_owned();
        found(Difference { table: name.clone(), key: String::new(), what });
    }
    Ok(())
}

/// Walks both in the order of their keys.
fn compare_rows(
    live: &Connection,
    fresh: &Connection,
    table: &Table,
    found: &mut dyn FnMut(Difference),
) -> Result<(), TablesError> {
    let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
    let select = |schema: &str| {
        let (names, key) = (columns.join("\", \""), table.key().join(", "));
        format!("SELECT \"{names}\" FROM {schema}.{} ORDER BY {key}", table.name())
    };
    let (mut there, mut should) = (live.prepare(&select(SCHEMA))?, fresh.prepare(&select("main"))?);
    let (mut there, mut should) = (there.query([])?, should.query([])?);
    let (mut ours, mut right) = (next(&mut there, &columns)?, next(&mut should, &columns)?);
    let mut tell = |row: &[Value], what: String| {
        found(Difference { table: table.name().into(), key: key_of(table, row), what });
    };
    loop {
        let order = match (&ours, &right) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(ours), Some(right)) => by_key(table, ours, right),
        };
        if order == Ordering::Less
            && let Some(ours) = &ours
        {
            tell(ours, "the row is there, but the log has none".into());
        }
        if order == Ordering::Greater
            && let Some(right) = &right
        {
            tell(right, "the row is not there".into());
        }
        if order == Ordering::Equal
            && let (Some(ours), Some(right)) = (&ours, &right)
        {
            let cells = columns.iter().zip(ours.iter().zip(right));
            for (column, (is, should)) in cells.filter(|(_, (is, should))| is != should) {
                let (is, should) = (shown(is), shown(should));
                tell(right, format!("{column} is {is}, should be {should}"));
            }
        }
        if order != Ordering::Greater {
            ours = next(&mut there, &columns)?;
        }
        if order != Ordering::Less {
            right = next(&mut should, &columns)?;
        }
    }
}

fn next(rows: &mut Rows<'_>, columns: &[&str]) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..columns.len()).map(|at| row.get(at)).collect::<Result<_, _>>().map(Some)
}

fn key_values<'r>(
    table: &Table,
    row: &'r [Value],
) -> impl Iterator<Item = (&'static str, &'r Value)> {
    let named = |name: &'static str| {
        let place = table.columns().iter().position(|column| column.name == name)?;
        Some((name, row.get(place)?))
    };
    table.key().iter().filter_map(move |name| named(name)).collect::<Vec<_>>().into_iter()
}

fn key_of(table: &Table, row: &[Value]) -> String {
    let parts: Vec<String> =
        key_values(table, row).map(|(name, value)| format!("{name}={}", shown(value))).collect();
    parts.join(" ")
}

/// Keys in SQLite's order: nothing, then numbers, then text byte by byte.
fn by_key(table: &Table, left: &[Value], right: &[Value]) -> Ordering {
    let both = key_values(table, left).zip(key_values(table, right));
    let mut orders = both.map(|((_, left), (_, right))| match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        (left, right) => rank(left).cmp(&rank(right)),
    });
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

const fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Integer(_) | Value::Real(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => format!("{number:?}"),
        Value::Text(text) => format!("`{text}`"),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}
