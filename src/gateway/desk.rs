//! The writer, asked from async code.

use std::sync::Arc;

use spireledger_schema::Answer;
use tokio::sync::oneshot;

use crate::ledger::{Item, Ledger, LedgerError};
use crate::rules::Request;

/// Takes requests to the writer and brings its answers. Clones share one writer.
#[derive(Clone)]
pub struct Desk {
    ledger: Arc<Ledger>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The queue is full, and nothing was looked at: the same may be sent again a little later.
    #[error("the ledger has as much to do as it can take; send this again a little later")]
    Full,
    /// The writer has stopped. What was asked may or may not be durable.
    #[error(transparent)]
    Stopped(LedgerError),
}

impl Desk {
    /// A desk before a writer.
    pub const fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger }
    }

    /// The writer behind it, for reading its log.
    pub const fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Asks, and waits until the answers are durable: one a request, in order.
    pub async fn ask(&self, requests: Vec<Request>) -> Result<Vec<Answer>, DeskError> {
        let items = requests.into_iter().map(Item::Request).collect();
        let (reply, answers) = oneshot::channel();
        // Nobody listening any more is no reason to stop writing.
        let reply = Box::new(move |all| drop(reply.send(all)));
        match self.ledger.try_submit(items, reply) {
            Ok(Ok(())) => answers.await.map_err(|_| DeskError::Stopped(self.ledger.stopped())),
            Ok(Err(_busy)) => Err(DeskError::Full),
            Err(stopped) => Err(DeskError::Stopped(stopped)),
        }
    }
}
