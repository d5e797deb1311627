//! The log as a stream of server-sent events, from any entry on: whoever is cut off goes on where it was.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::State;
use super::caller::{Caller, Sees};
use super::problem::Problem;
use super::rows::pairs;
use crate::ledger::{entry_json, read};
use crate::log::ReadLog as _;

/// How often the log is looked at when nothing came.
const PAUSE: Duration = Duration::from_millis(100);

/// `GET /v1/events?from=SEQ`, or with `Last-Event-ID`: all entries from there on, and each new one when it is
/// durable.
pub async fn events(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    caller: Caller,
) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last: Option<u64> = last.and_then(|text| text.parse().ok());
    if !matches!(caller.sees(), Sees::All) {
        return Err(Problem::forbidden("only an auditor or the administrator reads the whole log"));
    }
    let given = pairs(caller.uri.query().unwrap_or_default())?;
    let from = match given.into_iter().find(|(name, _)| name == "from") {
        Some((_, text)) => text.parse().map_err(|_| {
            Problem::bad_request(format!("`from` is an entry's number, not `{text}`"))
        })?,
        None => 1,
    };
    let next = last.map_or(from, |last| last.saturating_add(1)).max(1);
    let begun = Begun { state, next, ready: VecDeque::new() };
    let stream = stream::unfold(begun, |mut begun| async move {
        let event = begun.next().await?;
        Some((Ok::<_, Infallible>(event), begun))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()).into_response())
}

/// A stream on its way.
struct Begun {
    state: State,
    next: u64,
    ready: VecDeque<Event>,
}

impl Begun {
    /// The next entry; waits for it. `None`: the server stops, or the log cannot be read.
    async fn next(&mut self) -> Option<Event> {
        let mut stop = self.state.stop.clone();
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if *stop.borrow() {
                return None;
            }
            if self.next <= self.state.desk.ledger().log().head().seq {
                let (state, next) = (self.state.clone(), self.next);
                let read = tokio::task::spawn_blocking(move || block(&state, next)).await;
                let Ok(Some((events, next))) = read else { return None };
                (self.ready, self.next) = (events, next);
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

/// The entries of one block from `from` on, and the entry behind them.
fn block(state: &State, from: u64) -> Option<(VecDeque<Event>, u64)> {
    let log = &**state.desk.ledger().log();
    let block = log.block_at(from).ok().flatten()?;
    let mut events = VecDeque::new();
    for stored in block.entries().filter(|stored| stored.front.seq >= from) {
        let entry = read(log, &stored).ok()?;
        let value = entry_json(&entry, stored.hash);
        let event = Event::default().id(stored.front.seq.to_string()).event(entry.event.name());
        events.push_back(event.data(value.to_string()));
    }
    Some((events, block.last_seq() + 1))
}
