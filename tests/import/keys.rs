//! One key can lead to several things: payment hashes are whatever a claim says, and the names of requests
//! and of rows that were brought in are keys, too. Each thing goes its own way.

use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use spireledger::ledger::stream;
use spireledger::payer::read_settlement;
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::RequestId;
use spireledger_schema::{Answer, Code, EntryKey, Event, streams};

use crate::database::read;
use crate::later::{HASH, accepted, cell, change, claim, refused, remaining, world};
use crate::world::World;

/// A command about the settlement on a key.
fn on(key: EntryKey, mut command: Value) -> Value {
    command["payment_hash"] = json!(key.to_string());
    command
}

/// The key under which a request of the command line is found again.
fn named(command: &str) -> EntryKey {
    streams::request(&Actor::Local, command, &RequestId::parse("r1").unwrap())
}

fn begin() -> Value {
    json!({ "type": "settlement.begin", "processing_claim": "w" })
}

fn fail() -> Value {
    json!({ "type": "settlement.fail", "payment_hash": HASH, "request_id": "r1",
        "error_message": "no bills" })
}

fn replayed(answer: Answer) {
    assert!(matches!(answer, Answer::Replayed(_)), "{answer:?}");
}

#[test]
fn a_leg_is_its_settlements_whatever_is_claimed_on_its_own_key() {
    for is_claimed_first in [true, false] {
        let world = world();
        let key = streams::imported_alone(SourceTable::Legs, "p1");
        let claimed = || accepted(world.ask(&on(key, claim(1_000))));
        if is_claimed_first {
            claimed();
        }
        change(
            &world,
            "INSERT INTO spirekeeper.dca_payments (id, settlement_id, client_id, machine_id,
                operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time, status)
                VALUES ('p1', 's1', 'c1', 'm1', 'op', 'dca', 25903, 200, 1, 'completed')",
        );
        assert_eq!(world.import("db", None).appended(), 1);
        if !is_claimed_first {
            claimed();
        }
        assert_eq!(world.import("db", None).appended(), 0, "{is_claimed_first}");
        change(&world, "UPDATE spirekeeper.dca_payments SET amount_fiat = 100");
        assert_eq!(world.import("db", None).appended(), 1);
        assert_eq!(remaining(&world).2, "400.00");
        let tables = world.tables(12);
        assert_eq!(tables["dca_payments"], read(&world.path("db"))["dca_payments"]);
        assert_eq!(cell(&tables, "dca_payments", "p1", "settlement_id"), Sql::Text("s1".into()));
        accepted(world.ask(&on(key, begin())));
        let own = stream(&**world.ledger().log(), &key).unwrap();
        assert!(own.iter().all(|entry| !matches!(entry.event, Event::RowImported(_))), "{own:#?}");
        world.ends_sound();
    }
}

#[test]
fn a_settlement_that_is_brought_in_on_the_key_of_a_request_is_one_of_its_own() {
    let world = world();
    let key = named("settlement.fail");
    accepted(world.ask(&fail()));
    change(
        &world,
        &format!(
            "INSERT INTO spirekeeper.dca_settlements (id, machine_id, payment_hash, wire_sats,
                fiat_amount, fiat_code, exchange_rate, principal_sats, fee_sats, platform_fee_sats,
                operator_fee_sats, tx_type, created_at, status) SELECT 's2', machine_id, '{key}',
                wire_sats, fiat_amount, fiat_code, exchange_rate, principal_sats, fee_sats,
                platform_fee_sats, operator_fee_sats, tx_type, created_at, 'pending'
                FROM spirekeeper.dca_settlements WHERE id = 's1'"
        ),
    );
    let report = world.import("db", None);
    assert_eq!((report.appended(), report.refused.len()), (1, 0), "{:?}", report.refused);
    assert_eq!(world.import("db", None).appended(), 0);
    let status = |id| cell(&world.tables(12), "dca_settlements", id, "status");
    assert_eq!(
        (status("s1"), status("s2")),
        (Sql::Text("failed".into()), Sql::Text("pending".into()))
    );
    replayed(world.ask(&fail()));
    accepted(world.ask(&on(key, begin())));
    assert_eq!(stream(&**world.ledger().log(), &key).unwrap().len(), 2);
    world.ends_sound();
}

