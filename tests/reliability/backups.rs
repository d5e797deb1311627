//! Backups: an intact one brings everything back, byte for byte; a damaged one is told, with the place,
//! and makes no ledger unless only what is before the damage is wanted.

use std::path::Path;

use crate::chance::Chance;
use crate::damage::{Base, Hurt};
use crate::fleet;
use crate::world::{World, told_number};

fn name(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn a_restored_ledger_is_the_same_byte_for_byte() {
    let base = Base::usual();
    let restored = World::in_memory();
    let done = restored.run(&["--json", "restore", name(&base.backup)]).expect_no_bug().expect(0);
    assert_eq!(done.json()["head"].as_str(), base.hashes.last().map(String::as_str));
    restored.expect_sound();
    let show = ["--json", "log", "show", "--from", "1", "--to", "1000000"];
    assert!(base.world.run(&show).expect(0).out == restored.run(&show).expect(0).out);
    for look in
        [["--json", "balances"].as_slice(), &["--json", "tables", "show", "dca_settlements"]]
    {
        let (one, other) = (base.world.run(look), restored.run(look));
        assert!(one.out == other.out && !one.out.is_empty(), "{look:?}: {one:#?} {other:#?}");
    }
    let again = restored.beside("again");
    restored.run(&["backup", name(&again)]).expect_no_bug().expect(0);
    assert!(std::fs::read(&again).unwrap() == std::fs::read(&base.backup).unwrap());
    // It goes on as the first one would: what it has is replayed, what is new is accepted.
    let next = [fleet::command(8), fleet::command(base.hashes.len() as u64)];
    let done = restored.submit(&next).expect_no_bug().expect(0);
    let said: Vec<_> = done.answers().iter().map(|answer| answer["status"].clone()).collect();
    assert_eq!(said, ["replayed", "accepted"]);
}

#[test]
fn a_damaged_backup_is_told_and_restores_what_is_before_the_damage() {
    let base = Base::usual();
    let whole = std::fs::read(&base.backup).expect("readable");
    let mut chance = Chance::new(61);
    let front = [0, 7, 8, 9, 11, 12, 16, 40].map(|at| Hurt::Flip { at, bit: 1 });
    let cases = told_number("SPIRELEDGER_DAMAGE_CASES", 30);
    let random = (0..cases).map(|_| Hurt::any(whole.len(), &mut chance));
    for hurt in front.into_iter().chain(random.collect::<Vec<_>>()) {
        let mut bytes = whole.clone();
        hurt.apply(&mut bytes);
        if bytes != whole {
            check(&base, &bytes, &format!("{hurt:?}"));
        }
    }
}

fn check(base: &Base, bytes: &[u8], place: &str) {
    let world = World::in_memory();
    let file = world.beside("hurt");
    std::fs::write(&file, bytes).expect("written");
    let whole = std::fs::read(&base.backup).expect("readable");
    if bytes.len() < 8 || is_beyond_recognition(&whole, bytes) {
        // Nothing is left that could be told from any other file.
        world.run(&["restore", name(&file)]).expect_no_bug().expect(2);
        return assert!(!world.ledger().exists(), "{place}");
    }
    let verified = world.run(&["--json", "verify", "--backup", name(&file)]).expect_no_bug();
    let report = verified.expect(1).json();
    let broken = report["breaks"].as_array().and_then(|all| all.last()).expect("a break");
    assert!(
        broken["what"].as_str().is_some_and(|what| what.contains(" byte ")),
        "{place}: {broken}"
    );

    let refused = world.run(&["restore", name(&file)]).expect_no_bug().expect(1);
    assert!(refused.err.contains(" byte "), "{place}: {refused:#?}");
    assert!(!world.ledger().exists(), "{place}: nothing is made");

    world.run(&["restore", "--before-damage", name(&file)]).expect_no_bug().expect(0);
    world.expect_sound();
    let saved = world.hashes();
    assert!(base.hashes.starts_with(&saved), "{place}: not what was there");
    // The block that is hit, and those behind it, are all that is missing.
    assert_eq!(report["entries"].as_u64(), Some(saved.len() as u64), "{place}");
    assert!(std::fs::read(&file).expect("readable") == bytes, "{place}: it was changed");
}

/// Whether damage hit both marks of a backup: its first bytes and its first block.
fn is_beyond_recognition(whole: &[u8], bytes: &[u8]) -> bool {
    let first_block = 8..12 + u32::from_le_bytes(whole[8..12].try_into().expect("4")) as usize;
    let is_hurt = |part: std::ops::Range<usize>| bytes.get(part.clone()) != Some(&whole[part]);
    is_hurt(0..8) && is_hurt(first_block)
}

#[test]
fn a_backup_goes_on_behind_a_torn_end_and_nowhere_else() {
    let base = Base::usual();
    let whole = std::fs::read(&base.backup).expect("readable");
    let file = base.world.beside("torn");
    for len in [0, 3, 8, 9, 500, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..len]).expect("written");
        base.world.run(&["backup", name(&file)]).expect_no_bug().expect(0);
        assert!(std::fs::read(&file).expect("readable") == whole, "cut to {len} bytes");
    }
    for at in [9, 1_000, whole.len() / 2] {
        let mut hurt = whole.clone();
        hurt[at] ^= 4;
        std::fs::write(&file, &hurt).expect("written");
        let done = base.world.run(&["backup", name(&file)]).expect_no_bug().expect(1);
        assert!(done.err.contains(" byte "), "{done:#?}");
        assert!(std::fs::read(&file).expect("readable") == hurt, "byte {at}: it was changed");
    }
    // Of another ledger, or no backup at all: not touched either.
    let other = World::in_memory();
    other.run(&["init"]).expect(0);
    other.submit(&fleet::first(3)).expect(0);
    for foreign in [whole, b"a letter to a friend".to_vec()] {
        std::fs::write(&file, &foreign).expect("written");
        other.run(&["backup", name(&file)]).expect_no_bug().expect(2);
        assert!(std::fs::read(&file).expect("readable") == foreign);
    }
}
