//! Parts that commands and events share: bills, bays, rules, bounded texts.

use std::collections::BTreeMap;

use bincode::{BorrowDecode, Encode};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::{Fields, FromJson, Malformed, list, numbered};
use crate::limits::{
    BAYS_MAX, INVOICE_BYTES_MAX, LINE_BYTES_MAX, NOTE_BYTES_MAX, SPLITS_MAX, TARGET_BYTES_MAX,
};
use crate::money::Fraction;
use crate::personal::Personal;
use crate::text::Text;

/// Whether a text is within its bounds. NUL ends a text in too many places to be part of one.
fn is_text(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && !text.contains('\0')
}

macro_rules! bounded_texts {
    ($($(#[$doc:meta])* $name:ident($Kept:ty): $min:literal, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
        #[serde(transparent)]
        pub struct $name($Kept);

        impl $name {
            /// `None` if too short, too long, or with a NUL. Bounds hold for what is said anew; what
            /// is stored is bounded by its entry.
            pub fn parse(text: &str) -> Option<Self> {
                is_text(text, $min, $max).then(|| Self(<$Kept>::from(Text::new(text))))
            }
        }

        impl FromJson for $name {
            fn expected() -> String {
                format!("a string of {} to {} bytes without NUL", $min, $max)
            }
            fn schema() -> Value {
                json!({ "type": "string", "minLength": $min, "maxLength": $max })
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                crate::json::from_string(raw, Self::parse)
            }
        }
    )*};
}

bounded_texts! {
    /// A short text that names nobody: a model, a level, a version.
    Line(Text): 0, LINE_BYTES_MAX;
    /// Where a split goes: wallet id, invoice key, Lightning address or LNURL.
    Target(Personal): 1, TARGET_BYTES_MAX;
    /// A Lightning invoice (BOLT 11): it can name whoever is paid.
    Invoice(Personal): 1, INVOICE_BYTES_MAX;
    /// What an operator calls a split: often a name.
    Label(Personal): 0, LINE_BYTES_MAX;
    /// A reason or an error message: free text may name anybody.
    Message(Personal): 0, NOTE_BYTES_MAX;
}

impl Line {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Texts that may name a person: they can be sealed, or forgotten.
macro_rules! personal_texts {
    ($($name:ident)*) => {$(
        impl $name {
            /// The text, where it can be read.
            pub fn plain(&self) -> Option<&str> {
                self.0.plain()
            }

            /// The personal field itself.
            pub const fn personal(&self) -> &Personal {
                &self.0
            }
        }

        /// For what was sealed or erased, or is read back.
        impl From<Personal> for $name {
            fn from(personal: Personal) -> Self {
                Self(personal)
            }
        }
    )*};
}
personal_texts! { Target Invoice Label Message }

impl FromJson for Personal {
    fn expected() -> String {
        format!("a string of at most {NOTE_BYTES_MAX} bytes without NUL")
    }
    fn schema() -> Value {
        json!({ "type": "string", "maxLength": NOTE_BYTES_MAX })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        let parse =
            |text: &str| is_text(text, 0, NOTE_BYTES_MAX).then(|| Self::Plain(Text::new(text)));
        crate::json::from_string(raw, parse)
    }
}

/// An object of the command language whose every field is declared once: it is read, written and
/// described from this one list.
macro_rules! objects {
    ($($(#[doc = $doc:literal])* $name:ident {
        $($(#[doc = $fdoc:literal])* $field:ident: $type:ty,)*
    })*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub struct $name {$(
            $(#[doc = $fdoc])*
            #[serde(skip_serializing_if = "crate::json::is_left_out")]
            pub $field: $type,
        )*}

        impl $crate::parts::Object for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
            fn read(fields: &mut $crate::json::Fields<'_>) -> Result<Self, $crate::json::Malformed> {
                Ok(Self { $($field: fields.field(stringify!($field))?,)* })
            }
            fn describe() -> serde_json::Value {
                let mut properties = serde_json::Map::new();
                let mut required: Vec<&str> = Vec::new();
                $(
                    let schema = <$type as $crate::json::Field>::schema();
                    let described =
                        $crate::json::with(schema, "description", concat!($($fdoc),*).trim());
                    properties.insert(stringify!($field).into(), described);
                    if <$type as $crate::json::Field>::REQUIRED {
                        required.push(stringify!($field));
                    }
                )*
                serde_json::json!({
                    "type": "object",
                    "description": concat!($($doc),*).trim(),
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
        }
    )*};
}
pub(crate) use objects;

/// An object of the command language, as its one list of fields declares it.
pub trait Object: Sized {
    /// The names of the fields.
    const FIELDS: &'static [&'static str];
    /// Takes the fields out of an object.
    fn read(fields: &mut Fields<'_>) -> Result<Self, Malformed>;
    /// The JSON Schema of the object.
    fn describe() -> Value;
}

/// Reads a nested object and refuses what it does not know.
fn nested<T: Object>(raw: &RawValue) -> Result<T, Malformed> {
    Fields::read(raw.get())?.all(T::FIELDS.iter().copied(), T::read)
}

macro_rules! nested_objects {
    ($($name:ident)*) => {$(
        impl FromJson for $name {
            fn expected() -> String {
                format!("an object with the fields {}", <Self as Object>::FIELDS.join(", "))
            }
            fn schema() -> Value {
                <Self as Object>::describe()
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                nested(raw)
            }
        }
    )*};
}

objects! {
    /// Bills of one denomination that a cash-in took.
    Bill {
        /// Face value in whole units of the machine's currency.
        denomination: u32,
        /// How many.
        count: u32,
    }
    /// What one bay did in a cash-out.
    Dispensed {
        /// The bay, counted from 1.
        position: u32,
        /// Face value of its bills.
        denomination: u32,
        /// Bills it was asked for.
        provisioned: u32,
        /// Bills that reached the customer.
        dispensed: u32,
        /// Bills that went to the reject bin.
        rejected: u32,
    }
    /// What a bay holds.
    Bay {
        /// Face value of its bills.
        denomination: u32,
        /// How many.
        count: u32,
    }
    /// What a denomination's bay holds, in the older shape.
    OldBay {
        /// The bay, counted from 1.
        position: u32,
        /// How many bills.
        count: u32,
    }
    /// One rule of a split.
    Split {
        /// Wallet id, invoice key, Lightning address or LNURL.
        target: Target,
        /// What the operator calls it.
        label: Option<Label>,
        /// Share of the operator's fee.
        fraction: Fraction,
        /// Order in which legs are planned and ties are broken; its place in the list by default.
        sort_order: Option<u32>,
    }
}
nested_objects! { Bill Dispensed Bay OldBay Split }

macro_rules! lists {
    ($($item:ty: $max:expr;)*) => {$(
        impl FromJson for Vec<$item> {
            fn expected() -> String {
                format!("a list of at most {}, each {}", $max, <$item>::expected())
            }
            fn schema() -> Value {
                json!({ "type": "array", "maxItems": $max, "items": <$item as FromJson>::schema() })
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                list(raw, $max)
            }
        }
    )*};
}
lists! { Bill: BAYS_MAX; Dispensed: BAYS_MAX; Split: SPLITS_MAX; }

macro_rules! numbered_objects {
    ($($item:ty: $name:literal;)*) => {$(
        impl FromJson for BTreeMap<u32, $item> {
            fn expected() -> String {
                format!("an object from {} to {}", $name, <$item>::expected())
            }
            fn schema() -> Value {
                json!({
                    "type": "object",
                    "maxProperties": BAYS_MAX,
                    "propertyNames": { "pattern": "^(0|[1-9][0-9]*)$" },
                    "additionalProperties": <$item as FromJson>::schema(),
                })
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                numbered(raw, BAYS_MAX)
            }
        }
    )*};
}
numbered_objects! { Bay: "a bay's number"; OldBay: "a denomination"; }

/// The order of the fields is the byte format: events hold these parts.
macro_rules! stored {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Encode for $name {
            fn encode<E: bincode::enc::Encoder>(
                &self,
                encoder: &mut E,
            ) -> Result<(), bincode::error::EncodeError> {
                $(self.$field.encode(encoder)?;)*
                Ok(())
            }
        }
        impl<'de, C> BorrowDecode<'de, C> for $name {
            fn borrow_decode<D: bincode::de::BorrowDecoder<'de, Context = C>>(
                decoder: &mut D,
            ) -> Result<Self, bincode::error::DecodeError> {
                Ok(Self { $($field: BorrowDecode::borrow_decode(decoder)?,)* })
            }
        }
    )*};
}
stored! {
    Bill { denomination, count }
    Dispensed { position, denomination, provisioned, dispensed, rejected }
    Bay { denomination, count }
    Split { target, label, fraction, sort_order }
}
