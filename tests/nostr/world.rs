//! A ledger behind relays, and people and machines that talk to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use nostr_relay_builder::LocalRelay;
use nostr_relay_builder::builder::{RateLimit, RelayBuilder, RelayBuilderNip42};
use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::pool::RelayPoolNotification;
use nostr_sdk::{
    Client, ClientMessage, Event, EventBuilder, EventId, Filter, Keys, Kind, RelayUrl,
    SubscriptionId, Tag, Timestamp as Seconds,
};
use serde_json::{Value, json};
use spireledger::gateway::{
    Counters, Desk, Identities, Identity, Machines, Nostr, NostrError, Who,
};
use spireledger::ledger::{Ledger, fleet_of};
use spireledger::log::{Directory, ReadLog};
use spireledger::rules::Request;
use spireledger_projections::Fleet;
use spireledger_schema::Command;
use spireledger_schema::time::Timestamp;
use tokio::sync::broadcast::Receiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// The ledger's clock begins here and goes on by a second an entry.
pub const BEGIN: i64 = 1_767_225_600;
/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Keys that are the same in every run.
pub fn keys(number: u8) -> Keys {
    Keys::parse(&format!("{number:02x}").repeat(32)).expect("a key")
}

pub fn ledger_keys() -> Keys {
    keys(1)
}

pub fn super_keys() -> Keys {
    keys(2)
}

/// The key of the machine `m1`.
pub fn machine_keys() -> Keys {
    keys(3)
}

/// A relay, quick enough for a test.
pub fn relay() -> RelayBuilder {
    RelayBuilder::default().rate_limit(RateLimit { max_reqs: 500, notes_per_minute: 1_000_000 })
}

/// A relay that hears nobody whom it does not know (NIP-42).
pub fn closed_relay() -> RelayBuilder {
    relay().nip42(RelayBuilderNip42::default())
}

