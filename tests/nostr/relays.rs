//! Relays go away, come back, want to know who is there, or are not there at all.

use nostr_relay_builder::builder::RelayBuilder;
use nostr_sdk::RelayUrl;

use crate::world::{Person, World, claiming, closed_relay, machine_keys, relay, started};

/// The port of a relay, to start another one in its place.
fn port(url: &RelayUrl) -> u16 {
    url.to_string().trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap()
}

fn at(url: &RelayUrl) -> RelayBuilder {
    relay().port(port(url))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_comes_back_is_used_again() {
    let mut world = World::with_relays(1).await;
    world.listening().await;
    let url = world.urls().await.remove(0);
    for round in 1..=2 {
        let connections = world.counters.connections.get();
        world.relays.remove(0).shutdown();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        world.relays.push(started(at(&url)).await);
        world
            .until("connected again", |world| world.counters.connections.get() > connections)
            .await;
        let mut machine = world.person(machine_keys()).await;
        assert_eq!(machine.ask(&claiming(round)).await["outcome"], "accepted");
    }
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_never_there_is_found_when_it_comes_and_keeps_nobody_waiting() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}", free.local_addr().expect("an address"));
    let url = RelayUrl::parse(&url).expect("an address");
    let there = started(relay()).await;
    let mut world = World::at(vec![url.clone(), there.url().await], vec![there]);
    let mut machine = world.person(machine_keys()).await;
    assert_eq!(machine.ask(&claiming(1)).await["outcome"], "accepted");

    drop(free);
    world.relays.push(started(at(&url)).await);
    let mut machine = Person::at(machine_keys(), &[url]).await;
    assert_eq!(machine.ask(&claiming(2)).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_asks_who_is_there_is_told() {
    let world = World::behind(vec![started(closed_relay()).await]).await;
    let mut machine = world.person(machine_keys()).await;
    assert_eq!(machine.ask(&claiming(1)).await["outcome"], "accepted");
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_relay_is_enough() {
    let world = World::with_relays(3).await;
    for (number, url) in (1..).zip(world.urls().await) {
        let mut machine = Person::at(machine_keys(), &[url]).await;
        assert_eq!(machine.ask(&claiming(number)).await["outcome"], "accepted");
    }
    world.stop().await.expect("stopped");
}
