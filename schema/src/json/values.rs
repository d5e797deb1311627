//! How each kind of value is spelled in JSON, and what is said when it is not.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bincode::{BorrowDecode, Encode};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Fields, Malformed};
use crate::identity::{PaymentHash, PublicKey};
use crate::limits::{JSON_BYTES_MAX, JSON_DEPTH_MAX, SATS_MAX};
use crate::money::{ExchangeRate, Fiat, Fraction, Sats};
use crate::text::{
    ClientId, Currency, DepositId, LegId, MachineId, NoteId, ProcessingClaim, RequestId, Text,
    UserId, WalletId,
};
use crate::time::Timestamp;

/// A value with one spelling in JSON.
pub trait FromJson: Sized {
    /// What a right value looks like, for a person.
    fn expected() -> String;
    /// Its JSON Schema.
    fn schema() -> Value;
    /// Reads it, or says what was wrong.
    fn from_json(raw: &RawValue) -> Result<Self, Malformed>;
}

/// The text of a JSON string, borrowed where it has no escapes.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// The digits of a JSON integer: no fraction, no exponent, no sign but minus.
fn integer<T: std::str::FromStr>(raw: &RawValue) -> Option<T> {
    let digits = raw.get();
    let plain = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
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
                let mut schema: Value = $schema;
                schema["type"] = json!("string");
                schema
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
        json!({ "pattern": "^([0-9a-fA-F]{64}|npub1[02-9ac-hj-np-z]{58})$" });
    Fiat: Fiat::parse, "a decimal string with at most two places, such as \"2000.00\"",
        json!({ "pattern": "^[0-9]+(\\.[0-9]{1,2})?$" });
    Fraction: Fraction::parse,
        "a decimal string from \"0\" to \"1\" with at most four places, such as \"0.0550\"",
        json!({ "pattern": "^(0(\\.[0-9]{1,4})?|1(\\.0{1,4})?)$" });
    ExchangeRate: ExchangeRate::parse,
        "sats per fiat unit as a decimal string above zero, such as \"129.5145\"",
        json!({ "pattern": "^[0-9]+(\\.[0-9]{1,18})?$" });
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
                integer::<u64>(raw)
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
            { "type": "integer", "minimum": 0, "maximum": 253_402_300_799_i64 },
            { "type": "string", "format": "date-time" },
        ] })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        integer(raw)
            .and_then(Self::from_seconds)
            .or_else(|| string(raw).and_then(|text| Self::parse_rfc3339(&text)))
            .ok_or_else(|| Malformed::new(raw.get(), Self::expected()))
    }
}

/// Free JSON, kept as the text it came as, without the white space between its parts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
#[serde(transparent)]
pub struct RawJson(Text);

impl RawJson {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Removes white space outside of strings; `None` if nested too deeply.
    fn compact(text: &str) -> Option<Self> {
        let mut out = String::with_capacity(text.len());
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        for c in text.chars() {
            if in_string {
                in_string = escaped || c != '"';
                escaped = !escaped && c == '\\';
            } else {
                match c {
                    ' ' | '\t' | '\n' | '\r' => continue,
                    '"' => in_string = true,
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if depth > JSON_DEPTH_MAX {
                    return None;
                }
            }
            out.push(c);
        }
        (out.len() <= JSON_BYTES_MAX).then(|| Self(Text::new(&out)))
    }
}

impl FromJson for RawJson {
    fn expected() -> String {
        format!("JSON of at most {JSON_BYTES_MAX} bytes, nested at most {JSON_DEPTH_MAX} deep")
    }
    fn schema() -> Value {
        json!({ "type": ["object", "array", "string", "number", "boolean"] })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        Self::compact(raw.get()).ok_or_else(|| Malformed::new(raw.get(), Self::expected()))
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

/// An object whose field names are numbers, of at most `max` fields.
pub(crate) fn numbered<T: FromJson>(
    raw: &RawValue,
    max: usize,
) -> Result<BTreeMap<u32, T>, Malformed> {
    let mut fields = Fields::read(raw.get())?;
    let mut out = BTreeMap::new();
    for name in fields.names() {
        let number: u32 = name
            .parse()
            .ok()
            .filter(|number: &u32| number.to_string() == name && out.len() < max)
            .ok_or_else(|| {
                Malformed::new(&name, format!("a number as the name, and at most {max} of them"))
            })?;
        out.insert(number, fields.field::<T>(&name)?);
    }
    Ok(out)
}
