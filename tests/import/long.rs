//! Rows that are longer than an entry come in whole, in pieces.

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params};
use serde_json::json;
use spireledger::audit::verify;
use spireledger::ledger::{AsOf, fleet_occurred, past, replay_fleet, stream};
use spireledger::log::{Head, Log, MemoryLog, ReadLog, Sealer};
use spireledger::tables::{Leftover, export_sqlite, rows};
use spireledger_projections::shape::Shape;
use spireledger_projections::tables::Cell;
use spireledger_projections::versions::NEWEST;
use spireledger_schema::event::PIECE_BYTES;
use spireledger_schema::limits::ROW_BYTES_MAX;
use spireledger_schema::text::DepositId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Code, Entry, Event, streams};

use crate::database::{attached, read};
use crate::later::{HASH, accepted, cell, claim, refused, remaining, world};
use crate::world::World;

/// Three pieces, and none ends where a character does.
fn long() -> String {
    let text = "€".repeat(PIECE_BYTES * 2 / 3 + 1_000);
    assert!(text.len() > 2 * PIECE_BYTES && text.len() < 3 * PIECE_BYTES - 1_000);
    text
}

fn set(world: &World, table: &str, column: &str, value: &str) {
    let update = format!("UPDATE spirekeeper.{table} SET {column} = ?1");
    attached(&world.path("db")).execute(&update, [value]).unwrap();
}

fn head(world: &World) -> u64 {
    world.ledger().log().head().seq
}

/// The tables of the newest version are the database's.
fn is_shown(world: &World) {
    let (found, tables) = (read(&world.path("db")), world.tables(NEWEST));
    for (table, rows) in &found {
        assert!(tables.get(table) == Some(rows), "{table}");
    }
}

#[test]
fn a_row_longer_than_an_entry_comes_in_whole_and_once() {
    // Of every table, and for what the ledger goes on with as for what it only keeps.
    for (table, column) in [
        ("super_config", "super_fee_wallet_id"),
        ("dca_machines", "name"),
        ("dca_machines", "fiat_code"),
        ("dca_lp", "autoforward_ln_address"),
        ("dca_clients", "username"),
        ("dca_clients", "status"),
        ("dca_deposits", "notes"),
        ("dca_deposits", "creator_user_id"),
        ("dca_settlements", "notes"),
        ("dca_settlements", "error_message"),
        ("dca_settlements", "status"),
    ] {
        let world = world();
        let (before, text) = (head(&world), long());
        let rows = read(&world.path("db"))[table].len() as u64;
        set(&world, table, column, &text);
        let report = world.import("db", None);
        assert_eq!((report.appended(), report.refused.len()), (rows, 0), "{table}.{column}");
        assert_eq!(head(&world), before + 3 * rows, "{table}.{column}: in three pieces each");
        is_shown(&world);
        assert_eq!(world.import("db", None).appended(), 0, "{table}.{column}");
        // One character in one row, and a row that is short again.
        let change =
            format!("UPDATE spirekeeper.{table} SET {column} = {column} || 'x' WHERE rowid = 1");
        attached(&world.path("db")).execute(&change, []).unwrap();
        assert_eq!(world.import("db", None).appended(), 1, "{table}.{column}");
        is_shown(&world);
        set(&world, table, column, "short");
        assert_eq!(world.import("db", None).appended(), rows, "{table}.{column}");
        is_shown(&world);
        world.ends_sound();
    }
}

#[test]
fn what_is_long_by_its_name_or_its_bytes_comes_in_whole() {
    let world = world();
    let db = attached(&world.path("db"));
    let (id, bytes) = (long(), vec![0xfe_u8; 3 * PIECE_BYTES]);
    db.execute(
        "INSERT INTO spirekeeper.dca_deposits (id, client_id, machine_id, creator_user_id, amount,
            currency, notes, created_at) VALUES (?1, 'c1', 'm1', 'op', 1, 'GTQ', ?2, 1)",
        params![id, bytes],
    )
    .unwrap();
    // A leg is found again by its own key, wherever its settlement is.
    db.execute(
        "INSERT INTO spirekeeper.dca_payments (id, settlement_id, client_id, machine_id,
            operator_user_id, leg_type, amount_sats, amount_fiat, transaction_time, status,
            error_message) VALUES ('p1', 's1', 'c1', 'm1', 'op', 'dca', 25903, 200, 1, 'completed', ?1)",
        [&id],
    )
    .unwrap();
    assert_eq!(world.import("db", None).appended(), 2);
    assert_eq!(remaining(&world).2, "300.00");
    is_shown(&world);
    db.execute("UPDATE spirekeeper.dca_payments SET settlement_id = NULL", []).unwrap();
    db.execute("UPDATE spirekeeper.dca_payments SET amount_fiat = 100", []).unwrap();
    assert_eq!(world.import("db", None).appended(), 1);
    assert_eq!(remaining(&world).2, "400.00");
    assert_eq!(world.import("db", None).appended(), 0);
    world.ends_sound();
}

