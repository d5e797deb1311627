//! Nostr: requests come in as kind 21000 events over any number of relays, answers go back the same
//! way; what machines publish of themselves becomes reports. The protocol is in `docs/nostr.md`.
//!
//! The way of an event: a relay brings it ([`intake`]) → it is checked, opened and read ([`reader`],
//! [`codec`], [`reports`]) → the writer is asked → the answer is sealed → every relay gets it
//! ([`relay`]). Every queue on this way has an end; what does not fit is dropped and counted, and the
//! sender sends again: only a signed answer counts as done.
//!
//! *Never:* an answer to what is not durable; a look at what a relay says without checking the signature.
//! *Start at:* [`Nostr::run`].

mod codec;
mod counters;
mod intake;
mod orders;
mod published;
mod reader;
mod relay;
mod reports;
mod seen;
#[cfg(test)]
mod tests;

pub use counters::{Counter, Counters};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use nostr_sdk::{Event, Keys, RelayUrl, Timestamp as Seconds};
use spireledger_projections::Fleet;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::{Answer, Code, Refusal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::intake::Intake;
use self::orders::Setting;
use self::published::Published;
use self::reader::{Job, Reader};
use self::relay::{Authors, Open, Wire};
use super::rate::Rate;
use super::{Desk, DeskError, Identities, Machines, Newest};
use crate::ledger::LedgerError;
use crate::relays::{self, stopped};
use crate::rules::Request;

/// Events that may wait to be read, of all relays together: at most about 110 MB, and mostly 2 MB.
const QUEUE_MAX: usize = 1_024;
/// Most events that are read, and asked for, as one.
const BATCH_MAX: usize = 64;
/// Batches that are on their way at once: a group is written while the next ones are read.
const BATCHES_MAX: usize = 8;
/// Answers that may wait for one relay.
const ANSWERS_MAX: usize = 1_024;
/// How often it is asked whether there are new machines, or settings for them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long stopping may take, once the last answer is written.
const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// The Nostr gateway of a ledger.
pub struct Nostr {
    /// Where the writer is asked.
    pub desk: Desk,
    /// Who has a role.
    pub identities: Identities,
    /// Who is a machine.
    pub machines: Arc<Machines>,
    /// The ledger's key: requests are addressed to it, answers are signed by it.
    pub keys: Keys,
    /// The relays, each of which is enough.
    pub relays: Vec<RelayUrl>,
    /// The shortest pause before a relay is connected again; it doubles with every failure, up to a
    /// minute. A second is a good one.
    pub pause_min: Duration,
    /// Most requests of one key a minute.
    pub requests_per_minute: u32,
    /// The newest signed head of the log, published so that others can hold the operator to it.
    pub checkpoints: watch::Receiver<Newest>,
    /// What happens, in numbers.
    pub counters: Arc<Counters>,
}

/// Why the gateway ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum NostrError {
    /// The writer has stopped, or its log cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The relay's address is none.
    #[error("{url} cannot be used as a relay: {why}")]
    Relay {
        /// The address.
        url: RelayUrl,
        /// What is wrong with it.
        why: String,
    },
    /// A task panicked: a bug.
    #[error("a task of the Nostr gateway failed: {0}")]
    Task(#[from] JoinError),
}

impl Nostr {
    /// Takes and answers requests until `stop` says so, or until the writer stops. What was taken by
    /// then is answered before this returns.
    ///
    /// Events of one sender that are sent without waiting for answers may be decided in another order.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), NostrError> {
        let (queue, mut events) = mpsc::channel(QUEUE_MAX);
        let counters = Arc::clone(&self.counters);
        let intake = Intake { ledger: self.keys.public_key(), queue, counters };
        let client = relays::client(&self.keys, intake);
        let notices = Notices::default();
        let mut wires = JoinSet::new();
        let mut outs = Vec::new();
        for url in &self.relays {
            let wrong = |why| NostrError::Relay { url: url.clone(), why };
            let relay = relays::add(&client, url).await.map_err(wrong)?;
            let (out, answers) = mpsc::channel(ANSWERS_MAX);
            let (ledger, counters) = (self.keys.public_key(), Arc::clone(&self.counters));
            let known = (notices.authors.subscribe(), notices.orders.subscribe());
            let wire = Wire::new(relay, ledger, self.pause_min, answers, known, counters);
            wires.spawn(wire.run(stop.clone()));
            outs.push(out);
        }
        let reader = Arc::new(Reader::new(
            self.keys,
            self.identities,
            self.machines,
            Rate::new(self.requests_per_minute),
            Arc::clone(&self.counters),
        ));
        let published = Published::new(self.checkpoints);
        let hall = Arc::new(Hall { desk: self.desk, reader, published, outs });
        let ended = hall.serve(&mut events, &notices, &mut stop).await;
        // No more answers: the wires hand over what they have and end.
        drop(hall);
        let _ = timeout(GOODBYE_MAX, async { while wires.join_next().await.is_some() {} }).await;
        client.shutdown().await;
        ended
    }
}

