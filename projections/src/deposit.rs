//! One deposit, folded from its stream.

use spireledger_schema::Entry;
use spireledger_schema::event::{DepositRecorded, Event};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::personal::Personal;
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::DepositStatus;

use crate::cell::Cell;
use crate::facts::{DepositAtMachine, Source, Subject};
use crate::imported::{ImportedRow, sources};
use crate::{ApplyError, Life};

/// `dca_deposits`: fiat that an LP handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// What was recorded.
    pub recorded: DepositRecorded,
    /// Its state.
    pub status: DepositStatus,
    /// The newest notes.
    pub notes: Option<Personal>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was confirmed; once.
    pub confirmed_at: Option<Timestamp>,
    /// The row it was brought in as, if it was.
    pub imported: Option<ImportedRow>,
}

impl Deposit {
    /// Folds a deposit's stream, oldest first. `None`: nothing was recorded there.
    pub fn fold<'a>(
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, ApplyError> {
        Life::fold(entries).map(|life| life.deposit)
    }

    /// The first entry of its life.
    pub(crate) fn recorded(e: &DepositRecorded, at: Timestamp) -> Self {
        Self {
            recorded: e.clone(),
            status: DepositStatus::Pending,
            notes: e.notes.clone(),
            created_at: at,
            confirmed_at: None,
            imported: None,
        }
    }

    /// Folds one later entry of the stream in.
    pub(crate) fn apply(&mut self, entry: &Entry) {
        let before = self.imported.is_some().then(|| self.facts());
        match &entry.event {
            Event::DepositConfirmed(e) => {
                self.status = DepositStatus::Confirmed;
                self.confirmed_at = Some(entry.circumstances.recorded_at);
                self.note(e.notes.as_ref());
            }
            Event::DepositRejected(e) => {
                self.status = DepositStatus::Rejected;
                self.note(e.notes.as_ref());
            }
            _ => {}
        }
        if let (Some(before), Some(mut imported)) = (before, self.imported.take()) {
            imported.supersede(&before, &self.facts());
            self.imported = Some(imported);
        }
    }

    fn facts(&self) -> Vec<Cell<'static>> {
        let subject = Subject::Deposit(DepositAtMachine { deposit: self, fiat_code: None });
        let read = |source: &Source| source.read(&subject).into_owned();
        sources(SourceTable::Deposits).iter().map(read).collect()
    }

    fn note(&mut self, notes: Option<&Personal>) {
        if let Some(notes) = notes {
            self.notes = Some(notes.clone());
        }
    }
}
