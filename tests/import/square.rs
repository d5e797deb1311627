//! A database that is brought in at version k and exported at n is the database after the migrations
//! k+1 to n.

use proptest::prelude::*;
use spireledger_projections::versions::SPIREKEEPER_NEWEST;

use crate::database::{Line, attached, fill, made, read};
use crate::migrations::sql;
use crate::values::Random;
use crate::world::World;

/// The versions in which a line has the shape of ours, from k on.
fn versions(line: Line, from: u16) -> std::ops::RangeInclusive<u16> {
    match line {
        Line::Upgraded => from..=SPIREKEEPER_NEWEST,
        Line::Squashed => from.max(11)..=SPIREKEEPER_NEWEST,
    }
}

fn check(seed: u64, from: u16, line: Line, oddity: u64) {
    let what = format!("seed {seed}, version {from}, {line:?}, oddity {oddity}");
    let world = World::new();
    let file = world.path("found.sqlite3");
    let db = made(&file, from, line);
    fill(&db, &mut Random(seed), oddity);
    drop(db);
    let before = std::fs::read(&file).unwrap();
    let first = world.import("found.sqlite3", Some(from));
    assert_eq!(first.refused, [], "{what}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "{what}: the source was written to");
    let rows: usize = read(&file).values().map(Vec::len).sum();
    let sent: u64 = first.tables.iter().map(|table| table.rows).sum();
    assert!(sent > 0 && usize::try_from(sent).unwrap() >= rows.min(1), "{what}");

    let again = world.import("found.sqlite3", Some(from));
    assert_eq!(again.appended(), 0, "{what}: the same file again, {:?}", again.tables);

    let copy = world.path("migrated.sqlite3");
    std::fs::copy(&file, &copy).unwrap();
    let db = attached(&copy);
    for version in from..=SPIREKEEPER_NEWEST {
        // Tables that were made at once had the newer names from the start.
        let had_it = line == Line::Squashed && matches!(version, 2..=4 | 6);
        if version > from && !had_it {
            db.execute_batch(sql(version)).unwrap();
        }
        if versions(line, from).contains(&version) {
            let (expected, found) = (read(&copy), world.tables(version));
            for (table, rows) in &expected {
                assert_eq!(found.get(table), Some(rows), "{what}: {table} at {version}");
            }
            assert_eq!(found.len(), expected.len(), "{what}: tables at {version}");
        }
    }
    world.ends_sound();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn what_was_found_migrates_to_what_is_shown(
        seed in any::<u64>(),
        from in 1..=SPIREKEEPER_NEWEST,
        squashed in any::<bool>(),
        oddity in prop_oneof![Just(0u64), Just(40), Just(200)],
    ) {
        let line = if squashed { Line::Squashed } else { Line::Upgraded };
        check(seed, from, line, oddity);
    }
}

#[test]
fn every_version_of_both_lines_is_brought_in() {
    for from in 1..=SPIREKEEPER_NEWEST {
        check(u64::from(from), from, Line::Upgraded, 30);
        check(u64::from(from), from, Line::Squashed, 30);
    }
}
