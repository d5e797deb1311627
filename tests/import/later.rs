//! A later state of a database, and what goes on here after it was brought in.

use serde_json::{Value, json};
use spireledger::ledger::replay_fleet;
use spireledger::rules::Request;
use spireledger_schema::text::ClientId;
use spireledger_schema::{Answer, Code, Command};

use crate::database::{Line, Tables, made, read};
use crate::world::World;

pub const HASH: &str = "9f00000000000000000000000000000000000000000000000000000000000001";

/// A small fleet with a settlement that waits, and a deposit that waits.
pub const FLEET: &str = "
    UPDATE spirekeeper.super_config SET super_cash_in_fee_fraction = 0.01,
        super_cash_out_fee_fraction = 0.01, super_fee_wallet_id = 'w-super', updated_at = 1700000000;
    INSERT INTO spirekeeper.dca_machines (id, operator_user_id, machine_npub, wallet_id, fiat_code,
        operator_cash_out_fee_fraction, created_at, updated_at)
        VALUES ('m1', 'op', NULL, 'w-m1', 'GTQ', 0.02, 1700000001, 1700000001);
    INSERT INTO spirekeeper.dca_lp (user_id, dca_wallet_id, created_at, updated_at)
        VALUES ('ana', 'w-ana', 1700000002, 1700000002);
    INSERT INTO spirekeeper.dca_clients (id, machine_id, user_id, username, created_at, updated_at)
        VALUES ('c1', 'm1', 'ana', 'Ana', 1700000003, 1700000003.5);
    INSERT INTO spirekeeper.dca_deposits (id, client_id, machine_id, creator_user_id, amount,
        currency, status, created_at, confirmed_at)
        VALUES ('d1', 'c1', 'm1', 'op', 500, 'GTQ', 'confirmed', 1700000004, 1700000005),
        ('d2', 'c1', 'm1', 'op', 250.5, 'GTQ', 'pending', 1700000006, NULL);
    INSERT INTO spirekeeper.dca_settlements (id, machine_id, payment_hash, wire_sats, fiat_amount,
        fiat_code, exchange_rate, principal_sats, fee_sats, platform_fee_sats, operator_fee_sats,
        tx_type, notes, created_at, bitspire_txid)
        VALUES ('s1', 'm1', '9f00000000000000000000000000000000000000000000000000000000000001', 266800,
        2000, 'GTQ', 129.5145, 259029, 7771, 2590, 5181, 'cash_out', 'seen', 1700000007, 'tx-1');
    INSERT INTO spirekeeper.dca_commission_splits (id, operator_user_id, target, fraction, sort_order,
        created_at) VALUES ('x1', 'op', 'w-op', 0.7, 0, 1700000008), ('x2', 'op', 'a@b.c', 0.3, 1,
        1700000008);";

pub fn world() -> World {
    let world = World::new();
    let db = made(&world.path("db"), 12, Line::Upgraded);
    db.execute_batch(FLEET).unwrap();
    let report = world.import("db", None);
    assert_eq!((report.version, report.refused.len()), (12, 0));
    world
}

pub fn change(world: &World, sql: &str) {
    crate::database::attached(&world.path("db")).execute_batch(sql).unwrap();
}

pub fn remaining(world: &World) -> (String, String, String) {
    let fleet = replay_fleet(&**world.ledger().log()).unwrap();
    let client = fleet.client(&ClientId::parse("c1").unwrap()).unwrap();
    let (confirmed, unconfirmed) = (client.confirmed_fiat, client.unconfirmed_fiat);
    (confirmed.to_string(), unconfirmed.to_string(), client.remaining_fiat().unwrap().to_string())
}

pub fn claim(principal: u64) -> Value {
    json!({ "type": "settlement.claim", "payment_hash": HASH, "machine_id": "m1",
        "tx_type": "cash_out", "wire_sats": principal + 7771, "principal_sats": principal,
        "fee_sats": 7771, "fiat_amount": "2000.00", "fiat_code": "GTQ",
        "exchange_rate": "129.5145", "bitspire_txid": "tx-1" })
}

