//! `verify` of the rules: every entry is one that they would have let in, as things were then.
//!
//! The command is read back from the entry ([`super::said`]), and decided again with what the writer had
//! before it: the fleet, and of the entry's own stream as much as the rule asks for. It must come to this
//! very event, under these very keys.

use std::collections::HashMap;

use spireledger_projections::{Fleet, is_apart};
use spireledger_schema::command::{Body, Command};
use spireledger_schema::event::{ClaimRefused, RowImported};
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::{Entry, EntryKey, Event, Front};

use super::differences;
use super::near::Near;
use super::said::{request_of, user_of};
use crate::ledger::{LedgerError, newest_of_stream, newest_that, stream_up_to};
use crate::log::{KeyIndex, Stored};
use crate::rules::{self, Decision, Depth, Found, Import, Request};

/// Events that no rule decides by themselves: what a piece is a piece of is decided whole, at the last one.
pub const NOT_DECIDED: [&str; 1] = ["import.piece"];

/// What was so just before an entry.
pub(super) struct Before<'a> {
    pub(super) log: &'a Near<'a>,
    pub(super) fleet: &'a Fleet,
    /// The keys of all entries before it; its own may be in already.
    pub(super) keys: &'a KeyIndex,
}

/// Decides all entries again, one after the other.
#[derive(Default)]
pub(super) struct Rules {
    streams: Streams,
}

impl Rules {
    /// Decides the next entry again. Says what is wrong, if anything is.
    pub(super) fn check(
        &mut self,
        before: &Before<'_>,
        stored: &Stored<'_>,
        entry: &Entry,
    ) -> Option<String> {
        let case = Case { before, stored, entry };
        let checked = match &entry.event {
            // A piece is whole when it is read with the last one, and nothing before that.
            Event::ImportPiece(_) => Ok(None),
            Event::RowImported(_) | Event::RulesImported(_) => case.brought_in(&mut self.streams),
            Event::ClaimRefused(e) => case.refused(&mut self.streams, e),
            _ => case.said(&mut self.streams),
        };
        self.streams.push(entry);
        match checked {
            Ok(wrong) => wrong,
            Err(LedgerError::Unfoldable(error)) => Some(error.to_string()),
            // What cannot be read is told already.
            Err(_) => None,
        }
    }
}

/// An entry to be decided again.
struct Case<'a> {
    before: &'a Before<'a>,
    stored: &'a Stored<'a>,
    entry: &'a Entry,
}

type Checked = Result<Option<String>, LedgerError>;

