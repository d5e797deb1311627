//! Split rules of a spirekeeper database: a set is brought in whole, in the place of the one before.

use serde_json::json;
use spireledger_projections::Fleet;
use spireledger_projections::imported::{self, is_same};
use spireledger_projections::shape::{Shape, Table};
use spireledger_projections::tables::{Row, rules_rows};
use spireledger_projections::versions::SPIREKEEPER_NEWEST;
use spireledger_schema::Event;
use spireledger_schema::event::RulesImported;
use spireledger_schema::imported::{SourceRow, SourceTable};
use spireledger_schema::text::{Text, UserId};

use super::import::{is_row, refused};
use super::{Decision, Found};

/// Decides what follows from all rules of an operator, or of one machine.
pub(super) fn rules(
    fleet: &Fleet,
    found: &Found,
    operator: &Text,
    machine: Option<&Text>,
    rows: &[SourceRow],
) -> Decision {
    let is_live = rows.is_empty()
        || (UserId::parse(operator.as_str()).is_some() && imported::splits(rows).is_some());
    let version = rows.first().map_or(0, |row| row.version);
    let shape = Shape::lent(version).or_else(|| Shape::lent(SPIREKEEPER_NEWEST));
    let table = shape.and_then(|shape| shape.table(SourceTable::Splits.as_str()));
    let shown = table.map(|table| rules_rows(table, fleet, operator, machine));
    let same = |table: &Table, shown: &[Row<'_>]| {
        shown.len() == rows.len()
            && rows.iter().all(|row| {
                let id = row.id.as_str();
                let own = shown.iter().find(|shown| is_row(table, shown, id));
                own.is_some_and(|own| {
                    let mut cells = table.columns().iter().zip(own);
                    cells.all(|(column, cell)| is_same(cell, row.cell(column.name)))
                })
            })
    };
    let newest = found.stream.last();
    if let (Some(table), Some(shown), Some(newest)) = (table, &shown, newest)
        && same(table, shown)
    {
        return Decision::Replay(newest.front.seq);
    }
    if newest.is_some_and(|entry| !matches!(entry.event, Event::RulesImported(_))) {
        let whose = machine.map_or_else(String::new, |machine| format!(" for machine `{machine}`"));
        let message = format!(
            "the split rules of operator `{operator}`{whose} were set here, and the database says \
             otherwise. What is here stands."
        );
        return refused(message, vec![json!({ "field": "splits" })]);
    }
    Decision::Append(Event::RulesImported(RulesImported {
        operator_user_id: operator.clone(),
        machine_id: machine.cloned(),
        rows: rows.to_vec(),
        is_live,
    }))
}
