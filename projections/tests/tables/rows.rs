//! What is in the rows, by example: where versions differ, and where a fact comes from.

use spireledger_projections::shape::Shape;
use spireledger_schema::json::Patch;

use super::database::filled;
use super::moves::Move;
use super::world::World;

/// The answer to a query over the tables of a version, cells joined by `|`.
fn answer(world: &World, version: u16, query: &str) -> Vec<String> {
    let db = filled(&Shape::at(version).unwrap(), world);
    let mut select = db.prepare(query).unwrap();
    let columns = select.column_count();
    let rows = select.query_map([], |row| {
        let cells: Vec<String> =
            (0..columns).map(|at| Ok(shown(row.get(at)?))).collect::<rusqlite::Result<_>>()?;
        Ok(cells.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn shown(value: rusqlite::types::Value) -> String {
    use rusqlite::types::Value::{Blob, Integer, Null, Real, Text};
    match value {
        Null => "-".into(),
        Integer(number) => number.to_string(),
        Real(number) => number.to_string(),
        Text(text) => text,
        Blob(_) => panic!("no column holds bytes"),
    }
}

fn check(world: &World, version: u16, query: &str, expected: &[&str]) {
    assert_eq!(answer(world, version, query), expected, "version {version}: {query}");
}

fn world(moves: &[Move]) -> World {
    World::of(&moves.iter().map(|happening| (1, happening.clone())).collect::<Vec<_>>(), None)
}

fn register(machine: u8, paired: bool) -> Move {
    Move::Register { machine, operator: 0, paired, currency: 1, fees: (100, 200) }
}

fn enroll(machine: u8, user: u8) -> Move {
    Move::Enroll { machine, user, username: None }
}

fn lp(user: u8) -> Move {
    Move::Lp {
        user,
        wallet: 7,
        fixed: Some(true),
        limit: Patch::Set(12_345),
        forward: Patch::Set(12),
    }
}

const CLAIM: Move = Move::Claim {
    machine: 1,
    cash_out: true,
    principal: 259_029,
    fee: 7_771,
    fiat: 200_000,
    details: 6,
};

#[test]
fn a_machine_without_a_key_appears_with_version_11_but_what_hangs_on_it_always_did() {
    let world = world(&[register(1, false), register(2, true), lp(1), enroll(1, 1), CLAIM]);
    for version in 1..=13 {
        let machines: &[&str] =
            if version < 11 { &["machine-2"] } else { &["machine-1", "machine-2"] };
        check(&world, version, "SELECT id FROM dca_machines ORDER BY id", machines);
        check(&world, version, "SELECT machine_id FROM dca_clients", &["machine-1"]);
        check(&world, version, "SELECT machine_id FROM dca_settlements", &["machine-1"]);
    }
}

#[test]
fn an_enrolment_without_a_wallet_appears_with_version_4() {
    let world = world(&[register(1, true), enroll(1, 1), enroll(1, 2), lp(2)]);
    let clients = "SELECT id FROM dca_clients ORDER BY id";
    check(&world, 3, clients, &["client-1-2"]);
    check(&world, 4, clients, &["client-1-1", "client-1-2"]);
    check(&world, 4, "SELECT user_id FROM dca_lp", &["user-2"]);
}

#[test]
fn what_an_lp_wants_stands_in_each_of_its_enrolments_before_version_4() {
    let world = world(&[register(1, true), register(2, true), enroll(1, 1), lp(1), enroll(2, 1)]);
    let wants = "wallet_id, dca_mode, fixed_mode_daily_limit, autoforward_ln_address, \
                 autoforward_enabled";
    let expected = "lp-7|fixed|123.45|text 12|1";
    for version in 1..=3 {
        let query = format!("SELECT {wants} FROM dca_clients");
        check(&world, version, &query, &[expected, expected]);
    }
    let query = "SELECT dca_wallet_id, default_dca_mode, fixed_mode_daily_limit, \
                 autoforward_ln_address, autoforward_enabled FROM dca_lp";
    check(&world, 4, query, &[expected]);
}

#[test]
fn of_two_bays_with_the_same_bills_version_7_holds_the_last() {
    let believe = Move::Believe { machine: 1, bays: vec![(0, 11), (1, 22), (0, 33)], by: None };
    let report = Move::Report { machine: 1, bays: vec![(0, 1), (2, 2)] };
    let world = world(&[register(1, true), believe, report]);
    let bays = "SELECT position, denomination, count, state_count FROM cassette_configs ORDER BY 1";
    check(&world, 7, bays, &["2|50|22|2", "3|20|33|-"]);
    check(&world, 8, bays, &["1|20|11|1", "2|50|22|2", "3|20|33|-"]);
    let said = "SELECT position, state_denomination FROM cassette_configs ORDER BY 1";
    check(&world, 8, said, &["1|20", "2|100", "3|-"]);
}

#[test]
fn the_one_fraction_before_version_9_is_that_of_cash_outs() {
    let config = Move::Config {
        cash_in: Some(111),
        cash_out: Some(222),
        wallet: Patch::Set(1),
        cap: Patch::Set(5),
    };
    let world = world(&[config]);
    check(&world, 1, "SELECT id, super_fee_pct FROM super_config", &["default|0.0222"]);
    check(&world, 8, "SELECT super_fee_fraction FROM super_config", &["0.0222"]);
    let both = "SELECT super_cash_in_fee_fraction, super_cash_out_fee_fraction FROM super_config";
    check(&world, 9, both, &["0.0111|0.0222"]);
    check(
        &world,
        12,
        "SELECT max_cash_in_sats, super_fee_wallet_id FROM super_config",
        &["5|platform-1"],
    );
}

fn deposit_in_other_currency() -> [Move; 4] {
    let deposit = Move::Deposit { client: 0, amount: 1_500, currency: 2, notes: None };
    [register(1, true), lp(1), enroll(1, 1), deposit]
}

#[test]
fn a_deposit_is_in_the_machines_currency_from_version_5_on() {
    let world = world(&deposit_in_other_currency());
    let query = "SELECT amount, currency FROM dca_deposits";
    check(&world, 4, query, &["15|USD"]);
    check(&world, 5, query, &["15|EUR"]);
    check(&world, 12, query, &["15|EUR"]);
}

#[test]
fn a_settlement_speaks_the_words_of_its_version() {
    let world = world(&[register(1, true), CLAIM]);
    let money =
        "platform_fee_sats, operator_fee_sats, fiat_amount, fiat_code, exchange_rate, tx_type";
    let rest = "|2590|5181|2000|EUR|129.5145|cash_out";
    for (version, words, more, shown) in [
        (1, "gross_sats, net_sats, commission_sats", ", used_fallback_split", "|0"),
        (3, "gross_sats, principal_sats, commission_sats", ", used_fallback_split", "|0"),
        (6, "wire_sats, principal_sats, fee_sats", "", ""),
        (9, "wire_sats, principal_sats, fee_sats", ", fee_mismatch_sats", "|7471"),
    ] {
        let query = format!("SELECT {words}, {money}{more} FROM dca_settlements");
        check(&world, version, &query, &[&format!("266800|259029|7771{rest}{shown}")]);
    }
    let hash = "01".repeat(32);
    check(&world, 12, "SELECT id, payment_hash FROM dca_settlements", &[&format!("{hash}|{hash}")]);
}

#[test]
fn a_leg_tells_when_the_customer_came_and_when_it_was_planned() {
    let begin = Move::Begin { settlement: 0, legs: vec![(1, 0, 5_000, 0)] };
    let world = world(&[register(1, true), CLAIM, begin]);
    // The machine said that it happened five seconds before it was claimed.
    let query = "SELECT transaction_time, created_at, leg_type, status, operator_user_id, amount_sats \
                 FROM dca_payments";
    check(&world, 12, query, &["1767225597|1767225603|super_fee|pending|user-0|5000"]);
    check(&world, 12, "SELECT created_at FROM dca_settlements", &["1767225602"]);
}

#[test]
fn split_rules_are_told_apart_by_the_entry_that_set_them_and_their_place() {
    let rules = vec![(5, 2_500, None), (6, 7_500, Some(4))];
    let world = world(&[register(1, true), Move::Splits { operator: 0, machine: Some(1), rules }]);
    check(
        &world,
        1,
        "SELECT id, wallet_id, pct, sort_order FROM dca_commission_splits",
        &["2:0|text 5|0.25|0", "2:1|text 6|0.75|4"],
    );
    check(
        &world,
        6,
        "SELECT id, target, fraction FROM dca_commission_splits",
        &["2:0|text 5|0.25", "2:1|text 6|0.75"],
    );
}
