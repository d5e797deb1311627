//! The recorded month in `fixtures/fleet/` is what the simulator tells.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::{Options, Simulator};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/fleet").join(name)
}

/// The lines, and their answers as lines.
fn month() -> (String, String) {
    let (mut lines, mut answers) = (String::new(), String::new());
    for (number, line) in (1..).zip(Simulator::new(Options::month())) {
        lines.push_str(&line.json);
        lines.push('\n');
        let status = line.expected.status();
        write!(answers, r#"{{"line":{number},"status":"{status}""#).unwrap();
        if let Some(code) = line.expected.code() {
            write!(answers, r#","code":"{}""#, code.as_str()).unwrap();
        }
        answers.push_str("}\n");
    }
    (lines, answers)
}

fn same(name: &str, now: &str) {
    let recorded = std::fs::read_to_string(path(name)).unwrap();
    for (number, (recorded, now)) in (1..).zip(recorded.lines().zip(now.lines())) {
        assert_eq!(recorded, now, "{name}, line {number}");
    }
    assert_eq!(recorded.lines().count(), now.lines().count(), "{name}");
    assert_eq!(recorded.len(), now.len(), "{name}");
}

#[test]
fn the_recorded_month_is_what_the_simulator_tells() {
    let (lines, answers) = month();
    same("month.jsonl", &lines);
    same("month.expected.jsonl", &answers);
}

/// Others depend on the recorded month: write it anew only together with them.
#[test]
#[ignore = "writes fixtures/fleet/"]
fn write_the_month() {
    let (lines, answers) = month();
    std::fs::write(path("month.jsonl"), lines).unwrap();
    std::fs::write(path("month.expected.jsonl"), answers).unwrap();
}
