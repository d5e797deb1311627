//! What the ledger and a machine have in common on Nostr: the kind of their messages, and connections to
//! relays that come back.
//!
//! The connections are nostr-sdk's. Its own reconnection is switched off: it waits longer after every
//! failure that there ever was, and does not subscribe again where a relay closed the subscription or came
//! back within the second.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use nostr_sdk::pool::policy::AdmitPolicy;
use nostr_sdk::pool::{RelayLimits, RelayPoolOptions};
use nostr_sdk::{Client, ClientOptions, Keys, Relay, RelayOptions, RelayUrl};
use tokio::sync::watch;
use tokio::time::sleep;

/// Requests and answers: ephemeral, relays pass them on and keep nothing.
pub const REQUEST: u16 = 21000;
/// Longest content of an event, in bytes: the longest plaintext of NIP-44 v2, padded, encrypted and in base64.
pub const CONTENT_BYTES_MAX: usize = 87_472;
/// How long a connection, or a subscription, may take to come to be.
pub const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How often subscriptions are sent anew, should they have been lost without a word.
pub const RENEW_EVERY: Duration = Duration::from_mins(5);
/// The longest pause between two attempts to connect.
const PAUSE_MAX: Duration = Duration::from_mins(1);
/// Longest message of a relay.
const MESSAGE_BYTES_MAX: u32 = 256 * 1_024;
/// Notifications that nostr-sdk keeps for us. Events are not among them.
const NOTIFICATIONS_MAX: usize = 1_024;

// The longest content is in no message too long.
const _: () = assert!(CONTENT_BYTES_MAX < MESSAGE_BYTES_MAX as usize);

/// A client that keeps nothing and reconnects nothing by itself. `intake` is given all that relays bring.
pub fn client(keys: &Keys, intake: impl AdmitPolicy + 'static) -> Client {
    let pool = RelayPoolOptions::new().notification_channel_size(NOTIFICATIONS_MAX);
    let options = ClientOptions::new().pool(pool);
    Client::builder().signer(keys.clone()).admit_policy(intake).opts(options).build()
}

/// A relay of a client, not yet connected.
///
/// # Errors
/// What is wrong with the address.
pub async fn add(client: &Client, url: &RelayUrl) -> Result<Relay, String> {
    let mut limits = RelayLimits::default();
    limits.messages.max_size = Some(MESSAGE_BYTES_MAX);
    let options = RelayOptions::new()
        .reconnect(false)
        .limits(limits)
        .notification_channel_size(NOTIFICATIONS_MAX);
    let pool = client.pool();
    pool.add_relay(url, options).await.map_err(|why| why.to_string())?;
    pool.relay(url).await.map_err(|why| why.to_string())
}

/// When a relay is connected again: after a pause that doubles with every failure.
pub struct Attempts {
    min: Duration,
    /// The pause before the next attempt; none before the first.
    pause: Option<Duration>,
}

impl Attempts {
    /// The first one is made at once; the shortest pause comes behind it.
    pub const fn new(min: Duration) -> Self {
        Self { min, pause: None }
    }

    /// Tries until the relay is connected. `false` if it was told to stop before.
    pub async fn connect(&mut self, relay: &Relay, stop: &mut watch::Receiver<bool>) -> bool {
        loop {
            if let Some(pause) = self.pause {
                tokio::select! {
                    () = sleep(pause + jitter(pause)) => {}
                    () = stopped(stop) => return false,
                }
            }
            let connected = tokio::select! {
                connected = relay.try_connect(CONNECT_MAX) => connected,
                () = stopped(stop) => return false,
            };
            let Err(error) = connected else {
                tracing::info!(relay = %relay.url(), "connected");
                self.pause = Some(self.min);
                return true;
            };
            let pause = self.pause.map_or(self.min, |last| (last * 2).min(PAUSE_MAX));
            tracing::warn!(relay = %relay.url(), %error, ?pause, "no connection");
            self.pause = Some(pause);
        }
    }
}

/// Up to half of a pause more, so that not all clients of a relay come back at once.
fn jitter(pause: Duration) -> Duration {
    let chance = RandomState::new().hash_one(()) % 512;
    pause * u32::try_from(chance).unwrap_or_default() / 1024
}

/// Returns when the word to stop is given, or nobody can give it any more.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error: the sender is gone, which is a word, too.
    let _ = stop.wait_for(|stop| *stop).await;
}
