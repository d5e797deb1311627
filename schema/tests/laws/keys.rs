//! Keys: where entries are found for ever, and never two things under one.

use proptest::prelude::*;
use spireledger_schema::identity::{Actor, PaymentHash, PublicKey, Role};
use spireledger_schema::text::{ClientId, DepositId, MachineId, RequestId, Text, UserId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{EntryKey, streams};

/// A derived key that changed would lose every stream written under it.
#[test]
fn derived_keys_are_what_they_were() {
    let machine = MachineId::parse("m1").unwrap();
    let user = UserId::parse("u1").unwrap();
    let at = Timestamp::from_seconds(1_767_225_600).unwrap();
    let request = RequestId::parse("r1").unwrap();
    let hash = PaymentHash::from_bytes([0x9f; 32]);
    let key = Actor::Key { role: Role::Operator, public_key: PublicKey::from_bytes([7; 32]) };
    let import = Actor::Import { file: Text::new("a.sqlite3"), version: 12 };
    let asked = |actor: &Actor| streams::request(actor, "config.set", &request);
    let keys = [
        ("settlement", hash.key()),
        ("refused claim", hash.evidence_key()),
        ("config", streams::config()),
        ("machine", streams::machine(&machine)),
        ("splits of an operator", streams::splits(&user, None)),
        ("splits of a machine", streams::splits(&user, Some(&machine))),
        ("lp", streams::lp(&user)),
        ("client", streams::client(&ClientId::parse("c1").unwrap())),
        ("deposit", streams::deposit(&DepositId::parse("d1").unwrap())),
        ("beacon", streams::beacon(&machine, at)),
        ("telemetry", streams::telemetry(&machine, at)),
        ("cassettes", streams::cassettes(&machine)),
        ("cassettes state", streams::cassettes_state(&machine, Some(at))),
        ("cassettes state without a time", streams::cassettes_state(&machine, None)),
        ("request of the command line", asked(&Actor::Local)),
        ("request of a key", asked(&key)),
        ("request of an import", asked(&import)),
        ("request of the ledger", asked(&Actor::Ledger)),
    ];
    let lines: Vec<String> = keys.iter().map(|(what, key)| format!("{key} {what}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    let mut all = keys.map(|(_, key)| key).to_vec();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), keys.len(), "two things share a key");
}

proptest! {
    #[test]
    fn no_two_lists_of_parts_meet(
        one in proptest::collection::vec(".{0,4}", 1..4),
        other in proptest::collection::vec(".{0,4}", 1..4),
    ) {
        let key = |list: &[String]| {
            let parts: Vec<&[u8]> = list[1..].iter().map(String::as_bytes).collect();
            EntryKey::derive(&list[0], &parts)
        };
        prop_assert_eq!(one == other, key(&one) == key(&other));
        // The same letters, cut elsewhere.
        let joined = [one.concat()];
        prop_assert_eq!(one.len() == 1, key(&one) == key(&joined));
    }

    #[test]
    fn hex_is_read_as_it_is_written(bytes in any::<[u8; 32]>()) {
        let key = EntryKey::from_bytes(bytes);
        prop_assert_eq!(EntryKey::parse_hex(&key.to_string()), Some(key));
        prop_assert_eq!(EntryKey::parse_hex(&key.to_string().to_uppercase()), Some(key));
        prop_assert_eq!(EntryKey::parse_hex(&key.to_string()[1..]), None);
        prop_assert_eq!(spireledger_schema::hex::encode(&bytes), key.to_string());
    }

    #[test]
    fn public_keys_are_read_as_npub_and_as_hex(bytes in any::<[u8; 32]>()) {
        let key = PublicKey::from_bytes(bytes);
        let npub = key.to_string();
        prop_assert_eq!(PublicKey::parse(&npub), Some(key));
        prop_assert_eq!(PublicKey::parse(&spireledger_schema::hex::encode(&bytes)), Some(key));
        // One letter changed is no key: bech32 has a checksum.
        let flipped = npub.replacen(&npub[10..11], if &npub[10..11] == "q" { "p" } else { "q" }, 1);
        prop_assert_eq!(PublicKey::parse(&flipped), None);
        prop_assert_eq!(PublicKey::parse(&npub.replace("npub", "nsec")), None);
    }
}
