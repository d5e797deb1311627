//! Moments: always RFC 3339 in UTC when written, RFC 3339 in any offset when read.

use proptest::prelude::*;
use spireledger_schema::time::{Timestamp, UtcOffset};

use crate::strategies::moment;

proptest! {
    #[test]
    fn every_moment_is_written_in_utc_and_read_back(moment in moment()) {
        let written = moment.to_string();
        prop_assert_eq!(Timestamp::parse_rfc3339(&written), Some(moment), "{}", written);
        prop_assert!(written.ends_with('Z'), "{}", written);
        prop_assert_eq!(serde_json::to_string(&moment).unwrap(), format!("\"{written}\""));
    }
}

/// Reads each spelling and compares what it is written as, or that it is refused.
fn check(spellings: &[(&str, Option<&str>)]) {
    for (spelling, written) in spellings {
        let read = Timestamp::parse_rfc3339(spelling).map(|moment| moment.to_string());
        assert_eq!(read.as_deref(), *written, "{spelling:?}");
    }
}

#[test]
fn rfc_3339_is_read_and_nothing_else() {
    check(&[
        ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00Z")),
        ("9998-12-31T23:59:59.999999Z", Some("9998-12-31T23:59:59.999999Z")),
        ("2026-01-01t06:00:00.500z", Some("2026-01-01T06:00:00.5Z")),
        ("2026-01-01T00:00:00+05:30", Some("2025-12-31T18:30:00Z")),
        ("2026-01-01T00:00:00-00:00", Some("2026-01-01T00:00:00Z")),
        ("2026-01-01T00:00:00.123456789Z", Some("2026-01-01T00:00:00.123456Z")),
        // RFC 3339, 5.6: a leap second is the last one of its minute here.
        ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59Z")),
        ("1969-12-31T23:59:59Z", None),
        ("9999-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("2026-02-29T00:00:00Z", None),
        ("2026-01-01T24:00:00Z", None),
        ("2026-01-01T00:00:00", None),
        ("2026-01-01 00:00:00Z", None),
        ("2026-01-01T00:00Z", None),
        ("2026-01-01T00:00:00.Z", None),
        ("2026-01-01T00:00:00+05", None),
        ("2026-01-01T00:00:00Z[UTC]", None),
        ("20260101T000000Z", None),
        ("+002026-01-01T00:00:00Z", None),
        ("2026-01-01", None),
        (" 2026-01-01T00:00:00Z", None),
        ("1767225600", None),
        ("", None),
    ]);
}

#[test]
fn whole_seconds_and_days_are_rounded_down() {
    let moment = Timestamp::from_micros(86_400_000_000 * 3 - 1).unwrap();
    assert_eq!((moment.seconds(), moment.day(UtcOffset::default())), (86_400 * 3 - 1, 2));
}

#[test]
fn moments_end_where_rfc_3339_ends_in_every_offset() {
    let last = Timestamp::from_seconds(253_370_764_799).unwrap();
    assert_eq!(last.to_string(), "9998-12-31T23:59:59Z");
    assert_eq!(Timestamp::from_seconds(253_370_764_800), None);
    assert_eq!(Timestamp::from_micros(253_370_764_800_000_000), None);
    assert_eq!(Timestamp::from_seconds(-1), None);
    assert_eq!(Timestamp::from_micros(-1), None);
}

#[test]
fn an_offset_is_read_as_it_is_written_and_moves_the_day() {
    for (text, minutes) in [("+00:00", 0), ("-06:00", -360), ("+05:45", 345), ("+14:00", 840)] {
        let offset = UtcOffset::parse(text).unwrap();
        assert_eq!((offset.minutes(), offset.to_string()), (minutes, text.to_owned()));
    }
    for wrong in ["", "Z", "06:00", "+6:00", "+06:60", "+14:01", "-15:00", "+06:00 ", "+0600"] {
        assert_eq!(UtcOffset::parse(wrong), None, "{wrong}");
    }
    let day = |seconds: i64, text: &str| {
        Timestamp::from_seconds(seconds).unwrap().day(UtcOffset::parse(text).unwrap())
    };
    assert_eq!((day(0, "-06:00"), day(86_400, "-06:00"), day(86_400, "+06:00")), (-1, 0, 1));
    assert_eq!((day(6 * 3_600, "-06:00"), day(18 * 3_600, "+06:00")), (0, 1));
}
