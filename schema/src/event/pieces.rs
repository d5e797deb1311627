//! What was brought in and is longer than one entry can be: cut into pieces, and put together again.
//!
//! The pieces of an event stand in entries that follow each other, all under its key, and the last one
//! completes it: before that, nothing happened. Pieces whose last one never came (the ledger died between
//! two of them) are of no consequence.

use std::ops::ControlFlow;

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

use super::{DecodeError, Event, payload_error};
use crate::front::ENTRY_BYTES_MAX;
use crate::{bytes, hex};

/// Bytes of every piece but the last: with all that else stands in an entry, they fit one.
pub const PIECE_BYTES: usize = ENTRY_BYTES_MAX - 1_024;

/// Longest event that is cut into pieces, in bytes: 16 MiB.
pub const PIECES_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most pieces of one event.
pub const PIECES_MAX: u32 = 349;

const _: () = assert!(
    PIECES_BYTES_MAX.div_ceil(PIECE_BYTES) == PIECES_MAX as usize,
    "as many pieces as the longest event has"
);

/// Tag 30. A piece of a [`super::RowImported`] or a [`super::RulesImported`] that is longer than an entry
/// can be.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct ImportPiece {
    /// Which piece, from 1.
    pub number: u32,
    /// How many there are: from 2 to [`PIECES_MAX`].
    pub count: u32,
    /// Its part of the event's canonical bytes, tag and payload: [`PIECE_BYTES`] of them but for the
    /// last piece, which has what is left.
    #[serde(serialize_with = "as_hex")]
    pub bytes: Vec<u8>,
}

/// An event is longer than [`PIECES_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has {bytes} bytes, and may have {PIECES_BYTES_MAX}")]
pub struct TooLongForPieces {
    /// How long it is.
    pub bytes: usize,
}

impl ImportPiece {
    /// Whether this is the piece that completes what was brought in.
    pub const fn is_last(&self) -> bool {
        self.number == self.count
    }

    /// Cuts an event. Only what was brought in can be that long.
    pub fn cut(event: &Event) -> Result<Vec<Self>, TooLongForPieces> {
        let mut whole = Vec::new();
        let written = event.encode(&mut whole);
        let is_readable = || read_whole(&whole).is_ok_and(|read| read == *event);
        // What could not be read again is never written: how much memory a list may claim is bounded, too.
        if whole.len() > PIECES_BYTES_MAX || written.is_err() || !is_readable() {
            return Err(TooLongForPieces { bytes: whole.len() });
        }
        let parts = whole.chunks(PIECE_BYTES);
        let count = u32::try_from(parts.len()).unwrap_or(PIECES_MAX);
        let pieces = (1..).zip(parts);
        Ok(pieces.map(|(number, part)| Self { number, count, bytes: part.to_vec() }).collect())
    }

    /// How many entries before the one of this piece hold the others. `None` if it completes nothing.
    pub fn before(&self) -> Option<u32> {
        let is_right = self.is_last() && (2..=PIECES_MAX).contains(&self.count);
        is_right.then_some(self.count - 1)
    }

    /// Puts an event together of all its pieces, in order.
    pub fn join<'a>(pieces: impl IntoIterator<Item = &'a Self>) -> Result<Event, DecodeError> {
        let mut whole = Vec::new();
        let mut next = 1;
        let end = pieces.into_iter().try_for_each(|piece| {
            let is_whole = piece.bytes.len() == PIECE_BYTES;
            let has_some = !piece.bytes.is_empty() && piece.bytes.len() <= PIECE_BYTES;
            let is_right = piece.number == next && (is_whole || (piece.is_last() && has_some));
            if !is_right || whole.len() + piece.bytes.len() > PIECES_BYTES_MAX {
                return ControlFlow::Break(format!("piece {next} is not where it should be"));
            }
            whole.extend_from_slice(&piece.bytes);
            next += 1;
            if piece.is_last() {
                ControlFlow::Break(String::new())
            } else {
                ControlFlow::Continue(())
            }
        });
        match end {
            ControlFlow::Break(why) if why.is_empty() => read_whole(&whole),
            ControlFlow::Break(why) => Err(DecodeError::Payload { what: WHAT, why }),
            ControlFlow::Continue(()) => {
                Err(DecodeError::Payload { what: WHAT, why: "its last piece is missing".into() })
            }
        }
    }
}

const WHAT: &str = "event in pieces";

fn read_whole(whole: &[u8]) -> Result<Event, DecodeError> {
    let (tag, rest) = bytes::read::<u16>(whole).map_err(payload_error("event tag"))?;
    let (event, rest) = match tag {
        27 => {
            let read = bytes::read_long(rest).map_err(payload_error("RowImported"))?;
            (Event::RowImported(read.0), read.1)
        }
        28 => {
            let read = bytes::read_long(rest).map_err(payload_error("RulesImported"))?;
            (Event::RulesImported(read.0), read.1)
        }
        unknown => return Err(DecodeError::UnknownTag(unknown)),
    };
    if rest.is_empty() { Ok(event) } else { Err(DecodeError::Trailing(rest.len())) }
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&hex::encode(bytes))
}
