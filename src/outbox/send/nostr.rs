//! Claims over Nostr: requests of kind 21000 to all relays, and the answers to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::pool::policy::{AdmitPolicy, AdmitStatus, PolicyError};
use nostr_sdk::util::BoxedFuture;
use nostr_sdk::{
    Client, Event, EventBuilder, EventId, Kind, PublicKey, RelayUrl, SubscriptionId, Tag,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::wire::Wire;
use crate::relays::{self, CONTENT_BYTES_MAX, REQUEST};
use crate::secret::Secret;

/// Most tags of an answer: it needs two.
const TAGS_MAX: usize = 64;
/// Answers that may wait to be looked at.
const ANSWERS_MAX: usize = 256;
/// Requests that may wait for one relay.
const REQUESTS_MAX: usize = 256;
/// Attempts whose answers are waited for, of one claim.
const ATTEMPTS_MAX: usize = 16;
/// How long stopping may take.
const GOODBYE_MAX: Duration = Duration::from_secs(3);

/// The relays, and what was asked over them.
pub struct Nostr {
    secret: Secret,
    ledger: PublicKey,
    client: Client,
    wires: JoinSet<()>,
    outs: Vec<mpsc::Sender<Arc<Event>>>,
    listening: Arc<AtomicUsize>,
    asked: Asked,
}

/// Which event asked about which claim.
#[derive(Debug, Default)]
struct Asked {
    claims: BTreeMap<EventId, (u64, u64)>,
    events: BTreeMap<u64, VecDeque<EventId>>,
}

/// Takes events out of nostr-sdk's hands as soon as they were read: what relays bring fills one queue.
#[derive(Debug)]
struct Intake {
    ledger: PublicKey,
    queue: mpsc::Sender<Event>,
}

impl AdmitPolicy for Intake {
    fn admit_event<'a>(
        &'a self,
        _relay: &'a RelayUrl,
        _subscription: &'a SubscriptionId,
        event: &'a Event,
    ) -> BoxedFuture<'a, Result<AdmitStatus, PolicyError>> {
        let is_short = event.content.len() <= CONTENT_BYTES_MAX && event.tags.len() <= TAGS_MAX;
        if event.pubkey == self.ledger && event.kind.as_u16() == REQUEST && is_short {
            // What has no room is lost, and its claim is sent again.
            let _ = self.queue.try_send(event.clone());
        }
        Box::pin(async { Ok(AdmitStatus::Rejected { reason: None }) })
    }
}

impl Nostr {
    /// Begins to connect to relays. The second part brings answers, not yet looked at.
    ///
    /// # Errors
    /// A relay's address is none.
    pub async fn begin(
        secret: Secret,
        ledger: PublicKey,
        relays: &[RelayUrl],
        stop: &watch::Receiver<bool>,
    ) -> Result<(Self, mpsc::Receiver<Event>), String> {
        let (queue, answers) = mpsc::channel(ANSWERS_MAX);
        let client = relays::client(secret.keys(), Intake { ledger, queue });
        let listening = Arc::default();
        let (mut wires, mut outs) = (JoinSet::new(), Vec::new());
        for url in relays {
            let wrong = |why: String| format!("{url} cannot be used as a relay: {why}");
            let relay = relays::add(&client, url).await.map_err(wrong)?;
            let (out, requests) = mpsc::channel(REQUESTS_MAX);
            let own = secret.keys().public_key();
            let wire = Wire { relay, own, requests, listening: Arc::clone(&listening) };
            wires.spawn(wire.run(stop.clone()));
            outs.push(out);
        }
        let asked = Asked::default();
        Ok((Self { secret, ledger, client, wires, outs, listening, asked }, answers))
    }

    /// Whether any relay is there, and asked for answers.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed) > 0
    }

    /// The ledger's key.
    pub const fn ledger(&self) -> PublicKey {
        self.ledger
    }

    /// Sends a claim to all relays, as a new event. Whether it was handed over.
    pub fn send(&mut self, number: u64, claim: &str, now_ms: u64) -> bool {
        let Some(event) = self.request(number, claim) else { return false };
        let event = Arc::new(event);
        self.asked.remember(number, event.id, now_ms);
        for out in &self.outs {
            // A relay that takes no more is asked again with the next attempt.
            let _ = out.try_send(Arc::clone(&event));
        }
        true
    }

    /// A request, encrypted to the ledger and signed.
    fn request(&self, number: u64, claim: &str) -> Option<Event> {
        let text = format!(
            "{{\"rpcName\":\"settlement.claim\",\"requestId\":\"{number}\",\"body\":{claim}}}"
        );
        let keys = self.secret.keys();
        let content = nip44::encrypt(keys.secret_key(), &self.ledger, text, Version::V2).ok()?;
        let request = EventBuilder::new(Kind::from(REQUEST), content);
        request.tag(Tag::public_key(self.ledger)).sign_with_keys(keys).ok()
    }

    /// How many claims were asked about after some moment and have no answer yet.
    pub fn open_since(&self, ms: u64) -> usize {
        self.asked.claims.values().filter(|(_, at)| *at > ms).count()
    }

    /// Which claim an event answers, and what it says. `None` if it answers nothing that was asked, or
    /// cannot be read. Who signed it is not looked at here.
    pub fn open(&self, event: &Event) -> Option<(u64, String)> {
        let asked = event.tags.event_ids().find_map(|id| self.asked.claims.get(id))?;
        let secret = self.secret.keys().secret_key();
        let text = nip44::decrypt(secret, &self.ledger, &event.content).ok()?;
        Some((asked.0, text))
    }

    /// Waits for no more answers to a claim.
    pub fn forget(&mut self, number: u64) {
        self.asked.forget(number);
    }

    /// Disconnects, once the wires were told to stop.
    pub async fn end(mut self) {
        let _ = timeout(GOODBYE_MAX, async {
            while self.wires.join_next().await.is_some() {}
            self.client.shutdown().await;
        })
        .await;
    }
}

impl Asked {
    fn remember(&mut self, number: u64, event: EventId, now_ms: u64) {
        self.claims.insert(event, (number, now_ms));
        let events = self.events.entry(number).or_default();
        events.push_back(event);
        if events.len() > ATTEMPTS_MAX
            && let Some(oldest) = events.pop_front()
        {
            self.claims.remove(&oldest);
        }
    }

    fn forget(&mut self, number: u64) {
        for event in self.events.remove(&number).into_iter().flatten() {
            self.claims.remove(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_remembered_the_last_of_them_and_forgotten_with_their_claim() {
        let mut asked = Asked::default();
        let id = |byte: u8| EventId::from_byte_array([byte; 32]);
        for attempt in 0..20 {
            asked.remember(1, id(attempt), u64::from(attempt));
        }
        asked.remember(2, id(100), 100);
        assert_eq!(asked.claims.len(), ATTEMPTS_MAX + 1);
        assert!(!asked.claims.contains_key(&id(3)) && asked.claims.contains_key(&id(4)));
        asked.forget(1);
        assert_eq!(asked.claims.into_iter().collect::<Vec<_>>(), [(id(100), (2, 100))]);
        assert_eq!(asked.events.len(), 1);
    }
}
