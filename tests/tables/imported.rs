//! Tables of what was brought in from a database: also what no ledger would say.

use rusqlite::Connection;
use spireledger::import::{Source, import, version_of};
use spireledger::tables::{Leftover, export_sqlite};

use crate::laws::check_steps;
use crate::world::{World, shape};

/// What people and old programs have done to their databases.
const ODD: &str = "
    UPDATE dca_deposits SET currency = 'USD' WHERE rowid % 3 = 0;
    UPDATE dca_deposits SET created_at = created_at + 0.5, status = 'lost' WHERE rowid % 5 = 0;
    UPDATE dca_settlements SET wire_sats = wire_sats + 1 WHERE rowid % 4 = 0;
    UPDATE dca_settlements SET id = 'old-' || rowid WHERE rowid % 6 = 0;
    UPDATE dca_payments SET settlement_id = 'nobody' WHERE rowid % 9 = 0;
    UPDATE dca_machines SET fiat_code = 'nonsense' WHERE rowid = 2;
    UPDATE dca_clients SET status = 'asleep' WHERE rowid = 1;
    UPDATE dca_commission_splits SET sort_order = 'first' WHERE rowid = 1;
";
/// What happens there before it is brought in again.
const LATER: &str = "
    UPDATE dca_deposits SET status = 'confirmed', confirmed_at = 1770000000 WHERE status = 'lost';
    UPDATE dca_settlements SET status = 'voided' WHERE rowid % 8 = 0;
    UPDATE dca_payments SET status = 'failed' WHERE rowid % 11 = 0;
    UPDATE dca_machines SET fiat_code = 'USD' WHERE rowid <= 2;
    DELETE FROM dca_commission_splits WHERE rowid = 2;
";

fn bring_in(world: &World, file: &std::path::Path, version: u16) {
    let source = Source::open(file).expect("a database");
    let version = version_of(&source, Some(version)).expect("a version");
    import(world.ledger(), &source, version, file, |_| {}).expect("brought in");
}

/// A database of a version, brought in, gone on with here and there, and brought in again.
pub fn brought_in_twice(version: u16) -> World {
    let old = World::of_seed(u64::from(version));
    let file = old.dir.path().join("spirekeeper.sqlite3");
    export_sqlite(old.log(), &shape(version), &file, Leftover::GoOn, &mut |_| {}).expect("made");
    let change = |sql: &str| {
        for statement in sql.split(';') {
            // An older version lacks a table, or a column says no.
            let _ = Connection::open(&file).expect("a database").execute_batch(statement);
        }
    };
    change(ODD);
    let world = World::new();
    bring_in(&world, &file, version);
    let machine = r#"{"type":"machine.update","id":"gt-antigua-01","name":"renamed"}"#;
    let lp = r#"{"type":"lp.set","user_id":"lp-ana","dca_wallet_id":"another"}"#;
    world.say([machine, lp]);
    change(LATER);
    bring_in(&world, &file, version);
    world.say([r#"{"type":"cassettes.set","machine_id":"gt-antigua-01","positions":{"1":{"denomination":100,"count":5}}}"#]);
    assert!(world.head() > 50, "much was brought in: {}", world.head());
    world
}

/// Whoever follows it in whatever steps has the rows that the streams tell.
fn check(version: u16, shown: u16, steps: &[u64], is_new_each_time: bool) {
    check_steps(&brought_in_twice(version), shown, steps, is_new_each_time);
}

#[test]
fn tables_that_follow_what_was_brought_in_are_what_it_tells() {
    check(12, 13, &[1, 30, 7], false);
    check(7, 13, &[13, 2], true);
    check(1, 3, &[50], true);
    check(4, 7, &[29, 1], false);
    check(9, 1, &[17, 60], true);
}
