//! `import`, as an operator would: look at a database, bring it in, see the balances, ask SQL.

use rusqlite::Connection;

use crate::world::World;

/// A database of version 1 on the line of the older names, as an install of then would have it.
fn database(world: &World) {
    world.run(&["init"]).succeeds();
    let args = ["tables", "export", "--version", "1", "--format", "sqlite", "--out", "db.sqlite3"];
    world.run(&args).succeeds();
    let db = Connection::open(world.path("db.sqlite3")).expect("a database");
    db.execute_batch(
        "INSERT INTO dca_machines (id, operator_user_id, machine_npub, wallet_id, fiat_code)
            VALUES ('m1', 'op', 'npub-of-m1', 'w1', 'EUR');
         INSERT INTO dca_clients (id, machine_id, user_id, wallet_id) VALUES
            ('c1', 'm1', 'ana', 'w-ana');
         INSERT INTO dca_deposits (id, client_id, machine_id, creator_user_id, amount, currency,
            status) VALUES ('d1', 'c1', 'm1', 'op', 15, 'USD', 'confirmed');",
    )
    .expect("filled");
}

#[test]
fn an_operator_brings_a_database_in_and_sees_its_balances() {
    let world = World::new();
    database(&world);
    let looked = world.run(&["import", "db.sqlite3", "--dry-run"]).succeeds();
    assert!(looked.out.contains("nothing was brought in"), "{}", looked.out);
    assert_eq!(world.run(&["log", "stats", "--json"]).json()["entries"], 0);

    let said = world.run(&["import", "db.sqlite3"]).succeeds();
    for words in [
        "db.sqlite3 is of version 1",
        "dca_machines m1 machine_npub: \"npub-of-m1\" is no public key",
        "dca_deposits d1 currency: \"USD\" at a machine for EUR; balances count EUR",
    ] {
        assert!(said.out.contains(words), "no `{words}` in {}", said.out);
    }
    let balances = world.run(&["balances", "--json"]).succeeds().json();
    assert_eq!(balances["balances"][0]["remaining_fiat"], "15.00");
    let question = "SELECT d.currency, l.dca_wallet_id FROM dca_deposits d, dca_lp l";
    assert_eq!(
        world.run(&["sql", question, "--csv"]).succeeds().out.lines().nth(1),
        Some("EUR,w-ana")
    );
    let old = "SELECT currency, wallet_id FROM dca_deposits, dca_clients";
    let old = world.run(&["sql", old, "--version", "3", "--csv"]).succeeds();
    assert_eq!(old.out.lines().nth(1), Some("USD,w-ana"));

    let again = world.run(&["import", "db.sqlite3", "--json"]).succeeds().json();
    let appended = |table: &serde_json::Value| table["appended"].as_u64().expect("a number");
    let tables = again["tables"].as_array().expect("tables");
    assert_eq!(tables.iter().map(appended).sum::<u64>(), 0);
    world.run(&["verify"]).succeeds();
}

#[test]
fn a_row_longer_than_an_entry_is_shown_as_one() {
    let world = World::new();
    database(&world);
    let db = Connection::open(world.path("db.sqlite3")).expect("a database");
    let hash = "ab".repeat(32);
    let settlement = format!(
        "INSERT INTO dca_settlements (id, machine_id, payment_hash, gross_sats, fiat_amount,
            fiat_code, exchange_rate, net_sats, commission_sats, platform_fee_sats,
            operator_fee_sats, tx_type, notes, created_at) VALUES ('s1', 'm1', '{hash}', 110, 1,
            'EUR', 100, 100, 10, 5, 5, 'cash_out', replace(hex(zeroblob(30000)), '00', '€'), 7)"
    );
    db.execute(&settlement, []).expect("filled");
    world.run(&["sql", "SELECT 1"]).succeeds();
    world.run(&["import", "db.sqlite3"]).succeeds();
    let shown = world.run(&["log", "show", "--key", &hash]).succeeds().out;
    assert!(shown.contains("import.piece") && shown.contains("piece 1 of 2"), "{shown}");
    assert!(shown.contains("row.imported") && !shown.contains("piece 2"), "{shown}");
    let lines = world.run(&["log", "show", "--key", &hash, "--json"]).succeeds().out;
    let last: serde_json::Value =
        serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    let notes = last["event"]["row"]["cells"]["notes"].as_str().expect("a text");
    assert_eq!(notes, "€".repeat(30_000));
    let traced = world.run(&["trace", &hash]).succeeds().out;
    assert!(traced.contains("row.imported: cash_out of 110 sats"), "{traced}");
    assert!(!traced.contains("piece"), "{traced}");
    let question = "SELECT length(notes), wire_sats FROM dca_settlements";
    let asked = world.run(&["sql", question, "--csv"]).succeeds().out;
    assert_eq!(asked.lines().nth(1), Some("30000,110"));
    let sound = world.run(&["verify"]).succeeds().out;
    assert!(sound.contains("the live tables are what they say"), "{sound}");
}

#[test]
fn what_is_no_database_is_refused() {
    let world = World::with_ledger();
    std::fs::write(world.path("none"), "nothing of the kind").expect("written");
    world.run(&["import", "none"]).ends_with(2).says(&["none", "not a database"]);
    world.run(&["import", "missing"]).ends_with(2).says(&["missing", "No such file"]);
    Connection::open(world.path("other"))
        .and_then(|db| db.execute_batch("CREATE TABLE users (id TEXT)"))
        .expect("made");
    let said = world.run(&["import", "other"]).ends_with(2);
    said.says(&["no spirekeeper database", "dca_settlements", "super_config"]);
}
