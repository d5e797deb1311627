//! A key's whole life, read back along the links.

use spireledger_schema::{Entry, EntryHash, EntryKey};

use super::pieces::is_part;
use super::{LedgerError, read};
use crate::log::{LogError, ReadLog};

/// An entry with its hash, as JSON.
pub fn entry_json(entry: &Entry, hash: EntryHash) -> serde_json::Value {
    // Every entry has a JSON form: strings, numbers, lists and objects with string keys.
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    if let Some(value) = value.as_object_mut() {
        value.insert("hash".into(), hash.to_string().into());
    }
    value
}

/// One entry, with its hash.
///
/// # Errors
/// If it is not there, or cannot be read.
pub fn entry_at(log: &dyn ReadLog, seq: u64) -> Result<(Entry, EntryHash), LedgerError> {
    let missing = || LogError::Damaged { seq, why: "it is not there".into() };
    let block = log.block_at(seq)?.ok_or_else(missing)?;
    let stored = block.get(seq).ok_or_else(missing)?;
    Ok((read(log, &stored)?, stored.hash))
}

/// Entries that are read for one key: no settlement has nearly as many.
const ENTRIES_MAX: usize = 1_000_000;

/// All entries under a key or alias, oldest first, each with its hash: for who wants to see all of them.
/// What a thing is, its own [`stream`] says alone.
pub fn history(log: &dyn ReadLog, key: &EntryKey) -> Result<Vec<(Entry, EntryHash)>, LedgerError> {
    back_from(log, key, log.last_of(key)?.unwrap_or(0), |_| true)
}

/// The entries of a key's own stream, oldest first, each with its hash: see [`stream_up_to`].
pub fn own_history(
    log: &dyn ReadLog,
    key: &EntryKey,
) -> Result<Vec<(Entry, EntryHash)>, LedgerError> {
    own_back_from(log, key, log.last_of(key)?.unwrap_or(0))
}

/// The entries of a key's own stream, oldest first: see [`stream_up_to`].
pub fn stream(log: &dyn ReadLog, key: &EntryKey) -> Result<Vec<Entry>, LedgerError> {
    stream_up_to(log, key, log.last_of(key)?.unwrap_or(0))
}

/// The entries of a key's own stream up to the entry `seq`, which bears it; oldest first. What only
/// bears the key as its alias belongs to another stream and is passed over, and so are pieces: what they are
/// pieces of stands in the place of the last.
pub fn stream_up_to(
    log: &dyn ReadLog,
    key: &EntryKey,
    seq: u64,
) -> Result<Vec<Entry>, LedgerError> {
    Ok(own_back_from(log, key, seq)?.into_iter().map(|(entry, _)| entry).collect())
}

/// The newest entry under a key, at most the entry `seq`, which bears it, that a test accepts.
pub(crate) fn newest_that(
    log: &dyn ReadLog,
    key: &EntryKey,
    mut seq: u64,
    test: impl Fn(&Entry) -> bool,
) -> Result<Option<Entry>, LedgerError> {
    while seq != 0 {
        let (entry, _, prev) = step_back(log, key, seq)?;
        if test(&entry) {
            return Ok(Some(entry));
        }
        seq = prev;
    }
    Ok(None)
}

/// The newest entry of a key's own stream, at most the entry `seq`, which bears it.
pub(crate) fn newest_of_stream(
    log: &dyn ReadLog,
    key: &EntryKey,
    seq: u64,
) -> Result<Option<Entry>, LedgerError> {
    newest_that(log, key, seq, |entry| is_of_stream(entry, key))
}

fn is_of_stream(entry: &Entry, key: &EntryKey) -> bool {
    entry.front.key == *key && !is_part(entry)
}

fn own_back_from(
    log: &dyn ReadLog,
    key: &EntryKey,
    seq: u64,
) -> Result<Vec<(Entry, EntryHash)>, LedgerError> {
    back_from(log, key, seq, |entry| is_of_stream(entry, key))
}

fn back_from(
    log: &dyn ReadLog,
    key: &EntryKey,
    mut seq: u64,
    wanted: impl Fn(&Entry) -> bool,
) -> Result<Vec<(Entry, EntryHash)>, LedgerError> {
    let mut entries = Vec::new();
    while seq != 0 && entries.len() < ENTRIES_MAX {
        let (entry, hash, prev) = step_back(log, key, seq)?;
        if wanted(&entry) {
            entries.push((entry, hash));
        }
        seq = prev;
    }
    entries.reverse();
    Ok(entries)
}

/// An entry that bears a key, with its hash and the seq of the one before it under that key; 0 for none.
fn step_back(
    log: &dyn ReadLog,
    key: &EntryKey,
    seq: u64,
) -> Result<(Entry, EntryHash, u64), LedgerError> {
    let missing = || LogError::Damaged { seq, why: "it is not there".into() };
    let block = log.block_at(seq)?.ok_or_else(missing)?;
    let stored = block.get(seq).ok_or_else(missing)?;
    let prev = if stored.front.key == *key { stored.prev } else { stored.prev_alias };
    if prev >= seq {
        let why = format!("it names entry {prev} as the one before it");
        return Err(LogError::Damaged { seq, why }.into());
    }
    Ok((read(log, &stored)?, stored.hash, prev))
}
