//! Logs in memory, as long as a test wants them.

use spireledger_schema::time::Timestamp;
use spireledger_schema::{EntryHash, EntryKey, Front};

use crate::log::{Log, MemoryLog, ReadLog, Sealer};
use crate::proofs::TreeHash;

/// A log of so many entries; another `history` has others.
pub fn log(entries: u64, history: u8) -> MemoryLog {
    let log = MemoryLog::new();
    grow(&log, entries, history);
    log
}

/// Makes a log longer, in groups.
pub fn grow(log: &MemoryLog, entries: u64, history: u8) {
    while log.head().seq < entries {
        let mut sealer = Sealer::new(log.head());
        for _ in 0..(entries - log.head().seq).min(700) {
            let seq = sealer.head().seq + 1;
            let front = Front { seq, key: EntryKey::derive("test", &[&[history]]), alias: None };
            let mut bytes = Vec::new();
            front.write(&mut bytes);
            sealer.push(&front, &bytes, 0, 0);
        }
        log.append(log.head(), &sealer.seal()).expect("the group fits");
    }
}

/// The root over the first entries of a log, by way of nothing but its entries.
pub fn root(log: &MemoryLog, size: u64) -> TreeHash {
    let mut frontier = crate::proofs::Frontier::default();
    for block in log.blocks_from(1) {
        for stored in block.expect("readable").entries().filter(|e| e.front.seq <= size) {
            frontier.push(TreeHash::leaf(&stored.hash), |_, _| {});
        }
    }
    frontier.root()
}

pub fn hash_of(log: &MemoryLog, seq: u64) -> EntryHash {
    log.block_at(seq).expect("readable").expect("there").get(seq).expect("in it").hash
}

pub fn now() -> Timestamp {
    Timestamp::from_seconds(1_767_225_600).expect("a time")
}
