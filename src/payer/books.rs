//! The ledger, as the payer sees it: what is open, and a way to say what happened.

use std::collections::BTreeSet;

use spireledger_projections::{Fleet, Settlement};
use spireledger_schema::command::Body;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::{MachineId, WalletId};
use spireledger_schema::{Answer, Command, Entry, Event};

use crate::ledger::{Ledger, LedgerError, read, stream};
use crate::log::ReadLog;
use crate::rules::Request;

/// What the payer needs of the ledger.
pub trait Books {
    /// The settlements that have not ended, in the order of their hashes.
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError>;
    /// A settlement as it stands now.
    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError>;
    /// The wallet of a machine.
    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId>;
    /// Says what happened, or is about to. An answer means durable.
    fn say(&self, body: Body) -> Result<Answer, LedgerError>;
}

/// A ledger that is open for writing.
pub struct OnLog<'a> {
    /// The ledger.
    pub ledger: &'a Ledger,
    /// Its fleet. Wallets of machines are looked up here.
    pub fleet: Fleet,
}

impl Books for OnLog<'_> {
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError> {
        open_settlements(&**self.ledger.log())
    }

    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError> {
        read_settlement(&**self.ledger.log(), hash)
    }

    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId> {
        self.fleet.machine(machine).map(|machine| machine.wallet_id.clone())
    }

    fn say(&self, body: Body) -> Result<Answer, LedgerError> {
        self.ledger.ask_one(Request::local(Command::new(body)))
    }
}

/// A settlement, folded from its stream.
pub fn read_settlement(
    log: &dyn ReadLog,
    hash: &PaymentHash,
) -> Result<Option<Settlement>, LedgerError> {
    Ok(Settlement::fold(&stream(log, &hash.key())?)?)
}

/// The settlements of which no entry says that they have ended. Reads the log once; memory follows
/// what is open.
pub fn open_settlements(log: &dyn ReadLog) -> Result<Vec<PaymentHash>, LedgerError> {
    let mut open = BTreeSet::new();
    each_entry(log, |entry| {
        let hash = PaymentHash::from_bytes(*entry.front.key.as_bytes());
        match &entry.event {
            Event::SettlementFinished(_) | Event::SettlementVoided(_) => {
                open.remove(&hash);
            }
            event if begins_settlement(event) => {
                open.insert(hash);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(open.into_iter().collect())
}

/// Whether there may be a settlement from here on.
pub(super) const fn begins_settlement(event: &Event) -> bool {
    match event {
        Event::SettlementClaimed(_) => true,
        Event::RowImported(e) => matches!(e.row.table, SourceTable::Settlements),
        _ => false,
    }
}

/// Reads every entry, in order.
pub(super) fn each_entry(
    log: &dyn ReadLog,
    mut look: impl FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    for block in log.blocks_from(1) {
        for stored in block?.entries() {
            look(&read(log, &stored)?)?;
        }
    }
    Ok(())
}
