//! Hostile JSON: refused by name, in few words, at once, and without deep recursion.

use std::time::{Duration, Instant};

use spireledger_schema::json::Malformed;
use spireledger_schema::{Code, Command, Refusal};

/// Far more than any refusal takes, even unoptimized on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Runs on a small stack, so that recursion as deep as the input would end the test.
fn refusal(line: &[u8]) -> Malformed {
    let line = line.to_vec();
    let parse = move || {
        let start = Instant::now();
        let problem = Command::parse_bytes(&line).expect_err("accepted");
        assert!(start.elapsed() < AT_ONCE, "{:?} for {problem}", start.elapsed());
        problem
    };
    let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(parse);
    let problem = thread.unwrap().join().expect("no panic");
    for part in [&problem.field, &problem.found, &problem.expected] {
        assert!(part.len() < 1_000, "{} bytes: {problem}", part.len());
    }
    let refusal = Refusal::from(problem.clone());
    assert_eq!(refusal.code, Code::Malformed);
    assert!(!refusal.code.retryable());
    for (name, part) in
        [("field", &problem.field), ("found", &problem.found), ("expected", &problem.expected)]
    {
        assert_eq!(refusal.details[name], **part);
    }
    problem
}

/// The line is refused because of `field`.
fn check(field: &str, line: impl AsRef<[u8]>) {
    let problem = refusal(line.as_ref());
    assert_eq!(problem.field, field, "{problem}");
}

