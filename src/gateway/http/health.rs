//! What watches the server asks without a signature: is it there, is it ready, and how is it doing.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use spireledger_projections::Fleet;
use spireledger_schema::Answer;
use tokio::task::spawn_blocking;

use super::State;
use crate::log::ReadLog as _;

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    begun: Instant,
    accepted: AtomicU64,
    replayed: AtomicU64,
    refused: AtomicU64,
    /// Requests by the first digit of their status.
    requests: [AtomicU64; 6],
    /// Connections that are open.
    pub connections: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            accepted: AtomicU64::new(0),
            replayed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            requests: Default::default(),
            connections: AtomicU64::new(0),
        }
    }
}

impl Metrics {
    /// A command was answered.
    pub fn answered(&self, answer: &Answer) {
        let counter = match answer {
            Answer::Accepted(_) => &self.accepted,
            Answer::Replayed(_) => &self.replayed,
            Answer::Refused(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was answered.
    pub fn requested(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(counter) = self.requests.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `GET /healthz`: the process is there.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: commands are taken.
pub async fn readyz(extract::State(state): extract::State<State>) -> Response {
    if *state.stop.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    // An empty batch goes the way of all others.
    match state.desk.ask(Vec::new()).await {
        Ok(_) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

/// How many claims of each machine are missing, by the numbers that it gives them.
fn claims_missing(fleet: &Fleet) -> Vec<(String, u64)> {
    let missing = fleet.numbers().map(|(machine, numbers)| {
        (format!("{{machine=\"{}\"}}", escaped(machine.as_str())), numbers.missing())
    });
    missing.collect()
}

/// A label's value, as the text format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// `GET /metrics`, in the text format of Prometheus.
pub async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let metrics = &state.metrics;
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let mut out = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
        // Nothing can go wrong in writing to a string.
        let _ = writeln!(out, "# HELP spireledger_{name} {help}\n# TYPE spireledger_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(out, "spireledger_{name}{labels} {value}");
        }
    };
    let status = |word: &str, counter| (format!("{{status=\"{word}\"}}"), read(counter));
    let commands = [
        status("accepted", &metrics.accepted),
        status("replayed", &metrics.replayed),
        status("refused", &metrics.refused),
    ];
    family("commands_total", "counter", "Commands over HTTP, by their answer.", &commands);
    let classes = metrics.requests.iter().enumerate().skip(2);
    let requests: Vec<(String, u64)> = classes
        .map(|(class, counter)| (format!("{{class=\"{class}xx\"}}"), read(counter)))
        .collect();
    family("http_requests_total", "counter", "HTTP requests, by their status.", &requests);
    let one = |value| [(String::new(), value)];
    let head = state.desk.ledger().log().head().seq;
    family("log_entries", "gauge", "Entries of the log.", &one(head));
    let open = read(&metrics.connections);
    family("http_connections", "gauge", "HTTP connections that are open.", &one(open));
    for (name, help, value) in state.nostr.all() {
        family(&format!("nostr_{name}_total"), "counter", help, &one(value));
    }
    let machines = Arc::clone(&state.machines);
    // Folding what is new may take a moment; what cannot be read is told by `readyz` and by `verify`.
    if let Ok(Ok(missing)) = spawn_blocking(move || machines.look(claims_missing)).await {
        let help = "Numbers below the highest of a machine's claims that have not come.";
        family("machine_claims_missing", "gauge", help, &missing);
    }
    let seconds = metrics.begun.elapsed().as_secs();
    family("uptime_seconds", "gauge", "Seconds since the server began.", &one(seconds));
    let text = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, text)], out).into_response()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn a_label_says_any_id_without_ending_early() {
        assert_eq!(escaped(r#"a"b\c"#), r#"a\"b\\c"#);
        assert_eq!(escaped("two\nlines"), r"two\nlines");
    }
}
