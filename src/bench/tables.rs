//! The tables: made of a whole log beside SQLite, which is given the same rows in memory; and following
//! the log, group by group.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use spireledger_projections::tables::{Shape, Table};
use spireledger_projections::versions::SPIREKEEPER_NEWEST;
use spireledger_schema::Command;

use super::contenders::{Scratch, bytes_on_disk};
use super::ledger::{grow, start};
use super::report::{Figure, Unit};
use super::timing::{Begun, Timing, number};
use super::{BenchError, SQLITE, Sizes, same};
use crate::ledger::{Item, Ledger};
use crate::log::{Directory, ReadLog};
use crate::rules::Request;
use crate::simulate::{Options, Simulator};
use crate::tables::{Leftover, Live, SETTINGS, export_sqlite};

/// Rows of one transaction of the peer: as many entries as a rebuild takes in one.
const TRANSACTION_ROWS: u64 = 131_072;
/// Groups that the live tables follow one by one.
const FOLLOWED: u64 = 200;

/// Claims alone, then whole lives of settlements; then a log that grows.
pub(super) fn measure(sizes: &Sizes, scratch: &Scratch) -> Result<Vec<Figure>, BenchError> {
    let path = scratch.path("claims");
    let ledger = start(&path)?;
    grow(&ledger, 0..sizes.claims, &mut Timing::default())?;
    let peer = scratch.path("peer.sqlite");
    let old = spirekeeper_newest();
    let claims = beside_sqlite("rebuild of version 12, claims", &ledger, &old, scratch, &peer)?;
    let holds = claims.figure.ratio(SQLITE) >= 1.0 / 1.5;
    let each = |bytes| number(bytes) / number(ledger.log().head().seq);
    let bytes = Figure::new(
        "  bytes on disk for each entry of the log",
        each(bytes_on_disk(&path.join("sled"))),
        Unit::BytesEach,
    );
    let mut figures = vec![
        claims.figure.budget("≤ 1.5 × SQLite's time", holds),
        claims.peer,
        bytes.beside(SQLITE, each(claims.file_bytes)),
    ];
    figures.extend(follow(sizes, &path, &ledger, &peer)?);
    ledger.close()?;
    let ledger = lives(sizes, &scratch.path("lives"))?;
    let peer = scratch.path("peer-of-lives.sqlite");
    let lives = beside_sqlite("rebuild of version 12, whole lives", &ledger, &old, scratch, &peer)?;
    let holds = lives.figure.ratio(SQLITE) >= 1.0 / 1.5;
    figures.extend([lives.figure.budget("≤ 1.5 × SQLite's time", holds), lives.peer]);
    let (what, books) =
        ("rebuild of version 13, with the books", scratch.path("peer-of-books.sqlite"));
    let books = beside_sqlite(what, &ledger, &Shape::newest(), scratch, &books)?;
    figures.extend([books.figure, books.peer]);
    ledger.close()?;
    figures.extend(super::imports::measure(scratch, &peer)?);
    Ok(figures)
}

/// The last version that spirekeeper had: what budgets are measured by.
pub(super) fn spirekeeper_newest() -> Shape {
    Shape::at(SPIREKEEPER_NEWEST).unwrap_or_else(Shape::newest)
}

/// A rebuild and its peer.
struct Beside {
    figure: Figure,
    peer: Figure,
    /// Of the peer's file.
    file_bytes: u64,
}

/// Leaves the peer's database where it was told to make it.
fn beside_sqlite(
    what: &str,
    ledger: &Ledger,
    shape: &Shape,
    scratch: &Scratch,
    theirs: &Path,
) -> Result<Beside, BenchError> {
    let log = &**ledger.log();
    let ours = scratch.path("ours.sqlite");
    let mut timing = Timing::default();
    let begun = Begun::here();
    let rows = export_sqlite(log, shape, &ours, Leftover::ThrowAway, &mut |_| {})?;
    timing.stretch(rows, &begun);
    let mut peer = Timing::default();
    insert_all(&ours, theirs, shape, &mut peer)?;
    same("rows of SQLite", peer.rows(), rows)?;
    let figure = Figure::rate(what, &timing).beside(SQLITE, peer.rate());
    let peer = Figure::rate("  SQLite, the same rows in memory", &peer);
    let file_bytes = bytes_on_disk(theirs);
    std::fs::remove_file(&ours).map_err(BenchError::io("remove", &ours))?;
    Ok(Beside { figure, peer, file_bytes })
}

