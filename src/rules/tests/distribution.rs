//! Who gets which sats: the worked examples of the domain, and the faults that must not come back.

use serde_json::{Value, json};
use spireledger_projections::LegRow;
use spireledger_schema::words::{LegStatus, LegType};

use super::words::*;
use super::world::{World, given};

/// The legs of settlement 1 that were not voided: kind, whose (LP, wallet or address), sats, fiat.
fn legs(world: &World) -> Vec<(&'static str, String, u64, Option<String>)> {
    let live = |leg: &LegRow| leg.status != LegStatus::Voided;
    let whose = |leg: &LegRow| {
        let leg = &leg.leg;
        let client = leg.client_id.as_ref().map(ToString::to_string);
        let wallet = leg.destination_wallet_id.as_ref().map(ToString::to_string);
        let address =
            leg.destination_ln_address.as_ref().and_then(|a| a.plain()).map(str::to_owned);
        let target = leg.target.as_ref().and_then(|t| t.plain()).map(str::to_owned);
        client.or(wallet).or(address).or(target).unwrap_or_default()
    };
    let settlement = world.settlement(1);
    let row = |leg: &LegRow| {
        let fiat = leg.leg.amount_fiat.map(|fiat| fiat.to_string());
        (leg.leg.leg_type.as_str(), whose(leg), leg.leg.amount_sats.get(), fiat)
    };
    settlement.legs.iter().filter(|leg| live(leg)).map(row).collect()
}

/// The same, of the principal only.
fn principal(world: &World) -> Vec<(String, u64, String)> {
    let all = legs(world).into_iter();
    let of_principal = all.filter(|(kind, ..)| ["dca", "settlement"].contains(kind));
    of_principal.map(|(_, whose, sats, fiat)| (whose, sats, fiat.unwrap())).collect()
}

fn rows(rows: &[(&str, u64, &str)]) -> Vec<(String, u64, String)> {
    rows.iter().map(|(whose, sats, fiat)| ((*whose).into(), *sats, (*fiat).into())).collect()
}

fn fleet(lps: &[(&str, &str)]) -> World {
    lps.iter().fold(given([machine("m1")]), |world, (user, amount)| world.and(funded(user, amount)))
}

fn paid_out(lps: &[(&str, &str)]) -> World {
    fleet(lps).and([cash_out(1), begin(1, "p")])
}

const RETAINED: &str = "wallet of m1";

#[test]
fn principal_is_shared_by_what_each_lp_has_left() {
    let world = paid_out(&[("a", "500.00"), ("b", "1500.00"), ("c", "3000.00")]);
    let shares = [("a", 25_903, "200.00"), ("b", 77_709, "600.00"), ("c", 155_417, "1200.00")];
    assert_eq!(principal(&world), rows(&shares));
}

#[test]
fn lps_that_have_just_enough_get_it_all() {
    let world = paid_out(&[("a", "500.00"), ("b", "1500.00")]);
    assert_eq!(principal(&world), rows(&[("a", 64_757, "500.00"), ("b", 194_272, "1500.00")]));
}

#[test]
fn what_no_lp_covers_is_retained_in_the_machines_wallet() {
    let world = paid_out(&[("a", "500.00")]);
    assert_eq!(principal(&world), rows(&[("a", 64_757, "500.00"), (RETAINED, 194_272, "1500.00")]));
}

#[test]
fn no_lp_is_given_more_fiat_than_it_has_left() {
    // The predecessor gave 250 and 750, and both went negative.
    let thousand = with(cash_out(1), json!({ "fiat_amount": "1000.00" }));
    let world = fleet(&[("a", "100.00"), ("b", "300.00")]).and([thousand, begin(1, "p")]);
    let fiat: Vec<String> = principal(&world).into_iter().map(|(_, _, fiat)| fiat).collect();
    assert_eq!(fiat, ["100.00", "300.00", "600.00"]);
}

