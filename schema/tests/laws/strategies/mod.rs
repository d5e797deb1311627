//! Arbitrary values, each as its type allows: the edges of every range are drawn, too.

pub mod commands;
pub mod events;
mod imported;

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use spireledger_schema::identity::{Actor, Evidence, PaymentHash, PublicKey, Role};
use spireledger_schema::json::{FromJson, Patch, RawJson};
use spireledger_schema::limits::{RATE_PLACES_MAX, SATS_MAX};
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{
    Bay, Bill, Dispensed, Invoice, Label, Line, Message, OldBay, Split, Target,
};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{Currency, RequestId, Text};
use spireledger_schema::time::{Timestamp, UtcOffset};
use spireledger_schema::{Circumstances, Entry, EntryKey, Event, Front};

/// Draws every field of a struct: tuples of strategies end at twelve.
macro_rules! drawn {
    ($($Type:ident)::+ { $($field:ident: $strategy:expr),* $(,)? }) => {
        proptest::strategy::Strategy::boxed(proptest::strategy::Strategy::prop_map(
            $crate::strategies::pairs!($($strategy,)*),
            |$crate::strategies::unpaired!($($field)*)| $($Type)::+ { $($field,)* },
        ))
    };
}
macro_rules! pairs {
    () => { proptest::strategy::Just(()) };
    ($first:expr, $($rest:expr,)*) => { ($first, $crate::strategies::pairs!($($rest,)*)) };
}
macro_rules! unpaired {
    () => { () };
    ($first:ident $($rest:ident)*) => { ($first, $crate::strategies::unpaired!($($rest)*)) };
}
pub(crate) use {drawn, pairs, unpaired};

/// Any id: 1 to 128 bytes without control characters.
pub fn id<T: std::fmt::Debug + 'static>(parse: fn(&str) -> Option<T>) -> BoxedStrategy<T> {
    prop_oneof![
        9 => "[a-zA-Z0-9:_-]{1,36}",
        2 => r"\PC{1,32}",
        1 => "[ -~]{128}",
    ]
    .prop_map(move |text| parse(&text).expect("a valid id"))
    .boxed()
}

/// Text with anything in it but NUL.
pub fn text() -> BoxedStrategy<String> {
    prop_oneof![r"\PC{0,40}", r#"[ -~\t\r\n"\\]{0,30}"#, any::<String>()]
        .prop_map(|text| text.replace('\0', ""))
        .boxed()
}

pub fn line() -> BoxedStrategy<Line> {
    text().prop_map(|text| Line::parse(&text).expect("short enough")).boxed()
}

/// What a command can say.
pub fn plain() -> BoxedStrategy<Personal> {
    text().prop_map(|text| Personal::Plain(Text::new(&text))).boxed()
}

/// What can be stored.
pub fn personal() -> BoxedStrategy<Personal> {
    let sealed = (any::<[u8; 16]>(), any::<[u8; 24]>(), vec(any::<u8>(), 16..80))
        .prop_map(|(key_id, nonce, sealed)| Personal::Sealed { key_id, nonce, sealed });
    prop_oneof![3 => plain(), 1 => sealed, 1 => Just(Personal::Erased)].boxed()
}

pub fn message() -> BoxedStrategy<Message> {
    personal().prop_map(Message::from).boxed()
}

pub fn target() -> BoxedStrategy<Target> {
    personal().prop_map(Target::from).boxed()
}

pub fn invoice(personal: BoxedStrategy<Personal>) -> BoxedStrategy<Invoice> {
    personal
        .prop_filter("an invoice is never empty", |invoice| invoice.plain() != Some(""))
        .prop_map(Invoice::from)
        .boxed()
}

pub fn utc_offset() -> BoxedStrategy<UtcOffset> {
    (-840..=840i16).prop_map(|minutes| UtcOffset::from_minutes(minutes).expect("in range")).boxed()
}

pub fn sats() -> BoxedStrategy<Sats> {
    prop_oneof![0..=10u64, 0..=SATS_MAX, Just(SATS_MAX)]
        .prop_map(|sats| Sats::new(sats).expect("in range"))
        .boxed()
}

/// What a command can say: nothing below zero.
pub fn amount() -> BoxedStrategy<Fiat> {
    prop_oneof![0..100_000i64, 0..=1_000_000_000_000_000i64]
        .prop_map(|minor| Fiat::from_minor(minor).expect("in range"))
        .boxed()
}

pub fn fiat() -> BoxedStrategy<Fiat> {
    (amount(), any::<bool>())
        .prop_map(|(fiat, below)| if below { -fiat.minor() } else { fiat.minor() })
        .prop_map(|minor| Fiat::from_minor(minor).expect("in range"))
        .boxed()
}

pub fn fraction() -> BoxedStrategy<Fraction> {
    (0..=Fraction::WHOLE)
        .prop_map(|parts| Fraction::from_ten_thousandths(parts).expect("in range"))
        .boxed()
}

pub fn rate() -> BoxedStrategy<ExchangeRate> {
    prop_oneof![1..10_000_000i64, 1..i64::MAX]
        .prop_flat_map(|mantissa| (Just(mantissa), 0..=RATE_PLACES_MAX))
        .prop_filter_map("a rate above the limit", |(mantissa, places)| {
            ExchangeRate::new(Decimal::new(mantissa, places))
        })
        .boxed()
}

pub fn moment() -> BoxedStrategy<Timestamp> {
    prop_oneof![
        (0..2_000_000_000i64).prop_map(|seconds| seconds * 1_000_000),
        0..=253_370_764_799_999_999i64,
        Just(253_370_764_799_999_999i64),
    ]
    .prop_map(|micros| Timestamp::from_micros(micros).expect("in range"))
    .boxed()
}

pub fn currency() -> BoxedStrategy<Currency> {
    "[A-Z]{3}".prop_map(|code| Currency::parse(&code).expect("three capitals")).boxed()
}

pub fn hash() -> BoxedStrategy<PaymentHash> {
    any::<[u8; 32]>().prop_map(PaymentHash::from_bytes).boxed()
}

pub fn public_key() -> BoxedStrategy<PublicKey> {
    any::<[u8; 32]>().prop_map(PublicKey::from_bytes).boxed()
}

/// One of a closed list of words.
pub fn word<T: Copy + std::fmt::Debug>(all: &'static [T]) -> BoxedStrategy<T> {
    proptest::sample::select(all).boxed()
}

pub fn patch<T: std::fmt::Debug + Clone + 'static>(
    value: BoxedStrategy<T>,
) -> BoxedStrategy<Patch<T>> {
    prop_oneof![Just(Patch::Keep), Just(Patch::Clear), value.prop_map(Patch::Set)].boxed()
}