/// Gives the rows of a database to another, from memory, under the same settings.
fn insert_all(
    from: &Path,
    to: &Path,
    shape: &Shape,
    timing: &mut Timing,
) -> Result<(), BenchError> {
    let from = Connection::open(from)?;
    let to = Connection::open(to)?;
    to.execute_batch(SETTINGS)?;
    for table in shape.tables() {
        to.execute_batch(&table.create(None))?;
    }
    for table in shape.tables() {
        insert_newer(&from, &to, table, (0, TRANSACTION_ROWS), timing)?;
    }
    timing.group(0, Begun::here(), || {
        let indexes = shape.tables().iter().flat_map(Table::indexes);
        { indexes }.try_for_each(|index| to.execute_batch(&index.create(None)))?;
        to.execute_batch("PRAGMA journal_mode = DELETE")
    })?;
    Ok(())
}

/// Rows that came after one, in transactions of at most so many.
pub(super) fn insert_newer(
    from: &Connection,
    to: &Connection,
    table: &Table,
    (mut last, group): (i64, u64),
    timing: &mut Timing,
) -> Result<(), BenchError> {
    let name = table.name();
    let page = "WHERE rowid > ?1 ORDER BY rowid LIMIT ?2";
    let mut page = from.prepare(&format!("SELECT rowid, * FROM {name} {page}"))?;
    let places = vec!["?"; table.columns().len()].join(", ");
    let mut insert = to.prepare_cached(&format!("INSERT INTO {name} VALUES ({places})"))?;
    loop {
        let found = page.query_map((last, group.cast_signed()), |row| {
            let cells = 1..=table.columns().len();
            Ok((row.get(0)?, cells.map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()?))
        })?;
        let rows: Vec<(i64, Vec<Value>)> = found.collect::<Result<_, _>>()?;
        let Some((newest, _)) = rows.last() else { return Ok(()) };
        last = *newest;
        timing.group(rows.len() as u64, Begun::here(), || {
            to.execute_batch("BEGIN")?;
            for (_, row) in &rows {
                insert.execute(params_from_iter(row))?;
            }
            to.execute_batch("COMMIT")
        })?;
    }
}

/// What it costs to follow a log that grows, each group in a transaction of its own, in turns with the
/// peer, which has as many rows already and is given the new ones.
fn follow(
    sizes: &Sizes,
    path: &Path,
    ledger: &Ledger,
    theirs: &Path,
) -> Result<Vec<Figure>, BenchError> {
    let log = &**ledger.log();
    let mut live = Live::new(path, spirekeeper_newest());
    live.follow(log, &mut |_| {})?;
    let theirs = Connection::open(theirs)?;
    theirs.execute_batch(SETTINGS)?;
    let settlements = spirekeeper_newest();
    let Some(table) = settlements.table("dca_settlements") else { return Ok(Vec::new()) };
    let (mut figures, mut next) = (Vec::new(), sizes.claims);
    for group in [1, 100] {
        let (mut timing, mut peer) = <(Timing, Timing)>::default();
        for _ in 0..FOLLOWED.min(sizes.claims / 4) {
            grow(ledger, next..next + group, &mut Timing::default())?;
            next += group;
            timing.group(group, Begun::here(), || live.follow(log, &mut |_| {}).map(drop))?;
            let (from, _) = live.read()?;
            let newest = theirs.query_row("SELECT max(rowid) FROM dca_settlements", [], |row| {
                row.get::<_, i64>(0)
            })?;
            insert_newer(&from, &theirs, table, (newest, TRANSACTION_ROWS), &mut peer)?;
        }
        let (head, _) = live.follow(log, &mut |_| {})?;
        same("entries in the tables", head.seq, log.head().seq)?;
        same("rows of the peer", peer.rows(), timing.rows())?;
        let figure = Figure::rate(format!("live tables follow, groups of {group}"), &timing);
        figures.push(figure.beside(SQLITE, peer.rate()));
        figures.push(Figure::rate("  SQLite, the same rows in memory", &peer));
    }
    Ok(figures)
}

/// A ledger of a fleet whose settlements are begun, paid leg by leg and finished.
fn lives(sizes: &Sizes, path: &Path) -> Result<Ledger, BenchError> {
    let directory = Directory::begin(path, "`bench`")?;
    let (ledger, _) = Ledger::open_held(directory, super::input::clock())?;
    Directory::finish(path)?;
    let fleet = Options { machines: 50, lps: 40, days: 1_000_000, noise: 0, ..Options::month() };
    let fleet = Options { claims_per_machine_day: 20, ..fleet };
    let mut lines = Simulator::new(fleet);
    while ledger.log().head().seq < sizes.claims {
        let batch: Vec<Item> = { lines.by_ref().take(1_000) }
            .filter_map(|line| Command::parse(&line.json).ok())
            .map(|command| Item::Request(Request::local(command)))
            .collect();
        if batch.is_empty() {
            return Err(BenchError::Wrong("the simulator ran out of days".into()));
        }
        ledger.ask(batch)?;
    }
    Ok(ledger)
}