#[test]
fn what_a_capped_lp_leaves_goes_to_the_others() {
    let world = fleet(&[("a", "1000.00"), ("b", "1000.00"), ("c", "2000.00")])
        .and([with(
            lp("c"),
            json!({ "default_dca_mode": "fixed", "fixed_mode_daily_limit": "400.00" }),
        )])
        .and([cash_out(1), begin(1, "p")]);
    let fiat: Vec<String> = principal(&world).into_iter().map(|(_, _, fiat)| fiat).collect();
    assert_eq!(fiat, ["800.00", "800.00", "400.00"]);
}

#[test]
fn fees_are_paid_when_no_lp_has_a_balance() {
    let world = given([
        config(json!({ "super_cash_out_fee_fraction": "0.0050", "super_fee_wallet_id": "fees" })),
        machine("m1"),
        cash_out(1),
        begin(1, "p"),
    ]);
    let expected = [
        ("super_fee", "fees", 1_295, None),
        ("operator_split", RETAINED, 6_476, None),
        ("settlement", RETAINED, 259_029, Some("2000.00")),
    ];
    let expected = expected.map(|(k, w, s, f)| (k, w.to_owned(), s, f.map(str::to_owned)));
    assert_eq!(legs(&world), expected);
}

#[test]
fn two_settlements_do_not_spend_one_balance_twice() {
    let world = paid_out(&[("a", "2500.00")]).and([cash_out(2), begin(2, "p")]);
    assert_eq!((world.planned(1, "a"), world.planned(2, "a")), ("2000.00".into(), "500.00".into()));
}

#[test]
fn a_share_is_computed_without_floats() {
    // int(56500 * (57 / 100)) is 32,204 in floats.
    let claim = with(
        cash_out(1),
        json!({ "wire_sats": 56_500, "principal_sats": 56_500, "fee_sats": 0,
            "fiat_amount": "100.00" }),
    );
    let world = fleet(&[("a", "57.00"), ("b", "43.00")]).and([claim, begin(1, "p")]);
    assert_eq!(principal(&world), rows(&[("a", 32_205, "57.00"), ("b", 24_295, "43.00")]));
}

#[test]
fn a_partial_dispense_owes_the_rest_to_the_customer() {
    for before in [vec![begin(1, "p"), adjust(1)], vec![adjust(1), begin(1, "p")]] {
        let world = fleet(&[("a", "5000.00")]).and([cash_out(1)]).and(before);
        let expected = [
            ("operator_split", RETAINED, 5_828, None),
            ("dca", "a", 194_272, Some("1500.00")),
            ("refund", "", 66_700, None),
        ];
        let expected = expected.map(|(k, w, s, f)| (k, w.to_owned(), s, f.map(str::to_owned)));
        assert_eq!(legs(&world), expected);
        assert_eq!(194_272 + 5_828 + 66_700, 266_800);
    }
}

#[test]
fn nothing_dispensed_is_all_owed_back() {
    let nothing = adjust_to(1, "0.00", 0, 0);
    let world = paid_out(&[("a", "5000.00")]).and([nothing]);
    assert_eq!(legs(&world), [("refund", String::new(), 266_800, None)]);
    let a = world.fleet.clients().next().unwrap();
    assert_eq!(a.remaining_fiat().unwrap().to_string(), "5000.00");
}

#[test]
fn a_cash_in_pays_its_fee_only() {
    let world = given([
        config(json!({ "super_cash_in_fee_fraction": "0.0100", "super_fee_wallet_id": "fees" })),
        machine("m1"),
        cash_in(1),
        begin(1, "p"),
    ]);
    let sats: Vec<(&str, u64)> =
        legs(&world).iter().map(|(kind, _, sats, _)| (*kind, *sats)).collect();
    assert_eq!(sats, [("super_fee", 130), ("operator_split", 258)]);
}

