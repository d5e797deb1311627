//! The transactions of the books one by one, as entries bring them about: for whoever writes or adds them
//! up in another way than as rows.

use spireledger_projections::books::{Before, Transaction};
use spireledger_projections::touched::has_rows;
use spireledger_projections::{Fleet, Life};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::{Entry, EntryHash};

use super::states::{Around, States};
use crate::ledger::{LedgerError, read};
use crate::log::ReadLog;

/// An entry, and the money that it moved.
#[derive(Debug)]
pub struct Booked<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its hash.
    pub hash: EntryHash,
    /// The payment hash of its settlement, if it is about one.
    pub payment_hash: Option<PaymentHash>,
    /// What it moved. `None`: nothing.
    pub transaction: Option<Transaction>,
}

/// Reads the log from front to back, once and in bounded memory, and hands out every entry with the money
/// that it moved. Returns the fleet as of the last.
pub fn booked<E: From<LedgerError>>(
    log: &dyn ReadLog,
    mut sink: impl FnMut(Booked<'_>) -> Result<(), E>,
) -> Result<Fleet, E> {
    let (mut fleet, mut states) = (Fleet::default(), States::new());
    for block in log.blocks_from(1) {
        let block = block.map_err(LedgerError::from)?;
        for stored in block.entries() {
            let entry = read(log, &stored)?;
            fleet.apply(&entry).map_err(LedgerError::from)?;
            let mut booking = Booking { fleet: &fleet, payment_hash: None, transaction: None };
            if has_rows(&entry.event) {
                states.take(log, &stored, &entry, &mut booking)?;
            }
            let Booking { payment_hash, transaction, .. } = booking;
            sink(Booked { entry: &entry, hash: stored.hash, payment_hash, transaction })?;
            states.forget_what_is_old();
        }
    }
    Ok(fleet)
}

struct Booking<'f> {
    fleet: &'f Fleet,
    payment_hash: Option<PaymentHash>,
    transaction: Option<Transaction>,
}

impl Around for Booking<'_> {
    type Before = Option<Before>;

    fn before(&mut self, life: &Life, entry: &Entry) -> Option<Before> {
        Before::of(self.fleet, life, &entry.event)
    }

    fn after(&mut self, before: Option<Before>, life: &Life, entry: &Entry) {
        self.payment_hash = life.settlement.as_ref().map(|settlement| settlement.payment_hash);
        self.transaction = before.and_then(|before| before.transaction(self.fleet, life, entry));
    }
}
