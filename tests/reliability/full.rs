//! A full disk: a small one of memory that is mounted for the test, or, where nobody may mount, a limit
//! on the size of files. Nothing that was answered is lost, it is said what is wrong, reading works, and
//! with more room the same commands go on.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::fleet;
use crate::witness::Witness;
use crate::world::{Done, World, finish, joined, told};

/// Enough for a ledger and what it keeps free, and for some thousand commands.
const DISK_MIB: u64 = 48;
/// More than fits there.
const COMMANDS: u64 = 80_000;

/// A disk of memory.
struct Disk {
    dir: TempDir,
}

impl Disk {
    /// `None` if this process may not mount one.
    fn mount() -> Option<Self> {
        let dir = TempDir::new().expect("a directory");
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path());
        let mounted = mount.output().is_ok_and(|done| done.status.success());
        if !mounted {
            eprintln!("SKIPPED: only root can mount a small disk; the limit on files is tested");
        }
        mounted.then_some(Self { dir })
    }

    fn grow(&self, mib: u64) {
        let size = format!("remount,size={mib}m");
        let done = Command::new("mount").args(["-o", &size]).arg(self.dir.path()).output();
        assert!(done.is_ok_and(|done| done.status.success()), "grown");
    }

    /// Fills it up to the last byte.
    fn fill(&self) -> PathBuf {
        let ballast = self.dir.path().join("ballast");
        let mut out = Command::new("dd");
        out.arg("if=/dev/zero").arg(format!("of={}", ballast.display())).arg("bs=4096");
        let _ = out.output().expect("dd is there");
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.dir.path()).output();
    }
}

/// Notes the answers that came; whatever did not fit was not answered.
fn note(witness: &mut Witness, done: &Done) {
    for (n, answer) in (0..).zip(&done.answers()) {
        witness.note(n, answer).unwrap();
    }
}

/// Everything that was answered is there, for whoever looks.
fn expect_readable(world: &World, witness: &Witness, beside: &Path) {
    world.expect_sound();
    let backup = beside.join("backup");
    world.run(&["backup", backup.to_str().expect("plain")]).expect_no_bug().expect(0);
    witness.check(&told(&backup)).unwrap();
    let claim = fleet::payment_hash(8).expect("a claim");
    assert!(world.run(&["trace", &claim]).expect_no_bug().expect(0).out.contains(&claim));
    for look in [["log", "stats"].as_slice(), &["balances"], &["log", "show"]] {
        world.run(look).expect_no_bug().expect(0);
    }
}

#[test]
fn a_full_disk_is_named_and_costs_nothing_and_with_room_it_goes_on() {
    let Some(disk) = Disk::mount() else { return };
    let elsewhere = TempDir::new().expect("a directory");
    let world = World::at(disk.dir.path().join("ledger"));
    world.run(&["init"]).expect(0);
    let mut witness = Witness::new();
    let lines = fleet::first(COMMANDS);

    let full = world.submit(&lines).expect_no_bug().expect(2);
    assert!(full.err.contains("the disk is nearly full"), "{}", full.err);
    note(&mut witness, &full);
    assert!(witness.answered() > 1_000 && witness.answered() < COMMANDS);
    expect_readable(&world, &witness, elsewhere.path());

    // What the ledger kept free for itself is taken as well: nothing can be written any more.
    let ballast = disk.fill();
    let none = world.submit(&lines).expect_no_bug().expect(2);
    assert!(none.out.is_empty() && none.err.contains("the disk is full"), "{none:#?}");
    expect_readable(&world, &witness, elsewhere.path());

    std::fs::remove_file(ballast).expect("removed");
    disk.grow(4 * DISK_MIB);
    let done = world.submit(&lines).expect_no_bug().expect(0);
    note(&mut witness, &done);
    assert_eq!(witness.answered(), COMMANDS);
    expect_readable(&world, &witness, elsewhere.path());
}

/// As above, but nothing is kept free: sled itself finds the disk full, in the middle of a write.
#[test]
fn a_disk_that_is_full_in_the_middle_of_a_write_costs_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let elsewhere = TempDir::new().expect("a directory");
    let mut world = World::at(disk.dir.path().join("ledger"));
    world.run(&["init"]).expect(0);
    let mut witness = Witness::new();
    let lines = fleet::first(2 * COMMANDS);

    world.bug = Some("unchecked-room");
    let full = world.submit(&lines).expect_no_bug().expect(2);
    assert!(full.err.contains("No space left"), "{}", full.err);
    note(&mut witness, &full);
    assert!(witness.answered() > 1_000 && witness.answered() < 2 * COMMANDS);
    world.bug = None;
    expect_readable(&world, &witness, elsewhere.path());

    disk.grow(8 * DISK_MIB);
    let done = world.submit(&lines).expect_no_bug().expect(0);
    note(&mut witness, &done);
    expect_readable(&world, &witness, elsewhere.path());
}

/// Files may not grow beyond a limit: what the system says then is another error, and nobody could have
/// seen it coming.
#[test]
fn a_write_that_fails_in_the_middle_costs_nothing() {
    let world = World::with_bug(None);
    let lines = fleet::first(COMMANDS);
    let mut witness = Witness::new();
    for limit_kib in [9 * 1024, 12 * 1024, 15 * 1024] {
        let program = world.program(&["submit", "-"]);
        let mut limited = Command::new("bash");
        // Told as an error, not as a signal.
        let script = format!("trap '' XFSZ; ulimit -f {limit_kib}; exec \"$@\"");
        limited
            .args(["-c", &script, "limited"])
            .arg(program.get_program())
            .args(program.get_args());
        let done = finish(limited, &joined(&lines)).expect_no_bug();
        if done.code() != Some(0) {
            assert_eq!(done.code(), Some(2), "{limit_kib}: {done:#?}");
            assert!(done.err.contains("too large"), "{limit_kib}: {}", done.err);
        }
        note(&mut witness, &done);
        world.expect_sound();
        witness.check(&world.history().unwrap()).unwrap();
    }
    let first = witness.answered();
    assert!(first > 0 && first < COMMANDS, "the limits are met: {first}");
    note(&mut witness, &world.submit(&lines).expect_no_bug().expect(0));
    witness.check(&world.history().unwrap()).unwrap();
    assert_eq!(witness.answered(), COMMANDS);
}
