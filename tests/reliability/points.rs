//! Crashes at every named point: `spireledger::log::crash::POINTS`. The process dies there, the next
//! start works or says plainly what is unfinished, nothing that was answered is lost, nothing is there
//! twice.

use std::path::Path;
use std::process::ChildStdin;
use std::time::Duration;

use spireledger::log::crash::POINTS;

use crate::fleet;
use crate::witness::Witness;
use crate::world::{Done, World, finish_fed, joined};

/// Commands of one crash: several groups, and more than one block in one of them.
const COMMANDS: u64 = 700;
/// Entries of a backup: more than one group of blocks when it is restored.
const ENTRIES: u64 = 9_000;

/// Runs the program up to a point; whether it got there.
fn crash(world: &World, args: &[&str], input: &[u8], at: &str) -> (bool, Done) {
    let mut command = world.program(args);
    command.env("SPIRELEDGER_CRASH", at);
    let input = input.to_owned();
    let done = finish_fed(command, move |stdin| feed(stdin, &input));
    let died = done.err.contains("crash point");
    assert_eq!(died, done.code().is_none(), "{at}: {done:#?}");
    (died, done)
}

/// In parts, so that there is more than one group.
fn feed(mut stdin: ChildStdin, input: &[u8]) {
    for part in input.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>().chunks(100) {
        if std::io::Write::write_all(&mut stdin, &part.concat()).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// Lets a writer die at a point, and looks at what the next one makes of it. Whether it got there.
///
/// An earlier writer has answered the first `before` commands: how those that the dying one is sent fall
/// into groups is up to the machine.
pub fn submit_dies(before: usize, at: &str, bug: Option<&'static str>) -> Result<bool, String> {
    let world = World::with_bug(bug);
    let lines = fleet::first(COMMANDS);
    let mut witness = Witness::new();
    if before > 0 {
        let answered: Vec<String> = lines.iter().take(before).cloned().collect();
        for (n, answer) in (0..).zip(&world.submit(&answered).answers()) {
            witness.note(n, answer)?;
        }
    }
    let rest: Vec<String> = lines.iter().skip(before).cloned().collect();
    let (died, done) = crash(&world, &["submit", "-"], &joined(&rest), at);
    // An answer without its line's end was cut off.
    let whole = done.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for (n, line) in (before as u64..).zip(whole.lines()) {
        witness.note(n, &serde_json::from_str(line).expect("an answer"))?;
    }
    let again = world.submit(&lines).expect_no_bug();
    if again.code() != Some(0) {
        return Err(format!("the next start: {again:#?}"));
    }
    for (n, answer) in (0..).zip(&again.answers()) {
        witness.note(n, answer)?;
    }
    world.sound()?;
    let history = world.history()?;
    witness.check(&history)?;
    let all = history.len() == lines.len();
    if all { Ok(died) } else { Err(format!("{COMMANDS} commands made {} entries", history.len())) }
}

fn check_submit(at: &str) -> bool {
    submit_dies(0, at, None).unwrap_or_else(|wrong| panic!("{at}: {wrong}"))
}

/// What is left of a ledger that was being made is either whole, or named.
fn check_left_over(world: &World, at: &str, maker: &str) -> bool {
    let whole = at.ends_with(":before-finished");
    let looked = world.run(&["log", "stats"]).expect_no_bug();
    if whole {
        looked.expect(0);
        return true;
    }
    let looked = looked.expect(2);
    let named = looked.err.contains("interrupted") && looked.err.contains(maker);
    let empty = at == "init:directory-made" && looked.err.contains("is no ledger");
    assert!(named || empty, "{at}: {looked:#?}");
    let refused = world.submit(&fleet::first(1)).expect_no_bug().expect(2);
    assert_eq!(refused.out, "", "{at}");
    false
}

fn check_init(at: &str) -> bool {
    let world = World::without_ledger();
    let (died, _) = crash(&world, &["init"], b"", at);
    if !check_left_over(&world, at, "`init`") {
        let again = world.run(&["init"]).expect_no_bug();
        if again.code() != Some(0) {
            assert!(again.err.contains("remove"), "{at}: {again:#?}");
            std::fs::remove_dir_all(world.ledger()).expect("removed");
            world.run(&["init"]).expect(0);
        }
    }
    world.submit(&fleet::first(20)).expect_no_bug().expect(0);
    world.expect_sound();
    died
}

fn check_restore(at: &str, backup: &Path) -> bool {
    let world = World::without_ledger();
    let backup = backup.to_str().expect("plain");
    let (died, _) = crash(&world, &["restore", backup], b"", at);
    if !check_left_over(&world, at, "`restore` of ") {
        let again = world.run(&["restore", backup]).expect_no_bug().expect(2);
        assert!(again.err.contains("remove"), "{at}: {again:#?}");
        std::fs::remove_dir_all(world.ledger()).expect("removed");
        world.run(&["restore", backup]).expect(0);
    }
    world.expect_sound();
    let file = world.beside("again");
    world.run(&["backup", file.to_str().expect("plain")]).expect(0);
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(backup).unwrap(), "{at}");
    died
}

fn check_backup(at: &str, world: &World, whole: &Path) -> bool {
    let file = world.beside(&at.replace(':', "-"));
    let name = file.to_str().expect("plain");
    let (died, _) = crash(world, &["backup", name], b"", at);
    let looked = world.run(&["verify", "--backup", name]).expect_no_bug();
    if at.contains("half") {
        assert_ne!(looked.code(), Some(0), "{at}: {looked:#?}");
        let fresh = World::without_ledger();
        let restored = fresh.run(&["restore", name]).expect_no_bug();
        assert_ne!(restored.code(), Some(0), "{at}: {restored:#?}");
        assert!(!fresh.ledger().exists(), "{at}: a torn backup makes no ledger");
    }
    world.run(&["backup", name]).expect_no_bug().expect(0);
    world.run(&["verify", "--backup", name]).expect(0);
    assert_eq!(std::fs::read(file).unwrap(), std::fs::read(whole).unwrap(), "{at}");
    died
}

/// Checks every point of some ways; the first time it is passed, and later.
fn check_points(ways: &[&str], later: &[u64], check: impl Fn(&str) -> bool) {
    for point in POINTS.iter().filter(|point| ways.iter().any(|way| point.starts_with(way))) {
        assert!(check(point), "{point} was never reached");
        for skip in later {
            check(&format!("{point}@{skip}"));
        }
    }
}

#[test]
fn a_writer_that_dies_at_any_point_loses_and_doubles_nothing() {
    check_points(&["log:", "ledger:"], &[1, 4], check_submit);
}

#[test]
fn a_ledger_that_dies_while_it_opens_or_closes_is_whole_again() {
    check_points(&["open:", "keys:"], &[], check_submit);
}

#[test]
fn an_interrupted_init_is_named_and_can_be_done_again() {
    check_points(&["init:"], &[], check_init);
}

#[test]
fn an_interrupted_backup_is_told_and_goes_on_and_an_interrupted_restore_is_no_ledger() {
    let world = World::in_memory();
    world.run(&["init"]).expect(0);
    world.submit(&fleet::first(ENTRIES)).expect(0);
    let whole = world.beside("whole");
    world.run(&["backup", whole.to_str().expect("plain")]).expect(0);
    check_points(&["backup:"], &[], |at| check_backup(at, &world, &whole));
    check_points(&["restore:"], &[], |at| check_restore(at, &whole));
}

#[test]
fn every_point_belongs_to_a_way_that_is_checked() {
    let ways = [
        "log:", "ledger:", "open:", "keys:", "init:", "backup:", "restore:", "tables:", "pay:",
        "atm:",
    ];
    let lost = POINTS.iter().find(|point| !ways.iter().any(|way| point.starts_with(way)));
    assert_eq!(lost, None);
}
