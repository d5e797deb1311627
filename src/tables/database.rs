//! The tables of a version in a SQLite database, brought forward entry by entry.
//!
//! The tables are the seed's to the letter. A database that is to be brought forward later also holds
//! its position: see `position.rs`.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{channel, sync_channel};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use spireledger_projections::tables::{Shape, Table};

use super::ahead;
use super::fold::Fold;
use super::plan::{Plan, STATEMENTS_MAX};
use super::position;
use super::sink::{BATCHES_MAX, Direct, Handed, Sink, write_all};
use crate::ledger::{LedgerError, fleet_from, is_of, whole};
use crate::log::{Head, LogError, Past, ReadLog, crash};

/// The schema name that the seed's statements use.
pub const SCHEMA: &str = "spirekeeper";

/// Entries of one transaction of a long way: few enough that a kill costs seconds, so many that the
/// pages of the indexes are written seldom. The crash tests have short ways.
const COMMIT_ENTRIES: u64 = if cfg!(feature = "crash-points") { 300 } else { 131_072 };
/// A way that is shorter is written as it is folded. The crash tests go both ways.
const WORTH_A_THREAD: u64 = if cfg!(feature = "crash-points") { 150 } else { 4_096 };
/// Entries after which the fleet is saved again.
const FLEET_ENTRIES: u64 = 65_536;
/// How a file is written. A power cut may cost the newest transactions, rows and position together: they
/// come again. Pages wait longer in the write-ahead log than is usual (4 MB): those of indexes over hashes
/// are written by many transactions.
pub const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
    PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4096;";

/// How a file is written that is nobody else's yet. New pages go to their place at once, and not to a
/// write-ahead log first.
const SETTINGS_ALONE: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = TRUNCATE; \
    PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;";

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
    /// Another process is at it.
    #[error("{0} is being written by another process; wait until it is done, or stop it")]
    Busy(PathBuf),
    /// The tables have come further than the log.
    #[error("the tables are as of entry {position}, but the log ends with entry {head}")]
    Ahead {
        /// The entry that the tables are of.
        position: u64,
        /// The log's last one.
        head: u64,
    },
}

impl TablesError {
    pub(super) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |error| Self::Io { path: path.clone(), error }
    }

    /// Whether SQLite says that somebody else has locked a file.
    pub fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let code = match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(DatabaseBusy | DatabaseLocked))
    }

    /// In the place of what SQLite says of a file that somebody else has locked: that somebody is at it.
    pub(super) fn or_busy(self, path: &Path) -> Self {
        if self.is_busy() { Self::Busy(path.to_owned()) } else { self }
    }

    /// Whether SQLite says that a file is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if position::is_damage(error))
    }
}

/// Why tables cannot be brought forward and are made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There are none.
    #[error("they are not there")]
    Missing,
    /// SQLite cannot read them.
    #[error("they are damaged ({0})")]
    Damaged(String),
    /// Another version of the tables, or made by a program that made other rows.
    #[error("they are of another version")]
    OtherShape,
    /// The log does not lead to where they are.
    #[error("they are as of entry {0} of another history")]
    OtherHistory(u64),
}

/// Tables, and the state that they are of.
pub(super) struct Database {
    connection: Connection,
    plans: Vec<Plan>,
    fold: Fold,
    /// Whether the position is written beside the rows.
    is_kept: bool,
    /// The entry at which the fleet was last saved.
    fleet_saved: u64,
}

impl Database {
    /// Makes empty tables, without their indexes.
    pub(super) fn make(
        connection: Connection,
        shape: &Shape,
        schema: Option<&str>,
        is_kept: bool,
    ) -> Result<Self, TablesError> {
        let transaction = Transaction::new_unchecked(&connection, TransactionBehavior::Immediate)?;
        for table in shape.tables() {
            transaction.execute_batch(&table.create(schema))?;
        }
        if is_kept {
            position::make(&transaction, shape)?;
        }
        transaction.commit()?;
        let plans = Plan::all(shape, schema);
        Ok(Self { connection, plans, fold: Fold::empty(shape), is_kept, fleet_saved: 0 })
    }

    /// Tables that are nobody else's and go when they are dropped: in memory as long as they are small,
    /// then in a file without a name.
    pub(super) fn passing(shape: &Shape, schema: Option<&str>) -> Result<Self, TablesError> {
        let connection = Connection::open("")?;
        if let Some(schema) = schema {
            connection.execute_batch(&format!("ATTACH '' AS {schema}"))?;
        }
        let of = schema.unwrap_or("main");
        connection.execute_batch(&format!(
            "PRAGMA {of}.journal_mode = OFF; PRAGMA {of}.synchronous = OFF; \
             PRAGMA {of}.cache_size = -65536;"
        ))?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        Self::make(connection, shape, schema, false)
    }

