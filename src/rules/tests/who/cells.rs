//! Every cell of the table: role × command × whose object. Two operators have the same things, under other
//! ids; of what is said about the other's, the answer is the one that a ledger gives in which there is no
//! such thing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use spireledger_schema::Code;
use spireledger_schema::command::Body;
use spireledger_schema::identity::Role;

use super::super::words::*;
use super::super::world::{Said, Speaker, World, given, speaker};
use super::page::says;

/// The things of somebody, by their ids.
#[derive(Clone, Copy)]
pub(super) struct Things {
    pub operator: &'static str,
    pub machine: &'static str,
    pub key: u8,
    /// An LP, its enrolment and its deposit.
    pub lp: &'static str,
    pub client: &'static str,
    pub deposit: &'static str,
    /// A settlement at the machine.
    pub settlement: u64,
}

pub(super) const OWN: Things = Things {
    operator: "op",
    machine: "m1",
    key: 1,
    lp: "a",
    client: "ca",
    deposit: "da",
    settlement: 1,
};

pub(super) const OTHERS: Things = Things {
    operator: "po",
    machine: "m2",
    key: 2,
    lp: "b",
    client: "cb",
    deposit: "db",
    settlement: 2,
};

/// Nobody has these.
pub(super) const NOBODYS: Things = Things {
    operator: "no",
    machine: "m9",
    key: 9,
    lp: "c",
    client: "cc",
    deposit: "dc",
    settlement: 9,
};

/// All that makes the things.
pub(super) fn of(things: Things) -> Vec<Value> {
    let Things { operator, machine: id, key, lp: user, client, deposit: paid, settlement } = things;
    let registered = json!({ "operator_user_id": operator, "machine_npub": npub(key) });
    vec![
        with(machine(id), registered),
        lp(user),
        with(enroll(user), json!({ "id": client, "machine_id": id })),
        deposit(paid, client, "10.00"),
        with(cash_out(settlement), json!({ "machine_id": id })),
    ]
}

/// A command about somebody's things, and what has to happen before it can be accepted.
struct Line {
    before: Vec<Value>,
    command: Value,
}

/// At least one line for each command.
fn lines(things: Things) -> Vec<Line> {
    let Things { operator: user, machine: id, client, deposit: paid, settlement: n, .. } = things;
    let at = |command| with(command, json!({ "machine_id": id }));
    let by = |command| with(command, json!({ "operator_user_id": user }));
    let now = |command| Line { before: Vec::new(), command };
    let begun = |command| Line { before: vec![begin(n, "p")], command };
    let held = |command| with(command, json!({ "processing_claim": "p" }));
    let paid_out = vec![begin(n, "p"), outcome(n, 1, "completed")];
    vec![
        now(config(json!({ "max_cash_in_sats": 1 }))),
        now(by(operator("-06:00"))),
        now(by(machine("new"))),
        now(machine_update(id, json!({ "name": "Corner" }))),
        now(machine_update(id, json!({ "operator_user_id": user, "is_active": false }))),
        now(pair(id, 50)),
        now(by(splits(&[("x", "1")]))),
        now(at(by(splits(&[("x", "1")])))),
        now(with(lp(things.lp), json!({ "autoforward_enabled": true }))),
        now(at(enroll("new"))),
        now(client_update(client, json!({ "status": "paused" }))),
        now(deposit("new", client, "1.00")),
        now(confirm(paid)),
        now(reject(paid)),
        now(at(cash_out(100))),
        now(begin(n, "p")),
        begun(release(n, "p")),
        now(adjust_to(n, "0.00", 0, 0)),
        now(note(n, "n", "a note")),
        Line { before: paid_out, command: held(finish(n)) },
        now(fail(n)),
        now(void(n)),
        begun(held(intend(n, 1, 20, 7_771))),
        begun(outcome(n, 1, "completed")),
        begun(refund(n, "back", 1)),
        now(at(beacon(5))),
        now(at(telemetry(5))),
        now(at(cassettes_set(10))),
        now(at(cassettes_report(10))),
    ]
}

/// Who speaks for what is [`OWN`], in the order of the columns.
fn speakers() -> [Speaker; 5] {
    [
        speaker(Role::Super, 7, None),
        speaker(Role::Operator, 20, Some(OWN.operator)),
        speaker(Role::Machine, OWN.key, None),
        speaker(Role::Lp, 21, Some(OWN.lp)),
        speaker(Role::Auditor, 22, None),
    ]
}

