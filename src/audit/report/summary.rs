//! The first table of a report: what a person asks first.

use std::collections::BTreeMap;

use spireledger_projections::books::{Account, Unit};
use spireledger_schema::text::Currency;
use spireledger_schema::words::TxType;

use super::amount::Amount;
use super::build::{Sources, fiat};
use super::facts::{Facts, Figure, Flow, Values, at};
use super::model::{Column, Row, Table, Value};
use super::tables::{row, text};

const SUMMARY: &[Column] = &[
    Column("what", "What", false),
    Column("unit", "Unit", false),
    Column("opening", "Opening", true),
    Column("period", "Period", true),
    Column("closing", "Closing", true),
];

/// Opening, period and closing of one line.
type Line = [i128; 3];

/// The table.
pub(super) fn summary(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    settlements(facts, &mut rows);
    for (name, place) in
        [("Fees of the platform", at::PLATFORM), ("Fees of the operator", at::OPERATOR)]
    {
        let all = facts.flows.iter().filter(|(figure, _)| matches!(figure, Figure::Fees(_)));
        let sum = all.fold([0; 3], |sum, (_, flow)| plus(sum, line(flow, place)));
        rows.push(told(name, "sat", sum, |minor| Value::Amount(Amount::sats(minor))));
    }
    let mut lps: BTreeMap<Currency, Line> = BTreeMap::new();
    for lp in facts.lps.values() {
        let place = lps.entry(lp.currency.unwrap_or(Currency::NONE)).or_default();
        let [opening, closing] = [lp.opening.fiat[3], lp.closing.fiat[3]];
        *place = plus(*place, [opening, closing - opening, closing]);
    }
    for (currency, sum) in lps {
        let name = "Liquidity providers have left";
        rows.push(told(name, currency.as_str(), sum, |minor| fiat(currency, minor)));
    }
    owed(facts, sources, &mut rows);
    exceptions(facts, &mut rows);
    Table {
        id: "summary",
        title: "",
        columns: SUMMARY,
        rows,
        more: None,
        none: "There is nothing.",
    }
}

fn plus(one: Line, other: Line) -> Line {
    let mut sum = one;
    sum.iter_mut().zip(other).for_each(|(sum, more)| *sum += more);
    sum
}

/// One value of a figure.
fn line(flow: &Flow, place: usize) -> Line {
    let of = |values: &Values| values.get(place).copied().unwrap_or(0);
    [of(&flow.opening), of(&flow.moved), of(&flow.closing)]
}

fn told(name: &str, unit: &str, line: Line, value: impl Fn(i128) -> Value) -> Row {
    let mut values = vec![text(name), text(unit)];
    values.extend(line.map(value));
    row(values, None)
}

fn settlements(facts: &Facts, rows: &mut Vec<Row>) {
    for way in TxType::ALL {
        let (mut counts, mut amounts) = ([0; 3], BTreeMap::<Currency, Line>::new());
        for (figure, flow) in &facts.flows {
            let Figure::Settlements(_, of, currency) = figure else { continue };
            if of == way {
                counts = plus(counts, line(flow, at::COUNT));
                let place = amounts.entry(*currency).or_default();
                *place = plus(*place, line(flow, at::FIAT));
            }
        }
        rows.push(told(&format!("Settlements, {way}"), "", counts, Value::Count));
        for (currency, amount) in amounts {
            let name = format!("Exchanged, {way}");
            rows.push(told(&name, currency.as_str(), amount, |minor| fiat(currency, minor)));
        }
    }
}

/// What customers and payees wait for. The books have it below zero.
fn owed(facts: &Facts, sources: &mut Sources<'_>, rows: &mut Vec<Row>) {
    let sats = |minor: i128| Value::Amount(Amount::sats(-minor));
    let refund = Figure::Account(Account::Refund, Unit::Sat);
    let flow = facts.flows.get(&refund).cloned().unwrap_or_default();
    let mut refunds = told("Owed to customers, on no leg yet", "sat", line(&flow, 0), sats);
    refunds.source = sources.of(&refund);
    rows.push(refunds);
    let payable = facts
        .flows
        .iter()
        .filter(|(figure, _)| matches!(figure, Figure::Account(Account::Payable(_), Unit::Sat)));
    let open = payable.fold([0; 3], |sum, (_, flow)| plus(sum, line(flow, 0)));
    rows.push(told("On legs that are not paid yet", "sat", open, sats));
}

fn exceptions(facts: &Facts, rows: &mut Vec<Row>) {
    let missing = facts.machines.values().map(|machine| machine.sequence.gaps().missing);
    for (name, count) in [
        ("Fees that are not what was expected", facts.mismatches.count),
        ("Claims that were refused", facts.refused.count),
        ("Irregular rows that were brought in", facts.irregular.count),
        ("Numbers of claims that are missing", missing.fold(0, u64::saturating_add)),
    ] {
        let count = Value::Count(i128::from(count));
        rows.push(row(vec![text(name), text(""), Value::None, count, Value::None], None));
    }
}
