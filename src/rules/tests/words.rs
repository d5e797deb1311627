//! Short ways to say common commands.

use serde_json::{Value, json};

/// A payment hash by number.
pub(super) fn hash(number: u64) -> String {
    format!("{number:064x}")
}

/// A public key by number.
pub(super) fn npub(key: u8) -> String {
    format!("{key:02x}").repeat(32)
}

/// A command with other or more fields. A field set to [`Value::Null`] is given as null.
pub(super) fn with(mut command: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    for (name, value) in fields {
        command[name] = value;
    }
    command
}

/// A command without a field.
pub(super) fn without(mut command: Value, field: &str) -> Value {
    command.as_object_mut().unwrap().remove(field).expect("the field is there");
    command
}

pub(super) fn config(fields: Value) -> Value {
    with(json!({ "type": "config.set" }), fields)
}

/// A machine of operator `op` with a wallet of its own, in GTQ.
pub(super) fn operator(offset: &str) -> Value {
    json!({ "type": "operator.set", "operator_user_id": "op", "utc_offset": offset })
}

pub(super) fn machine(id: &str) -> Value {
    json!({ "type": "machine.register", "id": id, "operator_user_id": "op",
        "wallet_id": format!("wallet of {id}"), "fiat_code": "GTQ" })
}

pub(super) fn machine_update(id: &str, fields: Value) -> Value {
    with(json!({ "type": "machine.update", "id": id }), fields)
}

pub(super) fn pair(id: &str, key: u8) -> Value {
    json!({ "type": "machine.pair", "id": id, "machine_npub": npub(key),
        "bunker_spire_key_name": format!("spire-{id}") })
}

pub(super) fn splits(splits: &[(&str, &str)]) -> Value {
    let rule = |(target, fraction): &(&str, &str)| json!({"target": target, "fraction": fraction});
    let rules: Vec<Value> = splits.iter().map(rule).collect();
    json!({ "type": "splits.set", "operator_user_id": "op", "splits": rules })
}

pub(super) fn lp(user: &str) -> Value {
    json!({ "type": "lp.set", "user_id": user, "dca_wallet_id": format!("wallet of {user}") })
}

/// Enrols a user at `m1`, under the user's own name.
pub(super) fn enroll(user: &str) -> Value {
    json!({ "type": "client.enroll", "id": user, "machine_id": "m1", "user_id": user })
}

pub(super) fn client_update(id: &str, fields: Value) -> Value {
    with(json!({ "type": "client.update", "id": id }), fields)
}

pub(super) fn deposit(id: &str, client: &str, amount: &str) -> Value {
    json!({ "type": "deposit.record", "id": id, "client_id": client, "amount": amount,
        "creator_user_id": "op" })
}

pub(super) fn confirm(id: &str) -> Value {
    json!({ "type": "deposit.confirm", "id": id })
}

pub(super) fn reject(id: &str) -> Value {
    json!({ "type": "deposit.reject", "id": id })
}

/// All that it takes for a user to have this much at `m1`.
pub(super) fn funded(user: &str, amount: &str) -> [Value; 4] {
    let id = format!("deposit of {user}");
    [lp(user), enroll(user), deposit(&id, user, amount), confirm(&id)]
}

/// 2,000.00 GTQ for 266,800 sats, 3 % of principal as the fee, at `m1`.
pub(super) fn cash_out(number: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": hash(number), "machine_id": "m1",
        "tx_type": "cash_out", "wire_sats": 266_800, "principal_sats": 259_029,
        "fee_sats": 7_771, "fiat_amount": "2000.00", "fiat_code": "GTQ",
        "exchange_rate": "129.5145", "occurred_at": 1_767_225_600 })
}

/// 100.00 GTQ for 12,563 sats, at `m1`.
pub(super) fn cash_in(number: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": hash(number), "machine_id": "m1",
        "tx_type": "cash_in", "wire_sats": 12_563, "principal_sats": 12_951,
        "fee_sats": 388, "fiat_amount": "100.00", "fiat_code": "GTQ",
        "exchange_rate": "129.51" })
}

/// Any command about a settlement.
fn of(type_name: &str, number: u64, fields: Value) -> Value {
    with(json!({ "type": type_name, "payment_hash": hash(number) }), fields)
}

pub(super) fn begin(number: u64, claim: &str) -> Value {
    of("settlement.begin", number, json!({ "processing_claim": claim }))
}

pub(super) fn release(number: u64, claim: &str) -> Value {
    of("settlement.release", number, json!({ "processing_claim": claim }))
}

/// The dispenser gave 1,500.00 of 2,000.00 GTQ.
pub(super) fn adjust(number: u64) -> Value {
    adjust_to(number, "1500.00", 194_272, 5_828)
}

pub(super) fn adjust_to(number: u64, fiat: &str, principal: u64, fee: u64) -> Value {
    of(
        "settlement.adjust",
        number,
        json!({ "fiat_amount": fiat, "principal_sats": principal, "fee_sats": fee,
            "reason": "the dispenser jammed" }),
    )
}

pub(super) fn note(number: u64, id: &str, text: &str) -> Value {
    of("settlement.note", number, json!({ "id": id, "note": text }))
}

pub(super) fn finish(number: u64) -> Value {
    of("settlement.finish", number, json!({}))
}

pub(super) fn fail(number: u64) -> Value {
    of("settlement.fail", number, json!({}))
}

pub(super) fn void(number: u64) -> Value {
    of("settlement.void", number, json!({}))
}

/// The id of a planned leg.
pub(super) fn leg_id(number: u64, leg: u32) -> String {
    format!("{}:{leg}", hash(number))
}

/// A payment of a planned leg is about to be sent: the invoice of this number.
pub(super) fn intend(number: u64, leg: u32, invoice: u64, sats: u64) -> Value {
    of(
        "leg.intend",
        number,
        json!({ "leg_id": leg_id(number, leg), "external_payment_hash": hash(invoice),
            "bolt11": format!("lnbc{invoice}"), "amount_sats": sats,
            "from_wallet_id": "wallet of m1", "expires_at": 1_767_226_200 }),
    )
}

/// How a planned leg ended.
pub(super) fn outcome(number: u64, leg: u32, status: &str) -> Value {
    of("leg.outcome", number, json!({ "leg_id": leg_id(number, leg), "status": status }))
}

pub(super) fn refund(number: u64, id: &str, sats: u64) -> Value {
    of(
        "leg.add",
        number,
        json!({ "leg_id": id, "leg_type": "refund", "amount_sats": sats,
            "destination_ln_address": "customer@example.com" }),
    )
}

pub(super) fn autoforward(number: u64, id: &str, client: &str, sats: u64) -> Value {
    of(
        "leg.add",
        number,
        json!({ "leg_id": id, "leg_type": "autoforward", "amount_sats": sats,
            "client_id": client, "destination_ln_address": "lp@example.com" }),
    )
}

pub(super) fn beacon(at: i64) -> Value {
    json!({ "type": "beacon.report", "machine_id": "m1", "cash_in": true, "received_at": at })
}

pub(super) fn telemetry(at: i64) -> Value {
    json!({ "type": "telemetry.report", "machine_id": "m1", "telemetry": {"door": "shut"},
        "received_at": at })
}

pub(super) fn cassettes_set(count: u32) -> Value {
    json!({ "type": "cassettes.set", "machine_id": "m1",
        "positions": { "1": { "denomination": 100, "count": count } } })
}

pub(super) fn cassettes_report(count: u32) -> Value {
    json!({ "type": "cassettes.report", "machine_id": "m1",
        "positions": { "1": { "denomination": 100, "count": count } } })
}
