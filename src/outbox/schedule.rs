//! When which claim is sent next. Pure: the time comes in as milliseconds of a clock that only goes
//! forward, chance as a number.

use std::collections::{BTreeMap, BTreeSet};

/// How long to wait between two attempts, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pauses {
    /// After the first attempt; it doubles with each.
    pub min_ms: u64,
    /// The longest.
    pub max_ms: u64,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { min_ms: 2_000, max_ms: 300_000 }
    }
}

impl Pauses {
    /// The pause after a claim was sent `sends` times, half of it left to chance: machines that lost
    /// the ledger together do not come back together. Never longer than the longest.
    pub fn after(&self, sends: u32, chance: u64) -> u64 {
        let doublings = sends.saturating_sub(1).min(32);
        let whole = self.min_ms.saturating_mul(1 << doublings).min(self.max_ms).max(1);
        let half = whole.div_ceil(2);
        half + chance % (whole - half + 1)
    }
}

/// Claims and when each is due.
#[derive(Debug, Clone, Default)]
pub struct Schedule {
    due: BTreeMap<u64, u64>,
    order: BTreeSet<(u64, u64)>,
}

impl Schedule {
    /// Puts a claim at a moment, instead of where it was.
    pub fn put(&mut self, number: u64, at_ms: u64) {
        self.remove(number);
        self.due.insert(number, at_ms);
        self.order.insert((at_ms, number));
    }

    /// Takes a claim out. Whether it was there.
    pub fn remove(&mut self, number: u64) -> bool {
        let Some(at) = self.due.remove(&number) else { return false };
        self.order.remove(&(at, number))
    }

    /// Whether a claim is waiting for its moment.
    pub fn contains(&self, number: u64) -> bool {
        self.due.contains_key(&number)
    }

    /// The claims that are due, the longest due first, at most so many.
    pub fn due(&self, now_ms: u64, max: usize) -> Vec<u64> {
        let due = self.order.iter().take_while(|(at, _)| *at <= now_ms);
        due.take(max).map(|(_, number)| *number).collect()
    }

    /// When the next one is due.
    pub fn next(&self) -> Option<u64> {
        self.order.first().map(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_half_is_chance() {
        let pauses = Pauses { min_ms: 1_000, max_ms: 60_000 };
        for (sends, least, most) in
            [(0, 500, 1_000), (1, 500, 1_000), (2, 1_000, 2_000), (6, 16_000, 32_000)]
                .into_iter()
                .chain([7, 8, 100, u32::MAX].map(|sends| (sends, 30_000, 60_000)))
        {
            let range: BTreeSet<u64> =
                (0..100_000).step_by(7).map(|chance| pauses.after(sends, chance)).collect();
            assert!(range.first().is_some_and(|first| *first >= least), "{sends}: {range:?}");
            assert!(range.last().is_some_and(|last| *last <= most), "{sends}: {range:?}");
            assert!(range.len() > 100, "{sends}: chance decides");
        }
        assert_eq!(Pauses { min_ms: 0, max_ms: 0 }.after(3, u64::MAX), 1);
    }

    #[test]
    fn what_is_due_comes_longest_due_first_and_is_moved_not_doubled() {
        let mut schedule = Schedule::default();
        for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
            schedule.put(number, at);
        }
        assert_eq!(schedule.due(30, 10), [2, 3, 1]);
        assert_eq!(schedule.due(30, 1), [2]);
        schedule.put(2, 50);
        assert_eq!((schedule.due(100, 10), schedule.next()), (vec![3, 1, 4, 2], Some(20)));
        assert!(schedule.remove(3) && !schedule.remove(3) && schedule.contains(1));
        assert_eq!(schedule.due(100, 10), [1, 4, 2]);
    }
}