/// What all relays are to know.
#[derive(Default)]
struct Notices {
    /// Whose reports are asked for.
    authors: watch::Sender<Authors>,
    /// Settings of cassettes that are not confirmed.
    orders: watch::Sender<Open>,
}

/// Wakes those who wait for news, if there is news.
fn tell<T: PartialEq>(whom: &watch::Sender<T>, what: T) {
    whom.send_if_modified(|known| {
        let is_new = *known != what;
        *known = what;
        is_new
    });
}

/// The keys of all machines, and what was set at those that have one.
fn around(fleet: &Fleet) -> (BTreeSet<PublicKey>, Vec<Setting>) {
    let keyed = || fleet.machines().filter_map(|machine| Some((machine, machine.machine_npub?)));
    let set = keyed().filter_map(|(machine, key)| {
        let bays = fleet.bays(&machine.id).filter(|bays| bays.updated_at.is_some())?;
        Some(Setting { machine: machine.id.clone(), key, bays: bays.clone() })
    });
    (keyed().map(|(_, key)| key).collect(), set.collect())
}

/// Between the relays and the desk.
struct Hall {
    desk: Desk,
    reader: Arc<Reader>,
    published: Published,
    outs: Vec<mpsc::Sender<Arc<Event>>>,
}

impl Hall {
    async fn serve(
        self: &Arc<Self>,
        events: &mut mpsc::Receiver<Event>,
        notices: &Notices,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), NostrError> {
        let room = Arc::new(Semaphore::new(BATCHES_MAX));
        let mut under_way: JoinSet<Result<(), NostrError>> = JoinSet::new();
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            tokio::select! {
                biased;
                () = stopped(stop) => break,
                Some(done) = under_way.join_next() => done??,
                _ = look.tick() => self.look_around(notices).await?,
                // Never none: the client holds the other end for longer than this loop runs.
                _ = events.recv_many(&mut batch, BATCH_MAX), if room.available_permits() > 0 => {
                    let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
                    let (hall, events) = (Arc::clone(self), std::mem::take(&mut batch));
                    under_way.spawn(async move {
                        let answered = hall.answer(events).await;
                        drop(permit);
                        answered
                    });
                }
            }
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Tells the relays of machines that came or went, and of cassettes that were set.
    async fn look_around(self: &Arc<Self>, notices: &Notices) -> Result<(), NostrError> {
        let (hall, log) = (Arc::clone(self), Arc::clone(self.desk.ledger().log()));
        let look = move || -> Result<_, LedgerError> {
            let reader = &hall.reader;
            let (keys, settings) = reader.machines.look(around)?;
            let mut orders = reader.orders.lock();
            let mut orders = orders.open(&*log, &reader.keys, &settings, Seconds::now())?;
            orders.extend(hall.published.newest(&reader.keys));
            Ok((Arc::new(keys), Arc::new(orders)))
        };
        let (keys, orders) = spawn_blocking(look).await??;
        tell(&notices.authors, keys);
        tell(&notices.orders, orders);
        Ok(())
    }

    /// Reads, asks, and answers a batch.
    async fn answer(&self, events: Vec<Event>) -> Result<(), NostrError> {
        let reader = Arc::clone(&self.reader);
        let read = move || -> Result<Vec<Job>, LedgerError> {
            events.iter().filter_map(|event| reader.read(event).transpose()).collect()
        };
        let jobs = spawn_blocking(read).await??;
        let mut places = Vec::with_capacity(jobs.len());
        let mut requests = Vec::new();
        for job in jobs {
            let refusal = job.asked.map(|request| requests.push(request)).err();
            places.push((job.letter, refusal));
        }
        let mut answers = self.ask(requests).await?.into_iter();
        let reader = Arc::clone(&self.reader);
        let seal = move || -> Vec<Arc<Event>> {
            let answered = places.into_iter().filter_map(|(letter, refusal)| {
                let answer = refusal.map(Answer::from).or_else(|| answers.next())?;
                reader.seal(&letter?, &answer)
            });
            answered.collect()
        };
        for answer in spawn_blocking(seal).await? {
            for out in &self.outs {
                if out.try_send(Arc::clone(&answer)).is_err() {
                    self.reader.counters.answers_dropped.one();
                }
            }
        }
        Ok(())
    }

    /// Asks the writer. A full queue is an answer; a writer that stopped gives none, and neither do we.
    async fn ask(&self, requests: Vec<Request>) -> Result<Vec<Answer>, NostrError> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let count = requests.len();
        match self.desk.ask(requests).await {
            Ok(answers) => Ok(answers),
            Err(full @ DeskError::Full) => {
                let busy = Answer::from(Refusal::new(Code::Busy, full.to_string()));
                Ok(vec![busy; count])
            }
            Err(DeskError::Stopped(why)) => Err(why.into()),
        }
    }
}
