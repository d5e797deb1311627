//! What Beancount and hledger make of the journals.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use spireledger::log::ReadLog;

use crate::tools::{Beancount, Held, Hledger};
use crate::world::{Told, World, read};

/// What SQL says that accounts hold, by what the ledger calls them.
fn ours(told: &Told, until: &str) -> Held {
    let tables = told.tables();
    let question = format!(
        "SELECT account, unit, sum(amount) FROM journal \
         WHERE recorded_at < CAST(strftime('%s', '{until}') AS INTEGER) GROUP BY account, unit"
    );
    let mut select = tables.prepare(&question).expect("a question");
    let mut rows = select.query([]).expect("asked");
    let mut held = Held::new();
    while let Some(row) = rows.next().expect("a row") {
        let unit: String = row.get(1).expect("a unit");
        let amount = i128::from(row.get::<_, i64>(2).expect("an amount"));
        let (commodity, amount) = match unit.as_str() {
            "sat" => ("SAT", amount * 1_000),
            "msat" => ("SAT", amount),
            "SAT" => ("FIATSAT", amount),
            fiat => (fiat, amount),
        };
        let account: String = row.get(0).expect("an account");
        *held.entry((account, commodity.to_owned())).or_default() += amount;
    }
    held.retain(|_, amount| *amount != 0);
    held
}

/// The same by our names of accounts, and without what there is nothing of.
fn by_ours(held: Held, opened: &BTreeMap<String, String>) -> Held {
    let named = held.into_iter().filter(|(_, amount)| *amount != 0);
    named.map(|((name, what), amount)| ((opened[&name].clone(), what), amount)).collect()
}

/// Both tools accept a ledger's journals, and their balances are ours.
fn check(told: &Told, more: &[&str], until: &str) {
    let (beancount, hledger) = (Beancount::find(), Hledger::find());
    let ours = ours(told, until);
    assert!(!ours.is_empty());
    let file = told.journal("beancount", "books.beancount", more);
    let opened = read(&file).matches(" open ").count();
    if let Some(beancount) = &beancount {
        assert_eq!(beancount.check(&file), Ok(()));
        let loaded = beancount.load(&file);
        assert_eq!(loaded.errors, Vec::<String>::new());
        assert_eq!(loaded.opened.len(), opened, "no account is opened twice");
        assert_eq!(by_ours(loaded.held, &loaded.opened), ours);
    }
    let file = told.journal("hledger", "books.journal", more);
    if let Some(hledger) = &hledger {
        assert_eq!(hledger.check(&file), Ok(()));
        if let Some(beancount) = &beancount {
            // Both have the same names.
            let names = beancount.load(&told.path("books.beancount")).opened;
            assert_eq!(by_ours(hledger.held(&file), &names), ours);
        }
    }
}

const NEVER: &str = "9998-01-01";

#[test]
fn a_month_of_a_fleet_is_accepted_and_holds_what_ours_holds() {
    let world = World::new(1_200);
    world.say(include_str!("../../fixtures/fleet/month.jsonl").lines());
    let told = world.done();
    check(&told, &[], NEVER);
    let text = read(&told.path("books.beancount"));
    let has = |what: &str| assert!(text.contains(what), "{what}");
    // What can happen did: payments that failed and were given up, refunds, and partial dispenses.
    has("Liabilities:Refund ");
    has("* \"settlement.adjusted\"");
    has("* \"settlement.voided\"");
    has("Expenses:Routing ");
    let ends = text.lines().filter(|line| line.starts_with("2026-02-01 balance ")).count();
    assert!(ends > 20, "{ends} balances are asserted at the end of January");
}

