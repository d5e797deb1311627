//! The decider: takes batches, fetches what each command needs, decides, seals and applies.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};

use spireledger_projections::Fleet;
use spireledger_schema::limits::{SPLITS_MAX, LEGS_MAX};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{
    Answer, Circumstances, Code, Entry, EntryKey, Event, Front, Receipt, Refusal,
};

use super::committer::Group;
use super::recent::{Held, Recent};
use super::{BATCH_LEN_MAX, Batch, Clock, Item, LedgerError, Why, decode, snapshot};
use crate::log::{ReadLog, Sealer, SledLog};
use crate::rules::{self, Decision, Found, Request};

/// A group is handed to the disk when it has this many bytes, even in the middle of a batch.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The decision state is saved after this many entries: reopening replays at most about so many.
const SNAPSHOT_EVERY: u64 = 200_000;

const _: () = assert!(LEGS_MAX > SPLITS_MAX, "a plan holds all splits and still some LPs");

pub(super) struct Decider {
    log: Arc<SledLog>,
    fleet: Fleet,
    recent: Recent,
    sealer: Sealer,
    clock: Clock,
    /// Recorded times never decrease, whatever the clock does.
    last_recorded: Timestamp,
    groups: SyncSender<Group>,
    why: Why,
    /// The group that is being put together.
    group: Group,
    group_bytes: usize,
    saved_at: u64,
    /// Canonical bytes of one entry, reused.
    bytes: Vec<u8>,
}

/// What a fetched entry comes with: itself, its hash, and the one before under the asked key.
struct Fetched {
    entry: Entry,
    prev: u64,
}

impl Decider {
    pub(super) fn new(
        log: Arc<SledLog>,
        fleet: Fleet,
        last_recorded: Timestamp,
        clock: Clock,
        groups: SyncSender<Group>,
        why: Why,
    ) -> Self {
        let head = log.head();
        Self {
            log,
            fleet,
            recent: Recent::default(),
            sealer: Sealer::new(head),
            clock,
            last_recorded,
            groups,
            why,
            group: Group::at(head),
            group_bytes: 0,
            saved_at: head.seq,
            bytes: Vec::new(),
        }
    }

    /// Works until the queue is closed or something makes the history unsure.
    pub(super) fn run(mut self, batches: Receiver<Batch>) {
        while let Ok(first) = batches.recv() {
            let mut len = first.items.len();
            let mut done = self.batch(first);
            // What is waiting shares the sync; a lonely command does not wait for company.
            while done.is_ok() && len < BATCH_LEN_MAX {
                let Ok(next) = batches.try_recv() else { break };
                len += next.items.len();
                done = self.batch(next);
            }
            if done.and_then(|()| self.hand_over()).is_err_and(|error| self.stop(&error)) {
                return;
            }
        }
        // The queue is closed: save the state, so that the next start has little to replay.
        if let Err(error) = self.save().and_then(|()| self.hand_over()) {
            self.stop(&error);
        }
    }

    fn stop(&self, error: &LedgerError) -> bool {
        // The first reason stands.
        let _ = self.why.set(error.to_string());
        true
    }

    fn batch(&mut self, batch: Batch) -> Result<(), LedgerError> {
        self.last_recorded = self.last_recorded.max((self.clock)());
        let mut answers = Vec::with_capacity(batch.items.len());
        for item in batch.items {
            answers.push(match item {
                Item::Request(request) => self.one(request)?,
                Item::Refused(refusal) => Answer::Refused(refusal),
            });
            if self.group_bytes > GROUP_BYTES_MAX {
                self.hand_over()?;
            }
        }
        self.group.replies.push((batch.reply, answers));
        Ok(())
    }

    /// One command: fetch, decide, append, apply.
    fn one(&mut self, request: Request) -> Result<Answer, LedgerError> {
        let needs = rules::needs(&self.fleet, &request);
        let newest = self.newest(&needs.stream)?;
        let found = Found {
            stream: self.stream(&needs.stream, newest)?,
            aliased: match &needs.alias {
                Some(alias) => self.stream_newest(alias)?,
                None => None,
            },
        };
        match rules::decide(&self.fleet, &found, &request, self.last_recorded)? {
            Decision::Replay(seq) => self.replayed(seq),
            Decision::Append(event) => {
                self.append(needs.stream, newest, needs.alias, request, event)
            }
            Decision::Refuse { mut refusal, evidence } => {
                if let Some(evidence) = evidence {
                    self.keep(evidence, request, &mut refusal)?;
                }
                Ok(Answer::Refused(refusal))
            }
        }
    }

