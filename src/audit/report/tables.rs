//! The sections of a report and their tables.

use std::collections::BTreeMap;

use spireledger_projections::books::{Account, Unit};
use spireledger_schema::text::Currency;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};

use super::amount::{Amount, grouped};
use super::build::{Sources, fiat};
use super::facts::{Cited, Facts, Figure, Flow, Listed, Values, at};
use super::model::{Column, Row, Section, Table, Value};

/// All sections, in order.
pub(super) fn sections(facts: &Facts, sources: &mut Sources<'_>) -> Vec<Section> {
    vec![
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

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

fn sats(sats: i128) -> Value {
    Value::Amount(Amount::sats(sats))
}

const fn of(values: &Values, place: usize) -> i128 {
    values[place]
}

const fn row(values: Vec<Value>, source: Option<usize>) -> Row {
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

/// What is said of those that are not shown.
fn more<T>(listed: &Listed<T>) -> Option<String> {
    let more = listed.count - listed.shown.len() as u64;
    (more > 0).then(|| format!("and {} more", grouped(&more.to_string())))
}

/// The first cells of a row about one entry.
fn entry(cited: &Cited) -> Vec<Value> {
    let hash = cited.payment_hash.map_or(Value::None, Value::Settlement);
    vec![Value::Entry(cited.seq), Value::Time(cited.at), hash]
}

const MISMATCHES: &[Column] = &[
    Column("seq", "Entry", true),
    Column("recorded_at", "Recorded at", false),
    Column("payment_hash", "Settlement", false),
    Column("machine_id", "Machine", false),
    Column("direction", "Direction", false),
    Column("fee", "Fee, sats", true),
    Column("mismatch", "Mismatch, sats", true),
];

fn mismatches(facts: &Facts) -> Table {
    let rows = facts.mismatches.shown.iter().map(|found| {
        let mut values = entry(&found.cited);
        values.extend([text(&found.machine_id), text(found.tx_type)]);
        values.extend(found.fee.map(sats));
        row(values, None)
    });
    Table {
        id: "mismatches",
        title: "Fees that are not what was expected",
        columns: MISMATCHES,
        rows: rows.collect(),
        more: more(&facts.mismatches),
        none: "Every fee is what the fractions in force give.",
    }
}

const REFUSED: &[Column] = &[
    Column("seq", "Entry", true),
    Column("recorded_at", "Recorded at", false),
    Column("payment_hash", "Settlement", false),
    Column("machine_id", "Machine", false),
    Column("code", "Refused as", false),
    Column("fields", "What differs", false),
    Column("wire", "Claimed, sats", true),
];

fn refused(facts: &Facts) -> Table {
    let rows = facts.refused.shown.iter().map(|found| {
        let mut values = entry(&found.cited);
        values.extend([text(&found.machine_id), text(&found.code), text(&found.fields)]);
        values.push(found.wire_sats.map_or(Value::None, sats));
        row(values, None)
    });
    let codes = facts.refusals.iter().map(|(code, count)| format!("{count} {code}"));
    let codes = codes.collect::<Vec<_>>().join(", ");
    let all = (!codes.is_empty()).then(|| format!("All of them: {codes}"));
    let more = [all, more(&facts.refused)].into_iter().flatten().collect::<Vec<_>>();
    Table {
        id: "refused",
        title: "Claims that were refused or contradict an accepted one",
        columns: REFUSED,
        rows: rows.collect(),
        more: (!more.is_empty()).then(|| more.join("; ")),
        none: "No claim was refused that is kept as evidence.",
    }
}

const IRREGULAR: &[Column] = &[
    Column("seq", "Entry", true),
    Column("recorded_at", "Recorded at", false),
    Column("payment_hash", "Settlement", false),
    Column("table", "What", false),
    Column("id", "Id", false),
    Column("why", "What is the matter", false),
];

fn irregular(facts: &Facts) -> Table {
    let rows = facts.irregular.shown.iter().map(|found| {
        let mut values = entry(&found.cited);
        values.extend(found.row.iter().map(text));
        values.push(text(found.why));
        row(values, None)
    });
    let imported = grouped(&facts.imported.to_string());
    let all = (facts.imported > 0).then(|| format!("{imported} rows were brought in"));
    let more = [all, more(&facts.irregular)].into_iter().flatten().collect::<Vec<_>>();
    Table {
        id: "irregular",
        title: "Rows that were brought in and are irregular",
        columns: IRREGULAR,
        rows: rows.collect(),
        more: (!more.is_empty()).then(|| more.join("; ")),
        none: "Nothing irregular was brought in.",
    }
}

const GAPS: &[Column] = &[
    Column("machine_id", "Machine", false),
    Column("from", "From", true),
    Column("to", "To", true),
    Column("numbered", "Claims with a number", true),
    Column("unnumbered", "Without", true),
    Column("repeated", "Twice", true),
    Column("refused", "Refused", true),
    Column("missing", "Missing", true),
    Column("gaps", "Which", false),
];

fn gaps(facts: &Facts) -> Table {
    let number = |number: u64| Value::Count(i128::from(number));
    let rows = facts.machines.iter().map(|(id, machine)| {
        let (sequence, gaps) = (&machine.sequence, machine.sequence.gaps());
        let expected = gaps.expected.map(|ends| ends.map(number));
        let [from, to] = expected.unwrap_or([Value::None, Value::None]);
        let named = gaps.named.iter().map(|[from, to]| {
            if from == to { from.to_string() } else { format!("{from}\u{2013}{to}") }
        });
        let mut named = named.collect::<Vec<_>>().join(", ");
        if gaps.is_senseless {
            named = "the machine counts without order; nothing can be told".into();
        }
        let mut values = vec![text(id), from, to];
        let counts = [sequence.numbered, sequence.unnumbered, sequence.repeated];
        values.extend(counts.map(number));
        values.extend([number(gaps.refused), number(gaps.missing), text(named)]);
        row(values, None)
    });
    Table {
        id: "gaps",
        title: "What machines counted of their own claims",
        columns: GAPS,
        rows: rows.collect(),
        more: None,
        none: "There are no machines.",
    }
}
