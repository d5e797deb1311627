//! The ids of events that were taken, the last so many of them: relays bring the same event again.

use std::collections::{HashSet, VecDeque};

/// Most ids that are remembered, in about 8 MB. Whatever comes again after that many others meets the
/// ledger's own idempotency.
pub const SEEN_MAX: usize = 65_536;

/// A bounded set of ids; the oldest makes room.
#[derive(Debug)]
pub struct Seen {
    ids: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
    max: usize,
}

impl Seen {
    /// An empty set.
    pub fn new(max: usize) -> Self {
        Self { ids: HashSet::new(), order: VecDeque::new(), max }
    }

    /// Whether this was seen.
    pub fn contains(&self, id: &[u8; 32]) -> bool {
        self.ids.contains(id)
    }

    /// Remembers an id; `false` if it was there.
    pub fn insert(&mut self, id: [u8; 32]) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_until_as_many_others_came() {
        let mut seen = Seen::new(2);
        assert!(seen.insert([1; 32]));
        assert!(!seen.insert([1; 32]));
        assert!(seen.insert([2; 32]));
        assert!(seen.contains(&[1; 32]));
        assert!(seen.insert([3; 32]));
        assert!(!seen.contains(&[1; 32]));
        assert_eq!((seen.ids.len(), seen.order.len()), (2, 2));
    }
}
