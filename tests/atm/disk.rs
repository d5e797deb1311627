//! What has reached the disk before anybody is told, by the system's own account.

use std::process::Command;

use crate::world::{Machine, finish, hashes};

const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";

fn machine(place: &tempfile::TempDir) -> Machine {
    Machine::new(place.path(), "m1", KEY, &["--http", "https://ledger.example"])
}

/// The calls of a command that write, sync and rename, in order. `None` if nobody can look.
fn traced(place: &tempfile::TempDir, program: &Command, input: &str) -> Option<Vec<String>> {
    let trace = place.path().join("trace");
    let mut command = Command::new("strace");
    let calls = "trace=fsync,fdatasync,pwrite64,write,rename,renameat,renameat2";
    command.args(["-f", "-y", "-s", "400", "-e", calls, "-o"]).arg(&trace);
    command.arg(program.get_program()).args(program.get_args());
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("SKIPPED: without strace nobody sees the order of syncs and answers");
        return None;
    }
    let done = finish(command, input);
    if done.status.code() != Some(0) {
        eprintln!("SKIPPED: strace cannot look: {}", done.err);
        return None;
    }
    let text = std::fs::read_to_string(trace).expect("a trace");
    Some(text.lines().map(ToOwned::to_owned).collect())
}

/// Where the last call before `end` is that has all of these words.
#[track_caller]
fn last(calls: &[String], end: usize, words: &[&str]) -> usize {
    let has = |call: &String| words.iter().all(|word| call.contains(word));
    let found = calls.iter().take(end).rposition(has);
    found.unwrap_or_else(|| panic!("no {words:?} before {end} in {calls:#?}"))
}

#[test]
fn a_claim_is_on_the_disk_before_its_number_is_told() {
    let place = tempfile::tempdir().unwrap();
    let machine = machine(&place);
    let line = machine.lines(&hashes(1, 1));
    let Some(calls) = traced(&place, &machine.command(&["put"]), &line) else { return };
    let answer = last(&calls, calls.len(), &["write(1<", "kept"]);
    let sync = last(&calls, answer, &["fdatasync(", "/m1/outbox>"]);
    last(&calls, sync, &["pwrite64(", "/m1/outbox>"]);
}

#[test]
fn a_new_outbox_is_on_the_disk_before_it_is_named_and_its_name_before_it_is_used() {
    let place = tempfile::tempdir().unwrap();
    let machine = machine(&place);
    let within = place.path().join("again");
    let mut init = machine.command(&["init", "--machine-id", "m1", "--ledger-key", KEY]);
    init.args(["--http", "https://ledger.example", "--dir"]).arg(&within);
    // The directory that is named last is meant: clap takes one only.
    let args: Vec<_> = init.get_args().map(ToOwned::to_owned).collect();
    let mut once = Command::new(init.get_program());
    once.arg("atm").args(args.iter().skip(3));
    let Some(calls) = traced(&place, &once, "") else { return };
    let settings = last(&calls, calls.len(), &["rename", "atm.toml.new"]);
    let directory = last(&calls, settings, &["fsync(", "/again>"]);
    let named = last(&calls, directory, &["rename", "outbox.new"]);
    last(&calls, named, &["fsync(", "/outbox.new>"]);
    last(&calls, calls.len(), &["fsync(", "/key.new>"]);
}

#[cfg(feature = "crash-points")]
#[test]
fn what_a_dead_process_had_not_synced_is_synced_before_it_is_told_to_be_known() {
    let place = tempfile::tempdir().unwrap();
    let machine = machine(&place);
    let line = machine.lines(&hashes(1, 1));
    let mut dying = machine.command(&["put"]);
    dying.env("SPIRELEDGER_CRASH", "atm:before-sync");
    assert!(finish(dying, &line).err.contains("crash point"));
    let Some(calls) = traced(&place, &machine.command(&["put"]), &line) else { return };
    let answer = last(&calls, calls.len(), &["write(1<", "known"]);
    last(&calls, answer, &["sync(", "/m1/outbox>"]);
}
