//! One deposit, folded from its stream.

use spireledger_schema::Entry;
use spireledger_schema::event::{DepositRecorded, Event};
use spireledger_schema::personal::Personal;
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::DepositStatus;

use crate::ApplyError;
use crate::settlement::imported_from;

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
    /// The version of the database it came from, if it was imported.
    pub imported_from: Option<u16>,
}

impl Deposit {
    /// Folds a deposit's stream, oldest first. `None`: nothing was recorded there.
    ///
    /// Other things can stand in the stream, and are passed over: see
    /// [`crate::Settlement::fold`].
    pub fn fold<'a>(
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, ApplyError> {
        let mut deposit = None;
        for entry in entries {
            Self::step(&mut deposit, entry)?;
        }
        Ok(deposit)
    }

    /// Folds the next entry of a stream in, whatever it is: see [`Self::fold`].
    pub fn step(deposit: &mut Option<Self>, entry: &Entry) -> Result<(), ApplyError> {
        let at = entry.circumstances.recorded_at;
        match (&entry.event, deposit) {
            (Event::DepositRecorded(e), none @ None) => {
                *none = Some(Self {
                    recorded: e.clone(),
                    status: DepositStatus::Pending,
                    notes: e.notes.clone(),
                    created_at: at,
                    confirmed_at: None,
                    imported_from: imported_from(&entry.circumstances.actor),
                });
            }
            (Event::DepositConfirmed(e), Some(deposit)) => {
                deposit.status = DepositStatus::Confirmed;
                deposit.confirmed_at = Some(at);
                deposit.note(e.notes.as_ref());
            }
            (Event::DepositRejected(e), Some(deposit)) => {
                deposit.status = DepositStatus::Rejected;
                deposit.note(e.notes.as_ref());
            }
            (
                event @ (Event::DepositRecorded(_)
                | Event::DepositConfirmed(_)
                | Event::DepositRejected(_)),
                _,
            ) => {
                let seq = entry.front.seq;
                return Err(ApplyError::Misplaced { seq, name: event.name() });
            }
            _ => {}
        }
        Ok(())
    }

    fn note(&mut self, notes: Option<&Personal>) {
        if let Some(notes) = notes {
            self.notes = Some(notes.clone());
        }
    }
}
