//! One process that runs the single writer, the live tables, and whatever the outside comes in by.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use spireledger_schema::time::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::http::{self, Parts, State};
use super::{Config, Desk, Identities};
use crate::ledger::{Ledger, LedgerError};

/// Why a server does not run, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The configuration says something that cannot be.
    #[error("{0}")]
    Config(String),
    /// The address cannot be listened on.
    #[error("listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The ledger stopped.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Serves a ledger that is open for writing until `stop` becomes true; then what was accepted is answered,
/// and the ledger is closed. `ready` is told the address.
pub async fn serve(
    ledger: Ledger,
    dir: &Path,
    config: Config,
    clock: fn() -> Timestamp,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let identities = Identities::new(&config.identities).map_err(ServeError::Config)?;
    let address = config.http.listen;
    let listen = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let ledger = Arc::new(ledger);
    let state = State::new(Parts {
        desk: Desk::new(Arc::clone(&ledger)),
        identities,
        dir: dir.to_owned(),
        origin: config.http.origin(bound),
        config: config.http,
        clock,
        stop,
    });
    ready(bound);
    http::serve(listener, state.clone()).await;
    drop(state);
    close(ledger).await
}

/// Closes the ledger when the last request has let go of it.
async fn close(mut ledger: Arc<Ledger>) -> Result<(), ServeError> {
    loop {
        match Arc::try_unwrap(ledger) {
            Ok(ledger) => {
                let closed = tokio::task::spawn_blocking(move || ledger.close()).await;
                return closed.map_or_else(
                    |panic| std::panic::resume_unwind(panic.into_panic()),
                    |closed| Ok(closed?),
                );
            }
            Err(held) => ledger = held,
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}