#[test]
fn a_rule_set_longer_than_an_entry_comes_in_whole_and_goes_again() {
    let world = world();
    let before = head(&world);
    set(&world, "dca_commission_splits", "label", &long());
    assert_eq!(world.import("db", None).appended(), 1);
    assert!(head(&world) > before + 3);
    is_shown(&world);
    assert_eq!(world.import("db", None).appended(), 0);
    let db = attached(&world.path("db"));
    db.execute("DELETE FROM spirekeeper.dca_commission_splits", []).unwrap();
    assert_eq!(world.import("db", None).appended(), 1);
    is_shown(&world);
    world.ends_sound();
}

/// A claim looks at the oldest entry of its stream, which is a piece.
#[test]
fn what_came_in_pieces_goes_on_like_any_other() {
    let world = World::new();
    let db = crate::database::made(&world.path("db"), 12, crate::database::Line::Upgraded);
    db.execute_batch(crate::later::FLEET).unwrap();
    set(&world, "dca_settlements", "notes", &long());
    set(&world, "dca_machines", "name", &long());
    world.import("db", None);
    let answer = world.ask(&claim(259_029));
    assert!(matches!(answer, spireledger_schema::Answer::Replayed(_)), "{answer:?}");
    refused(world.ask(&claim(1_000)), Code::Conflict);
    let begin =
        json!({ "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "w" });
    accepted(world.ask(&begin));
    accepted(
        world.ask(&json!({ "type": "machine.update", "id": "m1", "location": "At the lake" })),
    );
    let tables = world.tables(NEWEST);
    assert_eq!(cell(&tables, "dca_machines", "m1", "name"), Sql::Text(long()));
    // What is here stands, and a refusal does not repeat all of it.
    set(&world, "dca_settlements", "notes", &(long() + "x"));
    let report = world.import("db", None);
    let [one] = &report.refused[..] else { panic!("{:?}", report.refused) };
    assert_eq!(one.refusal.code, Code::Conflict);
    let shown = serde_json::to_string(&one.refusal).unwrap();
    assert!(shown.contains("notes") && shown.contains("€… (") && shown.len() < 8_000, "{shown}");
    world.ends_sound();
}

/// Of a moment between two pieces, nothing happened yet, and no reader takes a piece for a row.
#[test]
fn before_its_last_piece_a_row_is_not_there() {
    let world = world();
    let before = head(&world);
    set(&world, "dca_deposits", "notes", &long());
    set(&world, "dca_deposits", "amount", "400");
    world.import("db", None);
    let log = world.ledger().log();
    let shape = Shape::newest();
    for (seq, is_there) in [(before, 0), (before + 2, 0), (before + 3, 1), (before + 6, 2)] {
        let past = past(&**log, AsOf::Seq(seq)).unwrap();
        let out = world.path(&format!("at-{seq}.sqlite"));
        export_sqlite(&past, &shape, &out, Leftover::ThrowAway, &mut |_| {}).unwrap();
        let count = "SELECT count(*) FROM dca_deposits WHERE length(notes) > 10";
        let count: i64 =
            Connection::open(&out).unwrap().query_row(count, [], |row| row.get(0)).unwrap();
        assert_eq!(count, is_there, "as of {seq}");
        let fleet = replay_fleet(&past).unwrap();
        let mut cells = 0;
        rows(&past, &fleet, shape.table("dca_deposits").unwrap(), |row| {
            let is_long = |cell: &Cell<'_>| matches!(cell, Cell::Text(text) if text.len() > 10);
            cells += row.iter().filter(|cell| is_long(cell)).count();
            Ok::<_, spireledger::ledger::LedgerError>(())
        })
        .unwrap();
        assert_eq!(i64::try_from(cells).unwrap(), is_there, "as of {seq}");
        let key = streams::deposit(&DepositId::parse("d1").unwrap());
        let all = stream(&past, &key).unwrap();
        assert!(all.iter().all(|entry| matches!(entry.event, Event::RowImported(_))));
        assert_eq!(all.len(), if seq < before + 3 { 1 } else { 2 });
    }
    let later = Timestamp::from_seconds(1_700_000_005).unwrap();
    let fleet = fleet_occurred(&**log, later).unwrap();
    let client = spireledger_schema::text::ClientId::parse("c1").unwrap();
    assert_eq!(fleet.client(&client).unwrap().confirmed_fiat.to_string(), "400.00");
    world.ends_sound();
}

/// Nobody makes a row of a part of it.
#[test]
fn pieces_that_are_not_all_there_are_a_break() {
    let world = world();
    let before = head(&world);
    set(&world, "dca_deposits", "notes", &long());
    world.import("db", None);
    let log = world.ledger().log();
    // The whole history, but for the second piece of three.
    let (mut sealer, mut left_out) = (Sealer::new(Head::EMPTY), 0);
    for block in log.blocks_from(1) {
        for stored in block.unwrap().entries() {
            if stored.front.seq == before + 2 {
                left_out = 1;
                continue;
            }
            let mut entry = Entry::decode(stored.canonical).unwrap();
            entry.front.seq -= left_out;
            let mut bytes = Vec::new();
            entry.encode(&mut bytes).unwrap();
            sealer.push(&entry.front, &bytes, stored.prev.min(entry.front.seq - 1), 0);
        }
    }
    let short = MemoryLog::new();
    short.append(Head::EMPTY, &sealer.seal()).unwrap();
    let breaks = verify(&short, |_| {}).breaks;
    let of_pieces = breaks.iter().filter(|broken| broken.check == "entry");
    let of_pieces: Vec<_> = of_pieces.map(|broken| (broken.seq, broken.what.as_str())).collect();
    let why = "the bytes are no event in pieces: piece 1 is not where it should be";
    assert_eq!(of_pieces, [(before + 2, why)]);
    let error = replay_fleet(&short).unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    let out = world.path("none.sqlite");
    let made = export_sqlite(&short, &Shape::newest(), &out, Leftover::ThrowAway, &mut |_| {})
        .unwrap_err();
    assert!(made.to_string().contains(why), "{made}");
    world.ends_sound();
}

#[test]
fn what_is_longer_than_any_row_is_refused_by_name_and_the_rest_comes_in() {
    let world = world();
    let (all, too_much) = ("x".repeat(ROW_BYTES_MAX), "x".repeat(ROW_BYTES_MAX + 1));
    set(&world, "dca_lp", "autoforward_ln_address", &all);
    set(&world, "dca_clients", "username", &too_much);
    set(&world, "dca_commission_splits", "label", &all);
    // Its texts alone are not too long; with all else it is.
    let nearly = &all[..ROW_BYTES_MAX - "d1c1m1opGTQconfirmed".len()];
    set(&world, "dca_deposits", "notes", nearly);
    set(&world, "dca_machines", "name", "At the lake");
    let report = world.import("db", None);
    assert_eq!(report.appended(), 1);
    let told = |refused: &spireledger::import::Refused| {
        assert_eq!(refused.refusal.code, Code::LimitReached);
        (refused.table.as_str(), refused.id.to_string(), refused.refusal.details["column"].clone())
    };
    assert_eq!(
        report.refused.iter().map(told).collect::<Vec<_>>(),
        [
            ("dca_lp", "ana".into(), json!("autoforward_ln_address")),
            ("dca_clients", "c1".into(), json!("username")),
            ("dca_commission_splits", "x1".into(), json!("label")),
            ("dca_commission_splits", "x2".into(), json!("label")),
            ("dca_deposits", "d1".into(), json!("notes")),
            ("dca_deposits", "d2".into(), json!("notes")),
        ]
    );
    let shown = serde_json::to_string(&report.refused).unwrap();
    assert!(shown.contains("dca_clients `c1`") && shown.len() < 4_000, "{shown}");
    // Neither is anything gone that was here.
    let tables = world.tables(NEWEST);
    assert_eq!(tables["dca_commission_splits"].len(), 2);
    assert_eq!(tables["dca_clients"][0]["username"], Sql::Text("Ana".into()));
    // Somewhat shorter, all of it fits.
    for (table, column) in [("dca_lp", "autoforward_ln_address"), ("dca_clients", "username")] {
        set(&world, table, column, &all[..ROW_BYTES_MAX - 1_000]);
    }
    // A set of rules is as long as all of them.
    set(&world, "dca_commission_splits", "label", &all[..ROW_BYTES_MAX / 2]);
    set(&world, "dca_deposits", "notes", "short");
    let report = world.import("db", None);
    assert_eq!(report.appended(), 4);
    let [one] = &report.refused[..] else { panic!("{:?}", report.refused) };
    assert!(one.refusal.message.contains("the 2 split rules of operator `op`"), "{one:?}");
    set(&world, "dca_commission_splits", "label", &all[..ROW_BYTES_MAX / 2 - 1_000]);
    assert_eq!(world.import("db", None).appended(), 1);
    is_shown(&world);
    assert_eq!(world.import("db", None).appended(), 0);
    world.ends_sound();
}
