//! Laws of the arithmetic, on random numbers: nothing is lost, nothing is made, nobody gets more than
//! is theirs.

use proptest::prelude::*;
use serde_json::{Value, json};
use spireledger_schema::limits::SATS_MAX;
use spireledger_schema::money::{Fiat, Fraction, Sats};
use spireledger_schema::words::LegType;

use super::super::distribution::apportion;
use super::super::split_fee;
use super::words::*;
use super::world::{World, given};

fn sats() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_000u64, 0..=SATS_MAX, Just(SATS_MAX)]
}

fn fraction() -> impl Strategy<Value = Fraction> {
    (0..=Fraction::WHOLE).prop_map(|parts| Fraction::from_ten_thousandths(parts).unwrap())
}

proptest! {
    #[test]
    fn a_fee_is_split_without_rest(
        principal in sats(), fee in sats(), platform in fraction(), operator in fraction(),
    ) {
        let (p, f) = (Sats::new(principal).unwrap(), Sats::new(fee).unwrap());
        let split = split_fee(p, f, platform, operator);
        let parts = split.platform_fee_sats.get() + split.operator_fee_sats.get();
        prop_assert_eq!(parts, fee);
        let expected = platform.of(p).get() + operator.of(p).get();
        prop_assert_eq!(split.fee_mismatch_sats, fee.cast_signed() - expected.cast_signed());
        prop_assert_eq!(split.platform_fee_sats.get(), platform.of(p).get().min(fee));
    }

    #[test]
    fn a_fraction_is_rounded_to_the_nearest_and_half_to_even(
        principal in sats(), parts in 0..=Fraction::WHOLE,
    ) {
        let fraction = Fraction::from_ten_thousandths(parts).unwrap();
        let of = fraction.of(Sats::new(principal).unwrap()).get();
        let off = i128::from(of) * 10_000 - i128::from(parts) * i128::from(principal);
        prop_assert!(off.abs() <= 5_000);
        prop_assert!(off.abs() < 5_000 || of.is_multiple_of(2));
    }

    #[test]
    fn what_is_apportioned_adds_up_and_is_nearly_exact(
        total in sats(), weights in prop::collection::vec(prop_oneof![0..20u64, sats()], 1..30),
    ) {
        let shares = apportion(total, &weights);
        let sum: u128 = weights.iter().copied().map(u128::from).sum();
        if sum == 0 {
            prop_assert!(shares.iter().all(|share| *share == 0));
        } else {
            prop_assert_eq!(shares.iter().copied().map(u128::from).sum::<u128>(), u128::from(total));
            for (share, weight) in shares.iter().zip(&weights) {
                let exact = u128::from(total) * u128::from(*weight);
                prop_assert!((u128::from(*share) * sum).abs_diff(exact) < sum);
            }
        }
    }

    #[test]
    fn apportioning_does_not_depend_on_the_order_but_for_ties(
        total in 0..100_000u64,
        keyed in prop::collection::vec((0..1_000u64, any::<u64>()), 1..12),
    ) {
        let weights: Vec<u64> = keyed.iter().map(|(weight, _)| *weight).collect();
        let sum: u64 = weights.iter().sum();
        prop_assume!(sum > 0);
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|at| keyed[*at].1);
        let permuted: Vec<u64> = order.iter().map(|at| weights[*at]).collect();
        let (first, then) = (apportion(total, &weights), apportion(total, &permuted));
        let rest = |weight: u64| total * weight % sum;
        for (place, at) in order.iter().enumerate() {
            let weight = weights[*at];
            let tied = weights.iter().filter(|other| rest(**other) == rest(weight)).count() > 1;
            prop_assert!(first[*at].abs_diff(then[place]) <= u64::from(tied));
        }
    }
}

/// An LP: its deposit and, in fixed mode, its daily limit, both in hundredths.
type LpOf = (u32, Option<u32>);

