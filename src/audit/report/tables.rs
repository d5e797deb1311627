//! The sections of a report and their tables.

use std::collections::BTreeMap;

use spireledger_projections::books::{Account, Unit};
use spireledger_schema::text::Currency;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};

use super::amount::Amount;
use super::build::{Sources, fiat};
use super::exceptions::{gaps, irregular, mismatches, refused};
use super::facts::{Facts, Figure, Flow, Values, at};
use super::model::{Column, Row, Section, Table, Value};
use super::summary::summary;

/// All sections, in order.
pub(super) fn sections(facts: &Facts, sources: &mut Sources<'_>) -> Vec<Section> {
    vec![
        Section {
            id: "summary",
            title: "Summary",
            about: "Details, machine by machine, and the entries behind each figure are below.",
            tables: vec![summary(facts, sources)],
        },
        Section {
            id: "balances",
            title: "Balances",
            about: "What there was at the beginning of the period, what was added and taken in it, and what \
                there is at its end. In the books an amount below zero is owed, or was given.",
            tables: vec![lps(facts, sources), machines(facts, sources), books(facts, sources)],
        },
        Section {
            id: "settlements",
            title: "Settlements",
            about: "What was claimed in the period, with what adjustments of the period changed and without \
                what was voided in it, of earlier settlements, too.",
            tables: vec![settlements(facts, sources), states(facts, sources)],
        },
        Section {
            id: "fees",
            title: "Fees",
            about: "The fees of those settlements by direction, and how they were split. The mismatch is what \
                machines reported less what the fractions in force give.",
            tables: vec![fees(facts, sources), mismatches(facts)],
        },
        Section {
            id: "legs",
            title: "Legs",
            about: "Every sat of a settlement is on a leg: paid, to be paid, or given up. What a state lost in \
                the period, another one has won.",
            tables: vec![legs(facts, sources)],
        },
        Section {
            id: "exceptions",
            title: "Exceptions",
            about: "What a person should look at.",
            tables: vec![refused(facts), irregular(facts), gaps(facts)],
        },
    ]
}

pub(super) fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

pub(super) fn sats(sats: i128) -> Value {
    Value::Amount(Amount::sats(sats))
}

const fn of(values: &Values, place: usize) -> i128 {
    values[place]
}

pub(super) const fn row(values: Vec<Value>, source: Option<usize>) -> Row {
    Row { values, source, is_sum: false }
}

/// The figure of an account; nothing, where it was never moved.
fn flow(facts: &Facts, account: Account, unit: Unit) -> (Figure, Flow) {
    let figure = Figure::Account(account, unit);
    let flow = facts.flows.get(&figure).cloned().unwrap_or_default();
    (figure, flow)
}

const LPS: &[Column] = &[
    Column("user_id", "LP", false),
    Column("machine_id", "Machine", false),
    Column("currency", "Unit", false),
    Column("opening", "Opening", true),
    Column("deposited", "Deposited", true),
    Column("paid", "Paid out", true),
    Column("pending", "Planned", true),
    Column("closing", "Closing", true),
];

fn lps(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    let mut sums: BTreeMap<Currency, [i128; 5]> = BTreeMap::new();
    let mut all: Vec<_> = facts.lps.iter().collect();
    all.sort_by_key(|(id, lp)| (&lp.user_id, &lp.machine_id, *id));
    for (id, lp) in all {
        let currency = lp.currency.unwrap_or(Currency::NONE);
        let [confirmed, paid, pending, left] = lp.closing.fiat;
        let [was_confirmed, was_paid, was_pending, was_left] = lp.opening.fiat;
        let amounts =
            [was_left, confirmed - was_confirmed, was_paid - paid, was_pending - pending, left];
        for (sum, amount) in sums.entry(currency).or_default().iter_mut().zip(amounts) {
            *sum += amount;
        }
        let mut values = vec![text(&lp.user_id), text(&lp.machine_id), text(currency)];
        values.extend(amounts.map(|amount| fiat(currency, amount)));
        let figure = Figure::Account(Account::Lp(id.clone()), Unit::Fiat(currency));
        rows.push(row(values, sources.of(&figure)));
    }
    for (currency, amounts) in sums {
        let mut values = vec![text("All"), Value::None, text(currency)];
        values.extend(amounts.map(|amount| fiat(currency, amount)));
        rows.push(Row { values, source: None, is_sum: true });
    }
    Table {
        id: "liquidity_providers",
        title: "What liquidity providers have left",
        columns: LPS,
        rows,
        more: None,
        none: "No liquidity provider is enrolled at these machines.",
    }
}

