//! Canonical bytes: every entry is read back, and no other bytes are read as it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use spireledger_schema::event::{CassettesSet, DecodeError, LpChanged, SettlementAdjusted};
use spireledger_schema::front::ENTRY_BYTES_MAX;
use spireledger_schema::identity::Actor;
use spireledger_schema::json::Patch;
use spireledger_schema::limits::SATS_MAX;
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::parts::{Bay, Message};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{MachineId, RequestId, Text, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Entry, EntryHash, EntryKey, Event, Front};

use crate::strategies::{entry, events};

/// An entry with nothing but an event.
pub fn bare(event: Event) -> Entry {
    Entry {
        front: Front { seq: 1, key: EntryKey::from_bytes([0xab; 32]), alias: None },
        circumstances: Circumstances {
            recorded_at: Timestamp::EPOCH,
            occurred_at: None,
            actor: Actor::Local,
            request_id: None,
            evidence: None,
        },
        event,
    }
}

pub fn bytes_of(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    entry.encode(&mut out).expect("it fits");
    out
}

/// `bytes` with the one place where `from` is replaced by `to`.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    let [at] = places[..] else { panic!("{from:?} is at {places:?}") };
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

fn refused(bytes: &[u8], why: &str) {
    match Entry::decode(bytes) {
        Err(error) => assert!(error.to_string().contains(why), "refused with {error}, not {why}"),
        Ok(entry) => panic!("read as {entry:?}, not refused with {why}"),
    }
}

#[test]
fn every_entry_of_every_kind_is_read_back() {
    let tags = RefCell::new(BTreeSet::new());
    for kind in events::kinds() {
        let config = ProptestConfig { cases: 64, ..ProptestConfig::default() };
        let law = TestRunner::new(config).run(&entry(kind), |entry| {
            let bytes = bytes_of(&entry);
            let decoded = Entry::decode(&bytes);
            prop_assert_eq!(decoded.as_ref(), Ok(&entry));
            prop_assert_eq!(Front::read(&bytes).map(|(front, _)| front), Some(entry.front));
            tags.borrow_mut().insert(entry.event.tag());
            Ok(())
        });
        law.unwrap();
    }
    let written: BTreeSet<u16> = Event::readable_tags().iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags.into_inner(), written, "a kind of event has no strategy");
}

#[test]
fn a_part_of_an_entry_is_none_and_neither_is_more() {
    for file in crate::golden::files() {
        for end in 0..file.bytes.len() {
            assert!(Entry::decode(&file.bytes[..end]).is_err(), "{} cut at {end}", file.name);
        }
        let longer = [&file.bytes[..], b"\0"].concat();
        assert_eq!(Entry::decode(&longer), Err(DecodeError::Trailing(1)), "{}", file.name);
    }
}

#[test]
fn a_number_is_read_from_its_shortest_spelling_only() {
    let bytes = bytes_of(&bare(adjusted(7)));
    assert!(Entry::decode(&bytes).is_ok());
    // 7 as the principal, between the hundredths of fiat before it and the fee of 201 behind it.
    let principal = replaced(&bytes, &[7, 201], &[251, 7, 0, 201]);
    refused(&principal, "not the canonical bytes");
    let tag = replaced(&bytes, &[15, 200], &[251, 15, 0, 200]);
    refused(&tag, "not the canonical bytes");
}

#[test]
fn a_map_is_read_in_order_and_without_repetition_only() {
    let bay = |count| Bay { denomination: 20, count };
    let bytes = bytes_of(&bare(Event::CassettesSet(CassettesSet {
        machine_id: MachineId::parse("m1").unwrap(),
        positions: [(3, bay(33)), (4, bay(44))].into(),
        updated_by: None,
    })));
    assert!(Entry::decode(&bytes).is_ok());
    let in_order = [3, 20, 33, 4, 20, 44];
    refused(&replaced(&bytes, &in_order, &[4, 20, 44, 3, 20, 33]), "not the canonical bytes");
    refused(&replaced(&bytes, &in_order, &[3, 20, 33, 3, 20, 33]), "not the canonical bytes");
}