#[test]
fn a_claim_and_a_request_under_one_key_come_in_any_order_and_are_found_again() {
    let lp = json!({ "type": "lp.set", "user_id": "ben", "dca_wallet_id": "w-ben",
        "request_id": "r1" });
    let requests = [("lp.set", lp), ("settlement.fail", fail())];
    for (command, request) in requests {
        for is_claimed_first in [true, false] {
            let world = world();
            let claim = on(named(command), claim(1_000));
            let (first, second) =
                if is_claimed_first { (&claim, &request) } else { (&request, &claim) };
            accepted(world.ask(first));
            accepted(world.ask(second));
            accepted(world.ask(&on(named(command), begin())));
            replayed(world.ask(first));
            replayed(world.ask(second));
            world.ends_sound();
        }
    }
}

/// An entry that bore one key twice would be linked to itself.
#[test]
fn a_request_whose_name_is_the_hash_it_is_about_is_refused() {
    let world = world();
    let key = named("settlement.fail");
    accepted(world.ask(&on(key, claim(1_000))));
    refused(world.ask(&on(key, fail())), Code::Conflict);
    let mut other = on(key, fail());
    other["request_id"] = json!("r2");
    accepted(world.ask(&other));
    world.ends_sound();
}

const LEG: &str = "INSERT INTO spirekeeper.dca_payments (id, settlement_id, client_id, machine_id,
    operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time, status)
    VALUES ('p1', SETTLEMENT, 'c1', 'm1', 'op', 'dca', 25903, 200, 1, 'completed')";

/// Another settlement of the database, with the same content as the first.
fn settlement(id: &str, payment_hash: &str) -> String {
    format!(
        "INSERT INTO spirekeeper.dca_settlements (id, machine_id, payment_hash, wire_sats, fiat_amount,
            fiat_code, exchange_rate, principal_sats, fee_sats, platform_fee_sats, operator_fee_sats,
            tx_type, created_at, status) SELECT '{id}', machine_id, '{payment_hash}', wire_sats,
            fiat_amount, fiat_code, exchange_rate, principal_sats, fee_sats, platform_fee_sats,
            operator_fee_sats, tx_type, created_at, 'processed'
            FROM spirekeeper.dca_settlements WHERE id = 's1'"
    )
}

/// What the settlement on a key is made of: how many sats on how many legs, all of them planned here.
fn is_paid_as_it_was_claimed(world: &World, key: EntryKey, sats: u64) {
    accepted(world.ask(&on(key, begin())));
    let hash = PaymentHash::from_bytes(*key.as_bytes());
    let settlement = read_settlement(&**world.ledger().log(), &hash).unwrap().unwrap();
    assert_eq!(settlement.imported, None);
    assert!(settlement.legs.iter().all(|leg| leg.imported.is_none()), "{:#?}", settlement.legs);
    let sum: u64 = settlement.legs.iter().map(|leg| leg.leg.amount_sats.get()).sum();
    assert_eq!(sum, sats);
}

#[test]
fn a_leg_of_no_settlement_is_not_of_what_is_claimed_on_its_key() {
    for of in ["NULL", "'gone'"] {
        let world = world();
        let key = streams::imported_alone(SourceTable::Legs, "p1");
        accepted(world.ask(&on(key, claim(1_000))));
        change(&world, &LEG.replace("SETTLEMENT", of));
        let report = world.import("db", None);
        assert_eq!((report.appended(), report.refused.len()), (1, 0), "{of}: {:?}", report.refused);
        let column = |irregular: &spireledger::import::Irregular| {
            (irregular.id.as_str() == "p1").then_some(irregular.column)
        };
        let columns: Vec<_> = report.irregular.iter().filter_map(column).collect();
        assert_eq!(columns, ["settlement_id"], "{of}");
        assert_eq!(remaining(&world).2, "300.00");
        is_paid_as_it_was_claimed(&world, key, 8_771);
        assert_eq!(world.import("db", None).appended(), 0, "{of}");
        change(&world, "UPDATE spirekeeper.dca_payments SET amount_fiat = 150");
        assert_eq!(world.import("db", None).appended(), 1, "{of}");
        let shown = &world.tables(12)["dca_payments"];
        let found = &read(&world.path("db"))["dca_payments"][0];
        assert!(shown.contains(found), "{of}: {shown:#?}");
        world.ends_sound();
    }
}

