//! Tables of a version in SQLite: filled from a history, and read back as values.

use std::collections::BTreeMap;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use spireledger_projections::facts::Rows;
use spireledger_projections::shape::{SCHEMA, Shape};
use spireledger_projections::tables::{
    Row, SqlCell, Table, deposit_row, fleet_rows, leg_rows, settlement_row,
};

use super::world::World;

/// A row as SQLite holds it, by column.
pub type Held = BTreeMap<String, Value>;

/// All rows of all tables.
pub type Tables = BTreeMap<String, Vec<Held>>;

/// A file with a version's empty tables, attached as LNbits does it.
pub fn empty(shape: &Shape) -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute("ATTACH ':memory:' AS spirekeeper", []).unwrap();
    db.execute_batch(&shape.ddl(Some(SCHEMA))).unwrap();
    db
}

/// The same with the rows of a history.
pub fn filled(shape: &Shape, world: &World) -> Connection {
    let db = empty(shape);
    for table in shape.tables() {
        let places = vec!["?"; table.columns().len()].join(", ");
        let insert = format!("INSERT INTO {SCHEMA}.{} VALUES ({places})", table.name());
        let mut insert = db.prepare(&insert).unwrap();
        each_row(table, world, |row| {
            insert.execute(params_from_iter(row.iter().map(|cell| bound(cell.sql())))).unwrap();
        });
    }
    db
}

fn each_row(table: &Table, world: &World, mut sink: impl FnMut(Row<'_>)) {
    match table.rows() {
        Rows::Deposits => {
            for deposit in world.folded_deposits() {
                deposit_row(table, &world.fleet, &deposit).into_iter().for_each(&mut sink);
            }
        }
        Rows::Settlements => {
            for settlement in world.folded_settlements() {
                settlement_row(table, &settlement).into_iter().for_each(&mut sink);
            }
        }
        Rows::Legs => {
            for settlement in world.folded_settlements() {
                leg_rows(table, &settlement).into_iter().for_each(&mut sink);
            }
        }
        _ => fleet_rows(table, &world.fleet, |row| {
            sink(row);
            Ok::<_, ()>(())
        })
        .unwrap(),
    }
}

/// A cell as it is bound. A decimal goes in as its digits: the column makes a number of it.
fn bound(cell: SqlCell<'_>) -> Value {
    match cell {
        SqlCell::Null => Value::Null,
        SqlCell::Integer(number) => Value::Integer(number),
        SqlCell::Decimal(decimal) => Value::Text(decimal.to_string()),
        SqlCell::Text(text) => Value::Text(text.to_owned()),
        SqlCell::Real(digits) => Value::Real(digits.parse().unwrap()),
        SqlCell::Bytes(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// All rows of all tables, each table's sorted.
pub fn read(db: &Connection) -> Tables {
    let mut names =
        db.prepare("SELECT name FROM spirekeeper.sqlite_master WHERE type = 'table'").unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    names.into_iter().map(|name| (name.clone(), rows(db, &name))).collect()
}

fn rows(db: &Connection, table: &str) -> Vec<Held> {
    let mut select = db.prepare(&format!("SELECT * FROM {SCHEMA}.{table}")).unwrap();
    let columns: Vec<String> = select.column_names().map(str::to_owned).collect();
    let mut rows: Vec<Held> = select
        .query_map([], |row| {
            columns.iter().enumerate().map(|(at, name)| Ok((name.clone(), row.get(at)?))).collect()
        })
        .unwrap()
        .map(Result::unwrap)
        .collect();
    rows.sort_by_cached_key(|row| format!("{row:?}"));
    rows
}

/// What SQLite knows of the shape of each table: columns in order, and its indexes by name.
pub fn shape(db: &Connection) -> BTreeMap<String, Vec<String>> {
    let mut lines = db
        .prepare(
            "SELECT t.name, printf('%02d %s %s %d %s %d', c.cid, c.name, c.type, c.\"notnull\",
                c.dflt_value, c.pk)
             FROM spirekeeper.sqlite_master AS t, pragma_table_xinfo(t.name, 'spirekeeper') AS c
             WHERE t.type = 'table'
             UNION ALL
             SELECT t.name, printf('index %s %d %s %d %s %d', i.name, i.\"unique\", i.origin,
                c.seqno, c.name, c.desc)
             FROM spirekeeper.sqlite_master AS t, pragma_index_list(t.name, 'spirekeeper') AS i,
                pragma_index_xinfo(i.name, 'spirekeeper') AS c
             WHERE t.type = 'table' AND c.key
             ORDER BY 1, 2",
        )
        .unwrap();
    let mut shape: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in lines.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap() {
        let (table, line) = line.unwrap();
        shape.entry(table).or_default().push(line);
    }
    shape
}
