//! Checkpoints: made, listed, held against each other.

use std::os::unix::fs::PermissionsExt as _;

use crate::world::World;
use crate::{fleet, key, line, save, submit};

#[test]
fn init_makes_a_key_and_names_only_the_public_one() {
    let world = World::new();
    let said = world.run(&["init", "--origin", "ledger.example/gt"]).succeeds().out;
    let public = key(&world);
    assert!(public.starts_with("ledger.example/gt+"), "{public}");
    assert!(said.contains(&public) && !said.contains("PRIVATE"), "{said}");
    let path = world.path("ledger/note.key");
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    assert!(world.read("ledger/note.key").starts_with(b"PRIVATE+KEY+ledger.example/gt+"));
    let bad = world.run(&["--ledger", "other", "init", "--origin", "two words"]);
    bad.ends_with(2).says(&["is no name of a key"]);
    assert!(!world.path("other").exists());
    // Without a name it has one of its own.
    let names = ["one", "two"].map(|ledger| {
        world.run(&["--ledger", ledger, "init"]).succeeds();
        line(world.run(&["--ledger", ledger, "checkpoint", "--key"]))
    });
    assert!(names.iter().all(|name| name.starts_with("spireledger/")));
    assert_ne!(names[0].split('+').next(), names[1].split('+').next());
}

#[test]
fn a_ledger_from_before_gets_its_key_when_it_signs_first() {
    let world = fleet(3);
    for name in ["note.key", "checkpoints", "tree"] {
        let _ = std::fs::remove_file(world.path("ledger").join(name));
    }
    world.run(&["verify"]).succeeds();
    assert!(!world.path("ledger/note.key").exists());
    world.run(&["checkpoint"]).succeeds();
    assert!(key(&world).starts_with("spireledger/"));
    world.run(&["verify"]).succeeds();
}

#[test]
fn one_size_is_signed_once_and_every_checkpoint_is_kept() {
    let world = fleet(10);
    let first = save(&world, "a", &["checkpoint"]);
    assert_eq!(save(&world, "b", &["checkpoint"]), first);
    assert!(first.starts_with("ledger.example/gt\n16\n"), "{first}");
    submit(&world, 10, 400);
    let second = save(&world, "b", &["checkpoint"]);
    let list = world.run(&["checkpoint", "list", "--json"]).succeeds().json();
    let list: Vec<(u64, &str)> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|each| {
            (each["size"].as_u64().expect("a size"), each["checkpoint"].as_str().expect("a note"))
        })
        .collect();
    assert_eq!(list, [(16, first.as_str()), (406, second.as_str())]);
    world.run(&["verify"]).succeeds();
    let json = world.run(&["checkpoint", "--json", "--since", "16"]).succeeds().json();
    assert_eq!(json["checkpoint"], second.as_str());
    assert!(json["growth"].as_str().expect("a proof").starts_with("old 16\n"));
}

#[test]
fn a_later_log_is_proven_to_extend_an_earlier_one_with_and_without_a_ledger() {
    let world = fleet(10);
    save(&world, "a", &["checkpoint"]);
    submit(&world, 10, 700);
    save(&world, "b", &["checkpoint"]);
    save(&world, "growth", &["checkpoint", "--since", "a"]);
    let public = key(&world);
    let said = world.run(&["checkpoint", "verify", "a", "b"]).succeeds().out;
    assert_eq!(
        said,
        "proven: ledger.example/gt with 706 entries begins with what it was with 16\n"
    );
    world.run(&["checkpoint", "verify", "b", "a"]).ends_with(1);
    world.run(&["checkpoint", "verify", "b", "b"]).succeeds();

    let alone = |old: &str, new: &str, key: &str| {
        world.run(&["--ledger", "nowhere", "checkpoint", "verify", old, new, "--key", key])
    };
    alone("a", "growth", &public).succeeds();
    assert!(
        alone("b", "growth", &public).ends_with(1).out.contains("NOT PROVEN: the proof begins")
    );
    world
        .run(&["--ledger", "nowhere", "checkpoint", "verify", "a", "growth"])
        .ends_with(2)
        .says(&["name it with --key"]);
    world.run(&["--ledger", "other", "init", "--origin", "ledger.example/gt"]).succeeds();
    let other = line(world.run(&["--ledger", "other", "checkpoint", "--key"]));
    assert!(alone("a", "growth", &other).ends_with(1).out.contains("is not signed by"));
    let growth = String::from_utf8(world.read("growth")).expect("text");
    std::fs::write(world.path("changed"), growth.replacen("old 16", "old 17", 1)).expect("written");
    alone("a", "changed", &public).ends_with(1);
}

