//! What a signed header proves, and each way in which it does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nostr_sdk::{Event, EventBuilder, JsonUtil, Keys, Kind, Tag, Timestamp as Seconds};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use spireledger_schema::hex;
use spireledger_schema::identity::{Evidence, PublicKey};
use spireledger_schema::time::Timestamp;

use super::{HEADER_BYTES_MAX, Nip98, Nip98Error};

const URL: &str = "https://ledger.example/v1/commands?wait=1";
const BODY: &[u8] = br#"{"type":"config.set"}"#;
const NOW: i64 = 1_767_225_600;

fn keys() -> Keys {
    Keys::parse(&"01".repeat(32)).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn payload(body: &[u8]) -> String {
    hex::encode(&Sha256::digest(body))
}

/// An event as a client signs it: kind, tags, moment.
fn event(kind: u16, tags: &[[&str; 2]], seconds: i64) -> Event {
    let tags = tags.iter().map(|tag| Tag::parse(*tag).unwrap());
    EventBuilder::new(Kind::from(kind), "")
        .tags(tags)
        .custom_created_at(Seconds::from(u64::try_from(seconds).unwrap()))
        .sign_with_keys(&keys())
        .unwrap()
}

fn honest(seconds: i64) -> Event {
    let payload = payload(BODY);
    event(27235, &[["u", URL], ["method", "POST"], ["payload", &payload]], seconds)
}

fn header(json: &[u8]) -> String {
    format!("Nostr {}", STANDARD.encode(json))
}

fn check(gate: &Nip98, event: &Event, now: i64) -> Result<(), &'static str> {
    let header = header(event.as_json().as_bytes());
    gate.check(&header, "POST", URL, BODY, at(now)).map(|_| ()).map_err(|why| why.reason())
}

#[test]
fn an_honest_header_tells_who_signed_and_what() {
    let event = honest(NOW - 3);
    let signed = Nip98::new()
        .check(&header(event.as_json().as_bytes()), "POST", URL, BODY, at(NOW))
        .unwrap();
    assert_eq!(signed.public_key, PublicKey::from_bytes(keys().public_key().to_bytes()));
    let Evidence::NostrEvent { id, signature, kind, created_at } = signed.evidence;
    assert_eq!(id, event.id.to_bytes());
    assert_eq!(signature, event.sig.serialize());
    assert_eq!((kind, created_at), (27235, at(NOW - 3)));
}

#[test]
fn a_header_that_is_no_event_is_refused_by_name() {
    let json = honest(NOW).as_json();
    let upper = json.replace(&honest(NOW).id.to_hex(), &honest(NOW).id.to_hex().to_uppercase());
    let long = format!("Nostr {}", "A".repeat(HEADER_BYTES_MAX));
    let cases: &[(&str, &str)] = &[
        ("", "not_nostr"),
        ("Nostr", "not_nostr"),
        (&format!("Bearer {}", STANDARD.encode(&json)), "not_nostr"),
        (&long, "too_long"),
        ("Nostr ???", "not_an_event"),
        (&header(b"{}"), "not_an_event"),
        (&header(b"[1,2]"), "not_an_event"),
        (&header(upper.as_bytes()), "not_an_event"),
    ];
    for (header, reason) in cases {
        let refused = Nip98::new().check(header, "POST", URL, BODY, at(NOW)).unwrap_err();
        assert_eq!(refused.reason(), *reason, "{header:.40}");
    }
    // The scheme's name is read in any case (RFC 9110).
    let lower = format!("nostr {}", STANDARD.encode(&json));
    assert!(Nip98::new().check(&lower, "POST", URL, BODY, at(NOW)).is_ok());
}

#[test]
fn an_event_for_something_else_is_refused_by_name() {
    let right = payload(BODY);
    let other = payload(b"another body");
    let u = ["u", URL];
    let method = ["method", "POST"];
    let hash = ["payload", right.as_str()];
    let cases: &[(u16, Vec<[&str; 2]>, &str)] = &[
        (21000, vec![u, method, hash], "wrong_kind"),
        (27235, vec![method, hash], "wrong_url"),
        (27235, vec![["u", "https://ledger.example/v1/commands"], method, hash], "wrong_url"),
        (27235, vec![["u", "http://ledger.example/v1/commands?wait=1"], method, hash], "wrong_url"),
        (27235, vec![u, u, method, hash], "wrong_url"),
        (27235, vec![u, hash], "wrong_method"),
        (27235, vec![u, ["method", "GET"], hash], "wrong_method"),
        (27235, vec![u, ["method", "GET"], method, hash], "wrong_method"),
        (27235, vec![u, method], "no_payload"),
        (27235, vec![u, method, ["payload", &other]], "wrong_payload"),
        (27235, vec![u, method, ["payload", "no hash"]], "wrong_payload"),
        (27235, vec![u, method, hash, ["payload", &other]], "wrong_payload"),
    ];
    for (kind, tags, reason) in cases {
        let event = event(*kind, tags, NOW);
        assert_eq!(check(&Nip98::new(), &event, NOW), Err(*reason), "{tags:?}");
    }
    let lower = event(27235, &[u, ["method", "post"], hash], NOW);
    assert_eq!(check(&Nip98::new(), &lower, NOW), Ok(()));
}

#[test]
fn a_request_without_a_body_needs_no_payload_but_may_not_sign_another_one() {
    let url = "https://ledger.example/v1/balances";
    let (of_none, of_some) = (payload(b""), payload(BODY));
    let cases = [(None, Ok(())), (Some(&of_none), Ok(())), (Some(&of_some), Err("wrong_payload"))];
    for (payload, expected) in cases {
        let mut tags = vec![["u", url], ["method", "GET"]];
        tags.extend(payload.map(|hash| ["payload", hash.as_str()]));
        let header = header(event(27235, &tags, NOW).as_json().as_bytes());
        let found = Nip98::new().check(&header, "GET", url, b"", at(NOW));
        assert_eq!(found.map(|_| ()).map_err(|why| why.reason()), expected);
    }
}

