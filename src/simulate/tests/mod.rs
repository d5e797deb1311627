//! Tests of the simulator, against the real rules in a ledger that keeps everything in memory.

mod claims;
mod fixture;
mod laws;

use std::collections::BTreeMap;

use spireledger_projections::Fleet;
use spireledger_schema::event::Leg;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Code, Command, Entry, EntryKey, Event, Front};

use super::{Expected, Options, Simulator};
use crate::rules::{Decision, Found, Request, decide, needs};

/// A ledger without a disk: every stream in a map.
#[derive(Default)]
struct Ledger {
    fleet: Fleet,
    streams: BTreeMap<EntryKey, Vec<Entry>>,
    aliased: BTreeMap<EntryKey, Entry>,
    seq: u64,
}

impl Ledger {
    /// Decides and applies one line, as the real one would.
    fn submit(&mut self, line: &str, now: Timestamp) -> Expected {
        let Ok(command) = Command::parse(line) else {
            return Expected::Refused(Code::Malformed);
        };
        let request = Request::local(command);
        let needs = needs(&self.fleet, &request);
        let stream = self.streams.get(&needs.stream).cloned().unwrap_or_default();
        let aliased = needs.alias.and_then(|alias| self.aliased.get(&alias).cloned());
        let found = Found { stream, aliased };
        match decide(&self.fleet, &found, &request, now).unwrap() {
            Decision::Append(event) => {
                self.append(needs.stream, needs.alias, event, &request, now);
                Expected::Accepted
            }
            Decision::Replay(_) => Expected::Replayed,
            Decision::Refuse { refusal, .. } => Expected::Refused(refusal.code),
        }
    }

    fn append(
        &mut self,
        key: EntryKey,
        alias: Option<EntryKey>,
        event: Event,
        request: &Request,
        now: Timestamp,
    ) {
        self.seq += 1;
        let entry = Entry {
            front: Front { seq: self.seq, key, alias },
            circumstances: Circumstances {
                recorded_at: now,
                occurred_at: request.command.occurred_at,
                actor: request.actor.clone(),
                request_id: request.command.request_id.clone(),
                evidence: None,
            },
            event,
        };
        self.fleet.apply(&entry).unwrap();
        if let Some(alias) = alias {
            self.aliased.insert(alias, entry.clone());
        }
        self.streams.entry(key).or_default().push(entry);
    }

    /// Every planned leg, in order of the streams.
    fn plans(&self) -> Vec<Leg> {
        let entries = self.streams.values().flatten();
        let legs = entries.filter_map(|entry| match &entry.event {
            Event::SettlementBegun(begun) => Some(begun.legs.clone()),
            Event::SettlementAdjusted(adjusted) => Some(adjusted.legs.clone()),
            _ => None,
        });
        legs.flatten().collect()
    }
}

/// A fleet of every kind of machine and LP, with all that can go wrong.
fn busy() -> Options {
    Options { seed: 7, machines: 14, operators: 3, lps: 23, days: 20, ..Options::month() }
}

fn after(start: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_micros(start.micros() + seconds * 1_000_000).unwrap()
}

/// A moment of another year: recording has nothing to do with what happened when.
fn recorded_from() -> Timestamp {
    Timestamp::from_seconds(1_830_000_000).unwrap()
}

/// Sends a whole story to a ledger whose clock moves by so much with every line.
fn send(options: Options, seconds_a_line: i64) -> Ledger {
    let mut ledger = Ledger::default();
    for (number, line) in (0i64..).zip(Simulator::new(options)) {
        let answer = ledger.submit(&line.json, after(recorded_from(), number * seconds_a_line));
        assert_eq!(answer, line.expected, "line {}: {}", number + 1, line.json);
    }
    ledger
}