#[test]
fn databases_that_were_brought_in_are_accepted_with_what_does_not_add_up_in_suspense() {
    for version in [1, 9, 12] {
        let told = World::brought_in(version).done();
        check(&told, &[], NEVER);
        assert!(read(&told.path("books.journal")).contains("Equity:Suspense "), "{version}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn any_fleet_is_accepted_and_holds_what_ours_holds(seed in any::<u64>()) {
        check(&World::of_seed(seed).done(), &[], NEVER);
    }
}

#[test]
fn a_period_begins_with_its_balances_and_ends_with_them() {
    let told = World::of_seed(7).done();
    let february = ["--from", "2026-02-01", "--to", "2026-02-28"];
    check(&told, &february, "2026-03-01");
    let text = read(&told.path("books.beancount"));
    assert_eq!(text.matches("\"opening balances\"").count(), 1);
    for line in text.lines().filter(|line| line.starts_with("20")) {
        assert!(line.starts_with("2026-02-") || line.starts_with("2026-03-01 balance "), "{line}");
    }
    // A period before all others has nothing to begin with, one after all of them nothing else.
    check(&told, &["--from", "2020-01-01"], NEVER);
    assert!(!read(&told.path("books.beancount")).contains("opening balances"));
    check(&told, &["--from", "2040-01-01"], NEVER);
    assert!(!read(&told.path("books.beancount")).contains("settlement.claimed"));
}

#[test]
fn the_past_can_be_exported_as_it_was() {
    let told = World::of_seed(8).done();
    let head = told.reader().head().seq;
    let then = told.journal("hledger", "then.journal", &["--as-of", &(head / 2).to_string()]);
    let now = told.journal("hledger", "now.journal", &[]);
    let (then, now) = (read(&then), read(&now));
    // All but the first line and the last assertions is the same.
    let body = |text: &str| text.split_once('\n').expect("lines").1.to_owned();
    let asserted = then.rfind("balance assertions").expect("asserted");
    let first = then.get(..asserted - 16).expect("a date");
    assert!(body(&now).starts_with(body(first).trim_end()), "the past does not change");
}

/// The same ledger gives the same bytes, whoever writes them and when.
#[test]
fn the_same_ledger_gives_the_same_bytes() {
    let told = World::of_seed(9).done();
    for format in ["beancount", "hledger"] {
        let first = read(&told.journal(format, "first", &[]));
        assert_eq!(first, read(&told.journal(format, "second", &[])));
        assert!(!told.path("first.new").exists());
    }
}

/// Every amount of a journal, moved by the least that there is.
fn amounts_moved(text: &str, places: impl Fn(&str) -> bool) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut moved = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| places(line)) {
        let mut parts: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let number = parts.iter().rposition(|part| part.parse::<i128>().is_ok());
        let Some(number) = number else { continue };
        let value: i128 = parts[number].parse().expect("a number");
        parts[number] = (value + 1).to_string();
        let mut all: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        all[at] = parts.join(" ");
        moved.push(all.join("\n") + "\n");
    }
    moved
}

/// A hundredth of a currency or a sat more or less, in a posting or in two of them that balance, is found.
#[test]
fn a_change_of_any_amount_is_found() {
    let world = World::new(86_400);
    world.say(crate::journals::SMALL.lines());
    let told = world.done();
    let find_all = |file: &Path, check: &dyn Fn(&Path) -> Result<(), String>| {
        let text = read(file);
        assert_eq!(check(file), Ok(()));
        let postings = |line: &str| line.starts_with("  ") && line.ends_with(" SAT");
        let changed = amounts_moved(&text, postings);
        assert!(changed.len() > 5, "{text}");
        let other = told.path("changed");
        for changed in changed {
            std::fs::write(&other, &changed).expect("written");
            assert!(check(&other).is_err(), "{changed}");
        }
        // In two postings of an entry, so that it still balances.
        for [from, to] in [["2000.00 GTQ", "2000.01 GTQ"], ["266800 SAT", "266801 SAT"]] {
            let claimed = text.rfind("settlement.claimed").expect("a claim");
            let (before, after) = text.split_at(claimed);
            let number = from.split(' ').next().expect("a number");
            let end = after.find("\n\n").expect("an end");
            let (entry, rest) = after.split_at(end);
            let entry = if from.ends_with("SAT") {
                let principal = entry.replacen("-259029 SAT", "-259030 SAT", 1);
                principal.replacen(from, to, 1)
            } else {
                entry.replace(number, to.split(' ').next().expect("a number"))
            };
            let changed = format!("{before}{entry}{rest}");
            assert_ne!(changed, text);
            std::fs::write(&other, &changed).expect("written");
            let found = check(&other).expect_err("found");
            assert!(found.to_lowercase().contains("balance"), "{found}");
        }
    };
    if let Some(beancount) = Beancount::find() {
        let file = told.journal("beancount", "small.beancount", &[]);
        find_all(&file, &|file| beancount.check(file));
    }
    if let Some(hledger) = Hledger::find() {
        let file = told.journal("hledger", "small.journal", &[]);
        find_all(&file, &|file| hledger.check(file));
    }
}

/// One machine, one LP, one cash-out, paid.
pub const SMALL: &str = r#"{"type":"machine.register","id":"m1","operator_user_id":"op","wallet_id":"w1","fiat_code":"GTQ","operator_cash_out_fee_fraction":"0.03"}
{"type":"lp.set","user_id":"ana","dca_wallet_id":"w-ana"}
{"type":"client.enroll","id":"c1","machine_id":"m1","user_id":"ana"}
{"type":"deposit.record","id":"d1","client_id":"c1","amount":"2500.00","creator_user_id":"op"}
{"type":"deposit.confirm","id":"d1"}
{"type":"settlement.claim","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","machine_id":"m1","tx_type":"cash_out","wire_sats":266800,"principal_sats":259029,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"GTQ","exchange_rate":"129.5145","occurred_at":1767225600}
{"type":"settlement.begin","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","processing_claim":"p1"}
{"type":"leg.outcome","payment_hash":"9f00000000000000000000000000000000000000000000000000000000000001","leg_id":"9f00000000000000000000000000000000000000000000000000000000000001:1","status":"completed","external_payment_hash":"9f00000000000000000000000000000000000000000000000000000000000002"}
"#;

