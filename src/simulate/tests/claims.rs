//! Claims and nothing else.

use std::collections::BTreeSet;

use spireledger_schema::Command;
use spireledger_schema::command::Body;

use super::super::{Claims, Expected, Options};
use super::{Ledger, after, busy};

#[test]
fn lines_and_commands_are_the_same() {
    let lines = Claims::new(&busy()).take(2_000);
    let commands = Claims::new(&busy()).commands();
    for (line, command) in lines.zip(commands) {
        assert_eq!(Command::parse(&line), Ok(command), "{line}");
    }
}

#[test]
fn written_claims_are_those_that_are_yielded() {
    let set_up = Claims::new(&busy()).set_up().count();
    let mut written = Claims::new(&busy());
    let mut line = String::new();
    for yielded in Claims::new(&busy()).skip(set_up).take(100) {
        line.clear();
        written.write(&mut line);
        assert_eq!(line, yielded);
    }
}

#[test]
fn the_set_up_comes_first_and_all_is_accepted() {
    for options in [busy(), Options { machines: 0, operators: 0, ..busy() }] {
        let mut ledger = Ledger::default();
        let mut hashes = BTreeSet::new();
        let set_up = Claims::new(&options).set_up().count();
        for (number, line) in Claims::new(&options).take(3_000).enumerate() {
            let command = Command::parse(&line).unwrap();
            match command.body {
                Body::SettlementClaim(claim) => assert!(hashes.insert(claim.payment_hash)),
                _ => assert!(number < set_up),
            }
            assert_eq!(ledger.submit(&line, options.start), Expected::Accepted, "{line}");
        }
        assert_eq!(hashes.len(), 3_000 - set_up);
    }
}

#[test]
fn time_passes_as_the_fleet_is_busy() {
    let options = Options { claims_per_machine_day: 100, machines: 2, ..busy() };
    let second_day = Claims::new(&options).commands().nth(3 + 200).unwrap();
    assert_eq!(second_day.occurred_at, Some(after(options.start, 86_400)));
}