#[test]
fn an_event_is_good_for_sixty_seconds_either_way() {
    for (age, expected) in
        [(-61, Err("too_new")), (-60, Ok(())), (0, Ok(())), (60, Ok(())), (61, Err("too_old"))]
    {
        assert_eq!(check(&Nip98::new(), &honest(NOW - age), NOW), expected, "{age} s old");
    }
}

#[test]
fn a_signature_of_another_key_or_another_event_is_refused() {
    let mut foreign = honest(NOW);
    foreign.pubkey = Keys::parse(&"02".repeat(32)).unwrap().public_key();
    assert_eq!(check(&Nip98::new(), &foreign, NOW), Err("wrong_signature"));
    let mut borrowed = honest(NOW);
    borrowed.sig = honest(NOW - 1).sig;
    assert_eq!(check(&Nip98::new(), &borrowed, NOW), Err("wrong_signature"));
    let mut renamed = honest(NOW);
    renamed.id = honest(NOW - 1).id;
    assert_eq!(check(&Nip98::new(), &renamed, NOW), Err("wrong_signature"));
}

#[test]
fn an_event_is_good_for_one_request_for_as_long_as_it_is_good() {
    let gate = Nip98::new();
    let early = honest(NOW + 60);
    assert_eq!(check(&gate, &early, NOW), Ok(()));
    for now in [NOW, NOW + 60, NOW + 120] {
        assert_eq!(check(&gate, &early, now), Err("used"), "{} s later", now - NOW);
    }
    assert_eq!(check(&gate, &early, NOW + 121), Err("too_old"));
}

#[test]
fn a_refused_event_is_not_used_up() {
    let gate = Nip98::new();
    let header = header(honest(NOW).as_json().as_bytes());
    let wrong = gate.check(&header, "POST", URL, b"another body", at(NOW));
    assert_eq!(wrong.map_err(|why| why.reason()), Err("wrong_payload"));
    assert!(gate.check(&header, "POST", URL, BODY, at(NOW)).is_ok());
}

#[test]
fn a_full_memory_refuses_until_what_it_holds_is_too_old_to_come_again() {
    let gate = Nip98::remembering(2);
    assert_eq!(check(&gate, &honest(NOW), NOW), Ok(()));
    assert_eq!(check(&gate, &honest(NOW + 1), NOW), Ok(()));
    assert_eq!(check(&gate, &honest(NOW + 2), NOW), Err("busy"));
    // What is known to be used is said to be used, room or not.
    assert_eq!(check(&gate, &honest(NOW), NOW + 60), Err("used"));
    assert_eq!(check(&gate, &honest(NOW + 2), NOW + 61), Ok(()));
    assert_eq!(check(&gate, &honest(NOW + 3), NOW + 61), Err("busy"));
}

#[test]
fn setting_the_clock_back_lets_nothing_in_again() {
    let gate = Nip98::new();
    assert_eq!(check(&gate, &honest(NOW), NOW), Ok(()));
    assert_eq!(check(&gate, &honest(NOW + 61), NOW + 61), Ok(()));
    assert_eq!(check(&gate, &honest(NOW), NOW + 30), Err("too_old"));
}

#[test]
fn many_at_once_use_an_event_once() {
    let gate = Nip98::new();
    let header = header(honest(NOW).as_json().as_bytes());
    let taken: usize = std::thread::scope(|scope| {
        let one = || gate.check(&header, "POST", URL, BODY, at(NOW));
        let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|thread| usize::from(thread.join().unwrap().is_ok())).sum()
    });
    assert_eq!(taken, 1);
}

#[test]
fn each_flipped_bit_of_an_event_is_refused() {
    let json = honest(NOW).as_json().into_bytes();
    let gate = Nip98::new();
    for bit in 0..json.len() * 8 {
        let mut flipped = json.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = gate.check(&header(&flipped), "POST", URL, BODY, at(NOW));
        assert!(found.is_err(), "bit {bit}: {}", String::from_utf8_lossy(&flipped));
    }
    assert!(gate.check(&header(&json), "POST", URL, BODY, at(NOW)).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_flipped_bit_of_any_header_is_refused(
        secret in "0[1-9a-f]{63}",
        path in "[a-z0-9/?=&%._~-]{0,60}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        age in -60_i64..=60,
        flips in proptest::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let url = format!("https://ledger.example/{path}");
        let hash = payload(&body);
        let tags = [["u", url.as_str()], ["method", "PUT"], ["payload", &hash]]
            .map(|tag| Tag::parse(tag).unwrap());
        let event = EventBuilder::new(Kind::HttpAuth, "")
            .tags(tags)
            .custom_created_at(Seconds::from(u64::try_from(NOW - age).unwrap()))
            .sign_with_keys(&Keys::parse(&secret).unwrap())
            .unwrap();
        let gate = Nip98::new();
        let header = header(event.as_json().as_bytes());
        let check = |header: &str| gate.check(header, "PUT", &url, &body, at(NOW));
        for flip in flips {
            // Behind the scheme, whose case does not matter.
            let bit = 6 * 8 + flip.index((header.len() - 6) * 8);
            let mut bytes = header.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A header that is no text does not get this far.
            if let Ok(flipped) = String::from_utf8(bytes) {
                prop_assert!(check(&flipped).is_err(), "bit {bit} of {header}");
            }
        }
        prop_assert!(check(&header).is_ok());
        prop_assert_eq!(check(&header), Err(Nip98Error::Used));
    }
}
