//! Torn tails are cut off; anything else is told, and nothing is dropped in silence.

use std::fs;

use super::*;
use crate::outbox::{OutboxError, Repair};

fn path(dir: &Path) -> std::path::PathBuf {
    dir.join("outbox")
}

fn length(dir: &Path) -> usize {
    usize::try_from(fs::metadata(path(dir)).unwrap().len()).unwrap()
}

#[test]
fn a_write_that_was_interrupted_anywhere_is_cut_off_and_told_and_its_number_given_then() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1]);
    let begun = length(dir.path());
    let witness = fs::read(dir.path().join("outbox.witness")).unwrap();
    keep(&mut outbox, &[2]);
    let whole = fs::read(path(dir.path())).unwrap();
    for cut in begun..whole.len() {
        // Whoever wrote it never heard from the disk.
        fs::write(path(dir.path()), &whole[..cut]).unwrap();
        fs::write(dir.path().join("outbox.witness"), &witness).unwrap();
        let mut outbox = opened(dir.path());
        let bytes = (cut - begun) as u64;
        let told = if bytes > 0 { vec![Repair::CutTail { bytes }] } else { Vec::new() };
        assert_eq!(outbox.take_repairs(), told, "{cut}");
        assert_eq!(outbox.state().highest(), 1, "{cut}");
        assert_eq!(keep(&mut outbox, &[3]), [Keep::Kept(2)], "{cut}");
    }
}

#[test]
fn garbage_behind_the_last_write_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1]);
    let whole = fs::read(path(dir.path())).unwrap();
    for garbage in [vec![0; 4_096], vec![0xff; 100], b"{\"type\":\"settlement.claim\"}".to_vec()] {
        fs::write(path(dir.path()), [whole.clone(), garbage.clone()].concat()).unwrap();
        let mut outbox = opened(dir.path());
        let bytes = garbage.len() as u64;
        assert_eq!(outbox.take_repairs(), [Repair::CutTail { bytes }]);
        assert_eq!(outbox.state().waiting().len(), 1);
    }
}

#[test]
fn what_was_acknowledged_and_is_gone_is_damage_wherever_the_file_was_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    let head = length(dir.path());
    keep(&mut outbox, &[1]);
    keep(&mut outbox, &[2]);
    let whole = fs::read(path(dir.path())).unwrap();
    for cut in head..whole.len() {
        fs::write(path(dir.path()), &whole[..cut]).unwrap();
        let opened = Outbox::open(dir.path(), &machine(), u64::MAX);
        assert!(matches!(opened, Err(OutboxError::Damaged { .. })), "{cut}");
        assert_eq!(length(dir.path()), cut, "nothing is written to it");
    }
}

#[test]
fn damage_in_the_middle_is_told_even_without_a_witness() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    let head = length(dir.path());
    keep(&mut outbox, &[1]);
    let first = length(dir.path());
    keep(&mut outbox, &[2]);
    let whole = fs::read(path(dir.path())).unwrap();
    fs::remove_file(dir.path().join("outbox.witness")).unwrap();
    for at in (head..first).step_by(7) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        fs::write(path(dir.path()), &damaged).unwrap();
        let opened = Outbox::open(dir.path(), &machine(), u64::MAX);
        let Err(OutboxError::Damaged { damage, .. }) = opened else { panic!("byte {at}") };
        assert_eq!((damage[0].from, damage[0].to), (head as u64, first as u64));
        let (state, told) = Outbox::look(dir.path(), &machine()).unwrap();
        assert_eq!((state.lost(), told), (&[(1, 1)][..], damage));
        assert_eq!(state.claim_of(&hash(2)).unwrap().number, 2);
    }
}

#[test]
fn a_salvage_goes_on_with_what_can_be_read_and_gives_no_number_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1, 2]);
    let from = length(dir.path());
    keep(&mut outbox, &[3]);
    let to = length(dir.path());
    keep(&mut outbox, &[4]);
    outbox.note(vec![done(1), done(3)]).unwrap();
    let last = length(dir.path());
    keep(&mut outbox, &[5]);
    let mut damaged = fs::read(path(dir.path())).unwrap();
    damaged[from + 20] ^= 1;
    damaged.truncate(last + 5);
    fs::write(path(dir.path()), &damaged).unwrap();

    let salvaged = Outbox::salvage(dir.path(), &machine()).unwrap().expect("it is damaged");
    assert_eq!(fs::read(&salvaged.kept_as).unwrap(), damaged);
    assert_eq!(salvaged.damage.len(), 2);
    assert_eq!((salvaged.damage[0].from, salvaged.damage[0].to), (from as u64, to as u64));
    assert_eq!((salvaged.lost, salvaged.orphans), (vec![(3, 3), (5, 5)], 1));
    let mut outbox = opened(dir.path());
    assert_eq!(outbox.state().waiting().iter().copied().collect::<Vec<_>>(), [2, 4]);
    // The machine puts again what it has no receipt for.
    let kept = keep(&mut outbox, &[1, 2, 3, 4, 5]);
    let expected = [Keep::Known(1), Keep::Known(2), Keep::Kept(6), Keep::Known(4), Keep::Kept(7)];
    assert_eq!(kept, expected);
    assert!(Outbox::salvage(dir.path(), &machine()).unwrap().is_none());
}

#[test]
fn an_interrupted_compaction_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1]);
    fs::write(dir.path().join("outbox.new"), "half of it").unwrap();
    let mut again = opened(dir.path());
    assert_eq!(again.take_repairs(), [Repair::LeftOver]);
    assert_eq!(again.state(), outbox.state());
    assert!(!dir.path().join("outbox.new").exists());
}
