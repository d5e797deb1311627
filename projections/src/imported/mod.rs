//! Rows that were brought in from a spirekeeper database, beside what the ledger makes of them.
//!
//! What the ledger can read becomes state like any other. What it cannot say in the same words (a
//! moment with places, an unknown status, a key in another spelling) stays as it was found and is
//! shown so, column by column, until something that happens later says otherwise.
//!
//! *Never:* drop a cell, or put one right. *Start at:* [`ImportedRow`].

mod columns;
mod fleet;
mod settlement;
mod typed;

use std::borrow::Cow;
use std::cmp::Ordering;

use bincode::{BorrowDecode, Encode};
use rust_decimal::Decimal;
use spireledger_schema::imported::{Found, SourceRow};

use crate::cell::{self, Cell};
use crate::facts::{DepositFact, Source, Subject};
use crate::shape::Column;

pub use columns::sources;
pub use fleet::{RowKey, counted};
pub use typed::{decimal, fiat, moment, sats, status_of_leg, whole};
pub use typed::{client, config, deposit, leg, lp, machine, settlement, splits};
pub use typed::is_bay;
pub(crate) use typed::{bay, beacon, telemetry};
use typed::personal;

/// The version that made every deposit's currency the machine's.
pub const CURRENCY_IS_THE_MACHINES: u16 = 5;

/// A row as it was found, and what of it still stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct ImportedRow {
    /// The row.
    pub row: SourceRow,
    /// The entry that brought it in.
    pub seq: u64,
    /// Whether the ledger goes on with it.
    pub is_live: bool,
    /// Which cells something else was said of later, by their columns' places. Empty: none.
    superseded: Vec<bool>,
}

impl ImportedRow {
    /// A row that was just brought in.
    pub const fn new(row: SourceRow, seq: u64, is_live: bool) -> Self {
        Self { row, seq, is_live, superseded: Vec::new() }
    }

    /// Whether anything that was found was changed since.
    pub fn is_changed(&self) -> bool {
        self.superseded.contains(&true)
    }

    /// Notes which facts changed.
    pub(crate) fn supersede(&mut self, before: &[Cell<'_>], after: &[Cell<'_>]) {
        self.superseded.resize(before.len(), false);
        for ((superseded, before), after) in self.superseded.iter_mut().zip(before).zip(after) {
            *superseded |= before != after;
        }
    }

    /// What a column shows: what was found, unless the state says the same in its own words, or
    /// something was said of it since.
    pub(crate) fn shown<'a>(&'a self, column: &Column, subject: &Subject<'a>) -> Cell<'a> {
        let typed = column.source.read(subject);
        let place = self.row.table.place(column.name);
        let is_superseded = place.is_some_and(|place| self.superseded.get(place) == Some(&true));
        if is_superseded {
            return typed;
        }
        let is_the_machines = column.source == Source::Deposit(DepositFact::CurrencyOfMachine);
        let machines = match subject {
            Subject::Deposit(row) => row.fiat_code,
            Subject::Imported(alone) => alone.fiat_code,
            _ => None,
        };
        if is_the_machines && self.row.version < CURRENCY_IS_THE_MACHINES && machines.is_some() {
            return typed;
        }
        match effective(&self.row, column.name) {
            Found::Absent if matches!(subject, Subject::Imported(_)) => {
                column.default_cell().unwrap_or(Cell::Null)
            }
            Found::Absent => typed,
            found if is_same(&typed, found) => typed,
            found => found_cell(found),
        }
    }
}

/// A cell with what the migrations put into columns that were not there yet.
pub fn effective<'a>(row: &'a SourceRow, column: &str) -> &'a Found {
    let found = row.cell(column);
    match column {
        // Seed m009: one fraction becomes one for each direction, where neither says anything.
        "super_cash_in_fee_fraction" | "super_cash_out_fee_fraction" => {
            let older = row.cell("super_fee_fraction");
            let says = |column| is_above_zero(row.cell(column)).is_some_and(|sign| sign.is_ne());
            let is_said = says("super_cash_in_fee_fraction") || says("super_cash_out_fee_fraction");
            let is_older = is_above_zero(older) == Some(Ordering::Greater);
            if is_older && !is_said { older } else { found }
        }
        // Seed m008: under the older key only the machine itself ever named a denomination.
        "state_denomination" if *found == Found::Absent => row.cell("denomination"),
        _ => found,
    }
}

/// How a cell compares with zero, as SQL compares; a text is above every number. `None` for nothing.
fn is_above_zero(found: &Found) -> Option<Ordering> {
    match found {
        Found::Absent | Found::Null => None,
        Found::Integer(number) => Some(number.cmp(&0)),
        Found::Real(digits) => Some(if digits.as_str().starts_with('-') {
            Ordering::Less
        } else if decimal(found).is_some_and(|number| number.is_zero()) {
            Ordering::Equal
        } else {
            Ordering::Greater
        }),
        Found::Text(_) | Found::Personal(_) | Found::Bytes(_) => Some(Ordering::Greater),
    }
}

/// A found cell as a cell of a table.
fn found_cell(found: &Found) -> Cell<'_> {
    match found {
        Found::Absent | Found::Null => Cell::Null,
        Found::Integer(number) => Cell::Integer(*number),
        Found::Real(digits) => Cell::Real(Cow::Borrowed(digits.as_str())),
        Found::Text(text) => Cell::text(text.as_str()),
        Found::Personal(value) => Cell::text(cell::personal(value)),
        Found::Bytes(bytes) => Cell::Bytes(Cow::Borrowed(bytes)),
    }
}

/// Whether two cells say the same: numbers by their value, whatever they are written as.
pub fn is_same(typed: &Cell<'_>, found: &Found) -> bool {
    match typed {
        Cell::Null => !found.is_something(),
        Cell::Integer(number) => is_number(found, Decimal::from(*number)),
        Cell::Boolean(truth) => is_number(found, Decimal::from(u8::from(*truth))),
        Cell::Decimal(number) => is_number(found, *number),
        Cell::Time(at) => is_number(found, Decimal::from(at.seconds())),
        Cell::Text(text) => found.as_str() == Some(text),
        Cell::Real(digits) => matches!(found, Found::Real(found) if found.as_str() == digits),
        Cell::Bytes(bytes) => matches!(found, Found::Bytes(found) if found[..] == **bytes),
    }
}

/// Whether two found cells say the same.
pub fn is_same_found(one: &Found, other: &Found) -> bool {
    match (one, other) {
        (Found::Integer(_) | Found::Real(_), Found::Integer(_) | Found::Real(_)) => {
            one == other || decimal(one).is_some_and(|number| is_number(other, number))
        }
        _ => is_same(&found_cell(one), other),
    }
}

fn is_number(found: &Found, number: Decimal) -> bool {
    matches!(found, Found::Integer(_) | Found::Real(_)) && decimal(found) == Some(number)
}
