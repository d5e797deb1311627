//! Configuration, machines and splits: what is unique stays unique, what is fixed stays fixed.

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::text::MachineId;

use super::words::*;
use super::world::given;

fn id(id: &str) -> MachineId {
    MachineId::parse(id).unwrap()
}

#[test]
fn only_what_is_given_changes() {
    let world = given([
        config(json!({ "super_cash_in_fee_fraction": "0.0100", "max_cash_in_sats": 5 })),
        config(json!({ "super_fee_wallet_id": "fees" })),
        config(json!({ "max_cash_in_sats": null })),
    ]);
    let config = world.fleet.config();
    assert_eq!(config.super_cash_in_fee_fraction.to_string(), "0.0100");
    assert_eq!(config.super_fee_wallet_id.as_ref().unwrap().as_str(), "fees");
    assert_eq!(config.max_cash_in_sats, None);
}

#[test]
fn a_setting_that_sets_nothing_is_refused() {
    let nothings = [
        json!({ "type": "config.set" }),
        json!({ "type": "machine.update", "id": "m1" }),
        json!({ "type": "client.update", "id": "a" }),
    ];
    for nothing in nothings {
        given([machine("m1"), enroll("a")]).when(nothing).then_refused(Code::Malformed, &[]);
    }
}

#[test]
fn a_machine_is_registered_once() {
    given([machine("m1")])
        .when(machine("m1"))
        .then_replayed(1)
        .and([machine_update("m1", json!({ "wallet_id": "another", "name": "Corner" }))])
        .when(machine("m1"))
        .then_replayed(1)
        .when(with(machine("m1"), json!({ "name": "Corner", "occurred_at": 5 })))
        .then_refused(Code::Conflict, &["name", "occurred_at"]);
}

#[test]
fn two_machines_never_share_a_wallet() {
    let taken = json!({ "wallet_id": "wallet of m1" });
    given([machine("m1"), machine("m2")])
        .when(with(machine("m3"), taken.clone()))
        .then_refused(Code::WalletTaken, &[])
        .when(machine_update("m2", taken.clone()))
        .then_refused(Code::WalletTaken, &[])
        // Its own wallet is no other machine's.
        .when(machine_update("m1", with(taken.clone(), json!({ "name": "Corner" }))))
        .then_accepted()
        .and([machine_update("m1", json!({ "wallet_id": "free" }))])
        .when(machine_update("m2", taken))
        .then_accepted()
        .when(machine_update("m1", json!({ "wallet_id": "wallet of m1" })))
        .then_refused(Code::WalletTaken, &[])
        .when(machine_update("m1", json!({ "wallet_id": "wallet of m2" })))
        .then_accepted();
}

#[test]
fn two_machines_never_share_a_key() {
    let key = json!({ "machine_npub": npub(1) });
    let world = given([with(machine("m1"), key.clone()), machine("m2")])
        .when(with(machine("m3"), key.clone()))
        .then_refused(Code::NpubTaken, &[])
        .when(machine_update("m2", key.clone()))
        .then_refused(Code::NpubTaken, &[])
        .when(pair("m2", 1))
        .then_refused(Code::NpubTaken, &[])
        .and([pair("m1", 2), pair("m2", 1)])
        .when(machine_update("m1", key))
        .then_refused(Code::NpubTaken, &[])
        .when(pair("m1", 1))
        .then_refused(Code::NpubTaken, &[]);
    let of = |key| world.fleet.machine_with_npub(&key).cloned();
    let key = |n| spireledger_schema::identity::PublicKey::from_bytes([n; 32]);
    assert_eq!(of(key(1)), Some(id("m2")));
    assert_eq!(of(key(2)), Some(id("m1")));
}

