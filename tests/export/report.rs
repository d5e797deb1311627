//! The report for accountants: it adds up, it sees what does not, and no name in it is more than text.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use spireledger::audit::report::facts::{Figure, at};
use spireledger::audit::report::{Asked, Facts, gather, report, write_html};
use spireledger::ledger::{AsOf, past};
use spireledger_schema::text::UserId;
use spireledger_schema::time::{Timestamp, UtcOffset};
use spireledger_schema::words::{LegStatus, LegType};

use crate::journals::SMALL;
use crate::world::{Told, World, read};

const DAY: i64 = 86_400;

/// What the log says of an operator from one day of 2026 to another, both counted from 0 and in.
fn facts(told: &Told, operator: &str, from: i64, to: i64, listed: usize) -> Facts {
    let moment = |seconds| Timestamp::from_seconds(crate::world::START + seconds).expect("a time");
    let asked = Asked {
        operator: UserId::parse(operator).expect("an id"),
        days: [from, to].map(|day| moment(day * DAY).to_string()[..10].to_owned()),
        from: moment(from * DAY),
        offset: UtcOffset::default(),
        listed,
    };
    let reader = told.reader();
    let log = past(&reader, AsOf::Time(moment((to + 1) * DAY - 1))).expect("a past");
    gather(&log, asked, &mut |_| {}).expect("gathered")
}

fn breaks(facts: &Facts) -> Vec<String> {
    let made = report(facts);
    let breaks: Vec<String> = made.checks.into_iter().flat_map(|check| check.breaks).collect();
    assert_eq!(made.adds_up, breaks.is_empty());
    breaks
}

fn html(facts: &Facts) -> String {
    let mut out = Vec::new();
    write_html(&report(facts), &mut out).expect("written");
    String::from_utf8(out).expect("UTF-8")
}

fn json(facts: &Facts) -> Value {
    serde_json::to_value(report(facts)).expect("JSON")
}

/// A table of a report.
fn table<'j>(report: &'j Value, id: &str) -> &'j Vec<Value> {
    let sections = report["sections"].as_array().expect("sections");
    let mut tables =
        sections.iter().flat_map(|section| section["tables"].as_array().expect("tables"));
    let found = tables.find(|table| table["id"] == id).expect("a table");
    found["rows"].as_array().expect("rows")
}

const OPERATORS: [&str; 2] = ["op-volcan", "op-danube"];

fn month() -> Told {
    let world = World::new(1_200);
    world.say(include_str!("../../fixtures/fleet/month.jsonl").lines());
    world.done()
}

