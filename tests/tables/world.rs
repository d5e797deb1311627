//! A ledger to make tables of, and the simple way to make them: row by row, from what the streams say.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use spireledger::ledger::{AsOf, Ledger, LedgerError, past, replay_fleet};
use spireledger::log::{Directory, Past, ReadLog, SledLog};
use spireledger::rules::Request;
use spireledger::simulate::{Options, Simulator};
use spireledger::tables::{Live, rows};
use spireledger_projections::tables::{Shape, SqlCell};
use spireledger_schema::Command;
use spireledger_schema::time::Timestamp;

/// All rows of all tables, each table's sorted.
pub type Tables = BTreeMap<String, Vec<Vec<Value>>>;

/// A ledger in a directory of its own.
pub struct World {
    pub dir: tempfile::TempDir,
    ledger: Ledger,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ledger");
        let directory = Directory::begin(&path, "a test").expect("begun");
        let seconds = AtomicI64::new(1_767_225_600);
        let clock = move || {
            let now = seconds.fetch_add(1, Ordering::Relaxed);
            Timestamp::from_seconds(now).expect("a time")
        };
        let (ledger, _) = Ledger::open_held(directory, Box::new(clock)).expect("opened");
        Directory::finish(&path).expect("finished");
        Self { dir, ledger }
    }

    /// Says lines; what the ledger makes of them is not looked at.
    pub fn say<'l>(&self, lines: impl IntoIterator<Item = &'l str>) {
        for command in lines.into_iter().filter_map(|line| Command::parse(line).ok()) {
            self.ledger.ask_one(Request::local(command)).expect("answered");
        }
    }

    /// The month that is recorded in the fixtures.
    pub fn of_month() -> Self {
        let world = Self::new();
        world.say(include_str!("../../fixtures/fleet/month.jsonl").lines());
        world
    }

    /// A small fleet with everything that can happen to one.
    pub fn of_seed(seed: u64) -> Self {
        let world = Self::new();
        let options =
            Options { seed, machines: 3, lps: 4, days: 9, noise: 200, ..Options::month() };
        let lines: Vec<String> = Simulator::new(options).map(|line| line.json).collect();
        world.say(lines.iter().map(String::as_str));
        world
    }

    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub fn log(&self) -> &SledLog {
        self.ledger.log()
    }

    pub fn head(&self) -> u64 {
        self.log().head().seq
    }

    /// The log as it was.
    pub fn past(&self, seq: u64) -> Past<'_> {
        past(self.log(), AsOf::Seq(seq)).expect("a past")
    }

    /// The ledger's directory.
    pub fn ledger_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("ledger")
    }

    pub fn live(&self, version: u16) -> Live {
        Live::new(&self.ledger_dir(), shape(version))
    }
}

pub fn shape(version: u16) -> Shape {
    Shape::at(version).expect("a version")
}

/// What is in live tables, and the entry that they are of.
pub fn read_live(live: &Live) -> (u64, Tables) {
    let (connection, head) = live.read().expect("read");
    (head.expect("a position").seq, read(&connection, live.shape()))
}

/// What is in the tables of a database that has them attached.
pub fn read(connection: &Connection, shape: &Shape) -> Tables {
    let rows = |name: &str| {
        let mut all =
            connection.prepare(&format!("SELECT * FROM spirekeeper.{name}")).expect("prepared");
        let width = all.column_count();
        let rows = all.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
        let mut rows: Vec<Vec<Value>> =
            rows.expect("queried").map(|row| row.expect("a row")).collect();
        rows.sort_by_cached_key(|row| format!("{row:?}"));
        rows
    };
    shape.tables().iter().map(|table| (table.name().to_owned(), rows(table.name()))).collect()
}

/// The tables as the streams tell them, put into SQLite one by one.
pub fn expected(log: &dyn ReadLog, shape: &Shape) -> Tables {
    let connection = Connection::open_in_memory().expect("memory");
    connection.execute_batch("ATTACH ':memory:' AS spirekeeper").expect("attached");
    connection.execute_batch(&shape.ddl(Some("spirekeeper"))).expect("made");
    let fleet = replay_fleet(log).expect("folded");
    for table in shape.tables() {
        let places = vec!["?"; table.columns().len()].join(", ");
        let insert = format!("INSERT INTO spirekeeper.{} VALUES ({places})", table.name());
        let mut insert = connection.prepare(&insert).expect("prepared");
        rows(log, &fleet, table, |row| {
            insert
                .execute(params_from_iter(row.iter().map(|cell| bound(cell.sql()))))
                .expect("put");
            Ok::<_, LedgerError>(())
        })
        .expect("rows");
    }
    read(&connection, shape)
}

/// A decimal goes in as its digits: the column makes a number of it.
fn bound(cell: SqlCell<'_>) -> Value {
    match cell {
        SqlCell::Null => Value::Null,
        SqlCell::Integer(number) => Value::Integer(number),
        SqlCell::Decimal(decimal) => Value::Text(decimal.to_string()),
        SqlCell::Text(text) => Value::Text(text.to_owned()),
        SqlCell::Real(digits) => Value::Real(digits.parse().expect("digits")),
        SqlCell::Bytes(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Tables are the same; else, which rows are not.
#[track_caller]
pub fn expect_same(found: &Tables, expected: &Tables, what: &str) {
    for (table, rows) in expected {
        let found = &found[table];
        let lost: Vec<_> = rows.iter().filter(|row| !found.contains(row)).collect();
        let extra: Vec<_> = found.iter().filter(|row| !rows.contains(row)).collect();
        assert!(lost.is_empty() && extra.is_empty(), "{what}: {table}: {extra:?} for {lost:?}");
        assert_eq!(found.len(), rows.len(), "{what}: {table}");
    }
    assert_eq!(found.len(), expected.len(), "{what}");
}
