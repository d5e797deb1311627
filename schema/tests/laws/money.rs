//! Money: exact, within its bounds, and spelled in one way.

use proptest::prelude::*;
use spireledger_schema::limits::SATS_MAX;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};

use crate::strategies::{fiat, fraction, rate, sats};

proptest! {
    #[test]
    fn a_fraction_of_sats_is_the_nearest_and_the_even_one_of_two(f in fraction(), s in sats()) {
        // Exact, in ten-thousandths of a sat.
        let exact = i128::from(f.ten_thousandths()) * i128::from(s.get());
        let rounded = i128::from(f.of(s).get());
        let off = (rounded * 10_000 - exact).abs() * 2;
        prop_assert!(off < 10_000 || (off == 10_000 && rounded % 2 == 0), "{f} of {s}: {rounded}");
        prop_assert!(f.of(s) <= s);
    }

    #[test]
    fn a_tie_goes_to_the_even_sat(even in (0..1_000_000u64).prop_map(|n| n * 2)) {
        let half = Fraction::from_ten_thousandths(5_000).unwrap();
        let of = |sats| half.of(Sats::new(sats).unwrap()).get();
        // n + ½ between an even n and the odd one above it, and between that and the next even one.
        prop_assert_eq!(of(2 * even + 1), even);
        prop_assert_eq!(of(2 * even + 3), even + 2);
    }

    #[test]
    fn amounts_are_read_as_they_are_written(f in fiat(), part in fraction(), rate in rate()) {
        prop_assert_eq!(Fraction::parse(&part.to_string()), Some(part));
        prop_assert_eq!(ExchangeRate::parse(&rate.to_string()), Some(rate));
        prop_assert_eq!(Fiat::from_minor(f.minor()), Some(f));
        // A sign is no part of the language: negative amounts are computed, never said.
        let said = if f.minor() < 0 { None } else { Some(f) };
        prop_assert_eq!(Fiat::parse(&f.to_string()), said);
    }

    #[test]
    fn fiat_is_written_with_two_places(minor in 0..1_000_000_000_000_000i64) {
        let written = Fiat::from_minor(minor).unwrap().to_string();
        prop_assert_eq!(written, format!("{}.{:02}", minor / 100, minor % 100));
    }

    #[test]
    fn trailing_zeros_change_no_rate(rate in rate(), zeros in 0usize..4) {
        let written = rate.to_string();
        let point = if written.contains('.') { "" } else { "." };
        let longer = format!("{written}{point}{}", "0".repeat(zeros));
        let same = if longer.ends_with('.') { None } else { Some(rate) };
        prop_assert_eq!(ExchangeRate::parse(&longer), same);
    }

    #[test]
    fn sums_stay_within_the_bounds_or_are_none(a in sats(), b in sats()) {
        let sum = a.get() + b.get();
        prop_assert_eq!(a.checked_add(b).map(Sats::get), (sum <= SATS_MAX).then_some(sum));
        prop_assert_eq!(a.checked_sub(b).map(Sats::get), a.get().checked_sub(b.get()));
        prop_assert_eq!(Sats::sum([a, b]), a.checked_add(b));
    }

    #[test]
    fn fiat_adds_up_and_back(a in fiat(), b in fiat()) {
        if let Some(sum) = a.checked_add(b) {
            prop_assert_eq!(sum.minor(), a.minor() + b.minor());
            prop_assert_eq!(sum.checked_sub(b), Some(a));
        }
        prop_assert_eq!(a.cmp(&b), a.minor().cmp(&b.minor()));
    }
}

/// Reads each spelling with `parse` and compares what it is written as, or that it is refused.
fn check<T: ToString>(parse: fn(&str) -> Option<T>, spellings: &[(&str, Option<&str>)]) {
    for (spelling, written) in spellings {
        let read = parse(spelling).map(|value| value.to_string());
        assert_eq!(read.as_deref(), *written, "{spelling:?}");
    }
}

#[test]
fn fiat_is_plain_digits_with_at_most_two_places() {
    check(
        Fiat::parse,
        &[
            ("2000", Some("2000.00")),
            ("2000.5", Some("2000.50")),
            ("0.01", Some("0.01")),
            ("10000000000000", Some("10000000000000.00")),
            ("10000000000000.01", None),
            ("99999999999999999999999999999", None),
            ("2000.005", None),
            ("2000.000", None),
            ("", None),
            (".", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1_000", None),
            ("1,000", None),
            (" 1", None),
            ("1.2.3", None),
            ("٣", None),
            ("NaN", None),
        ],
    );
}

#[test]
fn fractions_go_from_nothing_to_a_whole() {
    check(
        Fraction::parse,
        &[
            ("0", Some("0.0000")),
            ("1", Some("1.0000")),
            ("1.0000", Some("1.0000")),
            ("0.055", Some("0.0550")),
            ("0.0001", Some("0.0001")),
            ("1.0001", None),
            ("0.00001", None),
            ("0.05500", None),
            ("7922816251426433759354395033", None),
            ("-0", None),
            ("5%", None),
        ],
    );
    assert_eq!(Fraction::from_ten_thousandths(10_001), None);
}

#[test]
fn rates_are_above_zero_and_within_bounds() {
    check(
        ExchangeRate::parse,
        &[
            ("129.5145", Some("129.5145")),
            ("129.5145000", Some("129.5145")),
            ("100", Some("100")),
            ("0.000000000000000001", Some("0.000000000000000001")),
            ("0.0000000000000000001", None),
            ("2100000000000000", Some("2100000000000000")),
            ("2100000000000000.1", None),
            ("0", None),
            ("0.000", None),
            ("-1", None),
            ("1e3", None),
        ],
    );
}

#[test]
fn no_more_sats_than_exist() {
    assert_eq!(Sats::new(SATS_MAX).map(Sats::get), Some(SATS_MAX));
    assert_eq!(Sats::new(SATS_MAX + 1), None);
    assert_eq!(Sats::new(u64::MAX), None);
}