#[test]
fn a_report_adds_up_whatever_the_period() {
    let told = month();
    for operator in OPERATORS {
        for (from, to) in [(0, 40), (3, 3), (5, 20), (400, 500)] {
            assert_eq!(breaks(&facts(&told, operator, from, to, 20)), Vec::<String>::new());
        }
    }
    let nobody = facts(&told, "nobody", 0, 40, 20);
    assert!(nobody.flows.is_empty() && nobody.lps.is_empty());
    assert_eq!(breaks(&nobody), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_report_of_any_fleet_adds_up(seed in any::<u64>(), from in 0..60i64, days in 0..60i64) {
        let told = World::of_seed(seed).done();
        for operator in OPERATORS {
            let breaks = breaks(&facts(&told, operator, from, from + days, 5));
            prop_assert_eq!(breaks, Vec::<String>::new());
        }
    }
}

#[test]
fn a_report_of_what_was_brought_in_adds_up_and_names_what_is_irregular() {
    for version in [1, 9, 12] {
        let told = World::brought_in(version).done();
        let mut irregular = 0;
        for operator in OPERATORS {
            let facts = facts(&told, operator, 0, 200, 1_000);
            assert_eq!(breaks(&facts), Vec::<String>::new(), "version {version}");
            assert!(facts.imported > 10, "version {version}: {operator}");
            irregular += facts.irregular.count;
            let rows = table(&json(&facts), "irregular").len();
            assert_eq!(rows as u64, facts.irregular.count);
        }
        assert!(irregular > 0, "version {version}");
    }
}

/// Each kind of value, changed by one: the report says that it does not add up, and where.
#[test]
fn a_changed_value_is_seen() {
    let told = month();
    let facts = facts(&told, "op-volcan", 5, 20, 20);
    assert_eq!(breaks(&facts), Vec::<String>::new());
    let mut seen = 0;
    let mut change = |what: &str, change: &dyn Fn(&mut Facts)| {
        let mut changed = facts.clone();
        change(&mut changed);
        assert_ne!(changed, facts, "{what}");
        assert!(!breaks(&changed).is_empty(), "{what}");
        assert!(html(&changed).contains("It does not add up"), "{what}");
        seen += 1;
    };
    for figure in facts.flows.keys() {
        let flow = |facts: &mut Facts| facts.flows.remove(figure).expect("it is there");
        let what = format!("{figure:?}");
        change(&what, &|facts| {
            let mut flow = flow(facts);
            flow.opening[0] += 1;
            facts.flows.insert(figure.clone(), flow);
        });
        change(&what, &|facts| {
            let mut flow = flow(facts);
            flow.closing[0] -= 1;
            facts.flows.insert(figure.clone(), flow);
        });
        // What adds up by itself is held against what it must be the same as.
        let is_held = matches!(figure, Figure::Account(..) | Figure::Fees(_))
            || matches!(figure, Figure::Legs(kind, LegStatus::Pending | LegStatus::Failed)
                if !matches!(kind, LegType::Autoforward | LegType::Retained));
        if is_held {
            let place = match figure {
                Figure::Account(..) => 0,
                Figure::Fees(_) => at::PLATFORM,
                _ => at::SATS,
            };
            change(&what, &|facts| {
                let mut flow = flow(facts);
                for values in [&mut flow.moved, &mut flow.closing, &mut flow.rest] {
                    values[place] += 1;
                }
                facts.flows.insert(figure.clone(), flow);
            });
        }
        if !facts.flows[figure].entries.shown.is_empty() {
            change(&what, &|facts| {
                let mut flow = flow(facts);
                flow.entries.shown[0].moved[0] += 1;
                facts.flows.insert(figure.clone(), flow);
            });
        }
    }
    for id in facts.lps.keys() {
        for place in 0..4 {
            change(id.as_str(), &|facts| {
                let lp = facts.lps.get_mut(id).expect("it is there");
                lp.closing.fiat[place] += 1;
            });
        }
        change(id.as_str(), &|facts| {
            facts.lps.get_mut(id).expect("it is there").opening.by_the_books += 1;
        });
    }
    assert!(seen > 200, "{seen}");
}

/// What one period ends with, the next one begins with.
#[test]
fn periods_follow_each_other() {
    let told = month();
    for operator in OPERATORS {
        let of = |from, to| facts(&told, operator, from, to, 3);
        let (first, second, both) = (of(2, 9), of(10, 25), of(2, 25));
        assert_eq!(first.pins[1], second.pins[0]);
        for (figure, flow) in &both.flows {
            let find = |facts: &Facts| facts.flows.get(figure).cloned().unwrap_or_default();
            let (first, second) = (find(&first), find(&second));
            assert_eq!(first.closing, second.opening, "{figure:?}");
            assert_eq!([first.opening, second.closing], [flow.opening, flow.closing]);
            assert_eq!(first.entries.count + second.entries.count, flow.entries.count);
        }
        for (id, lp) in &both.lps {
            assert_eq!(second.lps[id].closing, lp.closing);
        }
    }
}

/// The questions under the figures find the entries that the report counts; the journal says the same sums.
#[test]
fn questions_find_the_entries_of_a_figure() {
    let told = month();
    let facts = facts(&told, "op-volcan", 5, 20, 20);
    let made = json(&facts);
    let at = made["pins"][1]["seq"].to_string();
    let ask = |question: &str| {
        let out = told.does(&["--as-of", &at, "sql", question, "--json"]);
        out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
    };
    let mut accounts = 0;
    for source in made["sources"].as_array().expect("sources") {
        let found = ask(source["sql"].as_str().expect("a question"));
        let shown = source["entries"].as_array().expect("entries");
        if source["columns"][0] != "amount" {
            // Where entries are those of settlements, there are all that moved the figure, and others.
            let seqs: BTreeSet<u64> = found.iter().filter_map(|row| row["seq"].as_u64()).collect();
            let all =
                shown.iter().all(|entry| seqs.contains(&entry["seq"].as_u64().expect("a seq")));
            assert!(seqs.is_empty() || all, "{source}");
            continue;
        }
        accounts += 1;
        let more = source["more"].as_u64().expect("a count");
        assert_eq!(found.len() as u64, shown.len() as u64 + more, "{source}");
        let sum: i64 = found.iter().map(|row| row["amount"].as_i64().expect("an amount")).sum();
        let amount = source["sum"][0]["amount"].as_str().expect("an amount");
        assert_eq!(amount.replace('.', "").parse(), Ok(sum), "{source}");
    }
    assert!(accounts > 20, "{accounts}");
    let [after, last] = [0, 1].map(|pin| made["pins"][pin]["seq"].to_string());
    for row in table(&made, "by_machine").iter().filter(|row| row["is_sum"] == false) {
        let (machine, way) = (row["machine_id"].as_str(), row["direction"].as_str());
        let question = format!(
            "SELECT count(*) AS claims FROM settlement_audit AS a JOIN dca_settlements AS s ON s.id = \
             a.settlement_id WHERE a.event = 'settlement.claimed' AND a.seq > {after} AND a.seq <= {last} \
             AND s.machine_id = '{}' AND s.tx_type = '{}'",
            machine.expect("a machine"),
            way.expect("a direction")
        );
        let claims = ask(&question)[0]["claims"].as_i64().expect("a count");
        let count = row["settlements"].as_i64().expect("a count");
        // What was voided since it was claimed is not there.
        assert!(count <= claims && claims - count <= 3, "{row}: {claims}");
    }
}

/// What is not listed is counted, and the question that is given finds it.
#[test]
fn exceptions_that_are_not_listed_are_counted() {
    let told = month();
    let all = facts(&told, "op-volcan", 0, 40, 20);
    assert_eq!(all.mismatches.count, all.mismatches.shown.len() as u64);
    let few = json(&facts(&told, "op-volcan", 0, 40, 0));
    for (id, count) in [("mismatches", all.mismatches.count), ("refused", all.refused.count)] {
        assert!(count > 1, "{id}");
        let sections = few["sections"].as_array().expect("sections");
        let mut tables = sections.iter().flat_map(|of| of["tables"].as_array().expect("tables"));
        let table = tables.find(|table| table["id"] == id).expect("a table");
        let more = table["more"].as_str().expect("there is more");
        assert!(more.contains(&format!("and {count} more: ")), "{more}");
        let question = more.split_once(" more: ").expect("a question").1;
        assert!(told.does(&["sql", question, "--json"]).lines().count() as u64 >= count);
    }
}

/// The summary says the same as the tables below it.
#[test]
fn the_summary_is_the_sum_of_the_tables() {
    let told = month();
    let made = json(&facts(&told, "op-volcan", 5, 20, 20));
    let line = |what: &str, unit: &str| {
        let mut rows = table(&made, "summary").iter();
        let found = rows.find(|row| row["what"] == what && row["unit"] == unit);
        found.unwrap_or_else(|| panic!("no {what}, {unit}")).clone()
    };
    let sums = |id: &str| {
        let rows = table(&made, id).iter().filter(|row| row["is_sum"] == true);
        let sums: Vec<Value> = rows.cloned().collect();
        assert!(!sums.is_empty(), "{id}");
        sums
    };
    for sum in sums("by_machine") {
        let way = sum["direction"].as_str().expect("a direction");
        assert_eq!(line(&format!("Settlements, {way}"), "")["period"], sum["settlements"]);
        assert_eq!(line(&format!("Exchanged, {way}"), "GTQ")["period"], sum["fiat"]);
    }
    for sum in sums("by_direction") {
        assert_eq!(line("Fees of the platform", "sat")["period"], sum["platform"]);
        assert_eq!(line("Fees of the operator", "sat")["period"], sum["operator"]);
    }
    for sum in sums("liquidity_providers") {
        let left = line("Liquidity providers have left", "GTQ");
        assert_eq!([&left["opening"], &left["closing"]], [&sum["opening"], &sum["closing"]]);
    }
    let mismatches = table(&made, "mismatches").len();
    assert_eq!(line("Fees that are not what was expected", "")["period"], mismatches);
}

/// Names that would be something else than text in HTML, in SQL or in a shell.
const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'; DROP TABLE journal; --",
    "</style><script>",
    "&lt;b&gt;",
    "<!--",
    "\u{202e}000,1",
    "a' OR '1'='1",
    "</title></head>",
    "javascript:alert(1)",
];