pub fn bill() -> BoxedStrategy<Bill> {
    drawn!(Bill { denomination: any::<u32>(), count: any::<u32>() })
}

pub fn bay() -> BoxedStrategy<Bay> {
    drawn!(Bay { denomination: any::<u32>(), count: any::<u32>() })
}

pub fn positions() -> BoxedStrategy<BTreeMap<u32, Bay>> {
    btree_map(any::<u32>(), bay(), 0..6).boxed()
}

pub fn denominations() -> BoxedStrategy<BTreeMap<u32, OldBay>> {
    let bay = drawn!(OldBay { position: any::<u32>(), count: any::<u32>() });
    btree_map(any::<u32>(), bay, 0..6).boxed()
}

pub fn dispensed() -> BoxedStrategy<Dispensed> {
    drawn!(Dispensed {
        position: any::<u32>(),
        denomination: any::<u32>(),
        provisioned: any::<u32>(),
        dispensed: any::<u32>(),
        rejected: any::<u32>(),
    })
}

/// One rule of a split whose personal parts are `personal`.
pub fn split(personal: BoxedStrategy<Personal>) -> BoxedStrategy<Split> {
    let not_empty = personal
        .clone()
        .prop_filter("a target is never empty", |target| target.plain() != Some(""));
    drawn!(Split {
        target: not_empty.prop_map(Target::from),
        label: option::of(personal.prop_map(Label::from)),
        fraction: fraction(),
        sort_order: option::of(any::<u32>()),
    })
}

/// Free JSON of some depth, with names that are told apart only by their escapes.
pub fn raw_json() -> BoxedStrategy<RawJson> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Into::into),
            btree_map(any::<String>(), inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
    .prop_filter("null is no report", |value| !value.is_null())
    .prop_map(|value| {
        let raw = RawValue::from_string(value.to_string()).expect("JSON");
        RawJson::from_json(&raw).expect("within the limits")
    })
    .boxed()
}

pub fn actor() -> BoxedStrategy<Actor> {
    const ROLES: &[Role] = &[Role::Super, Role::Operator, Role::Machine, Role::Lp, Role::Auditor];
    prop_oneof![
        Just(Actor::Local),
        Just(Actor::Ledger),
        drawn!(Actor::Key { role: word(ROLES), public_key: public_key() }),
        drawn!(Actor::Import {
            file: text().prop_map(|text| Text::new(&text)),
            version: any::<u16>(),
        }),
    ]
    .boxed()
}

fn evidence() -> BoxedStrategy<Evidence> {
    let signature = (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(r, s)| {
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&r);
        signature[32..].copy_from_slice(&s);
        signature
    });
    drawn!(Evidence::NostrEvent {
        id: any::<[u8; 32]>(),
        signature: signature,
        kind: any::<u16>(),
        created_at: moment(),
    })
}

/// An entry that holds `event`.
pub fn entry(event: BoxedStrategy<Event>) -> BoxedStrategy<Entry> {
    let key = || any::<[u8; 32]>().prop_map(EntryKey::from_bytes);
    drawn!(Entry {
        front: drawn!(Front { seq: any::<u64>(), key: key(), alias: option::of(key()) }),
        circumstances: drawn!(Circumstances {
            recorded_at: moment(),
            occurred_at: option::of(moment()),
            actor: actor(),
            request_id: option::of(id(RequestId::parse)),
            evidence: option::of(evidence()),
        }),
        event: event,
    })
}
