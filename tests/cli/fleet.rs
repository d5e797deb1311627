//! The recorded month of a fleet, through the real binary.

use std::path::PathBuf;

use serde_json::Value;

use crate::world::World;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/fleet").join(name)
}

fn month() -> String {
    fixture("month.jsonl").to_string_lossy().into_owned()
}

fn expected() -> Vec<Value> {
    let text = std::fs::read_to_string(fixture("month.expected.jsonl")).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_line_of_the_month_is_answered_as_recorded() {
    let world = World::with_ledger();
    let answers = world.run(&["submit", &month()]).ends_with(1).lines();
    let expected = expected();
    assert_eq!(answers.len(), expected.len());
    for (answer, wanted) in answers.iter().zip(&expected) {
        assert_eq!(answer["status"], wanted["status"], "line {}: {answer}", wanted["line"]);
        assert_eq!(answer["code"], wanted["code"], "line {}: {answer}", wanted["line"]);
    }
    world.run(&["verify"]).succeeds();
}

#[test]
fn the_month_again_moves_no_money() {
    let world = World::with_ledger();
    let first = world.run(&["submit", &month()]).ends_with(1).lines();
    let balances = world.run(&["balances", "--json"]).json()["balances"].clone();
    let money = |world: &World| {
        let stats = world.run(&["log", "stats", "--json"]).json();
        let kinds = [
            "settlement.claimed",
            "settlement.begun",
            "settlement.adjusted",
            "settlement.finished",
            "settlement.noted",
            "leg.ended",
            "leg.added",
            "deposit.confirmed",
            "deposit.rejected",
            "machine.registered",
            "client.enrolled",
        ];
        kinds.map(|kind| stats["events"][kind].clone())
    };
    let before = money(&world);
    let again = world.run(&["submit", &month()]).ends_with(1).lines();
    assert_eq!(money(&world), before);
    assert_eq!(world.run(&["balances", "--json"]).json()["balances"], balances);
    // Whatever has an identity of its own gets its first receipt again.
    for (first, again) in first.iter().zip(&again) {
        if first["status"] == "accepted" && !first["payment_hash"].is_null() {
            assert_eq!(again["status"], "replayed", "{first}");
            assert_eq!(again["seq"], first["seq"]);
            assert_eq!(again["entry_hash"], first["entry_hash"]);
        }
    }
    world.run(&["verify"]).succeeds();
}

#[test]
fn every_settlement_of_the_month_can_be_traced_and_adds_up() {
    let world = World::with_ledger();
    world.run(&["submit", "--summary", &month()]).ends_with(1);
    let settlements =
        world.run(&["tables", "show", "dca_settlements", "--json"]).succeeds().lines();
    let payments = world.run(&["tables", "show", "dca_payments", "--json"]).succeeds().lines();
    assert!(settlements.len() > 100);
    for settlement in &settlements {
        if settlement["status"] == "voided" {
            continue;
        }
        let legs = payments.iter().filter(|leg| {
            // An autoforward moves sats that a dca leg has paid already.
            leg["settlement_id"] == settlement["id"]
                && leg["leg_type"] != "autoforward"
                && leg["status"] != "voided"
        });
        let sum: u64 = legs.filter_map(|leg| leg["amount_sats"].as_u64()).sum();
        let due = if settlement["tx_type"] == "cash_out" { "wire_sats" } else { "fee_sats" };
        let due = settlement[due].as_u64().expect("a number");
        assert!(sum == due || sum == 0, "{settlement}: legs {sum}, due {due}");
    }
    let hash = settlements[0]["payment_hash"].as_str().expect("a hash");
    world.run(&["trace", hash]).succeeds();
}