/// A ledger that was rewritten signs with the same key, and cannot show that it goes on from before.
#[test]
fn a_rewritten_ledger_cannot_extend_what_it_signed() {
    let world = fleet(10);
    save(&world, "a", &["checkpoint"]);
    let public = key(&world);
    world.run(&["--ledger", "forged", "init"]).succeeds();
    let forge = |lines: &str| {
        world.run_with(&["--ledger", "forged", "submit", "-"], lines).succeeds();
    };
    forge(crate::world::FLEET);
    forge(&(0..20).map(|n| crate::world::claim(n + 1)).collect::<String>());
    for name in ["note.key", "checkpoints"] {
        let _ = std::fs::remove_file(world.path("forged").join(name));
    }
    std::fs::copy(world.path("ledger/note.key"), world.path("forged/note.key")).expect("copied");
    save(&world, "b", &["--ledger", "forged", "checkpoint"]);
    save(&world, "growth", &["--ledger", "forged", "checkpoint", "--since", "16"]);
    for new in ["b", "growth"] {
        let verify = ["--ledger", "forged", "checkpoint", "verify", "a", new, "--key", &public];
        assert!(world.run(&verify).ends_with(1).out.starts_with("NOT PROVEN"));
    }
    // With what was signed before in its directory, it signs nothing more.
    std::fs::copy(world.path("ledger/checkpoints"), world.path("forged/checkpoints"))
        .expect("copied");
    world.run(&["--ledger", "forged", "checkpoint"]).ends_with(1).says(&["nothing is signed"]);
    let found = world.run(&["--ledger", "forged", "verify"]).ends_with(1).out;
    assert!(found.contains("checkpoint of 16 entries has the root"), "{found}");
}

#[test]
fn checkpoints_go_with_a_backup_and_the_secret_key_does_not() {
    let world = fleet(10);
    let first = save(&world, "a", &["checkpoint"]);
    world.run(&["backup", "copy"]).succeeds();
    submit(&world, 10, 20);
    world.run(&["checkpoint"]).succeeds();
    world.run(&["backup", "copy"]).succeeds();
    assert_eq!(world.read("copy.checkpoints"), world.read("ledger/checkpoints"));
    let secret = String::from_utf8(world.read("ledger/note.key")).expect("text");
    let secret = secret.trim_end().rsplit('+').next().expect("a part").as_bytes().to_vec();
    for file in ["copy", "copy.checkpoints"] {
        assert!(!world.read(file).windows(secret.len()).any(|part| part == secret));
    }
    world.run(&["--ledger", "again", "restore", "copy"]).succeeds();
    let again = |args: &[&str]| world.run(&[&["--ledger", "again"], args].concat());
    again(&["verify"]).succeeds();
    assert_eq!(line(again(&["checkpoint", "--key"])), key(&world));
    world.run_with(&["--ledger", "again", "submit", "-"], &crate::world::claim(20)).succeeds();
    again(&["checkpoint"]).ends_with(2).says(&["note.key is gone", "--new-key"]);
    std::fs::copy(world.path("ledger/note.key"), world.path("again/note.key")).expect("copied");
    save(&world, "b", &["--ledger", "again", "checkpoint"]);
    again(&["checkpoint", "verify", "a", "b"]).succeeds();
    assert!(String::from_utf8(world.read("b")).expect("text") != first);
}

#[test]
fn a_new_key_is_begun_only_when_asked_for_and_old_checkpoints_stay_verified() {
    let world = fleet(2);
    world.run(&["checkpoint"]).succeeds();
    let old = key(&world);
    world.run(&["checkpoint", "--new-key", "--origin", "ledger.example/2"]).succeeds();
    assert_ne!(key(&world), old);
    submit(&world, 2, 4);
    let next = world.run(&["checkpoint"]).succeeds().out;
    assert!(next.starts_with("ledger.example/2\n"), "{next}");
    world.run(&["verify"]).succeeds();
}
