//! The loop that sends what waits and notes what is heard.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nostr_sdk::Event;
use spireledger_schema::time::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, block_in_place, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

use super::super::claim::claim_of;
use super::super::record::Record;
use super::super::schedule::Schedule;
use super::super::settings::Settings;
use super::super::state::{Claim, Content, Standing};
use super::super::store::Outbox;
use super::super::told::OutboxError;
use super::http::{Http, POST_BYTES_MAX, POST_MAX, Posted};
use super::nostr::Nostr;
use super::receipt::{Proof, Said, check_receipt};
use super::route::ways;
use crate::crash;
use crate::lock::take_lock;
use crate::relays::stopped;
use crate::secret::Secret;

/// Claims that may be without an answer over Nostr at a time.
const OPEN_MAX: usize = 64;
/// After so long an answer is not waited for any more; the claim is sent again when it is due.
const OPEN_MS: u64 = 10_000;
/// Most claims of one round.
const ROUND_MAX: usize = 64;
/// How often it is looked what other processes put into the outbox.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long a request that is under way is waited for, once it is to stop.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(3);

/// How to run.
pub struct Run {
    /// Where the ledger is.
    pub settings: Settings,
    /// The machine's key.
    pub secret: Secret,
    /// End when nothing waits any more.
    pub is_once: bool,
    /// End after so long in any case.
    pub patience: Option<Duration>,
    /// The clock.
    pub clock: fn() -> Timestamp,
    /// A number that nobody can foretell.
    pub chance: fn() -> u64,
}

/// Something that was heard and noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Of which claim.
    pub number: u64,
    /// The settlement.
    pub payment_hash: [u8; 32],
    /// What became of it.
    pub told: Told,
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The ledger has it.
    Done {
        /// Whether it was there before.
        is_replay: bool,
        /// Where in the ledger's log.
        seq: u64,
    },
    /// It was refused.
    Refused {
        /// For good; otherwise it is sent again.
        is_final: bool,
        /// The code.
        code: String,
        /// For a person.
        message: String,
    },
}

/// Why sending ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The outbox cannot be read or written.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// There is another one.
    #[error("{0} is sending from this outbox already")]
    Another(String),
    /// The lock cannot be taken.
    #[error("{path}: {error}")]
    Lock {
        /// The lock.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// An address cannot be used.
    #[error("{0}")]
    Address(String),
}

/// Sends what waits in the outbox of a directory until told to stop; with `is_once`, until nothing waits.
/// `heard` is told what was heard, after it was noted.
pub async fn run(
    dir: &Path,
    outbox: Outbox,
    run: Run,
    stop: watch::Receiver<bool>,
    heard: impl FnMut(&Heard),
) -> Result<(), RunError> {
    let path = dir.join("run.lock");
    let taken = take_lock(&path, &format!("process {}", std::process::id()));
    let _lock =
        taken.map_err(|error| RunError::Lock { path, error })?.map_err(RunError::Another)?;
    let wrong = |what: &str| RunError::Address(what.to_owned());
    let http = match &run.settings.http {
        Some(origin) => Some(Arc::new(
            Http::new(origin, run.secret.clone(), run.settings.ledger_vkey.is_some())
                .ok_or_else(|| wrong("`http` is no address"))?,
        )),
        None => None,
    };
    let ledger = nostr_sdk::PublicKey::from_byte_array(*run.settings.ledger_key.as_bytes());
    let (tell_wires, wires_stop) = watch::channel(false);
    let relays = &run.settings.relays;
    let begun = Nostr::begin(run.secret.clone(), ledger, relays, &wires_stop).await;
    let (nostr, mut answers) = begun.map_err(RunError::Address)?;
    let begun = Instant::now();
    let mut sender = Sender {
        outbox,
        run,
        http,
        nostr,
        heard,
        begun,
        schedule: Schedule::default(),
        post: None,
        posting: Vec::new(),
        post_max: POST_MAX,
        is_crowded: false,
    };
    let ended = sender.serve(&mut answers, stop).await;
    // Nobody being there any more is no reason not to end.
    let _ = tell_wires.send(true);
    sender.nostr.end().await;
    ended
}

struct Sender<F> {
    outbox: Outbox,
    run: Run,
    http: Option<Arc<Http>>,
    nostr: Nostr,
    heard: F,
    begun: Instant,
    schedule: Schedule,
    /// The one request over HTTP that is under way, and the claims in it.
    post: Option<JoinHandle<Posted>>,
    posting: Vec<u64>,
    /// Claims of one request: fewer, where a server does not take so much.
    post_max: usize,
    /// Something is due that has no way at this moment.
    is_crowded: bool,
}