const MACHINES: &[Column] = &[
    Column("machine_id", "Machine", false),
    Column("name", "Name", false),
    Column("what", "What", false),
    Column("unit", "Unit", false),
    Column("opening", "Opening", true),
    Column("added", "Added", true),
    Column("taken", "Taken", true),
    Column("closing", "Closing", true),
];

fn machines(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    for (id, machine) in &facts.machines {
        let cash = (Account::Cash(id.clone()), Unit::Fiat(machine.currency), "cash".to_owned());
        let wallet = Account::Wallet(Some(machine.wallet_id.clone()));
        let wallet = (wallet, Unit::Sat, format!("wallet {}", machine.wallet_id));
        for (account, unit, what) in [cash, wallet] {
            let (figure, flow) = flow(facts, account, unit);
            let name = machine.name.clone().map_or(Value::None, Value::Text);
            let mut values = vec![text(id), name, text(what), text(unit.name())];
            values.extend(moves(&flow, unit));
            rows.push(row(values, sources.of(&figure)));
        }
    }
    Table {
        id: "machines",
        title: "Cash and wallets of the machines",
        columns: MACHINES,
        rows,
        more: None,
        none: "There are no machines.",
    }
}

/// Opening, added, taken and closing.
fn moves(flow: &Flow, unit: Unit) -> [Value; 4] {
    let [opening, moved, closing] = [&flow.opening, &flow.moved, &flow.closing].map(|of| of[0]);
    [opening, flow.added, moved - flow.added, closing]
        .map(|minor| Value::Amount(Amount { minor, unit }))
}

const BOOKS: &[Column] = &[
    Column("account", "Account", false),
    Column("unit", "Unit", false),
    Column("opening", "Opening", true),
    Column("added", "Added", true),
    Column("taken", "Taken", true),
    Column("closing", "Closing", true),
];

fn books(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    let mut sums: BTreeMap<Unit, Flow> = BTreeMap::new();
    for (figure, flow) in &facts.flows {
        let Figure::Account(account, unit) = figure else { continue };
        if flow.entries.count == 0 && flow.closing[0] == 0 {
            continue;
        }
        let mut values = vec![text(account), text(unit.name())];
        values.extend(moves(flow, *unit));
        rows.push(row(values, sources.of(figure)));
        let sum = sums.entry(*unit).or_default();
        sum.opening[0] += flow.opening[0];
        sum.moved[0] += flow.moved[0];
        sum.added += flow.added;
        sum.closing[0] += flow.closing[0];
    }
    for (unit, sum) in sums {
        let mut values = vec![text("All: double entry sums to zero"), text(unit.name())];
        values.extend(moves(&sum, unit));
        rows.push(Row { values, source: None, is_sum: true });
    }
    Table {
        id: "books",
        title: "Trial balance",
        columns: BOOKS,
        rows,
        more: None,
        none: "No money has moved yet.",
    }
}

const SETTLEMENTS: &[Column] = &[
    Column("machine_id", "Machine", false),
    Column("direction", "Direction", false),
    Column("settlements", "Count", true),
    Column("currency", "Unit", false),
    Column("fiat", "Fiat", true),
    Column("wire", "Over Lightning, sats", true),
    Column("principal", "Principal, sats", true),
    Column("fee", "Fee, sats", true),
];

fn settlements(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    let mut sums: BTreeMap<(TxType, Currency), Values> = BTreeMap::new();
    let values = |name: Value, way: TxType, currency: Currency, all: &Values| {
        let [wire, principal, fee] =
            [at::WIRE, at::PRINCIPAL, at::FEE].map(|place| sats(of(all, place)));
        let count = Value::Count(of(all, at::COUNT));
        let fiat = fiat(currency, of(all, at::FIAT));
        vec![name, text(way), count, text(currency), fiat, wire, principal, fee]
    };
    for (figure, flow) in &facts.flows {
        let Figure::Settlements(machine, way, currency) = figure else { continue };
        if flow.entries.count == 0 {
            continue;
        }
        let sum = sums.entry((*way, *currency)).or_default();
        sum.iter_mut().zip(flow.moved).for_each(|(sum, moved)| *sum += moved);
        let values = values(text(machine), *way, *currency, &flow.moved);
        rows.push(row(values, sources.of(figure)));
    }
    for ((way, currency), all) in sums {
        let values = values(text("All"), way, currency, &all);
        rows.push(Row { values, source: None, is_sum: true });
    }
    Table {
        id: "by_machine",
        title: "By machine and direction",
        columns: SETTLEMENTS,
        rows,
        more: None,
        none: "Nothing was claimed in the period.",
    }
}

