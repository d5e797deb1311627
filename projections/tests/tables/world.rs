//! A history and what it is folded to. It can be kept to what an older version's tables can hold.

use spireledger_projections::{Deposit, Fleet, Settlement};
use spireledger_schema::identity::Actor;
use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Circumstances, Entry, EntryKey, Event, Front};

use super::moves::Move;

/// A ledger in memory.
pub struct World {
    pub fleet: Fleet,
    /// Every entry, in order.
    pub all: Vec<Entry>,
    /// The streams of deposits and of settlements, in the order in which they came.
    pub deposits: Vec<Vec<Entry>>,
    pub settlements: Vec<Vec<Entry>>,
    /// The version whose tables have to hold everything, and nothing newer is known.
    pub held: Option<u16>,
    now: Timestamp,
    seq: u64,
}

impl World {
    /// What comes of these moves. With `held`, only what the tables of that version can tell.
    pub fn of(moves: &[(u8, Move)], held: Option<u16>) -> Self {
        let mut world = Self {
            fleet: Fleet::default(),
            all: Vec::new(),
            deposits: Vec::new(),
            settlements: Vec::new(),
            held,
            now: Timestamp::from_seconds(1_767_225_600).unwrap(),
            seq: 0,
        };
        for (pause, happening) in moves {
            let later = world.now.micros() + i64::from(*pause) * 1_000_000;
            world.now = Timestamp::from_micros(later).unwrap();
            world.take(happening);
        }
        world
    }

    /// Whether the tables must do without what came with this version.
    pub fn before(&self, version: u16) -> bool {
        self.held.is_some_and(|held| held < version)
    }

    /// The moment.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// One entry, folded into the fleet.
    pub fn record(&mut self, key: EntryKey, event: Event) -> Entry {
        self.seq += 1;
        let happened = match &event {
            Event::SettlementClaimed(claim) if claim.machine_seq.is_some() => {
                Timestamp::from_micros(self.now.micros() - 5_000_000)
            }
            _ => None,
        };
        let entry = Entry {
            front: Front { seq: self.seq, key, alias: None },
            circumstances: Circumstances {
                recorded_at: self.now,
                occurred_at: happened,
                actor: Actor::Local,
                request_id: None,
                evidence: None,
            },
            event,
        };
        self.fleet.apply(&entry).unwrap();
        self.all.push(entry.clone());
        entry
    }

    /// All deposits as they stand.
    pub fn folded_deposits(&self) -> Vec<Deposit> {
        self.deposits.iter().map(|stream| Deposit::fold(stream).unwrap().unwrap()).collect()
    }

    /// All settlements as they stand.
    pub fn folded_settlements(&self) -> Vec<Settlement> {
        let keeps_mismatch = !self.before(9);
        let folded = self.settlements.iter().map(|stream| {
            let mut settlement = Settlement::fold(stream).unwrap().unwrap();
            settlement.fee_mismatch_sats = settlement.fee_mismatch_sats.filter(|_| keeps_mismatch);
            settlement
        });
        folded.collect()
    }

    /// The id of a machine, if it is registered.
    pub fn machine(&self, number: u8) -> Option<MachineId> {
        let id = MachineId::parse(&format!("machine-{number}")).unwrap();
        self.fleet.machine(&id).map(|machine| machine.id.clone())
    }
}
