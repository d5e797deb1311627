//! NIP-98: who signed an HTTP request, told by its `Authorization` header.
//!
//! The header carries a signed Nostr event that names the URL, the method and the hash of the body. It
//! has no nonce, so what was seen is remembered for as long as it could be sent again.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::{Event, JsonUtil, Kind, Tag};
use parking_lot::Mutex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use spireledger_schema::hex;
use spireledger_schema::identity::{Evidence, PublicKey};
use spireledger_schema::time::Timestamp;

/// How far `created_at` may be from the ledger's clock, either way, in seconds.
pub const AGE_MAX_SECONDS: i64 = 60;
/// Longest header, in bytes. An event for a URL of 2,000 characters has about 3,500.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;
/// Most ids that are remembered: 2,000 a second for the 120 seconds in which one can come again, in
/// about 16 MB.
pub const USED_MAX: usize = 240_000;

/// Checks headers. Each signed event is good for one request.
///
/// What was used is kept in memory only: after a restart an event of the last minute can be used once
/// more, and meets commands that have their own identity.
#[derive(Debug)]
pub struct Nip98 {
    used: Mutex<Used>,
    used_max: usize,
}

/// The ids that were used, oldest first. An id stands for one `created_at`, so both together find it.
#[derive(Debug, Default)]
struct Used {
    ids: BTreeSet<(i64, [u8; 32])>,
    /// Ids made before this second are forgotten, and events of that time refused, wherever the clock
    /// goes: setting it back must not let them in again.
    forgotten_before: i64,
}

/// Who signed a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub public_key: PublicKey,
    /// What it signed.
    pub evidence: Evidence,
}

/// Why a header does not tell who sent the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Nip98Error {
    /// Another scheme, or nothing behind it.
    #[error("the Authorization header is not `Nostr <event in base64>` (NIP-98)")]
    NotNostr,
    /// Longer than any honest one.
    #[error("the Authorization header has {0} bytes; at most {HEADER_BYTES_MAX} are read")]
    TooLong(usize),
    /// No base64, no JSON, or no event.
    #[error("what stands behind `Nostr` is no Nostr event in base64: {0}")]
    NotAnEvent(String),
    /// Another kind of event.
    #[error("the event's kind is {0}; NIP-98 is kind 27235")]
    WrongKind(u16),
    /// `u` is missing, there twice, or another.
    #[error("the event must have one `u` tag, exactly `{expected}`")]
    WrongUrl {
        /// The URL under which the request came in.
        expected: String,
    },
    /// `method` is missing, there twice, or another.
    #[error("the event must have one `method` tag, `{expected}`")]
    WrongMethod {
        /// The method of the request.
        expected: String,
    },
    /// There is a body and no `payload`.
    #[error("a request with a body needs a `payload` tag: the SHA-256 of the body, in hex")]
    NoPayload,
    /// `payload` is there twice or is not the body's hash.
    #[error("the event's `payload` tag is not the SHA-256 of the body, in hex")]
    WrongPayload,
    /// Made too long ago.
    #[error("the event is older than {AGE_MAX_SECONDS} s; sign a new one, and check the clock")]
    TooOld,
    /// Made in the future.
    #[error("the event is more than {AGE_MAX_SECONDS} s ahead; check the clock")]
    TooNew,
    /// The id is not of this content, or the signature not of this id and key.
    #[error("the event's id or signature is wrong")]
    WrongSignature,
    /// Seen before.
    #[error("this event was used for a request before; sign a new one for each")]
    Used,
    /// No room to remember another one. Nothing is wrong with the event: a little later there is room.
    #[error("too many signed requests within two minutes; send this again a little later")]
    Busy,
}

impl Nip98Error {
    /// The reason as one word, for programs and counters.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotNostr => "not_nostr",
            Self::TooLong(_) => "too_long",
            Self::NotAnEvent(_) => "not_an_event",
            Self::WrongKind(_) => "wrong_kind",
            Self::WrongUrl { .. } => "wrong_url",
            Self::WrongMethod { .. } => "wrong_method",
            Self::NoPayload => "no_payload",
            Self::WrongPayload => "wrong_payload",
            Self::TooOld => "too_old",
            Self::TooNew => "too_new",
            Self::WrongSignature => "wrong_signature",
            Self::Used => "used",
            Self::Busy => "busy",
        }
    }
}

impl Default for Nip98 {
    fn default() -> Self {
        Self::new()
    }
}

impl Nip98 {
    /// A gate that has seen nothing yet.
    pub fn new() -> Self {
        Self::remembering(USED_MAX)
    }

    fn remembering(used_max: usize) -> Self {
        Self { used: Mutex::default(), used_max }
    }

