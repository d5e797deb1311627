//! A spirekeeper database becomes entries like any others.
//!
//! Every row of every table goes through the one writer, as it was found; what it says that no rule
//! would allow is listed, never dropped and never put right. Importing the same file again appends
//! nothing; a later state of it appends the differences.
//!
//! *Never:* write to the database. *Start at:* [`import`].

mod irregular;
mod layout;
mod source;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};

use serde::Serialize;
use spireledger_projections::Fleet;
use spireledger_projections::versions::SPIREKEEPER_NEWEST;
use spireledger_schema::identity::Actor;
use spireledger_schema::imported::{SourceRow, SourceTable};
use spireledger_schema::text::Text;
use spireledger_schema::{Answer, Refusal};

use crate::ledger::{Item, Ledger, LedgerError, replay_fleet};
use crate::rules::{Import, row_too_long};

pub use irregular::Irregular;
use source::Read;
pub use source::Source;

/// Rows that are decided and made durable together; few where crashes between batches are tried.
pub const BATCH_ROWS: usize = if cfg!(feature = "crash-points") { 64 } else { 1_024 };
/// Bytes of long texts after which a batch takes no more rows.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Batches that are decided while the next is read.
const BATCHES_IN_FLIGHT: usize = 4;
/// Irregular or refused rows that are kept for the report.
const LISTED_MAX: usize = 100_000;

/// Why a database could not be brought in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no spirekeeper database.
    #[error(
        "this is no spirekeeper database: it has no {}. All versions 1 to {SPIREKEEPER_NEWEST} have that",
        .missing.join(", no ")
    )]
    NotOne {
        /// Tables, and columns as `table.column`.
        missing: Vec<String>,
    },
    /// Its columns do not fit the version that was named.
    #[error("the columns fit version {first} to {last}, not {named}")]
    NotThat {
        /// What was named.
        named: u16,
        /// The first version that fits.
        first: u16,
        /// The last.
        last: u16,
    },
    /// Somebody writes to it without a pause.
    #[error("the database is locked by whoever writes to it; try again")]
    Busy,
    /// SQLite said no.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The system said no.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The ledger cannot go on.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How the rows of one table fared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The table.
    pub table: SourceTable,
    /// Its rows.
    pub rows: u64,
    /// Rows that were new, or said something else than before.
    pub appended: u64,
    /// Rows that were here.
    pub replayed: u64,
    /// Rows that were refused: the ledger went on with the same thing.
    pub refused: u64,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The table.
    pub table: SourceTable,
    /// The row.
    pub id: Text,
    /// Why.
    pub refusal: Refusal,
}

/// What became of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version that was found.
    pub version: u16,
    /// The versions that the columns fit.
    pub fits: (u16, u16),
    /// Whether newer names of columns stand beside older ones.
    pub is_mixture: bool,
    /// Columns that no version has: they are not brought in.
    pub unknown_columns: Vec<String>,
    /// Table by table.
    pub tables: Vec<Counts>,
    /// What no rule would have allowed. It is brought in as it stands.
    pub irregular: Vec<Irregular>,
    /// What was refused.
    pub refused: Vec<Refused>,
    /// Irregular and refused rows beyond those that are listed.
    pub more: u64,
}

impl Report {
    /// Entries that were appended.
    pub fn appended(&self) -> u64 {
        self.tables.iter().map(|table| table.appended).sum()
    }
}

/// The version of a database: what its columns say and, where they leave that open, what was named or
/// what its deposits say.
pub fn version_of(source: &Source, named: Option<u16>) -> Result<u16, ImportError> {
    let (first, last) = (*source.layout.versions.start(), *source.layout.versions.end());
    match named {
        Some(named) if (first..=last).contains(&named) => Ok(named),
        Some(named) => Err(ImportError::NotThat { named, first, last }),
        // Version 5 left no deposit in another currency than its machine's.
        None if source.has_foreign_deposits()? => Ok(last.min(4).max(first)),
        None => Ok(last),
    }
}

/// What of a database is irregular, without a ledger.
pub fn look(source: &Source, version: u16) -> Result<Report, ImportError> {
    let mut run = Run::new(source, version, None);
    run.all(&Fleet::default(), &mut |_| {})?;
    Ok(run.report)
}

