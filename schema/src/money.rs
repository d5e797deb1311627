//! Money: sats, fiat, fractions and rates. Constructed only valid, computed only checked, never a
//! float.

use std::fmt;

use bincode::de::BorrowDecoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{BorrowDecode, Encode};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::limits::{RATE_PLACES_MAX, SATS_MAX};

/// A number of satoshis, 0 to 21·10¹⁴.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Sats(u64);

impl Sats {
    /// No sats.
    pub const ZERO: Self = Self(0);

    /// `None` above 21·10¹⁴.
    pub const fn new(sats: u64) -> Option<Self> {
        if sats <= SATS_MAX { Some(Self(sats)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number, signed; it always fits.
    pub const fn signed(self) -> i64 {
        self.0.cast_signed()
    }

    /// Sum; `None` above the limit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// Difference; `None` below zero.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Sum of many; `None` above the limit.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

impl fmt::Display for Sats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Sats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, C> BorrowDecode<'de, C> for Sats {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::new(u64::borrow_decode(decoder)?).ok_or(DecodeError::Other("more sats than exist"))
    }
}

/// An amount of a fiat currency with two places. May be negative only as a computed balance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fiat(Decimal);

/// Bound of the whole minor units (hundredths) of an amount: far above DECIMAL(10,2), far below i64.
const MINOR_MAX: i64 = 1_000_000_000_000_000;

impl Fiat {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::from_parts(0, 0, 0, false, 2));

    /// From hundredths. `None` beyond ±10¹⁵ hundredths.
    pub fn from_minor(minor: i64) -> Option<Self> {
        (minor.unsigned_abs() <= MINOR_MAX.unsigned_abs()).then(|| Self(Decimal::new(minor, 2)))
    }

    /// Reads plain decimal digits with at most two places, such as `2000.00`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut decimal = parse_plain(text)?;
        if decimal.scale() > 2 {
            return None;
        }
        decimal.rescale(2);
        Self::from_minor(i64::try_from(decimal.mantissa()).ok()?)
    }

    /// The amount in hundredths.
    pub fn minor(self) -> i64 {
        // Every constructor bounds the mantissa far within i64.
        i64::try_from(self.0.mantissa()).unwrap_or(if self.0.is_sign_negative() {
            -MINOR_MAX
        } else {
            MINOR_MAX
        })
    }

    /// The amount as a decimal of scale 2.
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// Sum; `None` beyond the bounds.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_minor(self.minor().checked_add(other.minor())?)
    }

    /// Difference; `None` beyond the bounds.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_minor(self.minor().checked_sub(other.minor())?)
    }
}

impl Default for Fiat {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Display for Fiat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Fiat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Fiat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Encode for Fiat {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.minor().encode(encoder)
    }
}

impl<'de, C> BorrowDecode<'de, C> for Fiat {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        let minor = i64::borrow_decode(decoder)?;
        Self::from_minor(minor).ok_or(DecodeError::Other("fiat amount out of bounds"))
    }
}

/// A fraction from 0 to 1 with four places: a fee of principal, a share of a split.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Fraction(u16);

impl Fraction {
    /// Nothing of it.
    pub const ZERO: Self = Self(0);
    /// Ten-thousandths in a whole.
    pub const WHOLE: u16 = 10_000;

    /// From ten-thousandths; `None` above a whole.
    pub const fn from_ten_thousandths(parts: u16) -> Option<Self> {
        if parts <= Self::WHOLE { Some(Self(parts)) } else { None }
    }

    /// Reads plain decimal digits with at most four places from `0` to `1`, such as `0.0550`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut decimal = parse_plain(text)?;
        if decimal.scale() > 4 {
            return None;
        }
        decimal.rescale(4);
        Self::from_ten_thousandths(u16::try_from(decimal.mantissa()).ok()?)
    }

    /// The fraction in ten-thousandths.
    pub const fn ten_thousandths(self) -> u16 {
        self.0
    }

    /// This fraction of `sats`, rounded half to even. Never more than `sats`.
    pub fn of(self, sats: Sats) -> Sats {
        let whole = u128::from(Self::WHOLE);
        let product = u128::from(self.0) * u128::from(sats.get());
        let (floor, rest) = (product / whole, product % whole);
        let up = match (rest * 2).cmp(&whole) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => floor % 2,
            std::cmp::Ordering::Greater => 1,
        };
        // At most `sats` itself, since the fraction is at most a whole.
        u64::try_from(floor + up).ok().and_then(Sats::new).unwrap_or(sats)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / Self::WHOLE, self.0 % Self::WHOLE)
    }
}

impl fmt::Debug for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, C> BorrowDecode<'de, C> for Fraction {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::from_ten_thousandths(u16::borrow_decode(decoder)?)
            .ok_or(DecodeError::Other("a fraction above a whole"))
    }
}

/// Principal sats per fiat unit, above zero, at most 18 places.
///
/// The raw rate: fees are not in it (`principal_sats / fiat_amount`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeRate(Decimal);

impl ExchangeRate {
    /// `None` unless above zero, at most 21·10¹⁴ and with at most 18 places.
    pub fn new(rate: Decimal) -> Option<Self> {
        let rate = rate.normalize();
        let fits = !rate.is_sign_negative()
            && !rate.is_zero()
            && rate <= Decimal::from(SATS_MAX)
            && rate.scale() <= RATE_PLACES_MAX;
        fits.then_some(Self(rate))
    }

    /// Reads plain decimal digits, such as `129.5145`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::new(parse_plain(text)?)
    }

    /// The rate as a decimal without trailing zeros.
    pub const fn decimal(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for ExchangeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ExchangeRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for ExchangeRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Encode for ExchangeRate {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.0.mantissa(), self.0.scale()).encode(encoder)
    }
}

impl<'de, C> BorrowDecode<'de, C> for ExchangeRate {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        let (mantissa, scale) = <(i128, u32)>::borrow_decode(decoder)?;
        Decimal::try_from_i128_with_scale(mantissa, scale)
            .ok()
            .and_then(Self::new)
            .ok_or(DecodeError::Other("exchange rate out of bounds"))
    }
}

/// Digits with at most one point between them: no sign, exponent, separator, white space or leading
/// zero.
fn parse_plain(text: &str) -> Option<Decimal> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let leads_with_zero = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || leads_with_zero || !digits(places) || text.len() > 40 {
        return None;
    }
    Decimal::from_str_exact(text).ok()
}