impl Case<'_> {
    fn said(&self, streams: &mut Streams) -> Checked {
        let (entry, fleet) = (self.entry, self.before.fleet);
        let Some(mut request) = request_of(entry) else {
            return Ok(Some(format!("no command comes to such a {}", entry.event.name())));
        };
        if matches!(request.actor, Actor::Import { .. }) {
            return Ok(Some("a database that is brought in sends no commands".into()));
        }
        let needs = rules::needs(fleet, &request);
        if let Some(wrong) = misplaced(&entry.front, needs.stream, needs.alias) {
            return Ok(Some(wrong));
        }
        let aliased = match needs.alias {
            None => None,
            Some(alias) if alias == needs.stream => self.newest_of(&alias)?,
            Some(alias) => {
                let is_alias = |entry: &Entry| entry.front.alias == Some(alias);
                newest_that(self.before.log, &alias, self.newest(&alias), is_alias)?
            }
        };
        let stream = self.stream(streams, &needs.stream, needs.depth)?;
        let found = Found { stream, aliased };
        let decided = self.decide(&mut request, &found);
        streams.keep(&entry.front.key, needs.depth, found.stream);
        Ok(match decided? {
            Decision::Append(event) if event == entry.event => None,
            Decision::Append(event) => Some(differences::between(&event, &entry.event)),
            decision => Some(instead(&decision, &entry.event)),
        })
    }

    fn decide(&self, request: &mut Request, found: &Found) -> Result<Decision, LedgerError> {
        let fleet = self.before.fleet;
        request.user = user_of(fleet, found, request)?;
        let now = self.entry.circumstances.recorded_at;
        Ok(rules::decide(fleet, found, request, now)?)
    }

    /// A refused claim: the rules refuse it, for the same reason, and it has its place among those that
    /// are kept.
    fn refused(&self, streams: &mut Streams, e: &ClaimRefused) -> Checked {
        let circumstances = &self.entry.circumstances;
        let command = match Command::parse(e.claim.as_str()) {
            Ok(command) => command,
            Err(why) => return Ok(Some(format!("the refused claim is no command: {why}"))),
        };
        let hash = match &command.body {
            Body::SettlementClaim(claim) => claim.payment_hash,
            other => return Ok(Some(format!("a {} was kept as a claim", other.type_name()))),
        };
        if let Some(wrong) = misplaced(&self.entry.front, hash.evidence_key(), None) {
            return Ok(Some(wrong));
        }
        if command.occurred_at != circumstances.occurred_at
            || command.request_id != circumstances.request_id
        {
            return Ok(Some("the entry has another time or request than its claim".into()));
        }
        let actor = circumstances.actor.clone();
        let mut request = Request { command, actor, user: None, evidence: None };
        let depth = rules::needs(self.before.fleet, &request).depth;
        let found = Found { stream: self.stream(streams, &hash.key(), depth)?, aliased: None };
        let wrong = match self.decide(&mut request, &found)? {
            Decision::Refuse { evidence: Some(event), .. } if event == self.entry.event => None,
            Decision::Refuse { evidence: Some(event), .. } => {
                Some(differences::between(&event, &self.entry.event))
            }
            Decision::Refuse { refusal, evidence: None } => Some(format!(
                "expected that nothing is kept of a claim refused as {}",
                refusal.code.as_str()
            )),
            Decision::Append(_) => {
                Some("expected that the claim is accepted, found it refused".into())
            }
            Decision::Replay(seq) => {
                Some(format!("expected that entry {seq} answers the claim, found it refused"))
            }
        };
        let kept = self.stream(streams, &self.entry.front.key, Depth::All)?;
        let is_kept = rules::is_kept(&kept, &self.entry.event);
        streams.keep(&self.entry.front.key, Depth::All, kept);
        let no_room = || {
            "expected that it is not kept: the same was kept before, or there is no more room"
                .into()
        };
        Ok(wrong.or_else(|| (!is_kept).then(no_room)))
    }

    /// What was brought in: never refused for what it says, but for what has gone on here since.
    fn brought_in(&self, streams: &mut Streams) -> Checked {
        if !matches!(self.entry.circumstances.actor, Actor::Import { .. }) {
            return Ok(Some("it was brought in, but not by a database".into()));
        }
        let all = imports_of(self.entry);
        let stream = self.stream(streams, &self.entry.front.key, Depth::All)?;
        let mut found = Found { stream, aliased: None };
        let mut wrong = Ok(None);
        for import in &all {
            wrong = self.import(&mut found, import);
            if !matches!(wrong, Ok(Some(_))) {
                break;
            }
        }
        streams.keep(&self.entry.front.key, Depth::All, found.stream);
        wrong
    }

    fn import(&self, found: &mut Found, import: &Import) -> Checked {
        let (log, entry) = (self.before.log, self.entry);
        let own_key = import.own_key();
        found.aliased = match &own_key {
            Some(key) => newest_that(log, key, self.newest(key), |entry| import.is_of(entry))?,
            None => None,
        };
        let stream = found.aliased.as_ref().map_or_else(|| import.stream(), |e| e.front.key);
        let alias = own_key.filter(|key| *key != stream);
        if let Some(wrong) = misplaced(&entry.front, stream, alias) {
            return Ok(Some(wrong));
        }
        if let (None, Some(key)) = (&found.aliased, import.beside()) {
            found.aliased = self.newest_of(&key)?;
        }
        let now = entry.circumstances.recorded_at;
        Ok(match rules::decide_import(self.before.fleet, found, import, now)? {
            Decision::Append(event) if event == entry.event => None,
            Decision::Append(event) => Some(differences::between(&event, &entry.event)),
            decision => Some(instead(&decision, &entry.event)),
        })
    }

    /// The newest entry before this one under a key; 0 for none.
    fn newest(&self, key: &EntryKey) -> u64 {
        let Stored { front, prev, prev_alias, .. } = *self.stored;
        let newest = if front.key == *key {
            prev
        } else if front.alias == Some(*key) {
            prev_alias
        } else {
            let candidates = self.before.keys.candidates(key).into_iter();
            { candidates }.find(|seq| self.before.log.bears(*seq, key)).unwrap_or(0)
        };
        // A wrong link is told by itself.
        if newest < front.seq { newest } else { 0 }
    }

    fn newest_of(&self, key: &EntryKey) -> Result<Option<Entry>, LedgerError> {
        newest_of_stream(self.before.log, key, self.newest(key))
    }

    /// As much of a stream as a rule asks for.
    fn stream(
        &self,
        streams: &mut Streams,
        key: &EntryKey,
        depth: Depth,
    ) -> Result<Vec<Entry>, LedgerError> {
        let newest = self.newest(key);
        if depth == Depth::Nothing || newest == 0 {
            return Ok(Vec::new());
        }
        if depth == Depth::Newest {
            return Ok(self.newest_of(key)?.into_iter().collect());
        }
        let mut all = match streams.take(key) {
            Some(all) => all,
            None => stream_up_to(self.before.log, key, newest)?,
        };
        if depth == Depth::Oldest {
            let first = all.first().cloned();
            streams.keep(key, Depth::All, all);
            all = first.into_iter().collect();
        }
        Ok(all)
    }
}

