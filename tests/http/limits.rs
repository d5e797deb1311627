//! Limits: nobody takes the server away from the others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{World, claim};

#[test]
fn a_body_has_a_bound() {
    let world = World::with("body_bytes_max = 2000");
    let long = "x".repeat(3_000);
    let said = world.send("POST", "/v1/commands", Some(long), Some(&world.admin));
    said.problem(413, "2000 bytes");
}

#[test]
fn an_array_has_a_bound() {
    let world = World::with("commands_max = 2");
    let three: Vec<Value> = (0..3).map(|_| json!({ "type": "nonsense" })).collect();
    world.command(&world.admin, &Value::Array(three)).problem(400, "at most 2 commands");
}

#[test]
fn a_key_that_asks_too_often_waits_and_another_does_not() {
    let world = World::with("requests_per_minute = 5");
    for _ in 0..5 {
        world.get(&world.admin, "/v1/machines").is(200);
    }
    let said = world.get(&world.admin, "/v1/machines");
    let seconds: u64 = said.header("retry-after").expect("when").parse().expect("seconds");
    assert!((1..=12).contains(&seconds));
    said.problem(429, "5 times a minute");
    world.get(&world.auditor, "/v1/machines").is(200);
}

#[test]
fn who_is_slow_is_let_go() {
    let world = World::with("patience_seconds = 1");
    let address = world.origin.strip_prefix("http://").expect("an address").to_owned();
    let begun = Instant::now();
    // A head that does not come to an end.
    let mut head = TcpStream::connect(&address).expect("connected");
    head.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").expect("sent");
    head.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let mut rest = Vec::new();
    let _ = head.read_to_end(&mut rest);
    // A body that does not come.
    let mut body = TcpStream::connect(&address).expect("connected");
    let signed = world.sign(&world.admin, "POST", "/v1/commands", Some("{}"));
    let text = format!(
        "POST /v1/commands HTTP/1.1\r\nhost: x\r\nauthorization: {signed}\r\ncontent-length: 2\r\n\r\n{{"
    );
    body.write_all(text.as_bytes()).expect("sent");
    body.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let mut answer = vec![0; 256];
    let read = body.read(&mut answer).expect("an answer");
    assert!(answer[..read].starts_with(b"HTTP/1.1 408"), "{:?}", &answer[..read]);
    assert!(begun.elapsed() < Duration::from_secs(15));
    assert_eq!(world.send("GET", "/healthz", None, None).status, 200);
}

#[test]
fn connections_have_a_bound_and_the_next_waits_for_its_turn() {
    let world = World::with("connections_max = 4\npatience_seconds = 1");
    let address = world.origin.strip_prefix("http://").expect("an address").to_owned();
    let held: Vec<TcpStream> =
        (0..4).map(|_| TcpStream::connect(&address).expect("connected")).collect();
    // They say nothing, and are let go.
    assert_eq!(world.send("GET", "/healthz", None, None).status, 200);
    drop(held);
}

#[test]
fn a_claim_gets_through_while_others_read() {
    let world = World::with_fleet();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    world.get(&world.auditor, "/v1/tables/journal?limit=1000").is(200);
                }
            });
        }
        for number in 1..=10 {
            world.command(&world.machine, &claim(number)).is(201);
        }
    });
}
