//! How each kind of value is spelled in JSON, and what is said when it is not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Fields, Malformed, with};
use crate::identity::{PaymentHash, PublicKey};
use crate::limits::SATS_MAX;
use crate::money::{ExchangeRate, Fiat, Fraction, Sats};
use crate::text::{
    ClientId, Currency, DepositId, LegId, MachineId, NoteId, ProcessingClaim, RequestId, UserId,
    WalletId,
};
use crate::time::{SECONDS_MAX, Timestamp, UtcOffset};

/// A value with one spelling in JSON.
pub trait FromJson: Sized {
    /// What a right value looks like, for a person.
    fn expected() -> String;
    /// Its JSON Schema.
    fn schema() -> Value;
    /// Reads it, or says what was wrong.
    fn from_json(raw: &RawValue) -> Result<Self, Malformed>;
}

/// The text of a JSON string, borrowed where it has no escapes. `None` if it is no string, or one
/// that no text can hold (half a surrogate pair).
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A JSON integer that is not negative: digits alone, no fraction, exponent or sign (not even `-0`).
fn integer(raw: &RawValue) -> Option<u64> {
    let digits = raw.get();
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Reads a JSON string with `parse`.
pub(crate) fn from_string<T: FromJson>(
    raw: &RawValue,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, Malformed> {
    string(raw)
        .and_then(|text| parse(&text))
        .ok_or_else(|| Malformed::new(raw.get(), T::expected()))
}

macro_rules! strings {
    ($($name:ty: $parse:expr, $expected:expr, $schema:expr;)*) => {$(
        impl FromJson for $name {
            fn expected() -> String {
                String::from($expected)
            }
            fn schema() -> Value {
                with($schema, "type", "string")
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                from_string(raw, $parse)
            }
        }
    )*};
}

macro_rules! id_strings {
    ($($name:ident)*) => {
        strings! {$(
            $name: $name::parse, "a string of 1 to 128 bytes without control characters",
                json!({ "minLength": 1, "maxLength": 128 });
        )*}
    };
}

id_strings! { MachineId UserId WalletId ClientId DepositId LegId NoteId ProcessingClaim RequestId }

strings! {
    PaymentHash: PaymentHash::parse_hex, "64 hex digits", json!({ "pattern": "^[0-9a-fA-F]{64}$" });
    PublicKey: PublicKey::parse, "a public key as npub1… or 64 hex digits",
        json!({ "pattern": "^([0-9a-fA-F]{64}|npub1[02-9ac-hj-np-z]{58}|NPUB1[02-9AC-HJ-NP-Z]{58})$" });
    Fiat: Fiat::parse, "a decimal string with at most two places, such as \"2000.00\"",
        json!({ "pattern": "^(0|[1-9][0-9]*)(\\.[0-9]{1,2})?$" });
    Fraction: Fraction::parse,
        "a decimal string from \"0\" to \"1\" with at most four places, such as \"0.0550\"",
        json!({ "pattern": "^(0(\\.[0-9]{1,4})?|1(\\.0{1,4})?)$" });
    ExchangeRate: ExchangeRate::parse,
        "sats per fiat unit as a decimal string above zero, such as \"129.5145\"",
        json!({ "pattern": "^(0|[1-9][0-9]*)(\\.[0-9]+)?$" });
    Currency: Currency::parse, "three capital letters, such as \"GTQ\"",
        json!({ "pattern": "^[A-Z]{3}$" });
}

/// A whole number within bounds.
macro_rules! integers {
    ($($name:ty: $parse:expr, $max:expr, $what:expr;)*) => {$(
        impl FromJson for $name {
            fn expected() -> String {
                format!("a whole number{} from 0 to {}", $what, $max)
            }
            fn schema() -> Value {
                json!({ "type": "integer", "minimum": 0, "maximum": $max })
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                integer(raw)
                    .and_then($parse)
                    .ok_or_else(|| Malformed::new(raw.get(), Self::expected()))
            }
        }
    )*};
}

integers! {
    Sats: Sats::new, SATS_MAX, " of sats";
    u64: Some, u64::MAX, "";
    u32: |n| u32::try_from(n).ok(), u32::MAX, "";
    u16: |n| u16::try_from(n).ok(), u16::MAX, "";
}

impl FromJson for bool {
    fn expected() -> String {
        "true or false".into()
    }
    fn schema() -> Value {
        json!({ "type": "boolean" })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        match raw.get() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(Malformed::new(other, Self::expected())),
        }
    }
}

impl FromJson for Timestamp {
    fn expected() -> String {
        "whole UTC seconds since 1970, or an RFC 3339 string such as \"2026-01-01T00:00:00Z\""
            .into()
    }
    fn schema() -> Value {
        json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": SECONDS_MAX },
            { "type": "string", "format": "date-time" },
        ] })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        integer(raw)
            .and_then(|seconds| Self::from_seconds(i64::try_from(seconds).ok()?))
            .or_else(|| string(raw).and_then(|text| Self::parse_rfc3339(&text)))
            .ok_or_else(|| Malformed::new(raw.get(), Self::expected()))
    }
}

impl FromJson for UtcOffset {
    fn expected() -> String {
        "an offset from UTC of at most 14 hours, such as \"-06:00\"".into()
    }
    fn schema() -> Value {
        json!({ "type": "string", "pattern": "^[+-](0[0-9]|1[0-4]):[0-5][0-9]$" })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        from_string(raw, Self::parse)
    }
}

/// A list of at most `MAX` items.
pub(crate) fn list<T: FromJson>(raw: &RawValue, max: usize) -> Result<Vec<T>, Malformed> {
    let expected = || format!("a list of at most {max}, each {}", T::expected());
    let items: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| Malformed::new(raw.get(), expected()))?;
    if items.len() > max {
        return Err(Malformed::new(&format!("{} items", items.len()), expected()));
    }
    let read = |(at, item): (usize, &&RawValue)| {
        T::from_json(item).map_err(|problem| problem.within(&format!("[{at}]")))
    };
    items.iter().enumerate().map(read).collect()
}

/// An object whose field names are numbers, each in its one spelling, of at most `max` fields.
pub(crate) fn numbered<T: FromJson>(
    raw: &RawValue,
    max: usize,
) -> Result<BTreeMap<u32, T>, Malformed> {
    let fields = Fields::read_at_most(raw.get(), max)?;
    let item = |(name, raw): (&str, &RawValue)| {
        let number = name.parse().ok().filter(|number: &u32| number.to_string() == name);
        let number = number.ok_or_else(|| {
            Malformed::new("a name that is no number", "a whole number as the name").within(name)
        })?;
        let value = T::from_json(raw).map_err(|problem| problem.within(name))?;
        Ok((number, value))
    };
    fields.rest().map(item).collect()
}
