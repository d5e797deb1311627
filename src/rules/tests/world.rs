//! A small ledger in memory around the rules: it fetches, decides, appends and applies as the writer
//! does, and gives a rule no more of a stream than the rule asked for.

use std::collections::BTreeMap;

use serde_json::Value;
use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::command::Command;
use spireledger_schema::identity::{Actor, PaymentHash, PublicKey, Role};
use spireledger_schema::text::{DepositId, UserId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{
    Circumstances, Code, Entry, EntryKey, Event, Front, Refusal, Refusal as No, streams,
};

use super::super::{Decision, Depth, Found, Request, decide, is_kept, needs};
use super::words::hash;

/// A ledger with a history.
#[derive(Clone)]
pub(super) struct World {
    pub fleet: Fleet,
    pub log: Vec<Entry>,
    index: BTreeMap<EntryKey, Vec<usize>>,
    actor: Actor,
    user: Option<UserId>,
    now: Timestamp,
}

/// What the ledger said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Accepted(u64),
    Replayed(u64),
    Refused(Box<Refusal>),
}

/// A ledger and what it said last.
pub(super) struct Then {
    world: World,
    said: Said,
    command: Value,
}

/// Who speaks, and for which user.
pub(super) type Speaker = (Actor, Option<UserId>);

/// Who signs with the key of this number.
pub(super) fn speaker(role: Role, key: u8, user: Option<&str>) -> Speaker {
    let user = user.map(|user| UserId::parse(user).unwrap());
    (Actor::Key { role, public_key: PublicKey::from_bytes([key; 32]) }, user)
}

/// A ledger in which all of these were accepted.
pub(super) fn given(commands: impl IntoIterator<Item = Value>) -> World {
    World::new().and(commands)
}

impl World {
    pub fn new() -> Self {
        Self {
            fleet: Fleet::default(),
            log: Vec::new(),
            index: BTreeMap::new(),
            actor: Actor::Local,
            user: None,
            // 2026-01-01T00:00:00Z
            now: Timestamp::from_seconds(1_767_225_600).unwrap(),
        }
    }

    /// More commands, all accepted.
    pub fn and(mut self, commands: impl IntoIterator<Item = Value>) -> Self {
        for command in commands {
            let said = self.submit(&command);
            assert!(matches!(said, Said::Accepted(_)), "{command} was to be accepted: {said:?}");
        }
        self
    }

