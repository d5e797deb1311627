//! Who asks: every request but those of monitoring is signed with a Nostr key (NIP-98).

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::FromRequest;
use axum::http::{Request, Uri, header};
use spireledger_schema::identity::{Actor, Evidence, PublicKey, Role};
use spireledger_schema::text::UserId;

use super::State;
use super::problem::Problem;
use crate::gateway::Nip98Error;
use crate::gateway::machines::unknown;

/// Whoever signed a request, and what it says.
pub struct Caller {
    /// The key.
    pub public_key: PublicKey,
    /// In which role.
    pub actor: Actor,
    /// The user that the key stands for.
    pub user: Option<UserId>,
    /// What was signed.
    pub evidence: Evidence,
    /// Where to.
    pub uri: Uri,
    /// The body, all of it.
    pub body: Bytes,
}

impl FromRequest<State> for Caller {
    type Rejection = Problem;

    /// Reads a request and checks who signed it.
    async fn from_request(request: Request<Body>, state: &State) -> Result<Self, Problem> {
        let (head, body) = request.into_parts();
        let given = head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given.map(ToOwned::to_owned) else {
            return Err(Problem::unauthorized("there is no `Authorization: Nostr …` header"));
        };
        let limits = &state.config;
        let patience = Duration::from_secs(limits.patience_seconds);
        let read = tokio::time::timeout(patience, to_bytes(body, limits.body_bytes_max)).await;
        let body = read
            .map_err(|_| Problem::too_slow(limits.patience_seconds))?
            .map_err(|_| Problem::too_large(limits.body_bytes_max))?;
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("{}{path}", state.origin);
        let signed = state
            .nip98
            .check(&given, head.method.as_str(), &url, &body, (state.clock)())
            .map_err(|error| match error {
                Nip98Error::Busy => Problem::busy(error.to_string()),
                _ => Problem::unauthorized(error.to_string()),
            })?;
        let key = *signed.public_key.as_bytes();
        state
            .rate
            .take(key, Instant::now())
            .map_err(|seconds| Problem::too_many(state.rate.per_minute(), seconds))?;
        let (actor, user) = state.identities.of(signed.public_key);
        if matches!(actor, Actor::Key { role: Role::Machine, .. }) {
            must_be_known(state, signed.public_key).await?;
        }
        let (public_key, evidence) = (signed.public_key, signed.evidence);
        Ok(Self { public_key, actor, user, evidence, uri: head.uri, body })
    }
}

/// A key that nobody knows is told so, and costs the writer nothing.
async fn must_be_known(state: &State, key: PublicKey) -> Result<(), Problem> {
    if state.machines.knows(&key) {
        return Ok(());
    }
    // The log may have to be read for this.
    let machines = Arc::clone(&state.machines);
    let known = tokio::task::spawn_blocking(move || machines.has(&key)).await;
    match known.map_err(|error| Problem::broken(&error))? {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::refused(&unknown(&key))),
        Err(error) => Err(Problem::broken(&error)),
    }
}

impl Caller {
    /// Whose rows may be seen.
    pub fn sees(&self) -> Sees<'_> {
        match (&self.actor, &self.user) {
            (Actor::Key { role: Role::Super | Role::Auditor, .. }, _) => Sees::All,
            (Actor::Key { role: Role::Operator, .. }, Some(user)) => Sees::Operator(user),
            (Actor::Key { role: Role::Lp, .. }, Some(user)) => Sees::Lp(user),
            _ => Sees::Machine(&self.public_key),
        }
    }
}

/// Whose rows may be seen.
#[derive(Debug, Clone, Copy)]
pub enum Sees<'a> {
    /// All.
    All,
    /// Those of an operator's machines.
    Operator(&'a UserId),
    /// An LP's own.
    Lp(&'a UserId),
    /// Those of the machine with this key.
    Machine(&'a PublicKey),
}
