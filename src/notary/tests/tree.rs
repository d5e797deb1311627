//! The tree file.

use std::path::Path;

use super::world::{grow, hash_of, log, root};
use crate::log::{MemoryLog, ReadLog};
use crate::notary::{TREE_FILE, Tree};
use crate::proofs::{TreeHash, extends, includes};

const LEN: u64 = 3_000;

/// Entries and sizes around the borders of chunks, and some between.
const AT: [u64; 12] = [1, 2, 255, 256, 257, 511, 512, 513, 1_024, 1_537, 2_999, 3_000];

fn check(tree: &mut Tree, log: &MemoryLog) {
    for size in AT.into_iter().filter(|size| *size <= log.head().seq) {
        let expected = root(log, size);
        assert_eq!(tree.root(log, size).expect("there"), expected, "size {size}");
        for seq in AT.into_iter().filter(|seq| *seq <= size) {
            let path = tree.inclusion(log, seq, size).expect("there");
            let leaf = TreeHash::leaf(&hash_of(log, seq));
            assert!(includes(&expected, size, leaf, seq - 1, &path), "{seq} of {size}");
            let proof = tree.consistency(log, seq, size).expect("there");
            assert!(extends((seq, root(log, seq)), (size, expected), &proof), "{seq} to {size}");
        }
    }
    assert!(tree.inclusion(log, 0, 1).is_err());
    assert!(tree.inclusion(log, 2, 1).is_err());
    assert!(tree.inclusion(log, 1, log.head().seq + 1).is_err());
}

fn file(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join(TREE_FILE)).expect("there")
}

#[test]
fn a_tree_grows_with_its_log_and_its_file_is_the_same_however_it_grew() {
    let (dir, other) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let whole = log(LEN, 1);
    let mut at_once = Tree::open(other.path(), &whole).expect("opens");
    check(&mut at_once, &whole);
    let growing = MemoryLog::new();
    for len in [0, 1, 200, 255, 256, 700, 1_024, 1_025, 2_900, LEN] {
        let from = growing.head().seq + 1;
        // Opened anew each time; what comes then is taken in as it is made.
        let mut tree = Tree::open(dir.path(), &growing).expect("opens");
        grow(&growing, len, 1);
        let blocks: Vec<_> = growing.blocks_from(from).map(|b| b.expect("readable")).collect();
        tree.take(&blocks);
        assert_eq!(tree.size(), len);
        check(&mut tree, &growing);
    }
    // A quarter of a byte an entry, and the front.
    let chunks = LEN / 256;
    let records = 2 * chunks - u64::from(chunks.count_ones());
    assert_eq!(file(dir.path()).len() as u64, 8 + 36 * records);
    assert_eq!(file(dir.path()), file(other.path()));
}

#[test]
fn a_file_that_is_missing_short_or_wrong_is_made_again() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(LEN, 1);
    drop(Tree::open(dir.path(), &log).expect("opens"));
    let whole = file(dir.path());
    let path = dir.path().join(TREE_FILE);
    let again = |bytes: Option<&[u8]>, what: &str| {
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).expect("written"),
            None => std::fs::remove_file(&path).expect("removed"),
        }
        // A reader writes nothing, and is right.
        check(&mut Tree::read(dir.path(), &log).expect(what), &log);
        if let Some(bytes) = bytes {
            assert_eq!(file(dir.path()), bytes, "{what}");
        }
        check(&mut Tree::open(dir.path(), &log).expect(what), &log);
        assert_eq!(file(dir.path()), whole, "{what}");
    };
    again(None, "missing");
    again(Some(b""), "empty");
    again(Some(b"another file, which happens to have this name"), "another file");
    for len in (0..whole.len()).step_by(17) {
        again(Some(&whole[..len]), "short");
    }
    let longer = [whole.as_slice(), &[0x5a; 100]].concat();
    again(Some(&longer), "longer");
    let (of_another, other) = (tempfile::tempdir().expect("a place"), super::world::log(LEN, 2));
    drop(Tree::open(of_another.path(), &other).expect("opens"));
    again(Some(&file(of_another.path())), "of another history");
}

/// Records that opening does not look at: whoever reads one is told, and a new tree is right.
#[test]
fn a_changed_record_is_told_when_it_is_read() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(LEN, 1);
    drop(Tree::open(dir.path(), &log).expect("opens"));
    let mut bytes = file(dir.path());
    bytes[8 + 5] ^= 1;
    std::fs::write(dir.path().join(TREE_FILE), &bytes).expect("written");
    let mut tree = Tree::open(dir.path(), &log).expect("opens");
    let error = tree.inclusion(&log, 300, 3_000).expect_err("damaged").to_string();
    assert_eq!(error, "record 0 of the tree file is damaged");
    tree.rebuild(&log).expect("made again");
    check(&mut tree, &log);
}
