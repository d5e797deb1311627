//! Databases of every version on both lines, with rows that mean something and rows that do not, and
//! how they are read back.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use spireledger_projections::shape::Shape;

use crate::migrations::sql;
use crate::values::{Random, value};

/// How an install came to its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Upgraded step by step, from the older names on.
    Upgraded,
    /// Made at once with the newer names, when version 6 was the newest.
    Squashed,
}

/// A row by its columns. Reals that are whole are integers: numbers count by their value.
pub type Held = BTreeMap<String, Value>;

/// All rows of all tables, sorted.
pub type Tables = BTreeMap<String, Vec<Held>>;

/// Opens a file as LNbits does: attached as `spirekeeper`.
pub fn attached(path: &Path) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute("ATTACH ?1 AS spirekeeper", [path.to_str().unwrap()]).unwrap();
    db
}

/// A database of a version with empty tables but for the row that version 1 puts in.
pub fn made(path: &Path, version: u16, line: Line) -> Connection {
    let db = attached(path);
    let ddl = |version: u16| Shape::at(version).unwrap().ddl(Some("spirekeeper"));
    match line {
        Line::Upgraded => db.execute_batch(&ddl(version)).unwrap(),
        Line::Squashed => {
            let newer =
                ddl(6).replace("machine_npub TEXT NOT NULL UNIQUE", "machine_npub TEXT UNIQUE");
            db.execute_batch(&newer).unwrap();
            for step in 7..=version {
                db.execute_batch(sql(step)).unwrap();
            }
        }
    }
    db.execute("INSERT INTO spirekeeper.super_config (id) VALUES ('default')", []).unwrap();
    db
}

/// Fills the tables. `oddity` is how many cells in a thousand say what no rule would allow.
pub fn fill(db: &Connection, random: &mut Random, oddity: u64) {
    let tables: Vec<String> = names(db);
    for (table, most) in [
        ("super_config", 1),
        ("dca_machines", 4),
        ("dca_lp", 4),
        ("dca_clients", 8),
        ("dca_deposits", 10),
        ("dca_settlements", 12),
        ("dca_commission_splits", 5),
        ("dca_payments", 15),
        ("dca_telemetry", 4),
        ("cassette_configs", 8),
    ] {
        if !tables.iter().any(|name| name == table) {
            continue;
        }
        let columns = columns(db, table);
        for number in 0..random.below(most + 1) {
            let cells = columns.iter().map(|(name, declared, is_needed)| {
                value(random, oddity, table, name, declared, *is_needed, number)
            });
            let cells: Vec<Value> = cells.collect();
            let names: Vec<&str> = columns.iter().map(|(name, ..)| name.as_str()).collect();
            let places = vec!["?"; names.len()].join(", ");
            let verb = if table == "super_config" { "REPLACE" } else { "INSERT OR IGNORE" };
            let insert =
                format!("{verb} INTO spirekeeper.{table} ({}) VALUES ({places})", names.join(", "));
            db.execute(&insert, params_from_iter(cells)).unwrap();
        }
    }
}

/// Name, declared type, and whether it may not be empty.
fn columns(db: &Connection, table: &str) -> Vec<(String, String, bool)> {
    let query = "SELECT name, type, \"notnull\" OR pk FROM pragma_table_info(?1, 'spirekeeper')";
    let mut info = db.prepare(query).unwrap();
    let found = info.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    found.map(Result::unwrap).collect()
}

fn names(db: &Connection) -> Vec<String> {
    let query = "SELECT name FROM spirekeeper.sqlite_master WHERE type = 'table'";
    let mut names = db.prepare(query).unwrap();
    names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Everything that a file holds.
pub fn read(path: &Path) -> Tables {
    let db = attached(path);
    let rows = |table: &str| {
        let mut select = db.prepare(&format!("SELECT * FROM spirekeeper.{table}")).unwrap();
        let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
        let row = |row: &rusqlite::Row<'_>| {
            columns
                .iter()
                .enumerate()
                .map(|(at, name)| Ok((name.clone(), by_value(row.get(at)?))))
                .collect::<rusqlite::Result<Held>>()
        };
        let mut rows: Vec<Held> = select.query_map([], row).unwrap().map(Result::unwrap).collect();
        rows.sort_by_cached_key(|row| format!("{row:?}"));
        rows
    };
    names(&db).into_iter().map(|name| (name.clone(), rows(&name))).collect()
}

#[allow(clippy::float_cmp, clippy::cast_possible_truncation)]
fn by_value(value: Value) -> Value {
    match value {
        Value::Real(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
            Value::Integer(number as i64)
        }
        other => other,
    }
}
