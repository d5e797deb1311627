//! The fleet as the log tells it, for the gateways: strangers are told from machines before they cost
//! the writer anything.

use std::sync::Arc;

use parking_lot::Mutex;
use spireledger_projections::Fleet;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::{Code, Refusal};

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

    /// Whether a machine has this key, as far as that can be told without waiting for anything.
    pub fn knows(&self, key: &PublicKey) -> bool {
        self.state.try_lock().is_some_and(|state| state.fleet.machine_with_npub(key).is_some())
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

    /// What a look at the newest state of the fleet tells.
    pub fn look<T>(&self, at: impl FnOnce(&Fleet) -> T) -> Result<T, LedgerError> {
        let mut state = self.state.lock();
        state.catch_up(&self.log)?;
        Ok(at(&state.fleet))
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

/// A key without a role that no machine has. It costs the writer nothing, and the log nothing either.
pub fn unknown(key: &PublicKey) -> Refusal {
    let message = format!(
        "no machine and nobody else is known by the key {key}; register it, or pair the machine, and \
         send this again"
    );
    Refusal::new(Code::Forbidden, message)
}
