//! Amounts as the journals write them.

use std::fmt;

use spireledger_projections::books::Unit;
use spireledger_schema::text::Currency;

/// What a journal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Commodity {
    /// Sats with three places: routes cost parts of a sat.
    Sat,
    /// A currency with two places.
    Fiat(Currency),
}

/// An exact amount: thousandths of a sat, or hundredths of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Money {
    pub(super) minor: i128,
    pub(super) commodity: Commodity,
}

impl Money {
    /// What a posting says.
    pub(super) const fn of(unit: Unit, amount: i128) -> Self {
        match unit {
            Unit::Sat => Self { minor: amount * 1_000, commodity: Commodity::Sat },
            Unit::Msat => Self { minor: amount, commodity: Commodity::Sat },
            Unit::Fiat(currency) => Self { minor: amount, commodity: Commodity::Fiat(currency) },
        }
    }
}

impl Commodity {
    /// Places behind the point.
    pub(super) const fn places(self) -> usize {
        match self {
            Self::Sat => 3,
            Self::Fiat(_) => 2,
        }
    }
}

/// `SAT`, or the currency's code. A currency that is called `SAT` is no sat.
impl fmt::Display for Commodity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sat => f.write_str("SAT"),
            Self::Fiat(currency) if currency.as_str() == "SAT" => f.write_str("FIATSAT"),
            Self::Fiat(currency) => f.write_str(currency.as_str()),
        }
    }
}

/// Plain digits: `-266800 SAT`, `0.250 SAT`, `2000.00 GTQ`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let places = self.commodity.places();
        let one = if places == 3 { 1_000 } else { 100 };
        let (whole, rest) = (self.minor.unsigned_abs() / one, self.minor.unsigned_abs() % one);
        write!(f, "{sign}{whole}")?;
        // No sat is cut where none is.
        if rest != 0 || self.commodity != Commodity::Sat {
            write!(f, ".{rest:0places$}")?;
        }
        write!(f, " {}", self.commodity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_plain_digits() {
        let gtq = Unit::Fiat(Currency::parse("GTQ").unwrap());
        let sat = Unit::Fiat(Currency::parse("SAT").unwrap());
        for (unit, amount, expected) in [
            (Unit::Sat, 266_800, "266800 SAT"),
            (Unit::Sat, -1, "-1 SAT"),
            (Unit::Msat, 250, "0.250 SAT"),
            (Unit::Msat, -1_001, "-1.001 SAT"),
            (Unit::Msat, 3_000, "3 SAT"),
            (gtq, 200_000, "2000.00 GTQ"),
            (gtq, -5, "-0.05 GTQ"),
            (sat, 0, "0.00 FIATSAT"),
        ] {
            assert_eq!(Money::of(unit, amount).to_string(), expected);
        }
    }
}