    /// Goes on with tables that are there.
    pub(super) fn resume(
        connection: Connection,
        shape: &Shape,
        log: &dyn ReadLog,
    ) -> Result<Result<Self, Unusable>, TablesError> {
        let head = match position::read(&connection, "main", shape) {
            Ok(Some(head)) => head,
            Ok(None) => return Ok(Err(Unusable::OtherShape)),
            Err(error) if position::is_damage(&error) => {
                return Ok(Err(Unusable::Damaged(error.to_string())));
            }
            Err(error) => return Err(error.into()),
        };
        if head.seq > log.head().seq {
            return Err(TablesError::Ahead { position: head.seq, head: log.head().seq });
        }
        if head != Head::EMPTY && !is_of(log, head)? {
            return Ok(Err(Unusable::OtherHistory(head.seq)));
        }
        let (plans, is_kept) = (Plan::all(shape, None), true);
        if head == Head::EMPTY {
            let fold = Fold::empty(shape);
            return Ok(Ok(Self { connection, plans, fold, is_kept, fleet_saved: 0 }));
        }
        let (fleet_saved, saved) = position::saved_fleet(&connection)?.unwrap_or_default();
        let past = Past::new(log, head.seq).map_err(LedgerError::from)?;
        let (fleet, at) = fleet_from(&past, Some(&saved))?;
        let fold = Fold::at(head, fleet, at, shape);
        Ok(Ok(Self { connection, plans, fold, is_kept, fleet_saved }))
    }

    /// Opens a file to write to; nobody else's writing waits for ours longer than a transaction.
    pub(super) fn open_file(path: &Path, is_alone: bool) -> Result<Connection, TablesError> {
        let connection = Connection::open(path)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        connection.busy_timeout(std::time::Duration::from_secs(if is_alone { 0 } else { 20 }))?;
        let set = connection.execute_batch(if is_alone { SETTINGS_ALONE } else { SETTINGS });
        set.map_err(|error| TablesError::from(error).or_busy(path))?;
        Ok(connection)
    }

    /// The entry that the tables are of.
    pub(super) const fn head(&self) -> Head {
        self.fold.head()
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn into_connection(self) -> Connection {
        self.connection
    }

    /// Whether somebody else has brought these tables forward since.
    pub(super) fn has_moved(&self) -> Result<bool, TablesError> {
        Ok(position::again(&self.connection)? != Some(self.head()))
    }

    /// Takes all entries up to the log's head of this moment. After an error the state is ahead of the
    /// rows: let go of it.
    pub(super) fn forward(
        &mut self,
        log: &dyn ReadLog,
        tick: &mut dyn FnMut(u64),
    ) -> Result<(), TablesError> {
        let target = log.head();
        // Empty tables have a row, too.
        let mut is_new = self.head() == Head::EMPTY;
        while self.head() != target || is_new {
            is_new = false;
            let before = self.head();
            self.stretch(log, target.seq, tick)?;
            if self.head() == before && before != target {
                let (seq, why) = (before.seq + 1, "it is not there".into());
                return Err(LedgerError::from(LogError::Damaged { seq, why }).into());
            }
        }
        Ok(())
    }

    /// One transaction.
    fn stretch(
        &mut self,
        log: &dyn ReadLog,
        target: u64,
        tick: &mut dyn FnMut(u64),
    ) -> Result<(), TablesError> {
        let way = Way { from: self.fold.head().seq + 1, target };
        let (connection, plans) = (&mut self.connection, self.plans.as_slice());
        let (fold, saved) = (&mut self.fold, &mut self.fleet_saved);
        let is_kept = self.is_kept;
        if way.len() < WORTH_A_THREAD {
            let transaction =
                Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            way.go(log, fold, &mut Direct::new(&transaction, plans), plans, tick)?;
            let end = End::of(fold, is_kept, saved)?;
            return end.commit(transaction);
        }
        std::thread::scope(|scope| {
            let (to, work) = sync_channel(BATCHES_MAX);
            let (tell_end, end) = channel::<End>();
            let writer = scope.spawn(move || {
                let transaction =
                    Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
                write_all(&transaction, plans, &work)?;
                // Nothing is said where the folding came to no end: all of it is taken back.
                end.recv().map_or(Ok(()), |end| end.commit(transaction))
            });
            let mut sink = Handed::new(plans, to);
            let gone = way.go(log, fold, &mut sink, plans, tick).and_then(|()| sink.flush());
            drop(sink);
            let told = gone.and_then(|()| {
                // A writer that is gone says why itself.
                let _ = tell_end.send(End::of(fold, is_kept, saved)?);
                Ok(())
            });
            drop(tell_end);
            let written = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            // Whatever the writer ran into came first.
            written.and(told)
        })
    }

    /// Makes the indexes that are not there: faster when the rows are, and the same in the end.
    pub(super) fn index(&self, shape: &Shape, schema: Option<&str>) -> Result<(), TablesError> {
        let transaction =
            Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let of = schema.unwrap_or("main");
        let find = format!("SELECT 1 FROM {of}.sqlite_master WHERE type = 'index' AND name = ?1");
        for index in shape.tables().iter().flat_map(Table::indexes) {
            if !transaction.prepare_cached(&find)?.exists([index.name])? {
                transaction.execute_batch(&index.create(schema))?;
            }
        }
        if self.is_kept {
            let saved = self.fold.saved_fleet()?;
            position::save_fleet(&transaction, self.head().seq, &saved)?;
        }
        Ok(transaction.commit()?)
    }

    /// How many rows all tables have.
    pub(super) fn rows(&self) -> Result<u64, TablesError> {
        count_rows(&self.connection, &self.plans)
    }
}

/// A stretch of the log on its way into the tables.
#[derive(Clone, Copy)]
struct Way {
    from: u64,
    target: u64,
}

impl Way {
    /// How many entries there are about to come.
    fn len(self) -> u64 {
        self.last().saturating_sub(self.from) + 1
    }

