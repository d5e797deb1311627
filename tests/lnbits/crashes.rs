//! A payer that is killed at any step pays everything once in the end.

use spireledger::log::crash::POINTS;

use crate::server;
use crate::world::{LEGS, SHARES, WIRE, World};

#[test]
fn a_payer_that_dies_at_any_step_pays_every_leg_once() {
    let Some(server) = server::shared() else { return };
    // They wait for invoices to expire most of the time: they do so side by side.
    std::thread::scope(|scope| {
        // Nobody wants its sats forwarded here: `forward` has that.
        let of_pay = |point: &&&str| point.starts_with("pay:") && **point != "pay:forward-added";
        for point in POINTS.iter().filter(of_pay) {
            // At the first leg that passes it; where sats are about to move, at the last, too.
            let is_near = ["pay:intended", "pay:sent"].contains(point);
            for skip in if is_near { vec![0, LEGS - 1] } else { vec![0] } {
                let world = World::new(&server, None);
                scope.spawn(move || dies_and_pays_once(&world, point, skip));
            }
        }
    });
}

fn dies_and_pays_once(world: &World, point: &str, skip: u64) {
    let at = format!("{point}@{skip}");
    let died = world.pay(&["--once"], Some(&at));
    assert!(died.err.contains(&format!("crash point {point}")), "{at}: {died:#?}");
    assert_eq!(world.sats().iter().sum::<u64>(), WIRE, "{at}: sats were lost or made");
    // Twice more at the same place, if it is passed again; then in peace.
    world.pay(&["--once"], Some(point));
    world.pay(&["--once"], Some(point));
    world.pay(&["--wait", "60"], None).ends_with(0);
    assert_eq!(world.sats(), SHARES, "{at}");
    world.is_paid_once();
    // And whoever comes after that finds nothing to do.
    world.pay(&["--once"], None).ends_with(0);
    assert_eq!(world.sats(), SHARES, "{at}");
}

#[test]
fn a_dry_run_pays_nothing_and_writes_nothing() {
    let Some(server) = server::shared() else { return };
    let world = World::new(&server, None);
    let entries = || world.run(&["log", "stats", "--json"]).ends_with(0).json()["entries"].clone();
    let before = entries();
    let run = world.pay(&["--dry-run", "--json"], None).ends_with(1);
    assert_eq!(run.json()["done"][0]["did"], "would_begin");
    world.submit(&[serde_json::json!({ "type": "settlement.begin",
        "payment_hash": crate::world::hash(), "processing_claim": "by hand" })]);
    // What another processor holds is paid only by name.
    let run = world.pay(&["--dry-run", "--json"], None).ends_with(1);
    assert_eq!(run.json()["done"][0]["did"], "blocked");
    let run = world.pay(&[&crate::world::hash(), "--dry-run", "--json"], None).ends_with(1);
    let done = run.json()["done"].clone();
    let would = done.as_array().unwrap().iter().filter(|done| done["did"] == "would_pay");
    assert_eq!(would.count() as u64, LEGS, "{done:#}");
    assert_eq!(world.sats(), [WIRE, 0, 0, 0]);
    // The one more is the begin by hand.
    assert_eq!(entries().as_u64(), before.as_u64().map(|entries| entries + 1));
}

#[test]
fn a_wallet_without_sats_pays_nothing_and_says_so() {
    let Some(server) = server::shared() else { return };
    let mut world = World::new(&server, None);
    let empty = server.wallet("empty", 0);
    world.submit(&[
        serde_json::json!({ "type": "machine.update", "id": "m1", "wallet_id": empty.id }),
    ]);
    world.wallets[0] = empty;
    world.write_wallets(&server.url);
    let run = world.pay(&["--once", "--json"], None).ends_with(1);
    let done = run.json()["done"].clone();
    let blocked = done.as_array().unwrap().iter().filter(|done| done["did"] == "blocked");
    assert_eq!(blocked.count() as u64, LEGS, "{done:#}");
    assert!(run.out.contains("holds 0 sats"), "{run:#?}");
}
