//! The tree.

use proptest::prelude::*;

use super::world::{Leaves, naive};
use crate::proofs::{
    Frontier, Node, TreeHash, consistency, extends, includes, inclusion, peaks, root, root_of_path,
};

const SIZES: u64 = 300;

fn hex(text: &str) -> TreeHash {
    TreeHash::from_bytes(spireledger_schema::hex::decode(text).expect("64 digits"))
}

/// The eight leaves and roots of the test data of Google's certificate-transparency, which every
/// implementation of RFC 6962 is held against.
#[test]
fn published_roots_are_ours() {
    let inputs: [&[u8]; 8] = [
        b"",
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
            0x6e, 0x6f,
        ],
    ];
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::default();
    assert_eq!(frontier.root(), hex(roots[0]));
    for (input, root) in inputs.iter().zip(&roots[1..]) {
        frontier.push(TreeHash::leaf_of(input), |_, _| {});
        assert_eq!(frontier.root(), hex(root));
    }
}

#[test]
fn a_frontier_has_the_root_of_all_that_was_pushed_and_tells_every_full_subtree() {
    let leaves = Leaves::numbered(SIZES);
    let mut frontier = Frontier::default();
    let mut told = Vec::new();
    for size in 0..=leaves.0.len() {
        assert_eq!(frontier.root(), naive(&leaves.0[..size]), "size {size}");
        let hash = |node: Node| told.iter().find(|(told, _)| *told == node).map(|(_, hash)| *hash);
        let held: Vec<TreeHash> = peaks(size as u64).filter_map(hash).collect();
        assert_eq!(Frontier::new(size as u64, held), Some(frontier.clone()));
        if let Some(leaf) = leaves.0.get(size) {
            frontier.push(*leaf, |node, hash| told.push((node, hash)));
        }
    }
    for (node, hash) in &told {
        let first = (node.index << node.level) as usize;
        assert_eq!(*hash, naive(&leaves.0[first..first + (1 << node.level)]), "{node:?}");
    }
    // A tree of n leaves has 2 n less the number of its peaks.
    assert_eq!(told.len() as u64, 2 * SIZES - u64::from(SIZES.count_ones()));
    assert_eq!(Frontier::new(3, vec![TreeHash::empty()]), None);
}

#[test]
fn every_entry_of_every_tree_is_proven_and_no_other() {
    let mut leaves = Leaves::numbered(SIZES);
    for size in 1..=SIZES {
        let Ok(root) = root(&mut leaves, size);
        assert_eq!(root, naive(&leaves.0[..size as usize]));
        for index in (0..size).filter(|index| size < 70 || index % 37 == size % 37) {
            let Ok(path) = inclusion(&mut leaves, index, size);
            let leaf = leaves.0[index as usize];
            assert!(includes(&root, size, leaf, index, &path), "{index} of {size}");
            let other = leaves.0[((index + 1) % size) as usize];
            assert!(size == 1 || !includes(&root, size, other, index, &path));
            for at in [index ^ 1, index + 1, index ^ 64] {
                assert!(at == index || !includes(&root, size, leaf, at, &path), "{at} of {size}");
            }
            let mut longer = path.clone();
            longer.push(leaf);
            assert_eq!(root_of_path(leaf, index, size, &longer), None);
            assert!(path.is_empty() || root_of_path(leaf, index, size, &path[1..]).is_none());
        }
    }
}

#[test]
fn every_tree_extends_every_smaller_one_and_no_other() {
    let mut leaves = Leaves::numbered(SIZES);
    let roots: Vec<TreeHash> = (0..=SIZES as usize).map(|size| naive(&leaves.0[..size])).collect();
    let tree = |size: u64| (size, roots[size as usize]);
    for new in 0..=SIZES {
        for old in (0..=new).filter(|old| new < 70 || old % 41 == new % 41) {
            let Ok(proof) = consistency(&mut leaves, old, new);
            assert!(extends(tree(old), tree(new), &proof), "{old} to {new}");
            assert!(old == new || !extends(tree(new), tree(old), &proof), "{new} to {old}");
            // The empty tree is what every log begins with; any other root is told.
            let forged = TreeHash::leaf_of(b"another");
            assert!(!extends((old, forged), tree(new), &proof));
            assert!(old == 0 || !extends(tree(old), (new, forged), &proof));
            for at in 0..proof.len() {
                let mut changed = proof.clone();
                changed[at] = forged;
                assert!(!extends(tree(old), tree(new), &changed), "{old} to {new}, hash {at}");
                changed.remove(at);
                assert!(!extends(tree(old), tree(new), &changed));
            }
            let longer: Vec<TreeHash> = proof.iter().copied().chain([forged]).collect();
            assert!(!extends(tree(old), tree(new), &longer));
        }
    }
}

proptest! {
    /// Sizes that no test can hold: subtrees are made up, and proofs still lead to the root.
    #[test]
    fn huge_trees_are_proven_like_small_ones(size in 2u64..1 << 62, at in any::<u64>()) {
        let index = at % size;
        let mut made = MadeUp { index };
        let Ok(root) = root(&mut made, size);
        let Ok(path) = inclusion(&mut made, index, size);
        let Ok(leaf) = crate::proofs::Nodes::node(&mut made, Node { level: 0, index });
        prop_assert!(path.len() <= 63);
        prop_assert!(includes(&root, size, leaf, index, &path));
        prop_assert!(!includes(&root, size, TreeHash::leaf_of(b"another"), index, &path));
    }
}

/// A tree that is real along the way to one leaf, and made up elsewhere.
struct MadeUp {
    index: u64,
}

impl crate::proofs::Nodes for MadeUp {
    type Error = std::convert::Infallible;

    fn node(&mut self, node: Node) -> Result<TreeHash, Self::Error> {
        if node.level == 0 || self.index >> node.level != node.index {
            let name = [node.index.to_le_bytes(), u64::from(node.level).to_le_bytes()].concat();
            return Ok(TreeHash::leaf_of(&name));
        }
        let below = |index| Node { level: node.level - 1, index };
        let left = self.node(below(node.index << 1))?;
        Ok(TreeHash::above(&left, &self.node(below(node.index << 1 | 1))?))
    }
}
