//! What stands in the cells of a database: mostly what its columns are for, and sometimes not.

use rusqlite::types::Value;

/// Random numbers that follow from a seed (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }

    fn hex(&mut self) -> String {
        let parts: Vec<String> = (0..4).map(|_| format!("{:016x}", self.next())).collect();
        parts.concat()
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn words(random: &mut Random, all: &[&str]) -> Value {
    text(random.pick(all))
}

/// The number of the row is part of what has to be its own.
pub fn value(
    random: &mut Random,
    oddity: u64,
    table: &str,
    column: &str,
    declared: &str,
    is_needed: bool,
    number: u64,
) -> Value {
    if !is_needed && random.one_in(4) {
        return Value::Null;
    }
    let is_own = matches!(
        (table, column),
        (_, "id")
            | ("dca_machines", "wallet_id" | "machine_npub")
            | ("dca_lp", "user_id")
            | ("dca_telemetry", "machine_id")
            | ("cassette_configs", "machine_id" | "position")
    );
    if !is_own && random.below(1_000) < oddity {
        return odd(random, declared);
    }
    match column {
        "id" if table == "super_config" => text("default"),
        "id" if table == "dca_machines" => text(&format!("m{number}")),
        "id" if table == "dca_clients" => text(&format!("c{number}")),
        "id" if table == "dca_settlements" => text(&format!("s{number}")),
        "id" => text(&format!("{table}-{number}")),
        "machine_id" if table == "dca_telemetry" => text(&format!("m{number}")),
        "machine_id" if table == "cassette_configs" => text(&format!("m{}", number % 3)),
        "machine_id" => text(&format!("m{}", random.below(4))),
        "position" => Value::Integer(i64::try_from(number).unwrap() + 1),
        "denomination" | "state_denomination" => {
            Value::Integer(random.pick(&[1, 5, 10, 20, 50, 100, 200, 500]))
        }
        "user_id" if table == "dca_lp" => text(&format!("u{number}")),
        "user_id" | "creator_user_id" | "updated_by" => text(&format!("u{}", random.below(4))),
        "operator_user_id" => words(random, &["op-a", "op-b"]),
        "client_id" => text(&format!("c{}", random.below(8))),
        "settlement_id" => text(&format!("s{}", random.below(12))),
        "machine_npub" | "payment_hash" | "external_payment_hash" => text(&random.hex()),
        "wallet_id" if table == "dca_machines" => text(&format!("w{number}")),
        "fiat_code" => words(random, &["GTQ", "EUR"]),
        "currency" => words(random, &["GTQ", "EUR", "usd"]),
        "tx_type" => words(random, &["cash_in", "cash_out"]),
        "leg_type" => {
            let all = ["dca", "dca", "super_fee", "operator_split", "settlement", "autoforward"];
            words(random, &all)
        }
        "dca_mode" | "default_dca_mode" => words(random, &["flow", "fixed"]),
        "status" => status(random, table),
        "exchange_rate" => Value::Real(random.pick(&[129.5145, 1.0 / 3.0, 100.0, 1e-5])),
        _ => plain(random, column, declared, number),
    }
}

fn status(random: &mut Random, table: &str) -> Value {
    let all: &[&str] = match table {
        "dca_settlements" => &["pending", "processing", "processed", "partial", "failed", "voided"],
        "dca_payments" => &["pending", "completed", "confirmed", "failed", "voided", "refunded"],
        "dca_deposits" => &["pending", "confirmed", "rejected"],
        _ => &["active", "paused", "inactive"],
    };
    words(random, all)
}

fn plain(random: &mut Random, column: &str, declared: &str, number: u64) -> Value {
    match declared {
        "TIMESTAMP" => {
            Value::Integer(1_700_000_000 + i64::try_from(random.below(90_000_000)).unwrap())
        }
        "BOOLEAN" => Value::Integer(i64::try_from(random.below(2)).unwrap()),
        "BIGINT" | "INTEGER" => Value::Integer(i64::try_from(random.below(500_000)).unwrap()),
        "DECIMAL(10,4)" => Value::Real(random.pick(&[0.0, 0.03, 0.0333, 0.5, 1.0])),
        "DECIMAL(10,2)" => Value::Real(random.pick(&[100.0, 250.5, 0.01, 1_999.99])),
        _ if column.ends_with("_json") => words(random, &[r#"{"a": [1, 2]}"#, "[]"]),
        _ => text(&format!("{column} {number} é")),
    }
}

/// What no rule would allow, or no one would expect.
fn odd(random: &mut Random, declared: &str) -> Value {
    let texts = ["", "odd", "2026-01-01 10:11:12", "{bad"];
    match (declared, random.below(4)) {
        (_, 0) => words(random, &texts),
        ("TEXT", 1) => Value::Blob(vec![0, 255]),
        ("TEXT", 2) => text(&"x".repeat(300)),
        // Longer than an entry, and no piece ends between two characters for long.
        ("TEXT", _) => text(&"Sololá €🏧 ".repeat(5_000)),
        (_, 1) => Value::Integer(-5),
        (_, 2) => Value::Real(1_735_424_897.862_113),
        _ => Value::Real(random.pick(&[0.12345, 1.005, 199.99871, 1e17])),
    }
}