/// Says if an entry stands under other keys than the rules put it.
fn misplaced(front: &Front, stream: EntryKey, alias: Option<EntryKey>) -> Option<String> {
    let shown =
        |alias: Option<EntryKey>| alias.map_or_else(|| "none".into(), |key| key.to_string());
    if front.key != stream {
        Some(format!("expected under key {stream}, found under {}", front.key))
    } else if front.alias != alias {
        Some(format!("expected with alias {}, found with {}", shown(alias), shown(front.alias)))
    } else {
        None
    }
}

/// What the rules come to, where it is no event.
fn instead(decision: &Decision, found: &Event) -> String {
    let expected = match decision {
        Decision::Replay(seq) => format!("nothing new, because entry {seq} says it already"),
        Decision::Refuse { refusal, .. } => {
            format!("a refusal ({}: {})", refusal.code.as_str(), refusal.message)
        }
        Decision::Append(event) => event.name().to_owned(),
    };
    format!("expected {expected}; found {}", found.name())
}

/// What a database can have said, so that it came to an entry. Which settlement a row is of, only the
/// database knows: a settlement's own hash is one if no other row of it had the same.
fn imports_of(entry: &Entry) -> Vec<Import> {
    match &entry.event {
        Event::RowImported(e) => {
            let of = |settlement| Import::Row { row: e.row.clone(), settlement };
            settlements_of(e, &entry.front.key).into_iter().map(of).collect()
        }
        Event::RulesImported(e) => vec![Import::Rules {
            operator: e.operator_user_id.clone(),
            machine: e.machine_id.clone(),
            rows: e.rows.clone(),
        }],
        _ => Vec::new(),
    }
}

