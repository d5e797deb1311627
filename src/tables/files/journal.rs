//! How far an export to files has come: a file beside them, `tables.csv.part` and the like, which is gone
//! when the export is done.
//!
//! It is only appended to. Each line is a JSON object, durable before anything rests on it:
//!
//! | line | says |
//! | --- | --- |
//! | `about` | what is exported: always the first |
//! | `amid` | a table's file is durable up to so many bytes, with the rows of all entries up to `seq` |
//! | `done` | a table's file is in its place, so long |
//!
//! A last line that a crash tore is cut. Whoever exports holds a lock on the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use spireledger_projections::tables::Shape;

use super::super::build::{Leftover, sync};
use super::super::database::TablesError;
use super::super::position::mark;
use super::FileFormat;
use crate::log::{Head, crash};

/// What is exported. Whatever of it differs, nothing of an interrupted export is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    /// The program: another one may write cells in another way.
    program: String,
    format: String,
    shape: String,
    seq: u64,
    hash: String,
    /// The entry behind which rows begin that are told.
    #[serde(default)]
    after: u64,
}

impl About {
    pub(super) fn new(shape: &Shape, format: FileFormat, head: Head, after: u64) -> Self {
        Self {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            format: format.extension().to_owned(),
            shape: mark(shape),
            seq: head.seq,
            hash: head.hash.to_string(),
            after,
        }
    }
}

/// A table that is not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amid {
    pub(super) table: String,
    /// Bytes of its file that are durable.
    pub(super) bytes: u64,
    /// Rows in them.
    pub(super) rows: u64,
    /// The last entry whose rows are in them.
    pub(super) seq: u64,
}

/// A table that is finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) table: String,
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// Columns that had to be written as text.
    pub(super) as_text: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    About(About),
    Amid(Amid),
    Done(Done),
}

pub(super) struct Journal {
    path: PathBuf,
    dir: PathBuf,
    file: File,
    amid: Option<Amid>,
    done: BTreeMap<String, Done>,
}

impl Journal {
    /// Opens the journal of a directory, or begins one. Also returns the last entry of an interrupted
    /// export that is of another moment, and is given up.
    pub(super) fn open(
        dir: &Path,
        about: About,
        leftover: Leftover,
    ) -> Result<(Self, Option<u64>), TablesError> {
        let path = dir.join(format!("tables.{}.part", about.format));
        let io = TablesError::io(&path);
        let mut file = hold(&path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(&io)?;
        let (lines, len) = lines(&text);
        let (amid, done) = (None, BTreeMap::new());
        let mut journal = Self { path: path.clone(), dir: dir.to_owned(), file, amid, done };
        let found = lines.first().and_then(|line| match line {
            Line::About(about) => Some(about.clone()),
            Line::Amid(_) | Line::Done(_) => None,
        });
        if leftover == Leftover::GoOn && found.as_ref() == Some(&about) {
            journal.file.set_len(len).map_err(&io)?;
            journal.file.seek(SeekFrom::End(0)).map_err(&io)?;
            for line in lines {
                journal.take(line);
            }
            return Ok((journal, None));
        }
        let other = found.filter(|found| leftover == Leftover::GoOn && found.seq != about.seq);
        journal.file.set_len(0).map_err(&io)?;
        journal.file.seek(SeekFrom::Start(0)).map_err(&io)?;
        journal.write(Line::About(about))?;
        sync(dir)?;
        Ok((journal, other.map(|other| other.seq)))
    }

    /// What is known of a finished table.
    pub(super) fn done(&self, table: &str) -> Option<&Done> {
        self.done.get(table)
    }

    /// What is known of a table that is not finished.
    pub(super) fn amid(&self, table: &str) -> Option<&Amid> {
        self.amid.as_ref().filter(|amid| amid.table == table && amid.bytes > 0)
    }

    /// Notes that nothing of a table is durable any more.
    pub(super) fn begin_anew(&mut self, table: &str) -> Result<(), TablesError> {
        self.reach(&Amid { table: table.to_owned(), bytes: 0, rows: 0, seq: 0 })
    }

    /// Notes how far a table is.
    pub(super) fn reach(&mut self, amid: &Amid) -> Result<(), TablesError> {
        self.write(Line::Amid(amid.clone()))
    }

    /// Notes that a table is finished.
    pub(super) fn finish(&mut self, done: &Done) -> Result<(), TablesError> {
        self.write(Line::Done(done.clone()))
    }

    /// All is done: it goes.
    pub(super) fn close(self) -> Result<(), TablesError> {
        std::fs::remove_file(&self.path).map_err(TablesError::io(&self.path))?;
        sync(&self.dir)
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::About(_) => {}
            Line::Amid(amid) => self.amid = Some(amid),
            Line::Done(done) => {
                self.amid = None;
                self.done.insert(done.table.clone(), done);
            }
        }
    }

    fn write(&mut self, line: Line) -> Result<(), TablesError> {
        let io = TablesError::io(&self.path);
        let mut text = serde_json::to_vec(&line).map_err(|error| io(error.into()))?;
        text.push(b'\n');
        crash::half_done("tables:files-journal-half-written", || {
            self.file.write_all(text.get(..text.len() / 2).unwrap_or_default())
        });
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(&io)?;
        self.take(line);
        Ok(())
    }
}

/// Opens the file and locks it. The system lets go of it when the process ends.
fn hold(path: &Path) -> Result<File, TablesError> {
    let io = TablesError::io(path);
    loop {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(&io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(TablesError::Busy(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        // Whoever held it before may have removed it since it was opened.
        let held = file.metadata().map_err(&io)?;
        let is_it = std::fs::metadata(path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
        if is_it {
            return Ok(file);
        }
    }
}

/// The lines up to the first that is none, and how many bytes they have.
fn lines(text: &[u8]) -> (Vec<Line>, u64) {
    let (mut lines, mut len) = (Vec::new(), 0);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let whole = line.strip_suffix(b"\n");
        let Some(read) = whole.and_then(|line| serde_json::from_slice(line).ok()) else { break };
        lines.push(read);
        len += line.len() as u64;
    }
    (lines, len)
}
