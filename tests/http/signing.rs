//! Signatures: whatever is not as it must be is 401, and says why.

use nostr_sdk::Timestamp;

use crate::world::{World, claim};

#[test]
fn a_request_without_a_signature_is_told_how_to_sign() {
    let world = World::new();
    let said = world.send("GET", "/v1/machines", None, None);
    assert_eq!(said.header("www-authenticate"), Some("Nostr"));
    said.problem(401, "Authorization");
    let basic = Some("Basic abc".to_owned());
    world.send_with("GET", "/v1/machines", None, basic).problem(401, "");
}

#[test]
fn a_signature_is_for_one_request_only() {
    let world = World::with_fleet();
    let body = claim(1).to_string();
    let signed = world.sign(&world.machine, "POST", "/v1/commands", Some(&body));
    let send = |body: &str, signed: &str| {
        world.send_with("POST", "/v1/commands", Some(body.into()), Some(signed.into()))
    };
    send(&claim(2).to_string(), &signed).problem(401, "");
    assert_eq!(send(&body, &signed).status, 201);
    send(&body, &signed).problem(401, "");
    let elsewhere = world.sign(&world.admin, "GET", "/v1/machines", None);
    world.send_with("GET", "/v1/settlements", None, Some(elsewhere)).problem(401, "");
    let no_payload = world.sign(&world.machine, "POST", "/v1/commands", None);
    send(&claim(3).to_string(), &no_payload).problem(401, "");
}

#[test]
fn a_signature_grows_old_and_is_not_from_the_future() {
    let world = World::with_fleet();
    let url = format!("{}/v1/machines", world.origin);
    for seconds in [-300_i64, 300] {
        let at = Timestamp::from(Timestamp::now().as_secs().saturating_add_signed(seconds));
        let signed = World::sign_at(&world.admin, "GET", &url, None, at);
        world.send_with("GET", "/v1/machines", None, Some(signed)).problem(401, "");
    }
}

#[test]
fn behind_a_proxy_the_public_url_is_signed() {
    let world = World::with("public_url = \"https://ledger.example/\"");
    let at = Timestamp::now();
    let url = "https://ledger.example/v1/machines";
    let signed = World::sign_at(&world.admin, "GET", url, None, at);
    assert_eq!(world.send_with("GET", "/v1/machines", None, Some(signed)).status, 200);
    let signed = world.sign(&world.admin, "GET", "/v1/machines", None);
    world.send_with("GET", "/v1/machines", None, Some(signed)).problem(401, "");
}
