//! Would these tests notice? Each seeded bug of `spireledger::log::crash::BUGS` is turned on, and the
//! harness that passes without it must fail with it.

use std::process::Command;

use spireledger::log::crash::BUGS;

use crate::fleet;
use crate::kill::Killing;
use crate::points::submit_dies;
use crate::power::{Cutting, SHARES};
use crate::world::{World, finish, joined};

/// Rounds of kill -9 within which a bug must show.
const ROUNDS: u64 = 60;

/// Power cuts within which a bug must show.
const CUTS: usize = 10;

fn found_by_killing(bug: &'static str) -> Option<String> {
    let mut killing = Killing::new(5, Some(bug));
    (0..ROUNDS).find_map(|_| killing.round().and_then(|()| killing.check()).err())
}

/// The first group of a writer that comes to a ledger with entries: there always is one.
fn found_by_dying(bug: &'static str) -> Option<String> {
    match submit_dies(100, "log:before-write", Some(bug)) {
        Ok(died) => {
            assert!(died, "{bug}: the point was never reached");
            None
        }
        Err(wrong) => Some(wrong),
    }
}

fn found_by_cutting(bug: &'static str) -> Option<String> {
    let mut cutting = Cutting::new(6, fleet::command, Some(bug));
    // With and without an answered group before.
    let points = ["log:after-flush@1", "log:after-flush"].into_iter().cycle().take(CUTS);
    points.map(|point| cutting.cut((point, 20_000), SHARES)).find_map(Result::err)
}

/// Whether one submission syncs sled's file before it writes its answer, by the system's own account.
/// `None` if nobody can look.
fn syncs_before_it_answers(bug: Option<&'static str>) -> Option<bool> {
    let world = World::with_bug(bug);
    let trace = world.beside("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", "trace=fdatasync,write", "-o"]).arg(&trace);
    let program = world.program(&["submit", "-"]);
    command.arg(program.get_program()).args(program.get_args());
    command.env("SPIRELEDGER_BUG", bug.unwrap_or_default());
    if Command::new("strace").arg("-V").output().is_err() {
        return None;
    }
    let done = finish(command, &joined(&fleet::first(1)));
    if done.answers().len() != 1 {
        eprintln!("strace cannot look: {}", done.err);
        return None;
    }
    let trace = std::fs::read_to_string(trace).expect("a trace");
    let lines: Vec<&str> = trace.lines().collect();
    let answer =
        lines.iter().position(|line| line.contains("write(1<") && line.contains("accepted"));
    let before = lines.get(..answer.expect("the answer is written")).expect("lines before it");
    // The first sync is that of opening.
    let syncs = |line: &&&str| line.contains("fdatasync(") && line.contains("/sled/db>");
    Some(before.iter().filter(syncs).count() > SYNCS_OF_OPENING)
}

/// Opening syncs sled's file before and after sled has read it.
const SYNCS_OF_OPENING: usize = 2;

#[test]
fn every_seeded_bug_is_found() {
    for bug in BUGS {
        let found = match *bug {
            "answer-without-sync" | "small-segments" => found_by_cutting(bug),
            "early-witness" => found_by_dying(bug),
            // Where the moment of each kill decides, a point that is always hit comes second.
            _ => found_by_killing(bug).or_else(|| found_by_dying(bug)),
        };
        let found = found.unwrap_or_else(|| panic!("{bug} was not found"));
        eprintln!("{bug}: {}", found.chars().take(200).collect::<String>());
    }
}

#[test]
fn sleds_file_is_synced_before_the_answer_is_written() {
    match syncs_before_it_answers(None) {
        Some(synced) => {
            assert!(synced, "the answer was written before fdatasync");
            let with_bug = syncs_before_it_answers(Some("answer-without-sync"));
            assert_eq!(with_bug, Some(false), "the bug must show");
        }
        None => eprintln!("SKIPPED: without strace nobody sees the order of sync and answer"),
    }
}
