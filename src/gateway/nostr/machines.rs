//! The keys of registered machines, as the log tells them: strangers are told from machines before
//! they cost the writer anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use spireledger_projections::Fleet;
use spireledger_schema::identity::PublicKey;

use crate::ledger::{AsOf, LedgerError, fleet_of, past, read};
use crate::log::{ReadLog, SledLog};

/// The machines of a log, folded from its entries up to some point and brought forward when asked.
pub struct Machines {
    log: Arc<SledLog>,
    /// Held while entries are folded: by tasks that may wait, never by the writer.
    state: Mutex<State>,
}

struct State {
    fleet: Fleet,
    /// The last entry that is folded in.
    seq: u64,
}

impl Machines {
    /// Folds the machines of a log. Reads the saved state where there is one, and what is behind it.
    pub fn of(log: Arc<SledLog>) -> Result<Self, LedgerError> {
        let seq = log.head().seq;
        let fleet = fleet_of(&past(&*log, AsOf::Seq(seq))?, log.path())?;
        Ok(Self { log, state: Mutex::new(State { fleet, seq }) })
    }

    /// Whether a machine that is registered by now has this key.
    pub fn has(&self, key: &PublicKey) -> Result<bool, LedgerError> {
        let mut state = self.state.lock();
        if state.fleet.machine_with_npub(key).is_some() {
            // A key that was taken away meanwhile is refused by the rules, which know the newest state.
            return Ok(true);
        }
        state.catch_up(&self.log)?;
        Ok(state.fleet.machine_with_npub(key).is_some())
    }

    /// The keys of all machines that are registered by now.
    pub fn keys(&self) -> Result<BTreeSet<PublicKey>, LedgerError> {
        let mut state = self.state.lock();
        state.catch_up(&self.log)?;
        Ok(state.fleet.machines().filter_map(|machine| machine.machine_npub).collect())
    }
}

impl State {
    fn catch_up(&mut self, log: &SledLog) -> Result<(), LedgerError> {
        if log.head().seq == self.seq {
            return Ok(());
        }
        for block in log.blocks_from(self.seq + 1) {
            for stored in block?.entries() {
                if stored.front.seq <= self.seq {
                    continue;
                }
                self.fleet.apply(&read(log, &stored)?)?;
                self.seq = stored.front.seq;
            }
        }
        Ok(())
    }
}
