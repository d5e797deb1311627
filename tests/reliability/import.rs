//! An import that dies at any moment is done by the next: no row is lost, none is there twice.

use rusqlite::Connection;
use rusqlite::types::Value;

use crate::world::{World, finish};

/// Where a batch of rows can be cut off.
const POINTS: [&str; 6] = [
    "log:before-write",
    "log:between-blocks",
    "log:after-write",
    "log:after-sync",
    "ledger:before-answer",
    "ledger:after-answer",
];

/// A database of the month's fleet, and the program's way to it.
fn database(world: &World) -> String {
    let month = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/fleet/month.jsonl");
    world.run(&["submit", "--summary", month]).expect_no_bug();
    let path = world.beside("old.sqlite3");
    let path = path.to_str().expect("plain").to_owned();
    world.run(&["tables", "export", "--version", "3", "--out", &path]).expect(0);
    // Rows longer than an entry stand in several, in blocks of their own: a group can end between them.
    let db = Connection::open(&path).expect("a database");
    let long = "UPDATE dca_deposits SET notes = replace(hex(zeroblob(40000)), '00', '€') || id \
                WHERE rowid % 7 = 0";
    assert!(db.execute(long, []).expect("changed") > 1);
    path
}

/// Everything a database says, table by table.
fn told(path: &str) -> Vec<Vec<Value>> {
    let db = Connection::open(path).expect("a database");
    let mut all = Vec::new();
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut names = db.prepare(names).expect("prepared");
    let names = names.query_map([], |row| row.get(0)).expect("read");
    for name in names.map(|name| name.expect("a name")).collect::<Vec<String>>() {
        let mut select = db.prepare(&format!("SELECT * FROM {name} ORDER BY 1")).expect("prepared");
        let width = select.column_count();
        let rows = select.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
        all.extend(rows.expect("read").map(|row| row.expect("a row")));
    }
    all
}

#[test]
fn an_import_that_dies_is_done_by_the_next() {
    let source = World::with_bug(None);
    let path = database(&source);
    let expected = told(&path);
    for point in POINTS {
        // How many groups there are is up to the machine; there is one at least.
        for skip in 0..3 {
            let world = World::with_bug(None);
            let at = format!("{point}@{skip}");
            let mut command = world.program(&["import", &path]);
            command.env("SPIRELEDGER_CRASH", &at);
            let died = finish(command, b"");
            assert!(skip > 0 || died.err.contains("crash point"), "{at}: {died:#?}");
            world.run(&["import", &path]).expect(0);
            let again = world.run(&["import", "--json", &path]).expect(0).json();
            let tables = again["tables"].as_array().expect("tables");
            assert!(tables.iter().all(|table| table["appended"] == 0), "{at}: {again}");
            let out = world.beside("again.sqlite3");
            let out = out.to_str().expect("plain");
            world.run(&["tables", "export", "--version", "3", "--out", out]).expect(0);
            assert_eq!(told(out), expected, "{at}");
            world.expect_sound();
        }
    }
}

/// A row of many blocks is synced in between: a crash leaves some of its pieces in the log for ever.
#[test]
fn pieces_that_no_last_one_follows_mean_nothing() {
    let source = World::with_bug(None);
    let path = database(&source);
    let db = Connection::open(&path).expect("a database");
    let long = "UPDATE dca_deposits SET notes = replace(hex(zeroblob(2000000)), '00', '€') \
                WHERE rowid = 1";
    assert_eq!(db.execute(long, []).expect("changed"), 1);
    let expected = told(&path);
    let pieces = |world: &World| {
        let stats = world.run(&["--json", "log", "stats"]).expect(0).json();
        stats["events"]["import.piece"].as_u64().expect("a count")
    };
    let clean = World::with_bug(None);
    clean.run(&["import", &path]).expect(0);
    for skip in [60, 90, 110] {
        let world = World::with_bug(None);
        let mut command = world.program(&["import", &path]);
        command.env("SPIRELEDGER_CRASH", format!("log:between-blocks@{skip}"));
        let died = finish(command, b"");
        assert!(died.err.contains("crash point"), "{died:#?}");
        let left = pieces(&world);
        world.run(&["import", &path]).expect(0);
        assert!(left > 0 && pieces(&world) == pieces(&clean) + left, "{skip}: {left} left");
        let again = world.run(&["import", "--json", &path]).expect(0).json();
        let tables = again["tables"].as_array().expect("tables");
        assert!(tables.iter().all(|table| table["appended"] == 0), "{skip}: {again}");
        let out = world.beside("again.sqlite3");
        let out = out.to_str().expect("plain");
        world.run(&["tables", "export", "--version", "3", "--out", out]).expect(0);
        assert_eq!(told(out), expected, "{skip}");
        world.expect_sound();
    }
}