#[test]
fn only_those_take_part_who_are_active_onboarded_and_here() {
    let elsewhere = [
        machine("m2"),
        with(enroll("d"), json!({ "machine_id": "m2" })),
        lp("d"),
        deposit("d", "d", "100.00"),
        confirm("d"),
    ];
    let world = fleet(&[("a", "100.00"), ("b", "100.00"), ("c", "100.00")])
        .and([enroll("never onboarded"), deposit("more", "a", "9.00")])
        .and([client_update("b", json!({ "status": "paused" }))])
        .and([client_update("c", json!({ "status": "inactive" }))])
        .and(elsewhere)
        .and([cash_out(1), begin(1, "p")]);
    let fiat: Vec<(String, String)> =
        principal(&world).into_iter().map(|(whose, _, fiat)| (whose, fiat)).collect();
    assert_eq!(fiat, [("a".into(), "100.00".into()), (RETAINED.into(), "1900.00".into())]);
}

#[test]
fn an_operators_fee_goes_by_its_splits_to_whatever_a_target_is() {
    let lnurl = "LNURL1DP68GURN8GHJ7MRWW4EXCTNXD9SHG6NPVCHXXMMD9AKXUATJDSKHQCTE8AEK2UMND9HKU0";
    let rule = |target: &str, fraction: &str, order: u32| json!({ "target": target, "fraction": fraction, "sort_order": order });
    let rules = json!([
        rule("a wallet", "0.5000", 3),
        rule("op@example.com", "0.2500", 1),
        rule(lnurl, "0.1250", 2),
        rule(&lnurl.to_lowercase(), "0.1250", 0),
    ]);
    let world = given([machine("m1"), with(splits(&[]), json!({ "splits": rules }))]);
    let world = world.and([cash_out(1), begin(1, "p")]);
    let settlement = world.settlement(1);
    let fees: Vec<_> = settlement
        .legs
        .iter()
        .filter(|leg| leg.leg.leg_type == LegType::OperatorSplit)
        .map(|leg| {
            let leg = &leg.leg;
            let kinds = [
                leg.destination_wallet_id.is_some(),
                leg.destination_ln_address.is_some(),
                leg.target.is_some(),
            ];
            (leg.amount_sats.get(), kinds)
        })
        .collect();
    // 7,771 · 1/8 = 971.375 twice, 1,942.75, 3,885.5: the two largest remainders get one more.
    let (wallet, address, other) =
        ([true, false, false], [false, true, false], [false, false, true]);
    assert_eq!(fees, [(971, other), (1_943, address), (971, other), (3_886, wallet)]);
}

#[test]
fn a_machines_own_splits_come_before_its_operators() {
    let own = with(splits(&[("own", "1")]), json!({ "machine_id": "m1" }));
    let to = |rules: Vec<Value>| {
        let world = given([machine("m1")]).and(rules).and([cash_out(1), begin(1, "p")]);
        legs(&world)[0].1.clone()
    };
    assert_eq!(to(vec![]), RETAINED);
    assert_eq!(to(vec![splits(&[("default", "1")])]), "default");
    assert_eq!(to(vec![splits(&[("default", "1")]), own.clone()]), "own");
    assert_eq!(to(vec![own]), "own");
}

#[test]
fn a_share_of_no_sats_is_no_leg() {
    let tiny = with(
        cash_out(1),
        json!({ "wire_sats": 2, "principal_sats": 1, "fee_sats": 1, "fiat_amount": "0.01" }),
    );
    let world = given([machine("m1"), splits(&[("x", "0.5"), ("y", "0.5")]), tiny, begin(1, "p")]);
    let sats: Vec<u64> = legs(&world).iter().map(|(_, _, sats, _)| *sats).collect();
    assert_eq!(sats, [1, 1]);
}

#[test]
fn a_settlement_of_nothing_can_be_ended() {
    let nothing = with(
        cash_out(1),
        json!({ "wire_sats": 0, "principal_sats": 0, "fee_sats": 0, "fiat_amount": "0.00" }),
    );
    let world = given([machine("m1"), nothing, begin(1, "p"), fail(1), begin(1, "q"), finish(1)]);
    assert_eq!(world.settlement(1).status.as_str(), "processed");
}
