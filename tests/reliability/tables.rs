//! Tables that are killed while they are brought forward, made anew or exported: whoever comes next goes
//! on, and they are what the log says.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use spireledger::log::crash::POINTS;

use crate::chance::Chance;
use crate::fleet;
use crate::world::{Done, World, told_number, wait};

/// Commands of the log; more than one transaction of rows.
const ENTRIES: u64 = 1_000;
const COUNT: &str = "SELECT count(*) FROM dca_settlements";

/// A ledger whose live tables are a long way behind.
fn world() -> World {
    let world = World::in_memory();
    world.run(&["init"]).expect(0);
    world.submit(&fleet::first(ENTRIES / 4)).expect(0);
    world.run(&["sql", COUNT]).expect(0);
    world.submit(&fleet::first(ENTRIES)).expect(0);
    world
}

/// What a file holds, as SQL text.
fn dump(world: &World, path: &Path) -> String {
    let connection = rusqlite::Connection::open(path).expect("a database");
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1";
    let mut names = connection.prepare(names).expect("prepared");
    let names = names.query_map([], |row| row.get::<_, String>(0)).expect("queried");
    let mut out = String::new();
    for name in names.map(|name| name.expect("a name")) {
        assert!(!name.contains("spireledger"), "{name} in {}", world.ledger().display());
        let mut rows = connection.prepare(&format!("SELECT * FROM {name}")).expect("prepared");
        let width = rows.column_count();
        let mut rows = rows.query([]).expect("queried");
        let mut lines = Vec::new();
        while let Some(row) = rows.next().expect("a row") {
            let cell = |at| row.get::<_, rusqlite::types::Value>(at).expect("a cell");
            let cells = (0..width).map(|at| format!("{:?}", cell(at)));
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
        lines.sort();
        out.extend([name.as_str(), "\n", &lines.join("\n"), "\n"]);
    }
    out
}

/// The live tables after a crash: at once what the log says as far as they are, and the next question
/// brings them to its head.
fn check_live(world: &World, at: &str) {
    world.sound().unwrap_or_else(|wrong| panic!("{at}: {wrong}"));
    let done = world.run(&["sql", COUNT, "--csv"]).expect(0);
    let claims = (0..ENTRIES).filter(|n| fleet::payment_hash(*n).is_some()).count();
    assert!(done.out.ends_with(&format!("\r\n{claims}\r\n")), "{at}: {done:#?}");
    let report = world.run(&["--json", "verify"]).expect(0).json();
    assert_eq!(report["tables"], serde_json::json!([13]), "{at}");
}

fn check_follow(at: &str) -> bool {
    let world = world();
    let died = world.dies(&["sql", COUNT], at);
    check_live(&world, at);
    died
}

fn check_rebuild(at: &str) -> bool {
    let world = world();
    let died = world.dies(&["tables", "rebuild"], at);
    world.sound().unwrap_or_else(|wrong| panic!("{at}: {wrong}"));
    world.run(&["tables", "rebuild"]).expect(0);
    check_live(&world, at);
    died
}

fn check_export(at: &str) -> bool {
    let world = world();
    let (out, fresh) = (world.beside("out"), world.beside("fresh"));
    let args = |path: &PathBuf| {
        ["tables", "export", "--version", "7", "--out", path.to_str().expect("plain")]
            .map(ToOwned::to_owned)
    };
    let export = args(&out);
    let export: Vec<&str> = export.iter().map(String::as_str).collect();
    let died = world.dies(&export, at);
    assert!(!out.exists() || !died, "{at}: it is there as a whole or not at all");
    world.run(&export).expect(0);
    let fresh_args = args(&fresh);
    world.run(&fresh_args.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    assert_eq!(dump(&world, &out), dump(&world, &fresh), "{at}");
    died
}

#[test]
fn tables_that_die_at_any_point_are_gone_on_with_and_right() {
    let points = POINTS.iter().filter(|point| point.starts_with("tables:"));
    // Exports to a file a table have points of their own: see `exports.rs`.
    for point in points.filter(|point| !point.starts_with("tables:files-")) {
        let ways = [check_follow(point), check_rebuild(point), check_export(point)];
        assert!(ways.contains(&true), "{point} was never reached");
        let later = format!("{point}@1");
        check_follow(&later);
        check_rebuild(&later);
        check_export(&later);
    }
}

/// Only what is missing is made: an interrupted export shows how far it came.
#[test]
fn an_interrupted_export_is_gone_on_with() {
    let world = world();
    let out = world.beside("out");
    let export = ["tables", "export", "--out", out.to_str().expect("plain")];
    assert!(world.dies(&export, "tables:committed@1"));
    let part = world.beside("out.part");
    let position = |path: &Path| -> i64 {
        let connection = rusqlite::Connection::open(path).expect("a database");
        let seq = "SELECT seq FROM spireledger_position";
        connection.query_row(seq, [], |row| row.get(0)).expect("a position")
    };
    let reached = position(&part);
    assert!(reached > 300 && reached < 1_000, "{reached}");
    // What is there is believed: a row that is changed by hand stays changed, unless all is made anew.
    let change = rusqlite::Connection::open(&part).expect("a database");
    change
        .execute_batch("UPDATE dca_deposits SET notes = 'mark' WHERE id = 'd-first'")
        .expect("changed");
    drop(change);
    let kept = world.beside("kept");
    std::fs::copy(&part, &kept).expect("copied");
    world.run(&export).expect(0);
    assert!(dump(&world, &out).contains("mark"), "gone on with");
    std::fs::copy(&kept, &part).expect("copied");
    let mut from_scratch = export.to_vec();
    from_scratch.push("--from-scratch");
    world.run(&from_scratch).expect(0);
    assert!(!dump(&world, &out).contains("mark"), "made anew");
    // Of a version or a moment that it is not of, nothing is taken.
    for other in [["--version", "7"], ["--as-of", "299"]] {
        std::fs::copy(&kept, &part).expect("copied");
        let mut args = export.to_vec();
        args.extend(other);
        world.run(&args).expect(0);
        assert!(!dump(&world, &out).contains("mark"), "{other:?}");
    }
}

#[test]
fn tables_survive_kill_9_at_any_moment() {
    let rounds = told_number("SPIRELEDGER_CRASH_ROUNDS", 50);
    let mut chance = Chance::new(7);
    let world = World::in_memory();
    world.run(&["init"]).expect(0);
    for round in 1..=rounds {
        world.submit(&fleet::first(ENTRIES * round / rounds)).expect(0);
        let args: &[&str] =
            if chance.below(3) == 0 { &["tables", "rebuild"] } else { &["sql", COUNT] };
        let mut command = world.program(args);
        let mut child =
            { command.stdout(Stdio::null()).stderr(Stdio::null()) }.spawn().expect("it");
        std::thread::sleep(Duration::from_micros(chance.below(60_000)));
        child.kill().expect("a child");
        let _ = wait(&mut child, &command);
        if round % 5 == 0 {
            world.sound().unwrap_or_else(|wrong| panic!("round {round}: {wrong}"));
        }
    }
    check_live(&world, "the end");
}

/// Many processes ask, make anew and append at the same time: each answer is right for some moment, and
/// in the end all is.
#[test]
fn many_at_once_do_not_disturb_each_other() {
    let world = World::in_memory();
    world.run(&["init"]).expect(0);
    world.submit(&fleet::first(50)).expect(0);
    let ask =
        |args: &[&str]| -> Vec<Done> { (0..6).map(|_| world.run(args).expect_no_bug()).collect() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for len in (50..=ENTRIES).step_by(190) {
                world.submit(&fleet::first(len)).expect_no_bug().expect(0);
            }
        });
        scope.spawn(|| {
            // The file beside is made by one process at a time; another one says so.
            for done in ask(&["tables", "rebuild"]) {
                assert!(
                    done.code() == Some(0) || done.err.contains("another process"),
                    "{done:#?}"
                );
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                let asked = ask(&["sql", COUNT, "--csv"]).into_iter().map(|done| done.expect(0));
                let count = |done: Done| done.out.lines().last()?.parse().ok();
                let counts: Vec<u64> = asked.filter_map(count).collect();
                assert_eq!(counts.len(), 6);
                assert!(counts.is_sorted(), "{counts:?}");
            });
        }
    });
    world.submit(&fleet::first(ENTRIES)).expect(0);
    check_live(&world, "the end");
}
