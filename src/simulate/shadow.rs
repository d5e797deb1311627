//! The real rules in memory, as far as the simulator has to know what they said: how many legs a
//! settlement got, and what is left of an LP's fiat.
//!
//! It keeps the state of the fleet and the streams of what is still open, so its size follows the
//! fleet, not the history. It does not tell what a line will be answered: the simulator says that
//! itself, or tests of it would prove nothing.

use std::collections::BTreeMap;

use spireledger_projections::{Fleet, Settlement};
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::text::ClientId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Command, Entry, EntryKey, Event, Front};

use crate::rules::{Decision, Found, Request, decide, needs};

#[derive(Debug, Default)]
pub(super) struct Shadow {
    fleet: Fleet,
    open: BTreeMap<EntryKey, Vec<Entry>>,
    seq: u64,
}

impl Shadow {
    /// A settlement that is still open.
    pub(super) fn settlement(&self, hash: &PaymentHash) -> Option<Settlement> {
        Settlement::fold(self.open.get(&hash.key())?).ok().flatten()
    }

    /// The confirmed deposits of an enrolment, in whole units.
    pub(super) fn deposited(&self, client_id: &str) -> i64 {
        let client = ClientId::parse(client_id).and_then(|id| self.fleet.client(&id));
        client.map_or(0, |client| client.confirmed_fiat.minor() / 100)
    }

    /// Does what a line asks for.
    ///
    /// # Panics
    /// If the rules do not accept it: then the simulator wrote a line that it should not have.
    pub(super) fn accept(&mut self, line: &str, now: Timestamp) {
        let accepted = self.decided(line, now);
        assert!(
            accepted.is_ok(),
            "the simulator wrote a line that cannot be: {accepted:?}\n{line}"
        );
    }

    fn decided(&mut self, line: &str, now: Timestamp) -> Result<(), String> {
        let command = Command::parse(line).map_err(|problem| problem.to_string())?;
        let request = Request::local(command);
        let key = needs(&self.fleet, &request).stream;
        let stream = self.open.remove(&key).unwrap_or_default();
        let found = Found { stream, aliased: None };
        let event = match decide(&self.fleet, &found, &request, now) {
            Ok(Decision::Append(event)) => event,
            other => return Err(format!("{other:?}")),
        };
        self.seq += 1;
        let entry = Entry {
            front: Front { seq: self.seq, key, alias: None },
            circumstances: Circumstances {
                recorded_at: now,
                occurred_at: request.command.occurred_at,
                actor: Actor::Local,
                request_id: request.command.request_id,
                evidence: None,
            },
            event,
        };
        self.fleet.apply(&entry).map_err(|error| error.to_string())?;
        if is_open(&entry.event) {
            let mut stream = found.stream;
            stream.push(entry);
            self.open.insert(key, stream);
        }
        Ok(())
    }
}

/// Whether the event's thing is still open: later lines about it need to see all that was said.
const fn is_open(event: &Event) -> bool {
    matches!(
        event,
        Event::SettlementClaimed(_)
            | Event::SettlementBegun(_)
            | Event::SettlementReleased(_)
            | Event::SettlementAdjusted(_)
            | Event::SettlementNoted(_)
            | Event::SettlementFailed(_)
            | Event::LegEnded(_)
            | Event::LegIntended(_)
            | Event::LegAdded(_)
            | Event::DepositRecorded(_)
    )
}
