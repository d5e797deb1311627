//! Commands: each status, each answer.

use serde_json::json;

use crate::world::{World, claim, hash};

#[test]
fn a_claim_is_accepted_once_and_replayed_for_ever() {
    let mut world = World::with_fleet();
    let first = world.command(&world.machine, &claim(1)).is(201);
    assert_eq!(first["status"], "accepted");
    assert_eq!(first["settlement"]["operator_fee_sats"], 7_771);
    let mut again = world.command(&world.machine, &claim(1)).is(200);
    assert_eq!(again["status"], "replayed");
    again["status"] = "accepted".into();
    assert_eq!(again, first);
    world.restart();
    let again = world.command(&world.machine, &claim(1)).is(200);
    assert_eq!(again["seq"], first["seq"]);
}

#[test]
fn other_content_under_the_same_hash_is_a_conflict_that_says_what_differs() {
    let world = World::with_fleet();
    world.command(&world.machine, &claim(1)).is(201);
    let mut other = claim(1);
    other["fiat_amount"] = "1900.00".into();
    let problem = world.command(&world.machine, &other).problem(409, "");
    assert_eq!(problem["refusal"]["code"], "conflict");
    assert!(problem["refusal"].to_string().contains("fiat_amount"), "{problem:#}");
}

#[test]
fn what_the_rules_refuse_is_422_and_what_makes_no_sense_400() {
    let world = World::with_fleet();
    let mut unbalanced = claim(1);
    unbalanced["fee_sats"] = 7_770.into();
    let problem = world.command(&world.machine, &unbalanced).problem(422, "");
    assert_eq!(problem["refusal"]["code"], "unbalanced");
    let problem = world.command(&world.admin, &json!({ "type": "nonsense" })).problem(400, "");
    assert_eq!(problem["refusal"]["code"], "malformed");
    let said = world.send("POST", "/v1/commands", Some("[1, 2".into()), Some(&world.admin));
    said.problem(400, "JSON array");
}

#[test]
fn an_array_has_an_answer_for_each_in_order() {
    let world = World::with_fleet();
    let body = json!([claim(1), { "type": "nonsense" }, claim(1), claim(2)]);
    let answers = world.command(&world.machine, &body).is(200);
    let statuses: Vec<&str> =
        answers.as_array().expect("answers").iter().filter_map(|a| a["status"].as_str()).collect();
    assert_eq!(statuses, ["accepted", "refused", "replayed", "accepted"]);
}

#[test]
fn a_machine_reports_for_itself_only_and_a_stranger_for_nobody() {
    let world = World::with_fleet();
    let mut others = claim(1);
    others["machine_id"] = "m2".into();
    let problem = world.command(&world.machine, &others).problem(403, "");
    assert_eq!(problem["refusal"]["code"], "forbidden");
    let nobody = crate::world::Person::new(77);
    world.command(&nobody, &claim(1)).problem(403, "");
    world.command(&world.auditor, &claim(1)).problem(403, "");
    let trace = world.get(&world.admin, &format!("/v1/trace/{}", hash(1)));
    trace.problem(404, "was claimed");
}

#[test]
fn many_at_once_are_one_entry() {
    let world = World::with_fleet();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let ask = || world.command(&world.machine, &claim(9)).json();
        let asked: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        asked.into_iter().map(|asked| asked.join().expect("answered")).collect()
    });
    let accepted = answers.iter().filter(|answer| answer["status"] == "accepted").count();
    assert_eq!(accepted, 1, "{answers:#?}");
    assert!(answers.iter().all(|answer| answer["seq"] == answers[0]["seq"]));
}
