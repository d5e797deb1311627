//! What can happen in a random history. Things are named by small numbers, so that moves meet.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spireledger_schema::json::Patch;

/// One thing that happens; it is passed over where the history so far does not let it.
#[derive(Debug, Clone)]
pub enum Move {
    Config { cash_in: Option<u16>, cash_out: Option<u16>, wallet: Patch<u8>, cap: Patch<u32> },
    Register { machine: u8, operator: u8, paired: bool, currency: u8, fees: (u16, u16) },
    Change { machine: u8, operator: Option<u8>, npub: Patch<()>, name: Patch<u8>, active: bool },
    Reprice { machine: u8, currency: u8, fees: (u16, u16) },
    Pair { machine: u8 },
    Splits { operator: u8, machine: Option<u8>, rules: Vec<(u8, u16, Option<u32>)> },
    Lp { user: u8, wallet: u8, fixed: Option<bool>, limit: Patch<u32>, forward: Patch<u8> },
    Enroll { machine: u8, user: u8, username: Option<u8> },
    Client { client: u8, username: Patch<u8>, status: u8 },
    Deposit { client: u8, amount: u32, currency: u8, notes: Option<u8> },
    Decide { deposit: u8, confirmed: bool, notes: Option<u8> },
    Claim { machine: u8, cash_out: bool, principal: u32, fee: u16, fiat: u32, details: u8 },
    Begin { settlement: u8, legs: Vec<(u8, u8, u32, u32)> },
    Leg { settlement: u8, leg: u8, outcome: u8 },
    Note { settlement: u8, note: u8 },
    End { settlement: u8, how: u8 },
    Beacon { machine: u8, said: u8 },
    Telemetry { machine: u8, said: u8 },
    Believe { machine: u8, bays: Vec<(u8, u16)>, by: Option<u8> },
    Report { machine: u8, bays: Vec<(u8, u16)> },
}

/// A history: moves, each with the seconds that pass before it.
pub fn history() -> impl Strategy<Value = Vec<(u8, Move)>> {
    vec((0..3u8, one()), 10..90)
}

fn one() -> impl Strategy<Value = Move> {
    prop_oneof![1 => instance(), 3 => machines(), 3 => people(), 3 => deposits(), 4 => money(), 2 => reports()]
}

fn fees() -> impl Strategy<Value = (u16, u16)> {
    (0..900u16, 0..900u16)
}

fn patch<T: std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Patch<T>> {
    prop_oneof![1 => Just(Patch::Keep), 1 => Just(Patch::Clear), 2 => value.prop_map(Patch::Set)]
}

fn instance() -> impl Strategy<Value = Move> {
    let fee = || option::of(0..1_000u16);
    (fee(), fee(), patch(any::<u8>()), patch(any::<u32>())).prop_map(
        |(cash_in, cash_out, wallet, cap)| Move::Config { cash_in, cash_out, wallet, cap },
    )
}

fn machines() -> BoxedStrategy<Move> {
    let rule = (any::<u8>(), 0..=10_000u16, option::of(0..5u32));
    prop_oneof![
        4 => (0..4u8, 0..3u8, prop::bool::weighted(0.7), any::<u8>(), fees()).prop_map(
            |(machine, operator, paired, currency, fees)| Move::Register {
                machine, operator, paired, currency, fees
            }
        ),
        1 => (0..4u8, option::of(0..3u8), patch(Just(())), patch(any::<u8>()), any::<bool>())
            .prop_map(|(machine, operator, npub, name, active)| Move::Change {
                machine, operator, npub, name, active
            }),
        1 => (0..4u8, any::<u8>(), fees())
            .prop_map(|(machine, currency, fees)| Move::Reprice { machine, currency, fees }),
        1 => (0..4u8).prop_map(|machine| Move::Pair { machine }),
        1 => (0..3u8, option::of(0..4u8), vec(rule, 0..4))
            .prop_map(|(operator, machine, rules)| Move::Splits { operator, machine, rules }),
    ]
    .boxed()
}

fn people() -> BoxedStrategy<Move> {
    prop_oneof![
        (0..4u8, any::<u8>(), option::of(any::<bool>()), patch(any::<u32>()), patch(any::<u8>()))
            .prop_map(|(user, wallet, fixed, limit, forward)| Move::Lp {
                user,
                wallet,
                fixed,
                limit,
                forward
            }),
        (0..4u8, 0..4u8, option::of(any::<u8>()))
            .prop_map(|(machine, user, username)| Move::Enroll { machine, user, username }),
        (any::<u8>(), patch(any::<u8>()), any::<u8>())
            .prop_map(|(client, username, status)| Move::Client { client, username, status }),
    ]
    .boxed()
}

fn deposits() -> BoxedStrategy<Move> {
    let notes = || option::of(any::<u8>());
    prop_oneof![
        (any::<u8>(), any::<u32>(), any::<u8>(), notes()).prop_map(
            |(client, amount, currency, notes)| Move::Deposit { client, amount, currency, notes }
        ),
        (any::<u8>(), any::<bool>(), notes())
            .prop_map(|(deposit, confirmed, notes)| Move::Decide { deposit, confirmed, notes }),
    ]
    .boxed()
}

fn money() -> BoxedStrategy<Move> {
    let leg = (any::<u8>(), any::<u8>(), any::<u32>(), any::<u32>());
    prop_oneof![
        2 => (0..4u8, any::<bool>(), any::<u32>(), any::<u16>(), any::<u32>(), any::<u8>()).prop_map(
            |(machine, cash_out, principal, fee, fiat, details)| Move::Claim {
                machine, cash_out, principal, fee, fiat, details
            }
        ),
        1 => (any::<u8>(), vec(leg, 1..4))
            .prop_map(|(settlement, legs)| Move::Begin { settlement, legs }),
        2 => (any::<u8>(), any::<u8>(), any::<u8>())
            .prop_map(|(settlement, leg, outcome)| Move::Leg { settlement, leg, outcome }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(settlement, note)| Move::Note { settlement, note }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(settlement, how)| Move::End { settlement, how }),
    ]
    .boxed()
}

fn reports() -> BoxedStrategy<Move> {
    // Few denominations, so that two bays of a machine often hold the same.
    let bays = || vec((0..3u8, any::<u16>()), 0..4);
    prop_oneof![
        (0..4u8, any::<u8>()).prop_map(|(machine, said)| Move::Beacon { machine, said }),
        (0..4u8, any::<u8>()).prop_map(|(machine, said)| Move::Telemetry { machine, said }),
        (0..4u8, bays(), option::of(any::<u8>())).prop_map(|(machine, bays, by)| Move::Believe {
            machine,
            bays,
            by
        }),
        (0..4u8, bays()).prop_map(|(machine, bays)| Move::Report { machine, bays }),
    ]
    .boxed()
}
