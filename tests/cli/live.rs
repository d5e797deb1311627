//! Live tables: they follow the log, whoever asks; `verify` finds what somebody changed in them.

use std::io::Write as _;
use std::process::Stdio;

use rusqlite::Connection;

use crate::world::{World, claim, hash};

const COUNT: [&str; 3] = ["sql", "SELECT count(*) AS n FROM dca_settlements", "--json"];

fn count(world: &World) -> i64 {
    world.run(&COUNT).succeeds().lines()[0]["n"].as_i64().expect("a number")
}

#[test]
fn sql_brings_the_live_tables_to_the_head_of_the_log() {
    let world = World::with_fleet();
    let first = world.run(&COUNT).succeeds().says(&["made the live tables anew", "not there"]);
    assert_eq!(first.lines()[0]["n"], 0);
    for n in 1..4 {
        world.submit(&claim(n)).succeeds();
        let run = world.run(&COUNT).succeeds();
        assert_eq!((run.lines()[0]["n"].as_u64(), run.err.as_str()), (Some(n.into()), ""));
    }
    let live = Connection::open(world.path("ledger/tables.sqlite")).expect("a database");
    let seq = "SELECT seq FROM spireledger_position";
    assert_eq!(live.query_row(seq, [], |row| row.get::<_, i64>(0)), Ok(9));
    let list = world.run(&["tables", "list", "--json"]).succeeds().json();
    assert_eq!((&list["position"], &list["rows"]["dca_settlements"]), (&9.into(), &3.into()));
}

#[test]
fn readers_beside_a_writer_see_its_last_group() {
    let world = World::with_fleet();
    let mut command = world.command(&["submit", "-"]);
    let mut writer = { command.stdin(Stdio::piped()).stdout(Stdio::piped()) }.spawn().expect("it");
    let mut stdin = writer.stdin.take().expect("piped");
    let mut answers = std::io::BufReader::new(writer.stdout.take().expect("piped"));
    for n in 1..4 {
        stdin.write_all(claim(n).as_bytes()).expect("written");
        std::io::BufRead::read_line(&mut answers, &mut String::new()).expect("answered");
        assert_eq!(count(&world), i64::from(n));
    }
    drop(stdin);
    writer.wait().expect("ended");
}

#[test]
fn what_somebody_changed_is_named_by_verify_and_made_right_by_a_rebuild() {
    let world = World::with_fleet();
    world.submit(&format!("{}{}{}", claim(1), claim(2), claim(3))).succeeds();
    count(&world);
    world.run(&["verify"]).succeeds();
    let path = world.path("ledger/tables.sqlite");
    let change = |sql: &str| {
        Connection::open(&path).expect("a database").execute_batch(sql).expect("changed");
    };
    change(&format!("UPDATE dca_settlements SET wire_sats = 5 WHERE id = '{}'", hash(2)));
    change(&format!("DELETE FROM dca_settlements WHERE id = '{}'", hash(3)));
    change("UPDATE dca_settlements SET fiat_amount = '2000.5' WHERE id LIKE '%1'");
    change("INSERT INTO dca_lp (user_id, dca_wallet_id) VALUES ('eve', 'w')");
    change("CREATE TABLE more (x)");
    let report = world.run(&["verify", "--json"]).ends_with(1).json();
    let breaks = report["breaks"].as_array().expect("a list");
    let mut said: Vec<&str> = breaks.iter().filter_map(|found| found["what"].as_str()).collect();
    said.sort_unstable();
    let wrong = |n: u32, what: &str| format!("dca_settlements id=`{}`: {what}", hash(n));
    assert_eq!(
        said,
        [
            "dca_lp user_id=`eve`: the row is there, but the log has none",
            &wrong(1, "fiat_amount is 2000.5, should be 2000"),
            &wrong(2, "wire_sats is 5, should be 266800"),
            &wrong(3, "the row is not there"),
            "more: no version has it",
        ]
    );
    assert!(breaks.iter().all(|found| found["check"] == "tables" && found["seq"] == 9));
    world.run(&["tables", "rebuild"]).succeeds();
    let said = world.run(&["verify"]).succeeds().out;
    assert!(said.contains("the live tables are what they say"), "{said}");
    assert_eq!(count(&world), 3);
}