    fn append(
        &mut self,
        key: EntryKey,
        prev: u64,
        alias: Option<EntryKey>,
        request: Request,
        event: Event,
    ) -> Result<Answer, LedgerError> {
        let prev_alias = match &alias {
            Some(alias) => self.newest(alias)?,
            None => 0,
        };
        let entry = Entry {
            front: Front { seq: self.sealer.head().seq + 1, key, alias },
            circumstances: Circumstances {
                recorded_at: self.last_recorded,
                occurred_at: request.command.occurred_at,
                actor: request.actor,
                request_id: request.command.request_id,
                evidence: request.evidence,
            },
            event,
        };
        self.bytes.clear();
        if let Err(too_long) = entry.encode(&mut self.bytes) {
            return Ok(Refusal::new(Code::LimitReached, too_long.to_string()).into());
        }
        let hash = self.sealer.push(&self.bytes, prev, prev_alias).map_err(|error| {
            LedgerError::Stopped { why: format!("an entry could not be sealed: {error}") }
        })?;
        self.fleet.apply(&entry)?;
        self.group_bytes += self.bytes.len();
        let receipt = Receipt::of(&entry, hash);
        self.recent.push(Held { entry, hash, prev, prev_alias });
        Ok(Answer::Accepted(receipt))
    }

    /// Keeps a refused claim as evidence, once for each content.
    fn keep(
        &mut self,
        evidence: Event,
        request: Request,
        refusal: &mut Refusal,
    ) -> Result<(), LedgerError> {
        let Event::ClaimRefused(refused) = &evidence else { return Ok(()) };
        let key = refused.payment_hash.evidence_key();
        let newest = self.newest(&key)?;
        let kept = self.stream(&key, newest)?;
        if rules::is_kept(&kept, &evidence)
            && let Answer::Accepted(receipt) = self.append(key, newest, None, request, evidence)?
        {
            refusal.details.insert("evidence_seq".into(), receipt.seq.into());
        }
        Ok(())
    }

    fn replayed(&self, seq: u64) -> Result<Answer, LedgerError> {
        if let Some(held) = self.recent.get(seq) {
            return Ok(Answer::Replayed(Receipt::of(&held.entry, held.hash)));
        }
        let missing = || LedgerError::Stopped { why: format!("entry {seq} is gone from the log") };
        let block = self.log.block_at(seq)?.ok_or_else(missing)?;
        let stored = block.get(seq).ok_or_else(missing)?;
        let entry = decode(seq, stored.canonical)?;
        Ok(Answer::Replayed(Receipt::of(&entry, stored.hash)))
    }

    /// The newest entry under a key or alias, 0 for none.
    fn newest(&self, key: &EntryKey) -> Result<u64, LedgerError> {
        match self.recent.newest(key) {
            Some(seq) => Ok(seq),
            None => Ok(self.log.last_of(key)?.unwrap_or(0)),
        }
    }

    fn stream_newest(&self, key: &EntryKey) -> Result<Option<Entry>, LedgerError> {
        match self.newest(key)? {
            0 => Ok(None),
            seq => Ok(Some(self.fetch(key, seq)?.entry)),
        }
    }

    /// All entries under a key, oldest first, from the newest back along the links.
    fn stream(&self, key: &EntryKey, newest: u64) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        let mut seq = newest;
        while seq != 0 {
            let fetched = self.fetch(key, seq)?;
            entries.push(fetched.entry);
            seq = fetched.prev;
        }
        entries.reverse();
        Ok(entries)
    }

    fn fetch(&self, key: &EntryKey, seq: u64) -> Result<Fetched, LedgerError> {
        if let Some(held) = self.recent.get(seq) {
            let prev = if held.entry.front.key == *key { held.prev } else { held.prev_alias };
            return Ok(Fetched { entry: held.entry.clone(), prev });
        }
        let missing = || LedgerError::Stopped { why: format!("entry {seq} is gone from the log") };
        let block = self.log.block_at(seq)?.ok_or_else(missing)?;
        let stored = block.get(seq).ok_or_else(missing)?;
        let prev = if stored.front.key == *key { stored.prev } else { stored.prev_alias };
        Ok(Fetched { entry: decode(seq, stored.canonical)?, prev })
    }

    /// Hands the group to the committer and begins the next.
    fn hand_over(&mut self) -> Result<(), LedgerError> {
        let head = self.sealer.head();
        if head.seq - self.saved_at >= SNAPSHOT_EVERY {
            self.save()?;
        }
        let mut group = std::mem::replace(&mut self.group, Group::at(head));
        group.blocks = self.sealer.seal();
        self.group_bytes = 0;
        self.recent.trim(self.log.head().seq);
        let gone = |_| LedgerError::Stopped { why: "the committer is gone".into() };
        self.groups.send(group).map_err(gone)
    }

    /// Lets the committer save the decision state once this group is durable.
    fn save(&mut self) -> Result<(), LedgerError> {
        let head = self.sealer.head();
        if head.seq != self.saved_at || self.saved_at == 0 {
            self.group.snapshot = Some(snapshot::encode(&self.fleet, head, self.last_recorded)?);
            self.saved_at = head.seq;
        }
        Ok(())
    }
}
