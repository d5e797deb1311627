//! The measurements: what this machine and its disk do, beside what a user would pick instead.
//!
//! A figure is taken in turns with its peers (the bare disk; SQLite with the seed's table), in one run:
//! whatever else the machine does meets all of them, and what is compared is the ratio. Rows are made
//! in memory before the clock starts. Every stage checks at the end that all rows are there.
//!
//! *Never:* a figure without its peer or budget where it has one; a file outside the directory that is
//! measured, or one that is left behind. *Start at:* [`run`]; each stage is a file.

pub mod contenders;
mod imports;
pub mod input;
mod ledger;
mod log;
mod program;
mod reopen;
mod report;
mod tables;
mod timing;

use std::path::{Path, PathBuf};

use contenders::Scratch;
pub use report::{Beside, Budget, Figure, Report, Unit};
pub use timing::Latency;

use crate::import::ImportError;
use crate::ledger::LedgerError;
use crate::log::{DirectoryError, LogError};
use crate::notary::NotaryError;
use crate::tables::TablesError;

const BARE: &str = "bare disk";
const SQLITE: &str = "SQLite";
/// Our own log, beside which stands what is done behind it.
const LOG: &str = "log alone";
/// Claims whose input is in memory at a time: contenders take turns after so many.
const ROUND_ROWS: u64 = 40_000;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Single pages that are appended and synced.
    pub syncs: u32,
    /// Claims of each stage and contender.
    pub claims: u64,
    /// Claims that the ledger grows to, to see whether a claim gets dearer with history.
    pub growth: u64,
}

impl Sizes {
    /// A minute on a laptop.
    pub const QUICK: Self = Self { syncs: 200, claims: 400_000, growth: 1_000_000 };
    /// What the budgets are written for.
    pub const FULL: Self = Self { syncs: 1_000, claims: 1_000_000, growth: 10_000_000 };
    /// Enough to see that all of it works.
    pub const TINY: Self = Self { syncs: 3, claims: 400, growth: 600 };
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file or a process.
    #[error("cannot {what} {path}: {error}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The directory that is measured.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The tree.
    #[error(transparent)]
    Notary(#[from] NotaryError),
    /// The tables.
    #[error(transparent)]
    Tables(#[from] TablesError),
    /// The import.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The peer.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Something did not do what it was asked: no figure of it would mean anything.
    #[error("{0}: a bug, or a disk that loses data")]
    Wrong(String),
}

impl BenchError {
    fn io(what: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { what, path: path.clone(), error }
    }
}

/// What is measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The disk's sync floor.
    Disk,
    /// The log alone, beside the bare disk and SQLite.
    Log,
    /// Claims in process, new and again.
    Claims,
    /// `submit` from a file, beside SQLite; then replay and reopening of what it left.
    Submit,
    /// The tables, beside SQLite that is given their rows; following a log that grows; and an import.
    Tables,
    /// A long history beside a short one, and the memory that it takes.
    Growth,
}

impl Stage {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 6] =
        [Self::Disk, Self::Log, Self::Claims, Self::Submit, Self::Tables, Self::Growth];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Log => "log",
            Self::Claims => "claims",
            Self::Submit => "submit",
            Self::Tables => "tables",
            Self::Growth => "growth",
        }
    }
}

/// Measures in `dir`. `program` is the binary `spireledger`, for what runs end to end; `tell` hears what
/// is being measured.
pub fn run(
    dir: &Path,
    program: &Path,
    sizes: &Sizes,
    stages: &[Stage],
    mut tell: impl FnMut(&str),
) -> Result<Report, BenchError> {
    // Growth comes first, while this process has needed no memory for anything else.
    let grown = if stages.contains(&Stage::Growth) {
        tell("growth");
        ledger::growth(sizes, &Scratch::make(dir)?)?
    } else {
        Vec::new()
    };
    let mut figures = Vec::new();
    for stage in Stage::ALL.iter().filter(|stage| stages.contains(stage)) {
        match stage {
            Stage::Disk => {
                tell("the disk's sync floor");
                figures.push(log::sync_floor(sizes, &Scratch::make(dir)?)?);
            }
            Stage::Log => {
                for group in [100, 1_000, 8_000] {
                    tell(&format!("the log alone, beside SQLite: groups of {group}"));
                    figures.extend(log::alone(sizes, &Scratch::make(dir)?, group)?);
                }
            }
            Stage::Claims => {
                for batch in [1_000, 8_000] {
                    tell(&format!("claims in process, batches of {batch}"));
                    figures.extend(ledger::in_process(sizes, &Scratch::make(dir)?, batch)?);
                }
            }
            Stage::Submit => {
                let scratch = Scratch::make(dir)?;
                tell("submit from a file, beside SQLite");
                figures.extend(program::submit(sizes, &scratch, program)?);
                tell("replay and reopening");
                figures.extend(reopen::measure(sizes, &scratch, program)?);
            }
            Stage::Tables => {
                tell("the tables, beside SQLite");
                figures.extend(tables::measure(sizes, &Scratch::make(dir)?)?);
            }
            Stage::Growth => figures.extend_from_slice(&grown),
        }
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let is_release = !cfg!(debug_assertions);
    Ok(Report { processors, dir: dir.to_owned(), is_release, figures })
}

/// Cuts claims into rounds.
fn rounds(claims: u64) -> impl Iterator<Item = u64> {
    let whole = claims / ROUND_ROWS;
    let rest = claims % ROUND_ROWS;
    std::iter::repeat_n(ROUND_ROWS, usize::try_from(whole).unwrap_or(usize::MAX))
        .chain((rest > 0).then_some(rest))
}

/// What was measured must be there.
fn same(what: &str, found: u64, expected: u64) -> Result<(), BenchError> {
    if found == expected {
        return Ok(());
    }
    Err(BenchError::Wrong(format!("{found} {what}, but {expected} were written")))
}
