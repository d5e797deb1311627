//! Looking: `log`, `trace`, `tables`, `balances`, for people and for programs.

use spireledger_schema::identity::Actor;
use spireledger_schema::streams;
use spireledger_schema::text::RequestId;

use crate::world::{World, claim, hash};

fn settled() -> World {
    let world = World::with_fleet();
    let begin = format!(
        "{{\"type\":\"settlement.begin\",\"payment_hash\":\"{}\",\"processing_claim\":\"p1\"}}\n",
        hash(1)
    );
    let paid = |n: u32| {
        format!(
            "{{\"type\":\"leg.outcome\",\"payment_hash\":\"{0}\",\"leg_id\":\"{0}:{n}\",\
             \"status\":\"completed\"}}\n",
            hash(1)
        )
    };
    world.submit(&format!("{}{begin}{}{}{}", claim(1), paid(1), paid(2), paid(3))).succeeds();
    world
}

/// Times differ from run to run: put one in their place.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words = line.split(' ').map(|word| {
            let is_time = word.starts_with("20") && word.ends_with('Z') && word.contains('T');
            if is_time { "2026-01-01T00:00:00Z" } else { word }
        });
        out.push_str(words.collect::<Vec<_>>().join(" ").trim_end());
        out.push('\n');
    }
    out
}

#[test]
fn a_trace_tells_where_every_sat_went() {
    let world = settled();
    let said = world.run(&["trace", &hash(1)]).succeeds().out;
    insta::assert_snapshot!(timeless(&said));
    let json = world.run(&["trace", &hash(1), "--json"]).succeeds().json();
    assert_eq!(json["entries"].as_array().expect("a list").len(), 5);
    let sums = json["sums"].as_array().expect("a list");
    let total: u64 = sums.iter().filter_map(|sum| sum["amount_sats"].as_u64()).sum();
    assert_eq!(total, 266_800);
    world.run(&["trace", &hash(9)]).ends_with(2).says(&["no settlement", &hash(9)]);
}

#[test]
fn balances_show_what_is_left() {
    let world = settled();
    insta::assert_snapshot!(world.run(&["balances"]).succeeds().out);
    let json = world.run(&["balances", "--json", "--user", "ana"]).succeeds().json();
    assert_eq!(json["balances"][0]["paid_fiat"], "500.00");
    assert_eq!(json["balances"][0]["paid_sats"], 64_757);
    assert_eq!(json["balances"][0]["remaining_fiat"], "0.00");
    let none = world.run(&["balances", "--json", "--user", "nobody"]).succeeds().json();
    assert_eq!(none["balances"].as_array().map(Vec::len), Some(0));
}

#[test]
fn tables_are_listed_and_shown() {
    let world = settled();
    insta::assert_snapshot!(world.run(&["tables", "list"]).succeeds().out);
    let rows = world.run(&["tables", "show", "dca_payments", "--json"]).succeeds().lines();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[2]["leg_type"], "dca");
    assert_eq!(rows[2]["amount_fiat"], "500.00");
    let some = ["tables", "show", "dca_settlements", "--columns", "payment_hash,status,wire_sats"];
    let said = world.run(&some).succeeds().out;
    assert!(said.contains("processing") && said.contains("266800"), "{said}");
    world.run(&["tables", "show", "nope"]).ends_with(2).says(&["`nope`", "dca_machines"]);
    let wrong = ["tables", "show", "dca_lp", "--columns", "nope"];
    world.run(&wrong).ends_with(2).says(&["no column `nope`", "dca_wallet_id"]);
}