pub fn refused(answer: Answer, code: Code) {
    match answer {
        Answer::Refused(refusal) => assert_eq!(refusal.code, code, "{}", refusal.message),
        other => panic!("{other:?}"),
    }
}

pub fn accepted(answer: Answer) {
    assert!(matches!(answer, Answer::Accepted(_)), "{answer:?}");
}

pub fn cell(tables: &Tables, table: &str, id: &str, column: &str) -> rusqlite::types::Value {
    let row = tables[table].iter().find(|row| row["id"] == rusqlite::types::Value::Text(id.into()));
    row.unwrap()[column].clone()
}

#[test]
fn a_later_state_appends_what_differs_and_nothing_else() {
    let world = world();
    assert_eq!(remaining(&world), ("500.00".into(), "250.50".into(), "500.00".into()));
    change(
        &world,
        "UPDATE spirekeeper.dca_deposits SET status = 'confirmed', confirmed_at = 1700000100
            WHERE id = 'd2';
         UPDATE spirekeeper.dca_machines SET name = 'At the lake' WHERE id = 'm1';
         INSERT INTO spirekeeper.dca_payments (id, settlement_id, client_id, machine_id,
            operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time, status)
            VALUES ('p1', 's1', 'c1', 'm1', 'op', 'dca', 25903, 200, 1700000101, 'pending');",
    );
    assert_eq!(world.import("db", None).appended(), 3);
    assert_eq!(remaining(&world), ("750.50".into(), "0.00".into(), "550.50".into()));
    change(&world, "UPDATE spirekeeper.dca_payments SET status = 'voided'");
    assert_eq!(world.import("db", None).appended(), 1);
    assert_eq!(remaining(&world).2, "750.50");
    assert_eq!(world.tables(12), read(&world.path("db")));
    world.ends_sound();
}

#[test]
fn rules_that_are_gone_from_a_later_state_are_gone_here() {
    let world = world();
    change(
        &world,
        "DELETE FROM spirekeeper.dca_commission_splits;
         INSERT INTO spirekeeper.dca_commission_splits (id, machine_id, operator_user_id, target,
            fraction) VALUES ('x9', 'm1', 'op', 'w-op', 1);",
    );
    assert_eq!(world.import("db", None).appended(), 2);
    assert_eq!(world.tables(12), read(&world.path("db")));
    assert_eq!(world.import("db", None).appended(), 0);
    world.ends_sound();
}

#[test]
fn a_row_that_comes_back_to_its_settlement_is_not_counted_twice() {
    let world = world();
    let leg = |settlement: &str| {
        format!(
            "INSERT OR REPLACE INTO spirekeeper.dca_payments (id, settlement_id, client_id,
                machine_id, operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time,
                status, created_at)
                VALUES ('p1', '{settlement}', 'c1', 'm1', 'op', 'dca', 25903, 200, 1, 'completed', 9)"
        )
    };
    change(&world, &leg("gone"));
    assert_eq!(world.import("db", None).appended(), 1);
    assert_eq!(remaining(&world).2, "300.00");
    change(&world, &leg("s1"));
    assert_eq!(world.import("db", None).appended(), 1);
    assert_eq!(remaining(&world).2, "300.00");
    assert_eq!(world.tables(12), read(&world.path("db")));
    world.ends_sound();
}

#[test]
fn our_own_tables_say_nothing_new() {
    let world = World::new();
    let month = include_str!("../../fixtures/fleet/month.jsonl");
    for command in month.lines().filter_map(|line| Command::parse(line).ok()) {
        world.ledger().ask_one(Request::local(command)).unwrap();
    }
    for version in 1..=12 {
        let name = format!("v{version}.sqlite");
        world.tables(version);
        let report = world.import(&name, None);
        // What a table could not say of the moment (it keeps seconds), it does not say otherwise.
        assert_eq!(report.refused, [], "version {version}");
        assert_eq!(report.appended(), 0, "version {version}: {:?}", report.tables);
    }
    world.ends_sound();
}

