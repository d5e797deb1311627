//! Where relays hand over what they bring: a bounded queue, and nothing kept anywhere else.

use std::sync::Arc;

use nostr_sdk::pool::policy::{AdmitPolicy, AdmitStatus, PolicyError};
use nostr_sdk::util::BoxedFuture;
use nostr_sdk::{Event, PublicKey, RelayUrl, SubscriptionId, Tag};
use tokio::sync::mpsc;

use super::codec::is_for;
use super::counters::Counters;
use super::reports::{BEACON, TELEMETRY};
use crate::relays::{CONTENT_BYTES_MAX, REQUEST};

/// Most tags of an event that is looked at.
const TAGS_MAX: usize = 64;
/// Most bytes of all its tags together.
const TAG_BYTES_MAX: usize = 16 * 1024;

/// Takes events out of nostr-sdk's hands as soon as they were read. What is refused there is put into
/// no database and told to no listener, so that what relays bring fills one queue only.
#[derive(Debug)]
pub struct Intake {
    /// The ledger's key.
    pub ledger: PublicKey,
    /// To whoever reads.
    pub queue: mpsc::Sender<Event>,
    /// What happened.
    pub counters: Arc<Counters>,
}

impl Intake {
    fn take(&self, event: &Event) {
        self.counters.received.one();
        let is_ours = match event.kind.as_u16() {
            REQUEST => is_for(event, &self.ledger),
            BEACON | TELEMETRY => true,
            _ => false,
        };
        if !is_ours || !is_short(event) {
            self.counters.ignored.one();
        } else if self.queue.try_send(event.clone()).is_err() {
            // Waiting here would keep the relay's pings waiting, too. Whoever needs an answer sends again.
            self.counters.dropped.one();
        }
    }
}

fn is_short(event: &Event) -> bool {
    let bytes =
        || -> usize { event.tags.iter().flat_map(Tag::as_slice).map(String::len).sum::<usize>() };
    event.content.len() <= CONTENT_BYTES_MAX
        && event.tags.len() <= TAGS_MAX
        && bytes() <= TAG_BYTES_MAX
}

impl AdmitPolicy for Intake {
    fn admit_event<'a>(
        &'a self,
        _relay: &'a RelayUrl,
        _subscription: &'a SubscriptionId,
        event: &'a Event,
    ) -> BoxedFuture<'a, Result<AdmitStatus, PolicyError>> {
        self.take(event);
        Box::pin(async { Ok(AdmitStatus::Rejected { reason: None }) })
    }
}
