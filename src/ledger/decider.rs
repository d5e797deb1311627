//! The decider: takes batches, fetches what each command needs, decides, seals and applies.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use spireledger_projections::Fleet;
use spireledger_schema::entry::TooLong;
use spireledger_schema::identity::Actor;
use spireledger_schema::limits::{LEGS_MAX, SPLITS_MAX};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{
    Answer, Circumstances, Entry, EntryHash, EntryKey, Event, Front, Receipt, Refusal,
};

use super::committer::{Decided, Group};
use super::queue::Out;
use super::recent::Recent;
use super::{BATCH_LEN_MAX, Batch, Clock, Item, LedgerError, Why, decode, pieces, snapshot};
use crate::log::{Block, ReadLog, Sealer, SledLog, Stored};
use crate::rules::{self, Decision, Depth, Found, Import, Request};

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
    /// The block that was read last: repeated commands often come in the order of the first ones.
    block: Option<Block>,
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
            block: None,
        }
    }

    /// Works until the queue is closed or something makes the history unsure.
    pub(super) fn run(mut self, batches: Out) {
        while let Some(first) = batches.recv() {
            let mut len = first.items.len();
            let mut done = self.batch(first);
            // What is waiting shares the sync; a lonely command does not wait for company.
            while done.is_ok() && len < BATCH_LEN_MAX {
                let Some(next) = batches.try_recv() else { break };
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
        let mut to_prove = Vec::new();
        for item in batch.items {
            if matches!(&item, Item::Request(request) if request.command.receipt) {
                to_prove.push(answers.len());
            }
            answers.push(match item {
                Item::Request(request) => self.one(&request)?,
                Item::Refused(refusal) => Answer::Refused(refusal),
                Item::Import(import) => self.import(&import.0, &import.1)?,
            });
            if self.group_bytes > GROUP_BYTES_MAX {
                self.hand_over()?;
            }
        }
        self.group.replies.push(Decided { reply: batch.reply, answers, to_prove });
        Ok(())
    }

    /// One command: fetch, decide, append, apply.
    fn one(&mut self, request: &Request) -> Result<Answer, LedgerError> {
        let needs = rules::needs(&self.fleet, request);
        let newest = self.newest(&needs.stream)?;
        let aliased = match needs.alias {
            // An entry that bore one key twice would be linked to itself: what is there already is in
            // the way of such a request.
            Some(alias) if alias == needs.stream => self.stream_newest(&alias)?,
            Some(alias) => self.newest_that(&alias, |entry| entry.front.alias == Some(alias))?,
            None => None,
        };
        let stream = self.stream(&needs.stream, newest, needs.depth)?;
        let found = Found { stream, aliased };
        match rules::decide(&self.fleet, &found, request, self.last_recorded)? {
            Decision::Replay(seq) => self.replayed(seq, &found),
            Decision::Append(event) => {
                let place = (needs.stream, newest, needs.alias);
                self.append(place, circumstances(request), event)
            }
            Decision::Refuse { mut refusal, evidence } => {
                if let Some(evidence) = evidence {
                    self.keep(evidence, request, &mut refusal)?;
                }
                Ok(Answer::Refused(refusal))
            }
        }
    }

    /// What a database says: fetch, decide, append, apply.
    fn import(&mut self, import: &Import, actor: &Actor) -> Result<Answer, LedgerError> {
        let own_key = import.own_key();
        let aliased = match &own_key {
            Some(key) => self.newest_that(key, |entry| import.is_of(entry))?,
            None => None,
        };
        // A row stays in the stream that it was brought into first.
        let stream = aliased.as_ref().map_or_else(|| import.stream(), |entry| entry.front.key);
        let alias = own_key.filter(|key| *key != stream);
        let newest = self.newest(&stream)?;
        let mut found = Found { stream: self.stream(&stream, newest, Depth::All)?, aliased };
        if let (None, Some(key)) = (&found.aliased, import.beside()) {
            found.aliased = self.stream_newest(&key)?;
        }
        match rules::decide_import(&self.fleet, &found, import, self.last_recorded)? {
            Decision::Replay(seq) => self.replayed(seq, &found),
            Decision::Refuse { refusal, .. } => Ok(Answer::Refused(refusal)),
            Decision::Append(event) => {
                let circumstances = Circumstances {
                    recorded_at: Timestamp::EPOCH,
                    occurred_at: import.occurred_at(),
                    actor: actor.clone(),
                    request_id: None,
                    evidence: None,
                };
                self.append((stream, newest, alias), circumstances, event)
            }
        }
    }

    /// Appends behind `prev`, the newest entry under the key. The time of recording is set here.
    fn append(
        &mut self,
        (key, prev, alias): (EntryKey, u64, Option<EntryKey>),
        circumstances: Circumstances,
        event: Event,
    ) -> Result<Answer, LedgerError> {
        let prev_alias = match &alias {
            Some(alias) => self.newest(alias)?,
            None => 0,
        };
        let mut entry = Entry {
            front: Front { seq: self.sealer.head().seq + 1, key, alias },
            circumstances: Circumstances { recorded_at: self.last_recorded, ..circumstances },
            event,
        };
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        let encoded = entry.encode(&mut bytes);
        let hash = match encoded {
            Ok(()) => self.push(entry.front, &bytes, prev, prev_alias),
            Err(too_long) => match self.push_pieces(&mut entry, too_long, prev, prev_alias) {
                Ok(hash) => hash,
                Err(refusal) => return Ok(Answer::Refused(refusal)),
            },
        };
        self.bytes = bytes;
        self.fleet.apply(&entry)?;
        Ok(Answer::Accepted(Receipt::of(&entry, hash)))
    }

    /// Chains and packs the next entry, and keeps it at hand.
    fn push(&mut self, front: Front, canonical: &[u8], prev: u64, prev_alias: u64) -> EntryHash {
        let hash = self.sealer.push(&front, canonical, prev, prev_alias);
        let held = Stored { front, hash, prev, prev_alias, canonical };
        self.recent.push(&held, |key| self.log.index().hash(key));
        self.group_bytes += canonical.len();
        hash
    }

    /// Appends what was brought in and is too long for one entry, in pieces. `entry` gets the seq of the
    /// last one, with which it happened.
    fn push_pieces(
        &mut self,
        entry: &mut Entry,
        too_long: TooLong,
        prev: u64,
        prev_alias: u64,
    ) -> Result<EntryHash, Box<Refusal>> {
        let refusal = || Box::new(rules::too_long(&entry.event, &too_long.to_string()));
        let mut pieces = pieces::cut(entry).ok_or_else(refusal)?;
        let (last, before) = pieces.pop().zip(Some(pieces)).ok_or_else(refusal)?;
        let mut prev = prev;
        for (front, canonical) in before {
            self.push(front, &canonical, prev, 0);
            prev = front.seq;
        }
        entry.front = last.0;
        Ok(self.push(last.0, &last.1, prev, prev_alias))
    }

    /// Keeps a refused claim as evidence, once for each content.
    fn keep(
        &mut self,
        evidence: Event,
        request: &Request,
        refusal: &mut Refusal,
    ) -> Result<(), LedgerError> {
        let Event::ClaimRefused(refused) = &evidence else { return Ok(()) };
        let key = refused.payment_hash.evidence_key();
        let newest = self.newest(&key)?;
        let kept = self.stream(&key, newest, Depth::All)?;
        if rules::is_kept(&kept, &evidence)
            && let Answer::Accepted(receipt) =
                self.append((key, newest, None), circumstances(request), evidence)?
        {
            refusal.details.insert("evidence_seq".into(), receipt.seq.into());
        }
        Ok(())
    }

    /// The first receipt again. The entry was nearly always read to decide already.
    fn replayed(&mut self, seq: u64, found: &Found) -> Result<Answer, LedgerError> {
        let mut read = found.stream.iter().chain(&found.aliased);
        let receipt = match read.find(|entry| entry.front.seq == seq) {
            Some(entry) => Receipt::of(entry, self.read(seq, |stored| Ok(stored.hash))?),
            None => Receipt::of(&self.fetch(seq)?, self.read(seq, |stored| Ok(stored.hash))?),
        };
        Ok(Answer::Replayed(receipt))
    }

    /// The newest entry under a key or alias, 0 for none.
    fn newest(&mut self, key: &EntryKey) -> Result<u64, LedgerError> {
        let hash = self.log.index().hash(key);
        if let Some(seq) = self.recent.newest(key, hash) {
            return Ok(seq);
        }
        for seq in self.log.index().candidates_of(hash) {
            let front = self.read(seq, |stored| Ok(stored.front))?;
            if front.key == *key || front.alias == Some(*key) {
                return Ok(seq);
            }
        }
        Ok(0)
    }

    fn stream_newest(&mut self, key: &EntryKey) -> Result<Option<Entry>, LedgerError> {
        let newest = self.newest(key)?;
        Ok(self.stream(key, newest, Depth::Newest)?.pop())
    }

    /// Entries of a key's own stream, oldest first, found from the newest back along the links. Those that
    /// bear it as their alias are passed over: they are of other streams. So are pieces: what they are pieces
    /// of stands in the place of the last.
    fn stream(
        &mut self,
        key: &EntryKey,
        newest: u64,
        depth: Depth,
    ) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        let mut oldest = 0;
        let mut seq = if depth == Depth::Nothing { 0 } else { newest };
        while seq != 0 {
            let (is_own, prev) = self.read(seq, |stored| Ok(before(key, stored)))?;
            if is_own && depth == Depth::Oldest {
                oldest = seq;
            } else if is_own {
                entries.extend(Some(self.fetch(seq)?).filter(|entry| !pieces::is_part(entry)));
            }
            let is_enough = depth == Depth::Newest && !entries.is_empty();
            seq = if is_enough { 0 } else { prev };
        }
        if oldest != 0 {
            let first = self.fetch(oldest)?;
            if pieces::is_part(&first) {
                let mut all = self.stream(key, newest, Depth::All)?;
                all.truncate(1);
                return Ok(all);
            }
            entries.push(first);
        }
        entries.reverse();
        Ok(entries)
    }

    /// The newest entry under a key or alias that a test accepts.
    fn newest_that(
        &mut self,
        key: &EntryKey,
        test: impl Fn(&Entry) -> bool,
    ) -> Result<Option<Entry>, LedgerError> {
        let mut seq = self.newest(key)?;
        while seq != 0 {
            let entry = self.fetch(seq)?;
            if test(&entry) {
                return Ok(Some(entry));
            }
            (_, seq) = self.read(seq, |stored| Ok(before(key, stored)))?;
        }
        Ok(None)
    }

    fn fetch(&mut self, seq: u64) -> Result<Entry, LedgerError> {
        let entry = self.fetch_alone(seq)?;
        if pieces::completes(&entry) {
            pieces::complete(&entry, |seq| self.fetch_alone(seq))
        } else {
            Ok(entry)
        }
    }

    fn fetch_alone(&mut self, seq: u64) -> Result<Entry, LedgerError> {
        self.read(seq, |stored| decode(seq, stored.canonical))
    }

    /// Reads something of an entry, wherever it is.
    fn read<T>(
        &mut self,
        seq: u64,
        read: impl FnOnce(&Stored<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        if let Some(held) = self.recent.get(seq) {
            return read(&held);
        }
        let block = self.stored(seq)?;
        read(&block.get(seq).ok_or_else(|| missing(seq))?)
    }

    /// The block that holds a durable entry.
    fn stored(&mut self, seq: u64) -> Result<Block, LedgerError> {
        let held = self.block.as_ref().filter(|block| block.get(seq).is_some());
        if let Some(block) = held {
            return Ok(block.clone());
        }
        let block = self.log.block_at(seq)?.ok_or_else(|| missing(seq))?;
        self.block = Some(block.clone());
        Ok(block)
    }

    /// Hands the group to the committer and begins the next.
    fn hand_over(&mut self) -> Result<(), LedgerError> {
        let head = self.sealer.head();
        if head.seq - self.saved_at >= SNAPSHOT_EVERY {
            self.save()?;
        }
        let mut group = std::mem::replace(&mut self.group, Group::at(head));
        group.blocks = self.sealer.seal();
        group.at = self.last_recorded;
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

/// What a request says of itself.
fn circumstances(request: &Request) -> Circumstances {
    Circumstances {
        recorded_at: Timestamp::EPOCH,
        occurred_at: request.command.occurred_at,
        actor: request.actor.clone(),
        request_id: request.command.request_id.clone(),
        evidence: request.evidence.clone(),
    }
}

/// Whether an entry under a key is of its own stream, and the entry before it there; 0 for none.
fn before(key: &EntryKey, stored: &Stored<'_>) -> (bool, u64) {
    let is_own = stored.front.key == *key;
    (is_own, if is_own { stored.prev } else { stored.prev_alias })
}

fn missing(seq: u64) -> LedgerError {
    LedgerError::Stopped { why: format!("entry {seq} is gone from the log; run `verify`") }
}
