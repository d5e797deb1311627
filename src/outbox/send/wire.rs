//! One relay: connected again whenever it goes away, and asked for answers before anything is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nostr_sdk::pool::RelayNotification;
use nostr_sdk::{
    ClientMessage, Event, Filter, Kind, PublicKey, Relay, RelayMessage, SubscribeOptions,
    SubscriptionId,
};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::relays::{Attempts, CONNECT_MAX, RENEW_EVERY, REQUEST, stopped};

/// The shortest pause between two attempts.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// How long after a relay closed the subscription it is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// A relay and what it needs.
pub struct Wire {
    /// The connection.
    pub relay: Relay,
    /// The machine's key, to which answers are addressed.
    pub own: PublicKey,
    /// What is to be sent.
    pub requests: mpsc::Receiver<Arc<Event>>,
    /// How many relays are asked for answers.
    pub listening: Arc<AtomicUsize>,
}

impl Wire {
    /// Keeps the relay connected until told to stop.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut attempts = Attempts::new(PAUSE_MIN);
        while attempts.connect(&self.relay, &mut stop).await {
            if self.serve(&mut stop).await {
                return;
            }
            self.relay.disconnect();
            tracing::warn!(relay = %self.relay.url(), "the connection was lost");
        }
    }

    /// Serves one connection. Whether it was told to stop.
    async fn serve(&mut self, stop: &mut watch::Receiver<bool>) -> bool {
        let mut said = self.relay.notifications();
        // What waited for this relay was sent again meanwhile, or will be.
        while self.requests.try_recv().is_ok() {}
        if !self.subscribe().await {
            return false;
        }
        self.listening.fetch_add(1, Ordering::Relaxed);
        let is_told = self.listen(&mut said, stop).await;
        self.listening.fetch_sub(1, Ordering::Relaxed);
        is_told
    }

    async fn listen(
        &mut self,
        said: &mut tokio::sync::broadcast::Receiver<RelayNotification>,
        stop: &mut watch::Receiver<bool>,
    ) -> bool {
        let mut ask_at = Instant::now() + RENEW_EVERY;
        while self.relay.is_connected() {
            tokio::select! {
                () = stopped(stop) => return true,
                request = self.requests.recv() => {
                    let Some(request) = request else { return true };
                    if self.relay.send_msg(ClientMessage::event((*request).clone())).is_err() {
                        return false;
                    }
                }
                () = sleep_until(ask_at) => {
                    if !self.subscribe().await {
                        return false;
                    }
                    ask_at = Instant::now() + RENEW_EVERY;
                }
                heard = said.recv() => match heard {
                    Ok(RelayNotification::Authenticated) => ask_at = Instant::now(),
                    Ok(RelayNotification::Message { message }) => {
                        if self.is_closed(&message) {
                            ask_at = ask_at.min(Instant::now() + ASK_AGAIN_AFTER);
                        }
                    }
                    // More was said than is kept; what matters is seen by asking again.
                    Err(RecvError::Lagged(_)) => ask_at = Instant::now() + ASK_AGAIN_AFTER,
                    Err(RecvError::Closed) => return false,
                    Ok(_) => {}
                },
            }
        }
        false
    }

    /// Whether the relay ended the subscription.
    fn is_closed(&self, message: &RelayMessage<'_>) -> bool {
        match message {
            RelayMessage::Closed { message, .. } => {
                tracing::warn!(relay = %self.relay.url(), %message, "the subscription was closed");
                true
            }
            RelayMessage::Ok { status: false, message, .. } => {
                // It is sent again, over this relay and the others.
                tracing::info!(relay = %self.relay.url(), %message, "a request was not taken");
                false
            }
            _ => false,
        }
    }

    /// Asks for answers. Asking again under the same name replaces what was asked before (NIP-01).
    async fn subscribe(&self) -> bool {
        let answers = Filter::new().kind(Kind::from(REQUEST)).pubkey(self.own);
        let id = SubscriptionId::new("answers");
        let asked = self.relay.subscribe_with_id(id, answers, SubscribeOptions::default());
        match timeout(CONNECT_MAX, asked).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(relay = %self.relay.url(), %error, "not subscribed");
                false
            }
            Err(_) => false,
        }
    }
}
