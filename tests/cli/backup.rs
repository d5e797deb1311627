//! `backup` and `restore`: the whole ledger in one plain file.

use crate::world::{World, claim, files};

#[test]
fn a_restored_ledger_is_the_same_byte_for_byte() {
    let world = World::with_fleet();
    world.run(&["backup", "copy"]).succeeds();
    let lines: String = (0..500).map(claim).collect();
    world.submit(&lines).succeeds();
    let said = world.run(&["backup", "copy"]).succeeds().out;
    assert_eq!(said, "copy holds 506 entries, 500 of them new\n");
    assert!(world.run(&["backup", "copy"]).succeeds().out.contains("0 of them new"));

    world.run(&["--ledger", "again", "restore", "copy"]).succeeds();
    world.run(&["--ledger", "again", "verify"]).succeeds();
    let shown = |ledger: &str| {
        let range = ["--ledger", ledger, "log", "show", "--json", "--from", "1", "--to", "600"];
        world.run(&range).succeeds().out
    };
    assert_eq!(shown("ledger"), shown("again"));
    world.run(&["--ledger", "again", "backup", "copy2"]).succeeds();
    assert_eq!(world.read("copy"), world.read("copy2"));

    // And it goes on as the first would have.
    let again = world.run_with(&["--ledger", "again", "submit", "-"], &claim(7)).succeeds();
    assert_eq!(again.statuses(), ["replayed"]);
    assert_eq!(world.run(&["balances"]).out, world.run(&["--ledger", "again", "balances"]).out);
}

#[test]
fn a_backup_of_another_ledger_is_left_alone() {
    let world = World::with_fleet();
    world.run(&["backup", "copy"]).succeeds();
    let before = world.read("copy");
    world.run(&["--ledger", "other", "init"]).succeeds();
    let other = ["--ledger", "other", "backup", "copy"];
    world.run(&other).ends_with(2).says(&["holds another ledger"]);
    assert_eq!(world.read("copy"), before);
    std::fs::write(world.path("notes"), "my notes").expect("written");
    world.run(&["backup", "notes"]).ends_with(2).says(&["notes is no backup"]);
    assert_eq!(world.read("notes"), b"my notes");
}

#[test]
fn restore_makes_a_new_ledger_or_nothing() {
    let world = World::with_fleet();
    world.run(&["backup", "copy"]).succeeds();
    let before = files(&world.path("ledger"));
    world.run(&["restore", "copy"]).ends_with(2).says(&["exists already"]);
    assert_eq!(files(&world.path("ledger")), before);
    world.run(&["--ledger", "new", "restore", "no-such-file"]).ends_with(2);
    assert!(!world.path("new").exists());
}

#[test]
fn a_torn_end_is_cut_off_and_written_anew() {
    let world = World::with_fleet();
    world.run(&["backup", "copy"]).succeeds();
    let whole = world.read("copy");
    std::fs::write(world.path("copy"), &whole[..whole.len() - 10]).expect("written");
    world.run(&["verify", "--backup", "copy"]).ends_with(1);
    world.run(&["backup", "copy"]).succeeds().says(&["cut", "torn end"]);
    assert_eq!(world.read("copy"), whole);
    world.run(&["verify", "--backup", "copy"]).succeeds();
}

#[test]
fn a_damaged_backup_is_located_and_restores_only_what_is_before_the_damage() {
    let world = World::with_fleet();
    for group in 0..4 {
        let lines: String = (group * 50..group * 50 + 50).map(claim).collect();
        world.submit(&lines).succeeds();
    }
    world.run(&["backup", "copy"]).succeeds();
    let mut bytes = world.read("copy");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x20;
    std::fs::write(world.path("copy"), &bytes).expect("written");
    let report = world.run(&["verify", "--backup", "copy", "--json"]).ends_with(1).json();
    assert!(report["breaks"][0]["what"].as_str().expect("text").contains("damaged at byte"));
    world.run(&["--ledger", "new", "restore", "copy"]).ends_with(1).says(&["damaged at byte"]);
    assert!(!world.path("new").exists());
    world.run(&["--ledger", "new", "restore", "--before-damage", "copy"]).succeeds();
    world.run(&["--ledger", "new", "verify"]).succeeds();
    let restored = world.run(&["--ledger", "new", "log", "stats", "--json"]).json();
    let restored = restored["entries"].as_u64().expect("a number");
    assert!((6..206).contains(&restored), "{restored}");
}
