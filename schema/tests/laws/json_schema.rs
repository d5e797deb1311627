//! The JSON Schema of the commands: as it is checked in, and true.

use jsonschema::Validator;
use serde_json::{Value, json};
use spireledger_schema::Command;
use spireledger_schema::command::json_schema;

fn validator() -> Validator {
    let checked_in = std::fs::read_to_string(format!("{}/commands.schema.json", crate::CRATE));
    let schema = serde_json::from_str(&checked_in.expect("commands.schema.json is there"));
    jsonschema::draft202012::new(&schema.expect("it is JSON")).expect("it is a JSON Schema")
}

#[test]
fn the_checked_in_schema_is_the_one_of_today() {
    let path = format!("{}/commands.schema.json", crate::CRATE);
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    let today = serde_json::to_string_pretty(&json_schema()).unwrap() + "\n";
    assert!(
        checked_in == today,
        "{path} is not what the commands say today; if they are right, write it anew:\n\
         cargo run -p spireledger-schema --example json-schema > schema/commands.schema.json"
    );
}

#[test]
fn the_schema_is_a_schema() {
    assert_eq!(jsonschema::meta::validate(&json_schema()).err().map(|e| e.to_string()), None);
}

#[test]
fn what_is_accepted_validates() {
    let validator = validator();
    for line in crate::COMMANDS.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        let written = serde_json::from_str(&Command::parse(line).unwrap().to_json()).unwrap();
        for value in [said, written] {
            assert!(validator.is_valid(&value), "{:#?}", validator.validate(&value));
        }
    }
}

/// Each example of a claim with one field changed, or taken away: neither valid nor accepted.
#[test]
fn what_is_wrong_does_not_validate() {
    let validator = validator();
    let claim = crate::COMMANDS.lines().find(|line| line.contains("machine_seq")).unwrap();
    let claim: Value = serde_json::from_str(claim).unwrap();
    assert!(validator.is_valid(&claim));
    let changes: &[(&str, Option<Value>)] = &[
        ("type", None),
        ("type", Some("settlement.claims".into())),
        ("payment_hash", None),
        ("payment_hash", Some("9f".into())),
        ("machine_id", None),
        ("machine_id", Some("".into())),
        ("machine_id", Some(7.into())),
        ("machine_id", Some(Value::Null)),
        ("tx_type", Some("cash".into())),
        ("wire_sats", None),
        ("wire_sats", Some(1.5.into())),
        ("wire_sats", Some((-1).into())),
        ("wire_sats", Some("266800".into())),
        ("wire_sats", Some(2_100_000_000_000_001_u64.into())),
        ("fiat_amount", Some(2000.into())),
        ("fiat_amount", Some("2000.005".into())),
        ("fiat_amount", Some("02000".into())),
        ("fiat_code", Some("gtq".into())),
        ("exchange_rate", Some("-129".into())),
        ("occurred_at", Some(1.5.into())),
        ("bills", Some(json!({}))),
        ("bills", Some(json!([{ "denomination": 100 }]))),
        ("bills", Some(json!([{ "denomination": 100, "count": 1, "serial": "x" }]))),
        ("cassettes", Some(json!([[1, 100, 20, 20, 0]]))),
        ("wire_sat", Some(1.into())),
    ];
    for (field, value) in changes {
        let mut wrong = claim.clone();
        let fields = wrong.as_object_mut().unwrap();
        match value {
            Some(value) => fields.insert((*field).to_owned(), value.clone()),
            None => fields.remove(*field),
        };
        assert!(!validator.is_valid(&wrong), "valid: {wrong}");
        let problem = Command::parse(&wrong.to_string()).expect_err("accepted");
        assert!(problem.field.starts_with(field), "{problem} is not about {field}");
    }
}

#[test]
fn a_schema_knows_each_field_by_its_description() {
    let schema = json_schema();
    for (type_name, definition) in schema["$defs"].as_object().unwrap() {
        for (name, property) in definition["properties"].as_object().unwrap() {
            let described = name == "type" || property["description"].is_string();
            assert!(described, "{type_name} does not describe {name}");
        }
    }
}
