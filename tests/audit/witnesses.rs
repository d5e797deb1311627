//! Witnesses: what one cosigns, and what it never does.

use crate::world::World;
use crate::{fleet, key, line, save, submit};

fn witness(world: &World, name: &str) -> String {
    line(world.run(&["witness", "--state", name, "key", "--name", &format!("{name}.example/w")]))
}

fn cosign(world: &World, state: &str, file: &str, key: &str) -> crate::world::Run {
    world.run(&["witness", "--state", state, "cosign", file, "--log-key", key])
}

#[test]
fn a_cosigned_checkpoint_says_who_has_seen_it() {
    let world = fleet(10);
    let public = key(&world);
    let (one, two) = (witness(&world, "one"), witness(&world, "two"));
    save(&world, "a", &["checkpoint"]);
    let signature = line(cosign(&world, "one", "a", &public));
    assert!(signature.starts_with("\u{2014} one.example/w "), "{signature}");
    std::fs::write(world.path("s"), format!("{signature}\n")).expect("written");
    // Another's key does not take it, and its own does, once.
    world.run(&["checkpoint", "cosign", "s", "--witness", &two]).ends_with(1);
    let said = world.run(&["checkpoint", "cosign", "s", "--witness", &one]).succeeds().out;
    assert_eq!(said, "one.example/w has cosigned 16 entries\n");
    let held = world.read("ledger/checkpoints");
    world.run(&["checkpoint", "cosign", "s", "--witness", &one]).succeeds();
    assert_eq!(world.read("ledger/checkpoints"), held);

    submit(&world, 10, 600);
    save(&world, "growth", &["checkpoint", "--since", "16"]);
    let with = [line(cosign(&world, "one", "growth", &public)), {
        save(&world, "b", &["checkpoint"]);
        line(cosign(&world, "two", "b", &public))
    }];
    std::fs::write(world.path("s"), with.join("\n") + "\n").expect("written");
    world.run(&["checkpoint", "cosign", "s", "--witness", &one, "--witness", &two]).succeeds();
    let note = world.run(&["checkpoint"]).succeeds().out;
    assert_eq!(note.lines().filter(|line| line.starts_with('\u{2014}')).count(), 3);
    world.run(&["verify"]).succeeds();

    save(&world, "p", &["proof", "--seq", "300"]);
    let verify =
        |more: &[&str]| world.run(&[&["proof", "verify", "p", "--key", &public], more].concat());
    let both = ["--witness", &one, "--witness", &two, "--quorum", "2"];
    let said = verify(&both).succeeds().out;
    assert!(
        said.contains("seen by one.example/w at ") && said.contains("seen by two.example/w at ")
    );
    verify(&["--witness", &one, "--quorum", "2"]).ends_with(1);
    // The receipt of an early entry is of the early checkpoint, and a later one can be named.
    let early = world.run(&["proof", "--seq", "3"]).succeeds().out;
    assert!(early.contains("\n16\n"), "{early}");
    let late = world.run(&["proof", "--seq", "3", "--at", "606"]).succeeds().out;
    assert!(late.contains("\n606\n"), "{late}");
    world.run(&["proof", "--seq", "3", "--at", "20"]).ends_with(2).says(&["no checkpoint of 20"]);
}

#[test]
fn a_witness_signs_no_fork_no_rollback_and_no_gap() {
    let world = fleet(10);
    let public = key(&world);
    witness(&world, "w");
    save(&world, "a", &["checkpoint"]);
    submit(&world, 10, 100);
    save(&world, "b", &["checkpoint"]);
    save(&world, "growth", &["checkpoint", "--since", "a"]);
    cosign(&world, "w", "a", &public).succeeds();
    // The same again is signed again: nothing new is said.
    cosign(&world, "w", "a", &public).succeeds();
    cosign(&world, "w", "b", &public).ends_with(1).says(&["checkpoint --since 16"]);
    cosign(&world, "w", "growth", &public).succeeds();
    cosign(&world, "w", "growth", &public).ends_with(1).says(&["the proof begins at 16"]);
    cosign(&world, "w", "a", &public).ends_with(1).says(&["a rollback"]);

    // Another history, signed with the same key.
    world.run(&["--ledger", "forged", "init"]).succeeds();
    let forge = |lines: &str| {
        world.run_with(&["--ledger", "forged", "submit", "-"], lines).succeeds();
    };
    forge(crate::world::FLEET);
    forge(&(1..101).map(crate::world::claim).collect::<String>());
    std::fs::remove_file(world.path("forged/checkpoints")).expect("removed");
    std::fs::copy(world.path("ledger/note.key"), world.path("forged/note.key")).expect("copied");
    save(&world, "fork", &["--ledger", "forged", "checkpoint"]);
    cosign(&world, "w", "fork", &public).ends_with(1).says(&["does not begin with"]);
    forge(&(101..120).map(crate::world::claim).collect::<String>());
    save(&world, "fork", &["--ledger", "forged", "checkpoint", "--since", "106"]);
    cosign(&world, "w", "fork", &public).ends_with(1).says(&["does not begin with"]);
    // A stranger's checkpoint.
    world.run(&["--ledger", "other", "init"]).succeeds();
    save(&world, "other.note", &["--ledger", "other", "checkpoint"]);
    cosign(&world, "w", "other.note", &public).ends_with(1).says(&["is a checkpoint of"]);
    // What it stands by is what it has signed.
    submit(&world, 100, 101);
    save(&world, "growth", &["checkpoint", "--since", "106"]);
    cosign(&world, "w", "growth", &public).succeeds();
}

#[test]
fn a_ledger_is_a_witness_of_another() {
    let world = fleet(5);
    let public = key(&world);
    world.run(&["--ledger", "friend", "init"]).succeeds();
    let friend = line(world.run(&["--ledger", "friend", "witness", "key"]));
    assert!(friend.starts_with("spireledger-witness/"), "{friend}");
    save(&world, "a", &["checkpoint"]);
    let cosign = ["--ledger", "friend", "witness", "cosign", "a", "--log-key", &public];
    save(&world, "s", &cosign);
    world.run(&["checkpoint", "cosign", "s", "--witness", &friend]).succeeds();
    let list = world.run(&["checkpoint", "list", "--json"]).succeeds().json();
    assert_eq!(list[0]["witnesses"][0], friend.split('+').next().expect("a name"));
    world.run(&["--ledger", "nowhere", "witness", "key"]).ends_with(2).says(&["is no ledger"]);
}
