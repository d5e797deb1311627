//! Signing and storing.

use std::path::Path;

use super::world::{grow, log, now, root};
use crate::log::ReadLog as _;
use crate::notary::{
    Access, CHECKPOINTS_FILE, CheckpointsCopy, KEY_FILE, Notary, NotaryError, Records, Store,
    TREE_FILE, load_key,
};
use crate::proofs::{Growth, Proof};

fn file(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join(CHECKPOINTS_FILE)).expect("there")
}

fn open(dir: &Path, log: &crate::log::MemoryLog) -> Notary {
    Notary::open(dir, log, Access::Write).expect("opens")
}

#[test]
fn a_checkpoint_is_signed_once_and_stored_before_it_is_seen() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(600, 1);
    let notary = open(dir.path(), &log);
    let first = notary.checkpoint(&log, now()).expect("signed");
    assert_eq!(first.tree(), (600, root(&log, 600)));
    let held = file(dir.path());
    assert!(held.windows(40).any(|part| first.to_string().as_bytes().starts_with(part)));
    assert_eq!(notary.checkpoint(&log, now()).expect("signed"), first);
    // Another process, and this one again.
    assert_eq!(open(dir.path(), &log).checkpoint(&log, now()).expect("signed"), first);
    assert_eq!(file(dir.path()), held);
    let key = load_key(&dir.path().join(KEY_FILE)).expect("readable").expect("made");
    assert_eq!(first.verify(key.public()), Ok(()));
    assert!(first.head().origin.starts_with("spireledger/"));

    grow(&log, 601, 1);
    let second = notary.checkpoint(&log, now()).expect("signed");
    let growth = notary.growth(&log, 600, second).expect("it grew");
    assert_eq!(growth.verify(&first, key.public()), Ok(()));
    assert_eq!(Growth::parse(&growth.to_string()), Ok(growth));
}

#[test]
fn a_proof_is_the_same_whenever_it_is_asked_for() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(300, 1);
    let notary = open(dir.path(), &log);
    let first = notary.proof(&log, 290, now()).expect("proven");
    let key = notary.key(now()).expect("a key");
    // The bytes behind the front are no entry's, and everything else of it is proven.
    assert!(matches!(first.verify(&key, &[]), Err(crate::proofs::ProofError::Entry(_))));
    grow(&log, 1_000, 1);
    notary.checkpoint(&log, now()).expect("signed");
    assert_eq!(notary.proof(&log, 290, now()).expect("proven"), first);
    assert_eq!(Proof::parse(&first.to_string()), Ok(first));
    assert_eq!(notary.proof(&log, 301, now()).expect("proven").checkpoint.head().size, 1_000);
    assert!(matches!(notary.proof(&log, 1_001, now()), Err(NotaryError::NoEntry(1_001))));
    assert!(matches!(notary.proof(&log, 0, now()), Err(NotaryError::NoEntry(0))));
}

#[test]
fn what_contradicts_an_earlier_checkpoint_is_not_signed() {
    let dir = tempfile::tempdir().expect("a place");
    let (ours, forked, shorter, same_size) = (log(600, 1), log(700, 2), log(500, 1), log(600, 2));
    open(dir.path(), &ours).checkpoint(&ours, now()).expect("signed");
    let held = file(dir.path());
    for other in [forked, shorter, same_size] {
        std::fs::remove_file(dir.path().join(TREE_FILE)).expect("removed");
        let refused = open(dir.path(), &other).checkpoint(&other, now());
        assert!(matches!(refused, Err(NotaryError::Contradicts { signed: 600 })), "{refused:?}");
        assert_eq!(file(dir.path()), held);
    }
    std::fs::remove_file(dir.path().join(TREE_FILE)).expect("removed");
    assert!(open(dir.path(), &ours).checkpoint(&ours, now()).is_ok());
}

/// A record of the tree file that was changed with its checksum: the proof made of it does not fit, and is
/// made of the log instead.
#[test]
fn no_wrong_proof_leaves_and_no_wrong_root_is_signed() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(1_100, 1);
    let notary = open(dir.path(), &log);
    let right = notary.proof(&log, 300, now()).expect("proven");
    let path = dir.path().join(TREE_FILE);
    let mut bytes = std::fs::read(&path).expect("there");
    let mut crc = crc32fast::Hasher::new();
    bytes[8] ^= 1;
    crc.update(&0u64.to_le_bytes());
    crc.update(&bytes[8..40]);
    bytes[40..44].copy_from_slice(&crc.finalize().to_le_bytes());
    std::fs::write(&path, &bytes).expect("written");
    let notary = open(dir.path(), &log);
    assert_eq!(notary.proof(&log, 300, now()).expect("proven"), right);
    grow(&log, 1_200, 1);
    let next = notary.checkpoint(&log, now()).expect("signed");
    assert_eq!(next.tree(), (1_200, root(&log, 1_200)));
}

