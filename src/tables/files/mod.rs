//! Tables as files, one each: CSV, JSON Lines or Parquet, beside their place first and then in it.
//!
//! What an interrupted export has finished is kept by the next one of the same ledger, moment, version and
//! format. A table that was amid being written as text goes on from the last position that was written
//! down, and what the file has beyond it is cut. A Parquet file has its index at its end, so one that was
//! not finished is begun anew. `journal.rs` says how far an export is.
//!
//! *Start at:* [`export_files`].

mod journal;
mod text;

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use spireledger_projections::Fleet;
use spireledger_projections::tables::{Shape, Table};

use self::journal::{About, Amid, Done, Journal};
pub use self::text::{csv_line, write_object};
use super::build::{Leftover, sync};
use super::database::TablesError;
use super::parquet::{Parquet, export_parquet};
use super::{Told, rows_after};
use crate::ledger::replay_fleet;
use crate::log::{ReadLog, crash};

/// Entries after which the position in a table is written down: few enough that a kill costs seconds. The
/// crash tests have short ways.
const SAVED_EVERY: u64 = if cfg!(feature = "crash-points") { 150 } else { 131_072 };

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// RFC 4180.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// With exact decimals.
    Parquet,
}

impl FileFormat {
    /// The end of a file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Rows of all tables.
    pub rows: u64,
    /// Tables, each with a column that had to be written as text: see [`export_parquet`].
    pub as_text: Vec<(&'static str, String)>,
    /// Tables that an interrupted export had finished.
    pub kept: u64,
    /// The last entry of an interrupted export of another moment, which could not be gone on with.
    pub other: Option<u64>,
}

/// Writes all tables of a version into a directory, which is made if it is not there. Of rows that begin
/// with an entry (all but those of the fleet and the sums of wallets) there are those that begin behind
/// `after`. `spared` hears how many entries need not be read again for a table.
///
/// # Errors
/// [`TablesError::Busy`] if another process exports to the same directory in the same format.
pub fn export_files(
    log: &dyn ReadLog,
    shape: &Shape,
    format: FileFormat,
    after: u64,
    dir: &Path,
    leftover: Leftover,
    spared: &mut dyn FnMut(u64),
) -> Result<Exported, TablesError> {
    std::fs::create_dir_all(dir).map_err(TablesError::io(dir))?;
    let about = About::new(shape, format, log.head(), after);
    let (mut journal, other) = Journal::open(dir, about, leftover)?;
    let mut exported = Exported { rows: 0, as_text: Vec::new(), kept: 0, other };
    let mut fleet = None;
    for table in shape.tables() {
        let place =
            Place { dir, path: dir.join(format!("{}.{}", table.name(), format.extension())) };
        let found = journal.done(table.name()).filter(|done| place.has(done.bytes)).cloned();
        let done = if let Some(found) = found {
            exported.kept += 1;
            spared(if table.rows().of_fleet() { 0 } else { log.head().seq });
            found
        } else {
            let fleet = match &mut fleet {
                Some(fleet) => fleet,
                none => none.insert(replay_fleet(log)?),
            };
            let done = if format == FileFormat::Parquet {
                parquet(&Parquet { log, fleet, shape, table, after }, &place)?
            } else {
                Text { log, fleet, table, format, after, place: &place }
                    .write(&mut journal, spared)?
            };
            crash::point("tables:files-in-place");
            journal.finish(&done)?;
            crash::point("tables:files-table-done");
            done
        };
        exported.rows += done.rows;
        exported.as_text.extend(done.as_text.into_iter().map(|column| (table.name(), column)));
    }
    if fleet.is_none() {
        spared(log.head().seq);
    }
    crash::point("tables:files-all-done");
    journal.close()?;
    Ok(exported)
}

/// Where a table's file is to be.
struct Place<'a> {
    dir: &'a Path,
    path: PathBuf,
}

