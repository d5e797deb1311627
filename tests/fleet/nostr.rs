//! A machine that reports over Nostr.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nostr_sdk::nips::nip44::{self, Version};
use nostr_sdk::pool::RelayPoolNotification;
use nostr_sdk::{Client, EventBuilder, Filter, Kind, PublicKey, RelayUrl, SubscriptionId, Tag};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::chaos::Dice;
use crate::{LOST, Machine, Receipts, take};

/// How long a machine listens before it sends again what has no answer.
const LISTEN: Duration = Duration::from_millis(1_500);

/// Sends its claims, some of them twice, in any order and without waiting, until it has a receipt for each.
pub async fn report(machine: &Machine, ledger: PublicKey, relays: &[RelayUrl]) -> Receipts {
    let mut dice = Dice::new(machine.number as u64 + 1);
    let client = Client::new(machine.keys.clone());
    for url in relays {
        client.add_relay(url).await.expect("a relay");
    }
    let mut heard = client.notifications();
    client.connect().await;
    let mut receipts = Receipts::new();
    while receipts.len() < machine.claims.len() {
        // Anew each time: a relay that was away has forgotten it.
        let answers = Filter::new().kind(Kind::from(21000)).pubkey(machine.keys.public_key());
        let _ = client.subscribe_with_id(SubscriptionId::new("answers"), answers, None).await;
        let mut open: Vec<&Value> = machine.claims.iter().collect();
        open.extend(machine.claims.iter().filter(|_| dice.below(3) == 0).collect::<Vec<_>>());
        dice.shuffle(&mut open);
        for claim in open {
            let event = request(machine, ledger, claim, &mut dice);
            // Relays that are away take nothing; the next round tells.
            let _ = client.send_event(&event).await;
        }
        let until = Instant::now() + LISTEN;
        while receipts.len() < machine.claims.len()
            && let Ok(Ok(told)) = timeout_at(until, heard.recv()).await
        {
            let RelayPoolNotification::Event { event, .. } = told else { continue };
            if event.pubkey != ledger {
                continue;
            }
            let text = nip44::decrypt(machine.keys.secret_key(), &ledger, &event.content);
            let answer: Value = serde_json::from_str(&text.expect("for us")).expect("JSON");
            let is_taken = take(&mut receipts, &answer);
            assert!(is_taken || answer["code"] == "busy", "{answer:#}");
        }
        let missing = machine.claims.len() - receipts.len();
        LOST.fetch_add(missing, Ordering::Relaxed);
    }
    client.shutdown().await;
    receipts
}

fn request(
    machine: &Machine,
    ledger: PublicKey,
    claim: &Value,
    dice: &mut Dice,
) -> nostr_sdk::Event {
    let request = json!({ "rpcName": "settlement.claim", "body": claim,
        "requestId": dice.below(1_000_000).to_string() });
    let secret = machine.keys.secret_key();
    let sealed = nip44::encrypt(secret, &ledger, request.to_string(), Version::V2);
    EventBuilder::new(Kind::from(21000), sealed.expect("encrypted"))
        .tags([Tag::public_key(ledger)])
        .sign_with_keys(&machine.keys)
        .expect("signed")
}
