//! What the words cost: nanoseconds for each step of a claim's way through this crate.
//!
//! `cargo run --release -p spireledger-schema --example speed [STEP]`

use std::hint::black_box;
use std::time::Instant;

use spireledger_schema::answer::{Answer, Receipt};
use spireledger_schema::command::Command;
use spireledger_schema::event::{Event, SettlementClaimed};
use spireledger_schema::identity::{Actor, Evidence, PaymentHash, PublicKey, Role};
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Dispensed, Line};
use spireledger_schema::text::{Currency, MachineId, UserId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::TxType;
use spireledger_schema::{Circumstances, Entry, EntryHash, Front};

const CLAIM: &str = r#"{"type":"settlement.claim","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","machine_id":"m1","tx_type":"cash_out","wire_sats":266800,"principal_sats":259029,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"GTQ","exchange_rate":"129.5145","occurred_at":1767225600,"bitspire_event_id":null,"bitspire_txid":"tx-1","bills":null,"cassettes":[{"position":1,"denomination":100,"provisioned":20,"dispensed":20,"rejected":0}]}"#;

/// Times `step`, best of five, and prints what one costs.
fn time<T>(what: &str, mut step: impl FnMut() -> T) {
    const ROUNDS: u32 = 100_000;
    if std::env::args().nth(1).is_some_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    let mut best = u128::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(step());
        }
        best = best.min(start.elapsed().as_nanos() / u128::from(ROUNDS));
    }
    println!("{what:<40} {best:>6} ns");
}

fn main() {
    let entry = entry().expect("a valid entry");
    let mut bytes = Vec::new();
    entry.encode(&mut bytes).expect("it fits");
    let answer = Answer::Accepted(Receipt::of(&entry, EntryHash::GENESIS.chain(&bytes)));

    println!("a claim: {} bytes as JSON, {} bytes as an entry", CLAIM.len(), bytes.len());
    time("Command::parse", || Command::parse(black_box(CLAIM)));
    let mut out = Vec::with_capacity(4096);
    time("Entry::encode", || {
        out.clear();
        black_box(&entry).encode(&mut out)
    });
    time("Entry::decode", || Entry::decode(black_box(&bytes)));
    time("EntryHash::chain", || EntryHash::GENESIS.chain(black_box(&bytes)));
    time("Receipt::of", || Receipt::of(black_box(&entry), EntryHash::GENESIS));
    time("Answer::write_json, accepted", || {
        out.clear();
        black_box(&answer).write_json(&mut out);
    });
}

fn entry() -> Option<Entry> {
    Some(Entry {
        front: Front {
            seq: 1_000_000,
            key: PaymentHash::from_bytes([0x9f; 32]).key(),
            alias: None,
        },
        circumstances: Circumstances {
            recorded_at: Timestamp::from_micros(1_767_225_601_123_456)?,
            occurred_at: Timestamp::from_seconds(1_767_225_600),
            actor: Actor::Key { role: Role::Machine, public_key: PublicKey::from_bytes([7; 32]) },
            request_id: None,
            evidence: Some(Evidence::NostrEvent {
                id: [1; 32],
                signature: [2; 64],
                kind: 21_000,
                created_at: Timestamp::from_seconds(1_767_225_600)?,
            }),
        },
        event: Event::SettlementClaimed(SettlementClaimed {
            machine_id: MachineId::parse("m1")?,
            operator_user_id: UserId::parse("op")?,
            tx_type: TxType::CashOut,
            wire_sats: Sats::new(266_800)?,
            principal_sats: Sats::new(259_029)?,
            fee_sats: Sats::new(7_771)?,
            platform_fee_sats: Sats::new(2_590)?,
            operator_fee_sats: Sats::new(5_181)?,
            fee_mismatch_sats: 0,
            super_fee_fraction: Fraction::from_ten_thousandths(100)?,
            operator_fee_fraction: Fraction::from_ten_thousandths(200)?,
            fiat_amount: Fiat::from_minor(200_000)?,
            fiat_code: Currency::parse("GTQ")?,
            exchange_rate: ExchangeRate::parse("129.5145")?,
            bitspire_event_id: None,
            bitspire_txid: Line::parse("tx-1"),
            bills: None,
            cassettes: Some(vec![Dispensed {
                position: 1,
                denomination: 100,
                provisioned: 20,
                dispensed: 20,
                rejected: 0,
            }]),
            machine_seq: Some(1),
        }),
    })
}