#[test]
fn hostile_names_are_text() {
    for (at, name) in HOSTILE.iter().enumerate() {
        let quoted = serde_json::to_string(name).expect("a text");
        let world = World::new(DAY);
        let quote = |of: &str| format!("\"{of}\"");
        let mut lines = SMALL.to_owned();
        for id in ["m1", "op", "w1", "w-ana", "ana", "c1", "d1"] {
            lines = lines.replace(&quote(id), &quoted);
        }
        let lines = lines.replace(
            "\"fiat_code\":\"GTQ\",\"operator",
            &format!("\"fiat_code\":\"GTQ\",\"name\":{quoted},\"operator"),
        );
        world.say(lines.lines());
        let conflict = r#"{"type":"settlement.claim","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","machine_id":"ID","tx_type":"cash_out","wire_sats":266801,"principal_sats":259030,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"GTQ","exchange_rate":"129.5145"}"#;
        world.say([conflict.replace("\"ID\"", &quoted).as_str()]);
        let told = world.done();
        let facts = facts(&told, name, 0, 40, 20);
        assert_eq!(breaks(&facts), Vec::<String>::new());
        assert_eq!(facts.refused.count, 1, "{at}");
        let html = html(&facts);
        // Every `<` begins an element of the program's own.
        for part in html.split('<').skip(1) {
            let end = part.find(['>', ' ']).expect("an end");
            let element = part[..end].trim_start_matches('/');
            let own = [
                "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "h1", "h2", "h3",
                "p", "b", "a", "div", "table", "thead", "tbody", "tr", "th", "td", "nav",
                "section", "span", "code", "details", "summary", "pre", "ul", "li",
            ];
            assert!(own.contains(&element), "{name}: <{part}");
            let tag = &part[..part.find('>').expect("an end")];
            assert!(!tag.contains("onerror") && !tag.contains("javascript"), "{name}: {tag}");
        }
        assert!(!html.contains('\u{202e}'), "no mark turns what follows");
        let made = json(&facts);
        // The questions hold the names as text, too.
        let at = made["pins"][1]["seq"].to_string();
        for source in made["sources"].as_array().expect("sources") {
            let found =
                told.does(&["--as-of", &at, "sql", source["sql"].as_str().expect("SQL"), "--json"]);
            assert!(found.lines().count() > 0, "{source}");
        }
    }
}

