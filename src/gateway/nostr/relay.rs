//! One relay: connected again whenever it goes away, subscribed again whenever that was lost, and
//! given the answers.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use nostr_sdk::message::MachineReadablePrefix;
use nostr_sdk::pool::RelayNotification;
use nostr_sdk::{
    ClientMessage, Event, EventId, Filter, Kind, Relay, RelayMessage, SubscribeOptions,
    SubscriptionId,
};
use spireledger_schema::identity::PublicKey;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::counters::Counters;
use super::reports::{BEACON, TELEMETRY};
use crate::relays::{Attempts, CONNECT_MAX, RENEW_EVERY, REQUEST};

/// How long after a relay closed a subscription it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long a relay has to confirm the last answers.
const PART_MAX: Duration = Duration::from_secs(2);
/// Answers that are kept until the relay took them, should it want authentication first (NIP-42).
const UNCONFIRMED_MAX: usize = 256;
/// Most stored events that a relay is asked for at once.
const STORED_MAX: usize = 500;
/// Most keys that one filter names.
const AUTHORS_MAX: usize = 500;

/// Settings of cassettes that machines have not confirmed.
pub type Open = Arc<Vec<Arc<Event>>>;

/// The machines whose reports are asked for.
pub type Authors = Arc<BTreeSet<PublicKey>>;

/// A relay and what it needs.
pub struct Wire {
    /// The connection.
    pub relay: Relay,
    /// The ledger's key, to which requests are addressed.
    pub ledger: nostr_sdk::PublicKey,
    /// The shortest pause between two attempts to connect.
    pub pause_min: Duration,
    /// Answers, for all who listen.
    pub answers: mpsc::Receiver<Arc<Event>>,
    /// Whose reports are asked for.
    pub authors: watch::Receiver<Authors>,
    /// What machines are to be told.
    pub orders: watch::Receiver<Open>,
    /// What happened.
    pub counters: Arc<Counters>,
    /// What the relay has not said it took.
    unconfirmed: VecDeque<Arc<Event>>,
    /// Settings that were handed to it since it was last told everything.
    given: BTreeSet<EventId>,
}

/// Why a connection is no more.
enum End {
    Lost,
    /// Nobody will send answers any more.
    Stopped,
}

impl Wire {
    /// A relay that nobody has connected yet.
    pub fn new(
        relay: Relay,
        ledger: nostr_sdk::PublicKey,
        pause_min: Duration,
        answers: mpsc::Receiver<Arc<Event>>,
        (authors, orders): (watch::Receiver<Authors>, watch::Receiver<Open>),
        counters: Arc<Counters>,
    ) -> Self {
        let (unconfirmed, given) = (VecDeque::new(), BTreeSet::new());
        Self { relay, ledger, pause_min, answers, authors, orders, counters, unconfirmed, given }
    }

