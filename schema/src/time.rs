//! Moments, in UTC.

use std::fmt;

use bincode::de::BorrowDecoder;
use bincode::error::DecodeError;
use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};

/// A moment in UTC, in microseconds since 1970, in one of the years 1970 to 9998.
///
/// RFC 3339 writes years with four digits, so a part of 9999 cannot be written in every offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Timestamp(i64);

/// 9998-12-31T23:59:59Z, in seconds since 1970.
pub(crate) const SECONDS_MAX: i64 = 253_370_764_799;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since 1970; `None` outside 1970–9998.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros >= 0 && micros / 1_000_000 <= SECONDS_MAX { Some(Self(micros)) } else { None }
    }

    /// From whole seconds since 1970; `None` outside 1970–9998.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds >= 0 && seconds <= SECONDS_MAX { Some(Self(seconds * 1_000_000)) } else { None }
    }

    /// Reads RFC 3339, such as `2026-01-01T00:00:00Z`. Digits beyond microseconds are cut off.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        if !is_rfc3339(text.as_bytes()) {
            return None;
        }
        let moment: jiff::Timestamp = text.parse().ok()?;
        Self::from_micros(moment.as_microsecond())
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// Whole days since 1970, where days begin this far from UTC's.
    pub const fn day(self, offset: UtcOffset) -> i64 {
        (self.seconds() + offset.0 as i64 * 60).div_euclid(86_400)
    }
}

/// How far a day begins before or after UTC's, in whole minutes, at most 14 hours.
///
/// A fixed offset, not the name of a zone: what a day was must be the same whenever it is asked, and
/// rules of zones change.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode)]
pub struct UtcOffset(i16);

/// 14 hours: nobody lives further from UTC.
const OFFSET_MINUTES_MAX: i16 = 14 * 60;

impl UtcOffset {
    /// `None` beyond 14 hours.
    pub const fn from_minutes(minutes: i16) -> Option<Self> {
        if minutes.unsigned_abs() <= OFFSET_MINUTES_MAX.unsigned_abs() {
            Some(Self(minutes))
        } else {
            None
        }
    }

    /// Reads `-06:00`, as RFC 3339 writes an offset.
    pub fn parse(text: &str) -> Option<Self> {
        let &[sign @ (b'+' | b'-'), h1, h0, b':', m1, m0] = text.as_bytes() else { return None };
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
        let (hours, minutes) = (digit(h1)? * 10 + digit(h0)?, digit(m1)? * 10 + digit(m0)?);
        let offset = hours * 60 + minutes;
        if minutes > 59 {
            return None;
        }
        Self::from_minutes(if sign == b'-' { -offset } else { offset })
    }

    /// The minutes.
    pub const fn minutes(self) -> i16 {
        self.0
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl fmt::Debug for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for UtcOffset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, C> BorrowDecode<'de, C> for UtcOffset {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::from_minutes(i16::borrow_decode(decoder)?)
            .ok_or(DecodeError::Other("an offset beyond 14 hours"))
    }
}

/// Whether this has the shape of RFC 3339: jiff also reads other spellings of ISO 8601.
fn is_rfc3339(text: &[u8]) -> bool {
    let shaped = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text.iter().zip(shape).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                letter => byte.eq_ignore_ascii_case(letter),
            })
    };
    let Some((moment, rest)) = text.split_at_checked(19) else { return false };
    let offset = match rest.strip_prefix(b".") {
        None => rest,
        Some(places) => {
            let digits = places.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            places.get(digits..).unwrap_or_default()
        }
    };
    shaped(moment, b"0000-00-00T00:00:00") && (shaped(offset, b"Z") || shaped(offset, b"+00:00"))
}

/// Always RFC 3339 in UTC, with as many places as are needed.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every moment that can be constructed is within jiff's range.
        jiff::Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, C> BorrowDecode<'de, C> for Timestamp {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeError> {
        Self::from_micros(i64::borrow_decode(decoder)?)
            .ok_or(DecodeError::Other("a moment outside of 1970-9998"))
    }
}
