//! Limits: what is just within them works all the way, what is just beyond is refused by name.

use spireledger_schema::event::{GivenBack, Leg, SettlementAdjusted};
use spireledger_schema::limits::{
    BAYS_MAX, CLIENTS_PER_MACHINE_MAX, COMMAND_BYTES_MAX, FIELDS_MAX, ID_BYTES_MAX, JSON_BYTES_MAX,
    JSON_DEPTH_MAX, JSON_FIELDS_MAX, LEGS_MAX, LINE_BYTES_MAX, NOTE_BYTES_MAX, SPLITS_MAX,
    TARGET_BYTES_MAX,
};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::parts::Message;
use spireledger_schema::text::{ClientId, WalletId};
use spireledger_schema::words::LegType;
use spireledger_schema::{Command, Entry, Event};

use crate::bytes::{bare, bytes_of};

#[test]
fn the_fullest_plan_is_read_back() {
    let (id, longest) = ("x".repeat(36), "x".repeat(ID_BYTES_MAX));
    let leg = Leg {
        leg_type: LegType::Dca,
        client_id: ClientId::parse(&id),
        destination_wallet_id: WalletId::parse(&id),
        destination_ln_address: None,
        target: None,
        amount_sats: Sats::new(25_903).unwrap(),
        amount_fiat: Fiat::from_minor(20_000),
    };
    let given_back = GivenBack {
        client_id: ClientId::parse(&longest).unwrap(),
        amount_sats: Sats::new(25_903).unwrap(),
        amount_fiat: Fiat::from_minor(20_000).unwrap(),
    };
    let entry = bare(Event::SettlementAdjusted(SettlementAdjusted {
        fiat_amount: Fiat::ZERO,
        principal_sats: Sats::ZERO,
        fee_sats: Sats::ZERO,
        platform_fee_sats: Sats::ZERO,
        operator_fee_sats: Sats::ZERO,
        fee_mismatch_sats: 0,
        reason: Message::parse("").unwrap(),
        given_back: vec![given_back; CLIENTS_PER_MACHINE_MAX],
        first_leg: 0,
        legs: vec![leg; LEGS_MAX],
    }));
    assert_eq!(Entry::decode(&bytes_of(&entry)), Ok(entry));
}

/// `command(size)` is a command as long as `max` in some way; one more is one too many, at `field`.
fn check(field: &str, max: usize, command: impl Fn(usize) -> String) {
    if let Err(problem) = Command::parse(&command(max)) {
        panic!("{max} of {field} are refused: {problem}");
    }
    match Command::parse(&command(max + 1)) {
        Err(problem) => assert_eq!(problem.field, field, "{problem}"),
        Ok(_) => panic!("{} of {field} are accepted", max + 1),
    }
}

fn repeated(item: impl Fn(usize) -> String, count: usize) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(",")
}

#[test]
fn texts_are_bounded() {
    let hash = "9f".repeat(32);
    check("id", ID_BYTES_MAX, |size| {
        format!(r#"{{"type":"deposit.confirm","id":"{}"}}"#, "x".repeat(size))
    });
    check("name", LINE_BYTES_MAX, |size| {
        format!(r#"{{"type":"machine.update","id":"m","name":"{}"}}"#, "x".repeat(size))
    });
    check("note", NOTE_BYTES_MAX, |size| {
        let note = "\\u0078".repeat(size);
        format!(r#"{{"type":"settlement.note","payment_hash":"{hash}","id":"n","note":"{note}"}}"#)
    });
    check("splits[0].target", TARGET_BYTES_MAX, |size| {
        let target = "x".repeat(size);
        format!(
            r#"{{"type":"splits.set","operator_user_id":"o","splits":[{{"target":"{target}","fraction":"1"}}]}}"#
        )
    });
}

#[test]
fn lists_are_bounded() {
    check("splits", SPLITS_MAX, |size| {
        let rule = |_| r#"{"target":"w","fraction":"0"}"#.to_owned();
        let splits = repeated(rule, size);
        format!(r#"{{"type":"splits.set","operator_user_id":"o","splits":[{splits}]}}"#)
    });
    check("positions", BAYS_MAX, |size| {
        let bays = repeated(|at| format!(r#""{at}":{{"denomination":20,"count":1}}"#), size);
        format!(r#"{{"type":"cassettes.set","machine_id":"m","positions":{{{bays}}}}}"#)
    });
}

#[test]
fn free_json_is_bounded() {
    let telemetry =
        |json: &str| format!(r#"{{"type":"telemetry.report","received_at":0,"telemetry":{json}}}"#);
    check("telemetry", JSON_DEPTH_MAX, |size| {
        telemetry(&format!("{}{}", "[".repeat(size), "]".repeat(size)))
    });
    // White space does not count.
    check("telemetry", JSON_BYTES_MAX, |size| {
        telemetry(&format!("[ {} , 1 ]", "1".repeat(size - 4)))
    });
    check("telemetry", JSON_FIELDS_MAX, |size| {
        telemetry(&format!("{{{}}}", repeated(|at| format!(r#""{at}":0"#), size)))
    });
}

#[test]
fn a_command_is_bounded() {
    check("", COMMAND_BYTES_MAX, |size| {
        let command = r#"{"type":"deposit.confirm","id":"d"}"#;
        format!("{command}{}", " ".repeat(size - command.len()))
    });
    let fields = repeated(|at| format!(r#""f{at}":0"#), FIELDS_MAX + 1);
    let problem = Command::parse(&format!("{{{fields}}}")).unwrap_err();
    assert_eq!(problem.found, "more than 64 fields");
}