/// Every line with its speaker and the word that the page has for the two.
fn cells(things: Things) -> Vec<(&'static str, Speaker, Line)> {
    let mut cells = Vec::new();
    for (column, speaker) in speakers().into_iter().enumerate() {
        for line in lines(things) {
            let word = says(line.command["type"].as_str().unwrap())[column];
            cells.push((word, speaker.clone(), line));
        }
    }
    cells
}

/// The whole refusal as it would be sent; nothing may change with it.
pub(super) fn refusal(mut world: World, command: &Value) -> String {
    let before = world.log.len();
    match world.submit(command) {
        Said::Refused(no) => {
            let is_kept = world.log.len() > before;
            assert!(!is_kept || command["type"] == "settlement.claim", "{command}");
            serde_json::to_string(&no).unwrap()
        }
        said => panic!("{command} was to be refused: {said:?}"),
    }
}

#[test]
fn every_command_has_a_line() {
    let types: BTreeSet<String> =
        lines(OWN).iter().map(|line| line.command["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, Body::TYPES.iter().map(ToString::to_string).collect());
}

#[test]
fn each_role_may_do_what_the_page_says_with_its_own() {
    for (word, speaker, line) in cells(OWN) {
        let world = given(of(OWN)).and(of(OTHERS)).and(line.before).by_speaker(&speaker);
        match word {
            "all" | "own" => drop(world.when(line.command).then_accepted()),
            "no" => drop(world.when(line.command).then_refused(Code::Forbidden, &[])),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn only_who_may_do_all_changes_what_is_anothers() {
    for (word, speaker, line) in cells(OTHERS) {
        let both = || given(of(OWN)).and(of(OTHERS));
        let world = both().and(line.before).by_speaker(&speaker);
        if word == "all" {
            world.when(line.command).then_accepted();
            continue;
        }
        // The same as if it were not there, and the same again once it was done.
        let absent = given(of(OWN)).by_speaker(&speaker);
        let refused = refusal(absent.clone(), &line.command);
        assert_eq!(refusal(world.clone(), &line.command), refused, "{}", line.command);
        let done = world.by_speaker(&speakers()[0]).and([line.command.clone()]);
        assert_eq!(refusal(done.by_speaker(&speaker), &line.command), refused, "{}", line.command);
    }
}

#[test]
fn what_is_nobodys_is_refused_in_the_words_for_what_is_anothers() {
    let anothers = cells(OTHERS).into_iter().zip(cells(NOBODYS));
    for ((word, speaker, line), (_, _, nobodys)) in anothers {
        let world = given(of(OWN)).and(of(OTHERS)).by_speaker(&speaker);
        if word == "all" {
            let is_new = ["config.set", "operator.set", "machine.register", "lp.set"];
            let type_name = nobodys.command["type"].as_str().unwrap();
            let splits = type_name == "splits.set" && nobodys.command["machine_id"].is_null();
            match world.clone().submit(&nobodys.command) {
                Said::Accepted(_) => assert!(is_new.contains(&type_name) || splits),
                Said::Refused(no) => assert_ne!(no.code, Code::Forbidden, "{}", nobodys.command),
                said @ Said::Replayed(_) => panic!("{}: {said:?}", nobodys.command),
            }
            continue;
        }
        let renamed = |text: String| {
            [
                (hash(OTHERS.settlement), hash(NOBODYS.settlement)),
                (format!("`{}`", OTHERS.machine), format!("`{}`", NOBODYS.machine)),
                (format!("`{}`", OTHERS.client), format!("`{}`", NOBODYS.client)),
                (format!("`{}`", OTHERS.deposit), format!("`{}`", NOBODYS.deposit)),
            ]
            .iter()
            .fold(text, |text, (from, to)| text.replace(from, to))
        };
        let refused = renamed(refusal(world.clone(), &line.command));
        assert_eq!(refused, refusal(world, &nobodys.command), "{}", line.command);
    }
}

#[test]
fn who_stands_for_nobody_may_do_nothing() {
    let nobodies = [
        speaker(Role::Operator, 20, None),
        speaker(Role::Lp, 21, None),
        speaker(Role::Machine, 99, None),
        speaker(Role::Auditor, 22, None),
    ];
    for nobody in nobodies {
        for line in lines(OWN) {
            let mut world = given(of(OWN)).and(line.before).by_speaker(&nobody);
            let before = world.log.len();
            let Said::Refused(no) = world.submit(&line.command) else { panic!("{}", line.command) };
            assert_eq!(no.code, Code::Forbidden);
            assert_eq!(world.log.len(), before, "{} left a trace", line.command);
        }
    }
}
