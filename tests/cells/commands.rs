//! One command of each type, about the things of somebody.

use serde_json::{Value, json};

/// Somebody's things, by their ids.
#[derive(Debug, Clone, Copy)]
pub struct Things {
    pub number: u64,
    pub operator: &'static str,
    pub machine: &'static str,
    pub lp: &'static str,
    pub client: &'static str,
    pub deposit: &'static str,
}

/// Of those who speak.
pub const MINE: Things = Things {
    number: 1,
    operator: "op-maya",
    machine: "m1",
    lp: "ana",
    client: "ana-m1",
    deposit: "d1",
};

pub const OTHERS: Things = Things {
    number: 2,
    operator: "op-omar",
    machine: "m2",
    lp: "bob",
    client: "bob-m2",
    deposit: "d2",
};

pub const NOBODYS: Things = Things {
    number: 9,
    operator: "op-nobody",
    machine: "m9",
    lp: "nobody",
    client: "nobody-m9",
    deposit: "d9",
};

/// All that makes the things.
pub fn setting(things: Things, npub: &str) -> Vec<Value> {
    let Things { operator, machine, lp, client, deposit, .. } = things;
    vec![
        json!({ "type": "machine.register", "id": machine, "operator_user_id": operator,
            "wallet_id": format!("w-{machine}"), "fiat_code": "GTQ", "machine_npub": npub }),
        json!({ "type": "lp.set", "user_id": lp, "dca_wallet_id": format!("w-{lp}") }),
        json!({ "type": "client.enroll", "id": client, "machine_id": machine, "user_id": lp }),
        json!({ "type": "deposit.record", "id": deposit, "client_id": client, "amount": "10.00",
            "creator_user_id": operator }),
        claim(things, 1),
    ]
}

fn claim(things: Things, which: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": things.hash(which), "machine_id": things.machine,
        "tx_type": "cash_out", "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
        "fiat_amount": "2000.00", "fiat_code": "GTQ", "exchange_rate": "129.5145" })
}

/// A command of a type. Said again, it is the same.
pub fn command(name: &str, things: Things, own_npub: &str) -> Value {
    let Things { operator, machine, lp, client, deposit, .. } = things;
    let hash = things.hash(1);
    let of = |more: Value| {
        let mut command = json!({ "type": name });
        let fields = command.as_object_mut().expect("an object");
        fields.extend(more.as_object().expect("an object").clone());
        command
    };
    let bays = json!({ "1": { "denomination": 100, "count": 5 } });
    of(match name {
        "config.set" => json!({ "super_cash_in_fee_fraction": "0.0100" }),
        "operator.set" => json!({ "operator_user_id": operator, "utc_offset": "-06:00" }),
        "machine.register" => json!({ "id": format!("new-{machine}"), "operator_user_id": operator,
            "wallet_id": format!("w-new-{machine}"), "fiat_code": "GTQ" }),
        "machine.update" => json!({ "id": machine, "name": "Corner" }),
        // The machine keeps the key by which it speaks.
        "machine.pair" if machine == MINE.machine => {
            json!({ "id": machine, "machine_npub": own_npub, "bunker_spire_key_name": "spire" })
        }
        "machine.pair" => {
            json!({ "id": machine, "machine_npub": format!("{:064x}", things.number + 3),
            "bunker_spire_key_name": "spire" })
        }
        "splits.set" => json!({ "operator_user_id": operator, "machine_id": machine,
            "splits": [{ "target": "wallet-x", "fraction": "1" }] }),
        "lp.set" => json!({ "user_id": lp, "dca_wallet_id": format!("w-{lp}") }),
        "client.enroll" => json!({ "id": format!("new-{client}"), "machine_id": machine,
            "user_id": format!("new-{lp}") }),
        "client.update" => json!({ "id": client, "status": "active" }),
        "deposit.record" => {
            json!({ "id": format!("new-{deposit}"), "client_id": client, "amount": "1.00",
            "creator_user_id": operator })
        }
        "deposit.confirm" | "deposit.reject" => json!({ "id": deposit }),
        "settlement.claim" => return claim(things, 2),
        "settlement.begin" | "settlement.release" | "settlement.finish" => {
            json!({ "payment_hash": hash, "processing_claim": "p" })
        }
        "settlement.adjust" => {
            json!({ "payment_hash": hash, "fiat_amount": "0.00", "principal_sats": 0,
            "fee_sats": 0, "reason": "nothing came out" })
        }
        "settlement.note" => json!({ "payment_hash": hash, "id": "n1", "note": "a note" }),
        "settlement.fail" | "settlement.void" => {
            json!({ "payment_hash": hash, "error_message": "no" })
        }
        "leg.intend" => json!({ "payment_hash": hash, "leg_id": format!("{hash}:1"),
            "external_payment_hash": things.hash(7), "bolt11": "lnbc7", "amount_sats": 1,
            "from_wallet_id": format!("w-{machine}"), "expires_at": 1_767_226_200 }),
        "leg.outcome" => json!({ "payment_hash": hash, "leg_id": "1", "status": "completed" }),
        "leg.add" => json!({ "payment_hash": hash, "leg_id": "r1", "leg_type": "refund",
            "amount_sats": 1, "destination_wallet_id": "w" }),
        "beacon.report" => {
            json!({ "machine_id": machine, "cash_out": true, "received_at": 1_767_225_600 })
        }
        "telemetry.report" => json!({ "machine_id": machine, "telemetry": { "up": 1 },
            "received_at": 1_767_225_600 }),
        "cassettes.set" => json!({ "machine_id": machine, "positions": bays }),
        "cassettes.report" => {
            json!({ "machine_id": machine, "positions": bays, "state_at": 1_767_225_600 })
        }
        other => panic!("the page has a command that is not tried: {other}"),
    })
}
