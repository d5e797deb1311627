//! A machine that reports over HTTP.

use std::io::Read as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nostr_sdk::nips::nip98::{HttpData, HttpMethod};
use nostr_sdk::prelude::base64::Engine as _;
use nostr_sdk::prelude::base64::engine::general_purpose::STANDARD;
use nostr_sdk::{EventBuilder, JsonUtil as _, Url};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::chaos::Dice;
use crate::{LOST, Machine, Receipts, take};

/// Sends its claims, some of them twice, in any order, until it has a receipt for each.
pub fn report(machine: &Machine, origin: &str) -> Receipts {
    let mut dice = Dice::new(machine.number as u64 + 1);
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let agent = config.timeout_global(Some(Duration::from_secs(5))).build().new_agent();
    let mut receipts = Receipts::new();
    while receipts.len() < machine.claims.len() {
        let mut open: Vec<&Value> = machine.claims.iter().collect();
        open.extend(machine.claims.iter().filter(|_| dice.below(3) == 0).collect::<Vec<_>>());
        dice.shuffle(&mut open);
        for claim in open {
            if dice.below(4) == 0 {
                std::thread::sleep(Duration::from_millis(dice.below(200)));
            }
            match send(&agent, machine, origin, claim, &mut dice) {
                Some(answer) => drop(take(&mut receipts, &answer)),
                None => drop(LOST.fetch_add(1, Ordering::Relaxed)),
            }
        }
    }
    receipts
}

/// One attempt. Whatever goes wrong, the claim is sent again.
fn send(
    agent: &ureq::Agent,
    machine: &Machine,
    origin: &str,
    claim: &Value,
    dice: &mut Dice,
) -> Option<Value> {
    let mut command = claim.clone();
    command["type"] = json!("settlement.claim");
    let body = command.to_string();
    let url = format!("{origin}/v1/commands");
    let hash: [u8; 32] = Sha256::digest(body.as_bytes()).into();
    let hash = nostr_sdk::hashes::sha256::Hash::from_bytes_ref(&hash).to_owned();
    let data = HttpData::new(Url::parse(&url).expect("a URL"), HttpMethod::POST).payload(hash);
    let nonce = nostr_sdk::Tag::parse(["nonce", &dice.below(u64::MAX).to_string()]).expect("a tag");
    let event = EventBuilder::http_auth(data).tag(nonce).sign_with_keys(&machine.keys);
    let signed = STANDARD.encode(event.expect("signed").as_json());
    let request = agent.post(&url).header("authorization", format!("Nostr {signed}"));
    let mut answer = request.send(body).ok()?;
    let status = answer.status().as_u16();
    let mut text = String::new();
    answer.body_mut().as_reader().read_to_string(&mut text).ok()?;
    // Full for a moment, or on its way down.
    if status >= 500 {
        return None;
    }
    assert!(matches!(status, 200 | 201), "{status}: {text}");
    serde_json::from_str(&text).ok()
}
