//! Whatever the bytes: no panic, and nothing read that would be written otherwise.
//!
//! The fuzz targets (`schema/fuzz`) check the same with a nightly toolchain and more time.

use proptest::prelude::*;
use proptest::sample::Index;

use crate::golden;

#[path = "../../fuzz/checks.rs"]
mod checks;

/// One change to some bytes.
#[derive(Debug, Clone)]
enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Repeat(Index, Index),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let len = bytes.len();
        match self {
            Self::Set(at, byte) => bytes[at.index(len)] = *byte,
            Self::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
            Self::Cut(at) => bytes.truncate(at.index(len)),
            Self::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from..from, part);
            }
        }
    }
}

/// Bytes that mean something to the format: its tags' and lengths' edges, JSON's signs.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        any::<u8>(),
        proptest::sample::select(&[0, 1, 2, 127, 128, 250, 251, 252, 253, 254, 255][..]),
        proptest::sample::select(&b"\"\\{}[],:0123456789.-+eEu \0"[..]),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = || any::<Index>();
    let edit = prop_oneof![
        4 => (at(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        2 => (at(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        2 => at().prop_map(Edit::Remove),
        1 => at().prop_map(Edit::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ];
    proptest::collection::vec(edit, 0..4)
}

/// Runs `check` over every seed as it is, and over seeds that were edited.
fn check(seeds: Vec<Vec<u8>>, check: fn(&[u8])) {
    assert!(!seeds.is_empty(), "nothing to start from");
    for seed in &seeds {
        check(seed);
    }
    let config = ProptestConfig { cases: 20_000, ..ProptestConfig::default() };
    proptest!(config, |(seed in proptest::sample::select(seeds), edits in edits())| {
        let mut bytes = seed;
        for edit in &edits {
            edit.apply(&mut bytes);
        }
        check(&bytes);
    });
}

#[test]
fn no_bytes_are_read_as_an_entry_that_is_written_otherwise() {
    check(golden::files().map(|file| file.bytes).collect(), checks::entry_decode);
}

#[test]
fn no_line_is_read_as_a_command_that_says_something_else_when_it_is_written() {
    let lines = crate::COMMANDS.lines().map(|line| line.as_bytes().to_vec());
    check(lines.collect(), checks::command_parse);
}

proptest! {
    #[test]
    fn noise_is_refused_quietly(noise in proptest::collection::vec(any::<u8>(), 0..300)) {
        checks::entry_decode(&noise);
        checks::command_parse(&noise);
    }
}