#[test]
fn a_torn_record_is_cut_off_and_what_stands_before_it_is_kept() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(10, 1);
    let first = open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
    let one = file(dir.path());
    grow(&log, 20, 1);
    open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
    let two = file(dir.path());
    for cut in one.len()..two.len() {
        std::fs::write(dir.path().join(CHECKPOINTS_FILE), &two[..cut]).expect("written");
        let store = Store::open(dir.path()).expect("opens");
        assert_eq!(store.sizes().collect::<Vec<_>>(), [10], "cut at {cut}");
        assert_eq!(store.latest().expect("readable").expect("there").checkpoint, first);
        open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
        assert_eq!(file(dir.path()), two, "cut at {cut}");
    }
}

/// A changed byte is told, in its place, and nothing else is lost.
#[test]
fn damage_is_told_and_reading_goes_on_behind_it() {
    let dir = tempfile::tempdir().expect("a place");
    let log = log(1, 1);
    for size in 1..=4 {
        grow(&log, size, 1);
        open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
    }
    let whole = file(dir.path());
    let path = dir.path().join(CHECKPOINTS_FILE);
    let read = || {
        let file = std::fs::File::open(&path).expect("there");
        let all: Vec<_> = Records::from(&file, 0).expect("a file").collect();
        let all: Vec<_> = all.into_iter().map(|read| read.expect("readable")).collect();
        let damaged = all.iter().filter(|read| read.is_err()).count();
        (all.len() - damaged, damaged)
    };
    assert_eq!(read(), (5, 0));
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        std::fs::write(&path, &changed).expect("written");
        let (readable, damaged) = read();
        // The last record's length, made longer, looks like a torn one.
        assert!(readable == 4 && damaged <= 1, "byte {at}: {readable} and {damaged}");
        let store = Store::open(dir.path()).expect("opens");
        assert!(store.sizes().count() >= 3);
    }
}

#[test]
fn a_lost_key_is_not_replaced_in_silence_and_an_open_one_is_not_used() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a place");
    let log = log(10, 1);
    open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
    let path = dir.path().join(KEY_FILE);
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode));
    assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    mode(0o640).expect("changed");
    let refused = open(dir.path(), &log).checkpoint(&log, now());
    assert!(matches!(refused, Err(NotaryError::KeyIsOpen { mode: 0o640, .. })));
    mode(0o600).expect("changed");
    let aside = dir.path().join("aside");
    std::fs::rename(&path, &aside).expect("moved");
    let refused = open(dir.path(), &log).checkpoint(&log, now());
    assert!(matches!(refused, Err(NotaryError::KeyLost { .. })));
    assert!(!path.exists());
    std::fs::rename(&aside, &path).expect("moved");
    assert!(Notary::make_key(dir.path(), None, now()).is_err());
    assert!(open(dir.path(), &log).checkpoint(&log, now()).is_ok());
}

#[test]
fn a_copy_grows_with_its_file_and_is_never_written_over() {
    let (dir, copies) =
        (tempfile::tempdir().expect("a place"), tempfile::tempdir().expect("a place"));
    let copy = copies.path().join("copy");
    CheckpointsCopy::begin(dir.path()).expect("looked at").bring_up(&copy).expect("nothing to do");
    assert!(!copy.exists());
    let log = log(10, 1);
    for size in [10, 11, 12] {
        grow(&log, size, 1);
        open(dir.path(), &log).checkpoint(&log, now()).expect("signed");
        // What was begun before is not in it.
        let begun = CheckpointsCopy::begin(dir.path()).expect("looked at");
        let held = file(dir.path());
        grow(&log, log.head().seq + 100, 1);
        begun.bring_up(&copy).expect("copied");
        assert_eq!(std::fs::read(&copy).expect("there"), held);
    }
    let other = tempfile::tempdir().expect("a place");
    open(other.path(), &log).checkpoint(&log, now()).expect("signed");
    let before = std::fs::read(&copy).expect("there");
    let refused = CheckpointsCopy::begin(other.path()).expect("looked at").bring_up(&copy);
    assert!(refused.expect_err("another ledger").to_string().contains("another ledger"));
    assert_eq!(std::fs::read(&copy).expect("there"), before);
}
