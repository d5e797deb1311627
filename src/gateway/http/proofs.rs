//! Checkpoints and proofs: what somebody takes away to hold the ledger to it.

use axum::extract::{self, Path};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::State;
use super::caller::Caller;
use super::problem::Problem;
use super::reads::{Answered, aside, find, not_claimed};
use super::rows::pairs;
use crate::ledger::{LedgerError, own_history};
use crate::notary::NotaryError;

/// `GET /v1/checkpoint`: the signed head of the log; with `since`, that it extends an earlier one.
pub async fn checkpoint(extract::State(state): extract::State<State>, caller: Caller) -> Answered {
    let given = pairs(caller.uri.query().unwrap_or_default())?;
    let mut since = None;
    for (name, value) in given {
        let size = value.parse::<u64>().ok().filter(|_| name == "since");
        let wrong =
            || Problem::bad_request("all that can be asked for is `since`, a checkpoint's size");
        since = Some(size.ok_or_else(wrong)?);
    }
    aside(&state, move |state| {
        let ledger = state.desk.ledger();
        let signed = ledger.checkpoint((state.clock)()).map_err(broken)?;
        let Some(old) = since else { return Ok(text(&signed)) };
        let size = signed.head().size;
        if old > size {
            return Err(Problem::bad_request(format!("`since` is at most the log's size, {size}")));
        }
        let growth = ledger.notary().growth(&**ledger.log(), old, signed);
        Ok(text(&growth.map_err(|error| broken(error.into()))?))
    })
    .await
}

/// `GET /v1/proof/{payment_hash}`: the claim's entry, that it is in the log, and the checkpoint that says so.
pub async fn proof(
    extract::State(state): extract::State<State>,
    Path(hash): Path<String>,
    caller: Caller,
) -> Answered {
    aside(&state, move |state| {
        let hash = find(state, &hash, &caller)?.hash;
        let ledger = state.desk.ledger();
        let life = own_history(&**ledger.log(), &hash.key()).map_err(broken)?;
        let first = life.first().map(|(entry, _)| entry.front.seq);
        let seq = first.ok_or_else(|| not_claimed(&hash))?;
        let proof = ledger.proof(seq, (state.clock)()).map_err(broken)?;
        Ok(text(&proof))
    })
    .await
}

fn text(what: &impl std::fmt::Display) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], what.to_string()).into_response()
}

fn broken(error: LedgerError) -> Problem {
    match error {
        LedgerError::Notary(error @ NotaryError::KeyLost { .. }) => {
            tracing::error!(%error, "nothing can be signed");
            Problem::busy("this ledger cannot sign for now; its operator has been told why")
        }
        other => Problem::broken(&other),
    }
}