/// Claims of a machine, numbered by it.
fn numbered(numbers: &[u64]) -> String {
    let claim = |(at, number): (usize, &u64)| {
        format!(
            r#"{{"type":"settlement.claim","payment_hash":"{:064x}","machine_id":"m1","tx_type":"cash_out","wire_sats":266800,"principal_sats":259029,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"GTQ","exchange_rate":"129.5145","machine_seq":{number}}}"#,
            at + 1_000
        )
    };
    numbers.iter().enumerate().map(claim).collect::<Vec<_>>().join("\n")
}

#[test]
fn numbers_that_a_machine_has_left_out_are_named() {
    let world = World::new(DAY);
    world.say(SMALL.lines());
    world.say(numbered(&[1, 2, 3, 6, 7, 7, 10]).lines());
    let told = world.done();
    // The first two of them come before the period.
    let facts = facts(&told, "op", 10, 40, 20);
    let made = json(&facts);
    let row = &table(&made, "gaps")[0];
    let of = |name: &str| row[name].as_u64();
    assert_eq!((of("from"), of("to")), (Some(3), Some(10)), "{row}");
    assert_eq!((of("numbered"), of("repeated"), of("missing")), (Some(5), Some(1), Some(4)));
    assert_eq!(row["gaps"], "4\u{2013}5, 8\u{2013}9");
}

#[test]
fn a_report_reads_as_it_should() {
    let world = World::new(DAY);
    world.say(SMALL.lines());
    let told = world.done();
    let html = html(&facts(&told, "op", 5, 6, 20));
    let body = html.split_once("<body>").expect("a body").1;
    insta::assert_snapshot!(body);
}

#[test]
fn the_program_makes_reports() {
    let told = month();
    let args = [
        "audit",
        "report",
        "--operator",
        "op-volcan",
        "--from",
        "2026-01-05",
        "--to",
        "2026-01-20",
    ];
    let with = |more: &[&'static str]| [&args, more].concat();
    let page = told.does(&with(&[]));
    assert!(page.starts_with("<!DOCTYPE html>"));
    // Each position is held by a checkpoint that the ledger signed.
    let origin = told.does(&["checkpoint", "--key"]);
    let origin = origin.split('+').next().expect("a name").to_owned();
    let notes = page.split("<pre>").skip(1).filter(|part| part.starts_with(&origin)).count();
    assert!((1..=2).contains(&notes), "{notes} checkpoints of {origin}");
    let said = told.does(&with(&["--out", "r.html"]));
    assert!(said.contains("it adds up"), "{said}");
    assert_eq!(read(&told.path("r.html")), page, "the same bytes");
    assert!(!told.path("r.html.new").exists());
    // Nothing is fetched from anywhere, and nothing runs.
    for word in ["http://", "https://", "src=", "@import", "url(", "<script"] {
        assert!(!page.contains(word), "{word}");
    }
    let json = |out: &str| serde_json::from_str::<Value>(out).expect("JSON");
    let here = json(&told.does(&with(&["--json"])));
    assert_eq!(here["adds_up"], true);
    let there = json(&told.does(&with(&["--json", "--utc-offset", "-06:00"])));
    assert_ne!(here["pins"], there["pins"], "days begin at another moment");
    let seqs = |report: &Value| [0, 1].map(|pin| report["pins"][pin]["seq"].as_u64());
    assert!(seqs(&there)[0] > seqs(&here)[0], "six hours later");
    for (more, word) in
        [(&["--utc-offset", "6"][..], "-06:00"), (&["--to", "2025-01-01"], "the argument '--to")]
    {
        let (code, _, err) = told.run(&with(more));
        assert!(code == 2 && err.contains(word), "{err}");
    }
    let backwards =
        ["audit", "report", "--operator", "op", "--from", "2026-02-01", "--to", "2026-01-01"];
    let (code, _, err) = told.run(&backwards);
    assert!(code == 2 && err.contains("is after"), "{err}");
}
