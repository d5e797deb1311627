//! Entries as what they say: what was brought in and is longer than an entry stands in several, and is read
//! with the last of them.

use std::borrow::Cow;

use spireledger_schema::event::ImportPiece;
use spireledger_schema::{Entry, Event, Front};

use super::{LedgerError, decode};
use crate::log::{LogError, ReadLog, Stored};

/// Reads an entry. If it is the last piece of something, it is what all of it says; an earlier piece is a
/// piece, of which nothing follows.
///
/// # Errors
/// If it cannot be read, or the pieces before it are not there.
pub fn read(log: &dyn ReadLog, stored: &Stored<'_>) -> Result<Entry, LedgerError> {
    let entry = decode(stored.front.seq, stored.canonical)?;
    if completes(&entry) { complete(&entry, |seq| of_log(log, seq)) } else { Ok(entry) }
}

/// An entry that was decoded already, as what it says: see [`read`].
pub(crate) fn whole<'e>(
    log: &dyn ReadLog,
    entry: &'e Entry,
) -> Result<Cow<'e, Entry>, LedgerError> {
    if completes(entry) {
        complete(entry, |seq| of_log(log, seq)).map(Cow::Owned)
    } else {
        Ok(Cow::Borrowed(entry))
    }
}

/// Whether an entry is the last piece of something.
pub(super) const fn completes(entry: &Entry) -> bool {
    matches!(&entry.event, Event::ImportPiece(piece) if piece.is_last())
}

/// Whether nothing follows from an entry: it is a piece that others have to follow.
pub(super) const fn is_part(entry: &Entry) -> bool {
    matches!(&entry.event, Event::ImportPiece(piece) if !piece.is_last())
}

/// Puts the last piece together with those before it, which `fetch` decodes.
pub(super) fn complete(
    last: &Entry,
    mut fetch: impl FnMut(u64) -> Result<Entry, LedgerError>,
) -> Result<Entry, LedgerError> {
    let Event::ImportPiece(piece) = &last.event else { return Ok(last.clone()) };
    let seq = last.front.seq;
    let first = piece.before().and_then(|before| seq.checked_sub(u64::from(before)));
    let mut pieces: Vec<ImportPiece> = Vec::new();
    for seq in first.unwrap_or(seq)..seq {
        match fetch(seq)? {
            Entry { front, event: Event::ImportPiece(part), .. }
                if front.key == last.front.key && part.count == piece.count =>
            {
                pieces.push(part);
            }
            // Whatever is missing is told when they are put together.
            _ => break,
        }
    }
    let event = ImportPiece::join(pieces.iter().chain([piece]));
    let event = event.map_err(|why| LedgerError::Unreadable { seq, why })?;
    Ok(Entry { front: last.front, circumstances: last.circumstances.clone(), event })
}

/// One entry as it stands, whatever it may be a piece of.
pub(super) fn of_log(log: &dyn ReadLog, seq: u64) -> Result<Entry, LedgerError> {
    let missing = || LogError::Damaged { seq, why: "it is not there".into() };
    let block = log.block_at(seq)?.ok_or_else(missing)?;
    let stored = block.get(seq).ok_or_else(missing)?;
    decode(seq, stored.canonical)
}

/// The entries of an event that is too long for one, from the seq of `entry` on: each with its canonical
/// bytes. The alias is the last one's.
/// `None` if it is too long for pieces, too.
pub(super) fn cut(entry: &Entry) -> Option<Vec<(Front, Vec<u8>)>> {
    let pieces = ImportPiece::cut(&entry.event).ok()?;
    let mut all = Vec::with_capacity(pieces.len());
    for (seq, piece) in (entry.front.seq..).zip(pieces) {
        let alias = entry.front.alias.filter(|_| piece.is_last());
        let part = Entry {
            front: Front { seq, key: entry.front.key, alias },
            circumstances: entry.circumstances.clone(),
            event: Event::ImportPiece(piece),
        };
        let mut bytes = Vec::new();
        part.encode(&mut bytes).ok()?;
        all.push((part.front, bytes));
    }
    Some(all)
}