impl<F: FnMut(&Heard)> Sender<F> {
    async fn serve(
        &mut self,
        answers: &mut mpsc::Receiver<Event>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), RunError> {
        let mut batch = Vec::new();
        loop {
            block_in_place(|| self.outbox.refresh())?;
            self.look();
            let is_done = self.run.is_once && self.outbox.state().waiting().is_empty();
            let is_late = self.run.patience.is_some_and(|most| self.begun.elapsed() >= most);
            if is_done || is_late {
                break;
            }
            block_in_place(|| self.send_due())?;
            let rest = self.rest();
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                posted = finished(&mut self.post) => block_in_place(|| self.posted(posted))?,
                // Never none: the client holds the other end.
                _ = answers.recv_many(&mut batch, ROUND_MAX) => {
                    let events = std::mem::take(&mut batch);
                    block_in_place(|| self.answered(&events))?;
                }
                () = sleep(rest) => {}
            }
        }
        if self.post.is_some()
            && let Ok(posted) = timeout(LAST_ANSWER_MAX, finished(&mut self.post)).await
        {
            block_in_place(|| self.posted(posted))?;
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How long nothing needs to be done, unless something is heard.
    fn rest(&self) -> Duration {
        let due = self.schedule.next().filter(|_| !self.is_crowded);
        let until = due.map(|due| Duration::from_millis(due.saturating_sub(self.now_ms())));
        until.unwrap_or(LOOK_EVERY).min(LOOK_EVERY)
    }

    /// Schedules what waits and is in no schedule: it is new, or to be sent again.
    fn look(&mut self) {
        let now = self.now_ms();
        let new: Vec<u64> = self.outbox.state().waiting().iter().copied().collect();
        for number in new {
            if !self.schedule.contains(number) && !self.posting.contains(&number) {
                self.schedule.put(number, now);
            }
        }
    }

    /// Sends what is due, if there is a way for it.
    fn send_due(&mut self) -> Result<(), RunError> {
        let (now, relay) = (self.now_ms(), self.nostr.is_listening());
        let mut room = OPEN_MAX.saturating_sub(self.nostr.open_since(now.saturating_sub(OPEN_MS)));
        let is_http_free = self.http.is_some() && self.post.is_none();
        let (mut over_nostr, mut over_http, mut bytes) = (BTreeSet::new(), Vec::new(), 0);
        self.is_crowded = false;
        for number in self.schedule.due(now, ROUND_MAX) {
            let Some((claim, content)) = self.waiting(number) else {
                self.schedule.remove(number);
                continue;
            };
            let ways = ways(claim.sends, relay, self.http.is_some());
            let fits = over_http.is_empty()
                || (over_http.len() < self.post_max && bytes + content.len() <= POST_BYTES_MAX);
            let (length, mut is_sent) = (content.len(), false);
            if ways.nostr && room > 0 {
                room -= 1;
                is_sent = over_nostr.insert(number);
            }
            if ways.http && is_http_free && fits {
                bytes += length;
                over_http.push(number);
                is_sent = true;
            }
            self.is_crowded |= !is_sent;
        }
        self.send(&over_nostr, over_http, now)
    }

    fn send(
        &mut self,
        over_nostr: &BTreeSet<u64>,
        over_http: Vec<u64>,
        now: u64,
    ) -> Result<(), RunError> {
        let all: BTreeSet<u64> = over_nostr.iter().chain(&over_http).copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let sends = all.iter().filter_map(|number| {
            let claim = self.outbox.state().claim(*number)?;
            Some((*number, claim.sends.saturating_add(1)))
        });
        let sends: Vec<(u64, u32)> = sends.collect();
        for (number, sends) in &sends {
            let pause = self.run.settings.pauses.after(*sends, (self.run.chance)());
            self.schedule.put(*number, now.saturating_add(pause));
        }
        self.outbox.note(vec![Record::Sent { at: (self.run.clock)().micros(), sends }])?;
        crash::point("atm:before-send");
        for number in over_nostr {
            let content = self.waiting(*number).map(|(_, content)| content.to_owned());
            if let Some(content) = content {
                self.nostr.send(*number, &content, now);
            }
        }
        self.post(over_http);
        crash::point("atm:sent");
        Ok(())
    }

    /// Begins a request over HTTP.
    fn post(&mut self, numbers: Vec<u64>) {
        let Some(http) = self.http.clone().filter(|_| !numbers.is_empty()) else { return };
        let contents: Vec<(u64, String)> = numbers
            .into_iter()
            .filter_map(|number| {
                let (_, content) = self.waiting(number)?;
                Some((number, content.to_owned()))
            })
            .collect();
        self.posting = contents.iter().map(|(number, _)| *number).collect();
        let nonce = (self.run.chance)();
        self.post = Some(spawn_blocking(move || {
            let claims: Vec<&str> = contents.iter().map(|(_, content)| content.as_str()).collect();
            http.post(&claims, nonce)
        }));
    }

    /// A claim that waits, and what it says.
    fn waiting(&self, number: u64) -> Option<(&Claim, &str)> {
        let claim = self.outbox.state().claim(number)?;
        match (&claim.standing, &claim.content) {
            (Standing::Waiting { .. }, Content::Whole(content)) => Some((claim, content)),
            _ => None,
        }
    }

    /// A request over HTTP has ended.
    fn posted(&mut self, posted: Posted) -> Result<(), RunError> {
        crash::point("atm:heard");
        let numbers = std::mem::take(&mut self.posting);
        match posted {
            Posted::Answers(answers) => {
                let mut notes = Notes::default();
                let key = self.run.settings.ledger_vkey.clone();
                let proof = key.as_ref().map_or(Proof::Channel, Proof::Log);
                for (number, answer) in numbers.iter().zip(&answers) {
                    self.check(*number, answer, proof, &mut notes);
                }
                self.note(notes)
            }
            Posted::Later { why, after, is_too_long } => {
                tracing::warn!(claims = numbers.len(), %why, "no answer over HTTP");
                if is_too_long {
                    self.post_max = (numbers.len() / 2).max(1);
                }
                if let Some(after) = after {
                    let after = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
                    let until = self.now_ms().saturating_add(after);
                    // Spread, or all of them would come back in the same moment.
                    for number in numbers {
                        let more = (self.run.chance)() % 1_000;
                        self.schedule.put(number, until.saturating_add(more));
                    }
                }
                Ok(())
            }
        }
    }

    /// Events came that may be answers.
    fn answered(&mut self, events: &[Event]) -> Result<(), RunError> {
        crash::point("atm:heard");
        let mut notes = Notes::default();
        for event in events {
            let Some((number, answer)) = self.nostr.open(event) else { continue };
            let proof = Proof::Event { event, ledger: self.nostr.ledger() };
            self.check(number, &answer, proof, &mut notes);
        }
        self.note(notes)
    }

    /// Checks an answer, and writes down what it changes.
    fn check(&mut self, number: u64, answer: &str, proof: Proof<'_>, notes: &mut Notes) {
        if notes.settled.contains(&number) {
            return;
        }
        let Some((claim, content)) = self.waiting(number) else { return };
        let Some(sent) = claim_of(content) else { return };
        let checked = match check_receipt(&sent, answer, proof, (self.run.clock)()) {
            Ok(checked) => checked,
            Err(why) => {
                tracing::warn!(number, %why, "an answer does not count");
                return;
            }
        };
        let (record, told) = match checked.said {
            Said::Receipt(receipt) => {
                let (is_replay, seq) = (checked.outcome == "replayed", receipt.seq);
                (Some(Record::Done { number, receipt }), Told::Done { is_replay, seq })
            }
            Said::Refused(refusal) => {
                let (code, message) = (refusal.code.clone(), refusal.message.clone());
                let told = Told::Refused { is_final: true, code, message };
                (Some(Record::Refused { number, refusal }), told)
            }
            Said::Later(refusal) => {
                let (code, message) = (refusal.code.clone(), refusal.message.clone());
                // The same again is nothing new, and that there was too much to do tells nothing.
                let is_new = refusal.code != "busy" && !is_known(claim, &refusal.code, &message);
                let record = is_new.then_some(Record::SetBack { number, refusal });
                (record, Told::Refused { is_final: false, code, message })
            }
        };
        let Some(record) = record else { return };
        if !matches!(record, Record::SetBack { .. }) {
            notes.settled.insert(number);
        }
        let payment_hash = claim.payment_hash;
        notes.records.push(record);
        notes.heard.push(Heard { number, payment_hash, told });
    }

    /// Notes what was heard, and only then tells it.
    fn note(&mut self, notes: Notes) -> Result<(), RunError> {
        if notes.records.is_empty() {
            return Ok(());
        }
        self.outbox.note(notes.records)?;
        crash::point("atm:noted");
        for number in notes.settled {
            self.schedule.remove(number);
            self.nostr.forget(number);
        }
        for heard in &notes.heard {
            (self.heard)(heard);
        }
        Ok(())
    }
}

/// What is to be noted together.
#[derive(Default)]
struct Notes {
    records: Vec<Record>,
    heard: Vec<Heard>,
    settled: BTreeSet<u64>,
}

/// Whether a claim was set back by the same refusal before.
fn is_known(claim: &Claim, code: &str, message: &str) -> bool {
    match &claim.standing {
        Standing::Waiting { set_back: Some(last) } => last.code == code && last.message == message,
        _ => false,
    }
}

/// Waits for the request that is under way; for ever, if there is none.
async fn finished(post: &mut Option<JoinHandle<Posted>>) -> Posted {
    let Some(handle) = post else { return std::future::pending().await };
    let posted = handle.await;
    *post = None;
    posted.unwrap_or_else(|panic| match panic.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        // Only a runtime that ends cancels it.
        Err(_) => Posted::Answers(Vec::new()),
    })
}
