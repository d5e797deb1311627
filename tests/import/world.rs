//! A ledger of its own for one test, and a database that is brought in.

use std::path::PathBuf;

use spireledger::audit::verify;
use spireledger::import::{ImportError, Report, Source, import, version_of};
use spireledger::ledger::{Ledger, Reader};
use spireledger::log::{Directory, ReadLog};
use spireledger::rules::Request;
use spireledger::tables::{Leftover, export_sqlite};
use spireledger_projections::shape::Shape;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Command};

use crate::database::{Tables, read};

pub struct World {
    pub dir: tempfile::TempDir,
    pub ledger: Option<Ledger>,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = || Timestamp::from_seconds(1_795_000_000).unwrap();
        let path = dir.path().join("ledger");
        let directory = Directory::begin(&path, "a test").unwrap();
        let (ledger, _) = Ledger::open_held(directory, Box::new(clock)).unwrap();
        Directory::finish(&path).unwrap();
        Self { dir, ledger: Some(ledger) }
    }

    /// Lets go of the ledger.
    pub fn close(&mut self) {
        self.ledger.take().unwrap().close().unwrap();
    }

    /// Opens it again.
    pub fn open(&mut self) {
        let clock = || Timestamp::from_seconds(1_795_000_000).unwrap();
        let (ledger, repairs) = Ledger::open(&self.path("ledger"), Box::new(clock)).unwrap();
        assert!(repairs.is_empty(), "{repairs:?}");
        self.ledger = Some(ledger);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn ledger(&self) -> &Ledger {
        self.ledger.as_ref().unwrap()
    }

    /// Brings a database in, which is of this version, or of what it seems to be.
    pub fn import(&self, name: &str, version: Option<u16>) -> Report {
        self.try_import(name, version).unwrap()
    }

    pub fn try_import(&self, name: &str, version: Option<u16>) -> Result<Report, ImportError> {
        let file = self.path(name);
        let source = Source::open(&file)?;
        let version = version_of(&source, version)?;
        import(self.ledger(), &source, version, &file, |_| {})
    }

    pub fn ask(&self, command: &serde_json::Value) -> Answer {
        let command = Command::parse(&command.to_string()).unwrap();
        self.ledger().ask_one(Request::local(command)).unwrap()
    }

    /// The tables of a version, exported and read back.
    pub fn tables(&self, version: u16) -> Tables {
        let out = self.path(&format!("v{version}.sqlite"));
        export_sqlite(
            &**self.ledger().log(),
            &Shape::at(version).unwrap(),
            &out,
            Leftover::ThrowAway,
            &mut |_| {},
        )
        .unwrap();
        read(&out)
    }

    /// Whether the log holds together, and the writer too.
    pub fn ends_sound(mut self) {
        self.ledger.take().unwrap().close().unwrap();
        let reader = Reader::open(&self.path("ledger")).unwrap();
        let report = verify(&reader, |_| {});
        assert!(report.is_sound(), "{report:#?}");
        assert_eq!(report.entries, reader.head().seq);
    }
}
