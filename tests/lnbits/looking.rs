//! `reconcile` against real wallets: every way in which ledger and wallet can differ.

use serde_json::{Value, json};

use crate::server;
use crate::world::{LEGS, World, hash};

fn kinds(report: &Value) -> Vec<String> {
    let open = report["open"].as_array().expect("a list").iter();
    let mut kinds: Vec<String> =
        open.map(|open| open["kind"].as_str().unwrap().to_owned()).collect();
    kinds.sort();
    kinds
}

#[test]
fn what_only_one_side_has_is_named() {
    let Some(server) = server::shared() else { return };
    let world = World::new(&server, None);
    let look = || world.run(&["reconcile", "--wallets", "wallets.json", "--json"]);
    // The sats of the claim came from nowhere and not by its hash: each side has what the other lacks.
    let report = look().ends_with(1).json();
    assert_eq!(kinds(&report), ["missing_here", "missing_there"], "{report:#}");
    assert_eq!(report["open"][1]["payment_hash"], hash());

    // Begun, one payment under way.
    world.pay(&["--once"], Some("pay:intended"));
    let report = look().ends_with(1).json();
    assert_eq!(kinds(&report), ["missing_here", "missing_there", "still_pending"], "{report:#}");

    // All paid: each payment agrees on both of its sides.
    world.pay(&["--wait", "30"], None).ends_with(0);
    let report = look().ends_with(1).json();
    assert_eq!(kinds(&report), ["missing_here", "missing_there"], "{report:#}");
    assert_eq!(report["agreed"], 2 * LEGS);

    // Somebody pays by hand.
    let [machine, lp, ..] = &world.wallets;
    let invoice = server.invoice(lp, json!({ "amount": 7, "unit": "sat", "memo": "by hand" }));
    server.pay(machine, &invoice);
    let report = look().ends_with(1).json();
    assert_eq!(kinds(&report), ["missing_here", "missing_here", "missing_there"], "{report:#}");
    let by_hand =
        report["open"].as_array().unwrap().iter().find(|open| open["wallet_msat"] == 7_000);
    assert_eq!(by_hand.expect("named")["side"], "out");
    // A table for a person says the same.
    let table = world.run(&["reconcile", "--wallets", "wallets.json"]).ends_with(1);
    assert!(table.out.contains("3 open"), "{table:#?}");
}

#[test]
fn a_leg_that_is_said_to_be_paid_and_was_not_is_named() {
    let Some(server) = server::shared() else { return };
    let world = World::new(&server, None);
    let said = |leg: u32, status: &str| {
        json!({ "type": "leg.outcome", "payment_hash": hash(), "leg_id": format!("{}:{leg}", hash()),
            "status": status, "external_payment_hash": format!("{leg:064x}") })
    };
    world.submit(&[
        json!({ "type": "settlement.begin", "payment_hash": hash(), "processing_claim": "by hand" }),
        said(1, "completed"),
    ]);
    let report =
        world.run(&["reconcile", "--wallets", "wallets.json", "--json"]).ends_with(1).json();
    let named = report["open"].as_array().unwrap().iter().filter(|open| {
        open["kind"] == "missing_there" && open["payment_hash"] == format!("{:064x}", 1)
    });
    assert!(named.count() >= 1, "{report:#}");
}
