//! Over Nostr, through real relays in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nostr_relay_builder::LocalRelay;
use nostr_relay_builder::builder::{RateLimit, RelayBuilder};
use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::pool::RelayPoolNotification;
use nostr_sdk::{Client, Event, EventBuilder, Filter, JsonUtil as _, Keys, Kind, Tag};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::server::{Server, free_port};
use crate::world::{Machine, hashes};

/// Relays, each at an address of its own.
struct Relays(Vec<LocalRelay>);

fn builder() -> RelayBuilder {
    RelayBuilder::default().rate_limit(RateLimit { max_reqs: 500, notes_per_minute: 1_000_000 })
}

impl Relays {
    async fn start(count: usize) -> Self {
        let mut all = Vec::new();
        for _ in 0..count {
            let relay = LocalRelay::new(builder());
            relay.run().await.expect("a relay");
            all.push(relay);
        }
        Self(all)
    }

    async fn urls(&self) -> Vec<String> {
        let mut urls = Vec::new();
        for relay in &self.0 {
            urls.push(relay.url().await.to_string());
        }
        urls
    }

    /// One goes away, and comes back with nothing of what it knew.
    async fn restart(&mut self, number: usize) {
        let url = self.0[number].url().await;
        let port = url.as_str_without_trailing_slash().rsplit(':').next().expect("a port");
        let port = port.parse().expect("a port");
        // Who is busy in that moment does not hear that it is to end: it is told until the port is free.
        for _ in 0..500 {
            self.0[number].shutdown();
            let relay = LocalRelay::new(builder().port(port));
            if relay.run().await.is_ok() {
                self.0[number] = relay;
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("the relay does not come back");
    }
}

/// What blocks, off the threads of the relays.
async fn aside<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(what).await.expect("no panic")
}

/// A server behind relays, and the machine `m1`, which knows these `ways` to it.
async fn world(relays: Vec<String>, ways: Vec<String>) -> (Server, Machine, tempfile::TempDir) {
    aside(move || {
        let place = tempfile::tempdir().unwrap();
        let mut server = Server::new(&relays, None);
        server.start();
        let http = server.url();
        let ways: Vec<&str> =
            ways.iter().map(|way| if way == "HTTP" { http.as_str() } else { way }).collect();
        let key = server.nostr_key().to_hex();
        let machine = Machine::new(place.path(), "m1", &key, &ways);
        server.kill();
        server.register("m1", &machine.npub);
        server.start();
        (server, machine, place)
    })
    .await
}

fn over(relays: &[String]) -> Vec<String> {
    relays.iter().flat_map(|url| ["--relay".to_owned(), url.clone()]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_come_in_over_relays_and_their_receipts_are_signed_by_the_ledger() {
    let relays = Relays::start(3).await;
    let urls = relays.urls().await;
    let (server, machine, _place) = world(urls.clone(), over(&urls)).await;
    aside(move || {
        let all = hashes(1, 100);
        machine.put(&all);
        let told = machine.run_once().expect(0).lines();
        assert_eq!(told.len(), 100);
        server.has_each_once("m1", &all);
        let shown = machine.atm(&["receipt", "5"], "").expect(0).json();
        let event = Event::from_json(shown["event"].to_string()).expect("an event");
        event.verify().expect("signed");
        assert_eq!(event.pubkey, server.nostr_key());
        assert_eq!(
            (&shown["receipt"]["via"], &shown["answer"]["outcome"]),
            (&json!("nostr"), &json!("accepted"))
        );
        assert_eq!(shown["answer"]["payment_hash"], json!(all[4]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_and_servers_that_go_away_and_come_back_lose_and_double_nothing() {
    let mut relays = Relays::start(2).await;
    let urls = relays.urls().await;
    let (mut server, machine, _place) = world(urls.clone(), over(&urls)).await;
    let all = hashes(2, 60);
    let mut running = Some(machine.running());
    let machine = Arc::new(machine);
    for (round, some) in all.chunks(10).enumerate() {
        let (keeper, some) = (Arc::clone(&machine), some.to_vec());
        aside(move || keeper.put(&some)).await;
        match round % 3 {
            0 => relays.restart(round % 2).await,
            1 => {
                server = aside(move || {
                    server.kill();
                    server.start();
                    server
                })
                .await;
            }
            _ => {
                if let Some(running) = running.take() {
                    aside(move || running.kill()).await;
                }
                running = Some(machine.running());
            }
        }
    }
    let count = all.len();
    aside(move || {
        machine.until_done(count);
        running.expect("it runs").stop();
        server.has_each_once("m1", &all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_anybody_else_answers_does_not_count() {
    let relays = Relays::start(1).await;
    let urls = relays.urls().await;
    let (mut server, machine, _place) = world(urls.clone(), over(&urls)).await;
    server.kill();
    let forged = Arc::new(AtomicUsize::new(0));
    let forger = tokio::spawn(forge(urls[0].clone(), server.nostr_key(), Arc::clone(&forged)));
    aside(move || {
        let all = hashes(3, 3);
        machine.put(&all);
        let told = machine.atm(&["run", "--once", "--wait", "4", "--json"], "").expect(1);
        assert_eq!(told.out, "", "{told:?}");
        assert!(machine.list().iter().all(|claim| claim["status"] == "waiting"));
        assert_eq!(server.claims().len(), 0);
        server.start();
        machine.run_once().expect(0);
        server.has_each_once("m1", &all);
    })
    .await;
    forger.abort();
    assert!(forged.load(Ordering::Relaxed) >= 3, "each claim was answered by somebody else");
}

/// Answers every request as the ledger would, with another key.
async fn forge(relay: String, ledger: nostr_sdk::PublicKey, forged: Arc<AtomicUsize>) {
    let keys = Keys::generate();
    let client = Client::new(keys.clone());
    client.add_relay(&relay).await.expect("a relay");
    let mut heard = client.notifications();
    client.connect().await;
    let requests = Filter::new().kind(Kind::from(21000)).pubkey(ledger);
    client.subscribe(requests, None).await.expect("subscribed");
    while let Ok(heard) = heard.recv().await {
        let RelayPoolNotification::Event { event, .. } = heard else { continue };
        let answer = json!({ "status": "OK", "outcome": "accepted", "seq": 1,
            "payment_hash": format!("{:032x}{:032x}", 3, 1), "entry_hash": "ab".repeat(32),
            "settlement": { "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
                "platform_fee_sats": 0, "operator_fee_sats": 7_771 } });
        let sealed =
            nip44::encrypt(keys.secret_key(), &event.pubkey, answer.to_string(), Version::V2);
        let tags = [Tag::public_key(event.pubkey), Tag::event(event.id)];
        let answer = EventBuilder::new(Kind::from(21000), sealed.expect("sealed")).tags(tags);
        client.send_event(&answer.sign_with_keys(&keys).expect("signed")).await.expect("sent");
        forged.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn http_is_used_where_no_relay_answers() {
    let relays = Relays::start(2).await;
    let urls = relays.urls().await;
    // The server listens at the first; the machine knows the second and one that is not there.
    let dead = format!("ws://127.0.0.1:{}", free_port());
    let mut ways = over(&[urls[1].clone(), dead]);
    ways.extend(["--http".to_owned(), "HTTP".to_owned()]);
    let (server, machine, _place) = world(vec![urls[0].clone()], ways).await;
    aside(move || {
        let all = hashes(4, 10);
        machine.put(&all);
        machine.run_once().expect(0);
        server.has_each_once("m1", &all);
        assert!(machine.list().iter().all(|claim| claim["receipt"]["via"] == "http"));
    })
    .await;
}
