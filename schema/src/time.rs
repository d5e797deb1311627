//! Moments, in UTC.

use std::fmt;

use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};

/// A moment in UTC, in microseconds since 1970. Between the years 1970 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode)]
pub struct Timestamp(i64);

/// The last second of the year 9999: what RFC 3339 can write.
const SECONDS_MAX: i64 = 253_402_300_799;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From microseconds since 1970; `None` outside 1970–9999.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros >= 0 && micros / 1_000_000 <= SECONDS_MAX { Some(Self(micros)) } else { None }
    }

    /// From whole seconds since 1970; `None` outside 1970–9999.
    pub const fn from_seconds(seconds: i64) -> Option<Self> {
        if seconds >= 0 && seconds <= SECONDS_MAX { Some(Self(seconds * 1_000_000)) } else { None }
    }

    /// Reads RFC 3339, such as `2026-01-01T00:00:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
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

    /// Whole days since 1970 in UTC.
    pub const fn utc_day(self) -> i64 {
        self.seconds() / 86_400
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => moment.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
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
    fn borrow_decode<D: bincode::de::BorrowDecoder<'de, Context = C>>(
        decoder: &mut D,
    ) -> Result<Self, bincode::error::DecodeError> {
        Self::from_micros(i64::borrow_decode(decoder)?)
            .ok_or(bincode::error::DecodeError::Other("moment outside 1970-9999"))
    }
}
