//! What came in, what went out, and what was let go, in numbers: nothing is dropped silently.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[doc = $doc:literal] $name:ident,)*) => {
        /// Numbers since the gateway began. Each only grows.
        #[derive(Debug, Default)]
        pub struct Counters { $(#[doc = $doc] pub $name: Counter,)* }

        impl Counters {
            /// All of them: name, what it counts, value.
            pub fn all(&self) -> Vec<(&'static str, &'static str, u64)> {
                vec![$((stringify!($name), $doc.trim_ascii(), self.$name.get())),*]
            }
        }
    };
}

counters! {
    /// Events that relays brought, each as often as it came.
    received,
    /// Events that had come before, mostly through another relay.
    duplicates,
    /// Events that nobody could look at: too much was waiting.
    dropped,
    /// Events that are not what their id and signature say.
    invalid,
    /// Events that are none of ours: too long, of another kind, for somebody else, or an answer.
    ignored,
    /// Requests of unknown keys that were let go unread, because there were too many.
    strangers_dropped,
    /// Requests that were read and answered.
    requests,
    /// Reports that became commands, whatever came of them.
    reports,
    /// Reports that could not be read.
    reports_malformed,
    /// Answers that were handed to a relay, each as often as there are relays.
    answers,
    /// Answers that a relay did not get: too many were waiting for it.
    answers_dropped,
    /// Answers that a relay would not take.
    answers_refused,
    /// Connections that came to be.
    connections,
    /// Settings of cassettes, and checkpoints, that were handed to a relay, each as often as it was.
    orders,
}

/// One number.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// What it stands at.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn one(&self) {
        self.add(1);
    }
}