impl Place<'_> {
    /// Where it is while it is written.
    fn new_path(&self) -> PathBuf {
        let mut new = self.path.as_os_str().to_owned();
        new.push(".new");
        PathBuf::from(new)
    }

    /// Whether it is there, as long as it was when it was finished.
    fn has(&self, bytes: u64) -> bool {
        std::fs::metadata(&self.path).is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
    }
}

fn parquet(of: &Parquet<'_>, place: &Place<'_>) -> Result<Done, TablesError> {
    let written = export_parquet(of, &place.path)?;
    sync(place.dir)?;
    let meta = std::fs::metadata(&place.path).map_err(TablesError::io(&place.path))?;
    let as_text: BTreeSet<String> = written.as_text.into_iter().map(str::to_owned).collect();
    Ok(Done { table: of.table.name().to_owned(), bytes: meta.len(), rows: written.rows, as_text })
}

/// A table that is written as text.
struct Text<'a> {
    log: &'a dyn ReadLog,
    fleet: &'a Fleet,
    table: &'a Table,
    format: FileFormat,
    /// The entry behind which rows begin that are told.
    after: u64,
    place: &'a Place<'a>,
}

impl Text<'_> {
    fn write(
        &self,
        journal: &mut Journal,
        spared: &mut dyn FnMut(u64),
    ) -> Result<Done, TablesError> {
        let new = self.place.new_path();
        let io = TablesError::io(&new);
        let begun = journal.amid(self.table.name()).cloned();
        let begun = begun.and_then(|amid| Some((reopen(&new, amid.bytes)?, amid)));
        let (mut out, mut rows, after) = if let Some((file, amid)) = begun {
            spared(amid.seq);
            (BufWriter::new(file), amid.rows, amid.seq)
        } else {
            // What the file held until now was durable; what it holds from now on is not yet.
            if journal.amid(self.table.name()).is_some() {
                journal.begin_anew(self.table.name())?;
            }
            let mut out = BufWriter::new(File::create(&new).map_err(&io)?);
            if self.format == FileFormat::Csv {
                let names = self.table.columns().iter().map(|column| column.name);
                out.write_all(csv_line(names).as_bytes()).map_err(&io)?;
            }
            (out, 0, self.after)
        };
        let mut saved = after;
        rows_after(self.log, self.fleet, self.table, after, |told| {
            match told {
                Told::Row(row) => {
                    rows += 1;
                    text::write_row(&mut out, self.format, self.table, &row).map_err(&io)?;
                }
                Told::Passed(seq) if seq - saved >= SAVED_EVERY => {
                    saved = seq;
                    let bytes = durable(&mut out).map_err(&io)?;
                    let table = self.table.name().to_owned();
                    journal.reach(&Amid { table, bytes, rows, seq })?;
                    crash::point("tables:files-position-saved");
                }
                Told::Passed(_) => {}
            }
            Ok::<_, TablesError>(())
        })?;
        let bytes = durable(&mut out).map_err(&io)?;
        crash::point("tables:files-before-rename");
        std::fs::rename(&new, &self.place.path).map_err(TablesError::io(&self.place.path))?;
        sync(self.place.dir)?;
        let (table, as_text) = (self.table.name().to_owned(), BTreeSet::new());
        Ok(Done { table, bytes, rows, as_text })
    }
}

/// Opens a file behind its first `bytes`, and cuts what is beyond. `None`: it has not so many.
fn reopen(path: &Path, bytes: u64) -> Option<File> {
    let mut file = OpenOptions::new().write(true).open(path).ok()?;
    let is_long_enough = file.metadata().is_ok_and(|meta| meta.len() >= bytes);
    let cut = is_long_enough && file.set_len(bytes).is_ok();
    (cut && file.seek(SeekFrom::End(0)).is_ok_and(|end| end == bytes)).then_some(file)
}

/// Makes what was written durable; returns how many bytes the file has.
fn durable(out: &mut BufWriter<File>) -> std::io::Result<u64> {
    out.flush()?;
    out.get_ref().sync_all()?;
    out.get_mut().stream_position()
}
