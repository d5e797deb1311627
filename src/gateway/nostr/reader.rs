//! From an event to what the ledger is asked, and from its answers to events. Costs signatures and
//! elliptic curves: runs on threads that may be busy, never on the writer's.

use std::sync::Arc;
use std::time::Instant;

use nostr_sdk::{Event, Keys, Timestamp as Seconds};
use parking_lot::Mutex;
use spireledger_schema::identity::{Actor, Evidence, PublicKey, Role};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Code, Command, Refusal};

use super::codec::{self, Letter};
use super::counters::Counters;
use super::orders::Orders;
use super::reports;
use super::seen::{SEEN_MAX, Seen};
use crate::gateway::machines::unknown;
use crate::gateway::rate::Rate;
use crate::gateway::{Identities, Machines};
use crate::ledger::LedgerError;
use crate::relays::REQUEST;
use crate::rules::Request;

/// Requests of unknown keys that are read at once, after a quiet time.
const STRANGERS_MAX: u32 = 200;
/// And how many more every second: a stranger costs as much as a machine, and anybody can make keys.
const STRANGERS_PER_SECOND: u32 = 20;

/// Reads events and writes answers.
pub struct Reader {
    /// The ledger's key.
    pub keys: Keys,
    /// Who has a role.
    pub identities: Identities,
    /// Who is a machine.
    pub machines: Arc<Machines>,
    /// How often a key may ask.
    rate: Rate,
    /// What happened.
    pub counters: Arc<Counters>,
    /// What machines are to be told.
    pub orders: Mutex<Orders>,
    seen: Mutex<Seen>,
    strangers: Mutex<Strangers>,
}

/// Something to be asked, or to be answered at once.
pub struct Job {
    /// Where the answer goes; a report has none.
    pub letter: Option<Letter>,
    /// What is asked, or why not.
    pub asked: Result<Request, Refusal>,
}

impl Reader {
    /// A reader that has seen nothing yet.
    pub fn new(
        keys: Keys,
        identities: Identities,
        machines: Arc<Machines>,
        rate: Rate,
        counters: Arc<Counters>,
    ) -> Self {
        let strangers = Strangers { left: STRANGERS_MAX, at: Instant::now() };
        let (seen, strangers) = (Mutex::new(Seen::new(SEEN_MAX)), Mutex::new(strangers));
        let orders = Mutex::default();
        Self { keys, identities, machines, rate, counters, orders, seen, strangers }
    }

    /// Reads one event. `None`: there is nothing to ask and nobody to answer.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn read(&self, event: &Event) -> Result<Option<Job>, LedgerError> {
        let id = event.id.to_bytes();
        if self.seen.lock().contains(&id) {
            self.counters.duplicates.one();
            return Ok(None);
        }
        let key = PublicKey::from_bytes(event.pubkey.to_bytes());
        let (actor, user) = self.identities.of(key);
        let is_machine = matches!(actor, Actor::Key { role: Role::Machine, .. });
        let is_known = !is_machine || self.machines.has(&key)?;
        if !is_known && !self.strangers.lock().may_one(Instant::now()) {
            self.counters.strangers_dropped.one();
            return Ok(None);
        }
        // nostr-sdk lets pass what bears an id that it checked before, whatever else it says.
        if event.verify().is_err() {
            self.counters.invalid.one();
            return Ok(None);
        }
        if !self.seen.lock().insert(id) {
            self.counters.duplicates.one();
            return Ok(None);
        }
        let ask = |command| Request { command, actor, user, evidence: evidence(event) };
        if event.kind.as_u16() != REQUEST {
            // Only of machines: others publish for other reasons.
            let command = if is_machine && is_known { self.report(event) } else { None };
            return Ok(command.map(|command| Job { letter: None, asked: Ok(ask(command)) }));
        }
        let Some((letter, asked)) = codec::open(&self.keys, event) else {
            self.counters.ignored.one();
            return Ok(None);
        };
        self.counters.requests.one();
        let asked = if is_known { asked.map(ask) } else { Err(unknown(&key)) };
        let asked = match self.rate.take(*key.as_bytes(), Instant::now()) {
            Ok(()) => asked,
            Err(seconds) => Err(too_many(self.rate.per_minute(), seconds)),
        };
        Ok(Some(Job { letter: Some(letter), asked }))
    }

    fn report(&self, event: &Event) -> Option<Command> {
        match reports::read(&self.keys, event) {
            Some(Ok(command)) => {
                self.counters.reports.one();
                Some(command)
            }
            Some(Err(problem)) => {
                self.counters.reports_malformed.one();
                tracing::warn!(id = %event.id, kind = event.kind.as_u16(), field = problem.field,
                    "a machine's report cannot be read");
                None
            }
            None => {
                self.counters.ignored.one();
                None
            }
        }
    }

    /// Writes an answer.
    pub fn seal(&self, letter: &Letter, answer: &Answer) -> Option<Arc<Event>> {
        codec::seal(&self.keys, letter, answer, Seconds::now()).map(Arc::new)
    }
}

/// More than a key may ask. Nothing was looked at.
fn too_many(most: u32, seconds: u32) -> Refusal {
    let message = format!("a key may ask {most} times a minute; send this again in {seconds} s");
    Refusal::new(Code::Busy, message)
}

fn evidence(event: &Event) -> Option<Evidence> {
    let created_at = i64::try_from(event.created_at.as_secs()).ok();
    Some(Evidence::NostrEvent {
        id: event.id.to_bytes(),
        signature: event.sig.serialize(),
        kind: event.kind.as_u16(),
        created_at: created_at.and_then(Timestamp::from_seconds)?,
    })
}

/// How many requests of unknown keys may still be read.
struct Strangers {
    left: u32,
    at: Instant,
}

impl Strangers {
    fn may_one(&mut self, now: Instant) -> bool {
        let seconds = now.duration_since(self.at).as_secs();
        if seconds > 0 {
            let more = u32::try_from(seconds).unwrap_or(u32::MAX);
            let more = more.saturating_mul(STRANGERS_PER_SECOND);
            self.left = self.left.saturating_add(more).min(STRANGERS_MAX);
            self.at = now;
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn strangers_are_read_so_many_at_once_and_so_many_a_second() {
        let begin = Instant::now();
        let mut strangers = Strangers { left: STRANGERS_MAX, at: begin };
        let mut read = |now| (0..1_000).filter(|_| strangers.may_one(now)).count();
        assert_eq!(read(begin), 200);
        assert_eq!(read(begin + Duration::from_millis(900)), 0);
        assert_eq!(read(begin + Duration::from_secs(2)), 40);
        assert_eq!(read(begin + Duration::from_hours(1)), 200);
    }
}
