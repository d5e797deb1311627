//! Exact amounts, and how a person reads them.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use spireledger_projections::books::Unit;

/// An amount of sats, thousandths of a sat, or hundredths of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    pub(super) minor: i128,
    pub(super) unit: Unit,
}

impl Amount {
    pub(super) const fn sats(sats: i128) -> Self {
        Self { minor: sats, unit: Unit::Sat }
    }

    /// Plain digits, with a point in a currency's.
    fn plain(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let number = self.minor.unsigned_abs();
        match self.unit {
            Unit::Sat | Unit::Msat => format!("{sign}{number}"),
            Unit::Fiat(_) => format!("{sign}{}.{:02}", number / 100, number % 100),
        }
    }
}

/// With thousands apart, as a person reads it: `-1,266,800` or `2,000.00`. The unit stands elsewhere.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.plain();
        let (whole, places) = plain.split_once('.').unwrap_or((&plain, ""));
        f.write_str(&grouped(whole))?;
        if places.is_empty() { Ok(()) } else { write!(f, ".{places}") }
    }
}

/// Digits with a comma between thousands.
pub(super) fn grouped(whole: &str) -> String {
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("\u{2212}", digits));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `{"amount":"2000.00","unit":"GTQ"}`.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Amount", 2)?;
        out.serialize_field("amount", &self.plain())?;
        out.serialize_field("unit", self.unit.name())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use spireledger_schema::text::Currency;

    use super::*;

    #[test]
    fn amounts_are_exact_and_easy_to_read() {
        let gtq = Unit::Fiat(Currency::parse("GTQ").unwrap());
        for (unit, minor, shown, plain) in [
            (Unit::Sat, 0, "0", "0"),
            (Unit::Sat, 999, "999", "999"),
            (Unit::Sat, -1_266_800, "\u{2212}1,266,800", "-1266800"),
            (gtq, 200_000, "2,000.00", "2000.00"),
            (gtq, -5, "\u{2212}0.05", "-0.05"),
            (gtq, 123_456_789, "1,234,567.89", "1234567.89"),
        ] {
            let amount = Amount { minor, unit };
            assert_eq!((amount.to_string().as_str(), amount.plain().as_str()), (shown, plain));
        }
    }
}
