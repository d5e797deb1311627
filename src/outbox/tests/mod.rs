//! The outbox on a real disk, without a network.

mod bytes;
mod damage;
mod life;
mod model;

use std::path::Path;

use serde_json::{Value, json};
use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;

use super::record::{Receipt, Record, Refused, Via};
use super::{Keep, NewClaim, Outbox};

fn machine() -> MachineId {
    MachineId::parse("m1").unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_seconds(1_767_225_600).unwrap()
}

/// A claim of the settlement with this number.
fn claim_json(settlement: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": format!("{settlement:064x}"),
        "machine_id": "m1", "tx_type": "cash_out", "wire_sats": 266_800,
        "principal_sats": 259_029, "fee_sats": 7_771, "fiat_amount": "2000.00",
        "fiat_code": "GTQ", "exchange_rate": "129.5145" })
}

fn claim(settlement: u64) -> NewClaim {
    NewClaim::parse(claim_json(settlement).to_string().as_bytes(), &machine()).unwrap()
}

fn hash(settlement: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[24..].copy_from_slice(&settlement.to_be_bytes());
    hash
}

fn receipt(seq: u64) -> Receipt {
    Receipt {
        at: now().micros(),
        seq,
        entry_hash: [7; 32],
        via: Via::Nostr,
        answer: Some("{}".into()),
        proof: Some("an event".into()),
    }
}

fn refusal(code: &str) -> Refused {
    Refused { at: now().micros(), code: code.into(), message: "no".into(), answer: "{}".into() }
}

fn done(number: u64) -> Record {
    Record::Done { number, receipt: receipt(number) }
}

fn created(dir: &Path) -> Outbox {
    Outbox::create(dir, &machine(), 1).unwrap();
    opened(dir)
}

fn opened(dir: &Path) -> Outbox {
    Outbox::open(dir, &machine(), u64::MAX).unwrap()
}

fn keep(outbox: &mut Outbox, settlements: &[u64]) -> Vec<Keep> {
    let claims: Vec<NewClaim> = settlements.iter().map(|number| claim(*number)).collect();
    outbox.keep(&claims, now()).unwrap()
}
