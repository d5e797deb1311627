//! What is no spirekeeper database, what is of no one version, and what is in use.

use rusqlite::Connection;
use spireledger::import::ImportError;
use spireledger::log::ReadLog;

use crate::database::{Line, attached, fill, made};
use crate::values::Random;
use crate::world::World;

fn no(world: &World, name: &str) -> String {
    world.try_import(name, None).unwrap_err().to_string()
}

#[test]
fn a_file_that_is_none_is_refused_with_what_was_missing() {
    let world = World::new();
    assert!(matches!(world.try_import("nothing", None), Err(ImportError::Io { .. })));
    std::fs::write(world.path("text"), "no database at all, but long enough".repeat(100)).unwrap();
    assert!(no(&world, "text").contains("not a database"), "{}", no(&world, "text"));
    std::fs::write(world.path("empty"), "").unwrap();
    assert!(no(&world, "empty").contains("no dca_machines"), "{}", no(&world, "empty"));
    let other = Connection::open(world.path("other")).unwrap();
    other.execute_batch("CREATE TABLE dca_machines (id TEXT); CREATE TABLE users (id)").unwrap();
    let why = no(&world, "other");
    for missing in ["super_config", "dca_settlements", "dca_machines.wallet_id", "dca_lp"] {
        assert!(why.contains(missing), "no {missing} in {why}");
    }
    assert_eq!(world.ledger().log().head().seq, 0, "nothing is half done");
}

#[test]
fn the_version_is_found_in_the_columns() {
    for (version, line, first, last) in [
        (1, Line::Upgraded, 1, 1),
        (3, Line::Upgraded, 3, 3),
        (4, Line::Upgraded, 4, 5),
        (5, Line::Upgraded, 4, 5),
        (6, Line::Upgraded, 6, 6),
        (2, Line::Squashed, 1, 6),
        (6, Line::Squashed, 1, 6),
        (7, Line::Squashed, 7, 7),
        (10, Line::Squashed, 10, 11),
        (10, Line::Upgraded, 10, 10),
        (12, Line::Upgraded, 12, 12),
    ] {
        let world = World::new();
        drop(made(&world.path("db"), version, line));
        let report = world.import("db", None);
        assert_eq!(report.fits, (first, last), "version {version}, {line:?}");
        assert_eq!(report.version, last, "version {version}, {line:?}");
    }
}

#[test]
fn a_deposit_in_another_currency_tells_the_version_where_columns_do_not() {
    let world = World::new();
    let db = made(&world.path("db"), 5, Line::Squashed);
    db.execute_batch(
        "INSERT INTO spirekeeper.dca_machines (id, operator_user_id, wallet_id, fiat_code)
            VALUES ('m1', 'op', 'w', 'EUR');
         INSERT INTO spirekeeper.dca_deposits (id, client_id, machine_id, creator_user_id, amount,
            currency) VALUES ('d1', 'c1', 'm1', 'op', 15, 'USD')",
    )
    .unwrap();
    let report = world.import("db", None);
    assert_eq!((report.version, report.fits), (4, (1, 6)));
    let columns: Vec<&str> = report.irregular.iter().map(|irregular| irregular.column).collect();
    assert_eq!(columns, ["client_id", "currency"]);
    assert!(matches!(
        world.try_import("db", Some(7)),
        Err(ImportError::NotThat { named: 7, first: 1, last: 6 })
    ));
}

#[test]
fn a_mixture_of_old_and_new_names_is_read_as_it_is_found() {
    let world = World::new();
    let db = made(&world.path("db"), 12, Line::Upgraded);
    db.execute_batch(
        "ALTER TABLE spirekeeper.dca_settlements RENAME wire_sats TO gross_sats;
         ALTER TABLE spirekeeper.dca_commission_splits RENAME fraction TO pct;
         ALTER TABLE spirekeeper.dca_machines ADD surprise TEXT;",
    )
    .unwrap();
    fill(&db, &mut Random(7), 0);
    let report = world.import("db", None);
    assert!(report.is_mixture);
    assert_eq!(report.unknown_columns, ["dca_machines.surprise"]);
    db.execute_batch(
        "ALTER TABLE spirekeeper.dca_settlements RENAME gross_sats TO wire_sats;
         ALTER TABLE spirekeeper.dca_commission_splits RENAME pct TO fraction;
         ALTER TABLE spirekeeper.dca_machines DROP surprise;",
    )
    .unwrap();
    // Version 5 never ran on a database that stopped before it and went on after it.
    db.execute_batch(crate::migrations::sql(5)).unwrap();
    assert_eq!(world.tables(12), crate::database::read(&world.path("db")));
    world.ends_sound();
}

#[test]
fn a_database_in_use_is_read_as_of_its_last_commit_and_not_held_up() {
    let world = World::new();
    let path = world.path("db");
    drop(made(&path, 12, Line::Upgraded));
    let writer = Connection::open(&path).unwrap();
    writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    let insert = |id: &str| {
        let sql =
            "INSERT INTO dca_machines (id, operator_user_id, wallet_id) VALUES (?1, 'op', ?1)";
        writer.execute(sql, [id]).unwrap();
    };
    insert("m1");
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    insert("m2");
    let count = |report: &spireledger::import::Report| report.tables[1].rows;
    assert_eq!(count(&world.import("db", None)), 1);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!(count(&world.import("db", None)), 2);
    assert_eq!(
        attached(&path).query_row("SELECT count(*) FROM spirekeeper.dca_machines", [], |row| {
            row.get::<_, i64>(0)
        }),
        Ok(2)
    );
    world.ends_sound();
}
