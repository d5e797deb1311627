//! Ledgers whose entries are recorded over months, and the program to ask them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rusqlite::Connection;
use spireledger::import::{Source, import, version_of};
use spireledger::ledger::{Ledger, Reader};
use spireledger::log::Directory;
use spireledger::rules::Request;
use spireledger::simulate::{Options, Simulator};
use spireledger::tables::{Leftover, export_sqlite, passing};
use spireledger_projections::tables::Shape;
use spireledger_schema::Command as Said;
use spireledger_schema::time::Timestamp;

/// Midnight of 2026-01-01.
pub const START: i64 = 1_767_225_600;

/// A ledger that is written.
pub struct World {
    dir: tempfile::TempDir,
    ledger: Ledger,
    seconds: Arc<AtomicI64>,
    step: i64,
}

/// A ledger that nobody writes any more.
pub struct Told {
    dir: tempfile::TempDir,
}

impl World {
    /// Each command is recorded so many seconds after the one before it.
    pub fn new(step: i64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("ledger");
        let directory = Directory::begin(&path, "a test").expect("begun");
        let seconds = Arc::new(AtomicI64::new(START));
        let now = Arc::clone(&seconds);
        let clock = move || Timestamp::from_seconds(now.load(Ordering::Relaxed)).expect("a time");
        let (ledger, _) = Ledger::open_held(directory, Box::new(clock)).expect("opened");
        Directory::finish(&path).expect("finished");
        Self { dir, ledger, seconds, step }
    }

    /// Says lines; what the ledger makes of them is not looked at.
    pub fn say<'l>(&self, lines: impl IntoIterator<Item = &'l str>) {
        for command in lines.into_iter().filter_map(|line| Said::parse(line).ok()) {
            self.ledger.ask_one(Request::local(command)).expect("answered");
            self.seconds.fetch_add(self.step, Ordering::Relaxed);
        }
    }

    /// A fleet with everything that can happen to one, over about four months.
    pub fn of_seed(seed: u64) -> Self {
        let world = Self::new(7_200);
        let options =
            Options { seed, machines: 4, lps: 5, days: 20, noise: 200, ..Options::month() };
        let lines: Vec<String> = Simulator::new(options).map(|line| line.json).collect();
        world.say(lines.iter().map(String::as_str));
        world
    }

    /// A database of the extension with things in it that no rule allows, brought in, and gone on with.
    pub fn brought_in(version: u16) -> Self {
        let old = Self::of_seed(u64::from(version));
        let file = old.dir.path().join("spirekeeper.sqlite3");
        let shape = Shape::at(version).expect("a version");
        let log = old.ledger.log();
        export_sqlite(&**log, &shape, &file, Leftover::GoOn, &mut |_| {}).expect("made");
        let odd = "UPDATE dca_settlements SET wire_sats = wire_sats + 1 WHERE rowid % 4 = 0;
            UPDATE dca_settlements SET id = 'old-' || rowid WHERE rowid % 6 = 0;
            UPDATE dca_payments SET settlement_id = 'nobody' WHERE rowid % 9 = 0";
        for statement in odd.split(';') {
            // An older version lacks a column.
            let _ = Connection::open(&file).expect("a database").execute_batch(statement);
        }
        let world = Self::new(7_200);
        let source = Source::open(&file).expect("a database");
        let version = version_of(&source, Some(version)).expect("a version");
        import(&world.ledger, &source, version, &file, |_| {}).expect("brought in");
        world
    }

    /// Lets go of the ledger.
    pub fn done(self) -> Told {
        self.ledger.close().expect("closed");
        Told { dir: self.dir }
    }
}

impl Told {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs the program; returns how it ended, what it said, and what it said was wrong.
    pub fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.current_dir(self.dir.path()).env_remove("SPIRELEDGER_DIR").args(args);
        let output = command.output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let code = output.status.code().unwrap_or(-1);
        (code, text(output.stdout), text(output.stderr))
    }

    /// Runs the program, which does it.
    #[track_caller]
    pub fn does(&self, args: &[&str]) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {err}");
        out
    }

    /// Exports a journal to a file of that name, with these further arguments.
    #[track_caller]
    pub fn journal(&self, format: &str, name: &str, more: &[&str]) -> PathBuf {
        self.does(&[&["export", "--format", format, "--out", name], more].concat());
        self.path(name)
    }

    /// The newest tables, as of now.
    pub fn tables(&self) -> Connection {
        passing(&self.reader(), &Shape::newest()).expect("tables")
    }

    pub fn reader(&self) -> Reader {
        Reader::open(&self.path("ledger")).expect("a ledger")
    }
}

/// The bytes of a file, as text.
pub fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("readable")
}