#[test]
fn a_settlement_without_a_hash_is_not_what_is_claimed_on_its_key() {
    for is_claimed_first in [true, false] {
        let world = world();
        let key = streams::imported_alone(SourceTable::Settlements, "s9");
        let same = on(key, claim(259_029));
        if is_claimed_first {
            accepted(world.ask(&same));
        }
        change(&world, &settlement("s9", "odd"));
        let report = world.import("db", None);
        assert_eq!((report.appended(), report.refused.len()), (1, 0), "{:?}", report.refused);
        assert_eq!(world.import("db", None).appended(), 0);
        if is_claimed_first {
            replayed(world.ask(&same));
            is_paid_as_it_was_claimed(&world, key, 266_800);
        } else {
            // Whoever comes second is refused, whatever it says.
            refused(world.ask(&same), Code::Conflict);
        }
        let shown = &world.tables(12)["dca_settlements"];
        let found = &read(&world.path("db"))["dca_settlements"];
        assert!(found.iter().all(|row| shown.contains(row)), "{shown:#?}");
        assert_eq!(shown.len(), if is_claimed_first { 3 } else { 2 });
        world.ends_sound();
    }
}

/// What was paid of it elsewhere nobody can hold against what is paid of it here.
#[test]
fn a_leg_of_a_settlement_that_was_claimed_here_is_a_conflict() {
    // An id of its own, and that of our tables.
    for is_ours in [false, true] {
        let world = world();
        let key = named("settlement.fail");
        let id = if is_ours { key.to_string() } else { "s2".into() };
        accepted(world.ask(&on(key, claim(259_029))));
        change(&world, &settlement(&id, &key.to_string()));
        change(&world, &LEG.replace("SETTLEMENT", &format!("'{id}'")));
        for _ in 0..2 {
            let report = world.import("db", None);
            let refused = report.refused.iter();
            let refused: Vec<_> =
                refused.map(|no| (no.table, no.id.as_str(), no.refusal.code)).collect();
            let expected = [
                (SourceTable::Settlements, id.as_str(), Code::Conflict),
                (SourceTable::Legs, "p1", Code::Conflict),
            ];
            assert_eq!(refused, expected);
            assert_eq!(report.appended(), 0);
            let message = &report.refused[1].refusal.message;
            assert!(message.contains(&key.to_string()) && message.contains("p1"), "{message}");
        }
        assert_eq!(remaining(&world).2, "500.00");
        is_paid_as_it_was_claimed(&world, key, 266_800);
        world.ends_sound();
    }
}

/// What goes on here is not overwritten by another name, nor by legs that somebody else paid.
#[test]
fn what_was_begun_here_is_the_same_whatever_it_is_called_later() {
    let world = world();
    let key = EntryKey::parse_hex(HASH).unwrap();
    let begin = on(key, begin());
    accepted(world.ask(&begin));
    let before =
        read_settlement(&**world.ledger().log(), &PaymentHash::from_bytes(*key.as_bytes()));
    let before = before.unwrap();
    change(&world, "UPDATE spirekeeper.dca_settlements SET id = 's2', status = 'processed'");
    change(&world, &LEG.replace("SETTLEMENT", "'s2'"));
    for _ in 0..2 {
        let report = world.import("db", None);
        let refused = report.refused.iter();
        let refused: Vec<_> = refused.map(|no| (no.id.as_str(), no.refusal.code)).collect();
        assert_eq!(refused, [("s2", Code::Conflict), ("p1", Code::Conflict)]);
        assert_eq!(report.appended(), 0);
    }
    let hash = PaymentHash::from_bytes(*key.as_bytes());
    assert_eq!(read_settlement(&**world.ledger().log(), &hash).unwrap(), before);
    world.ends_sound();
}
