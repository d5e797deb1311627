//! Live tables: a SQLite file in the ledger directory that follows the log.
//!
//! | name | what |
//! | --- | --- |
//! | `tables.sqlite` | a link to the file that is live; `tables-v7.sqlite` for another version |
//! | `tables.3.sqlite` | that file, the third that was made |
//! | `tables.part.sqlite` | the next one, while it is made |
//! | `tables.lock` | held by whoever brings them forward, or puts another file in their place |
//! | `tables.part.lock` | held by whoever makes the next one, until it is in its place |
//!
//! All of it can be deleted at any time. SQLite keeps files of its own beside a database, by its name:
//! so a new database gets a new name, and what is swapped is the link.

use std::fmt::Write as _;
use std::fs::{File, TryLockError};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use spireledger_projections::tables::Shape;
use spireledger_projections::versions::NEWEST;

use super::build::{Leftover, build, remove, shareable, sync};
use super::database::{Database, SCHEMA, TablesError, Unusable};
use super::position;
use crate::log::{Head, ReadLog, crash, lock_file};

/// The lock of the live tables.
const LIVE: &str = "";
/// The lock of the file that is to be live. Who waits for it holds no other.
const PART: &str = ".part";

/// How long a reader asks again for a file that is locked.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// Times that a reader looks again when the file is swapped under its eyes.
const LOOKS_MAX: usize = 10;

/// The live tables of one version in one ledger directory. One process may hold any number of them, and
/// any number of processes may: they take turns.
pub struct Live {
    dir: PathBuf,
    shape: Shape,
    stem: String,
    open: Option<(PathBuf, Database)>,
}

impl Live {
    /// The live tables of a version. Nothing is opened yet.
    pub fn new(dir: &Path, shape: Shape) -> Self {
        let version = shape.version();
        let stem = if version == NEWEST { "tables".into() } else { format!("tables-v{version}") };
        Self { dir: dir.to_owned(), shape, stem, open: None }
    }

    /// The name under which the live file is found.
    pub fn path(&self) -> PathBuf {
        self.dir.join(format!("{}.sqlite", self.stem))
    }

    /// The version of the tables.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Whether there is a file, of whatever it may be.
    pub fn exists(&self) -> bool {
        self.path().exists()
    }

    /// Brings the tables forward to the log's head of this moment; the cost follows the number of new
    /// entries. What is there and cannot be brought forward is made anew, and why is said.
    ///
    /// # Errors
    /// [`TablesError::Ahead`] if the tables have come further than `log`: either the log was opened a
    /// while ago, and another process has brought them forward since, or the log has lost its end. Who
    /// knows that it is the latter calls [`Self::discard`].
    pub fn follow(
        &mut self,
        log: &dyn ReadLog,
        tick: &mut dyn FnMut(u64),
    ) -> Result<(Head, Option<Unusable>), TablesError> {
        loop {
            let live = self.lock(LIVE)?;
            let why = match self.forward(log, tick)? {
                Ok(head) => return Ok((head, None)),
                Err(why) => why,
            };
            let Some(_part) = self.try_lock(PART)? else {
                // Whoever makes them anew will want the lock that we have. Then they are there.
                drop(live);
                drop(self.lock(PART)?);
                continue;
            };
            let database = self.replace(log, Leftover::GoOn, tick)?;
            let head = database.head();
            self.open = Some((self.target(), database));
            return Ok((head, Some(why)));
        }
    }

    /// Brings what is there forward, if it can be. The caller holds the lock.
    fn forward(
        &mut self,
        log: &dyn ReadLog,
        tick: &mut dyn FnMut(u64),
    ) -> Result<Result<Head, Unusable>, TablesError> {
        // After an error the state in memory is not that of the file: it is let go of.
        let database = match self.take_open() {
            Some(database) if !database.has_moved()? => Ok(database),
            _ => self.resume(log)?,
        };
        let mut database = match database {
            Ok(database) => database,
            Err(why) => return Ok(Err(why)),
        };
        match database.forward(log, tick) {
            Err(error) if error.is_damage() => Ok(Err(Unusable::Damaged(error.to_string()))),
            Err(error) => Err(error),
            Ok(()) => {
                let head = database.head();
                self.open = Some((self.target(), database));
                Ok(Ok(head))
            }
        }
    }

    /// Makes the tables anew beside the old ones, which stay in use until the new ones have caught up.
    pub fn rebuild(
        &mut self,
        log: &dyn ReadLog,
        leftover: Leftover,
        tick: &mut dyn FnMut(u64),
    ) -> Result<(), TablesError> {
        self.open = None;
        let Some(_part) = self.try_lock(PART)? else {
            return Err(TablesError::Busy(self.part()));
        };
        shareable(build(log, &self.shape, &self.part(), leftover, tick)?)?;
        let _lock = self.lock(LIVE)?;
        self.swap()
    }

    /// Throws the tables away.
    pub fn discard(&mut self) -> Result<(), TablesError> {
        let _lock = self.lock(LIVE)?;
        self.open = None;
        let target = self.target();
        remove(&self.path())?;
        remove(&target)
    }

