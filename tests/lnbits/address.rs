//! Legs that go to a Lightning address, an LNURL or an invoice key.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::http::listen;
use crate::server::{self, Server, Wallet};
use crate::world::{SHARES, World};

/// What the address says of itself, and the hash that its invoices have to bear.
const SAID: &str = "[[\"text/plain\",\"an operator\"]]";
const HASH: &str = "d1f6ba077f6d0c36d0681d1468f33349fced2bcd1de77366a33b0a4b54ea0036";

/// A Lightning address that pays into a wallet. `change` may spoil the invoice that it asks for.
pub fn address(
    server: &Arc<Server>,
    wallet: &Wallet,
    change: impl Fn(&mut Value) + Send + 'static,
) -> String {
    let (server, wallet) = (Arc::downgrade(server), wallet.clone());
    let host = listen(move |request| {
        let server = server.upgrade()?;
        let path = request.path();
        let Some((_, msat)) = path.split_once("amount=") else {
            assert_eq!(path, "/.well-known/lnurlp/op");
            let head = request.head.to_lowercase();
            let host = head.lines().find_map(|line| line.strip_prefix("host:")).expect("a host");
            let callback = format!("http://{}/pay", host.trim());
            let offer = json!({ "tag": "payRequest", "callback": callback, "metadata": SAID,
                "minSendable": 1_000, "maxSendable": 100_000_000_000_u64 });
            return Some((200, offer.to_string()));
        };
        let sats = msat.parse::<u64>().expect("millisats") / 1_000;
        let mut wanted =
            json!({ "amount": sats, "unit": "sat", "memo": "", "description_hash": HASH });
        change(&mut wanted);
        let bolt11 = server.invoice(&wallet, wanted);
        Some((200, json!({ "pr": bolt11, "routes": [] }).to_string()))
    });
    format!("op@{host}")
}

/// A world whose operator has its fee sent elsewhere; the fourth wallet is where it arrives.
fn world_with(server: &Arc<Server>, target: &str, receiver: &Wallet) -> World {
    let mut world = World::new(server, Some(target));
    world.wallets[3] = receiver.clone();
    world
}

#[test]
fn a_lightning_address_is_paid_once_however_often_the_payer_dies() {
    let Some(server) = server::shared() else { return };
    for crash in ["pay:invoice-made", "pay:sent", "pay:known"] {
        let receiver = server.wallet("receiver", 0);
        let target = address(&server, &receiver, |_| {});
        let world = world_with(&server, &target, &receiver);
        for _ in 0..3 {
            world.pay(&["--once"], Some(crash));
        }
        world.pay(&["--wait", "30"], None).ends_with(0);
        assert_eq!(world.sats(), SHARES, "{crash}");
        world.is_paid_once();
    }
}

#[test]
fn an_address_whose_payment_was_perhaps_never_sent_waits_for_a_person() {
    let Some(server) = server::shared() else { return };
    let receiver = server.wallet("receiver", 0);
    let target = address(&server, &receiver, |wanted| wanted["expiry"] = json!(2));
    let world = world_with(&server, &target, &receiver);
    let died = world.pay(&["--once"], Some("pay:intended@1"));
    assert!(died.err.contains("crash point"), "{died:#?}");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let run = world.pay(&["--wait", "5", "--json"], None).ends_with(1);
    let done = run.json()["done"].clone();
    let unclear: Vec<&Value> =
        done.as_array().unwrap().iter().filter(|done| done["did"] == "unclear").collect();
    assert_eq!(unclear.len(), 1, "{done:#}");
    let stuck = world.run(&["stuck"]).ends_with(1);
    assert!(stuck.out.contains("leg.outcome"), "{stuck:#?}");
    // The person has looked: it was not paid.
    world.submit(&[json!({ "type": "leg.outcome", "payment_hash": crate::world::hash(),
        "leg_id": unclear[0]["leg_id"], "status": "failed",
        "external_payment_hash": unclear[0]["external_payment_hash"] })]);
    world.pay(&["--wait", "30"], None).ends_with(0);
    assert_eq!(world.sats(), SHARES);
}

#[test]
fn an_invoice_for_something_else_is_not_paid() {
    let Some(server) = server::shared() else { return };
    let spoils: [fn(&mut Value); 2] = [
        |wanted| wanted["amount"] = json!(wanted["amount"].as_u64().unwrap() + 1),
        |wanted| wanted["description_hash"] = json!("00".repeat(32)),
    ];
    for spoil in spoils {
        let receiver = server.wallet("receiver", 0);
        let target = address(&server, &receiver, spoil);
        let world = world_with(&server, &target, &receiver);
        let run = world.pay(&["--once", "--json"], None).ends_with(1);
        let done = run.json()["done"].clone();
        let blocked =
            done.as_array().unwrap().iter().filter(|done| done["did"] == "blocked").count();
        assert_eq!(blocked, 1, "{done:#}");
        assert_eq!(server.sats(&receiver), 0);
    }
}

#[test]
fn a_split_can_go_to_an_invoice_key() {
    let Some(server) = server::shared() else { return };
    let receiver = server.wallet("receiver", 0);
    let world = world_with(&server, &receiver.invoice_key, &receiver);
    world.pay(&["--once"], Some("pay:intended@1"));
    let run = world.pay(&["--wait", "30"], None).ends_with(0);
    assert!(!run.out.contains(&receiver.invoice_key), "an invoice key is a secret");
    world.is_paid_once();
}
