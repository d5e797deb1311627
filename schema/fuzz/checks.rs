//! What must hold for any bytes at all: shared by the fuzz targets and by `tests/laws/robust.rs`.

use spireledger_schema::json::Malformed;
use spireledger_schema::{Command, Entry, Refusal};

/// Bytes are no entry, or they are the one canonical form of an entry that can be shown.
pub fn entry_decode(bytes: &[u8]) {
    let Ok(entry) = Entry::decode(bytes) else { return };
    let mut again = Vec::new();
    entry.encode(&mut again).expect("what was read can be written");
    assert_eq!(again, bytes, "read from other bytes than it is written with: {entry:?}");
    serde_json::to_string(&entry).expect("every entry has a JSON form");
}

/// A line is a command that says the same when it is written and read again, or it is refused in
/// few words.
pub fn command_parse(line: &[u8]) {
    match Command::parse_bytes(line) {
        Ok(command) => {
            let json = command.to_json();
            let again = Command::parse(&json).expect("what was written can be read");
            assert_eq!(again, command, "written as {json}");
            assert_eq!(again.to_json(), json);
        }
        Err(problem) => assert_brief(problem),
    }
}

/// Longest part of a refusal: the list of all types, or a path through nested free JSON.
const PART_BYTES_MAX: usize = 8 * 1024;

fn assert_brief(problem: Malformed) {
    for part in [&problem.field, &problem.found, &problem.expected] {
        assert!(part.len() <= PART_BYTES_MAX, "{} bytes in {problem:?}", part.len());
        assert!(!part.chars().any(char::is_control), "a control character in {problem:?}");
    }
    assert!(!problem.found.is_empty() && !problem.expected.is_empty(), "{problem:?}");
    let refusal = Refusal::from(problem);
    serde_json::to_string(&refusal).expect("every refusal has a JSON form");
}
