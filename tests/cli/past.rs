//! The tables of any version as of any moment: exports, SQL, balances of the past.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OpenFlags};

use crate::world::{FLEET, World, claim, hash};

/// All rows of all tables of a SQLite file, as SQLite gives them.
fn dump(path: &Path) -> BTreeMap<String, Vec<Vec<Sql>>> {
    let open = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = open.expect("a database");
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
    let mut statement = connection.prepare(names).expect("prepared");
    let names = statement.query_map([], |row| row.get(0)).expect("queried");
    names
        .map(|name: Result<String, _>| {
            let name = name.expect("a name");
            let mut all = connection.prepare(&format!("SELECT * FROM {name}")).expect("prepared");
            let width = all.column_count();
            let rows = all
                .query_map([], |row| (0..width).map(|at| row.get(at)).collect())
                .expect("queried")
                .map(|row| row.expect("a row"))
                .collect();
            (name, rows)
        })
        .collect()
}

#[test]
fn every_version_is_exported_as_a_database_that_holds_together() {
    let world = World::with_fleet();
    let lines: String = (0..20).map(claim).collect();
    world.submit(&lines).succeeds();
    for version in 1..=13 {
        let number = version.to_string();
        let out = format!("v{number}.sqlite");
        let args = ["tables", "export", "--version", &number, "--format", "sqlite", "--out", &out];
        world.run(&args).succeeds();
        let connection = Connection::open(world.path(&out)).expect("a database");
        let ok: String =
            connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
        assert_eq!(ok, "ok");
        let wire = if version < 6 { "gross_sats" } else { "wire_sats" };
        let question = format!("SELECT count(*), sum({wire}) FROM dca_settlements");
        let sums: (i64, i64) = connection
            .query_row(&question, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .expect("answered");
        assert_eq!(sums, (20, 20 * 266_800), "version {version}");
    }
    world
        .run(&["tables", "export", "--version", "99", "--out", "x"])
        .ends_with(2)
        .says(&["1 to 13"]);
    assert!(!world.path("x").exists());
}

#[test]
fn the_past_is_what_it_was() {
    let world = World::with_fleet();
    world.run(&["tables", "export", "--out", "then.sqlite"]).succeeds();
    let then = world.run(&["balances", "--json"]).succeeds().out;
    let begin = format!(
        "{{\"type\":\"settlement.begin\",\"payment_hash\":\"{}\",\"processing_claim\":\"p1\"}}\n",
        hash(1)
    );
    world.submit(&format!("{}{begin}{}", claim(1), claim(2))).succeeds();
    assert_ne!(world.run(&["balances", "--json"]).succeeds().out, then);

    world.run(&["--as-of", "6", "tables", "export", "--out", "past.sqlite"]).succeeds();
    assert_eq!(dump(&world.path("past.sqlite")), dump(&world.path("then.sqlite")));
    assert_eq!(world.run(&["balances", "--json", "--as-of", "6"]).succeeds().out, then);

    // By time: the sixth entry's own time shows it, and nothing that was recorded later.
    let entries = world.run(&["log", "show", "--json"]).lines();
    let time = entries[5]["recorded_at"].as_str().expect("a time");
    assert_eq!(world.run(&["balances", "--json", "--as-of", time]).succeeds().out, then);
    let stats = world.run(&["log", "stats", "--json", "--as-of", "1970-01-01T00:00:00Z"]);
    assert_eq!(stats.succeeds().json()["entries"], 0);
    let far = world.run(&["log", "stats", "--json", "--as-of", "999999"]).succeeds().json();
    assert_eq!(far["entries"], 9);
    world.run(&["--as-of", "yesterday", "balances"]).ends_with(2).says(&["`yesterday`"]);
    world.run(&["--as-of", "3", "submit"]).ends_with(2).says(&["looking at the past"]);
}

#[test]
fn sql_answers_and_never_writes() {
    let world = World::with_fleet();
    world.submit(&format!("{}{}", claim(1), claim(2))).succeeds();
    let question = "SELECT machine_id, count(*) AS n, sum(wire_sats) AS sats \
                    FROM spirekeeper.dca_settlements GROUP BY machine_id";
    let said = world.run(&["sql", question, "--json"]).succeeds().lines();
    assert_eq!(said[0]["n"], 2);
    assert_eq!(said[0]["sats"], 533_600);
    let csv = world.run(&["sql", "SELECT id, name FROM dca_machines", "--csv"]).succeeds().out;
    assert_eq!(csv, "id,name\r\nm1,\r\n");
    let old = ["sql", "SELECT gross_sats FROM dca_settlements", "--version", "1", "--json"];
    assert_eq!(world.run(&old).succeeds().lines()[0]["gross_sats"], 266_800);
    let past = ["sql", "SELECT count(*) AS n FROM dca_settlements", "--as-of", "7", "--json"];
    assert_eq!(world.run(&past).succeeds().lines()[0]["n"], 1);

    let wrong = world.run(&["sql", "SELECT nope FROM dca_machines"]).ends_with(2);
    wrong.says(&["no such column: nope", "dca_settlements"]);
    for write in [
        "DELETE FROM dca_machines",
        "UPDATE dca_machines SET name = 'x'",
        "INSERT INTO dca_lp (user_id, dca_wallet_id) VALUES ('a', 'b')",
        "DROP TABLE dca_lp",
        "CREATE TABLE x (y)",
        "ATTACH 'stolen.sqlite' AS s",
        "PRAGMA journal_mode = DELETE",
        "VACUUM INTO 'stolen.sqlite'",
        "BEGIN",
    ] {
        world.run(&["sql", write]).ends_with(2).says(&["only SELECT is possible"]);
    }
    assert!(!world.path("stolen.sqlite").exists());
}

#[test]
fn legs_of_two_settlements_may_be_named_alike_and_are_told_apart_in_the_tables() {
    let world = World::with_fleet();
    let owed = |n: u32| {
        let hash = hash(n);
        format!(
            "{}{{\"type\":\"settlement.begin\",\"payment_hash\":\"{hash}\",\
             \"processing_claim\":\"p{n}\"}}\n\
             {{\"type\":\"leg.outcome\",\"payment_hash\":\"{hash}\",\"leg_id\":\"{hash}:2\",\
             \"status\":\"voided\"}}\n\
             {{\"type\":\"leg.add\",\"payment_hash\":\"{hash}\",\"leg_id\":\"back\",\
             \"leg_type\":\"refund\",\"amount_sats\":100}}\n",
            claim(n)
        )
    };
    world.submit(&format!("{}{}", owed(1), owed(2))).succeeds();
    world.run(&["tables", "export", "--out", "t.sqlite"]).succeeds();
    let rows = dump(&world.path("t.sqlite"))["dca_payments"].clone();
    let id = format!("{}:added:back", hash(2));
    assert!(rows.iter().any(|row| row[0] == Sql::Text(id.clone())), "{rows:?}");
    // The id of the table is one that commands take.
    let paid = format!(
        "{{\"type\":\"leg.outcome\",\"payment_hash\":\"{}\",\"leg_id\":\"{id}\",\
         \"status\":\"completed\"}}\n",
        hash(2)
    );
    assert_eq!(world.submit(&paid).succeeds().statuses(), ["accepted"]);
    assert_eq!(world.submit(&paid.replace(&id, "back")).succeeds().statuses(), ["replayed"]);
}

#[test]
fn csv_and_json_lines_hold_the_same_rows() {
    let world = World::with_ledger();
    world.submit(&format!("{FLEET}{}", claim(1))).succeeds();
    world.run(&["tables", "export", "--format", "csv", "--out", "csv"]).succeeds();
    world.run(&["tables", "export", "--format", "jsonl", "--out", "jsonl"]).succeeds();
    let csv = String::from_utf8(world.read("csv/dca_settlements.csv")).expect("UTF-8");
    assert_eq!(csv.lines().count(), 2);
    assert!(csv.contains("266800,2000.00,GTQ,129.5145"), "{csv}");
    let jsonl = String::from_utf8(world.read("jsonl/dca_settlements.jsonl")).expect("UTF-8");
    let row: serde_json::Value = serde_json::from_str(jsonl.trim()).expect("JSON");
    assert_eq!(row["fiat_amount"], "2000.00");
    let header = csv.lines().next().expect("a header").split(',').count();
    assert_eq!(row.as_object().map(serde_json::Map::len), Some(header));
    let files = std::fs::read_dir(world.path("csv")).expect("a directory").count();
    assert_eq!(files, 14);
}

#[test]
fn balances_are_told_by_when_things_occurred_too() {
    let world = World::with_fleet();
    let deposit = |id: &str, when: &str| {
        format!(
            "{{\"type\":\"deposit.record\",\"id\":\"{id}\",\"client_id\":\"c1\",\"amount\":\"40.00\",\
             \"creator_user_id\":\"op\",\"occurred_at\":\"{when}\"}}\n\
             {{\"type\":\"deposit.confirm\",\"id\":\"{id}\",\"occurred_at\":\"{when}\"}}\n"
        )
    };
    let (may, june) =
        (deposit("d2", "2026-05-20T10:00:00Z"), deposit("d3", "2026-06-02T10:00:00Z"));
    let machines = "{\"type\":\"client.enroll\",\"id\":\"c2\",\"machine_id\":\"m1\",\"user_id\":\"ben\",\
                    \"occurred_at\":\"2026-05-01T00:00:00Z\"}\n\
                    {\"type\":\"lp.set\",\"user_id\":\"ben\",\"dca_wallet_id\":\"wallet-ben\"}\n";
    // Nothing counts before the enrolment, and that of c1 occurred when it was recorded.
    let (may, june) = (may.replace("\"c1\"", "\"c2\""), june.replace("\"c1\"", "\"c2\""));
    world.submit(&format!("{machines}{june}{may}")).succeeds();
    let confirmed = |until: &str| {
        let args = ["balances", "--json", "--by", "occurred", "--as-of", until];
        let said = world.run(&args).succeeds().json();
        assert_eq!(said["position"], 12, "all of the log is read");
        assert_eq!(said["occurred_until"], until);
        let all = said["balances"].as_array().expect("balances").iter();
        all.map(|one| format!("{} {}", one["client_id"], one["confirmed_fiat"])).collect::<Vec<_>>()
    };
    assert_eq!(confirmed("2026-04-30T00:00:00Z"), [""; 0]);
    assert_eq!(confirmed("2026-05-19T00:00:00Z"), ["\"c2\" \"0.00\""]);
    assert_eq!(confirmed("2026-05-20T10:00:00Z"), ["\"c2\" \"40.00\""]);
    assert_eq!(confirmed("2026-06-02T10:00:00Z"), ["\"c2\" \"80.00\""]);
    assert_eq!(confirmed("9000-01-01T00:00:00Z"), ["\"c1\" \"500.00\"", "\"c2\" \"80.00\""]);

    let table = ["balances", "--by", "occurred", "--as-of", "2026-05-20T10:00:00Z"];
    let said = world.run(&table).succeeds().out;
    assert!(
        said.starts_with("balances as of entry 12, of what occurred until 2026-05-20T10:00:00Z\n")
    );
    world.run(&["balances", "--by", "occurred"]).ends_with(2).says(&["needs a time"]);
    world
        .run(&["balances", "--by", "occurred", "--as-of", "7"])
        .ends_with(2)
        .says(&["needs a time"]);
    world.run(&["balances", "--by", "guess"]).ends_with(2).says(&["recorded, occurred"]);
}
