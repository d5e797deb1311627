//! Signed heads of the log, as long as it grows: each is stored before anybody hears of it.

use std::sync::Arc;
use std::time::Duration;

use spireledger_schema::time::Timestamp;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Desk;
use crate::log::ReadLog as _;
use crate::proofs::SignedCheckpoint;

/// The newest checkpoint; none before the first.
pub type Newest = Option<Arc<SignedCheckpoint>>;

/// Signs the log's head now and every so often, if it has grown, until it is told to stop.
///
/// What cannot be signed is told and tried again: a log that contradicts what was signed before is for a
/// person to look at, and no reason to take no more claims.
pub async fn run(
    desk: Desk,
    every: Duration,
    clock: fn() -> Timestamp,
    tell: watch::Sender<Newest>,
    mut stop: watch::Receiver<bool>,
) {
    let mut due = interval(every);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = due.tick() => {}
        }
        let size = desk.ledger().log().head().seq;
        let signed = tell.borrow().as_ref().map_or(0, |newest| newest.head().size);
        if size == signed {
            continue;
        }
        let ledger = Arc::clone(desk.ledger());
        match spawn_blocking(move || ledger.checkpoint(clock())).await {
            Ok(Ok(checkpoint)) => {
                tracing::info!(size = checkpoint.head().size, root = %checkpoint.head().root, "checkpoint");
                let _ = tell.send(Some(Arc::new(checkpoint)));
            }
            Ok(Err(error)) => tracing::error!(%error, "no checkpoint can be signed"),
            Err(panic) => tracing::error!(%panic, "no checkpoint was signed: a bug"),
        }
    }
}
