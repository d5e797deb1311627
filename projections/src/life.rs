//! What one stream says that has rows of its own: a settlement with its legs, a deposit, and rows that
//! were brought in and that nothing could be made of.

use std::collections::BTreeMap;

use spireledger_schema::Entry;
use spireledger_schema::event::{Event, RowImported};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::Text;

use crate::imported::{ImportedRow, RowKey, deposit, leg, settlement};
use crate::settlement::is_of_settlement;
use crate::{ApplyError, Deposit, Settlement};

/// The life of what a stream is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    /// The settlement, if one was claimed or brought in here.
    pub settlement: Option<Settlement>,
    /// The deposit, if one was recorded or brought in here.
    pub deposit: Option<Deposit>,
    /// Rows of deposits, settlements and legs that are shown as they were found, and no more.
    pub alone: BTreeMap<RowKey, ImportedRow>,
}

impl Life {
    /// Folds a stream, oldest first.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Self, ApplyError> {
        let mut life = Self::default();
        entries.into_iter().try_for_each(|entry| life.apply(entry))?;
        Ok(life)
    }

    /// Folds the next entry of the stream in.
    ///
    /// Other things can stand in the stream of a settlement, and are passed over: their keys are
    /// derived, a payment hash is whatever a claim says, and both share one space.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        let misplaced =
            || ApplyError::Misplaced { seq: entry.front.seq, name: entry.event.name() };
        let at = entry.circumstances.recorded_at;
        match (&entry.event, &mut self.settlement, &mut self.deposit) {
            (Event::SettlementClaimed(e), None, _) => {
                self.settlement = Some(Settlement::claimed(e, entry));
            }
            (Event::DepositRecorded(e), _, None) => {
                self.deposit = Some(Deposit::recorded(e, at));
            }
            (Event::DepositRecorded(_), _, Some(_)) => return Err(misplaced()),
            (Event::DepositConfirmed(_) | Event::DepositRejected(_), _, deposit) => {
                deposit.as_mut().ok_or_else(misplaced)?.apply(entry);
            }
            (Event::RowImported(e), _, _) => self.imported(e, entry),
            (event, settlement, _) if is_of_settlement(event) => {
                settlement.as_mut().ok_or_else(misplaced)?.apply(entry)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn imported(&mut self, e: &RowImported, entry: &Entry) {
        let (at, seq) = (entry.circumstances.recorded_at, entry.front.seq);
        let row = ImportedRow::new(e.row.clone(), seq, e.is_live);
        let key = (e.row.table, Text::new(e.row.id.as_str()));
        self.alone.remove(&key);
        let taken = match e.row.table {
            _ if !e.is_live => None,
            SourceTable::Deposits => deposit(&e.row, at).map(|mut deposit| {
                deposit.imported = Some(row.clone());
                self.deposit = Some(deposit);
            }),
            SourceTable::Settlements => settlement(e, at).map(|settlement| {
                let before = self.settlement.take();
                self.settlement = Some(settlement.brought_in(row.clone(), before, entry));
            }),
            SourceTable::Legs => self.settlement.as_mut().zip(leg(&e.row, at)).map(|(s, mut leg)| {
                leg.imported = Some(row.clone());
                s.put(leg);
            }),
            _ => return,
        };
        let is_of_stream = matches!(
            e.row.table,
            SourceTable::Deposits | SourceTable::Settlements | SourceTable::Legs
        );
        if taken.is_none() && is_of_stream {
            self.alone.insert(key, row);
        }
    }

    /// The row that this life has of a table under an id, if it was brought in.
    pub fn row_imported(&self, table: SourceTable, id: &str) -> Option<&ImportedRow> {
        let alone = self.alone.get(&(table, Text::new(id)));
        let of = |row: &&ImportedRow| row.row.table == table && row.row.id.as_str() == id;
        let taken = match table {
            SourceTable::Deposits => self.deposit.as_ref().and_then(|d| d.imported.as_ref()),
            SourceTable::Settlements => self.settlement.as_ref().and_then(|s| s.imported.as_ref()),
            SourceTable::Legs => {
                let legs = self.settlement.iter().flat_map(|settlement| &settlement.legs);
                legs.filter_map(|leg| leg.imported.as_ref()).find(of)
            }
            _ => None,
        };
        alone.or(taken.filter(of))
    }
}
