//! Whatever was brought in: commands that follow are answered, and the books stay right.

use proptest::prelude::*;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use spireledger_projections::versions::SPIREKEEPER_NEWEST;
use spireledger_schema::Command;

use crate::database::{Line, attached, fill, made, read};
use crate::values::Random;
use crate::world::World;

/// Every id of a table.
fn ids(world: &World, table: &str, column: &str) -> Vec<String> {
    let tables = world.tables(12);
    let of = |row: &crate::database::Held| match &row[column] {
        Sql::Text(text) if !text.is_empty() => Some(text.clone()),
        _ => None,
    };
    tables[table].iter().filter_map(of).collect()
}

/// What a person or a processor may come to say of what is there.
fn commands(world: &World, random: &mut Random) -> Vec<Value> {
    let mut all = Vec::new();
    for id in ids(world, "dca_deposits", "id") {
        let verb = ["deposit.confirm", "deposit.reject"][usize::from(random.below(2) == 0)];
        all.push(json!({ "type": verb, "id": id }));
    }
    let hashes = ids(world, "dca_settlements", "payment_hash");
    let legs = ids(world, "dca_payments", "id");
    for hash in &hashes {
        let claim = format!("w-{}", random.below(2));
        let mut said = vec![
            json!({ "type": "settlement.begin", "payment_hash": hash, "processing_claim": claim }),
            json!({ "type": "settlement.adjust", "payment_hash": hash, "fiat_amount": "0.00",
                "principal_sats": 0, "fee_sats": 0, "reason": "none came out" }),
            json!({ "type": "settlement.fail", "payment_hash": hash }),
            json!({ "type": "settlement.void", "payment_hash": hash }),
            json!({ "type": "settlement.finish", "payment_hash": hash }),
            json!({ "type": "settlement.note", "payment_hash": hash, "id": "n", "note": "seen" }),
        ];
        for leg in &legs {
            let status =
                ["completed", "failed", "voided"][usize::try_from(random.below(3)).unwrap()];
            said.push(json!({ "type": "leg.outcome", "payment_hash": hash, "leg_id": leg,
                "status": status }));
        }
        all.extend(said);
    }
    for id in ids(world, "dca_clients", "id") {
        all.push(json!({ "type": "client.update", "id": id, "status": "paused" }));
    }
    for id in ids(world, "dca_machines", "id") {
        all.push(json!({ "type": "machine.update", "id": id, "name": "again" }));
        all.push(json!({ "type": "cassettes.set", "machine_id": id, "positions":
            { "1": { "denomination": 20, "count": 5 } } }));
    }
    for at in (1..all.len()).rev() {
        let other = usize::try_from(random.below(at as u64 + 1)).unwrap();
        all.swap(at, other);
    }
    all
}

fn check(seed: u64, from: u16, oddity: u64) {
    let world = World::new();
    let mut random = Random(seed);
    let file = world.path("db");
    fill(&made(&file, from, Line::Upgraded), &mut random, oddity);
    world.import("db", Some(from));
    for _ in 0..2 {
        for command in commands(&world, &mut random) {
            // Answered at all: an entry that cannot be folded stops the writer for good.
            if Command::parse(&command.to_string()).is_ok() {
                world.ask(&command);
            }
        }
        // A later state of the same, and the same again.
        let db = attached(&file);
        db.execute_batch(
            "UPDATE spirekeeper.dca_payments SET status = 'completed' WHERE rowid % 3 = 0;
             UPDATE spirekeeper.dca_settlements SET status = 'processed' WHERE rowid % 2 = 0;
             UPDATE spirekeeper.dca_deposits SET amount = -1 WHERE rowid % 4 = 0;
             UPDATE spirekeeper.dca_payments SET amount_fiat = 'odd' WHERE rowid % 5 = 0;",
        )
        .unwrap();
        world.import("db", Some(from));
        let again = world.import("db", Some(from));
        assert_eq!(again.appended(), 0, "seed {seed}, version {from}");
    }
    assert!(!read(&file).is_empty());
    world.ends_sound();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn commands_about_what_was_brought_in_never_stop_the_writer(
        seed in any::<u64>(), from in 1..=SPIREKEEPER_NEWEST, oddity in prop_oneof![Just(0u64), Just(40), Just(150)],
    ) {
        check(seed, from, oddity);
    }
}