fn settlements_of(e: &RowImported, key: &EntryKey) -> Vec<Option<PaymentHash>> {
    match e.row.table {
        SourceTable::Settlements => {
            let hash = e.row.cell("payment_hash").as_str().and_then(PaymentHash::parse_hex);
            hash.map(Some).into_iter().chain([None]).collect()
        }
        SourceTable::Legs if !is_apart(&e.row, key) => {
            vec![Some(PaymentHash::from_bytes(*key.as_bytes()))]
        }
        _ => vec![None],
    }
}

/// Bytes, about, of the streams of a generation.
const GENERATION_BYTES_MAX: usize = 16 << 20;

/// Whole streams at hand, of those that entries spoke of lately: two generations, as of the folded lives.
#[derive(Default)]
struct Streams {
    young: HashMap<EntryKey, Vec<Entry>>,
    old: HashMap<EntryKey, Vec<Entry>>,
    weight: usize,
}

impl Streams {
    fn take(&mut self, key: &EntryKey) -> Option<Vec<Entry>> {
        match self.young.remove(key) {
            Some(all) => {
                self.weight = self.weight.saturating_sub(all.iter().map(weight).sum());
                Some(all)
            }
            None => self.old.remove(key),
        }
    }

    /// Keeps a whole stream, as it was before the entry at hand.
    fn keep(&mut self, key: &EntryKey, depth: Depth, all: Vec<Entry>) {
        if depth == Depth::All && !all.is_empty() {
            self.weight += all.iter().map(weight).sum::<usize>();
            self.young.insert(*key, all);
            if self.weight > GENERATION_BYTES_MAX {
                self.old = std::mem::take(&mut self.young);
                self.weight = 0;
            }
        }
    }

    /// Adds an entry to its stream, if that is at hand.
    fn push(&mut self, entry: &Entry) {
        let key = &entry.front.key;
        let held = self.young.get_mut(key).or_else(|| self.old.get_mut(key));
        if let Some(all) = held
            && !matches!(entry.event, Event::ImportPiece(_))
        {
            self.weight += weight(entry);
            all.push(entry.clone());
        }
    }
}

/// About how many bytes an entry takes: long ones are plans of many legs, or rows.
fn weight(entry: &Entry) -> usize {
    let inside = match &entry.event {
        Event::SettlementBegun(e) => e.legs.len() * 256,
        Event::SettlementAdjusted(e) => (e.legs.len() + e.given_back.len()) * 256,
        Event::RowImported(e) => e.row.bytes() * 2,
        Event::RulesImported(e) => e.rows.iter().map(|row| row.bytes() * 2).sum(),
        Event::ClaimRefused(e) => e.claim.as_str().len(),
        Event::LegIntended(_) => 1_024,
        _ => 256,
    };
    size_of::<Entry>() + inside
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::audit::verify;
    use crate::log::{Log, MemoryLog, ReadLog, Sealer};

    fn chained(entries: &[Entry]) -> MemoryLog {
        let log = MemoryLog::new();
        let mut sealer = Sealer::new(log.head());
        let mut newest: BTreeMap<EntryKey, u64> = BTreeMap::new();
        for entry in entries {
            let (front, mut bytes) = (entry.front, Vec::new());
            entry.encode(&mut bytes).expect("short enough");
            let mut link = |key| newest.insert(key, front.seq).unwrap_or(0);
            let (prev, prev_alias) = (link(front.key), front.alias.map_or(0, link));
            sealer.push(&front, &bytes, prev, prev_alias);
        }
        log.append(log.head(), &sealer.seal()).expect("appended");
        log
    }

    #[test]
    fn every_entry_of_random_histories_is_decided_alike() {
        let mut events = std::collections::BTreeSet::new();
        for entries in rules::random_logs(40) {
            events.extend(entries.iter().map(|entry| entry.event.name()));
            assert_eq!(verify(&chained(&entries), |_| {}).breaks, []);
        }
        // All that commands come to: what is brought in is not among them.
        let said = Event::readable_tags().into_iter().filter(|(_, name)| !name.contains("Import"));
        assert_eq!(events.len(), said.count());
    }
}