    /// Keeps the relay connected until whoever sends answers is gone and all of them are handed over.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut attempts = Attempts::new(self.pause_min);
        while attempts.connect(&self.relay, &mut stop).await {
            self.counters.connections.one();
            if matches!(self.serve().await, End::Stopped) {
                return;
            }
            tracing::warn!(relay = %self.relay.url(), "the connection was lost");
        }
    }

    /// Listens and answers while the connection lasts.
    async fn serve(&mut self) -> End {
        let mut said = self.relay.notifications();
        if !self.relay.is_connected() {
            return End::Lost;
        }
        self.unconfirmed.clear();
        self.given.clear();
        self.give();
        let mut ask_at = Instant::now();
        loop {
            tokio::select! {
                answer = self.answers.recv() => {
                    let Some(answer) = answer else {
                        self.part(&mut said).await;
                        return End::Stopped;
                    };
                    self.counters.answers.one();
                    self.send(answer);
                }
                changed = self.authors.changed() => match changed {
                    Ok(()) => ask_at = Instant::now(),
                    Err(_) => return End::Stopped,
                },
                changed = self.orders.changed() => match changed {
                    Ok(()) => self.give(),
                    Err(_) => return End::Stopped,
                },
                () = sleep_until(ask_at) => {
                    self.subscribe().await;
                    self.given.clear();
                    self.give();
                    ask_at = Instant::now() + RENEW_EVERY;
                }
                heard = said.recv() => match heard {
                    Ok(notification) => {
                        if let Some(again) = self.hear(notification) {
                            ask_at = ask_at.min(Instant::now() + again);
                        }
                    }
                    // More was said than is kept; what matters is seen by asking again.
                    Err(RecvError::Lagged(_)) => ask_at = Instant::now() + ASK_AGAIN_AFTER,
                    Err(RecvError::Closed) => return End::Lost,
                },
            }
            if !self.relay.is_connected() {
                return End::Lost;
            }
        }
    }

    /// Waits for the relay's word on the last answers: what is only handed over is lost with the connection.
    async fn part(&mut self, said: &mut broadcast::Receiver<RelayNotification>) {
        let confirmed = async {
            while !self.unconfirmed.is_empty() && self.relay.is_connected() {
                match said.recv().await {
                    // Nothing is asked any more.
                    Ok(notification) => drop(self.hear(notification)),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                }
            }
        };
        // A relay need not say anything.
        let _ = timeout(PART_MAX, confirmed).await;
    }

    /// What the relay said. Tells when to subscribe again, if that follows from it.
    fn hear(&mut self, notification: RelayNotification) -> Option<Duration> {
        match notification {
            RelayNotification::Authenticated => {
                for answer in std::mem::take(&mut self.unconfirmed) {
                    self.send(answer);
                }
                Some(Duration::ZERO)
            }
            RelayNotification::Message { message: RelayMessage::Closed { message, .. } } => {
                tracing::warn!(relay = %self.relay.url(), %message, "a subscription was closed");
                Some(ASK_AGAIN_AFTER)
            }
            RelayNotification::Message {
                message: RelayMessage::Ok { event_id, status, message },
            } => {
                self.confirm(&event_id, status, &message);
                None
            }
            _ => None,
        }
    }

    /// The relay took an answer, or would not.
    fn confirm(&mut self, id: &EventId, is_taken: bool, message: &str) {
        let prefix = MachineReadablePrefix::parse(message);
        if !is_taken && matches!(prefix, Some(MachineReadablePrefix::AuthRequired)) {
            // Sent again once the relay knows the ledger's key.
            return;
        }
        let Some(at) = self.unconfirmed.iter().position(|answer| answer.id == *id) else { return };
        self.unconfirmed.remove(at);
        if !is_taken {
            self.counters.answers_refused.one();
            tracing::debug!(relay = %self.relay.url(), %message, "an answer was not taken");
        }
    }

    /// Hands over the settings that it was not given yet.
    fn give(&mut self) {
        let open = Arc::clone(&self.orders.borrow_and_update());
        for order in open.iter() {
            if self.given.insert(order.id) {
                self.counters.orders.one();
                self.send(Arc::clone(order));
            }
        }
    }

    fn send(&mut self, answer: Arc<Event>) {
        if self.relay.send_msg(ClientMessage::event((*answer).clone())).is_err() {
            self.counters.answers_dropped.one();
            return;
        }
        self.unconfirmed.push_back(answer);
        if self.unconfirmed.len() > UNCONFIRMED_MAX {
            self.unconfirmed.pop_front();
        }
    }

    /// Asks for what is ours. Asking again under the same name replaces what was asked before (NIP-01).
    async fn subscribe(&mut self) {
        let authors = Arc::clone(&self.authors.borrow_and_update());
        let requests = vec![requests(self.ledger)];
        let mut all = vec![("requests", requests)];
        if !authors.is_empty() {
            all.push(("reports", reports(&authors)));
        }
        for (name, filters) in all {
            let id = SubscriptionId::new(name);
            let asked = self.relay.subscribe_with_id(id, filters, SubscribeOptions::default());
            if let Ok(Err(error)) = timeout(CONNECT_MAX, asked).await {
                tracing::warn!(relay = %self.relay.url(), %error, name, "not subscribed");
            }
        }
    }
}

/// Requests to the ledger, from now on and whatever a relay has kept. Not by time: a machine whose
/// clock is wrong is heard, too.
fn requests(ledger: nostr_sdk::PublicKey) -> Filter {
    Filter::new().kind(Kind::from(REQUEST)).pubkey(ledger).limit(STORED_MAX)
}

/// What machines publish of themselves.
fn reports(authors: &BTreeSet<PublicKey>) -> Vec<Filter> {
    let keys: Vec<nostr_sdk::PublicKey> =
        authors.iter().map(|key| nostr_sdk::PublicKey::from_byte_array(*key.as_bytes())).collect();
    let filter = |keys: &[nostr_sdk::PublicKey]| {
        Filter::new().kinds([BEACON, TELEMETRY].map(Kind::from)).authors(keys.iter().copied())
    };
    keys.chunks(AUTHORS_MAX).map(filter).collect()
}
