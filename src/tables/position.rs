//! How far tables have come, beside them in the same file: two tables of our own, written in the
//! transaction of the rows they speak of.
//!
//! The position is an entry's seq and hash, so tables of another history are told. The fleet is saved
//! now and then: whoever goes on from the position folds the entries since, and not the whole log.

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use spireledger_projections::tables::Shape;
use spireledger_schema::{EntryHash, EntryKey};

use crate::log::Head;

/// Raised whenever the same entries give other rows than before: tables that were made earlier are made
/// anew.
const ROWS_FORMAT: u32 = 1;

const MAKE: &str = "
    CREATE TABLE IF NOT EXISTS spireledger_position (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        shape TEXT NOT NULL,
        seq INTEGER NOT NULL,
        hash TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS spireledger_fleet (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        seq INTEGER NOT NULL,
        saved BLOB NOT NULL
    );";

/// What tables of a shape are known by: whatever of the shape changes, they are others.
pub(super) fn mark(shape: &Shape) -> String {
    let described = format!("{ROWS_FORMAT} {shape:?}");
    let hash = blake3::hash(described.as_bytes()).to_hex();
    format!("version {} {}", shape.version(), hash.get(..16).unwrap_or_default())
}

/// Begins at the empty log.
pub(super) fn make(connection: &Connection, shape: &Shape) -> rusqlite::Result<()> {
    connection.execute_batch(MAKE)?;
    let Head { seq, hash } = Head::EMPTY;
    connection
        .execute(
            "INSERT INTO spireledger_position (one, shape, seq, hash) VALUES (1, ?1, ?2, ?3)",
            params![mark(shape), seq.cast_signed(), hash.to_string()],
        )
        .map(drop)
}

/// Forgets it: the tables are on their own.
pub(super) fn forget(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DROP TABLE spireledger_position; DROP TABLE spireledger_fleet;")
}

/// Where tables of this shape are. `None`: these are others, or none.
pub(super) fn read(
    connection: &Connection,
    schema: &str,
    shape: &Shape,
) -> rusqlite::Result<Option<Head>> {
    let there = format!(
        "SELECT count(*) FROM {schema}.sqlite_master \
         WHERE name IN ('spireledger_position', 'spireledger_fleet')"
    );
    let there: i64 = connection.query_row(&there, [], |row| row.get(0))?;
    if there != 2 {
        return Ok(None);
    }
    let select = format!("SELECT shape, seq, hash FROM {schema}.spireledger_position");
    let mut select = connection.prepare_cached(&select)?;
    let found: Option<(String, i64, String)> =
        select.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    Ok(found
        .filter(|(found, ..)| *found == mark(shape))
        .and_then(|(_, seq, hash)| head(seq, &hash)))
}

/// Where tables are that were looked at before.
pub(super) fn again(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let mut select = connection.prepare_cached("SELECT seq, hash FROM spireledger_position")?;
    let found: Option<(i64, String)> =
        select.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.and_then(|(seq, hash)| head(seq, &hash)))
}

fn head(seq: i64, hash: &str) -> Option<Head> {
    let hash = EntryHash::from_bytes(*EntryKey::parse_hex(hash)?.as_bytes());
    Some(Head { seq: u64::try_from(seq).ok()?, hash })
}

/// Moves on, within the transaction of the rows.
pub(super) fn write(connection: &Connection, head: Head) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE spireledger_position SET seq = ?1, hash = ?2")?;
    let moved = update.execute(params![head.seq.cast_signed(), head.hash.to_string()])?;
    assert_eq!(moved, 1, "tables that are followed have a position");
    Ok(())
}

/// The fleet that was saved last, and the entry that it is of.
pub(super) fn saved_fleet(connection: &Connection) -> rusqlite::Result<Option<(u64, Vec<u8>)>> {
    let select = "SELECT seq, saved FROM spireledger_fleet";
    let found: Option<(i64, Vec<u8>)> =
        connection.query_row(select, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.map(|(seq, saved)| (seq.unsigned_abs(), saved)))
}

/// Saves the fleet, within the transaction of the rows.
pub(super) fn save_fleet(connection: &Connection, seq: u64, saved: &[u8]) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO spireledger_fleet (one, seq, saved) VALUES (1, ?1, ?2)";
    connection.execute(sql, params![seq.cast_signed(), saved]).map(drop)
}

/// Whether SQLite says that the file is no database, or not a whole one.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(error, rusqlite::Error::InvalidColumnType(..))
}
