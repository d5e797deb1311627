//! `submit`: an answer a line, in order, and what each repeat is answered.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::world::{FLEET, World, claim};

#[test]
fn every_line_gets_its_answer_in_order() {
    let world = World::with_ledger();
    let lines = format!("{FLEET}{}\n{{\"type\":\"nope\"}}\n{}", claim(1).trim_end(), claim(2));
    let run = world.submit(&lines).ends_with(1);
    let expected = ["accepted"; 7].into_iter().chain(["refused", "accepted"]);
    assert_eq!(run.statuses(), expected.collect::<Vec<_>>());
    let seqs: Vec<_> = run.lines().iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=8).collect::<Vec<_>>());
    let split = &run.lines()[6]["settlement"];
    assert_eq!(split["platform_fee_sats"], 2590);
    assert_eq!(split["operator_fee_sats"], 5181);
}

#[test]
fn blank_lines_are_answered_and_the_last_line_needs_no_end() {
    let world = World::with_ledger();
    let run = world.submit("\n{}\n\n{}").ends_with(1);
    assert_eq!(run.statuses(), ["refused"; 4]);
    assert_eq!(world.submit("").succeeds().out, "");
}

#[test]
fn a_repeat_is_answered_as_the_first_time_also_after_a_restart() {
    let world = World::with_fleet();
    let first = world.submit(&claim(1)).succeeds().lines().remove(0);
    assert_eq!(first["status"], "accepted");
    for _ in 0..2 {
        let mut again = world.submit(&claim(1).repeat(3)).succeeds().lines();
        for answer in &mut again {
            assert_eq!(answer["status"], "replayed");
            answer["status"] = "accepted".into();
            assert_eq!(*answer, first);
        }
    }
    let entries = world.run(&["log", "stats", "--json"]).json()["entries"].clone();
    assert_eq!(entries, 7);
}

#[test]
fn a_request_id_finds_its_first_answer_after_a_restart() {
    let world = World::with_fleet();
    let config = FLEET.lines().next().expect("one");
    world.submit("{\"type\":\"config.set\",\"max_cash_in_sats\":5}").succeeds();
    let again = world.submit(config).succeeds().lines().remove(0);
    assert_eq!((again["status"].as_str(), again["seq"].as_u64()), (Some("replayed"), Some(1)));
    let other = config.replace("0.0100", "0.0200");
    let refused = world.submit(&other).ends_with(1).lines().remove(0);
    assert_eq!(refused["code"], "conflict");
    assert_eq!(refused["details"]["fields"][0]["field"], "super_cash_out_fee_fraction");
}

#[test]
fn a_conflict_names_the_fields_and_is_kept_as_evidence_once() {
    let world = World::with_fleet();
    world.submit(&claim(1)).succeeds();
    let other = claim(1).replace("266800", "266801").replace("259029", "259030");
    for _ in 0..3 {
        let refused = world.submit(&other).ends_with(1).lines().remove(0);
        assert_eq!(refused["code"], "conflict");
        let fields = refused["details"]["fields"].as_array().expect("a list").clone();
        let names: Vec<_> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        assert_eq!(names, ["principal_sats", "wire_sats"]);
    }
    let stats = world.run(&["log", "stats", "--json"]).json();
    assert_eq!(stats["events"]["claim.refused"], 1);
    assert_eq!(stats["events"]["settlement.claimed"], 1);
}

#[test]
fn an_answer_does_not_wait_for_more_lines() {
    let world = World::with_fleet();
    let mut command = world.command(&["submit", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped")).lines();
    for n in 0..5 {
        // Half a line first: it is not answered before its end comes.
        let line = claim(n);
        let (start, end) = line.split_at(40);
        stdin.write_all(start.as_bytes()).expect("written");
        stdin.flush().expect("flushed");
        stdin.write_all(end.as_bytes()).expect("written");
        stdin.flush().expect("flushed");
        let answer = answers.next().expect("an answer").expect("a line");
        assert!(answer.contains("\"accepted\""), "{answer}");
    }
    drop(stdin);
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_line_that_never_ends_is_refused_and_the_next_one_is_read() {
    let world = World::with_fleet();
    let long =
        format!("{{\"type\":\"settlement.note\",\"note\":\"{}\"}}\n", "x".repeat(10_000_000));
    let run = world.submit(&format!("{long}{}{long}", claim(1))).ends_with(1);
    assert_eq!(run.statuses(), ["refused", "accepted", "refused"]);
    assert_eq!(run.lines()[0]["code"], "malformed");
    assert!(run.out.len() < 2_000, "the long line is not quoted back");
}

#[test]
fn bytes_that_are_no_text_are_refused_by_name() {
    let world = World::with_ledger();
    std::fs::write(world.path("bad"), b"{\"type\":\"\xff\xfe\"}\n\0\n").expect("written");
    let run = world.run(&["submit", "bad"]).ends_with(1);
    assert_eq!(run.statuses(), ["refused", "refused"]);
    assert!(run.lines()[0]["message"].as_str().expect("text").contains("UTF-8"));
}

#[test]
fn a_summary_counts_instead_of_answering() {
    let world = World::with_ledger();
    let lines = format!("{FLEET}{}nonsense\n", claim(1));
    std::fs::write(world.path("lines"), &lines).expect("written");
    let said = world.run(&["submit", "--summary", "lines"]).ends_with(1).out;
    assert_eq!(said, "8 lines: 7 accepted, 0 replayed, 1 refused\n");
    let again = world.run(&["submit", "--summary", "--json", "lines"]).ends_with(1).json();
    assert_eq!(again["replayed"], 7);
}

#[test]
fn many_lines_keep_their_order_through_all_batches() {
    let world = World::with_fleet();
    let lines: String = (0..9_000).map(claim).collect();
    let run = world.submit(&lines).succeeds();
    let hashes = run.lines();
    assert_eq!(hashes.len(), 9_000);
    for (n, answer) in (0..9_000).zip(&hashes) {
        assert_eq!(answer["payment_hash"], crate::world::hash(n));
        assert_eq!(answer["seq"], u64::from(n) + 7);
    }
    world.run(&["verify"]).succeeds();
}
