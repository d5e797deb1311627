//! HTTP: commands in, tables and traces out.
//!
//! Every request but those of monitoring and of the description is signed (NIP-98). A command that was
//! accepted is answered 201, a replayed one 200; what is refused is a problem (RFC 9457) that carries the
//! refusal. What somebody may not see is as if it were not there.
//!
//! *Never:* answer before the writer has. *Start at:* [`router`].

mod caller;
mod commands;
mod events;
mod health;
mod openapi;
mod problem;
mod proofs;
mod reads;
mod rows;
mod server;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use spireledger_schema::time::Timestamp;
use tokio::sync::{Semaphore, watch};

pub use health::Metrics;
pub use openapi::{description, page};
pub use problem::Problem;
pub use server::serve;

use super::config::HttpConfig;
use super::nip98::Nip98;
use super::rate::Rate;
use super::shelf::Shelf;
use super::{Counters, Desk, Identities, Machines};

/// Reads that go on at a time; others wait for their turn.
const READERS_MAX: usize = 8;

/// What all requests share.
#[derive(Clone)]
pub struct State(Arc<Shared>);

/// See [`State`].
pub struct Shared {
    desk: Desk,
    identities: Identities,
    machines: Arc<Machines>,
    shelf: Shelf,
    nip98: Nip98,
    rate: Rate,
    metrics: Metrics,
    nostr: Arc<Counters>,
    readers: Semaphore,
    config: HttpConfig,
    /// What signed URLs begin with.
    origin: String,
    /// The ledger's directory.
    dir: PathBuf,
    clock: fn() -> Timestamp,
    stop: watch::Receiver<bool>,
}

impl std::ops::Deref for State {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// What is needed to answer requests.
pub struct Parts {
    /// The writer.
    pub desk: Desk,
    /// Who a key is.
    pub identities: Identities,
    /// Who is a machine.
    pub machines: Arc<Machines>,
    /// What happens over Nostr, for the metrics.
    pub nostr: Arc<Counters>,
    /// The ledger's directory.
    pub dir: PathBuf,
    /// Limits.
    pub config: HttpConfig,
    /// Scheme and host that signed URLs begin with.
    pub origin: String,
    /// The time, for signatures that grow old.
    pub clock: fn() -> Timestamp,
    /// Becomes true when the server is to stop.
    pub stop: watch::Receiver<bool>,
}

impl State {
    /// Puts them together.
    pub fn new(parts: Parts) -> Self {
        let log = Arc::clone(parts.desk.ledger().log());
        Self(Arc::new(Shared {
            shelf: Shelf::new(&parts.dir, log),
            nip98: Nip98::new(),
            rate: Rate::new(parts.config.requests_per_minute),
            metrics: Metrics::default(),
            readers: Semaphore::new(READERS_MAX),
            desk: parts.desk,
            identities: parts.identities,
            machines: parts.machines,
            nostr: parts.nostr,
            config: parts.config,
            origin: parts.origin,
            dir: parts.dir,
            clock: parts.clock,
            stop: parts.stop,
        }))
    }
}

/// All routes, each with its description: there is no other list of them.
fn routes() -> Vec<(&'static str, MethodRouter<State>)> {
    vec![
        ("/v1/commands", post(commands::post)),
        ("/v1/settlements", get(reads::settlements)),
        ("/v1/settlements/{payment_hash}", get(reads::settlement)),
        ("/v1/machines", get(reads::machines)),
        ("/v1/balances", get(reads::balances)),
        ("/v1/tables", get(reads::tables)),
        ("/v1/tables/{table}", get(reads::table)),
        ("/v1/trace/{payment_hash}", get(reads::trace)),
        ("/v1/events", get(events::events)),
        ("/v1/checkpoint", get(proofs::checkpoint)),
        ("/v1/proof/{payment_hash}", get(proofs::proof)),
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(health::metrics)),
        ("/openapi.json", get(openapi::json)),
        ("/", get(openapi::html)),
    ]
}

/// The routes, with all that they need.
pub fn router(state: State) -> Router {
    let count = middleware::from_fn_with_state(state.clone(), count);
    let all = routes().into_iter();
    let router = all.fold(Router::new(), |router, (path, method)| router.route(path, method));
    let router = router.fallback(nowhere).method_not_allowed_fallback(not_so);
    router.layer(count).with_state(state)
}

async fn nowhere(request: Request) -> Problem {
    Problem::not_found(format!("there is no {}; / describes what there is", request.uri().path()))
}

async fn not_so(request: Request) -> Problem {
    let (method, path) = (request.method(), request.uri().path());
    Problem::wrong_method(format!("{path} does not take {method}; / describes what there is"))
}

async fn count(
    axum::extract::State(state): axum::extract::State<State>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    state.metrics.requested(response.status());
    response
}
