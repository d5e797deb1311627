//! What one stream says that has rows of its own: a settlement with its legs, a deposit, and rows that
//! were brought in and that nothing could be made of.

use std::collections::BTreeMap;

use spireledger_schema::event::{Event, RowImported};
use spireledger_schema::imported::{SourceRow, SourceTable};
use spireledger_schema::text::Text;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Entry, EntryKey, streams};

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
        let misplaced = || ApplyError::Misplaced { seq: entry.front.seq, name: entry.event.name() };
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
            (Event::ImportPiece(e), _, _) => crate::whole(e, entry.front.seq)?,
            (event, settlement, _) if is_of_settlement(event) => {
                settlement.as_mut().ok_or_else(misplaced)?.apply(entry)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn imported(&mut self, e: &RowImported, entry: &Entry) {
        let at = entry.circumstances.recorded_at;
        let row = ImportedRow::new(e.row.clone(), entry.front.seq, e.is_live);
        let key = (e.row.table, Text::new(e.row.id.as_str()));
        self.alone.remove(&key);
        // Under a key of its own a row is of no settlement, whatever somebody may claim there.
        let stands_apart = is_apart(&e.row, &entry.front.key);
        let is_held = match e.row.table {
            _ if stands_apart => false,
            SourceTable::Deposits => self.deposit_imported(row.clone(), at),
            SourceTable::Settlements => {
                // There is one settlement of a payment hash, whatever it is called.
                self.alone.retain(|(table, _), _| *table != SourceTable::Settlements);
                self.settlement_imported(e, row.clone(), entry)
            }
            SourceTable::Legs => self.leg_imported(row.clone(), at),
            _ => true,
        };
        if !is_held {
            self.alone.insert(key, row);
        }
        if !stands_apart && let Some(settlement) = &mut self.settlement {
            let legs = self.alone.values().filter(|row| row.row.table == SourceTable::Legs);
            let mut own = legs.filter(|row| !is_apart(&row.row, &entry.front.key));
            settlement.has_legs_alone = own.next().is_some();
        }
    }

    // What nothing can be made of is shown in the place of what was there, or alone.
    fn deposit_imported(&mut self, row: ImportedRow, at: Timestamp) -> bool {
        let made = deposit(&row.row, at).filter(|_| row.is_live);
        self.deposit = made.or(self.deposit.take());
        self.deposit.as_mut().map(|deposit| deposit.imported = Some(row)).is_some()
    }

    fn settlement_imported(&mut self, e: &RowImported, row: ImportedRow, entry: &Entry) -> bool {
        let made = settlement(e, entry.circumstances.recorded_at).filter(|_| row.is_live);
        if let Some(made) = made {
            let before = self.settlement.take();
            self.settlement = Some(made.brought_in(row, before, entry));
            return true;
        }
        self.settlement.as_mut().map(|settlement| settlement.imported = Some(row)).is_some()
    }

    fn leg_imported(&mut self, row: ImportedRow, at: Timestamp) -> bool {
        let Some(settlement) = &mut self.settlement else { return false };
        if let Some(mut made) = leg(&row.row, at).filter(|_| row.is_live) {
            made.imported = Some(row);
            settlement.put(made);
            return true;
        }
        let id = row.row.id.clone();
        let there = settlement.legs.iter_mut().find(|leg| leg.id.as_str() == id.as_str());
        there.map(|leg| leg.imported = Some(row)).is_some()
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

/// Whether a row of a settlement or a leg stands in a stream of its own: its database names no settlement
/// that there could be.
pub fn is_apart(row: &SourceRow, key: &EntryKey) -> bool {
    matches!(row.table, SourceTable::Settlements | SourceTable::Legs)
        && streams::imported_alone(row.table, row.id.as_str()) == *key
}
