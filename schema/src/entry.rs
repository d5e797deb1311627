//! An entry: one event in the log, with when, who and why it is believed.

use bincode::{BorrowDecode, Encode};
use serde::Serialize;

use crate::bytes;
use crate::event::{DecodeError, Event, payload_error};
use crate::front::{ENTRY_BYTES_MAX, Front};
use crate::identity::{Actor, Evidence};
use crate::text::RequestId;
use crate::time::Timestamp;

/// What stands between an entry's front and its event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct Circumstances {
    /// When it was recorded, by the ledger's clock; never decreases along the log.
    pub recorded_at: Timestamp,
    /// When it happened, by whoever said so.
    pub occurred_at: Option<Timestamp>,
    /// Who caused it.
    pub actor: Actor,
    /// What the client called its request.
    pub request_id: Option<RequestId>,
    /// What someone else signed.
    pub evidence: Option<Evidence>,
}

/// One event in the log. Its canonical bytes are front ‖ circumstances ‖ tag ‖ payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position and keys.
    pub front: Front,
    /// When, who, why.
    pub circumstances: Circumstances,
    /// What happened.
    pub event: Event,
}

/// An entry would be longer than [`ENTRY_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entry would have more than {ENTRY_BYTES_MAX} bytes")]
pub struct TooLong;

impl Entry {
    /// Appends the canonical bytes to `out`. On an error `out` is as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let start = out.len();
        self.front.write(out);
        let written = bytes::write(&self.circumstances, out).and_then(|()| self.event.encode(out));
        if written.is_err() || out.len() - start > ENTRY_BYTES_MAX {
            out.truncate(start);
            return Err(TooLong);
        }
        Ok(())
    }

    /// Reads canonical bytes, all of them. Older shapes become today's event.
    pub fn decode(canonical: &[u8]) -> Result<Self, DecodeError> {
        let (front, rest) = Front::read(canonical).ok_or_else(|| DecodeError::Payload {
            what: "entry",
            why: "its front is not readable".into(),
        })?;
        let (circumstances, rest) =
            bytes::read::<Circumstances>(rest).map_err(payload_error("circumstances"))?;
        let (event, rest) = Event::decode(rest)?;
        if rest.is_empty() {
            Ok(Self { front, circumstances, event })
        } else {
            Err(DecodeError::Trailing(rest.len()))
        }
    }
}