fn cents(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// A machine with these LPs and splits, in a fleet that takes a platform's fee.
fn fleet(lps: &[LpOf], rules: &[u16], platform: Fraction) -> World {
    let mut world = given([
        config(
            json!({ "super_cash_out_fee_fraction": platform, "super_cash_in_fee_fraction": platform }),
        ),
        machine("m1"),
    ]);
    for (n, (deposited, limit)) in lps.iter().enumerate() {
        let user = format!("lp {n}");
        world = world.and(funded(&user, &cents(u64::from(*deposited) + 1)));
        if let Some(limit) = limit {
            world = world.and([with(
                lp(&user),
                json!({ "default_dca_mode": "fixed",
                    "fixed_mode_daily_limit": cents(u64::from(*limit)) }),
            )]);
        }
    }
    match whole(rules) {
        Some(rules) => world.and([with(splits(&[]), json!({ "splits": rules }))]),
        None => world,
    }
}

/// Split rules that add up to one; none for no rules.
fn whole(cuts: &[u16]) -> Option<Vec<Value>> {
    let mut cuts: Vec<u16> = cuts.iter().map(|cut| cut % (Fraction::WHOLE + 1)).collect();
    cuts.sort_unstable();
    let mut rules = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([Fraction::WHOLE]) {
        let fraction = Fraction::from_ten_thousandths(cut - from).unwrap();
        rules.push(json!({ "target": format!("wallet {from}"), "fraction": fraction }));
        from = cut;
    }
    (!cuts.is_empty()).then_some(rules)
}

/// The sum of legs of some kinds that are not void.
fn sum(world: &World, number: u64, kinds: &[LegType]) -> u64 {
    let legs = world.settlement(number).legs;
    let live = legs.iter().filter(|leg| leg.status.is_spent());
    live.filter(|leg| kinds.contains(&leg.leg.leg_type)).map(|leg| leg.leg.amount_sats.get()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn legs_add_up_to_what_came_in(
        lps in prop::collection::vec((0..1_000_000u32, prop::option::of(0..300_000u32)), 0..7),
        rules in prop::collection::vec(any::<u16>(), 0..6),
        platform in fraction(),
        principal in prop_oneof![0..20u64, 0..1_000_000u64, 0..SATS_MAX / 2],
        fee in prop_oneof![0..20u64, 0..100_000u64],
        fiat in prop_oneof![Just(0u64), 0..500_000u64],
        dispensed in 0..=100u64,
        before in prop::option::of(0..100_000u64),
    ) {
        let mut world = fleet(&lps, &rules, platform);
        if let Some(earlier) = before {
            // An earlier settlement has spent of what they had, and of the day.
            let earlier = with(cash_out(2), json!({ "fiat_amount": cents(earlier) }));
            world = world.and([earlier, begin(2, "p")]);
        }
        let left: Vec<_> = world.fleet.clients().cloned().collect();
        let claim = with(
            cash_out(1),
            json!({ "wire_sats": principal + fee, "principal_sats": principal, "fee_sats": fee,
                "fiat_amount": cents(fiat) }),
        );
        let part = |whole: u64| whole / 100 * dispensed;
        let (lower_principal, lower_fee, lower_fiat) = (part(principal), part(fee), part(fiat));
        let adjusted = adjust_to(1, &cents(lower_fiat), lower_principal, lower_fee);
        let planned = world.and([claim, begin(1, "p")]);
        let anew = planned.clone().and([adjusted]);
        for (world, principal, fee, fiat) in
            [(planned, principal, fee, fiat), (anew, lower_principal, lower_fee, lower_fiat)]
        {
            let settlement = world.settlement(1);
            let legs: Vec<_> =
                settlement.legs.iter().filter(|leg| leg.status.is_spent()).collect();
            prop_assert!(legs.iter().all(|leg| leg.leg.amount_sats > Sats::ZERO));
            let all: u64 = legs.iter().map(|leg| leg.leg.amount_sats.get()).sum();
            prop_assert_eq!(all, settlement.claimed.wire_sats.get());
            let of_principal = sum(&world, 1, &[LegType::Dca, LegType::Retained]);
            prop_assert_eq!(of_principal, principal);
            let of_fee = sum(&world, 1, &[LegType::SuperFee, LegType::OperatorSplit]);
            prop_assert_eq!(of_fee, fee);
            let in_fiat: i64 =
                legs.iter().filter_map(|leg| leg.leg.amount_fiat).map(Fiat::minor).sum();
            prop_assert!(in_fiat.cast_unsigned() <= fiat);
            for leg in legs.iter().filter(|leg| leg.leg.leg_type == LegType::Dca) {
                let had = left.iter().find(|c| Some(&c.id) == leg.leg.client_id.as_ref()).unwrap();
                let uses = leg.leg.amount_fiat.unwrap();
                prop_assert!(uses <= had.remaining_fiat().unwrap());
                let lp = world.fleet.lp(&had.user_id).unwrap();
                if let Some(limit) = lp.fixed_mode_daily_limit {
                    prop_assert!(uses.minor() + had.pending_fiat.minor() <= limit.minor());
                }
                // Its sats are its part of the fiat, but for less than one.
                let exact = u128::from(principal) * u128::from(uses.minor().cast_unsigned());
                let got = u128::from(leg.leg.amount_sats.get()) * u128::from(fiat);
                prop_assert!(got.abs_diff(exact) < u128::from(fiat));
            }
        }
    }

    #[test]
    fn a_cash_ins_legs_add_up_to_its_fee(
        rules in prop::collection::vec(any::<u16>(), 0..6),
        platform in fraction(),
        wire in 0..1_000_000u64,
        fee in 0..100_000u64,
    ) {
        let claim = with(
            cash_in(1),
            json!({ "wire_sats": wire, "principal_sats": wire + fee, "fee_sats": fee }),
        );
        let world = fleet(&[(500_000, None)], &rules, platform).and([claim, begin(1, "p")]);
        prop_assert_eq!(sum(&world, 1, &[LegType::SuperFee, LegType::OperatorSplit]), fee);
        prop_assert_eq!(sum(&world, 1, LegType::ALL), fee);
    }
}
