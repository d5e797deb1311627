//! What machines publish becomes reports: the newest counts, whatever the order of arrival.

use nostr_sdk::Keys;
use nostr_sdk::nips::nip44::{self, Version};
use serde_json::json;
use spireledger_schema::json::RawJson;
use spireledger_schema::text::MachineId;

use crate::world::{BEGIN, Person, World, ledger_keys, machine_keys};

fn m1() -> MachineId {
    MachineId::parse("m1").expect("an id")
}

fn sealed(person: &Person, text: &str) -> String {
    let to = ledger_keys().public_key();
    nip44::encrypt(person.keys.secret_key(), &to, text, Version::V2).expect("sealed")
}

/// How full the newest beacon says that `m1` is.
fn level(world: &World) -> Option<String> {
    let fleet = world.fleet();
    let beacon = fleet.beacon(&m1())?;
    beacon.report.cash_level.as_ref().map(|level| level.as_str().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_beacon_counts_whatever_the_order_of_arrival() {
    let world = World::with_relays(1).await;
    let machine = world.person(machine_keys()).await;
    let entries = world.entries();
    let beacon = |level| {
        json!({"cash_in": true, "cash_out": false, "cash_level": level, "fiat": "GTQ",
               "model": "tejo", "geo": {"lat": 14.5586, "lon": -90.7295}, "fees": {"in": 0.05},
               "name": null, "location": "", "of_tomorrow": [1]})
        .to_string()
    };
    // Under `d` tags of their own, so that the relay passes all of them on.
    for (age, level) in [(20, "medium"), (10, "low"), (30, "high")] {
        machine.publish(30078, &format!("beacon-{age}"), &beacon(level), BEGIN - age).await;
    }
    world.until("three beacons", |world| world.entries() == entries + 3).await;
    assert_eq!(level(&world).as_deref(), Some("low"));
    let fleet = world.fleet();
    let report = &fleet.beacon(&m1()).expect("a beacon").report;
    assert_eq!((report.cash_in, report.cash_out), (Some(true), Some(false)));
    assert_eq!(report.fees_json.as_ref().map(RawJson::as_str), Some(r#"{"in":0.05}"#));
    let geo = report.geo.as_ref().and_then(|geo| geo.plain());
    assert_eq!(geo, Some(r#"{"lat":14.5586,"lon":-90.7295}"#));
    assert_eq!((&report.name, &report.location), (&None, &None));
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_and_cassettes_are_read_by_the_ledger_alone() {
    let world = World::with_relays(1).await;
    let machine = world.person(machine_keys()).await;
    let own = machine_keys().public_key().to_hex();
    let entries = world.entries();
    let telemetry = sealed(&machine, r#"{"temperature": 41, "uptime": 7}"#);
    machine.publish(30079, "telemetry", &telemetry, BEGIN - 5).await;
    let state = sealed(&machine, r#"{"positions":{"1":{"denomination":100,"count":37}}}"#);
    let tag = format!("bitspire-cassettes-state:{own}");
    let event = machine.publish(30078, &tag, &state, BEGIN - 5).await;
    world.until("both are written", |world| world.entries() == entries + 2).await;
    let fleet = world.fleet();
    let known = fleet.telemetry(&m1()).expect("telemetry");
    assert_eq!(known.telemetry.as_str(), r#"{"temperature":41,"uptime":7}"#);
    let bays = fleet.bays(&m1()).expect("bays");
    assert_eq!(bays.reported.get(&1).map(|bay| (bay.denomination, bay.count)), Some((100, 37)));
    let said = bays.state_event_id.as_ref().map(|id| id.as_str().to_owned());
    assert_eq!(said, Some(event.id.to_hex()));
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_of_a_machine_is_let_pass() {
    let world = World::with_relays(1).await;
    let machine = world.person(machine_keys()).await;
    let stranger = world.person(Keys::generate()).await;
    let entries = world.entries();
    let beacon = r#"{"cash_in":true}"#;
    let other = format!("bitspire-cassettes-state:{}", stranger.keys.public_key().to_hex());
    let smuggled = sealed(&machine, r#"1,"machine_id":"m2""#);
    stranger.publish(30078, "beacon", beacon, BEGIN - 9).await;
    machine.publish(30078, "settings", r#"{"theme":"dark"}"#, BEGIN - 8).await;
    machine.publish(30078, "notes", "no JSON", BEGIN - 7).await;
    machine.publish(30078, &other, &sealed(&machine, "{}"), BEGIN - 6).await;
    machine.publish(30078, "broken", r#"{"cash_in":"perhaps"}"#, BEGIN - 5).await;
    machine.publish(30079, "open", r#"{"in":"the clear"}"#, BEGIN - 4).await;
    machine.publish(30079, "smuggled", &smuggled, BEGIN - 3).await;
    machine.publish(30078, "beacon", beacon, BEGIN - 2).await;
    world.until("the beacon is written", |world| world.entries() > entries).await;
    world
        .until("all were looked at", |world| {
            world.counters.ignored.get() == 3 && world.counters.reports_malformed.get() == 3
        })
        .await;
    assert_eq!(world.entries(), entries + 1);
    world.stop().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_machine_published_before_the_ledger_came_is_found() {
    let relay = crate::world::started(crate::world::relay()).await;
    let url = relay.url().await;
    let early = Person::at(machine_keys(), &[url]).await;
    early.publish(30078, "beacon", r#"{"cash_out":true,"cash_level":"low"}"#, BEGIN - 60).await;
    let world = World::behind(vec![relay]).await;
    world.until("it is written", |world| level(world).is_some()).await;
    assert_eq!(level(&world).as_deref(), Some("low"));
    world.stop().await.expect("stopped");
}
