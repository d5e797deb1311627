//! An entry: one event in the log, with when, who and why it is believed.

use bincode::{BorrowDecode, Encode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::bytes;
use crate::event::{DecodeError, Event, payload_error};
use crate::front::{ENTRY_BYTES_MAX, Front};
use crate::identity::{Actor, Evidence};
use crate::text::RequestId;
use crate::time::Timestamp;

/// What stands between an entry's front and its event.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
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
    ///
    /// Refuses what [`Self::encode`] would never have written, so that an entry has one form, one
    /// hash and one proof.
    pub fn decode(canonical: &[u8]) -> Result<Self, DecodeError> {
        let none = |why: &str| DecodeError::Payload { what: "entry", why: why.to_owned() };
        if canonical.len() > ENTRY_BYTES_MAX {
            return Err(none("it is longer than an entry can be"));
        }
        let (front, rest) =
            Front::read(canonical).ok_or_else(|| none("its front is not readable"))?;
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

/// Flat, from what every entry has to what only its event has; what is not there is left out:
/// `{"seq":7,"key":"9f…","recorded_at":"2026-01-01T00:00:00Z","actor":{"kind":"local"},
/// "event":{"type":"settlement.claimed",…}}`.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn optional<M: SerializeMap, T: Serialize>(
            out: &mut M,
            name: &str,
            value: Option<&T>,
        ) -> Result<(), M::Error> {
            value.map_or(Ok(()), |value| out.serialize_entry(name, value))
        }
        let Circumstances { recorded_at, occurred_at, actor, request_id, evidence } =
            &self.circumstances;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("seq", &self.front.seq)?;
        out.serialize_entry("key", &self.front.key)?;
        optional(&mut out, "alias", self.front.alias.as_ref())?;
        out.serialize_entry("recorded_at", recorded_at)?;
        optional(&mut out, "occurred_at", occurred_at.as_ref())?;
        out.serialize_entry("actor", actor)?;
        optional(&mut out, "request_id", request_id.as_ref())?;
        optional(&mut out, "evidence", evidence.as_ref())?;
        out.serialize_entry("event", &self.event)?;
        out.end()
    }
}