pub async fn started(builder: RelayBuilder) -> LocalRelay {
    // One that was here before lets go of its port a moment after it was told to.
    let end = Instant::now() + PATIENCE;
    loop {
        let relay = LocalRelay::new(builder.clone());
        match relay.run().await {
            Ok(()) => return relay,
            Err(error) => assert!(Instant::now() < end, "no relay: {error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// A ledger with a machine, its gateway, and its relays.
pub struct World {
    pub relays: Vec<LocalRelay>,
    pub counters: Arc<Counters>,
    desk: Desk,
    stop: watch::Sender<bool>,
    gateway: JoinHandle<Result<(), NostrError>>,
    _dir: tempfile::TempDir,
}

impl World {
    /// With as many relays.
    pub async fn with_relays(count: usize) -> Self {
        let mut relays = Vec::new();
        for _ in 0..count {
            relays.push(started(relay()).await);
        }
        Self::behind(relays).await
    }

    pub async fn behind(relays: Vec<LocalRelay>) -> Self {
        let mut urls = Vec::new();
        for relay in &relays {
            urls.push(relay.url().await);
        }
        Self::at(urls, relays)
    }

    /// Behind the relays at some addresses, whether they are there or not.
    pub fn at(urls: Vec<RelayUrl>, relays: Vec<LocalRelay>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let desk = Desk::new(Arc::new(ledger(&dir.path().join("ledger"))));
        let administrator =
            Identity { key: super_keys().public_key().to_hex(), role: Who::Super, user_id: None };
        let counters = Arc::new(Counters::default());
        let nostr = Nostr {
            desk: desk.clone(),
            identities: Identities::new(&[administrator]).expect("identities"),
            machines: Arc::new(Machines::of(Arc::clone(desk.ledger().log())).expect("machines")),
            requests_per_minute: 1_000_000,
            checkpoints: tokio::sync::watch::channel(None).1,
            keys: ledger_keys(),
            relays: urls,
            pause_min: Duration::from_millis(300),
            counters: Arc::clone(&counters),
        };
        let (stop, stopped) = watch::channel(false);
        let gateway = tokio::spawn(nostr.run(stopped));
        Self { relays, counters, desk, stop, gateway, _dir: dir }
    }

    pub async fn urls(&self) -> Vec<RelayUrl> {
        let mut urls = Vec::new();
        for relay in &self.relays {
            urls.push(relay.url().await);
        }
        urls
    }

    /// Somebody who is connected to all relays.
    pub async fn person(&self, keys: Keys) -> Person {
        Person::at(keys, &self.urls().await).await
    }

    /// Says a command on the command line.
    pub fn say(&self, command: Value) -> Value {
        let command = Command::parse(&command.to_string()).expect("a command");
        let answer = self.desk.ledger().ask_one(Request::local(command)).expect("answered");
        serde_json::to_value(answer).expect("JSON")
    }

    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// How many entries there are.
    pub fn entries(&self) -> u64 {
        self.desk.ledger().log().head().seq
    }

    /// The state of the fleet.
    pub fn fleet(&self) -> Fleet {
        let log = self.desk.ledger().log();
        fleet_of(&**log, log.path()).expect("a fleet")
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}; {:?}", self.numbers());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the gateway listens at each relay: a request through that relay alone is answered.
    pub async fn listening(&self) {
        for url in self.urls().await {
            let mut person = Person::at(super_keys(), &[url]).await;
            person.ask(&json!({"rpcName": "nothing"})).await;
        }
    }

    pub fn numbers(&self) -> Vec<(&'static str, &'static str, u64)> {
        self.counters.all()
    }

    /// Tells the gateway to stop, and waits for that.
    pub async fn stop(self) -> Result<(), NostrError> {
        self.stop.send(true).expect("the gateway listens");
        timeout(PATIENCE, self.gateway).await.expect("it stops").expect("it does not panic")
    }
}

/// A ledger where `m1` is registered with its key and may settle.
fn ledger(path: &std::path::Path) -> Ledger {
    let directory = Directory::begin(path, "a test").expect("begun");
    let seconds = AtomicI64::new(BEGIN);
    let clock = move || {
        let now = seconds.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_seconds(now).expect("a time")
    };
    let (ledger, _) = Ledger::open_held(directory, Box::new(clock)).expect("opened");
    Directory::finish(path).expect("finished");
    let commands = [
        json!({"type": "config.set", "super_cash_out_fee_fraction": "0.0100"}),
        json!({"type": "machine.register", "id": "m1", "operator_user_id": "op", "wallet_id": "w1",
               "fiat_code": "GTQ", "operator_cash_out_fee_fraction": "0.0200",
               "machine_npub": machine_keys().public_key().to_hex()}),
    ];
    for command in commands {
        let command = Command::parse(&command.to_string()).expect("a command");
        ledger.ask_one(Request::local(command)).expect("answered");
    }
    ledger
}

/// A claim of `m1`, as the body of a request.
pub fn claim(number: u64) -> Value {
    json!({
        "payment_hash": format!("{number:064x}"), "machine_id": "m1", "tx_type": "cash_out",
        "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
        "fiat_amount": "2000.00", "fiat_code": "GTQ", "exchange_rate": "129.5145",
    })
}

/// A request for a claim.
pub fn claiming(number: u64) -> Value {
    json!({"rpcName": "settlement.claim", "body": claim(number), "requestId": format!("r{number}")})
}

/// Somebody with a key, at some relays.
pub struct Person {
    pub keys: Keys,
    pub client: Client,
    heard: Receiver<RelayPoolNotification>,
}

impl Person {
    pub async fn at(keys: Keys, relays: &[RelayUrl]) -> Self {
        let client = Client::new(keys.clone());
        for url in relays {
            client.add_relay(url).await.expect("a relay");
        }
        let heard = client.notifications();
        client.connect().await;
        client.wait_for_connection(PATIENCE).await;
        let person = Self { keys, client, heard };
        person.listen().await;
        person
    }

    /// Asks the relays for answers, again if need be: a relay may have closed the subscription.
    async fn listen(&self) {
        let answers = Filter::new().kind(Kind::from(21000)).pubkey(self.keys.public_key());
        let id = SubscriptionId::new("answers");
        // Some relays may be away.
        let _ = self.client.subscribe_with_id(id, answers, None).await;
    }

    /// A request, encrypted and signed.
    pub fn request(&self, text: &str) -> Event {
        let to = ledger_keys().public_key();
        let content = nip44::encrypt(self.keys.secret_key(), &to, text, Version::V2);
        self.sealed(&content.expect("encrypted"))
    }

    /// A request with any content.
    pub fn sealed(&self, content: &str) -> Event {
        let tags = [Tag::public_key(ledger_keys().public_key())];
        EventBuilder::new(Kind::from(21000), content).tags(tags).sign_with_keys(&self.keys).unwrap()
    }

    /// Publishes at every relay that takes it.
    pub async fn send(&self, event: &Event) {
        // Some relays may be away; the tests look at what arrives.
        let _ = self.client.send_event(event).await;
    }

    /// The answer to an event, with the event that carried it; `None` if there is none in time.
    pub async fn answer(&mut self, to: EventId, patience: Duration) -> Option<(Event, Value)> {
        let until = Instant::now() + patience;
        while let Ok(heard) = timeout_at(until, self.heard.recv()).await {
            let Ok(RelayPoolNotification::Event { event, .. }) = heard else { continue };
            if event.tags.event_ids().any(|id| *id == to) {
                event.verify().expect("signed");
                let text = nip44::decrypt(self.keys.secret_key(), &event.pubkey, &event.content);
                let json = serde_json::from_str(&text.expect("for us")).expect("JSON");
                return Some((*event, json));
            }
        }
        None
    }

    /// Publishes many events at once, without waiting for the relays' word on each.
    pub async fn send_all(&self, events: &[Event]) {
        let relays: Vec<RelayUrl> = self.client.relays().await.into_keys().collect();
        let messages = events.iter().cloned().map(ClientMessage::event).collect();
        self.client.batch_msg_to(relays, messages).await.expect("sent");
    }

    /// How many of these events are answered, until nothing more is heard for a while.
    pub async fn answered(&mut self, events: &[Event], quiet: Duration) -> usize {
        let asked: BTreeSet<EventId> = events.iter().map(|event| event.id).collect();
        let mut answered = BTreeSet::new();
        while let Ok(Ok(heard)) = timeout(quiet, self.heard.recv()).await {
            if let RelayPoolNotification::Event { event, .. } = heard {
                answered.extend(event.tags.event_ids().filter(|id| asked.contains(*id)).copied());
            }
        }
        answered.len()
    }

    /// Asks as a machine does: signs anew and sends again until there is an answer.
    pub async fn ask(&mut self, request: &Value) -> Value {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            self.listen().await;
            let event = self.request(&request.to_string());
            self.send(&event).await;
            if let Some((_, answer)) = self.answer(event.id, Duration::from_secs(1)).await {
                return answer;
            }
        }
        panic!("no answer within {PATIENCE:?} to {request}");
    }

    /// Publishes what a machine says of itself, at a moment of its own.
    pub async fn publish(&self, kind: u16, tag: &str, content: &str, seconds: i64) -> Event {
        let event = EventBuilder::new(Kind::from(kind), content)
            .tags([Tag::identifier(tag)])
            .custom_created_at(Seconds::from(u64::try_from(seconds).expect("a time")))
            .sign_with_keys(&self.keys)
            .expect("signed");
        self.send(&event).await;
        event
    }
}