/// Brings a database in. `tick` hears how many rows were sent.
pub fn import(
    ledger: &Ledger,
    source: &Source,
    version: u16,
    file: &Path,
    mut tick: impl FnMut(u64),
) -> Result<Report, ImportError> {
    let name = file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let actor = Actor::Import { file: Text::new(&name), version };
    let fleet = replay_fleet(&**ledger.log())?;
    let mut run = Run::new(source, version, Some((ledger, actor)));
    run.all(&fleet, &mut tick)?;
    Ok(run.report)
}

/// One import on its way.
struct Run<'a> {
    source: &'a Source,
    version: u16,
    ledger: Option<(&'a Ledger, Actor)>,
    report: Report,
    /// What will be sent together, and about how long it is.
    batch: Vec<Import>,
    batch_bytes: usize,
    /// What was sent, oldest first, with where its answers come.
    sent: VecDeque<Sent>,
}

/// A batch that was sent: what its rows are, and where its answers come.
struct Sent {
    what: Vec<(SourceTable, Text)>,
    answers: Receiver<Vec<Answer>>,
}

impl<'a> Run<'a> {
    fn new(source: &'a Source, version: u16, ledger: Option<(&'a Ledger, Actor)>) -> Self {
        let counts = |table: &SourceTable| Counts {
            table: *table,
            rows: 0,
            appended: 0,
            replayed: 0,
            refused: 0,
        };
        let layout = &source.layout;
        let report = Report {
            version,
            fits: (*layout.versions.start(), *layout.versions.end()),
            is_mixture: layout.is_mixture,
            unknown_columns: layout.unknown(),
            tables: SourceTable::ALL.iter().map(counts).collect(),
            irregular: Vec::new(),
            refused: Vec::new(),
            more: 0,
        };
        let (batch, sent) = (Vec::new(), VecDeque::new());
        Self { source, version, ledger, report, batch, batch_bytes: 0, sent }
    }

    fn all(&mut self, fleet: &Fleet, tick: &mut impl FnMut(u64)) -> Result<(), ImportError> {
        let (source, version) = (self.source, self.version);
        let mut rows = 0;
        for table in SourceTable::ALL.iter().copied() {
            if table == SourceTable::Splits {
                rows += self.rules(fleet)?;
                tick(rows);
                continue;
            }
            source.rows(table, version, |read| {
                if read.too_long.is_none() {
                    irregular::look(source, &read.row, |what| self.irregular(what))?;
                }
                self.row(read)?;
                rows += 1;
                tick(rows);
                Ok(())
            })?;
            if table == SourceTable::Lps {
                source.lps_of_clients(version, |read| self.row(read))?;
            }
        }
        self.hand_over()?;
        while !self.sent.is_empty() {
            self.hear()?;
        }
        Ok(())
    }

    /// Sends a row, if it is not too long.
    fn row(&mut self, read: Read) -> Result<(), ImportError> {
        let Read { row, settlement, too_long } = read;
        let table = row.table;
        match too_long {
            Some(longest) => {
                self.count(table);
                self.too_long(row, longest);
                Ok(())
            }
            None => self.send(table, Import::Row { row, settlement }),
        }
    }

    fn too_long(&mut self, row: SourceRow, (column, bytes): (&'static str, usize)) {
        let refusal = row_too_long(row.table, row.id.as_str(), column, bytes);
        self.refused(row.table, row.id, refusal);
    }

    /// Sends the rule sets, and for each that was brought in and is gone that it is.
    fn rules(&mut self, fleet: &Fleet) -> Result<u64, ImportError> {
        let mut sets: BTreeMap<(Text, Option<Text>), Vec<SourceRow>> = BTreeMap::new();
        let (source, version) = (self.source, self.version);
        let mut rows = 0;
        // A set is brought in whole or not at all.
        let mut cut: BTreeSet<(Text, Option<Text>)> = BTreeSet::new();
        source.rows(SourceTable::Splits, version, |Read { row, too_long, .. }| {
            rows += 1;
            let operator = row.cell("operator_user_id").name().unwrap_or_default();
            let set = (operator, row.cell("machine_id").name());
            if let Some(longest) = too_long {
                cut.insert(set);
                self.count(row.table);
                self.too_long(row, longest);
                return Ok(());
            }
            irregular::look(source, &row, |what| self.irregular(what))?;
            sets.entry(set).or_default().push(row);
            Ok(())
        })?;
        sets.retain(|set, _| !cut.contains(set));
        let here: BTreeSet<_> = sets.keys().cloned().chain(cut).collect();
        for ((operator, machine), rows) in sets {
            irregular::look_at_rules(&operator, machine.as_ref(), &rows, |what| {
                self.irregular(what);
            });
            self.send(SourceTable::Splits, Import::Rules { operator, machine, rows })?;
        }
        let brought_in = fleet.all_rules().filter(|rules| !rules.imported.is_empty());
        for rules in brought_in {
            let operator = Text::new(rules.operator_user_id.as_str());
            let machine = rules.machine_id.as_ref().map(|id| Text::new(id.as_str()));
            if !here.contains(&(operator.clone(), machine.clone())) {
                let gone = Import::Rules { operator, machine, rows: Vec::new() };
                self.send(SourceTable::Splits, gone)?;
            }
        }
        Ok(rows)
    }

    fn irregular(&mut self, what: Irregular) {
        if self.report.irregular.len() < LISTED_MAX {
            self.report.irregular.push(what);
        } else {
            self.report.more += 1;
        }
    }

    fn send(&mut self, table: SourceTable, import: Import) -> Result<(), ImportError> {
        self.count(table);
        if self.ledger.is_none() {
            return Ok(());
        }
        self.batch_bytes += import.bytes();
        self.batch.push(import);
        let is_full = self.batch.len() >= BATCH_ROWS || self.batch_bytes >= BATCH_BYTES;
        if is_full { self.hand_over() } else { Ok(()) }
    }

    fn count(&mut self, table: SourceTable) {
        if let Some(counts) = self.counts(table) {
            counts.rows += 1;
        }
    }

    /// Sends what is waiting; hears what became of older batches while too many are on their way.
    fn hand_over(&mut self) -> Result<(), ImportError> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let Some((ledger, actor)) = &self.ledger else { return Ok(()) };
        if batch.is_empty() {
            return Ok(());
        }
        let (reply, answers) = sync_channel(1);
        let what = batch.iter().map(named).collect();
        let items = batch.into_iter().map(|import| Item::Import(Box::new((import, actor.clone()))));
        // If the import stops before, nobody is left to hear it.
        ledger.submit(items.collect(), Box::new(move |all| drop(reply.send(all))))?;
        self.sent.push_back(Sent { what, answers });
        if self.sent.len() > BATCHES_IN_FLIGHT { self.hear() } else { Ok(()) }
    }

    fn hear(&mut self) -> Result<(), ImportError> {
        let Some(Sent { what, answers }) = self.sent.pop_front() else { return Ok(()) };
        let stopped = |_| self.ledger.as_ref().map(|(ledger, _)| ledger.stopped());
        let answers = match answers.recv().map_err(stopped) {
            Ok(answers) => answers,
            Err(Some(error)) => return Err(error.into()),
            Err(None) => return Ok(()),
        };
        for ((table, id), answer) in what.into_iter().zip(answers) {
            let Some(counts) = self.counts(table) else { continue };
            match answer {
                Answer::Accepted(_) => counts.appended += 1,
                Answer::Replayed(_) => counts.replayed += 1,
                Answer::Refused(refusal) => self.refused(table, id, *refusal),
            }
        }
        Ok(())
    }

    fn refused(&mut self, table: SourceTable, id: Text, refusal: Refusal) {
        if let Some(counts) = self.counts(table) {
            counts.refused += 1;
        }
        if self.report.refused.len() < LISTED_MAX {
            self.report.refused.push(Refused { table, id, refusal });
        } else {
            self.report.more += 1;
        }
    }

    fn counts(&mut self, table: SourceTable) -> Option<&mut Counts> {
        self.report.tables.iter_mut().find(|counts| counts.table == table)
    }
}

/// What an import is about, for the report.
fn named(import: &Import) -> (SourceTable, Text) {
    match import {
        Import::Row { row, .. } => (row.table, row.id.clone()),
        Import::Rules { operator, machine, .. } => {
            let of = machine.as_ref().map_or_else(String::new, |machine| format!(" at {machine}"));
            (SourceTable::Splits, Text::new(&format!("rules of {operator}{of}")))
        }
    }
}
