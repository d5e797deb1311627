//! The lives of deposits and settlements that are at hand while the log is read once from front to back:
//! a write-back cache of bounded size.
//!
//! What an entry changes is fetched, changed, and stays dirty until its rows are written. What was not
//! touched for long is forgotten, and folded from its own stream when an entry speaks of it again. Two
//! generations: what is touched is young; when the young ones weigh too much they become the old ones,
//! and those that nobody asked for since the last time go.

use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeSet, HashMap};

use spireledger_projections::Life;
use spireledger_projections::touched::{Legs, legs};
use spireledger_schema::{Entry, EntryKey, Event};

use crate::ledger::{LedgerError, stream_up_to};
use crate::log::{ReadLog, Stored};

/// Weight of a generation: about so many bytes. Small where it is tested how things are forgotten.
const GENERATION_BYTES_MAX: usize =
    if cfg!(feature = "crash-points") { 40 << 10 } else { 24 << 20 };

/// Deposits and settlements that wait to be written, at most.
pub(super) const DIRTY_MAX: usize = 16_384;

/// What a stream is folded to, and what of it is not written yet.
#[derive(Debug)]
pub(super) struct Held {
    /// As of the last entry that was taken.
    pub(super) life: Life,
    /// Whether it was in the tables before what is dirty happened.
    pub(super) is_written: bool,
    /// How many legs are in the tables: legs are never taken away.
    pub(super) legs_written: usize,
    /// Those of them that have changed since.
    pub(super) legs_changed: BTreeSet<usize>,
    /// Whether something in it was brought in: such rows can have other keys from one entry to the next,
    /// so they are replaced all together.
    pub(super) is_found: bool,
    /// The rows that are in the tables, of what is replaced all together.
    pub(super) before: Option<Box<Life>>,
    is_dirty: bool,
    weight: usize,
}

/// Whoever looks at a life before and after each entry of it.
pub(crate) trait Around {
    /// What is taken along from before.
    type Before;

    /// The life before an entry.
    fn before(&mut self, life: &Life, entry: &Entry) -> Self::Before;

    /// The life after it.
    fn after(&mut self, before: Self::Before, life: &Life, entry: &Entry);
}

/// All that is held.
#[derive(Debug)]
pub(crate) struct States {
    // Boxed: a table that grows moves what it holds.
    young: HashMap<EntryKey, Box<Held>>,
    old: HashMap<EntryKey, Box<Held>>,
    /// Keys of what is not written, in the order in which it was first touched. All of it is young.
    dirty: Vec<EntryKey>,
    weight: usize,
}

impl States {
    pub(crate) fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), dirty: Vec::new(), weight: 0 }
    }

    /// Folds the next entry of the log into what its stream makes; `around` sees the life before and after.
    pub(crate) fn take(
        &mut self,
        log: &dyn ReadLog,
        stored: &Stored<'_>,
        entry: &Entry,
        around: &mut impl Around,
    ) -> Result<(), LedgerError> {
        let key = entry.front.key;
        let held = match self.young.entry(key) {
            Place::Occupied(held) => held.into_mut(),
            Place::Vacant(place) => {
                let found = match self.old.remove(&key) {
                    Some(held) => held,
                    None => Box::new(Held::fetch(log, &key, stored.prev)?),
                };
                self.weight += found.weight;
                place.insert(found)
            }
        };
        let more = stored.canonical.len().max(len_of(entry)) * 2;
        (held.weight, self.weight) = (held.weight + more, self.weight + more);
        let before = around.before(&held.life, entry);
        held.take(entry)?;
        around.after(before, &held.life, entry);
        if !held.is_dirty {
            held.is_dirty = true;
            self.dirty.push(key);
        }
        Ok(())
    }

    /// How many are not written.
    pub(super) const fn dirty_len(&self) -> usize {
        self.dirty.len()
    }

    /// Whether it is time to write: what is dirty cannot be forgotten.
    pub(super) const fn is_heavy(&self) -> bool {
        self.weight > 2 * GENERATION_BYTES_MAX
    }

    /// What is not written, in the order in which it was first touched.
    pub(super) fn dirty(&self) -> impl Iterator<Item = &Held> {
        self.dirty.iter().filter_map(|key| self.young.get(key).map(|held| &**held))
    }

    /// Where nothing is written: what was not touched for long goes.
    pub(crate) fn forget_what_is_old(&mut self) {
        if self.weight > GENERATION_BYTES_MAX || self.dirty.len() > DIRTY_MAX {
            self.written();
        }
    }

    /// All of it is written.
    pub(super) fn written(&mut self) {
        for key in std::mem::take(&mut self.dirty) {
            if let Some(held) = self.young.get_mut(&key) {
                held.written();
            }
        }
        if self.weight > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }
}

/// How long what was brought in is, however many entries it stands in.
fn len_of(entry: &Entry) -> usize {
    if let Event::RowImported(e) = &entry.event { e.row.bytes() } else { 0 }
}

impl Held {
    /// Folds what is known of a stream up to the entry `seq`; 0: nothing.
    fn fetch(log: &dyn ReadLog, key: &EntryKey, seq: u64) -> Result<Self, LedgerError> {
        let mut held = Self {
            life: Life::default(),
            is_written: false,
            legs_written: 0,
            legs_changed: BTreeSet::new(),
            is_found: false,
            before: None,
            is_dirty: false,
            weight: size_of::<(EntryKey, Self)>(),
        };
        if seq != 0 {
            for entry in stream_up_to(log, key, seq)? {
                held.life.apply(&entry)?;
                held.is_found |= matches!(entry.event, Event::RowImported(_));
                held.weight += size_of::<Entry>() + 2 * len_of(&entry);
            }
            held.written();
        }
        Ok(held)
    }

    fn take(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        self.is_found |= matches!(entry.event, Event::RowImported(_));
        if self.is_found && self.is_written && self.before.is_none() {
            self.before = Some(Box::new(self.life.clone()));
        }
        self.life.apply(entry)?;
        if let Some(settlement) = &self.life.settlement {
            match legs(settlement, &entry.event) {
                Legs::None => {}
                Legs::One(place) => drop(self.legs_changed.insert(place)),
                Legs::All => self.legs_changed.extend(0..self.legs_written),
            }
        }
        Ok(())
    }

    /// What it says is in the tables.
    fn written(&mut self) {
        let Life { settlement, deposit, alone } = &self.life;
        self.is_written = settlement.is_some() || deposit.is_some() || !alone.is_empty();
        self.legs_written = settlement.as_ref().map_or(0, |settlement| settlement.legs.len());
        self.legs_changed.clear();
        self.before = None;
        self.is_dirty = false;
    }
}
