//! What was brought in, in the life of a settlement.

use spireledger_schema::Entry;
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::{NoteId, ProcessingClaim};
use spireledger_schema::words::SettlementStatus;

use std::borrow::Cow;

use super::{ImportedRow, personal, sources};
use crate::cell::Cell;
use crate::facts::{LegOfSettlement, Source, Subject};
use crate::settlement::{LegRow, Lock, Settlement};

/// The id of the note that holds what was found as a settlement's notes.
const NOTE: &str = "imported";

impl Settlement {
    /// A settlement that was brought in, with the legs and notes that it has here already.
    pub(crate) fn brought_in(
        mut self,
        row: ImportedRow,
        before: Option<Self>,
        entry: &Entry,
    ) -> Self {
        let found = NoteId::parse(NOTE).zip(personal(row.row.cell("notes")));
        self.notes.extend(found.map(|(id, note)| (id, note, self.created_at)));
        if let Some(before) = before {
            self.legs = before.legs;
            let own = before.notes.into_iter().filter(|(id, _, _)| id.as_str() != NOTE);
            self.notes.extend(own);
        }
        // Whoever holds the lock there may hold it still: its lease begins when that was learned.
        let token = row.row.cell("processing_claim").as_str().and_then(ProcessingClaim::parse);
        if let (SettlementStatus::Processing, Some(processing_claim)) = (self.status, token) {
            self.lock = Some(Lock {
                processing_claim,
                since: entry.circumstances.recorded_at,
                holder: entry.circumstances.actor.clone(),
                seq: entry.front.seq,
            });
        }
        self.imported = Some(row);
        self
    }

    /// Puts a leg in the place of the one with its id, or behind all others.
    pub(crate) fn put(&mut self, leg: LegRow) {
        match self.legs.iter_mut().find(|old| old.id == leg.id) {
            // A database does not know what is about to be paid.
            Some(old) => {
                let intent = old.intent.take().filter(|_| !leg.status.is_final());
                *old = LegRow { intent, paid_from: old.paid_from.take(), ..leg };
            }
            None => self.legs.push(leg),
        }
    }

    /// Its id in the tables.
    pub fn table_key(&self) -> Cow<'_, str> {
        let found = self.imported.as_ref().and_then(|row| row.row.cell("id").as_str());
        found.map_or_else(|| Cow::Owned(self.payment_hash.to_string()), Cow::Borrowed)
    }

    pub(crate) fn facts(&self) -> Vec<Cell<'static>> {
        let subject = Subject::Settlement(self);
        let read = |source: &Source| source.read(&subject).into_owned();
        sources(SourceTable::Settlements).iter().map(read).collect()
    }

    pub(crate) fn facts_of_legs(&self) -> Vec<Vec<Cell<'static>>> {
        let facts = |leg| {
            let subject = Subject::Leg(LegOfSettlement { settlement: self, leg });
            let read = |source: &Source| source.read(&subject).into_owned();
            sources(SourceTable::Legs).iter().map(read).collect()
        };
        self.legs.iter().map(facts).collect()
    }

    /// What was found gives way to what was said since.
    pub(crate) fn supersede(&mut self, before: &[Cell<'_>], legs_before: &[Vec<Cell<'_>>]) {
        let (now, legs_now) = (self.facts(), self.facts_of_legs());
        if let Some(imported) = &mut self.imported {
            imported.supersede(before, &now);
        }
        for ((leg, before), now) in self.legs.iter_mut().zip(legs_before).zip(&legs_now) {
            if let Some(imported) = &mut leg.imported {
                imported.supersede(before, now);
            }
        }
    }
}
