//! Who may do what, over both transports: every role × command × whose thing, sent over HTTP and over Nostr to
//! one server, and held against the page.

mod commands;
// Both have more than is used here.
#[allow(dead_code)]
#[path = "../http/world.rs"]
mod http;
#[allow(dead_code)]
#[path = "../nostr/world.rs"]
mod nostr;

use std::collections::BTreeMap;

use nostr_sdk::{Keys, RelayUrl, ToBech32 as _};
use serde_json::{Value, json};

use crate::commands::{MINE, NOBODYS, OTHERS, Things, command, setting};
use crate::http::{Person, World};

/// Roles in the order of the page's columns, and whoever has none.
const ROLES: [&str; 6] = ["super", "operator", "machine", "lp", "auditor", "stranger"];

/// What the page says: the right of each role, by command.
fn page() -> BTreeMap<String, Vec<String>> {
    let text = include_str!("../../docs/who.md");
    let lines = text.lines().filter_map(|line| line.strip_prefix("| `"));
    lines
        .map(|line| {
            let cells: Vec<String> = line.split('|').map(|cell| cell.trim().to_owned()).collect();
            let name = cells[0].trim_end_matches('`').to_owned();
            let mut rights = cells[1..=5].to_vec();
            rights.push("no".into());
            (name, rights)
        })
        .collect()
}

/// The code of an answer; `done` for what was accepted or done before.
fn code(answer: &Value) -> String {
    answer["code"].as_str().unwrap_or("done").to_owned()
}

fn over_http(world: &World, by: &Person, command: &Value) -> String {
    let said = world.command(by, command);
    let status = said.status;
    let body = said.json();
    let code = code(body.get("refusal").unwrap_or(&body));
    assert_eq!(status == 403, code == "forbidden", "{status}: {body:#}");
    assert_ne!(status, 401, "{body:#}");
    assert_ne!(code, "malformed", "{command}: {body:#}");
    code
}

async fn over_nostr(by: &mut nostr::Person, command: &Value) -> String {
    let mut body = command.clone();
    let name = body.as_object_mut().and_then(|body| body.remove("type")).expect("a type");
    code(&by.ask(&json!({ "rpcName": name, "body": body })).await)
}

/// A server at a relay, with the same things for two operators.
async fn world(relay: &RelayUrl) -> World {
    let keys = tempfile::NamedTempFile::new().expect("a file, for its owner only");
    let nsec = nostr::ledger_keys().secret_key().to_bech32().expect("an nsec");
    std::fs::write(keys.path(), nsec).expect("written");
    let config = format!(
        "requests_per_minute = 100000\n[nostr]\nrelays = [\"{relay}\"]\nrequests_per_minute = 100000\n\
         key_file = \"{}\"\n",
        keys.path().display()
    );
    let world = tokio::task::spawn_blocking(move || World::with(&config)).await.expect("started");
    let all =
        [setting(MINE, &world.machine.hex()), setting(OTHERS, &Person::new(99).hex())].concat();
    let answers = world.command(&world.admin, &Value::from(all)).is(200);
    let answers = answers.as_array().expect("answers");
    assert!(answers.iter().all(|answer| answer["status"] == "accepted"), "{answers:#?}");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_is_so_over_both_transports() {
    let relay = nostr::started(nostr::relay()).await;
    let url = relay.url().await;
    let world = world(&url).await;
    let stranger = Person::new(77);
    let speakers =
        [&world.admin, &world.maya, &world.machine, &world.ana, &world.auditor, &stranger];
    let page = page();
    assert_eq!(page.len(), 27, "the page has a line for each command");
    for (at, (role, by)) in ROLES.iter().zip(speakers).enumerate() {
        let mut person = nostr::Person::at(Keys::clone(&by.keys), std::slice::from_ref(&url)).await;
        for (name, rights) in &page {
            let mut seen = Vec::new();
            for things in [MINE, OTHERS, NOBODYS] {
                let command = command(name, things, &world.machine.hex());
                let cell =
                    (over_http(&world, by, &command), over_nostr(&mut person, &command).await);
                assert_eq!(
                    cell.0, cell.1,
                    "{role}, {name}, {}: over HTTP and Nostr",
                    things.machine
                );
                seen.push(cell.0);
            }
            check(role, name, &rights[at], &seen);
        }
    }
}

/// `seen` are the codes for what is one's own, another's, and nobody's.
fn check(role: &str, name: &str, right: &str, seen: &[String]) {
    let [own, others, nobodys] = seen else { panic!("three things") };
    match right {
        "no" => assert!(seen.iter().all(|code| code == "forbidden"), "{role}, {name}: {seen:?}"),
        "own" => {
            assert_ne!(own, "forbidden", "{role}, {name}: {seen:?}");
            assert_ne!(others, "done", "{role}, {name}: {seen:?}");
            // A new thing under an id that is taken is the one case in which something is told.
            assert!(others == nobodys || others == "conflict", "{role}, {name}: {seen:?}");
        }
        "all" => {
            assert_ne!(own, "forbidden", "{role}, {name}: {seen:?}");
            assert_ne!(others, "forbidden", "{role}, {name}: {seen:?}");
        }
        other => panic!("the page says `{other}` of {role}, {name}"),
    }
}

impl Things {
    /// A hash of the things' own.
    fn hash(self, which: u64) -> String {
        format!("{:064x}", self.number * 1_000 + which)
    }
}
