//! Rows of a spirekeeper database: is this new, does it say something else than before, and what of
//! it can the ledger go on with?
//!
//! Nothing is refused for what it says, because it happened. A row is refused only where the ledger
//! itself has gone on with the same thing since: which of two histories is right no rule can know.

use serde_json::{Value, json};
use spireledger_projections::facts::Rows;
use spireledger_projections::imported::{
    self, ImportedRow, counted, effective, is_same, is_same_found,
};
use spireledger_projections::shape::{Shape, Table};
use spireledger_projections::tables::{Cell, Row, row_of, rows_of, settlement_row};
use spireledger_projections::{ApplyError, Fleet, Life, Settlement, is_apart};
use spireledger_schema::event::RowImported;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::imported::{Counted, Found as Cellar, SourceRow, SourceTable};
use spireledger_schema::text::{MachineId, Text};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{DepositStatus, LegType};
use spireledger_schema::{Code, Entry, EntryKey, Event, Refusal, streams};

use super::long::short;
use super::rule_sets::rules;
use super::{Decision, Found};

/// The version that gave LPs a table of their own.
const LPS_HAVE_A_TABLE: u16 = 4;

/// What a database says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Import {
    /// A row.
    Row {
        /// The row.
        row: SourceRow,
        /// Of a settlement or a leg: the settlement's payment hash, if it has one.
        settlement: Option<PaymentHash>,
    },
    /// All split rules of an operator, or of one machine.
    Rules {
        /// The operator.
        operator: Text,
        /// The machine; the operator's default without it.
        machine: Option<Text>,
        /// The rules, of one version all of them.
        rows: Vec<SourceRow>,
    },
}

impl Import {
    /// The stream that it belongs to.
    pub fn stream(&self) -> EntryKey {
        match self {
            Self::Row { row, settlement } => streams::imported(row, settlement.as_ref()),
            Self::Rules { operator, machine, .. } => {
                streams::imported_rules(operator.as_str(), machine.as_ref().map(Text::as_str))
            }
        }
    }

    /// Of a leg: the key that it is found again under, whichever settlement it is of by then.
    pub fn own_key(&self) -> Option<EntryKey> {
        match self {
            Self::Row { row, .. } if row.table == SourceTable::Legs => {
                Some(streams::imported_alone(row.table, row.id.as_str()))
            }
            _ => None,
        }
    }

    /// Where else what it is about may have been said: bays and reports have streams of their own by
    /// moment, but all of them are a machine's.
    pub fn beside(&self) -> Option<EntryKey> {
        let Self::Row { row, .. } = self else { return None };
        let is_of_machine = matches!(row.table, SourceTable::Bays | SourceTable::Telemetry);
        let machine = row.cell("machine_id").as_str().filter(|_| is_of_machine)?;
        MachineId::parse(machine).as_ref().map(streams::machine)
    }

    /// Whether an entry brought the same row in.
    pub fn is_of(&self, entry: &Entry) -> bool {
        match (self, &entry.event) {
            (Self::Row { row, .. }, Event::RowImported(e)) => {
                (e.row.table, e.row.id.as_str()) == (row.table, row.id.as_str())
            }
            _ => false,
        }
    }

    /// About how long it is, in bytes.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Row { row, .. } => row.bytes(),
            Self::Rules { rows, .. } => rows.iter().map(SourceRow::bytes).sum(),
        }
    }

    /// When it happened, as far as it says so.
    pub fn occurred_at(&self) -> Option<Timestamp> {
        match self {
            Self::Row { row, .. } => {
                let mut columns = ["created_at", "updated_at"].into_iter();
                columns.find_map(|column| imported::moment(row.cell(column)))
            }
            Self::Rules { rows, .. } => {
                rows.iter().filter_map(|row| imported::moment(row.cell("created_at"))).max()
            }
        }
    }
}

/// Decides what follows from what a database says.
///
/// # Errors
/// Only if what was found is not a history that these rules could have written.
pub fn decide_import(
    fleet: &Fleet,
    found: &Found,
    import: &Import,
    now: Timestamp,
) -> Result<Decision, ApplyError> {
    match import {
        Import::Row { row, settlement } => {
            let life = Life::fold(&found.stream)?;
            let case = Case { fleet, found, life: &life, row, settlement: settlement.as_ref() };
            Ok(case.decide(now))
        }
        Import::Rules { operator, machine, rows } => {
            Ok(rules(fleet, found, operator, machine.as_ref(), rows))
        }
    }
}

/// A row, and what is known of the same.
struct Case<'a> {
    fleet: &'a Fleet,
    found: &'a Found,
    life: &'a Life,
    row: &'a SourceRow,
    settlement: Option<&'a PaymentHash>,
}

