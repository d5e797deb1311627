//! Commands: what is said in JSON is read, and read again as it was written.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use serde_json::value::RawValue;
use spireledger_schema::Command;
use spireledger_schema::command::Body;
use spireledger_schema::json::Patch;

use crate::strategies::commands;

fn parsed(line: &str) -> Command {
    Command::parse(line).unwrap_or_else(|problem| panic!("{problem}\n{line}"))
}

/// Written, read and written again is the same; and as JSON holds the same values.
fn comes_back(command: &Command) {
    let json = command.to_json();
    let again = parsed(&json);
    assert_eq!(again, *command, "{json}");
    assert_eq!(again.to_json(), json);
}

#[test]
fn every_command_of_every_type_is_read_back() {
    let types = RefCell::new(BTreeSet::new());
    for strategy in commands::types() {
        let config = ProptestConfig { cases: 64, ..ProptestConfig::default() };
        let law = TestRunner::new(config).run(&strategy, |command| {
            comes_back(&command);
            types.borrow_mut().insert(command.body.type_name());
            Ok(())
        });
        law.unwrap();
    }
    assert_eq!(types.into_inner(), Body::TYPES.iter().copied().collect(), "a type has no strategy");
}

#[test]
fn there_is_an_example_of_every_type() {
    let mut types = BTreeSet::new();
    for line in crate::COMMANDS.lines() {
        let command = parsed(line);
        comes_back(&command);
        types.insert(command.body.type_name());
    }
    assert_eq!(types, Body::TYPES.iter().copied().collect());
}

/// Every field of every type is written under the name it is read by, and the examples use them all.
#[test]
fn fields_are_written_under_the_names_they_are_read_by() {
    let mut written: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in crate::COMMANDS.lines() {
        let json: Value = serde_json::from_str(&parsed(line).to_json()).unwrap();
        let names = json.as_object().unwrap().keys().cloned();
        written.entry(json["type"].as_str().unwrap().to_owned()).or_default().extend(names);
    }
    let schema = spireledger_schema::command::json_schema();
    for type_name in Body::TYPES {
        let properties = schema["$defs"][type_name]["properties"].as_object().unwrap();
        let current = properties.iter().filter(|(_, schema)| schema["deprecated"] != true);
        let read: BTreeSet<&str> = current.map(|(name, _)| &**name).collect();
        let written = &written[*type_name];
        for name in written {
            assert!(read.contains(&**name), "{type_name} writes {name}, which it does not read");
        }
        for name in read {
            let envelope = ["occurred_at", "request_id", "receipt"].contains(&name);
            assert!(envelope || written.contains(name), "no example of {type_name} has {name}");
        }
    }
}

#[test]
fn what_is_left_out_stays_left_out_and_null_stays_null() {
    let body = |line| match parsed(line).body {
        Body::ConfigSet(config) => config,
        other => panic!("{other:?}"),
    };
    let kept = body(r#"{"type":"config.set"}"#);
    assert_eq!(kept.max_cash_in_sats, Patch::Keep);
    let cleared = body(r#"{"type":"config.set","max_cash_in_sats":null}"#);
    assert_eq!(cleared.max_cash_in_sats, Patch::Clear);
    let command = |body| Command::new(Body::ConfigSet(body)).to_json();
    assert_eq!(command(kept), r#"{"type":"config.set"}"#);
    assert_eq!(command(cleared), r#"{"type":"config.set","max_cash_in_sats":null}"#);
}

#[test]
fn null_is_as_good_as_left_out_where_nothing_can_be_cleared() {
    let line = r#"{"type":"deposit.confirm","id":"d1","notes":null,"occurred_at":null,"request_id":null,"receipt":null}"#;
    assert_eq!(parsed(line), parsed(r#"{"type":"deposit.confirm","id":"d1"}"#));
}

#[test]
fn old_names_say_the_same_as_the_new_ones() {
    let claim = crate::COMMANDS.lines().find(|line| line.contains("gross_sats")).unwrap();
    let renamed = claim
        .replace("gross_sats", "wire_sats")
        .replace("net_sats", "principal_sats")
        .replace("commission_sats", "fee_sats");
    assert_ne!(claim, renamed);
    assert_eq!(parsed(claim), parsed(&renamed));
}

#[test]
fn free_json_is_kept_as_it_came_without_white_space() {
    let telemetry = r#"{ "a" : [ 1.50 , -0.0, 1e2 ], "b\u0061" : "x  \" }\\" , "": { } }"#;
    let line = format!(r#"{{"type":"telemetry.report","received_at":0,"telemetry":{telemetry}}}"#);
    let command = parsed(&line);
    let Body::TelemetryReport(report) = &command.body else { panic!("{command:?}") };
    let kept = r#"{"a":[1.50,-0.0,1e2],"b\u0061":"x  \" }\\","":{}}"#;
    assert_eq!(report.telemetry.as_str(), kept);
    assert!(command.to_json().contains(kept), "written as it was kept: {}", command.to_json());
}

#[test]
fn whole_numbers_are_exact_beyond_what_a_float_can_hold() {
    let claim = crate::COMMANDS.lines().find(|line| line.contains("machine_seq")).unwrap();
    for seq in [9_007_199_254_740_993, u64::MAX] {
        let line = claim.replace(r#""machine_seq":1"#, &format!(r#""machine_seq":{seq}"#));
        let Body::SettlementClaim(said) = parsed(&line).body else { panic!("{line}") };
        assert_eq!(said.machine_seq, Some(seq));
        comes_back(&parsed(&line));
    }
}

#[test]
fn the_order_of_fields_means_nothing() {
    for line in crate::COMMANDS.lines() {
        let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).unwrap();
        let mut backwards: Vec<String> =
            fields.iter().map(|(name, raw)| format!("\"{name}\": {raw}")).collect();
        backwards.reverse();
        let backwards = format!(" {{ {} }}\r\n", backwards.join(" , "));
        assert_eq!(parsed(&backwards), parsed(line), "{backwards}");
    }
}
