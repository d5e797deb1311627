//! What `verify` names, when what was signed or derived is changed by hand.

use crate::world::World;
use crate::{fleet, key, line, save, submit};

/// A ledger with checkpoints, one of them cosigned.
fn signed() -> World {
    let world = fleet(10);
    save(&world, "a", &["checkpoint"]);
    let witness = line(world.run(&["witness", "--state", "w", "key"]));
    save(&world, "s", &["witness", "--state", "w", "cosign", "a", "--log-key", &key(&world)]);
    world.run(&["checkpoint", "cosign", "s", "--witness", &witness]).succeeds();
    submit(&world, 10, 600);
    world.run(&["checkpoint"]).succeeds();
    world
}

const VERIFY: [&str; 2] = ["verify", "--json"];

/// What is found, as (entry, check, what).
pub fn found(world: &World, args: &[&str]) -> Vec<(u64, String, String)> {
    let report = world.run(args).ends_with(1).json();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let breaks = report["breaks"].as_array().expect("a list").iter();
    breaks
        .map(|b| (b["seq"].as_u64().expect("a seq"), text(&b["check"]), text(&b["what"])))
        .collect()
}

fn one(world: &World, check: &str, words: &str) {
    let found = found(world, &VERIFY);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].1, check, "{found:#?}");
    assert!(found[0].2.contains(words), "{found:#?}");
}

#[test]
fn a_sound_ledger_says_how_much_was_signed() {
    let world = signed();
    let said = world.run(&["verify"]).succeeds().out;
    assert!(said.contains("all 2 checkpoints are of these entries"), "{said}");
    let report = world.run(&["verify", "--json"]).succeeds().json();
    assert_eq!(report["checkpoints"], 2);
}

#[test]
fn a_changed_byte_of_what_was_signed_is_named() {
    let world = signed();
    let path = world.path("ledger/checkpoints");
    let whole = std::fs::read(&path).expect("there");
    for at in [10, 200, whole.len() / 2, whole.len() - 2] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(&path, changed).expect("written");
        let found = found(&world, &VERIFY);
        assert!(found.iter().all(|(_, check, _)| check == "checkpoint"), "{found:#?}");
        assert!(
            found.iter().any(|(_, _, what)| what.contains("checksum does not fit")),
            "{found:#?}"
        );
    }
    // A torn end was never shown to anybody.
    std::fs::write(&path, &whole[..whole.len() - 9]).expect("written");
    world.run(&["verify"]).succeeds();
}

/// A checkpoint that is not of these entries, with its checksum made right again.
#[test]
fn a_forged_checkpoint_is_named() {
    let world = signed();
    let path = world.path("ledger/checkpoints");
    let whole = std::fs::read(&path).expect("there");
    let text = String::from_utf8_lossy(&whole).into_owned();
    let begin =
        text.find("ledger.example/gt\n16\n").map(|_| find(&whole, b"ledger.example/gt\n16\n"));
    let begin = begin.expect("the first checkpoint");
    let mut forged = whole.clone();
    // Another size: nobody signed that.
    forged[begin + 19] = b'7';
    let record = begin - 17;
    let len = u32::from_le_bytes(forged[begin - 4..begin].try_into().expect("four")) as usize;
    let crc = crc32fast::hash(&forged[record..begin + len]);
    forged[begin + len..begin + len + 4].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&path, forged).expect("written");
    let found = found(&world, &VERIFY);
    let says = |words: &str| found.iter().any(|(_, _, what)| what.contains(words));
    assert!(says("the signature of ledger.example/gt does not fit"), "{found:#?}");
    assert!(says("the checkpoint of 17 entries has the root"), "{found:#?}");
    assert!(says("has signed it, but it is not there"), "{found:#?}");
}

fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|at| at == part).expect("in it")
}

#[test]
fn a_log_that_is_shorter_than_what_was_signed_is_named() {
    let world = signed();
    world.run(&["backup", "copy"]).succeeds();
    submit(&world, 600, 601);
    world.run(&["checkpoint"]).succeeds();
    std::fs::copy(world.path("ledger/checkpoints"), world.path("copy.checkpoints"))
        .expect("copied");
    world.run(&["--ledger", "short", "restore", "copy"]).succeeds();
    let report = world.run(&["--ledger", "short", "verify", "--json"]).ends_with(1).json();
    assert_eq!(report["breaks"][0]["check"], "checkpoint");
    assert_eq!(report["breaks"][0]["what"], "607 entries were signed, but only 606 can be read");
}

#[test]
fn a_wrong_tree_file_is_named_and_made_again() {
    let world = signed();
    let path = world.path("ledger/tree");
    let whole = std::fs::read(&path).expect("there");
    let mut changed = whole.clone();
    changed[20] ^= 1;
    std::fs::write(&path, &changed).expect("written");
    one(&world, "tree", "record 0 of the tree file is damaged");
    std::fs::remove_file(&path).expect("removed");
    world.run(&["verify"]).succeeds();
    submit(&world, 600, 601);
    assert_eq!(std::fs::read(&path).expect("there"), whole);
    world.run(&["verify"]).succeeds();
}