const STATES: &[Column] = &[
    Column("status", "State", false),
    Column("opening", "At the beginning", true),
    Column("moved", "In the period", true),
    Column("closing", "At the end", true),
];

fn states(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    let mut sum = [0; 3];
    for status in SettlementStatus::ALL {
        let figure = Figure::Status(*status);
        let Some(flow) = facts.flows.get(&figure) else { continue };
        let counts = [flow.opening, flow.moved, flow.closing].map(|of| of[at::COUNT]);
        if counts == [0; 3] {
            continue;
        }
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let mut values = vec![text(status)];
        values.extend(counts.map(Value::Count));
        rows.push(row(values, sources.of(&figure)));
    }
    if !rows.is_empty() {
        let mut values = vec![text("All")];
        values.extend(sum.map(Value::Count));
        rows.push(Row { values, source: None, is_sum: true });
    }
    Table {
        id: "by_state",
        title: "How far settlements are",
        columns: STATES,
        rows,
        more: None,
        none: "There are no settlements.",
    }
}

const FEES: &[Column] = &[
    Column("direction", "Direction", false),
    Column("settlements", "Settlements", true),
    Column("fee", "Fee, sats", true),
    Column("platform", "Platform, sats", true),
    Column("operator", "Operator, sats", true),
    Column("mismatch", "Mismatch, sats", true),
];

fn fees(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let values = |name: Value, all: &Values| {
        let mut values = vec![name, Value::Count(of(all, at::COUNT))];
        let amounts = [at::FEE, at::PLATFORM, at::OPERATOR, at::MISMATCH];
        values.extend(amounts.map(|place| sats(of(all, place))));
        values
    };
    let (mut rows, mut sum) = (Vec::new(), Values::default());
    for way in TxType::ALL {
        let figure = Figure::Fees(*way);
        let Some(flow) = facts.flows.get(&figure) else { continue };
        sum.iter_mut().zip(flow.moved).for_each(|(sum, moved)| *sum += moved);
        rows.push(row(values(text(way), &flow.moved), sources.of(&figure)));
    }
    if !rows.is_empty() {
        rows.push(Row { values: values(text("All"), &sum), source: None, is_sum: true });
    }
    Table {
        id: "by_direction",
        title: "By direction",
        columns: FEES,
        rows,
        more: None,
        none: "No fees were earned in the period.",
    }
}

const LEGS: &[Column] = &[
    Column("leg_type", "Type", false),
    Column("status", "State", false),
    Column("opening_legs", "Opening, legs", true),
    Column("opening_sats", "Opening, sats", true),
    Column("moved_legs", "Period, legs", true),
    Column("moved_sats", "Period, sats", true),
    Column("closing_legs", "Closing, legs", true),
    Column("closing_sats", "Closing, sats", true),
];

fn legs(facts: &Facts, sources: &mut Sources<'_>) -> Table {
    let mut rows = Vec::new();
    for leg_type in LegType::ALL {
        for status in LegStatus::ALL {
            let figure = Figure::Legs(*leg_type, *status);
            let Some(flow) = facts.flows.get(&figure) else { continue };
            if [flow.opening, flow.moved, flow.closing] == [Values::default(); 3] {
                continue;
            }
            let mut values = vec![text(leg_type), text(status)];
            for of in [&flow.opening, &flow.moved, &flow.closing] {
                values.extend([Value::Count(of[at::COUNT]), sats(of[at::SATS])]);
            }
            rows.push(row(values, sources.of(&figure)));
        }
    }
    Table {
        id: "by_type_and_state",
        title: "By type and state",
        columns: LEGS,
        rows,
        more: None,
        none: "No legs were planned yet.",
    }
}
