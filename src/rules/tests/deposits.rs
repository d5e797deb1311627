//! LPs, enrolments and deposits.

use serde_json::json;
use spireledger_schema::Code;
use spireledger_schema::limits::CLIENTS_PER_MACHINE_MAX;
use spireledger_schema::money::Fiat;
use spireledger_schema::text::ClientId;
use spireledger_schema::words::DepositStatus;

use super::words::*;
use super::world::{World, given};

fn fleet() -> World {
    given([machine("m1"), lp("a"), enroll("a")])
}

fn balance(world: &World, client: &str) -> String {
    let client = world.fleet.client(&ClientId::parse(client).unwrap()).unwrap();
    client.remaining_fiat().unwrap().to_string()
}

#[test]
fn an_enrolment_is_made_once() {
    fleet()
        .when(enroll("a"))
        .then_replayed(3)
        .and([client_update("a", json!({ "status": "inactive", "username": "Ana" }))])
        .when(enroll("a"))
        .then_replayed(3)
        .when(with(enroll("a"), json!({ "username": "Ana" })))
        .then_refused(Code::Conflict, &["username"]);
}

#[test]
fn a_user_is_enrolled_once_at_a_machine() {
    let (no, world) =
        fleet().when(with(enroll("a"), json!({ "id": "a2" }))).refusal(Code::AlreadyEnrolled);
    assert_eq!(no.details["id"], "a");
    world
        .and([machine("m2")])
        .when(with(enroll("a"), json!({ "id": "a2", "machine_id": "m2" })))
        .then_accepted()
        .when(with(enroll("b"), json!({ "machine_id": "m9" })))
        .then_refused(Code::UnknownMachine, &[]);
}

#[test]
fn enrolments_at_a_machine_are_bounded_by_what_one_distribution_holds() {
    let many = (0..CLIENTS_PER_MACHINE_MAX).map(|n| enroll(&format!("user {n}")));
    given([machine("m1")])
        .and(many)
        .when(enroll("one more"))
        .then_refused(Code::LimitReached, &[])
        // Whoever left takes no part; the place is free until they come back.
        .and([client_update("user 0", json!({ "status": "inactive" }))])
        .when(enroll("one more"))
        .then_accepted()
        .when(client_update("user 0", json!({ "status": "active" })))
        .then_refused(Code::LimitReached, &[])
        .when(client_update("user 0", json!({ "username": "Ana" })))
        .then_accepted()
        .and([client_update("one more", json!({ "status": "inactive" }))])
        .when(client_update("user 0", json!({ "status": "paused" })))
        .then_accepted()
        .when(client_update("user 0", json!({ "status": "active" })))
        .then_accepted();
}

#[test]
fn a_deposit_waits_for_the_lp_to_say_where_its_sats_go() {
    given([machine("m1"), enroll("a")])
        .when(deposit("d", "a", "10.00"))
        .then_refused(Code::NotOnboarded, &[])
        .and([lp("a")])
        .when(deposit("d", "a", "10.00"))
        .then_accepted()
        .when(deposit("d2", "nobody", "10.00"))
        .then_refused(Code::UnknownClient, &[]);
}

#[test]
fn a_deposit_is_in_the_machines_currency() {
    let in_dollars = with(deposit("d", "a", "10.00"), json!({ "currency": "USD" }));
    let in_quetzales = with(deposit("d", "a", "10.00"), json!({ "currency": "GTQ" }));
    let world = fleet()
        .when(in_dollars.clone())
        .then_refused(Code::CurrencyMismatch, &[])
        .when(in_quetzales)
        .then_accepted()
        .when(deposit("d", "a", "10.00"))
        .then_replayed(4)
        .when(in_dollars)
        .then_refused(Code::Conflict, &["currency"]);
    assert_eq!(world.deposit("d").recorded.currency.as_str(), "GTQ");
}

#[test]
fn a_deposit_is_recorded_once_whatever_becomes_of_it() {
    fleet()
        .and([deposit("d", "a", "10.00")])
        .when(deposit("d", "a", "10"))
        .then_replayed(4)
        .and([confirm("d"), machine_update("m1", json!({ "is_active": false }))])
        .when(deposit("d", "a", "10.00"))
        .then_replayed(4)
        .when(deposit("d", "a", "10.01"))
        .then_refused(Code::Conflict, &["amount"]);
}

#[test]
fn a_deposit_counts_once_it_is_confirmed_and_once() {
    let world = fleet().and([deposit("d", "a", "10.00"), deposit("e", "a", "5.00")]);
    assert_eq!(balance(&world, "a"), "0.00");
    let world = world.and([confirm("d")]);
    assert_eq!(balance(&world, "a"), "10.00");
    let confirmed_at = world.now();
    let world = world.after(60).when(confirm("d")).then_replayed(6);
    assert_eq!(balance(&world, "a"), "10.00");
    assert_eq!(world.deposit("d").confirmed_at, Some(confirmed_at));
    let world = world.and([reject("e")]).when(reject("e")).then_replayed(7);
    assert_eq!(balance(&world, "a"), "10.00");
    assert_eq!(world.deposit("e").status, DepositStatus::Rejected);
}

#[test]
fn a_deposit_ends_one_way_only() {
    let world = || fleet().and([deposit("d", "a", "10.00")]);
    let noted = |command| with(command, json!({ "notes": "counted twice" }));
    let (no, after) = world().and([confirm("d")]).when(reject("d")).refusal(Code::WrongState);
    assert_eq!(no.details["state"], "confirmed");
    after.when(noted(confirm("d"))).then_refused(Code::Conflict, &["notes"]);
    let (no, after) = world().and([reject("d")]).when(confirm("d")).refusal(Code::WrongState);
    assert_eq!(no.details["state"], "rejected");
    after.when(noted(reject("d"))).then_refused(Code::Conflict, &["notes"]);
    world().when(confirm("x")).then_refused(Code::NotFound, &[]);
    world().when(reject("x")).then_refused(Code::NotFound, &[]);
}

#[test]
fn amounts_out_of_range_are_refused() {
    for amount in ["0.00", "100000000.00"] {
        fleet().when(deposit("d", "a", amount)).then_refused(Code::Malformed, &[]);
    }
    fleet().when(deposit("d", "a", "99999999.99")).then_accepted();
}

#[test]
fn an_lp_may_deposit_for_years_in_a_currency_of_large_numbers() {
    let mut world = fleet();
    for month in 0..240 {
        let id = format!("month {month}");
        world = world.and([deposit(&id, "a", "99999999.99"), confirm(&id)]);
    }
    assert_eq!(balance(&world, "a"), Fiat::parse("23999999997.60").unwrap().to_string());
}

#[test]
fn what_an_lp_does_not_say_stays_as_it_was() {
    let world = fleet()
        .and([with(
            lp("a"),
            json!({ "default_dca_mode": "fixed", "fixed_mode_daily_limit": "100.00",
                "autoforward_ln_address": "a@example.com", "autoforward_enabled": true }),
        )])
        .and([with(lp("a"), json!({ "dca_wallet_id": "other", "fixed_mode_daily_limit": null }))]);
    let lps: Vec<_> = world.fleet.lps().collect();
    assert_eq!(lps[0].dca_wallet_id.as_str(), "other");
    assert_eq!(lps[0].default_dca_mode.as_str(), "fixed");
    assert_eq!(lps[0].fixed_mode_daily_limit, None);
    assert_eq!(lps[0].autoforward_ln_address.as_ref().unwrap().plain(), Some("a@example.com"));
    assert!(lps[0].autoforward_enabled);
}
