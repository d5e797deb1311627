//! The tree file.

use std::path::Path;

use super::world::{grow, hash_of, log, root};
use crate::log::{MemoryLog, ReadLog};
use crate::notary::{TREE_FILE, Tree, TreeFile};
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

/// Records that opening to read does not look at: whoever reads one is told, and a new tree is right.
#[test]
fn a_changed_record_is_told_when_it_is_read() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(LEN, 1);
    drop(Tree::open(dir.path(), &log).expect("opens"));
    let mut bytes = file(dir.path());
    bytes[8 + 5] ^= 1;
    std::fs::write(dir.path().join(TREE_FILE), &bytes).expect("written");
    let mut tree = Tree::read(dir.path(), &log).expect("opens");
    let error = tree.inclusion(&log, 300, 3_000).expect_err("damaged").to_string();
    assert_eq!(error, "record 0 of the tree file is damaged");
    tree.rebuild(&log).expect("made again");
    check(&mut tree, &log);
}

#[test]
fn pages_that_a_power_cut_lost_are_told_from_bytes_that_somebody_changed_and_made_anew() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(60_000, 1);
    drop(Tree::open(dir.path(), &log).expect("opens"));
    let whole = file(dir.path());
    let mut lost = whole.clone();
    lost[4_096..8_192].fill(0);
    std::fs::write(dir.path().join(TREE_FILE), &lost).expect("written");
    let read = TreeFile::read(dir.path()).expect("opens");
    let damaged: Vec<u64> = (0..read.len()).filter(|record| read.get(*record).is_err()).collect();
    assert!(damaged.len() > 110, "a page of records: {damaged:?}");
    assert!(damaged.iter().all(|record| read.was_never_written(*record)));
    let mut changed = whole.clone();
    changed[8 + 36 * 150] ^= 1;
    std::fs::write(dir.path().join(TREE_FILE), &changed).expect("written");
    let read = TreeFile::read(dir.path()).expect("opens");
    assert!(read.get(150).is_err() && !read.was_never_written(150));
    for damage in [&lost, &changed] {
        std::fs::write(dir.path().join(TREE_FILE), damage).expect("written");
        check(&mut Tree::open(dir.path(), &log).expect("opens"), &log);
        assert_eq!(file(dir.path()), whole, "a writer makes it whole");
    }
}