#[test]
fn taking_a_key_away_leaves_the_machine_alone_that_has_it_now() {
    let world = given([pair_of("m1", 1), pair_of("m2", 2)].concat())
        .and([machine_update("m1", json!({ "machine_npub": null }))])
        .and([pair("m2", 1)])
        .and([machine_update("m1", json!({ "machine_npub": null, "name": "Corner" }))]);
    let key = spireledger_schema::identity::PublicKey::from_bytes([1; 32]);
    assert_eq!(world.fleet.machine_with_npub(&key), Some(&id("m2")));
    world.by_machine(1).when(with(cash_out(1), json!({ "machine_id": "m2" }))).then_accepted();
}

fn pair_of(machine_id: &str, key: u8) -> Vec<Value> {
    vec![machine(machine_id), pair(machine_id, key)]
}

#[test]
fn a_pairing_without_a_moment_is_paired_when_it_is_recorded() {
    let world = given([machine("m1"), pair("m1", 1)]);
    let paired_at = world.now();
    let world = world.after(60).when(pair("m1", 1)).then_replayed(2);
    assert_eq!(world.fleet.machine(&id("m1")).unwrap().paired_at, Some(paired_at));
    world
        .and([pair("m1", 2)])
        .when(pair("m1", 1))
        .then_accepted()
        .when(with(pair("m1", 1), json!({ "paired_at": 5 })))
        .then_accepted()
        .when(with(pair("m1", 1), json!({ "paired_at": 5 })))
        .then_replayed(5)
        .when(pair("m9", 3))
        .then_refused(Code::UnknownMachine, &[]);
}

#[test]
fn the_currency_is_fixed_once_money_was_recorded() {
    let dollars = machine_update("m1", json!({ "fiat_code": "USD" }));
    given([machine("m1"), lp("a"), enroll("a")]).when(dollars.clone()).then_accepted();
    given([machine("m1")])
        .and([cash_in(1)])
        .when(dollars.clone())
        .then_refused(Code::CurrencyMismatch, &[])
        .when(machine_update("m1", json!({ "fiat_code": "GTQ", "name": "Corner" })))
        .then_accepted();
    given([machine("m1"), lp("a"), enroll("a"), deposit("d", "a", "1.00"), reject("d")])
        .when(dollars)
        .then_refused(Code::CurrencyMismatch, &[]);
}

#[test]
fn splits_add_up_to_exactly_one() {
    let world = || given([machine("m1")]);
    world().when(splits(&[("x", "1")])).then_accepted();
    world().when(splits(&[("x", "0.3333"), ("y", "0.6667")])).then_accepted();
    world().when(splits(&[])).then_refused(Code::SplitsSum, &[]);
    world().when(splits(&[("x", "0.3333"), ("y", "0.6666")])).then_refused(Code::SplitsSum, &[]);
    let (no, _) = world().when(splits(&[("x", "1"), ("y", "0.0001")])).refusal(Code::SplitsSum);
    assert!(no.message.contains("1.0001"), "{}", no.message);
    // Too many bits for a u16, were they added there.
    world().when(splits(&[("x", "1"); 64])).then_refused(Code::SplitsSum, &[]);
}

#[test]
fn splits_of_a_machine_are_its_operators_to_set() {
    let own = with(splits(&[("x", "1")]), json!({ "machine_id": "m1" }));
    given([machine("m1")])
        .when(with(own.clone(), json!({ "machine_id": "m9" })))
        .then_refused(Code::UnknownMachine, &[])
        .when(with(own.clone(), json!({ "operator_user_id": "stranger" })))
        .then_refused(Code::UnknownMachine, &[])
        .when(own.clone())
        .then_accepted()
        .and([machine_update("m1", json!({ "operator_user_id": "new" }))])
        // What it set before stays set, for the day the machine comes back.
        .when(own)
        .then_replayed(2);
}

#[test]
fn targets_too_long_for_one_plan_are_refused() {
    let target = "x".repeat(1_000);
    let rules: Vec<(&str, &str)> = vec![(&target, "0.1000"); 10];
    given([machine("m1")]).when(splits(&rules)).then_refused(Code::LimitReached, &[]);
}
