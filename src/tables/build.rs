//! Building tables in a file beside the one that they become, so that whoever looks finds the old one
//! or the whole new one. What was built before an interruption is gone on with.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use spireledger_projections::tables::Shape;

use super::database::{Database, SCHEMA, TablesError};
use super::position;
use crate::log::{ReadLog, crash};

/// What becomes of a file that an interrupted build has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// It is gone on with, if it is of the same ledger and version and not beyond what is wanted.
    GoOn,
    /// It is thrown away.
    ThrowAway,
}

/// Writes all tables of a version into a new file and then in the place of `path`. Returns how many rows.
pub fn export_sqlite(
    log: &dyn ReadLog,
    shape: &Shape,
    path: &Path,
    leftover: Leftover,
    tick: &mut dyn FnMut(u64),
) -> Result<u64, TablesError> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let database = build(log, shape, &part, leftover, tick)?;
    let count = database.rows()?;
    crash::point("tables:export-before-forget");
    let connection = database.into_connection();
    position::forget(&connection)?;
    // One file, that can be copied and attached alone.
    connection.execute_batch("PRAGMA journal_mode = DELETE")?;
    connection.close().map_err(|(_, error)| error)?;
    sync(&part)?;
    crash::point("tables:export-before-rename");
    std::fs::rename(&part, path).map_err(TablesError::io(path))?;
    Ok(count)
}

/// Closes tables that were built, as one file that others can read while it is written. Made so while
/// nobody else knows it: a file that is in use cannot always be made so.
pub(super) fn shareable(database: Database) -> Result<(), TablesError> {
    let connection = database.into_connection();
    connection.execute_batch("PRAGMA locking_mode = NORMAL; PRAGMA journal_mode = WAL;")?;
    Ok(connection.close().map_err(|(_, error)| error)?)
}

/// Makes the tables for one question, attached as the seed does.
pub fn passing(log: &dyn ReadLog, shape: &Shape) -> Result<Connection, TablesError> {
    let mut database = Database::passing(shape, Some(SCHEMA))?;
    database.forward(log, &mut |_| {})?;
    database.index(shape, Some(SCHEMA))?;
    Ok(database.into_connection())
}

/// Builds all tables up to the log's head in the file `part`.
pub(super) fn build(
    log: &dyn ReadLog,
    shape: &Shape,
    part: &Path,
    leftover: Leftover,
    tick: &mut dyn FnMut(u64),
) -> Result<Database, TablesError> {
    let mut build = || {
        let mut database = begin(log, shape, part, leftover)?;
        database.forward(log, tick)?;
        crash::point("tables:before-indexes");
        database.index(shape, None)?;
        Ok(database)
    };
    // Another process may take the file at any moment until this one holds it.
    build().map_err(|error: TablesError| error.or_busy(part))
}

/// Goes on with the file, or makes it anew.
fn begin(
    log: &dyn ReadLog,
    shape: &Shape,
    part: &Path,
    leftover: Leftover,
) -> Result<Database, TablesError> {
    if part.exists() && leftover == Leftover::GoOn {
        match Database::open_file(part, true).and_then(|c| Database::resume(c, shape, log)) {
            Ok(Ok(database)) => return Ok(database),
            Ok(Err(_)) | Err(TablesError::Ahead { .. }) => {}
            Err(error) if error.is_damage() => {}
            Err(error) => return Err(error),
        }
    }
    let is_held =
        part.exists() && matches!(Database::open_file(part, true), Err(TablesError::Busy(_)));
    if is_held {
        return Err(TablesError::Busy(part.to_owned()));
    }
    remove(part)?;
    Database::make(Database::open_file(part, true)?, shape, None, true)
}

/// Removes a database and what SQLite keeps beside it.
pub(super) fn remove(path: &Path) -> Result<(), TablesError> {
    for beside in ["-wal", "-shm", "-journal", ""] {
        let mut file = path.as_os_str().to_owned();
        file.push(beside);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(TablesError::io(path)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Makes a file durable.
pub(super) fn sync(path: &Path) -> Result<(), TablesError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(TablesError::io(path))
}
