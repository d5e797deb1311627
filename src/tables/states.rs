//! The deposits and settlements at hand while the log is read once from front to back: a write-back
//! cache of bounded size.
//!
//! What an entry changes is fetched, changed, and stays dirty until its rows are written. What was not
//! touched for long is forgotten, and folded from its own stream when an entry speaks of it again. Two
//! generations: what is touched is young; when the young ones weigh too much they become the old ones,
//! and those that nobody asked for since the last time go.

use std::collections::hash_map::Entry as Place;
use std::collections::{BTreeSet, HashMap};

use spireledger_projections::touched::{Legs, Stream, legs};
use spireledger_projections::{Deposit, Settlement};
use spireledger_schema::{Entry, EntryKey};

use crate::ledger::{LedgerError, stream_up_to};
use crate::log::{ReadLog, Stored};

/// Weight of a generation: about so many bytes.
const GENERATION_BYTES_MAX: usize = 24 << 20;

/// What a stream is folded to, and what of it is not written yet.
#[derive(Debug)]
pub(super) struct Held<T> {
    /// As of the last entry that was taken; nothing while its first entry is being folded.
    pub(super) state: Option<T>,
    /// Whether its row is in the tables.
    pub(super) is_written: bool,
    /// How many of its legs are in the tables: legs are never taken away.
    pub(super) legs_written: usize,
    /// Those of them that have changed since.
    pub(super) legs_changed: BTreeSet<usize>,
    is_dirty: bool,
    weight: usize,
}

/// What can be held.
pub(super) trait Folded: Sized {
    /// Folds the next entry of its stream in.
    fn step(state: &mut Option<Self>, entry: &Entry) -> Result<(), LedgerError>;
    /// How many legs it has.
    fn legs(&self) -> usize;
    /// The legs that an entry touches.
    fn touched(&self, entry: &Entry) -> Legs;
}

impl Folded for Deposit {
    fn step(state: &mut Option<Self>, entry: &Entry) -> Result<(), LedgerError> {
        Ok(Self::step(state, entry)?)
    }
    fn legs(&self) -> usize {
        0
    }
    fn touched(&self, _: &Entry) -> Legs {
        Legs::None
    }
}

impl Folded for Settlement {
    fn step(state: &mut Option<Self>, entry: &Entry) -> Result<(), LedgerError> {
        Ok(Self::step(state, entry)?)
    }
    fn legs(&self) -> usize {
        self.legs.len()
    }
    fn touched(&self, entry: &Entry) -> Legs {
        legs(self, &entry.event)
    }
}

/// All that is held of one kind.
#[derive(Debug)]
pub(super) struct Cache<T> {
    // Boxed: a table that grows moves what it holds.
    young: HashMap<EntryKey, Box<Held<T>>>,
    old: HashMap<EntryKey, Box<Held<T>>>,
    /// Keys of what is not written, in the order in which it was first touched. All of it is young.
    dirty: Vec<EntryKey>,
    weight: usize,
}

impl<T: Folded> Cache<T> {
    pub(super) fn new() -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), dirty: Vec::new(), weight: 0 }
    }

    /// Folds the next entry of the log into what its stream makes.
    pub(super) fn take(
        &mut self,
        log: &dyn ReadLog,
        stored: &Stored<'_>,
        entry: &Entry,
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
        let more = stored.canonical.len() * 2;
        (held.weight, self.weight) = (held.weight + more, self.weight + more);
        held.take(entry)?;
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

    /// About how many bytes are held that were touched of late; all that is not written is among them.
    pub(super) const fn weight(&self) -> usize {
        self.weight
    }

    /// What is not written, in the order in which it was first touched.
    pub(super) fn dirty(&self) -> impl Iterator<Item = &Held<T>> {
        self.dirty.iter().filter_map(|key| self.young.get(key).map(|held| &**held))
    }

    /// All of it is written.
    pub(super) fn written(&mut self) {
        for key in std::mem::take(&mut self.dirty) {
            if let Some(held) = self.young.get_mut(&key) {
                held.is_dirty = false;
                held.is_written = true;
                held.legs_changed.clear();
                held.legs_written = held.state.as_ref().map_or(0, T::legs);
            }
        }
        if self.weight > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
    }
}

impl<T: Folded> Held<T> {
    /// Folds what is known of a stream up to the entry `seq`; 0: nothing.
    fn fetch(log: &dyn ReadLog, key: &EntryKey, seq: u64) -> Result<Self, LedgerError> {
        let mut state = None;
        let mut weight = size_of::<(EntryKey, Self)>();
        if seq != 0 {
            for entry in stream_up_to(log, key, seq)? {
                T::step(&mut state, &entry)?;
                weight += size_of::<Entry>();
            }
        }
        let legs_written = state.as_ref().map_or(0, T::legs);
        let (is_written, is_dirty, legs_changed) = (state.is_some(), false, BTreeSet::new());
        Ok(Self { state, is_written, legs_written, legs_changed, is_dirty, weight })
    }

    fn take(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        T::step(&mut self.state, entry)?;
        let Some(state) = &self.state else { return Ok(()) };
        match state.touched(entry) {
            Legs::None => {}
            Legs::One(place) => drop(self.legs_changed.insert(place)),
            Legs::All => self.legs_changed.extend(0..self.legs_written),
        }
        Ok(())
    }
}

/// Everything that is folded from streams of its own.
#[derive(Debug)]
pub(super) struct States {
    pub(super) deposits: Cache<Deposit>,
    pub(super) settlements: Cache<Settlement>,
}

impl States {
    pub(super) fn new() -> Self {
        Self { deposits: Cache::new(), settlements: Cache::new() }
    }

    /// Folds the next entry of the log in.
    pub(super) fn take(
        &mut self,
        log: &dyn ReadLog,
        stored: &Stored<'_>,
        entry: &Entry,
        stream: Stream,
    ) -> Result<(), LedgerError> {
        match stream {
            Stream::Deposit => self.deposits.take(log, stored, entry),
            Stream::Settlement => self.settlements.take(log, stored, entry),
        }
    }

    /// How many deposits and settlements are not written.
    pub(super) const fn dirty_len(&self) -> usize {
        self.deposits.dirty_len() + self.settlements.dirty_len()
    }

    /// Whether it is time to write: what is dirty cannot be forgotten.
    pub(super) const fn is_heavy(&self) -> bool {
        let weight = self.deposits.weight() + self.settlements.weight();
        weight > 2 * GENERATION_BYTES_MAX
    }

    /// All of it is written.
    pub(super) fn written(&mut self) {
        self.deposits.written();
        self.settlements.written();
    }
}
