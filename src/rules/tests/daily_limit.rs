//! Fixed mode: an LP's daily limit is one day's of the operator, UTC's by default, over all its machines, and exactly that.

use serde_json::{Value, json};

use super::words::*;
use super::world::{World, given};

/// `a` in fixed mode, at most 100.00 a day, with 500.00 at `m1`.
fn fixed() -> World {
    given([machine("m1")]).and(funded("a", "500.00")).and([limited("a", "100.00")])
}

fn limited(user: &str, limit: &str) -> Value {
    with(lp(user), json!({ "default_dca_mode": "fixed", "fixed_mode_daily_limit": limit }))
}

const DAY: i64 = 86_400;

#[test]
fn a_daily_limit_holds_over_all_machines_of_an_lp() {
    let second = [
        machine("m2"),
        with(enroll("a"), json!({ "id": "a2", "machine_id": "m2" })),
        deposit("d2", "a2", "500.00"),
        confirm("d2"),
        with(cash_out(2), json!({ "machine_id": "m2" })),
    ];
    let world = fixed().and(second).and([cash_out(1), begin(1, "p"), begin(2, "p")]);
    assert_eq!(world.planned(1, "a"), "100.00");
    assert_eq!(world.planned(2, "a2"), "0.00");
}

#[test]
fn a_daily_limit_counts_each_currency_for_itself() {
    let dollars = json!({ "fiat_code": "USD" });
    let second = [
        with(machine("m2"), dollars.clone()),
        with(enroll("a"), json!({ "id": "a2", "machine_id": "m2" })),
        deposit("d2", "a2", "500.00"),
        confirm("d2"),
        with(with(cash_out(2), json!({ "machine_id": "m2" })), dollars),
    ];
    let world = fixed().and(second).and([cash_out(1), begin(1, "p"), begin(2, "p")]);
    assert_eq!(world.planned(1, "a"), "100.00");
    assert_eq!(world.planned(2, "a2"), "100.00");
}

#[test]
fn a_day_is_its_operators_day() {
    // 00:00 in UTC is 18:00 of the day before in Guatemala: that day ends six hours later.
    let all = (1..=4).map(cash_out);
    let world = fixed().and([operator("-06:00")]).and(all);
    let world = world.and([begin(1, "p"), outcome(1, 2, "completed")]).after(6 * 3_600 - 1);
    let world = world.and([begin(2, "p")]);
    assert_eq!((world.planned(1, "a"), world.planned(2, "a")), ("100.00".into(), "0.00".into()));
    let world = world.after(1).and([begin(3, "p"), outcome(3, 2, "completed")]);
    assert_eq!(world.planned(3, "a"), "100.00");
    // Days that come to begin later give no second limit for a day that was begun.
    let world = world.and([operator("-12:00"), begin(4, "p")]);
    assert_eq!(world.planned(4, "a"), "0.00");
}

#[test]
fn a_daily_limit_is_one_utc_days() {
    let end_of_day = DAY - 1;
    let world = fixed()
        .and([cash_out(1), cash_out(2), cash_out(3), cash_out(4)])
        .after(end_of_day)
        .and([begin(1, "p"), outcome(1, 2, "completed"), begin(2, "p")]);
    assert_eq!((world.planned(1, "a"), world.planned(2, "a")), ("100.00".into(), "0.00".into()));
    let world = world.after(1).and([begin(3, "p"), begin(4, "p")]);
    assert_eq!((world.planned(3, "a"), world.planned(4, "a")), ("100.00".into(), "0.00".into()));
}

#[test]
fn what_is_still_open_at_midnight_counts_on_the_day_on_which_it_is_paid() {
    let world = fixed()
        .and([cash_out(1), begin(1, "p"), cash_out(2), cash_out(3)])
        .after(DAY)
        .and([begin(2, "p"), outcome(1, 2, "completed"), begin(3, "p")]);
    assert_eq!(world.planned(2, "a"), "0.00");
    assert_eq!(world.planned(3, "a"), "0.00");
    let world = world.after(DAY).and([cash_out(4), begin(4, "p")]);
    assert_eq!(world.planned(4, "a"), "100.00");
}

#[test]
fn an_adjustment_neither_widens_nor_wastes_a_daily_limit() {
    let world = fixed().and([cash_out(1), cash_out(2), cash_out(3), begin(1, "p")]).and([
        adjust(1),
        adjust_to(1, "60.00", 7_771, 233),
        begin(2, "p"),
    ]);
    assert_eq!(world.planned(1, "a"), "60.00");
    assert_eq!(world.planned(2, "a"), "40.00");
    // What was planned yesterday and is planned anew today is today's.
    let world = world.after(DAY).and([outcome(2, 2, "completed"), adjust(1), begin(3, "p")]);
    assert_eq!(world.planned(1, "a"), "60.00");
    assert_eq!(world.planned(3, "a"), "0.00");
}

#[test]
fn a_leg_that_is_given_up_frees_the_day() {
    let world = fixed()
        .and([cash_out(1), begin(1, "p"), outcome(1, 2, "voided")])
        .and([cash_out(2), begin(2, "p"), void(2)])
        .and([cash_out(3), begin(3, "p")]);
    assert_eq!(world.planned(3, "a"), "100.00");
}