    /// Whoever speaks from here on.
    pub fn by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self.user = None;
        self
    }

    /// Whoever speaks from here on, for a user where it is an operator or an LP.
    pub fn by_speaker(mut self, speaker: &Speaker) -> Self {
        (self.actor, self.user) = speaker.clone();
        self
    }

    /// Whoever speaks with the key of this number and a role, for a user.
    pub fn by_user(self, role: Role, key: u8, user: &str) -> Self {
        self.by_speaker(&speaker(role, key, Some(user)))
    }

    /// A machine speaks from here on, with the key of this number.
    pub fn by_machine(self, key: u8) -> Self {
        self.by(Actor::Key { role: Role::Machine, public_key: PublicKey::from_bytes([key; 32]) })
    }

    /// Seconds go by.
    pub fn after(mut self, seconds: i64) -> Self {
        self.now = Timestamp::from_micros(self.now.micros() + seconds * 1_000_000).unwrap();
        self
    }

    pub fn when(mut self, command: Value) -> Then {
        let said = self.submit(&command);
        Then { world: self, said, command }
    }

    /// How deep a command would look.
    pub fn depth(&self, command: &Value) -> Depth {
        let command = Command::parse(&command.to_string()).unwrap();
        let request = self.request(command);
        needs(&self.fleet, &request).depth
    }

    fn request(&self, command: Command) -> Request {
        let (actor, user) = (self.actor.clone(), self.user.clone());
        Request { command, actor, user, evidence: None }
    }

    /// Fetch, decide, append, apply: the way of the writer.
    pub fn submit(&mut self, command: &Value) -> Said {
        let command = match Command::parse(&command.to_string()) {
            Ok(command) => command,
            Err(problem) => return Said::Refused(Box::new(problem.into())),
        };
        let request = self.request(command);
        let wanted = needs(&self.fleet, &request);
        let stream = self.stream(&wanted.stream);
        let found = Found {
            stream: match wanted.depth {
                Depth::Nothing => Vec::new(),
                Depth::Oldest => stream.into_iter().take(1).collect(),
                Depth::Newest => stream.into_iter().next_back().into_iter().collect(),
                Depth::All => stream,
            },
            aliased: wanted.alias.and_then(|alias| self.aliased(&alias, &wanted.stream)),
        };
        let before = self.fleet.clone();
        let decision = decide(&self.fleet, &found, &request, self.now).expect("a sound history");
        let again = decide(&self.fleet, &found, &request, self.now).expect("a sound history");
        assert_eq!(decision, again, "deciding is deterministic");
        match decision {
            Decision::Append(event) => {
                Said::Accepted(self.append(wanted.stream, wanted.alias, event, &request))
            }
            Decision::Replay(seq) => Said::Replayed(seq),
            Decision::Refuse { refusal, evidence } => {
                if let Some(event @ Event::ClaimRefused(_)) = evidence {
                    self.keep(event, &request);
                }
                assert_eq!(self.fleet, before, "a refusal changes nothing");
                Said::Refused(refusal)
            }
        }
    }

    fn keep(&mut self, event: Event, request: &Request) {
        let Event::ClaimRefused(claim) = &event else { return };
        let key = claim.payment_hash.evidence_key();
        if is_kept(&self.stream(&key), &event) {
            self.append(key, None, event, request);
        }
    }

    fn append(
        &mut self,
        key: EntryKey,
        alias: Option<EntryKey>,
        event: Event,
        request: &Request,
    ) -> u64 {
        let seq = self.log.len() as u64 + 1;
        let circumstances = Circumstances {
            recorded_at: self.now,
            occurred_at: request.command.occurred_at,
            actor: request.actor.clone(),
            request_id: request.command.request_id.clone(),
            evidence: None,
        };
        let entry = Entry { front: Front { seq, key, alias }, circumstances, event };
        let mut bytes = Vec::new();
        entry.encode(&mut bytes).expect("every event that is decided fits an entry");
        assert_eq!(Entry::decode(&bytes).as_ref(), Ok(&entry));
        self.fleet.apply(&entry).expect("a sound history");
        for key in std::iter::once(key).chain(alias) {
            self.index.entry(key).or_default().push(self.log.len());
        }
        self.log.push(entry);
        seq
    }

    /// All entries of a key's own stream.
    pub fn stream(&self, key: &EntryKey) -> Vec<Entry> {
        self.under(key).filter(|entry| entry.front.key == *key).cloned().collect()
    }

    fn aliased(&self, alias: &EntryKey, stream: &EntryKey) -> Option<Entry> {
        let is_found = |entry: &&Entry| alias == stream || entry.front.alias == Some(*alias);
        self.under(alias).rfind(is_found).cloned()
    }

    /// All entries under a key or an alias.
    fn under(&self, key: &EntryKey) -> impl DoubleEndedIterator<Item = &Entry> {
        let at = self.index.get(key).into_iter().flatten();
        at.map(|at| &self.log[*at])
    }

    pub fn settlement(&self, number: u64) -> Settlement {
        Settlement::fold(&self.stream(&payment_hash(number).key())).unwrap().unwrap()
    }

    pub fn deposit(&self, id: &str) -> Deposit {
        let key = streams::deposit(&DepositId::parse(id).unwrap());
        Deposit::fold(&self.stream(&key)).unwrap().unwrap()
    }

    /// Refused claims that are kept of a settlement.
    pub fn evidence(&self, number: u64) -> Vec<Entry> {
        self.stream(&payment_hash(number).evidence_key())
    }

    /// Fiat that a settlement's legs plan for a client.
    pub fn planned(&self, number: u64, id: &str) -> String {
        let legs = self.settlement(number).legs;
        let mut of = legs.iter().filter(|leg| {
            leg.status.as_str() != "voided"
                && leg.leg.client_id.as_ref().is_some_and(|client| client.as_str() == id)
        });
        let leg = of.next();
        assert!(of.next().is_none(), "one leg a client");
        leg.map_or("0.00".into(), |leg| leg.leg.amount_fiat.unwrap().to_string())
    }

    pub const fn now(&self) -> Timestamp {
        self.now
    }
}

pub(super) fn payment_hash(number: u64) -> PaymentHash {
    PaymentHash::parse_hex(&hash(number)).unwrap()
}

impl Then {
    pub fn then_accepted(self) -> World {
        let seq = self.world.log.len() as u64;
        assert_eq!(self.said, Said::Accepted(seq), "{}", self.command);
        self.world
    }

    /// Nothing was appended, and the answer is the entry that said so.
    pub fn then_replayed(self, seq: u64) -> World {
        assert_eq!(self.said, Said::Replayed(seq), "{}", self.command);
        self.world
    }

    /// Refused, with these differing fields where it is a conflict.
    pub fn then_refused(self, code: Code, fields: &[&str]) -> World {
        let (refusal, world) = self.refusal(code);
        let listed = refusal.details.get("fields").and_then(Value::as_array);
        let named: Vec<&str> =
            listed.into_iter().flatten().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(named, fields);
        world
    }

    /// Refused with this code; the refusal, and the world after it.
    pub fn refusal(self, code: Code) -> (No, World) {
        match self.said {
            Said::Refused(refusal) => {
                assert_eq!(refusal.code, code, "{}: {}", self.command, refusal.message);
                (*refusal, self.world)
            }
            said => panic!("{} was to be refused as {}: {said:?}", self.command, code.as_str()),
        }
    }
}
