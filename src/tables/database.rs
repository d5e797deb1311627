//! The tables of a version as a SQLite database.
//!
//! The file has the seed's tables to the letter and nothing else, so LNbits can attach it as
//! `spirekeeper`, and so can anybody.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, Transaction, params_from_iter};
use spireledger_projections::tables::{Cell, Shape, SqlCell, Table};

use super::rows;
use crate::ledger::{LedgerError, replay_fleet};
use crate::log::ReadLog;

/// The schema name that the seed's statements use.
pub const SCHEMA: &str = "spirekeeper";

/// Why tables could not be written.
#[derive(Debug, thiserror::Error)]
pub enum TablesError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// SQLite said no.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A Parquet file could not be written.
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Writes all tables of a version into a new file, beside it first and then in its place: whoever
/// looks finds the old file or the whole new one.
pub fn export_sqlite(
    log: &dyn ReadLog,
    shape: &Shape,
    path: &Path,
    tick: impl FnMut(u64),
) -> Result<u64, TablesError> {
    let io = |error| TablesError::Io { path: path.display().to_string(), error };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = Path::new(&new);
    match std::fs::remove_file(new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let mut connection = Connection::open(new)?;
    // The file is nobody's before it is whole, so it needs no journal.
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let count = fill(&mut connection, log, shape, None, tick)?;
    connection.close().map_err(|(_, error)| error)?;
    std::fs::File::open(new).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(new, path).map_err(io)?;
    Ok(count)
}

/// Makes the tables in memory, attached as the seed does, for questions in SQL.
pub fn in_memory(log: &dyn ReadLog, shape: &Shape) -> Result<Connection, TablesError> {
    let mut connection = Connection::open_in_memory()?;
    connection.execute_batch(&format!("ATTACH ':memory:' AS {SCHEMA}"))?;
    fill(&mut connection, log, shape, Some(SCHEMA), |_| {})?;
    Ok(connection)
}

/// Makes all tables and writes their rows; returns how many.
fn fill(
    connection: &mut Connection,
    log: &dyn ReadLog,
    shape: &Shape,
    schema: Option<&str>,
    mut tick: impl FnMut(u64),
) -> Result<u64, TablesError> {
    let fleet = replay_fleet(log)?;
    let transaction = connection.transaction()?;
    let mut count = 0;
    for table in shape.tables() {
        transaction.execute_batch(&table.create(schema))?;
        let mut insert = transaction.prepare(&insert(table, schema))?;
        rows(log, &fleet, table, |row| {
            insert.execute(params_from_iter(row.iter().map(Bound)))?;
            count += 1;
            tick(count);
            Ok::<_, TablesError>(())
        })?;
    }
    indexes(&transaction, shape, schema)?;
    transaction.commit()?;
    Ok(count)
}

/// Indexes are made when the rows are there: faster, and the same in the end.
fn indexes(
    transaction: &Transaction<'_>,
    shape: &Shape,
    schema: Option<&str>,
) -> Result<(), rusqlite::Error> {
    let all = shape.tables().iter().flat_map(Table::indexes);
    all.map(|index| index.create(schema)).try_for_each(|sql| transaction.execute_batch(&sql))
}

fn insert(table: &Table, schema: Option<&str>) -> String {
    let columns: Vec<String> =
        table.columns().iter().map(|column| format!("\"{}\"", column.name)).collect();
    let places = vec!["?"; columns.len()].join(", ");
    let schema = schema.map_or_else(String::new, |schema| format!("{schema}."));
    format!("INSERT INTO {schema}{} ({}) VALUES ({places})", table.name(), columns.join(", "))
}

/// A cell on its way into SQLite. Decimals go as text: the column's affinity makes the number, and no
/// float of ours touches it.
struct Bound<'r, 'a>(&'r Cell<'a>);

impl ToSql for Bound<'_, '_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0.sql() {
            SqlCell::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            SqlCell::Integer(number) => ToSqlOutput::from(number),
            SqlCell::Decimal(decimal) => ToSqlOutput::from(decimal.to_string()),
            SqlCell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            SqlCell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            // The digits were made of a floating-point number, and make the same one again.
            SqlCell::Real(digits) => digits.parse::<f64>().map_or_else(
                |_| ToSqlOutput::Borrowed(ValueRef::Text(digits.as_bytes())),
                ToSqlOutput::from,
            ),
        })
    }
}
