//! The simulator from outside: what it writes is answered as it says.

use crate::world::World;

/// Simulates, submits, and holds every answer against the one that was said.
fn check(options: &[&str], code: i32) -> World {
    let world = World::with_ledger();
    let args = [&["simulate", "--out", "in.jsonl", "--answers", "said.jsonl"], options].concat();
    let told = world.run(&args).succeeds();
    let answers = world.run(&["submit", "in.jsonl"]).ends_with(code).lines();
    let said = String::from_utf8(world.read("said.jsonl")).expect("UTF-8");
    let said: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), said.len(), "{told:?}");
    for (number, (answer, said)) in (1..).zip(answers.iter().zip(&said)) {
        assert_eq!(said["line"], number);
        assert_eq!(answer["status"], said["status"], "line {number}: {answer}");
        assert_eq!(answer["code"], said["code"], "line {number}: {answer}");
    }
    assert!(!world.path("in.jsonl.new").exists() && !world.path("said.jsonl.new").exists());
    world
}

#[test]
fn a_ledger_answers_a_simulated_fleet_as_it_is_said() {
    let world = check(&["--seed", "5", "--machines", "12", "--days", "9", "--customers", "7"], 1);
    let stats = world.run(&["log", "stats", "--json"]).json();
    assert_eq!(stats["events"]["machine.registered"], 12);
    assert!(stats["events"]["settlement.claimed"].as_u64() > Some(12 * 9 * 4), "{stats}");
    world.run(&["verify"]).succeeds();
    // Without noise nothing is refused, for however small a fleet and however long.
    check(&["--machines", "1", "--days", "200", "--noise", "0", "--start", "2020-02-29"], 0);
    check(&["--machines", "3", "--days", "0", "--lps", "0", "--operators", "7"], 0);
}

#[test]
fn the_same_options_give_the_same_lines_and_the_defaults_are_the_recorded_month() {
    let world = World::new();
    let month = world.run(&["simulate"]).succeeds().out;
    assert_eq!(month, include_str!("../../fixtures/fleet/month.jsonl"));
    let said = world.run(&["simulate", "--out", "month.jsonl", "--answers", "said"]).succeeds();
    assert!(said.out.starts_with("month.jsonl has 2_202 lines; a new ledger accepts 2_085"));
    assert_eq!(world.read("month.jsonl"), month.as_bytes());
    let recorded = include_str!("../../fixtures/fleet/month.expected.jsonl");
    assert_eq!(world.read("said"), recorded.as_bytes());
    let other = world.run(&["simulate", "--seed", "1", "--out", "m", "--json"]).succeeds().json();
    assert_ne!(world.read("m"), month.as_bytes());
    let sum = ["accepted", "replayed", "refused"].map(|status| other[status].as_u64());
    assert_eq!(sum.iter().flatten().sum::<u64>(), other["lines"]);
}

#[test]
fn silly_options_are_refused_by_name() {
    let world = World::new();
    for (option, value) in [
        ("--machines", "0"),
        ("--machines", "100001"),
        ("--days", "36501"),
        ("--days", "-1"),
        ("--customers", "1001"),
        ("--operators", "0"),
        ("--lps", "200001"),
        ("--noise", "1001"),
        ("--seed", "dice"),
        ("--start", "2026-02-30"),
        ("--start", "yesterday"),
        ("--out", "no/such/place"),
        ("--answers", "no/such/place"),
    ] {
        let run = world.run(&["simulate", &format!("{option}={value}")]).ends_with(2);
        let named = if value.contains('/') { value } else { option };
        assert!(run.err.contains(named) && run.out.is_empty(), "{option} {value}: {run:?}");
    }
    let args = ["simulate", "--days", "36500", "--start", "9990-01-01"];
    world.run(&args).ends_with(2).says(&["36500 days from 9990-01-01T00:00:00Z"]);
}

#[test]
fn whoever_has_read_enough_ends_it() {
    let world = World::new();
    let mut command = world.command(&["simulate", "--machines", "1000", "--days", "3650"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("started");
    let mut first = [0u8; 4_096];
    let mut out = child.stdout.take().expect("piped");
    std::io::Read::read_exact(&mut out, &mut first).expect("some lines");
    drop(out);
    assert!(child.wait().expect("ended").success());
}
