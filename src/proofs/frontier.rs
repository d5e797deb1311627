//! The frontier: what has to be remembered of a tree to make it grow.

use super::{Node, TreeHash, peaks};

/// The roots of the full subtrees that a tree consists of, largest first: one for each bit of its size that
/// is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// The frontier of a tree of `size` leaves, whose peaks are those that [`peaks`] names. `None` if there
    /// are more or fewer of them.
    pub fn new(size: u64, hashes: Vec<TreeHash>) -> Option<Self> {
        (peaks(size).count() == hashes.len()).then_some(Self { size, peaks: hashes })
    }

    /// Leaves of the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Each node that is complete with it is told, from the leaf upwards.
    ///
    /// The leaves may as well be nodes of one level of a larger tree: then so are the levels that are told.
    pub fn push(&mut self, leaf: TreeHash, mut done: impl FnMut(Node, TreeHash)) {
        let mut node = Node { level: 0, index: self.size };
        let mut hash = leaf;
        done(node, hash);
        while node.index & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = TreeHash::above(&left, &hash);
            node = Node { level: node.level + 1, index: node.index >> 1 };
            done(node, hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return TreeHash::empty() };
        peaks.fold(*last, |right, left| TreeHash::above(left, &right))
    }
}
