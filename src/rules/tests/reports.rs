//! Beacons, telemetry and cassettes: the newest counts, each moment once.

use serde_json::json;
use spireledger_schema::Code;
use spireledger_schema::text::MachineId;

use super::words::*;
use super::world::{World, given};

fn fleet() -> World {
    given([with(machine("m1"), json!({ "machine_npub": npub(1) }))])
}

fn m1() -> MachineId {
    MachineId::parse("m1").unwrap()
}

fn reported(world: &World) -> u32 {
    world.fleet.bays(&m1()).unwrap().reported[&1].count
}

fn cassettes_report_at(count: u32, at: i64) -> serde_json::Value {
    with(cassettes_report(count), json!({ "state_at": at }))
}

#[test]
fn a_report_is_taken_once_a_moment() {
    let reports = [
        (beacon(5), json!({ "cash_in": false }), "cash_in"),
        (telemetry(5), json!({ "telemetry": { "door": "open" } }), "telemetry"),
        (
            cassettes_report_at(10, 5),
            json!({ "positions": { "1": { "denomination": 100, "count": 9 } } }),
            "positions",
        ),
    ];
    for (report, change, field) in reports {
        let later = json!({ "received_at": 6 });
        let later = if report["state_at"].is_null() { later } else { json!({ "state_at": 6 }) };
        fleet()
            .when(report.clone())
            .then_accepted()
            .and([with(report.clone(), later)])
            .when(report.clone())
            .then_replayed(2)
            .when(with(report.clone(), change))
            .then_refused(Code::Conflict, &[field])
            .when(with(report, json!({ "machine_id": "m9" })))
            .then_refused(Code::UnknownMachine, &[]);
    }
}

#[test]
fn the_newest_report_counts_in_whatever_order_they_come() {
    let named = |name, at| with(beacon(at), json!({ "name": name }));
    let said = |word, at| with(telemetry(at), json!({ "telemetry": word }));
    let world = fleet()
        .and([named("new", 20), named("old", 10)])
        .and([said("new", 20), said("old", 10)])
        .and([cassettes_report_at(2, 20), cassettes_report_at(1, 10)]);
    assert_eq!(world.fleet.beacon(&m1()).unwrap().report.name.as_ref().unwrap().as_str(), "new");
    assert_eq!(world.fleet.telemetry(&m1()).unwrap().telemetry.as_str(), "\"new\"");
    assert_eq!(reported(&world), 2);
}

#[test]
fn a_machine_that_signs_may_leave_out_its_name() {
    let unnamed = |report| without(report, "machine_id");
    fleet()
        .by_machine(1)
        .when(unnamed(beacon(5)))
        .then_accepted()
        .when(beacon(5))
        .then_replayed(2)
        .when(unnamed(telemetry(5)))
        .then_accepted()
        .when(unnamed(cassettes_report(5)))
        .then_accepted()
        .by(spireledger_schema::identity::Actor::Local)
        .when(unnamed(beacon(6)))
        .then_refused(Code::Malformed, &[])
        .when(unnamed(telemetry(6)))
        .then_refused(Code::Malformed, &[])
        .when(unnamed(cassettes_report(6)))
        .then_refused(Code::Malformed, &[]);
}

#[test]
fn belief_and_report_are_kept_apart() {
    let world = fleet().and([cassettes_set(10), cassettes_report(9)]);
    let bays = world.fleet.bays(&m1()).unwrap();
    assert_eq!((bays.believed[&1].count, bays.reported[&1].count), (10, 9));
}

#[test]
fn the_older_shape_of_bays_is_read_as_what_it_became() {
    let old = json!({ "denominations": { "100": { "position": 1, "count": 10 } } });
    let old_set = with(without(cassettes_set(10), "positions"), old.clone());
    let old_report = with(without(cassettes_report(10), "positions"), old.clone());
    fleet()
        .when(old_set.clone())
        .then_accepted()
        .when(cassettes_set(10))
        .then_replayed(2)
        .when(old_report)
        .then_accepted()
        .when(cassettes_report(10))
        .then_replayed(3)
        .when(with(old_set, json!({ "positions": {} })))
        .then_refused(Code::Malformed, &[])
        .when(without(cassettes_set(1), "positions"))
        .then_refused(Code::Malformed, &[]);
}

#[test]
fn saying_again_what_another_report_has_changed_since_is_new() {
    let world = fleet()
        .and([cassettes_report(10)])
        .after(60)
        .and([cassettes_report_at(20, 1_767_225_630)])
        .when(cassettes_report(10))
        .then_accepted();
    assert_eq!(reported(&world), 10);
}

#[test]
fn a_report_from_the_future_does_not_silence_those_that_follow() {
    let year_9998 = 253_370_764_799_i64;
    let named = |name, at| with(beacon(at), json!({ "name": name }));
    let said = |word, at| with(telemetry(at), json!({ "telemetry": word }));
    let world = fleet()
        .and([named("wrong", year_9998), said("wrong", year_9998)])
        .and([cassettes_report_at(1, year_9998)])
        .after(60);
    let now = world.now().seconds();
    let world = world.and([named("right", now), said("right", now), cassettes_report_at(2, now)]);
    assert_eq!(world.fleet.beacon(&m1()).unwrap().report.name.as_ref().unwrap().as_str(), "right");
    assert_eq!(world.fleet.telemetry(&m1()).unwrap().telemetry.as_str(), "\"right\"");
    assert_eq!(reported(&world), 2);
}

#[test]
fn a_beacon_too_long_for_one_entry_is_refused() {
    let long = json!({ "text": "x".repeat(16_000) });
    let report = |fields| with(beacon(5), fields);
    fleet()
        .when(report(json!({ "fees_json": long, "limits_json": long })))
        .then_accepted()
        .when(with(
            report(json!({ "fees_json": long, "limits_json": long, "denominations_json": long })),
            json!({ "received_at": 6 }),
        ))
        .then_refused(Code::LimitReached, &[]);
}
