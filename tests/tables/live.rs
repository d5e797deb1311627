//! Live tables on disk: what cannot be brought forward is made anew, whoever comes in between.

use std::fs;

use rusqlite::Connection;
use spireledger::log::{Head, ReadLog};
use spireledger::tables::{Leftover, TablesError, Unusable};

use crate::world::{World, expect_same, expected, read_live, shape};

fn nothing(_: u64) {}

/// Brings the live tables to the head, by a new handle; why they were made anew, and that they are right.
fn follow(world: &World) -> Option<Unusable> {
    let mut live = world.live(13);
    let (head, why) = live.follow(world.log(), &mut nothing).expect("followed");
    assert_eq!(head, world.log().head());
    expect_same(&read_live(&live).1, &expected(world.log(), &shape(13)), "live");
    why
}

#[test]
fn what_is_missing_or_damaged_or_of_another_version_is_made_anew_and_told() {
    let world = World::of_seed(1);
    let path = world.live(13).path();
    assert_eq!(follow(&world), Some(Unusable::Missing));
    assert_eq!(follow(&world), None);
    let file = fs::canonicalize(&path).expect("a file");

    fs::write(&file, b"this is no database, but it is long enough to be taken for one".repeat(99))
        .expect("written");
    assert!(matches!(follow(&world), Some(Unusable::Damaged(_))));
    assert!(!file.exists(), "another file is live");

    let mut other = world.live(7);
    other.follow(world.log(), &mut nothing).expect("followed");
    fs::copy(other.path(), fs::canonicalize(&path).expect("a file")).expect("copied");
    drop(other);
    assert_eq!(follow(&world), Some(Unusable::OtherShape));

    fs::remove_file(&path).expect("removed");
    assert_eq!(follow(&world), Some(Unusable::Missing));
}

#[test]
fn tables_of_another_history_are_not_gone_on_with() {
    let (world, other) = (World::of_seed(1), World::of_seed(2));
    other.live(13).follow(&other.past(40), &mut nothing).expect("followed");
    fs::copy(other.live(13).path(), world.live(13).path()).expect("copied");
    assert_eq!(follow(&world), Some(Unusable::OtherHistory(40)));

    // A log that lost its end is told from one that was only opened earlier by whoever holds it.
    let mut live = world.live(13);
    let short = world.past(world.head() - 5);
    let ahead = live.follow(&short, &mut nothing).expect_err("ahead");
    let position = world.head();
    assert!(
        matches!(ahead, TablesError::Ahead { position: p, head } if p == position && head == p - 5),
        "{ahead}"
    );
    live.discard().expect("discarded");
    live.follow(&short, &mut nothing).expect("followed");
    expect_same(&read_live(&live).1, &expected(&short, &shape(13)), "shorter");
}

#[test]
fn handles_of_many_processes_take_turns_and_a_swap_is_noticed() {
    let world = World::of_seed(3);
    let (mut one, mut two) = (world.live(13), world.live(13));
    for at in (1..=world.head()).step_by(23) {
        let log = world.past(at);
        let live = if at % 2 == 0 { &mut one } else { &mut two };
        live.follow(&log, &mut nothing).expect("followed");
        if at % 5 == 0 {
            let mut third = world.live(13);
            third.rebuild(&world.past(at - 1), Leftover::GoOn, &mut nothing).expect("made anew");
        }
    }
    one.follow(world.log(), &mut nothing).expect("followed");
    two.follow(world.log(), &mut nothing).expect("followed");
    expect_same(&read_live(&two).1, &expected(world.log(), &shape(13)), "two");
    expect_same(&read_live(&one).1, &expected(world.log(), &shape(13)), "one");
}

#[test]
fn a_reader_sees_one_moment_while_the_tables_move_on_and_are_swapped() {
    let world = World::of_seed(4);
    let mut live = world.live(13);
    let then = world.past(50);
    live.follow(&then, &mut nothing).expect("followed");
    let (connection, head) = live.read().expect("read");
    assert_eq!(head.map(|Head { seq, .. }| seq), Some(50));
    live.follow(world.log(), &mut nothing).expect("followed");
    live.rebuild(world.log(), Leftover::ThrowAway, &mut nothing).expect("made anew");
    expect_same(&crate::world::read(&connection, &shape(13)), &expected(&then, &shape(13)), "then");
    expect_same(&read_live(&live).1, &expected(world.log(), &shape(13)), "now");
}

#[test]
fn the_live_file_has_the_tables_of_the_version_to_the_letter() {
    let world = World::of_seed(5);
    follow(&world);
    let connection = Connection::open(world.live(13).path()).expect("a database");
    let made = Connection::open_in_memory().expect("memory");
    made.execute_batch(&shape(13).ddl(None)).expect("made");
    let schema = |connection: &Connection| {
        let all = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'spireledger%' \
                   AND sql IS NOT NULL ORDER BY name";
        let mut all = connection.prepare(all).expect("prepared");
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("queried");
        rows.map(|row| row.expect("a row")).collect::<Vec<(String, String)>>()
    };
    assert_eq!(schema(&connection), schema(&made));
    let mode: String =
        connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).expect("asked");
    assert_eq!(mode, "wal");
}

/// blake3 of all rows of the recorded month in a version, with a clock that goes on by a second.
const PINNED: &[(u16, &str)] = &[
    (12, "bd25a3efbbf14f8ccff430726a1be58a89d7324ebdc6a2dc6e0c391b8c0b12d7"),
    (13, "b2ed5cf50eaccc779f2887dabe692b7e96fcf364429af96c87dd7f8d30bda509"),
];

/// Rows that change for the same entries must be told from the older ones: raise `ROWS_FORMAT` in
/// `src/tables/position.rs`, and put the new hash here.
#[test]
fn the_rows_of_the_month_stay_or_get_another_format() {
    let world = World::of_month();
    for (version, pinned) in PINNED {
        let tables = expected(world.log(), &shape(*version));
        let hash = blake3::hash(format!("{tables:?}").as_bytes()).to_hex();
        assert_eq!(hash.as_str(), *pinned, "version {version} with ROWS_FORMAT 1");
    }
}
