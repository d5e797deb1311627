//! RFC 6962's tree: roots, inclusion proofs and consistency proofs, made and verified.
//!
//! Verification is RFC 9162's algorithms (2.1.3.2 and 2.1.4.2), which accept what RFC 6962 describes.

use super::TreeHash;

/// A full subtree: the leaves from `index << level` on, `1 << level` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// How far above the leaves.
    pub level: u32,
    /// Which one of its level, from the left.
    pub index: u64,
}

impl Node {
    /// The subtree of `len` leaves, a power of two, from `first` on, a multiple of it.
    const fn of(first: u64, len: u64) -> Self {
        let level = len.trailing_zeros();
        Self { level, index: first >> level }
    }
}

/// Where full subtrees are found.
pub trait Nodes {
    /// Why one is not.
    type Error;

    /// The hash of a full subtree.
    fn node(&mut self, node: Node) -> Result<TreeHash, Self::Error>;
}

/// The full subtrees that a tree of `size` leaves consists of, largest first.
pub fn peaks(size: u64) -> impl Iterator<Item = Node> {
    (0..u64::BITS).rev().filter(move |level| size >> level & 1 == 1).map(move |level| {
        let before = size >> level >> 1 << 1;
        Node { level, index: before }
    })
}

/// The root of the tree of the first `size` leaves.
pub fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<TreeHash, N::Error> {
    if size == 0 { Ok(TreeHash::empty()) } else { range(nodes, 0, size) }
}

/// The path from a leaf to the root of the tree of the first `size` leaves, from the bottom up.
///
/// # Panics
/// If the leaf is not among them.
pub fn inclusion<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Vec<TreeHash>, N::Error> {
    assert!(index < size, "only what is in a tree is proven to be");
    let (mut first, mut end, mut path) = (0, size, Vec::new());
    while end - first > 1 {
        let middle = first + split(end - first);
        if index < middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, first, middle)?);
            first = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// What proves that the tree of `new` leaves begins with the tree of `old` leaves. Empty if one of them is
/// empty or both are the same.
///
/// # Panics
/// If the old tree is larger.
pub fn consistency<N: Nodes>(nodes: &mut N, old: u64, new: u64) -> Result<Vec<TreeHash>, N::Error> {
    assert!(old <= new, "a tree only grows");
    let (mut first, mut end, mut path) = (0, new, Vec::new());
    if old == 0 {
        return Ok(path);
    }
    while end != old {
        let middle = first + split(end - first);
        if old <= middle {
            path.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            path.push(range(nodes, first, middle)?);
            first = middle;
        }
    }
    // Whoever verifies knows the old root already, if that is what is left.
    if first != 0 {
        path.push(range(nodes, first, end)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `len`, which is at least 2.
const fn split(len: u64) -> u64 {
    1 << (len - 1).ilog2()
}

/// The hash over leaves from `first` to `end`: a part that some root is split into, so not empty.
fn range<N: Nodes>(nodes: &mut N, first: u64, end: u64) -> Result<TreeHash, N::Error> {
    let len = end - first;
    if len.is_power_of_two() {
        return nodes.node(Node::of(first, len));
    }
    let left = split(len);
    let right = range(nodes, first + left, end)?;
    Ok(TreeHash::above(&nodes.node(Node::of(first, left))?, &right))
}

/// The root that a path from a leaf leads to. `None` if the path has not the length that it must have.
pub fn root_of_path(leaf: TreeHash, index: u64, size: u64, path: &[TreeHash]) -> Option<TreeHash> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let (mut at, mut hash) = (index, leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            hash = TreeHash::above(beside, &hash);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            hash = TreeHash::above(&hash, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

/// Whether a path proves that a leaf is in the tree of `size` leaves with that root.
pub fn includes(root: &TreeHash, size: u64, leaf: TreeHash, index: u64, path: &[TreeHash]) -> bool {
    root_of_path(leaf, index, size, path).is_some_and(|found| found == *root)
}

/// Whether a proof shows that the new tree (size and root) begins with the old one.
pub fn extends(old: (u64, TreeHash), new: (u64, TreeHash), proof: &[TreeHash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size == 0 {
        return proof.is_empty() && old_root == TreeHash::empty();
    }
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let known = old_size.is_power_of_two().then_some(old_root);
    let mut path = known.iter().chain(proof);
    let Some(first) = path.next() else { return false };
    let (mut of_old, mut of_new) = (*first, *first);
    for hash in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            of_old = TreeHash::above(hash, &of_old);
            of_new = TreeHash::above(hash, &of_new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            of_new = TreeHash::above(&of_new, hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && of_old == old_root && of_new == new_root
}