    /// The entry behind which the transaction may end.
    fn last(self) -> u64 {
        self.target.min(self.from - 1 + COMMIT_ENTRIES)
    }

    fn go(
        self,
        log: &dyn ReadLog,
        fold: &mut Fold,
        sink: &mut impl Sink,
        plans: &[Plan],
        tick: &mut dyn FnMut(u64),
    ) -> Result<(), TablesError> {
        let Self { from, target } = self;
        ahead::each(log.blocks_from(from), from, target - from.min(target), |block, entries| {
            let stored = block.entries().filter(|stored| stored.front.seq >= from);
            for (stored, entry) in stored.zip(entries) {
                if stored.front.seq == fold.head().seq + 1 && stored.front.seq <= target {
                    let entry = whole(log, entry)?;
                    fold.take(log, &stored, &entry)?;
                }
                if fold.is_full() {
                    fold.write(log, sink, plans)?;
                } else if fold.has_said_much() {
                    fold.write_said(sink, plans)?;
                }
            }
            tick(fold.head().seq);
            Ok::<_, TablesError>(fold.head().seq < self.last())
        })?;
        fold.write(log, sink, plans)
    }
}

/// What ends a transaction.
struct End {
    /// The position, where it is kept.
    head: Option<Head>,
    /// The fleet, where it is time to save it.
    fleet: Option<Vec<u8>>,
}

impl End {
    /// `saved` is the entry at which the fleet was saved last.
    fn of(fold: &Fold, is_kept: bool, saved: &mut u64) -> Result<Self, TablesError> {
        let head = is_kept.then(|| fold.head());
        let is_time = head.is_some_and(|head| head.seq.saturating_sub(*saved) >= FLEET_ENTRIES);
        let fleet = if is_time { Some(fold.saved_fleet()?) } else { None };
        if is_time {
            *saved = fold.head().seq;
        }
        Ok(Self { head, fleet })
    }

    fn commit(self, transaction: Transaction<'_>) -> Result<(), TablesError> {
        if let Some(head) = self.head {
            crash::point("tables:rows-written");
            position::write(&transaction, head)?;
            if let Some(fleet) = &self.fleet {
                position::save_fleet(&transaction, head.seq, fleet)?;
            }
            crash::point("tables:before-commit");
        }
        transaction.commit()?;
        crash::point("tables:committed");
        Ok(())
    }
}

fn count_rows(connection: &Connection, plans: &[Plan]) -> Result<u64, TablesError> {
    let mut all = 0;
    for plan in plans {
        let count = format!("SELECT count(*) FROM {}", plan.name());
        let count: i64 = connection.query_row(&count, [], |row| row.get(0))?;
        all += count.unsigned_abs();
    }
    Ok(all)
}
