//! The ledger, as the payer sees it: what is open, and a way to say what happened.
//!
//! A payer waits for others most of the time, and does not keep the ledger from anybody meanwhile: it opens
//! the ledger for each thing that it reads or says and lets go of it again. So whatever it read may have
//! changed when it says something; the rules see to that (an intent is refused if the leg has ended, is
//! being paid, or its settlement was taken over). A lock of its own keeps a second payer out.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use spireledger_projections::{Fleet, Settlement};
use spireledger_schema::command::Body;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::imported::SourceTable;
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, MachineId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Command, Entry, EntryKey, Event};

use crate::ledger::{Clock, Ledger, LedgerError, Reader, fleet_of, read, stream};
use crate::log::{Directory, DirectoryError, ReadLog, Repair, take_lock};
use crate::rules::{Decision, Found, Request, decide, needs};

/// How long a payer waits for another writer to be done: what it has to say is about sats that moved.
const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);
/// Held by the payer of a ledger, beside the ledger's own lock.
const LOCK: &str = "payer.lock";

/// What the payer needs of the ledger.
pub trait Books {
    /// The settlements that have not ended, in the order of their hashes.
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError>;
    /// A settlement as it stands now.
    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError>;
    /// The wallet of a machine, as of the settlement that was read last.
    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId>;
    /// Where the LP of an enrolment wants its sats to be forwarded, as of the settlement that was read last.
    fn forward_address(&self, client: &ClientId) -> Option<Personal>;
    /// What the rules would have against something about a settlement, were it said now. Nothing is
    /// written.
    fn against(&self, body: Body) -> Result<Option<String>, LedgerError>;
    /// Says what happened, or is about to. An answer means durable.
    fn say(&self, body: Body) -> Result<Answer, LedgerError>;
}

/// A ledger that is opened for each thing that is read or said.
pub struct OnDisk<'a> {
    dir: PathBuf,
    clock: &'a dyn Fn() -> Clock,
    /// The fleet as it was read last.
    fleet: RefCell<Fleet>,
}

impl<'a> OnDisk<'a> {
    /// The ledger in a directory. `clock` makes clocks for its writers.
    pub fn new(dir: &Path, clock: &'a dyn Fn() -> Clock) -> Self {
        Self { dir: dir.to_owned(), clock, fleet: RefCell::default() }
    }

    /// Opens the ledger for reading. Nothing is paid by damaged books.
    fn reader(&self) -> Result<Reader, LedgerError> {
        let reader = Reader::open(&self.dir)?;
        tell(reader.repairs());
        match reader.damage() {
            [] => Ok(reader),
            [damage, ..] => Err(LedgerError::Damaged(damage.to_string())),
        }
    }

    /// Opens the ledger for writing, once nobody else has it.
    fn writer(&self) -> Result<Ledger, LedgerError> {
        let begun = Instant::now();
        loop {
            match Ledger::open(&self.dir, (self.clock)()) {
                Err(LedgerError::Directory(DirectoryError::Held { .. }))
                    if begun.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(PAUSE);
                }
                opened => {
                    let (ledger, repairs) = opened?;
                    tell(&repairs);
                    return Ok(ledger);
                }
            }
        }
    }
}

impl Books for OnDisk<'_> {
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError> {
        open_settlements(&self.reader()?)
    }

    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError> {
        let reader = self.reader()?;
        *self.fleet.borrow_mut() = fleet_of(&reader, &self.dir)?;
        read_settlement(&reader, hash)
    }

    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId> {
        self.fleet.borrow().machine(machine).map(|machine| machine.wallet_id.clone())
    }

    fn forward_address(&self, client: &ClientId) -> Option<Personal> {
        forward_address(&self.fleet.borrow(), client)
    }

    fn against(&self, body: Body) -> Result<Option<String>, LedgerError> {
        let reader = self.reader()?;
        let fleet = fleet_of(&reader, &self.dir)?;
        objection(&fleet, body, (self.clock)()(), |key| stream(&reader, key))
    }

    fn say(&self, body: Body) -> Result<Answer, LedgerError> {
        let ledger = self.writer()?;
        let answer = ledger.ask_one(Request::local(Command::new(body)))?;
        // What was answered is durable, whatever becomes of the files beside it.
        if let Err(error) = ledger.close() {
            tracing::warn!(%error, "the ledger was not closed in order");
        }
        Ok(answer)
    }
}

fn tell(repairs: &[Repair]) {
    for repair in repairs {
        tracing::warn!("repaired: {repair}");
    }
}

/// Where the LP of an enrolment wants its sats to be forwarded.
pub(super) fn forward_address(fleet: &Fleet, client: &ClientId) -> Option<Personal> {
    let lp = fleet.lp(&fleet.client(client)?.user_id)?;
    lp.autoforward_ln_address.clone().filter(|_| lp.autoforward_enabled)
}

/// What the rules have against a command that goes on with a settlement.
pub(super) fn objection(
    fleet: &Fleet,
    body: Body,
    now: Timestamp,
    stream: impl Fn(&EntryKey) -> Result<Vec<Entry>, LedgerError>,
) -> Result<Option<String>, LedgerError> {
    let request = Request::local(Command::new(body));
    let found = Found { stream: stream(&needs(fleet, &request).stream)?, aliased: None };
    Ok(match decide(fleet, &found, &request, now)? {
        Decision::Append(_) | Decision::Replay(_) => None,
        Decision::Refuse { refusal, .. } => Some(refusal.message),
    })
}

/// The lock of a ledger's payer, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct PayerLock {
    _file: File,
}

impl PayerLock {
    /// Takes the lock of a ledger's directory; otherwise says who has it.
    ///
    /// # Errors
    /// If there is no ledger, or the file cannot be made.
    pub fn take(dir: &Path) -> Result<Result<Self, String>, DirectoryError> {
        Directory::check(dir)?;
        let path = dir.join(LOCK);
        let io = |error| DirectoryError::Io { path: path.clone(), error };
        let taken = take_lock(&path, &format!("process {}", std::process::id())).map_err(io)?;
        Ok(taken.map(|file| Self { _file: file }))
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
