//! One process that runs the single writer, the live tables, and whatever the outside comes in by.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use nostr_sdk::{Keys, RelayUrl};
use spireledger_schema::time::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use super::config::NostrConfig;
use super::http::{self, Parts, State};
use super::{Config, Counters, Desk, Identities, Machines, Nostr, NostrError, checkpoints};
use crate::ledger::{Ledger, LedgerError};
use crate::secret::{Secret, SecretError};

/// The ledger's Nostr key, in its directory.
const KEY_FILE: &str = "nostr.key";
/// The shortest pause before a relay is connected again.
const PAUSE_MIN: Duration = Duration::from_secs(1);

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
    /// The ledger's Nostr key cannot be used.
    #[error(transparent)]
    Key(#[from] SecretError),
    /// The Nostr gateway ended before it was told to.
    #[error(transparent)]
    Nostr(#[from] NostrError),
    /// The ledger stopped.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Serves a ledger that is open for writing until `stop` becomes true; then what was accepted is answered,
/// and the ledger is closed. `ready` is told the address, and the key if there is Nostr.
///
/// # Errors
/// If it cannot begin, or if the writer stops: then everything ends, so that it can be started anew.
pub async fn serve(
    ledger: Ledger,
    dir: &Path,
    config: Config,
    clock: fn() -> Timestamp,
    stop: watch::Receiver<bool>,
    ready: impl FnOnce(SocketAddr, Option<&nostr_sdk::PublicKey>),
) -> Result<(), ServeError> {
    let identities = Identities::new(&config.identities).map_err(ServeError::Config)?;
    let keys = keys(&config.nostr, dir)?;
    let relays = relays(&config.nostr)?;
    let address = config.http.listen;
    let listen = |error| ServeError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let bound = listener.local_addr().map_err(listen)?;
    let ledger = Arc::new(ledger);
    let desk = Desk::new(Arc::clone(&ledger));
    let log = Arc::clone(ledger.log());
    let machines = Arc::new(joined(spawn_blocking(move || Machines::of(log)).await)?);
    let counters = Arc::new(Counters::default());
    ready(bound, keys.as_ref().map(Keys::public_key).as_ref());
    let (halt, halted) = halt_after(stop);
    let (tell, newest) = watch::channel(None);
    let every = Duration::from_secs(config.checkpoints.every_seconds);
    let signing = (!every.is_zero())
        .then(|| tokio::spawn(checkpoints::run(desk.clone(), every, clock, tell, halted.clone())));
    let nostr = keys.map(|keys| Nostr {
        desk: desk.clone(),
        identities: identities.clone(),
        machines: Arc::clone(&machines),
        keys,
        relays,
        pause_min: PAUSE_MIN,
        requests_per_minute: config.nostr.requests_per_minute,
        checkpoints: newest,
        counters: Arc::clone(&counters),
    });
    let nostr = nostr.map(|nostr| tokio::spawn(run(nostr, halt, halted.clone())));
    let state = State::new(Parts {
        desk,
        identities,
        machines,
        nostr: counters,
        dir: dir.to_owned(),
        origin: config.http.origin(bound),
        config: config.http,
        clock,
        stop: halted,
    });
    http::serve(listener, state.clone()).await;
    drop(state);
    if let Some(signing) = signing {
        joined(signing.await);
    }
    let ended = match nostr {
        Some(nostr) => joined(nostr.await),
        None => Ok(()),
    };
    close(ledger).await?;
    Ok(ended?)
}

/// The key of the ledger, if it is to be on Nostr.
fn keys(config: &NostrConfig, dir: &Path) -> Result<Option<Keys>, ServeError> {
    if config.relays.is_empty() {
        return Ok(None);
    }
    let own = dir.join(KEY_FILE);
    let path = config.key_file.as_ref().unwrap_or(&own);
    // A key that was named must be there: a mistyped name is not to become another identity.
    let is_new = config.key_file.is_none() && !path.exists();
    if is_new {
        Secret::generate().write(path)?;
    }
    Ok(Some(Secret::read(path)?.keys().clone()))
}

fn relays(config: &NostrConfig) -> Result<Vec<RelayUrl>, ServeError> {
    let read = |url: &String| {
        RelayUrl::parse(url).map_err(|why| {
            let says = "a relay is a URL that begins with wss:// or ws://";
            ServeError::Config(format!("nostr.relays: {url}: {why}; {says}"))
        })
    };
    config.relays.iter().map(read).collect()
}

/// A word to stop that can be given from outside and from inside.
fn halt_after(mut stop: watch::Receiver<bool>) -> (watch::Sender<bool>, watch::Receiver<bool>) {
    let (halt, halted) = watch::channel(false);
    let given = halt.clone();
    tokio::spawn(async move {
        // An error: whoever could say it is gone, which is a word, too.
        let _ = stop.wait_for(|stop| *stop).await;
        let _ = given.send(true);
    });
    (halt, halted)
}

/// Runs the Nostr gateway. If it ends by itself, everything does.
async fn run(
    nostr: Nostr,
    halt: watch::Sender<bool>,
    halted: watch::Receiver<bool>,
) -> Result<(), NostrError> {
    let ended = nostr.run(halted).await;
    let _ = halt.send(true);
    ended
}

/// What a task gave back; a panic goes on where it is waited for.
fn joined<T>(done: Result<T, JoinError>) -> T {
    done.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => panic!("a task of the server was given up: {error}"),
    })
}

/// Closes the ledger when the last request has let go of it.
async fn close(mut ledger: Arc<Ledger>) -> Result<(), ServeError> {
    loop {
        match Arc::try_unwrap(ledger) {
            Ok(ledger) => return Ok(joined(spawn_blocking(move || ledger.close()).await)?),
            Err(held) => ledger = held,
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
