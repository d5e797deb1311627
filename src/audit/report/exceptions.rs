//! What a person should look at: tables about single entries, and about what is missing.

use super::amount::grouped;
use super::facts::{Cited, Facts, Listed};
use super::model::{Column, Table, Value};
use super::tables::{row, sats, text};

/// What is said of those that are not shown, with a question that finds all of them.
fn more<T>(facts: &Facts, listed: &Listed<T>, question: &str) -> Option<String> {
    let more = listed.count - listed.shown.len() as u64;
    let [after, last] = [facts.pins[0].seq, facts.pins[1].seq];
    (more > 0).then(|| {
        let more = grouped(&more.to_string());
        format!("and {more} more: {question} AND seq > {after} AND seq <= {last}")
    })
}

/// The first cells of a row about one entry.
fn entry(cited: &Cited) -> Vec<Value> {
    let hash = cited.payment_hash.map_or(Value::None, Value::Settlement);
    vec![Value::Entry(cited.seq), Value::Time(cited.at), hash]
}

const FIND_MISMATCHES: &str = "SELECT seq, settlement_id, fee_mismatch_sats FROM settlement_audit JOIN \
    dca_settlements ON id = settlement_id WHERE fee_mismatch_sats <> 0 AND event IN \
    ('settlement.claimed', 'settlement.adjusted', 'row.imported')";
const FIND_REFUSED: &str =
    "SELECT seq, settlement_id, refusal FROM settlement_audit WHERE refusal IS NOT NULL";
const FIND_IRREGULAR: &str = "SELECT seq, settlement_id, deposit_id, unit, amount FROM journal WHERE account = 'equity:suspense'";

const MISMATCHES: &[Column] = &[
    Column("seq", "Entry", true),
    Column("recorded_at", "Recorded at", false),
    Column("payment_hash", "Settlement", false),
    Column("machine_id", "Machine", false),
    Column("direction", "Direction", false),
    Column("fee", "Fee, sats", true),
    Column("mismatch", "Mismatch, sats", true),
];

pub(super) fn mismatches(facts: &Facts) -> Table {
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
        more: more(facts, &facts.mismatches, FIND_MISMATCHES),
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

pub(super) fn refused(facts: &Facts) -> Table {
    let rows = facts.refused.shown.iter().map(|found| {
        let mut values = entry(&found.cited);
        values.extend([text(&found.machine_id), text(&found.code), text(&found.fields)]);
        values.push(found.wire_sats.map_or(Value::None, sats));
        row(values, None)
    });
    let codes = facts.refusals.iter().map(|(code, count)| format!("{count} {code}"));
    let codes = codes.collect::<Vec<_>>().join(", ");
    let all = (!codes.is_empty()).then(|| format!("All of them: {codes}"));
    let more =
        [all, more(facts, &facts.refused, FIND_REFUSED)].into_iter().flatten().collect::<Vec<_>>();
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

pub(super) fn irregular(facts: &Facts) -> Table {
    let rows = facts.irregular.shown.iter().map(|found| {
        let mut values = entry(&found.cited);
        values.extend(found.row.iter().map(text));
        values.push(text(found.why));
        row(values, None)
    });
    let imported = grouped(&facts.imported.to_string());
    let all = (facts.imported > 0).then(|| format!("{imported} rows were brought in"));
    let more = [all, more(facts, &facts.irregular, FIND_IRREGULAR)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
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

pub(super) fn gaps(facts: &Facts) -> Table {
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