/// A report with this telemetry.
fn telemetry(json: &str) -> String {
    format!(r#"{{"type":"telemetry.report","received_at":0,"telemetry":{json}}}"#)
}

/// A confirmation with one field more.
fn confirm(field: &str) -> String {
    format!(r#"{{"type":"deposit.confirm","id":"d1",{field}}}"#)
}

const DEPTH: usize = 100_000;

#[test]
fn depth_is_refused_wherever_it_is() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let whole = format!("{}1{}", open.repeat(DEPTH), close.repeat(DEPTH));
        let unclosed = open.repeat(DEPTH);
        check("telemetry", telemetry(&whole));
        check("telemetry", telemetry(&unclosed));
        check("extra", confirm(&format!(r#""extra":{whole}"#)));
        check("notes", confirm(&format!(r#""notes":{whole}"#)));
        check("type", format!(r#"{{"type":{whole}}}"#));
    }
    check("", "[".repeat(DEPTH));
    check("a", r#"{"a":"#.repeat(DEPTH));
    check("type", format!("{}1{}", r#"{"a":"#.repeat(DEPTH), "}".repeat(DEPTH)));
}

#[test]
fn length_is_refused_wherever_it_is() {
    let long = "x".repeat(10_000_000);
    check("", format!(r#"{{"type":"deposit.confirm","id":"{long}"}}"#));
    check("", format!(r#"{{"type":"deposit.confirm","{long}":1}}"#));
    check("", &long);
    check("", format!("\"{long}\""));
    // Within the length of a command.
    let long = "x".repeat(1_000_000);
    check("id", format!(r#"{{"type":"deposit.confirm","id":"{long}"}}"#));
    check("id", format!(r#"{{"type":"deposit.confirm","id":"{}"}}"#, r"\n".repeat(500_000)));
    check(
        "received_at",
        format!(r#"{{"type":"beacon.report","received_at":{}}}"#, "9".repeat(1_000_000)),
    );
    check("type", format!(r#"{{"type":"{long}"}}"#));
    let problem = refusal(format!(r#"{{"type":"deposit.confirm","{long}":1}}"#).as_bytes());
    assert!(problem.field.starts_with("xxx"), "{problem}");
}

#[test]
fn a_field_given_twice_is_refused_however_it_is_spelled() {
    check("id", confirm(r#""id":"d1""#));
    check("id", confirm(r#""\u0069d":"d2""#));
    check("id", confirm(r#""i\u0064":"d2""#));
    check("extra", confirm(r#""extra":1,"extra":1"#));
    check("type", r#"{"type":"deposit.confirm","typ\u0065":"deposit.reject","id":"d1"}"#);
    let splits =
        |rule: &str| format!(r#"{{"type":"splits.set","operator_user_id":"o","splits":[{rule}]}}"#);
    check("splits[0].target", splits(r#"{"target":"a","fraction":"1","target":"b"}"#));
    check("splits[0].target", splits(r#"{"target":"a","fraction":"1","t\u0061rget":"b"}"#));
    let bays =
        |bays: &str| format!(r#"{{"type":"cassettes.set","machine_id":"m","positions":{bays}}}"#);
    let bay = r#"{"denomination":20,"count":1}"#;
    check("positions.1", bays(&format!(r#"{{"1":{bay},"1":{bay}}}"#)));
    check("positions.1", bays(&format!(r#"{{"1":{bay},"\u0031":{bay}}}"#)));
    check("positions.01", bays(&format!(r#"{{"1":{bay},"01":{bay}}}"#)));
    check("positions.1.count", bays(r#"{"1":{"denomination":20,"count":1,"count":2}}"#));
    check("telemetry.a", telemetry(r#"{"a":1,"a":1}"#));
    check("telemetry.a[1].b.c", telemetry(r#"{"a":[0,{"b":{"c":1,"\u0063":2}}]}"#));
}

#[test]
fn half_a_surrogate_pair_is_no_text() {
    check("id", r#"{"type":"deposit.confirm","id":"\ud800"}"#);
    check("notes", confirm(r#""notes":"\udc00\ud800""#));
    check("notes", confirm(r#""notes":"\ud800x""#));
    check("type", r#"{"type":"\ud800"}"#);
    check("telemetry.a[0]", telemetry(r#"{"a":["\ud800"]}"#));
    check("telemetry", telemetry(r#"{"\ud800":1}"#));
    check("", r#"{"\ud800":1}"#);
}

#[test]
fn control_characters_are_no_part_of_a_name() {
    for escaped in [r"\u0000", r"\n", r"\u001b[31m", r"\u007f", r"\u0085"] {
        check("id", format!(r#"{{"type":"deposit.confirm","id":"d{escaped}"}}"#));
    }
    // JSON itself wants them escaped in any string.
    for raw in ["\0", "\n", "\t", "\u{1b}"] {
        check("notes", confirm(&format!(r#""notes":"{raw}""#)));
        check("telemetry", telemetry(&format!(r#"["{raw}"]"#)));
    }
    check("notes", confirm(r#""notes":"a\u0000b""#));
    check("name", r#"{"type":"machine.update","id":"m","name":"a\u0000b"}"#);
    let problem = refusal("\u{1b}[2J\u{7}".as_bytes());
    assert_eq!(problem.found, r"\u{1b}[2J\u{7}");
}

#[test]
fn numbers_are_whole_and_plain() {
    let report = |number: &str| {
        format!(r#"{{"type":"telemetry.report","telemetry":1,"received_at":{number}}}"#)
    };
    for number in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e3",
        "1E3",
        "1.0",
        "1.",
        ".1",
        "-0",
        "-1",
        "+1",
        "01",
        "00",
        "18446744073709551616",
        "253370764800",
        "\"1\"",
        "[1]",
        "null",
    ] {
        check("received_at", report(number));
    }
    for behind in ["0x10", "1_000", "1 000"] {
        let problem = refusal(report(behind).as_bytes());
        assert!(problem.expected.contains("behind `received_at`"), "{problem}");
    }
    assert!(Command::parse(&report("0")).is_ok());
    assert!(Command::parse(&report("253370764799")).is_ok());
}

#[test]
fn a_line_is_one_object_in_utf_8() {
    for line in
        ["", " ", "null", "true", "1", "\"x\"", "[]", "[{}]", "{", "}", "{}}", "{}x", "{},{}"]
    {
        let field = if line == "{}" { "type" } else { "" };
        check(field, line);
    }
    check("type", "{}");
    check("", "\u{feff}{\"type\":\"config.set\"}");
    check("", "\u{a0}{\"type\":\"config.set\"}");
    check("", confirm("\"a\":1") + "{}");
    check("", confirm("\"a\":1,"));
    check("", "{'type':'config.set'}");
    check("", r#"{type:"config.set"}"#);
    check("", r#"{"type":"config.set"} // done"#);
    check("", b"{\"type\":\"config.set\",\"\xff\":1}");
    check("", b"\xff\xfe{\0}\0");
    check("a", confirm("\"a\":tru"));
}

#[test]
fn many_fields_are_refused_before_they_are_compared() {
    let fields: Vec<String> = (0..80_000).map(|at| format!("\"f{at}\":0")).collect();
    check("", format!("{{{}}}", fields.join(",")));
    check("telemetry", telemetry(&format!("{{{}}}", fields[..1_500].join(","))));
}
