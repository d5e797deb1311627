//! What an LP was paid goes on to its own Lightning address.

use serde_json::json;

use crate::address::address;
use crate::http::listen;
use crate::server;
use crate::world::{SHARES, World, hash};

/// What of the LP's 64,757 sats goes on, and what stays for the route.
const FORWARDED: u64 = 64_109;
const KEPT: u64 = SHARES[1] - FORWARDED;

fn wants_forwarding(world: &World, address: &str) {
    world.submit(&[
        json!({ "type": "lp.set", "user_id": "ana", "dca_wallet_id": world.wallets[1].id,
        "autoforward_enabled": true, "autoforward_ln_address": address }),
    ]);
}

#[test]
fn an_lp_s_sats_go_on_to_its_address_once_however_often_the_payer_dies() {
    let Some(server) = server::shared() else { return };
    let receiver = server.wallet("an LP's own", 0);
    let target = address(&server, &receiver, |_| {});
    let world = World::new(&server, None);
    wants_forwarding(&world, &target);
    // The three legs are paid, then it dies around the fourth, which is the forward.
    let died = world.pay(&["--once"], Some("pay:forward-added"));
    assert!(died.err.contains("crash point pay:forward-added"), "{died:#?}");
    for crash in ["pay:invoice-made", "pay:sent", "pay:known"] {
        world.pay(&["--once"], Some(crash));
    }
    world.pay(&["--wait", "30"], None).ends_with(0);
    world.pay(&["--once"], None).ends_with(0);
    let [machine, _, platform, operator] = SHARES;
    assert_eq!(world.sats(), [machine, KEPT, platform, operator]);
    assert_eq!(server.sats(&receiver), FORWARDED);
    world.run(&["verify"]).ends_with(0);
    world.run(&["stuck"]).ends_with(0);
}

#[test]
fn where_the_address_does_not_answer_the_sats_stay_with_the_lp_and_it_is_told() {
    let Some(server) = server::shared() else { return };
    let world = World::new(&server, None);
    let nobody = listen(|_| Some((500, "out of order".into())));
    wants_forwarding(&world, &format!("ana@{nobody}"));
    world.pay(&["--once"], None).ends_with(1);
    assert_eq!(world.sats(), SHARES);
    let stuck = world.run(&["stuck", "--json"]).ends_with(1).json();
    assert!(stuck[0]["what"].as_str().expect("text").contains("to be forwarded"), "{stuck:#}");
    world.submit(&[json!({ "type": "leg.outcome", "payment_hash": hash(), "status": "skipped",
        "leg_id": stuck[0]["leg_id"] })]);
    world.pay(&["--once"], None).ends_with(0);
    world.is_paid_once();
}