    /// Checks a header against the request that it came with. `url` is the absolute URL as the client
    /// knows it, with its query; `now` is the ledger's clock.
    ///
    /// What costs least is looked at first, the signature last; only an event that passes uses up its
    /// id. Costs one signature check (about 50 µs): call it off any thread that must not wait.
    pub fn check(
        &self,
        header: &str,
        method: &str,
        url: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Signed, Nip98Error> {
        let event = read(header)?;
        is_for(&event, method, url, body)?;
        let made = made_at(&event).ok_or(Nip98Error::TooNew)?;
        self.used.lock().is_fresh(made, now)?;
        // Of id, then of signature.
        event.verify().map_err(|_| Nip98Error::WrongSignature)?;
        self.used.lock().take(made, event.id.to_bytes(), now, self.used_max)?;
        Ok(Signed {
            public_key: PublicKey::from_bytes(event.pubkey.to_bytes()),
            evidence: Evidence::NostrEvent {
                id: event.id.to_bytes(),
                signature: event.sig.serialize(),
                kind: event.kind.as_u16(),
                created_at: made,
            },
        })
    }
}

impl Used {
    /// Whether an event of this moment may still be used.
    fn is_fresh(&self, made: Timestamp, now: Timestamp) -> Result<(), Nip98Error> {
        let oldest = (now.seconds() - AGE_MAX_SECONDS).max(self.forgotten_before);
        if made.seconds() < oldest {
            return Err(Nip98Error::TooOld);
        }
        if made.seconds() > now.seconds() + AGE_MAX_SECONDS {
            return Err(Nip98Error::TooNew);
        }
        Ok(())
    }

    /// Uses up an id, once; forgets those that are too old to come again.
    fn take(
        &mut self,
        made: Timestamp,
        id: [u8; 32],
        now: Timestamp,
        max: usize,
    ) -> Result<(), Nip98Error> {
        // Another request may have moved the clock on meanwhile.
        self.is_fresh(made, now)?;
        self.forgotten_before = self.forgotten_before.max(now.seconds() - AGE_MAX_SECONDS);
        while self.ids.first().is_some_and(|(at, _)| *at < self.forgotten_before) {
            self.ids.pop_first();
        }
        let this = (made.seconds(), id);
        if self.ids.contains(&this) {
            return Err(Nip98Error::Used);
        }
        if self.ids.len() >= max {
            return Err(Nip98Error::Busy);
        }
        self.ids.insert(this);
        Ok(())
    }
}

fn made_at(event: &Event) -> Option<Timestamp> {
    i64::try_from(event.created_at.as_secs()).ok().and_then(Timestamp::from_seconds)
}

/// The event in a header, its signature not yet looked at.
fn read(header: &str) -> Result<Event, Nip98Error> {
    if header.len() > HEADER_BYTES_MAX {
        return Err(Nip98Error::TooLong(header.len()));
    }
    let (scheme, token) = header.trim().split_once(' ').ok_or(Nip98Error::NotNostr)?;
    if !scheme.eq_ignore_ascii_case("Nostr") {
        return Err(Nip98Error::NotNostr);
    }
    let not_an_event = |why: &dyn std::fmt::Display| Nip98Error::NotAnEvent(why.to_string());
    let json = STANDARD.decode(token.trim()).map_err(|why| not_an_event(&why))?;
    let event = Event::from_json(&json).map_err(|why| not_an_event(&why))?;
    let spelled: Spelled = serde_json::from_slice(&json).map_err(|why| not_an_event(&why))?;
    if !spelled.is_canonical() {
        return Err(not_an_event(&"`id`, `pubkey` and `sig` are lower-case hex (NIP-01)"));
    }
    Ok(event)
}

/// The hex of an event as it was written: each event has one spelling.
#[derive(Deserialize)]
struct Spelled<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    pubkey: Cow<'a, str>,
    #[serde(borrow)]
    sig: Cow<'a, str>,
}

impl Spelled<'_> {
    fn is_canonical(&self) -> bool {
        let digits = [&self.id, &self.pubkey, &self.sig];
        !digits.into_iter().any(|text| text.bytes().any(|byte| byte.is_ascii_uppercase()))
    }
}

/// Whether an event was made for this request.
fn is_for(event: &Event, method: &str, url: &str, body: &[u8]) -> Result<(), Nip98Error> {
    if event.kind != Kind::HttpAuth {
        return Err(Nip98Error::WrongKind(event.kind.as_u16()));
    }
    if only(event, "u") != Some(url) {
        return Err(Nip98Error::WrongUrl { expected: url.to_owned() });
    }
    // Some clients sign `post`.
    if !only(event, "method").is_some_and(|signed| signed.eq_ignore_ascii_case(method)) {
        return Err(Nip98Error::WrongMethod { expected: method.to_owned() });
    }
    let payloads = values(event, "payload").count();
    if payloads == 0 {
        return if body.is_empty() { Ok(()) } else { Err(Nip98Error::NoPayload) };
    }
    let hash: [u8; 32] = Sha256::digest(body).into();
    if only(event, "payload").and_then(hex::decode) != Some(hash) {
        return Err(Nip98Error::WrongPayload);
    }
    Ok(())
}

/// The values of all tags of a name.
fn values<'a>(event: &'a Event, name: &'a str) -> impl Iterator<Item = Option<&'a str>> {
    let tags = event.tags.iter().map(Tag::as_slice);
    tags.filter(move |tag| tag.first().is_some_and(|first| first == name))
        .map(|tag| tag.get(1).map(String::as_str))
}

/// The value of the one tag of a name: two would leave open which of them counts.
fn only<'a>(event: &'a Event, name: &'a str) -> Option<&'a str> {
    let mut all = values(event, name);
    match (all.next(), all.next()) {
        (Some(value), None) => value,
        _ => None,
    }
}
