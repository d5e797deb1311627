//! What can be read, and by whom.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::world::{Person, World, claim, hash};

fn settled() -> World {
    let world = World::with_fleet();
    world.command(&world.machine, &claim(1)).is(201);
    let begin = serde_json::json!({ "type": "settlement.begin", "payment_hash": hash(1),
        "processing_claim": "p" });
    world.command(&world.admin, &begin).is(201);
    world
}

fn rows(world: &World, by: &Person, path: &str) -> Vec<Value> {
    let page = world.get(by, path).is(200);
    page["rows"].as_array().expect("rows").clone()
}

#[test]
fn a_settlement_is_shown_with_its_legs_in_the_words_of_the_commands() {
    let world = settled();
    let found = world.get(&world.admin, &format!("/v1/settlements/{}", hash(1))).is(200);
    assert_eq!(found["wire_sats"], 266_800);
    assert_eq!(found["fiat_amount"], "2000.00");
    assert_eq!(found["status"], "processing");
    assert_eq!(found["legs"].as_array().map(Vec::len), Some(2), "{found:#}");
    let trace = world.get(&world.admin, &format!("/v1/trace/{}", hash(1))).is(200);
    assert_eq!(trace["entries"].as_array().map(Vec::len), Some(2));
    world.get(&world.admin, "/v1/settlements/abc").problem(400, "64 hex digits");
}

#[test]
fn each_sees_what_is_theirs_and_the_rest_is_as_if_it_were_not_there() {
    let world = settled();
    let settlement = format!("/v1/settlements/{}", hash(1));
    let nothing = format!("/v1/settlements/{}", hash(2));
    for by in [&world.maya, &world.auditor, &world.machine] {
        world.get(by, &settlement).is(200);
    }
    for (by, status) in [(&world.omar, 404), (&Person::new(77), 403)] {
        let (own, none) = (world.get(by, &settlement), world.get(by, &nothing));
        assert_eq!(own.status, status);
        assert_eq!(own.text.replace(&hash(1), ""), none.text.replace(&hash(2), ""));
    }
    world.get(&world.ana, &settlement).problem(403, "may not read");
    assert_eq!(rows(&world, &world.maya, "/v1/machines").len(), 1);
    assert_eq!(rows(&world, &world.omar, "/v1/machines")[0]["id"], "m2");
    assert_eq!(rows(&world, &world.auditor, "/v1/machines").len(), 2);
    assert_eq!(rows(&world, &world.ana, "/v1/balances")[0]["remaining_fiat"], "3000.00");
    assert_eq!(rows(&world, &world.omar, "/v1/balances"), Vec::<Value>::new());
    assert_eq!(rows(&world, &world.ana, "/v1/tables/dca_deposits").len(), 1);
    world.get(&world.maya, "/v1/tables/wallet_balances").problem(403, "may not read");
    world.get(&world.maya, "/v1/events").problem(403, "auditor");
    assert!(!rows(&world, &world.maya, "/v1/tables/journal").is_empty());
    assert_eq!(rows(&world, &world.omar, "/v1/tables/journal"), Vec::<Value>::new());
}

#[test]
fn tables_come_page_by_page_filtered_and_in_every_version() {
    let world = World::with_fleet();
    let claims: Vec<Value> = (1..=25).map(claim).collect();
    world.command(&world.machine, &Value::Array(claims)).is(200);
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = world.get(&world.admin, &format!("/v1/settlements?limit=10{next}")).is(200);
        let ids = page["rows"].as_array().expect("rows").iter();
        seen.extend(ids.map(|row| row["id"].as_str().expect("an id").to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=25).map(hash).collect::<Vec<_>>());
    let one = format!("/v1/tables/dca_settlements?payment_hash={}&version=1", hash(7));
    assert_eq!(rows(&world, &world.admin, &one)[0]["gross_sats"], 266_800);
    let journal = "/v1/tables/journal?unit=sat&seq=8&limit=2";
    assert_eq!(rows(&world, &world.admin, journal).len(), 2);
    world.get(&world.admin, "/v1/tables/nothing").problem(404, "it has super_config");
    world.get(&world.admin, "/v1/settlements?color=red").problem(400, "no column `color`");
    world.get(&world.admin, "/v1/settlements?limit=0").problem(400, "`limit`");
    world.get(&world.admin, "/v1/settlements?version=99").problem(400, "`version`");
    world.get(&world.admin, "/v1/settlements?cursor=zz").problem(400, "`cursor`");
}

#[test]
fn balances_are_told_as_they_were() {
    let world = World::with_fleet();
    let then = world.get(&world.ana, "/v1/balances?as_of=5").is(200);
    assert_eq!(then["rows"][0]["confirmed_fiat"], "0.00");
    assert_eq!(then["rows"][0]["unconfirmed_fiat"], "5000.00");
    assert_eq!(then["as_of"], 5);
    let now = world.get(&world.ana, "/v1/balances").is(200);
    assert_eq!(now["rows"][0]["confirmed_fiat"], "5000.00");
    world.get(&world.ana, "/v1/balances?as_of=soon").problem(400, "`as_of`");
}

#[test]
fn the_log_is_a_stream_that_goes_on_where_it_was_cut_off() {
    let world = World::with_fleet();
    let listen = |from: u64, count: usize| -> Vec<u64> {
        let path = format!("/v1/events?from={from}");
        let signed = world.sign(&world.auditor, "GET", &path, None);
        let url = format!("{}{path}", world.origin);
        let answered = ureq::get(url).header("authorization", signed).call().expect("a stream");
        let lines = BufReader::new(answered.into_body().into_reader()).lines();
        let ids = lines
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("id: ").map(|id| id.parse().expect("a number")));
        ids.take(count).collect()
    };
    assert_eq!(listen(1, 6), (1..=6).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        let listening = scope.spawn(|| listen(5, 4));
        std::thread::sleep(std::time::Duration::from_millis(300));
        world.command(&world.machine, &claim(1)).is(201);
        world.command(&world.machine, &claim(2)).is(201);
        assert_eq!(listening.join().expect("heard"), [5, 6, 7, 8]);
    });
}

#[test]
fn who_watches_needs_no_key() {
    let world = World::with_fleet();
    world.command(&world.machine, &claim(1)).is(201);
    let open = |path: &str| world.send("GET", path, None, None);
    assert_eq!(open("/healthz").text, "ok\n");
    assert_eq!(open("/readyz").status, 200);
    let metrics = open("/metrics").text;
    assert!(metrics.contains("spireledger_commands_total{status=\"accepted\"} 7"), "{metrics}");
    assert!(metrics.contains("spireledger_log_entries 7"), "{metrics}");
    let described = open("/openapi.json").is(200);
    assert_eq!(described["openapi"], "3.1.0");
    let refs = described.to_string();
    for part in refs.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(described["components"]["schemas"][name].is_object(), "{name} is not there");
    }
    assert!(open("/").text.contains("POST /v1/commands"));
    open("/nowhere").problem(404, "there is no /nowhere");
    world.send("DELETE", "/v1/machines", None, None).problem(405, "does not take DELETE");
}