    /// Opens the tables for questions, attached as the seed does, at one moment: a transaction is open
    /// until the connection is closed. Says which moment; `None` if these are no tables of the version.
    pub fn read(&self) -> Result<(Connection, Option<Head>), TablesError> {
        let (mut looks, begun) = (0, Instant::now());
        loop {
            let target = self.target();
            let found = look(&target, &self.shape);
            // SQLite does not wait for everything that another process does to a file for a moment.
            if matches!(&found, Err(error) if error.is_busy()) && begun.elapsed() < PATIENCE {
                std::thread::sleep(PAUSE);
                continue;
            }
            looks += 1;
            // A file that was swapped meanwhile may have been read without its newest part.
            if (target == self.target() && target.exists()) || looks == LOOKS_MAX {
                return found;
            }
        }
    }

    /// The tables in memory, if they are those of the file that is live now.
    fn take_open(&mut self) -> Option<Database> {
        let (path, database) = self.open.take()?;
        (path == self.target() && path.exists()).then_some(database)
    }

    /// Opens what is there.
    fn resume(&self, log: &dyn ReadLog) -> Result<Result<Database, Unusable>, TablesError> {
        let target = self.target();
        if !target.exists() {
            return Ok(Err(Unusable::Missing));
        }
        match Database::open_file(&target, false)
            .and_then(|c| Database::resume(c, &self.shape, log))
        {
            Err(error) if error.is_damage() => Ok(Err(Unusable::Damaged(error.to_string()))),
            other => other,
        }
    }

    /// Makes the tables anew while others wait for them.
    fn replace(
        &self,
        log: &dyn ReadLog,
        leftover: Leftover,
        tick: &mut dyn FnMut(u64),
    ) -> Result<Database, TablesError> {
        let database = build(log, &self.shape, &self.part(), leftover, tick)?;
        let head = database.head();
        shareable(database)?;
        self.swap()?;
        let connection = Database::open_file(&self.target(), false)?;
        let resumed = Database::resume(connection, &self.shape, log)?;
        Ok(resumed.unwrap_or_else(|why| unreachable!("made up to {head} just now, but {why}")))
    }

    /// Puts the new file in the place of the old one. The caller holds the lock.
    fn swap(&self) -> Result<(), TablesError> {
        let io = TablesError::io(&self.path());
        let (part, link) = (self.part(), self.dir.join(format!("{}.link", self.stem)));
        sync(&part)?;
        let name = format!("{}.{}.sqlite", self.stem, self.next_number());
        crash::point("tables:before-swap");
        std::fs::rename(&part, self.dir.join(&name)).map_err(&io)?;
        let _ = std::fs::remove_file(&link);
        symlink(&name, &link).map_err(&io)?;
        crash::point("tables:amid-swap");
        std::fs::rename(&link, self.path()).map_err(&io)?;
        sync(&self.dir)?;
        crash::point("tables:swapped");
        for (number, path) in self.numbered() {
            if path != self.dir.join(&name) {
                tracing::debug!(number, "old live tables are removed");
                remove(&path)?;
            }
        }
        // Where the name was no link but a file of its own, this is what it left.
        for beside in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(self.dir.join(format!("{}.sqlite{beside}", self.stem)));
        }
        Ok(())
    }

    /// The file that the name leads to; itself, if it is no link.
    fn target(&self) -> PathBuf {
        let path = self.path();
        std::fs::read_link(&path).map_or(path, |target| self.dir.join(target))
    }

    fn part(&self) -> PathBuf {
        self.dir.join(format!("{}.part.sqlite", self.stem))
    }

    /// All files that are or were live.
    fn numbered(&self) -> Vec<(u64, PathBuf)> {
        let number = |path: &Path| {
            let name = path.file_name()?.to_str()?;
            let number = name.strip_prefix(&self.stem)?.strip_prefix('.')?;
            number.strip_suffix(".sqlite")?.parse().ok()
        };
        let items = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        items.filter_map(|item| Some((number(&item.path())?, item.path()))).collect()
    }

    fn next_number(&self) -> u64 {
        self.numbered().iter().map(|(number, _)| number + 1).max().unwrap_or(1)
    }

    /// Waits until nobody else has a lock. The system lets go of it when the process ends.
    fn lock(&self, of: &str) -> Result<File, TablesError> {
        let (path, lock) = self.lock_file(of)?;
        lock.lock().map_err(TablesError::io(&path))?;
        Ok(lock)
    }

    /// Takes a lock, unless somebody else has it.
    fn try_lock(&self, of: &str) -> Result<Option<File>, TablesError> {
        let (path, lock) = self.lock_file(of)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(TablesError::io(&path)(error)),
        }
    }

    fn lock_file(&self, of: &str) -> Result<(PathBuf, File), TablesError> {
        let path = self.dir.join(format!("{}{of}.lock", self.stem));
        let lock = lock_file(&path).map_err(TablesError::io(&path))?;
        Ok((path, lock))
    }
}

/// Attaches a file that can only be read, and reads its position.
fn look(path: &Path, shape: &Shape) -> Result<(Connection, Option<Head>), TablesError> {
    let connection = Connection::open_in_memory()?;
    connection.busy_timeout(PATIENCE)?;
    connection.execute(&format!("ATTACH ?1 AS {SCHEMA}"), [uri(path)])?;
    connection.execute_batch("BEGIN")?;
    let head = position::read(&connection, SCHEMA, shape)?;
    Ok((connection, head))
}

/// A file as SQLite names it when it is to be read only.
fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte));
            }
            other => {
                // Nothing can go wrong in writing to a string.
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri.push_str("?mode=ro");
    uri
}
