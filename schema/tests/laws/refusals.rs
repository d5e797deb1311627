//! How refusals read: what a person sees who sent something wrong.

use std::fmt::Write as _;

use spireledger_schema::{Answer, Code, Command, Refusal};

const CLAIM: &str = r#"{"type":"settlement.claim","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","machine_id":"m1","tx_type":"cash_out","wire_sats":266800,"principal_sats":259029,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"GTQ","exchange_rate":"129.5145"}"#;

/// The claim with `from` replaced by `to`.
fn claim(from: &str, to: &str) -> String {
    assert_eq!(CLAIM.matches(from).count(), 1, "{from}");
    CLAIM.replacen(from, to, 1)
}

#[test]
fn refusals_read_well() {
    let lines = [
        ("not JSON", "hello".to_owned()),
        ("an empty line", String::new()),
        ("an array", "[1,2]".to_owned()),
        ("a byte order mark", format!("\u{feff}{CLAIM}")),
        ("cut off", CLAIM[..100].to_owned()),
        ("something behind it", format!("{CLAIM} {CLAIM}")),
        ("no type", "{}".to_owned()),
        ("a type that is nearly one", claim("settlement.claim", "settlement.claims")),
        ("a type that is no string", r#"{"type":7}"#.to_owned()),
        ("a field missing", claim(r#""machine_id":"m1","#, "")),
        ("a field misspelled", claim("machine_id", "machine")),
        ("a field twice", claim("{", r#"{"fee_sats":1,"#)),
        ("null for a field that is needed", claim(r#""m1""#, "null")),
        ("an empty id", claim(r#""m1""#, r#""""#)),
        ("a float for sats", claim("266800", "266800.0")),
        ("an exponent for sats", claim("266800", "2668e2")),
        ("a string for sats", claim("266800", r#""266800""#)),
        ("more sats than exist", claim("266800", "2100000000000001")),
        ("sats past 64 bits", claim("266800", "18446744073709551616")),
        ("sats below zero", claim("266800", "-0")),
        ("NaN", claim("266800", "NaN")),
        ("a number for fiat", claim(r#""2000.00""#, "2000.00")),
        ("three places of fiat", claim("2000.00", "2000.005")),
        ("a leading zero", claim("2000.00", "02000.00")),
        ("a rate of nothing", claim("129.5145", "0.0")),
        ("another currency's spelling", claim("GTQ", "gtq")),
        ("a hash too short", claim("9f0000000000", "9f")),
        ("an unknown direction", claim("cash_out", "cashout")),
        ("an old name that contradicts", claim(r#""wire_sats":266800"#, r#""wire_sats":266800,"gross_sats":266801"#)),
        ("a list's item", claim("}", r#","bills":[{"denomination":20,"count":1},{"denomination":20}]}"#)),
        ("a list that is none", claim("}", r#","bills":{}}"#)),
        ("a moment that is none", claim("}", r#","occurred_at":"yesterday"}"#)),
        ("a key that is none", r#"{"type":"machine.update","id":"m1","machine_npub":"npub1x"}"#.to_owned()),
        ("a bay that is no number", r#"{"type":"cassettes.set","machine_id":"m1","positions":{"one":{"denomination":20,"count":1}}}"#.to_owned()),
        ("a long text", claim(r#""m1""#, &format!("\"{}\"", "m".repeat(200)))),
        ("half a surrogate pair", claim(r#""m1""#, r#""\ud800""#)),
        ("a name of control characters", claim("{", r#"{"\u001b[31m\u0000":1,"#)),
        ("deep telemetry", format!(r#"{{"type":"telemetry.report","received_at":0,"telemetry":{}0{}}}"#, "[".repeat(40), "]".repeat(40))),
        ("telemetry that says a thing twice", r#"{"type":"telemetry.report","received_at":0,"telemetry":{"a":[{"b":1,"b":2}]}}"#.to_owned()),
    ];
    let mut shown = String::new();
    for (what, line) in &lines {
        let problem = Command::parse(line).expect_err(what);
        writeln!(shown, "{what}\n    {problem}").unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_refusal_is_one_line_of_json() {
    let problem = Command::parse(&claim("266800", "1e3")).unwrap_err();
    let mut out = Vec::new();
    Answer::from(Refusal::from(problem)).write_json(&mut out);
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn codes_are_a_closed_list() {
    let line = |code: &Code| {
        format!("{}{}", code.as_str(), if code.retryable() { " (retryable)" } else { "" })
    };
    let list: Vec<String> = Code::ALL.iter().map(line).collect();
    insta::assert_snapshot!(list.join("\n"));
}
