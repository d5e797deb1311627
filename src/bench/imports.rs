//! Bringing a database in, beside SQLite that copies it, as durable and in groups as large; and the same
//! database again.

use std::path::Path;

use rusqlite::Connection;

use super::contenders::Scratch;
use super::report::Figure;
use super::tables::insert_newer;
use super::timing::{Begun, Timing};
use super::{BenchError, SQLITE, same};
use crate::import::{BATCH_ROWS, Source, import, version_of};
use crate::ledger::Ledger;
use crate::log::Directory;

/// Brings in the tables of a file.
pub(super) fn measure(scratch: &Scratch, file: &Path) -> Result<Vec<Figure>, BenchError> {
    let path = scratch.path("imported");
    let directory = Directory::begin(&path, "`bench`")?;
    let (ledger, _) = Ledger::open_held(directory, super::input::clock())?;
    Directory::finish(&path)?;
    let (mut first, mut again, mut peer) = <(Timing, Timing, Timing)>::default();
    let rows = bring_in(&ledger, file, &mut first, 0)?;
    bring_in(&ledger, file, &mut again, rows)?;
    copy(file, &scratch.path("copied.sqlite"), &mut peer)?;
    same("rows of SQLite", peer.rows(), rows)?;
    ledger.close()?;
    let first = Figure::rate("import of a database, rows", &first).beside(SQLITE, peer.rate());
    Ok(vec![
        first,
        Figure::rate("  SQLite, copying it as durably", &peer),
        Figure::rate("  the same database again", &again),
    ])
}

/// Returns how many rows there are; `here` of them are in the ledger already.
fn bring_in(
    ledger: &Ledger,
    file: &Path,
    timing: &mut Timing,
    here: u64,
) -> Result<u64, BenchError> {
    let begun = Begun::here();
    let source = Source::open(file)?;
    let report = import(ledger, &source, version_of(&source, None)?, file, |_| {})?;
    let rows = source.count()?;
    timing.stretch(rows, &begun);
    let (new, old): (u64, u64) =
        report.tables.iter().fold((0, 0), |sum, t| (sum.0 + t.appended, sum.1 + t.replayed));
    if here == 0 && old == 0 || here > 0 && new == 0 {
        return Ok(rows);
    }
    Err(BenchError::Wrong(format!("of {rows} rows {new} were new and {old} were here")))
}

fn copy(from: &Path, to: &Path, timing: &mut Timing) -> Result<(), BenchError> {
    let (from, to) = (Connection::open(from)?, Connection::open(to)?);
    to.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    let shape = super::tables::spirekeeper_newest();
    for table in shape.tables() {
        to.execute_batch(&table.create(None))?;
        for index in table.indexes() {
            to.execute_batch(&index.create(None))?;
        }
        insert_newer(&from, &to, table, (0, BATCH_ROWS as u64), timing)?;
    }
    Ok(())
}
