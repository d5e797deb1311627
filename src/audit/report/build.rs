//! From facts to a report. Pure: the same facts give the same report.

use spireledger_projections::books::Unit;
use spireledger_schema::text::Currency;

use super::amount::Amount;
use super::checks::check;
use super::facts::{Facts, Figure, Flow, Values, at};
use super::model::{Moved, Report, Source, Value};
use super::question;
use super::tables::sections;

/// Makes the report, and checks that it adds up.
pub fn report(facts: &Facts) -> Report {
    let mut report = Report::new(&facts.asked, facts.pins.clone());
    let mut sources = Sources { facts, all: Vec::new(), places: Vec::new() };
    report.sections = sections(facts, &mut sources);
    report.sources = sources.all;
    report.checks = check(facts);
    report.adds_up = report.checks.iter().all(|check| check.breaks.is_empty());
    report
}

/// The sources that rows have asked for.
pub(super) struct Sources<'f> {
    facts: &'f Facts,
    all: Vec<Source>,
    places: Vec<(&'f Figure, usize)>,
}

impl Sources<'_> {
    /// The place of a figure's source. `None`: nothing has moved it.
    pub(super) fn of(&mut self, figure: &Figure) -> Option<usize> {
        if let Some((_, place)) = self.places.iter().find(|(found, _)| *found == figure) {
            return Some(*place);
        }
        let (figure, flow) = self.facts.flows.get_key_value(figure)?;
        if flow.entries.count == 0 {
            return None;
        }
        let place = self.all.len();
        self.all.push(source(self.facts, figure, flow));
        self.places.push((figure, place));
        Some(place)
    }
}

fn source(facts: &Facts, figure: &Figure, flow: &Flow) -> Source {
    let amounts = |values: &Values| amounts(figure, values);
    let moved = |item: &super::facts::Item| Moved {
        seq: item.cited.seq,
        recorded_at: item.cited.at,
        event: item.cited.event,
        payment_hash: item.cited.payment_hash,
        amounts: amounts(&item.moved),
    };
    Source {
        title: title(figure),
        columns: columns(figure).iter().map(|(name, _)| *name).collect(),
        entries: flow.entries.shown.iter().map(moved).collect(),
        more: flow.entries.count - flow.entries.shown.len() as u64,
        rest: amounts(&flow.rest),
        sum: amounts(&flow.moved),
        sql: question::of(figure, &facts.asked, &facts.pins),
    }
}

fn title(figure: &Figure) -> String {
    match figure {
        Figure::Account(account, unit) => format!("{account}, {}", unit.name()),
        Figure::Settlements(machine, way, currency) => {
            format!("settlements at {machine}, {way}, {currency}")
        }
        Figure::Fees(way) => format!("fees, {way}"),
        Figure::Status(status) => format!("settlements that are {status}"),
        Figure::Legs(leg_type, status) => format!("legs of type {leg_type} that are {status}"),
    }
}

/// What the values of a figure are, and their places.
fn columns(figure: &Figure) -> &'static [(&'static str, usize)] {
    match figure {
        Figure::Account(..) => &[("amount", 0)],
        Figure::Settlements(..) => &[
            ("settlements", at::COUNT),
            ("fiat", at::FIAT),
            ("wire", at::WIRE),
            ("principal", at::PRINCIPAL),
            ("fee", at::FEE),
        ],
        Figure::Fees(_) => &[
            ("fee", at::FEE),
            ("platform", at::PLATFORM),
            ("operator", at::OPERATOR),
            ("mismatch", at::MISMATCH),
        ],
        Figure::Status(_) => &[("settlements", at::COUNT)],
        Figure::Legs(..) => &[("legs", at::COUNT), ("sats", at::SATS)],
    }
}

fn amounts(figure: &Figure, values: &Values) -> Vec<Value> {
    let of = |(name, place): &(&str, usize)| {
        let value = values.get(*place).copied().unwrap_or(0);
        match (figure, *name) {
            (_, "settlements" | "legs") => Value::Count(value),
            (Figure::Account(_, unit), _) => Value::Amount(Amount { minor: value, unit: *unit }),
            (Figure::Settlements(_, _, currency), "fiat") => fiat(*currency, value),
            _ => Value::Amount(Amount::sats(value)),
        }
    };
    columns(figure).iter().map(of).collect()
}

/// Hundredths of a currency.
pub(super) const fn fiat(currency: Currency, minor: i128) -> Value {
    Value::Amount(Amount { minor, unit: Unit::Fiat(currency) })
}
