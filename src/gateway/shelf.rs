//! The live tables, brought forward for whoever asks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use spireledger_projections::tables::Shape;

use crate::log::{Past, ReadLog, SledLog};
use crate::tables::{Live, TablesError};

/// Live tables of all versions that somebody has asked for.
pub struct Shelf {
    dir: PathBuf,
    log: Arc<SledLog>,
    live: Mutex<BTreeMap<u16, Live>>,
}

impl Shelf {
    /// The live tables in a ledger directory, which follow a log. Nothing is opened yet.
    pub fn new(dir: &Path, log: Arc<SledLog>) -> Self {
        Self { dir: dir.to_owned(), log, live: Mutex::default() }
    }

    /// Tables as fresh as the log, and the entry that they are of. Takes as long as what is new; blocks.
    /// `None`: there is no such version.
    pub fn read(&self, version: u16) -> Result<Option<(Connection, u64)>, TablesError> {
        let mut all = self.live.lock();
        let live = match all.entry(version) {
            std::collections::btree_map::Entry::Occupied(live) => live.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                let Some(shape) = Shape::at(version) else { return Ok(None) };
                place.insert(Live::new(&self.dir, shape))
            }
        };
        let past = Past::new(&*self.log, self.log.head().seq);
        let past = past.map_err(crate::ledger::LedgerError::from)?;
        live.follow(&past, &mut |_| {})?;
        let (connection, head) = live.read()?;
        Ok(head.map(|head| (connection, head.seq)))
    }
}
