//! A fleet's commands, numbered: command `n` is always the same line, makes exactly one entry, and may
//! be sent again at any time.

use serde_json::{Value, json};

/// Commands that come first: the platform, a machine, its LP and their money.
const BEGINNING: u64 = 6;

/// The first `len` commands.
pub fn first(len: u64) -> Vec<String> {
    (0..len).map(command).collect()
}

/// Command `n`, without a line's end.
pub fn command(n: u64) -> String {
    let value = if n < BEGINNING { beginning(n) } else { work(n) };
    value.to_string()
}

/// Command `n` of a fleet that reports much: every eighth is a long report.
pub fn verbose_command(n: u64) -> String {
    if n < BEGINNING || n % 8 != 7 {
        return command(n);
    }
    let telemetry = json!({ "n": n, "text": "t".repeat(7_000 + (n * 997 % 9_000) as usize) });
    let report = json!({ "type": "telemetry.report", "machine_id": "m1", "request_id": n.to_string(),
        "telemetry": telemetry, "received_at": 1_767_225_600 + n });
    report.to_string()
}

/// The payment hash of command `n`, if it is a claim.
pub fn payment_hash(n: u64) -> Option<String> {
    (n >= BEGINNING && n % 8 < 5).then(|| hash_of(n))
}

fn hash_of(n: u64) -> String {
    // Spread over the key space, as real ones are.
    blake3::hash(&n.to_le_bytes()).to_hex().to_string()
}

fn beginning(n: u64) -> Value {
    match n {
        0 => json!({ "type": "config.set", "super_cash_out_fee_fraction": "0.0100" }),
        1 => json!({ "type": "machine.register", "id": "m1", "operator_user_id": "op",
            "wallet_id": "w1", "fiat_code": "GTQ", "operator_cash_out_fee_fraction": "0.0200" }),
        2 => json!({ "type": "lp.set", "user_id": "lp1", "dca_wallet_id": "w-lp1" }),
        3 => json!({ "type": "client.enroll", "id": "c1", "machine_id": "m1", "user_id": "lp1" }),
        4 => json!({ "type": "deposit.record", "id": "d-first", "client_id": "c1",
            "amount": "5000.00", "creator_user_id": "op" }),
        _ => json!({ "type": "deposit.confirm", "id": "d-first" }),
    }
}

fn work(n: u64) -> Value {
    // The claim before, for what belongs to a claim.
    let claim = hash_of(n / 8 * 8);
    match n % 8 {
        0..=4 => json!({ "type": "settlement.claim", "payment_hash": hash_of(n),
            "machine_id": "m1", "tx_type": "cash_out", "wire_sats": 266_800,
            "principal_sats": 259_029, "fee_sats": 7_771, "fiat_amount": "2000.00",
            "fiat_code": "GTQ", "exchange_rate": "129.5145", "bitspire_txid": format!("tx-{n}") }),
        5 => json!({ "type": "settlement.note", "payment_hash": claim, "id": format!("n-{n}"),
            "note": "x".repeat((n * 37 % 900) as usize) }),
        6 if n > 8 => json!({ "type": "settlement.begin", "payment_hash": claim,
            "processing_claim": "p" }),
        _ => json!({ "type": "deposit.record", "id": format!("d-{n}"), "client_id": "c1",
            "amount": "10.00", "creator_user_id": "op" }),
    }
}
