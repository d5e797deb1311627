//! Whether a report adds up: what must be so whatever happened, looked at each time one is made.

use std::collections::BTreeMap;
use std::fmt::Debug;

use spireledger_projections::books::{Account, Unit};
use spireledger_schema::words::{LegStatus, LegType};

use super::facts::{Facts, Figure, Flow, Held, Values, at};
use super::model::Check;

/// Breaks that are told of each check.
const BREAKS_TOLD: usize = 20;

/// A check that is under way.
struct Checking {
    check: Check,
}

impl Checking {
    fn of(what: &str) -> Self {
        Self { check: Check { what: what.to_owned(), figures: 0, breaks: Vec::new() } }
    }

    fn same<T: PartialEq + Debug>(&mut self, what: &dyn Fn() -> String, expected: T, found: T) {
        self.check.figures += 1;
        if expected != found && self.check.breaks.len() < BREAKS_TOLD {
            let told = format!("{}: expected {expected:?}, found {found:?}", what());
            self.check.breaks.push(told);
        }
    }
}

/// All of them.
pub(super) fn check(facts: &Facts) -> Vec<Check> {
    let all = [
        movements(facts),
        entries(facts),
        double_entry(facts),
        lps(facts),
        fees(facts),
        payables(facts),
    ];
    all.into_iter().map(|checking| checking.check).collect()
}

fn sum(one: &Values, other: &Values) -> Values {
    std::array::from_fn(|at| {
        one.get(at).copied().unwrap_or(0) + other.get(at).copied().unwrap_or(0)
    })
}

fn movements(facts: &Facts) -> Checking {
    let mut checking =
        Checking::of("what there was, and what was added and taken, is what there is at the end");
    for (figure, flow) in &facts.flows {
        let found = sum(&flow.opening, &flow.moved);
        checking.same(&|| format!("{figure:?}"), flow.closing, found);
    }
    for (id, lp) in &facts.lps {
        for held in [lp.opening, lp.closing] {
            let [confirmed, paid, pending, left] = held.fiat;
            checking.same(&|| format!("the LP {id}"), left, confirmed - paid - pending);
        }
    }
    checking
}

fn entries(facts: &Facts) -> Checking {
    let mut checking = Checking::of("the entries behind a figure add up to it");
    for (figure, flow) in &facts.flows {
        let shown = flow.entries.shown.iter();
        let found = shown.fold(flow.rest, |all, item| sum(&all, &item.moved));
        checking.same(&|| format!("{figure:?}"), flow.moved, found);
    }
    checking
}

/// A way to look at a figure: at the beginning, in the period, or at the end.
type Look = (&'static str, fn(&Flow) -> &Values);
const BEGIN: Look = ("at the beginning", |flow| &flow.opening);
const PERIOD: Look = ("in the period", |flow| &flow.moved);
const END: Look = ("at the end", |flow| &flow.closing);

fn double_entry(facts: &Facts) -> Checking {
    let mut checking = Checking::of("the books sum to zero in every unit");
    for (when, look) in [BEGIN, PERIOD, END] {
        let mut sums: BTreeMap<Unit, i128> = BTreeMap::new();
        for (figure, flow) in &facts.flows {
            if let Figure::Account(_, unit) = figure {
                *sums.entry(*unit).or_default() += first(look(flow));
            }
        }
        for (unit, found) in sums {
            checking.same(&|| format!("{} {when}", unit.name()), 0, found);
        }
    }
    checking
}

fn first(values: &Values) -> i128 {
    values.first().copied().unwrap_or(0)
}

fn lps(facts: &Facts) -> Checking {
    let mut checking =
        Checking::of("what LPs have left by their deposits and payouts is what the books owe them");
    for (id, lp) in &facts.lps {
        for (when, held) in [("at the beginning", lp.opening), ("at the end", lp.closing)] {
            let Held { fiat: [.., left], by_the_books } = held;
            checking.same(&|| format!("the LP {id} {when}"), left, by_the_books);
        }
    }
    checking
}

/// Sums over legs, by what is asked of their kind and state.
fn legs(facts: &Facts, look: Look, wanted: impl Fn(LegType, LegStatus) -> bool) -> i128 {
    let all = facts.flows.iter().filter_map(|(figure, flow)| match figure {
        Figure::Legs(leg_type, status) if wanted(*leg_type, *status) => {
            look.1(flow).get(at::SATS).copied()
        }
        _ => None,
    });
    all.sum()
}

fn account(facts: &Facts, look: Look, wanted: &Account) -> i128 {
    let figure = Figure::Account(wanted.clone(), Unit::Sat);
    facts.flows.get(&figure).map_or(0, |flow| first(look.1(flow)))
}

fn fees(facts: &Facts) -> Checking {
    let mut checking =
        Checking::of("fees that were earned, less those on legs, are what the books owe of them");
    let operator = Account::OperatorFee(facts.asked.operator.clone());
    for (owed, place, leg_type) in [
        (Account::PlatformFee, at::PLATFORM, LegType::SuperFee),
        (operator, at::OPERATOR, LegType::OperatorSplit),
    ] {
        for look in [BEGIN, PERIOD, END] {
            let earned = facts.flows.iter().filter_map(|(figure, flow)| {
                let is_fees = matches!(figure, Figure::Fees(_));
                look.1(flow).get(place).copied().filter(|_| is_fees)
            });
            let earned: i128 = earned.sum();
            let spent = legs(facts, look, |of, status| of == leg_type && status.is_spent());
            let what = || format!("{owed} {}", look.0);
            checking.same(&what, spent - earned, account(facts, look, &owed));
        }
    }
    checking
}

fn payables(facts: &Facts) -> Checking {
    let mut checking = Checking::of("legs that are open are what the books owe on them");
    for kind in [LegType::Dca, LegType::SuperFee, LegType::OperatorSplit, LegType::Refund] {
        for look in [BEGIN, PERIOD, END] {
            let is_open = |status: LegStatus| status.is_spent() && !status.is_final();
            let open = legs(facts, look, |of, status| of == kind && is_open(status));
            let owed = Account::Payable(kind);
            let what = || format!("{owed} {}", look.0);
            checking.same(&what, -open, account(facts, look, &owed));
        }
    }
    checking
}
