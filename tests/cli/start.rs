//! Beginning: `init`, wrong directories, help and completions.

use crate::world::World;

#[test]
fn init_makes_a_ledger_that_is_sound_and_empty() {
    let world = World::new();
    let said = world.run(&["init"]).succeeds().out;
    assert!(said.starts_with("made an empty ledger in ./ledger\n"), "{said}");
    let stats = world.run(&["log", "stats", "--json"]).succeeds().json();
    assert_eq!(stats["entries"], 0);
    assert_eq!(stats["head"]["hash"], "0".repeat(64));
    world.run(&["verify"]).succeeds();
}

#[test]
fn init_never_touches_what_is_there() {
    let world = World::with_fleet();
    world.run(&["init"]).ends_with(2).says(&["ledger exists already", "name a new directory"]);
    assert_eq!(world.run(&["log", "stats", "--json"]).json()["entries"], 6);
}

#[test]
fn what_is_no_ledger_is_named_with_what_to_do() {
    let world = World::new();
    let all: &[&[&str]] = &[
        &["submit", "-"],
        &["log", "show"],
        &["log", "stats"],
        &["verify"],
        &["balances"],
        &["tables", "list"],
        &["backup", "b"],
        &["trace", "00"],
    ];
    for args in all {
        let run = world.run(args).ends_with(2);
        assert!(run.err.contains("is no ledger") || run.err.contains("64 hex digits"), "{run:?}");
    }
    std::fs::create_dir(world.path("ledger")).expect("made");
    std::fs::write(world.path("ledger/format"), "spireledger ledger 9\n").expect("written");
    world.run(&["verify"]).ends_with(2).says(&["spireledger ledger 9", "this version knows"]);
}

#[test]
fn the_ledger_can_be_named_by_flag_and_by_environment() {
    let world = World::new();
    world.run(&["--ledger", "books", "init"]).succeeds();
    world.run(&["verify", "--ledger", "books"]).succeeds();
    let status = world.command(&["verify"]).env("SPIRELEDGER_DIR", "books").output();
    assert_eq!(status.expect("runs").status.code(), Some(0));
}

#[test]
fn wrong_usage_ends_with_2() {
    let world = World::with_ledger();
    for args in [&["no-such-command"][..], &["log"], &["submit", "--no-such-flag"], &["trace"]] {
        world.run(args).ends_with(2);
    }
    world.run(&["submit", "no-such-file.jsonl"]).ends_with(2).says(&["no-such-file.jsonl"]);
}

#[test]
fn completions_exist_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = world.run(&["completions", shell]).succeeds();
        assert!(run.out.contains("spireledger") && run.out.contains("restore"), "{shell}");
    }
}
