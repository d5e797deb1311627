//! The machines' own evidence, checked again: whoever caused an entry has signed the id of a Nostr event.
//!
//! The entry holds the event's id and signature, not the event: what is checked is that the signature over
//! that id (BIP 340, NIP-01) is the actor's. Who keeps the event can show that it has this id.

use std::num::NonZeroUsize;

use nostr_sdk::secp256k1::schnorr::Signature;
use nostr_sdk::secp256k1::{Message, Secp256k1, VerifyOnly, XOnlyPublicKey};
use spireledger_schema::Entry;
use spireledger_schema::identity::{Actor, Evidence, PublicKey};

/// Signatures that are checked together, by all processors: each takes some 40 µs of one.
const TOGETHER: usize = 4_096;

/// Evidence that waits to be checked.
#[derive(Default)]
pub(super) struct Evidences {
    waiting: Vec<Waiting>,
}

struct Waiting {
    seq: u64,
    key: PublicKey,
    id: [u8; 32],
    signature: [u8; 64],
}

impl Evidences {
    /// Takes an entry's evidence, if it has any. Returns what is wrong, by entry.
    pub(super) fn take(&mut self, entry: &Entry) -> Vec<(u64, &'static str)> {
        let seq = entry.front.seq;
        let Some(evidence) = &entry.circumstances.evidence else { return Vec::new() };
        let Evidence::NostrEvent { id, signature, .. } = evidence;
        let Actor::Key { public_key, .. } = &entry.circumstances.actor else {
            return vec![(seq, "there is a signature, but no key that could have made it")];
        };
        self.waiting.push(Waiting { seq, key: *public_key, id: *id, signature: *signature });
        if self.waiting.len() < TOGETHER { Vec::new() } else { self.finish() }
    }

    /// Checks what waits.
    pub(super) fn finish(&mut self) -> Vec<(u64, &'static str)> {
        let waiting = std::mem::take(&mut self.waiting);
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let part = waiting.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> =
                waiting.chunks(part).map(|part| scope.spawn(move || check_all(part))).collect();
            let done = parts.into_iter().map(|part| match part.join() {
                Ok(wrong) => wrong,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            done.flatten().collect()
        })
    }
}

fn check_all(all: &[Waiting]) -> Vec<(u64, &'static str)> {
    let curve = Secp256k1::verification_only();
    let wrong = all.iter().filter(|waiting| !check(&curve, waiting));
    wrong
        .map(|waiting| (waiting.seq, "the signature over the event's id is not the actor's"))
        .collect()
}

fn check(curve: &Secp256k1<VerifyOnly>, waiting: &Waiting) -> bool {
    let key = XOnlyPublicKey::from_slice(waiting.key.as_bytes());
    let signature = Signature::from_slice(&waiting.signature);
    let message = Message::from_digest(waiting.id);
    key.is_ok_and(|key| {
        signature.is_ok_and(|signature| curve.verify_schnorr(&signature, &message, &key).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use nostr_sdk::{EventBuilder, Keys};
    use spireledger_schema::Command;
    use spireledger_schema::identity::Role;
    use spireledger_schema::time::Timestamp;

    use super::*;
    use crate::audit::verify;
    use crate::ledger::{Ledger, Reader};
    use crate::log::Directory;
    use crate::rules::Request;

    fn request(number: u32, actor: Actor, evidence: Option<Evidence>) -> Request {
        let line = format!(
            r#"{{"type":"machine.register","id":"m{number}","operator_user_id":"op",
                "wallet_id":"w{number}","fiat_code":"GTQ"}}"#
        );
        let command = Command::parse(&line).expect("a command");
        Request { command, actor, user: None, evidence }
    }

    fn signed_by(keys: &Keys) -> Evidence {
        let event = EventBuilder::text_note("a request").sign_with_keys(keys).expect("signed");
        Evidence::NostrEvent {
            id: event.id.to_bytes(),
            signature: event.sig.serialize(),
            kind: 21_000,
            created_at: Timestamp::EPOCH,
        }
    }

    #[test]
    fn a_signature_that_is_not_the_actors_is_named() {
        let place = tempfile::tempdir().expect("a place");
        let dir = place.path().join("ledger");
        let clock = || Timestamp::from_seconds(1_767_225_600).expect("a time");
        let held = Directory::begin(&dir, "a test").expect("made");
        let (ledger, _) = Ledger::open_held(held, Box::new(clock)).expect("opens");
        Directory::finish(&dir).expect("made");
        let (keys, other) = (Keys::generate(), Keys::generate());
        let public_key = PublicKey::from_bytes(keys.public_key().to_bytes());
        let actor = Actor::Key { role: Role::Super, public_key };
        let Evidence::NostrEvent { id, mut signature, kind, created_at } = signed_by(&keys);
        signature[40] ^= 1;
        let changed = Evidence::NostrEvent { id, signature, kind, created_at };
        let requests = [
            request(1, Actor::Local, None),
            request(2, actor.clone(), Some(signed_by(&keys))),
            request(3, actor.clone(), Some(signed_by(&other))),
            request(4, actor.clone(), Some(changed)),
            request(5, Actor::Local, Some(signed_by(&keys))),
            request(6, actor, None),
        ];
        for request in requests {
            assert!(ledger.ask_one(request).expect("answered").receipt().is_some());
        }
        ledger.close().expect("closed");
        let report = verify(&Reader::open(&dir).expect("opens"), |_| {});
        let found: Vec<(u64, &str)> = report.breaks.iter().map(|b| (b.seq, b.check)).collect();
        assert_eq!(found, [(3, "evidence"), (4, "evidence"), (5, "evidence")], "{report:#?}");
    }
}