impl Case<'_> {
    fn decide(&self, now: Timestamp) -> Decision {
        let last = self.last();
        let counts_now = last.as_ref().and_then(|(_, counts)| counts.clone());
        let last = last.map(|(row, _)| row);
        let event = self.event(last.as_ref(), counts_now.clone(), now);
        let counts_the_same = counts_now == event.after;
        if let Some(last) = &last
            && counts_the_same
            && last.is_live == event.is_live
            && self.says_the_same(&last.row)
        {
            return Decision::Replay(last.seq);
        }
        let shown = self.shown();
        let differs = shown.as_ref().map(|(table, row)| self.differences(table, row));
        if let (Some([]), Some(seq)) = (differs.as_deref(), self.seq(last.as_ref()))
            && last.as_ref().is_none_or(|last| {
                // What went on here was counted here.
                last.is_changed() || (counts_the_same && last.is_live == event.is_live)
            })
        {
            return Decision::Replay(seq);
        }
        if last.is_none()
            && let Some(settlement) = self.settlement_gone_on_with()
        {
            return self.conflict_over(settlement);
        }
        let is_native = last.is_none() && shown.is_some() && !self.is_untouched_config();
        if is_native || last.as_ref().is_some_and(ImportedRow::is_changed) {
            return self.conflict(differs.unwrap_or_default());
        }
        Decision::Append(Event::RowImported(event))
    }

    /// The same row as it was brought in last, and what it counts for since.
    fn last(&self) -> Option<(ImportedRow, Option<Counted>)> {
        let (table, id) = (self.row.table, self.row.id.as_str());
        let of_row = |entry: &&Entry| match &entry.event {
            Event::RowImported(e) => e.row.table == table && e.row.id.as_str() == id,
            _ => false,
        };
        let entry = self.found.stream.iter().rev().find(of_row);
        let entry = entry.or(self.found.aliased.as_ref().filter(of_row))?;
        let Event::RowImported(e) = &entry.event else { return None };
        let kept = self.fleet.imported(table, id).or_else(|| self.life.row_imported(table, id));
        let row = kept.cloned();
        let fresh = || ImportedRow::new(e.row.clone(), entry.front.seq, e.is_live);
        Some((row.unwrap_or_else(fresh), e.after.clone()))
    }

    fn event(
        &self,
        last: Option<&ImportedRow>,
        before: Option<Counted>,
        now: Timestamp,
    ) -> RowImported {
        let operator_user_id = (self.row.table == SourceTable::Settlements)
            .then(|| self.row.cell("machine_id").as_str().and_then(MachineId::parse))
            .flatten()
            .and_then(|id| self.fleet.machine(&id))
            .map(|machine| machine.operator_user_id.clone());
        let row = last.map_or_else(|| self.row.clone(), |last| merged(&last.row, self.row));
        let settlement = self.own_settlement();
        let is_open = settlement.is_some_and(|settlement| !settlement.status.is_final());
        let after = counted(self.fleet, &row, before.as_ref(), is_open);
        let mut event = RowImported { row, is_live: false, operator_user_id, before, after };
        event.is_live = self.can_be_gone_on_with(&event, now);
        event
    }

    /// Whether the ledger knows what every cell means that it needs, and nobody else has what must
    /// be one's own.
    fn can_be_gone_on_with(&self, e: &RowImported, now: Timestamp) -> bool {
        let (fleet, row) = (self.fleet, &e.row);
        match row.table {
            SourceTable::Config => row.id.as_str() == "default" && imported::config(row).is_some(),
            SourceTable::Machines => imported::machine(row, now).is_some_and(|machine| {
                let wallet = fleet.machine_with_wallet(&machine.wallet_id);
                let npub = machine.machine_npub.and_then(|npub| fleet.machine_with_npub(&npub));
                wallet.is_none_or(|id| *id == machine.id) && npub.is_none_or(|id| *id == machine.id)
            }),
            SourceTable::Lps => imported::lp(row, now).is_some(),
            SourceTable::Clients => imported::client(row, now).is_some_and(|client| {
                let mut others = fleet.clients_at(&client.machine_id);
                !others.any(|other| other.user_id == client.user_id && other.id != client.id)
            }),
            SourceTable::Telemetry => {
                row.cell("machine_id").as_str().and_then(MachineId::parse).is_some()
            }
            SourceTable::Bays => imported::is_bay(row),
            SourceTable::Deposits => imported::deposit(row, now).is_some_and(|deposit| {
                // What waits here can be confirmed here: then it has to have been counted.
                deposit.status != DepositStatus::Pending || e.after.is_some()
            }),
            SourceTable::Settlements => {
                self.settlement.is_some() && imported::settlement(e, now).is_some()
            }
            SourceTable::Legs => {
                self.own_settlement().is_some()
                    && imported::leg(row, now).is_some_and(|leg| {
                        let waits = leg.leg.leg_type == LegType::Dca && !leg.status.is_final();
                        !waits || e.after.is_some()
                    })
            }
            SourceTable::Splits => false,
        }
    }

    /// The row that the tables of the database's version show.
    fn shown(&self) -> Option<(&'static Table, Row<'_>)> {
        let own = Shape::lent(self.row.version)?.table(self.row.table.as_str());
        // What LPs want is read out of their enrolments where they have no table yet.
        let later = || Shape::lent(LPS_HAVE_A_TABLE)?.table(self.row.table.as_str());
        let table = own.or_else(later)?;
        let row = match table.rows() {
            Rows::Deposits | Rows::Settlements | Rows::Legs => {
                let rows = rows_of(table, self.fleet, self.life);
                rows.into_iter().find(|row| is_row(table, row, self.row.id.as_str()))
            }
            _ => row_of(table, self.fleet, self.row),
        };
        row.map(|row| (table, row))
    }

    fn says_the_same(&self, last: &SourceRow) -> bool {
        let columns = self.row.table.columns().iter();
        columns.zip(&self.row.cells).filter(|(_, cell)| **cell != Cellar::Absent).all(
            |(column, cell)| {
                let is_currency = *column == "currency" && last.version != self.row.version;
                !is_currency && is_same_found(effective(last, column), cell)
            },
        )
    }

    /// The columns that the tables show otherwise than the database.
    fn differences(&self, table: &Table, row: &Row<'_>) -> Vec<Value> {
        let is_read_out = self.row.table == SourceTable::Lps && self.row.version < LPS_HAVE_A_TABLE;
        let cells = table.columns().iter().zip(row);
        let found = cells.filter_map(|(column, cell)| {
            let found = self.row.cell(column.name);
            let is_the_enrolments =
                is_read_out && matches!(column.name, "created_at" | "updated_at");
            let differs = !is_the_enrolments && *found != Cellar::Absent && !is_same(cell, found);
            differs.then(|| {
                json!({
                    "field": column.name, "here": short(cell), "found": short(found),
                })
            })
        });
        found.collect()
    }

    /// The entry that said what the database says.
    fn seq(&self, last: Option<&ImportedRow>) -> Option<u64> {
        let newest = self.found.stream.last().or(self.found.aliased.as_ref());
        newest.map(|entry| entry.front.seq).or_else(|| last.map(|last| last.seq))
    }

    /// The settlement that a row of a settlement or a leg is of, as far as there is one here.
    fn own_settlement(&self) -> Option<&Settlement> {
        let key = &self.found.stream.first()?.front.key;
        self.life.settlement.as_ref().filter(|_| !is_apart(self.row, key))
    }

    /// That settlement, if it was claimed here or went on here: a row that is new to it would change what
    /// becomes of its sats.
    fn settlement_gone_on_with(&self) -> Option<&Settlement> {
        let settlement = self.own_settlement()?;
        let found = settlement.imported.as_ref();
        let is_gone_on_with = match self.row.table {
            SourceTable::Settlements => found.is_none_or(ImportedRow::is_changed),
            SourceTable::Legs => {
                found.is_none() || settlement.legs.iter().any(|leg| leg.imported.is_none())
            }
            _ => false,
        };
        is_gone_on_with.then_some(settlement)
    }

    /// The conflict of a new row with what its settlement is here.
    fn conflict_over(&self, settlement: &Settlement) -> Decision {
        if self.row.table == SourceTable::Settlements {
            let table = Shape::lent(self.row.version)
                .and_then(|shape| shape.table(SourceTable::Settlements.as_str()));
            let shown = table.and_then(|table| Some((table, settlement_row(table, settlement)?)));
            return self.conflict(
                shown.map_or_else(Vec::new, |(table, row)| self.differences(table, &row)),
            );
        }
        let (id, hash) = (&self.row.id, settlement.payment_hash);
        let message = format!(
            "{} `{id}` is of settlement {hash}, which was claimed here or went on here with legs of its \
             own; what was paid of it elsewhere is not counted. What is here stands.",
            self.row.table
        );
        let found = short(self.row.cell("settlement_id"));
        let here = settlement.table_key();
        refused(message, vec![json!({ "field": "settlement_id", "here": here, "found": found })])
    }

    /// Whether this is the configuration, and nobody has set any yet.
    fn is_untouched_config(&self) -> bool {
        self.row.table == SourceTable::Config && self.fleet.config().updated_at.is_none()
    }

    fn conflict(&self, fields: Vec<Value>) -> Decision {
        let (table, id) = (self.row.table, &self.row.id);
        let listed: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
        let message = format!(
            "{table} `{id}` went on here since it was brought in, or was made here, and the \
             database says otherwise; these differ: {}. What is here stands.",
            listed.join(", ")
        );
        refused(message, fields)
    }
}

pub(super) fn refused(message: String, fields: Vec<Value>) -> Decision {
    let refusal = Refusal::new(Code::Conflict, message).with("fields", fields);
    Decision::Refuse { refusal: Box::new(refusal), evidence: None }
}

/// Whether a row of a table has this id: all tables but that of bays have one column as their key.
pub(super) fn is_row(table: &Table, row: &Row<'_>, id: &str) -> bool {
    matches!(table.key_of(row).as_slice(), [Cell::Text(key)] if key == id)
}

/// What is found now, with what a column said that the database does not have any more.
fn merged(last: &SourceRow, now: &SourceRow) -> SourceRow {
    let cell = |place: usize| {
        let now = now.cells.get(place).filter(|cell| **cell != Cellar::Absent);
        now.or_else(|| last.cells.get(place)).cloned().unwrap_or(Cellar::Absent)
    };
    let cells = (0..last.cells.len().max(now.cells.len())).map(cell).collect();
    SourceRow { cells, ..now.clone() }
}