#[test]
fn what_no_constructor_makes_is_not_read_either() {
    let bytes = bytes_of(&bare(adjusted(SATS_MAX)));
    let sats = |sats: u64| [&[253], &sats.to_le_bytes()[..]].concat();
    refused(&replaced(&bytes, &sats(SATS_MAX), &sats(SATS_MAX + 1)), "more sats than exist");

    let mut entry = bare(Event::LpChanged(LpChanged {
        user_id: UserId::parse("lp-one").unwrap(),
        dca_wallet_id: WalletId::parse("w").unwrap(),
        default_dca_mode: None,
        fixed_mode_daily_limit: Patch::Set(Fiat::from_minor(1_000_000_000_000_000).unwrap()),
        autoforward_ln_address: Patch::Keep,
        autoforward_enabled: Some(true),
    }));
    entry.circumstances.request_id = RequestId::parse("req-one");
    let bytes = bytes_of(&entry);
    refused(&replaced(&bytes, b"lp-one", b"lp\0one"), "not an id");
    refused(&replaced(&bytes, b"req-one", "re\u{85}on".as_bytes()), "not an id");
    refused(&replaced(&bytes, b"lp-one", b"lp\xffone"), "Utf8");
    refused(&replaced(&bytes, b"\x06lp-one", b"\0"), "not an id");
    // Zigzag: twice the number.
    let minor = |minor: u64| [&[253], &(minor * 2).to_le_bytes()[..]].concat();
    let limit = 1_000_000_000_000_000;
    refused(&replaced(&bytes, &minor(limit), &minor(limit + 1)), "fiat amount out of bounds");
}

#[test]
fn a_forged_length_claims_no_memory() {
    let bytes = bytes_of(&bare(adjusted(1)));
    // The length of `given_back`, none, before `first_leg` 9 and the length of `legs`, none.
    let forged = replaced(&bytes, &[0, 9, 0], &[253, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0]);
    refused(&forged, "LimitExceeded");
}

#[test]
fn a_newer_tag_says_so() {
    let bytes = bytes_of(&bare(adjusted(1)));
    let unknown = replaced(&bytes, &[15, 200], &[250, 200]);
    assert_eq!(Entry::decode(&unknown), Err(DecodeError::UnknownTag(250)));
}

#[test]
fn an_entry_is_written_and_read_up_to_its_limit_and_not_beyond() {
    let with_reason = |length: usize| {
        let mut event = adjusted(1);
        if let Event::SettlementAdjusted(adjusted) = &mut event {
            adjusted.reason = Message::from(Personal::Plain(Text::new(&"x".repeat(length))));
        }
        bare(event)
    };
    // Both lengths take three bytes themselves.
    let around = bytes_of(&with_reason(1_000)).len() - 1_000;
    let longest = with_reason(ENTRY_BYTES_MAX - around);
    let mut bytes = bytes_of(&longest);
    assert_eq!(bytes.len(), ENTRY_BYTES_MAX);
    assert_eq!(Entry::decode(&bytes), Ok(longest));

    let mut out = b"before".to_vec();
    let too_long = with_reason(ENTRY_BYTES_MAX - around + 1);
    assert!(too_long.encode(&mut out).is_err());
    assert_eq!(out, b"before");
    // What it would have been.
    let reason = bytes.iter().position(|&byte| byte == b'x').unwrap();
    bytes.insert(reason, b'x');
    bytes[reason - 2] += 1;
    refused(&bytes, "longer than an entry can be");
}

#[test]
fn the_chain_hashes_what_was_before_and_then_the_bytes() {
    let genesis = blake3::hash(&[&[0; 32][..], b"one"].concat());
    let one = EntryHash::GENESIS.chain(b"one");
    assert_eq!(one.as_bytes(), genesis.as_bytes());
    let two = blake3::hash(&[&one.as_bytes()[..], b"two"].concat());
    assert_eq!(one.chain(b"two").as_bytes(), two.as_bytes());
}

/// A payload whose numbers stand where they can be found: 1.00 of fiat (200 zigzagged), the
/// principal, a fee of 201, and number 9 of the first leg between two empty lists.
fn adjusted(principal_sats: u64) -> Event {
    let sats = |sats| Sats::new(sats).unwrap();
    Event::SettlementAdjusted(SettlementAdjusted {
        fiat_amount: Fiat::from_minor(100).unwrap(),
        principal_sats: sats(principal_sats),
        fee_sats: sats(201),
        platform_fee_sats: sats(202),
        operator_fee_sats: sats(203),
        fee_mismatch_sats: 0,
        reason: Message::parse("jam").unwrap(),
        given_back: Vec::new(),
        first_leg: 9,
        legs: Vec::new(),
    })
}
