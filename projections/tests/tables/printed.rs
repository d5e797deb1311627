//! What is printed from the versions is what is checked in, and SQLite takes it.

use std::path::Path;

use rusqlite::Connection;
use spireledger_projections::shape::{Effect, Migration, SCHEMA, Shape, Step, printed};
use spireledger_projections::versions::{NEWEST, VERSIONS};

#[test]
fn ddl_and_history_are_checked_in_as_they_are_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (path, text) in printed() {
        let stored = std::fs::read_to_string(root.join(&path)).unwrap_or_default();
        assert!(
            stored == text,
            "{path} is not what the versions say. If they were meant to change, print it anew:\n\
             cargo run -p spireledger-projections --example tables"
        );
    }
}

/// Every version in a file that is attached as LNbits attaches it, and in one of its own.
#[test]
fn sqlite_takes_the_tables_of_every_version() {
    for version in 1..=NEWEST {
        let shape = Shape::at(version).unwrap();
        for schema in [Some(SCHEMA), None] {
            let db = Connection::open_in_memory().unwrap();
            db.execute("ATTACH ':memory:' AS spirekeeper", []).unwrap();
            db.execute_batch(&shape.ddl(schema)).unwrap();
            for table in shape.tables() {
                let columns: Vec<String> = db
                    .prepare(&format!(
                        "SELECT name FROM pragma_table_info('{}', '{}')",
                        table.name(),
                        schema.unwrap_or("main")
                    ))
                    .unwrap()
                    .query_map([], |row| row.get(0))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                let expected: Vec<&str> = table.columns().iter().map(|c| c.name).collect();
                assert_eq!(columns, expected, "{} of version {version}", table.name());
            }
        }
    }
}

/// What each migration loses or learns, from its values alone.
#[test]
fn steps_that_lose_or_learn_are_known_by_their_values() {
    let mut shape = Shape::empty();
    let mut marked = Vec::new();
    for migration in VERSIONS {
        for (at, step) in migration.steps.iter().enumerate() {
            let mut before = shape.clone();
            before.migrate(&Migration { steps: &migration.steps[..at], ..*migration }).unwrap();
            let effect = step.effect(&before);
            if migration.version > 1 && effect != Effect::Keeps {
                marked.push(format!("{} {effect:?} {}", migration.version, about(step)));
            }
        }
        shape.migrate(migration).unwrap();
    }
    let expected = [
        "4 Reveals dca_lp",
        "5 Forgets dca_deposits.currency",
        "6 Forgets dca_machines.fallback_commission_pct",
        "6 Forgets dca_settlements.used_fallback_split",
        "7 Reveals cassette_configs",
        "8 Reveals cassette_configs.state_denomination",
        "8 Reveals cassette_configs",
        "9 Reveals super_config.super_cash_in_fee_fraction",
        "9 Reveals dca_machines.operator_cash_in_fee_fraction",
        "9 Reveals dca_machines.operator_cash_out_fee_fraction",
        "9 Reveals dca_settlements.fee_mismatch_sats",
        "10 Reveals dca_machines.bunker_spire_key_name",
        "10 Reveals dca_machines.paired_at",
        "11 Reveals dca_machines.machine_npub",
        "12 Reveals super_config.max_cash_in_sats",
        "13 Reveals balances",
        "13 Reveals wallet_balances",
        "13 Reveals journal",
        "13 Reveals settlement_audit",
    ];
    assert_eq!(marked, expected);
}

fn about(step: &Step) -> String {
    match step {
        Step::CreateTable { table, .. } | Step::DropTable { table } | Step::Rekey { table, .. } => {
            (*table).to_owned()
        }
        Step::AddColumn { table, column, .. } => format!("{table}.{}", column.name),
        Step::DropColumn { table, column }
        | Step::RenameColumn { table, from: column, .. }
        | Step::Nullable { table, column }
        | Step::Reread { table, column, .. } => format!("{table}.{column}"),
        Step::CreateIndex(index) => index.name.to_owned(),
    }
}