#[test]
fn a_settlement_is_one_whatever_it_is_called_and_whatever_it_says_later() {
    let world = world();
    let begin =
        json!({ "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "w" });
    for change_to in [
        "id = 's2'",
        "status = 'odd'",
        "id = 's3', wire_sats = -1",
        "status = 'failed', wire_sats = 266800, id = 's4'",
    ] {
        change(&world, &format!("UPDATE spirekeeper.dca_settlements SET {change_to}"));
        assert_eq!(world.import("db", None).appended(), 1, "{change_to}");
        assert_eq!(world.import("db", None).appended(), 0, "{change_to}");
        assert_eq!(world.tables(12), read(&world.path("db")), "{change_to}");
        if change_to.contains("odd") {
            refused(world.ask(&begin), Code::WrongState);
        }
    }
    accepted(world.ask(&begin));
    world.ends_sound();
}

#[test]
fn a_deposit_that_came_before_its_enrolment_counts_once_that_is_there() {
    let world = World::new();
    let db = made(&world.path("db"), 12, Line::Upgraded);
    let late = FLEET.replace("INSERT INTO spirekeeper.dca_clients", "INSERT INTO dca_clients");
    db.execute_batch(
        "CREATE TABLE dca_clients (id, machine_id, user_id, username, created_at, updated_at)",
    )
    .unwrap();
    db.execute_batch(&late).unwrap();
    world.import("db", None);
    db.execute_batch(
        "INSERT INTO spirekeeper.dca_clients (id, machine_id, user_id) VALUES ('c1', 'm1', 'ana')",
    )
    .unwrap();
    assert_eq!(world.import("db", None).appended(), 3);
    assert_eq!(remaining(&world), ("500.00".into(), "250.50".into(), "500.00".into()));
    assert_eq!(world.import("db", None).appended(), 0);
    world.ends_sound();
}

#[test]
fn the_machine_s_own_claim_of_what_was_brought_in_is_a_replay_and_another_a_conflict() {
    let world = world();
    let Answer::Replayed(receipt) = world.ask(&claim(259_029)) else { panic!("a replay") };
    // Whoever claimed it looks for its hash in the answer.
    assert_eq!(receipt.payment_hash.map(|hash| hash.to_string()).as_deref(), Some(HASH));
    refused(world.ask(&claim(259_030)), Code::Conflict);
    world.ends_sound();
}

#[test]
fn what_was_brought_in_goes_on_here_and_then_the_database_is_not_believed_over_it() {
    let world = world();
    accepted(world.ask(&json!({ "type": "deposit.confirm", "id": "d2" })));
    assert_eq!(remaining(&world).2, "750.50");
    accepted(world.ask(&json!({
        "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "worker-1" })));
    accepted(world.ask(&json!({
        "type": "settlement.note", "payment_hash": HASH, "id": "n1", "note": "begun" })));
    accepted(world.ask(&json!({ "type": "client.update", "id": "c1", "username": "Ana M." })));
    let text = |text: &str| rusqlite::types::Value::Text(text.into());
    let tables = world.tables(12);
    assert_eq!(cell(&tables, "dca_settlements", "s1", "status"), text("processing"));
    assert_eq!(cell(&tables, "dca_settlements", "s1", "notes"), text("seen\nbegun"));
    assert_eq!(cell(&tables, "dca_deposits", "d2", "status"), text("confirmed"));
    assert_eq!(cell(&tables, "dca_clients", "c1", "username"), text("Ana M."));
    assert!(tables["dca_payments"].iter().all(|leg| leg["settlement_id"] == text("s1")));

    // The same file again: nothing new. What changed there, too, is refused.
    assert_eq!(world.import("db", None).appended(), 0);
    change(
        &world,
        "UPDATE spirekeeper.dca_clients SET username = 'Anna';
         UPDATE spirekeeper.dca_settlements SET status = 'processed';
         UPDATE spirekeeper.dca_deposits SET status = 'confirmed', confirmed_at = 1795000000
            WHERE id = 'd2';",
    );
    let report = world.import("db", None);
    assert_eq!((report.appended(), report.refused.len()), (0, 2), "{:?}", report.refused);
    assert_eq!(remaining(&world).2, "0.00");
    world.ends_sound();
}

#[test]
fn what_does_not_add_up_is_shown_and_not_paid() {
    let world = world();
    let begin =
        json!({ "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "w" });
    change(&world, "UPDATE spirekeeper.dca_settlements SET wire_sats = 300000");
    let report = world.import("db", None);
    assert!(report.irregular.iter().any(|irregular| irregular.column == "wire_sats"));
    refused(world.ask(&begin), Code::Unbalanced);

    change(
        &world,
        "UPDATE spirekeeper.dca_settlements SET wire_sats = 266800;
         UPDATE spirekeeper.dca_commission_splits SET fraction = 0.6 WHERE id = 'x1';",
    );
    world.import("db", None);
    refused(world.ask(&begin), Code::SplitsSum);
    assert_eq!(world.tables(12), read(&world.path("db")));

    let splits = json!([{ "target": "w-op", "fraction": "1.0" }]);
    accepted(
        world.ask(&json!({ "type": "splits.set", "operator_user_id": "op", "splits": splits })),
    );
    change(
        &world,
        "INSERT INTO spirekeeper.dca_payments (id, settlement_id, machine_id, operator_user_id,
            leg_type, amount_sats, transaction_time, status)
            VALUES ('p1', 's1', 'm1', 'op', 'super_fee', 2590, 1, 'completed')",
    );
    world.import("db", None);
    refused(world.ask(&begin), Code::Unbalanced);
    world.ends_sound();
}

#[test]
fn what_was_being_paid_elsewhere_is_paid_here_only_once_it_is_begun_here() {
    let world = world();
    let leg = |id: &str, kind: &str, sats: u64| {
        format!(
            "INSERT INTO spirekeeper.dca_payments (id, settlement_id, machine_id, operator_user_id,
                leg_type, amount_sats, transaction_time, status)
                VALUES ('{id}', 's1', 'm1', 'op', '{kind}', {sats}, 1, 'pending');"
        )
    };
    change(&world, "UPDATE spirekeeper.dca_settlements SET status = 'processing'");
    let legs = [leg("p1", "super_fee", 2590), leg("p2", "operator_split", 5181)];
    change(&world, &format!("{}{}", legs.concat(), leg("p3", "settlement", 259_029)));
    world.import("db", None);
    let intend = json!({ "type": "leg.intend", "payment_hash": HASH, "leg_id": "p1",
        "external_payment_hash": HASH.replace("9f", "8e"), "bolt11": "lnbc1", "amount_sats": 2590,
        "from_wallet_id": "w-m1", "expires_at": 1_795_000_900 });
    refused(world.ask(&intend), Code::WrongState);
    accepted(world.ask(&json!({
        "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "w" })));
    accepted(world.ask(&intend));
    world.ends_sound();
}

#[test]
fn an_lp_paid_beyond_its_balance_has_less_than_nothing_left() {
    let world = world();
    change(
        &world,
        "INSERT INTO spirekeeper.dca_payments (id, settlement_id, client_id, machine_id,
            operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time, status)
            VALUES ('p1', 's1', 'c1', 'm1', 'op', 'dca', 97000, 750.0051, 1, 'confirmed')",
    );
    let report = world.import("db", None);
    assert!(report.irregular.iter().any(|irregular| irregular.column == "amount_fiat"));
    assert_eq!(remaining(&world).2, "-250.01");
    world.ends_sound();
}