/// Ids that mean something in one of the tools, look like others, or are no ASCII; a currency that is
/// called like sats.
#[test]
fn any_id_gives_an_account_of_its_own_and_names_nothing_else() {
    let ids = [
        "a:b",
        "a--3ab",
        "a b",
        "a  b",
        "a;b, seq:9",
        "\\\" ^x #y",
        "ñandú",
        "-",
        "A",
        "a",
        "(a)",
        "[a]",
        "*",
        "assets:cash:a",
        "=1",
        "; seq:1",
        "日本",
        "a-",
        "|x|",
    ];
    let world = World::new(3_600);
    for (at, id) in ids.iter().enumerate() {
        let id = |of: &str| serde_json::to_string(&format!("{of}{id}")).expect("a text");
        let (machine, wallet, plain) = (id(""), id("w"), id(""));
        let fiat = if at == 0 { "SAT" } else { "GTQ" };
        let mut lines = vec![
            format!(
                r#"{{"type":"machine.register","id":{machine},"operator_user_id":{plain},"wallet_id":{wallet},"fiat_code":"{fiat}","operator_cash_out_fee_fraction":"0.03"}}"#
            ),
            format!(r#"{{"type":"lp.set","user_id":{plain},"dca_wallet_id":{plain}}}"#),
            format!(
                r#"{{"type":"client.enroll","id":{plain},"machine_id":{machine},"user_id":{plain},"username":"Ana Secreta"}}"#
            ),
            format!(
                r#"{{"type":"deposit.record","id":{plain},"client_id":{plain},"amount":"2500.00","creator_user_id":"op","notes":"of Ana Secreta"}}"#
            ),
            format!(r#"{{"type":"deposit.confirm","id":{plain}}}"#),
        ];
        let hash = format!("{:064x}", at + 1);
        lines.push(format!(
            r#"{{"type":"settlement.claim","payment_hash":"{hash}","machine_id":{machine},"tx_type":"cash_out","wire_sats":266800,"principal_sats":259029,"fee_sats":7771,"fiat_amount":"2000.00","fiat_code":"{fiat}","exchange_rate":"129.5145"}}"#
        ));
        lines.push(format!(
            r#"{{"type":"settlement.begin","payment_hash":"{hash}","processing_claim":"p"}}"#
        ));
        lines.push(format!(
            r#"{{"type":"leg.outcome","payment_hash":"{hash}","leg_id":"{hash}:1","status":"completed"}}"#
        ));
        world.say(lines.iter().map(String::as_str));
    }
    let told = world.done();
    check(&told, &[], NEVER);
    let texts = ["books.beancount", "books.journal"].map(|name| read(&told.path(name)));
    for text in &texts {
        assert!(!text.contains("Secreta"), "no person is named");
        assert_eq!(text.matches("Liabilities:LP:C-").count() % ids.len(), 0);
        assert!(text.contains("FIATSAT"), "a currency that is called SAT is no sat");
    }
    let opened = |line: &&str| line.contains(" open Assets:Cash:");
    assert_eq!(texts[0].lines().filter(opened).count(), ids.len());
    let seqs = texts[1].lines().filter(|line| line.contains("seq:")).count();
    assert_eq!(seqs, texts[1].matches("\n    ; seq:").count(), "no id makes a tag");
}

#[test]
fn what_cannot_be_exported_is_said() {
    let told = World::of_seed(3).done();
    for (args, word) in [
        (&["export", "--format", "hledger", "--out", "none/there"][..], "none/there"),
        (&["export", "--format", "hledger", "--out", "x", "--version", "3"], "--version"),
        (&["export", "--format", "hledger", "--out", "x", "--from", "tomorrow"], "2026-01-31"),
        (
            &[
                "export",
                "--format",
                "csv",
                "--out",
                "x",
                "--from",
                "2026-02-01",
                "--to",
                "2026-01-01",
            ],
            "is after",
        ),
        (
            &["export", "--format", "csv", "--out", "x", "--to", "2026-01-01", "--as-of", "9"],
            "--as-of",
        ),
    ] {
        let (code, _, err) = told.run(args);
        assert_eq!(code, 2, "{args:?}");
        assert!(err.contains(word), "{args:?}: {err}");
        assert!(!told.path("x").exists(), "{args:?}");
    }
}