#[test]
fn the_log_is_shown_by_place_and_by_key() {
    let world = settled();
    let all = world.run(&["log", "show", "--json"]).succeeds().lines();
    assert_eq!(all.len(), 11);
    assert_eq!(all[6]["event"]["type"], "settlement.claimed");
    let some = world.run(&["log", "show", "--json", "--from", "3", "--to", "4"]).succeeds().lines();
    assert_eq!(some, all[2..4]);
    let by_key = world.run(&["log", "show", "--json", "--key", &hash(1)]).succeeds().lines();
    assert_eq!(by_key, all[6..11]);
    let other = all[1]["key"].as_str().expect("a key");
    let machine = world.run(&["log", "show", "--json", "--key", other]).succeeds().lines();
    assert_eq!(machine, all[1..2]);
    assert_eq!(world.run(&["log", "show", "--from", "500"]).succeeds().out.lines().count(), 2);
    world.run(&["log", "show", "--key", "abc"]).ends_with(2).says(&["64 hex digits"]);
}

#[test]
fn statistics_say_how_much_there_is() {
    let world = settled();
    let stats = world.run(&["log", "stats", "--json"]).succeeds().json();
    assert_eq!(stats["entries"], 11);
    assert_eq!(stats["head"]["seq"], 11);
    assert_eq!(stats["events"]["leg.ended"], 3);
    assert!(stats["bytes_on_disk"].as_u64().expect("a number") > 1_000);
    let said = world.run(&["log", "stats"]).succeeds().out;
    assert!(said.contains("bytes on disk") && said.contains("leg.ended"), "{said}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let world = World::with_fleet();
    let lines: String = (0..3_000).map(claim).collect();
    world.submit(&lines).succeeds();
    let binary = env!("CARGO_BIN_EXE_spireledger");
    let script =
        format!("{binary} log show --json --from 1 --to 3000 | head -n 1; exit ${{PIPESTATUS[0]}}");
    let run = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(world.path(""))
        .output()
        .expect("runs");
    assert_eq!(run.status.code(), Some(0), "{run:?}");
    assert!(run.stderr.is_empty(), "{run:?}");
}

#[test]
fn a_trace_of_a_request_s_key_finds_no_settlement() {
    let world = World::with_fleet();
    let fail = format!(
        "{{\"type\":\"settlement.fail\",\"payment_hash\":\"{}\",\"request_id\":\"r1\"}}\n",
        hash(1)
    );
    world.submit(&format!("{}{fail}", claim(1))).succeeds();
    let id = RequestId::parse("r1").expect("an id");
    let key = streams::request(&Actor::Local, "settlement.fail", &id).to_string();
    world.run(&["trace", &key]).ends_with(2).says(&["no settlement", &key]);
    // Whoever asks for a key sees all that it leads to.
    assert!(
        world.run(&["log", "show", "--key", &key]).succeeds().out.contains("settlement.failed")
    );
}

#[test]
fn belief_and_state_of_cassettes_stand_side_by_side() {
    let world = World::with_fleet();
    let bays = |kind: &str, count: u32, more: &str| {
        format!(
            "{{\"type\":\"cassettes.{kind}\",\"machine_id\":\"m1\"{more},\"positions\":{{\"1\":\
             {{\"denomination\":100,\"count\":{count}}},\"2\":{{\"denomination\":50,\"count\":8}}}}}}\n"
        )
    };
    world.submit(&bays("set", 500, "")).succeeds();
    let all = |args: &[&str]| {
        let said = world.run(&[&["cassettes", "--json"], args].concat()).succeeds().json();
        said["cassettes"].as_array().expect("a list").clone()
    };
    assert_eq!(all(&[]).len(), 2);
    assert!(all(&["--differing"]).is_empty(), "the machine has said nothing yet");
    world.submit(&bays("report", 437, ",\"state_at\":1767225600")).succeeds();
    let differing = all(&["--differing"]);
    assert_eq!(differing.len(), 1);
    let one = &differing[0];
    assert_eq!((&one["believed"]["count"], &one["state"]["count"]), (&500.into(), &437.into()));
    assert!(all(&["--machine", "m2"]).is_empty());
    let table = world.run(&["cassettes"]).succeeds();
    assert!(table.out.contains("437 × 100") && table.out.contains("differs"), "{}", table.out);
}