#[test]
fn a_file_that_is_no_database_is_named_and_made_anew() {
    let world = World::with_fleet();
    count(&world);
    let path = std::fs::canonicalize(world.path("ledger/tables.sqlite")).expect("a file");
    std::fs::write(&path, "nonsense ".repeat(1_000)).expect("written");
    let report = world.run(&["verify", "--json"]).ends_with(1).json();
    let what = report["breaks"][0]["what"].as_str().expect("told");
    assert!(what.contains("not a database") && what.contains("tables rebuild"), "{what}");
    world.run(&COUNT).succeeds().says(&["made the live tables anew", "damaged"]);
    world.run(&["verify"]).succeeds();
}

#[test]
fn a_restored_backup_throws_away_tables_of_what_it_does_not_hold() {
    let world = World::with_fleet();
    world.run(&["backup", "then"]).succeeds();
    world.submit(&claim(1)).succeeds();
    count(&world);
    std::fs::rename(world.path("ledger"), world.path("lost")).expect("moved");
    world.run(&["restore", "then"]).succeeds();
    let live = std::fs::canonicalize(world.path("lost/tables.sqlite")).expect("a file");
    std::fs::copy(live, world.path("ledger/tables.sqlite")).expect("copied");
    let report = world.run(&["verify", "--json"]).ends_with(1).json();
    let what = report["breaks"][0]["what"].as_str().expect("told");
    assert!(what.contains("not in the log"), "{what}");
    let run = world.run(&COUNT).succeeds().says(&["made the live tables anew", "another history"]);
    assert_eq!(run.lines()[0]["n"], 0);
    world.submit(&claim(2)).succeeds();
    assert_eq!(count(&world), 1);
    world.run(&["verify"]).succeeds();
}

#[test]
fn who_may_not_write_the_live_tables_gets_an_answer_all_the_same() {
    let world = World::with_fleet();
    world.submit(&claim(1)).succeeds();
    std::fs::create_dir(world.path("ledger/tables.lock")).expect("in the way");
    assert_eq!(count(&world), 1);
    assert!(!world.path("ledger/tables.sqlite").exists());
}

#[test]
fn another_version_gets_a_live_file_of_its_own_when_asked_for() {
    let world = World::with_fleet();
    world.submit(&claim(1)).succeeds();
    let old = ["sql", "SELECT gross_sats FROM dca_settlements", "--version", "1", "--json"];
    world.run(&old).succeeds();
    assert!(!world.path("ledger/tables-v1.sqlite").exists());
    let made = world.run(&["tables", "rebuild", "--version", "1", "--json"]).succeeds().json();
    assert_eq!((&made["version"], &made["position"]), (&1.into(), &7.into()));
    world.submit(&claim(2)).succeeds();
    assert_eq!(world.run(&old).succeeds().lines().len(), 2);
    let live = Connection::open(world.path("ledger/tables-v1.sqlite")).expect("a database");
    let rows = "SELECT count(*) FROM dca_settlements";
    assert_eq!(live.query_row(rows, [], |row| row.get::<_, i64>(0)), Ok(2));
    drop(live);
    world.run(&["verify"]).succeeds();
    world.run(&["--as-of", "3", "tables", "rebuild"]).ends_with(2).says(&["tables export"]);
}

#[test]
fn an_exported_database_is_one_file_with_the_tables_alone() {
    let world = World::with_fleet();
    world.run(&["tables", "export", "--out", "t.sqlite"]).succeeds();
    let left = std::fs::read_dir(world.path("")).expect("a directory").flatten();
    let mut left: Vec<String> =
        left.map(|item| item.file_name().to_string_lossy().into_owned()).collect();
    left.sort();
    assert_eq!(left, ["ledger", "t.sqlite"]);
    let made = Connection::open(world.path("t.sqlite")).expect("a database");
    let ours = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%spireledger%'";
    assert_eq!(made.query_row(ours, [], |row| row.get::<_, i64>(0)), Ok(0));
    let mode: String = made.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("asked");
    assert_eq!(mode, "delete");
}
