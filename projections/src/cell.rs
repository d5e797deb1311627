//! One value of a row, and how the values of the domain become cells.

use std::borrow::Cow;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use spireledger_schema::identity::{PaymentHash, PublicKey};
use spireledger_schema::json::RawJson;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Label, Line, Message, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{
    ClientId, Currency, DepositId, LegId, MachineId, ProcessingClaim, UserId, WalletId,
};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{
    ClientStatus, DcaMode, DepositStatus, LegStatus, LegType, SettlementStatus, TxType,
};

/// One value of a row, borrowed from the state where it can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A whole number: sats, counts.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A decimal, exact: fiat with 2 places, fractions with 4, rates with as many as they have.
    Decimal(Decimal),
    /// Text.
    Text(Cow<'a, str>),
    /// A moment.
    Time(Timestamp),
    /// A number as it was found in a database, in its shortest decimal digits.
    Real(Cow<'a, str>),
    /// Bytes, as they were found in a database.
    Bytes(Cow<'a, [u8]>),
}

/// A cell as SQL knows it: true and false are 1 and 0, moments are whole seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqlCell<'a> {
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A decimal. SQLite has none: it is bound as text, and the column's affinity makes a number of
    /// it.
    Decimal(Decimal),
    /// Text.
    Text(&'a str),
    /// The shortest decimal digits of a floating-point number, as it was found.
    Real(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// Text that lives as long as the program or the state.
    pub const fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    /// The same cell, free of the state it was read from.
    pub fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Null => Cell::Null,
            Self::Integer(number) => Cell::Integer(number),
            Self::Boolean(truth) => Cell::Boolean(truth),
            Self::Decimal(decimal) => Cell::Decimal(decimal),
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Time(at) => Cell::Time(at),
            Self::Real(digits) => Cell::Real(Cow::Owned(digits.into_owned())),
            Self::Bytes(bytes) => Cell::Bytes(Cow::Owned(bytes.into_owned())),
        }
    }

    /// The value that is written to an SQL table.
    pub fn sql(&self) -> SqlCell<'_> {
        match self {
            Self::Null => SqlCell::Null,
            Self::Integer(number) => SqlCell::Integer(*number),
            Self::Boolean(truth) => SqlCell::Integer(i64::from(*truth)),
            Self::Decimal(decimal) => SqlCell::Decimal(*decimal),
            Self::Text(text) => SqlCell::Text(text),
            Self::Time(at) => SqlCell::Integer(at.seconds()),
            Self::Real(digits) => SqlCell::Real(digits),
            Self::Bytes(bytes) => SqlCell::Bytes(bytes),
        }
    }
}

/// As a person reads it; nothing is an empty text.
impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Decimal(decimal) => decimal.fmt(f),
            Self::Text(text) => text.fmt(f),
            Self::Time(at) => at.fmt(f),
            Self::Real(digits) => digits.fmt(f),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// In JSON decimals are strings, as everywhere in the command language, and moments RFC 3339.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Decimal(decimal) => serializer.collect_str(decimal),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Time(at) => at.serialize(serializer),
            Self::Real(_) | Self::Bytes(_) => serializer.collect_str(self),
        }
    }
}

/// How a value becomes a cell.
pub(crate) trait IntoCell {
    fn cell(&self) -> Cell<'_>;
}

macro_rules! cells {
    ($($type:ty: |$value:ident| $cell:expr;)*) => {$(
        impl IntoCell for $type {
            fn cell(&self) -> Cell<'_> {
                let $value = self;
                $cell
            }
        }
    )*};
}

macro_rules! text_cells {
    ($($type:ty)*) => { cells! {$( $type: |text| Cell::text(text.as_str()); )*} };
}

text_cells! {
    ClientId Currency DepositId LegId MachineId ProcessingClaim UserId WalletId Line RawJson
    ClientStatus DcaMode DepositStatus LegStatus LegType SettlementStatus TxType
}

cells! {
    Sats: |sats| Cell::Integer(sats.signed());
    u32: |number| Cell::Integer(i64::from(*number));
    bool: |truth| Cell::Boolean(*truth);
    Fiat: |fiat| Cell::Decimal(fiat.decimal());
    Fraction: |fraction| Cell::Decimal(Decimal::new(i64::from(fraction.ten_thousandths()), 4));
    ExchangeRate: |rate| Cell::Decimal(rate.decimal());
    Timestamp: |at| Cell::Time(*at);
    PaymentHash: |hash| Cell::Text(Cow::Owned(hash.to_string()));
    PublicKey: |key| Cell::Text(Cow::Owned(key.to_string()));
    Personal: |value| Cell::text(personal(value));
    Message: |message| Cell::text(personal(message.personal()));
    Label: |label| Cell::text(personal(label.personal()));
    Target: |target| Cell::text(personal(target.personal()));
}

impl<T: IntoCell> IntoCell for Option<T> {
    fn cell(&self) -> Cell<'_> {
        self.as_ref().map_or(Cell::Null, T::cell)
    }
}

/// What is shown of a personal field: its text, or why there is none.
pub(crate) fn personal(value: &Personal) -> &str {
    match value {
        Personal::Plain(text) => text.as_str(),
        Personal::Sealed { .. } => "(sealed)",
        Personal::Erased => "(erased)",
    }
}
