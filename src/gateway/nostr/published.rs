//! The newest checkpoint as an event that relays keep: kind 30078 (NIP-78), one address a size, so that none
//! takes the place of another.

use std::sync::Arc;

use nostr_sdk::{Event, EventBuilder, Keys, Kind, Tag};
use parking_lot::Mutex;
use tokio::sync::watch;

use super::reports::BEACON;
use crate::gateway::Newest;
use crate::proofs::SignedCheckpoint;

/// What has been published last.
pub struct Published {
    checkpoints: watch::Receiver<Newest>,
    /// The size, and the event.
    last: Mutex<Option<(u64, Arc<Event>)>>,
}

impl Published {
    /// Nothing yet.
    pub fn new(checkpoints: watch::Receiver<Newest>) -> Self {
        Self { checkpoints, last: Mutex::default() }
    }

    /// The event of the newest checkpoint: one event, however often it is asked for.
    pub fn newest(&self, keys: &Keys) -> Option<Arc<Event>> {
        let checkpoint = self.checkpoints.borrow().clone()?;
        let size = checkpoint.head().size;
        let mut last = self.last.lock();
        if last.as_ref().is_none_or(|(published, _)| *published != size) {
            *last = event(keys, &checkpoint).map(|event| (size, Arc::new(event)));
        }
        last.as_ref().map(|(_, event)| Arc::clone(event))
    }
}

fn event(keys: &Keys, checkpoint: &SignedCheckpoint) -> Option<Event> {
    let head = checkpoint.head();
    let address = format!("spireledger-checkpoint:{}:{}", head.origin, head.size);
    EventBuilder::new(Kind::from(BEACON), checkpoint.to_string())
        .tag(Tag::identifier(address))
        .sign_with_keys(keys)
        .ok()
}
