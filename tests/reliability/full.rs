//! A full disk: a small file system in memory that a submission fills.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fleet;
use crate::world::World;

/// Enough for `init`, and far too little for the commands below.
const SMALL: &str = "size=40m";
const LARGE: &str = "size=300m";
const COMMANDS: u64 = 70_000;

/// A file system of its own, gone when dropped.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// `None` where this user may not mount.
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir_all(path).expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SMALL, "tmpfs"]).arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self { path: path.to_owned() })
    }

    fn grow(&self) {
        let options = format!("remount,{LARGE}");
        let grown = Command::new("mount").args(["-o", &options]).arg(&self.path).status();
        assert!(grown.expect("mount runs").success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

#[test]
fn a_full_disk_is_told_loses_nothing_and_is_gone_on_from() {
    let world = World::without_ledger();
    let Some(disk) = Disk::mount(world.ledger()) else {
        eprintln!("SKIPPED: a full disk, because this user may not mount a small one");
        return;
    };
    world.run(&["init"]).expect(0);
    let lines = fleet::first(COMMANDS);
    let stopped = world.submit(&lines).expect_no_bug().expect(2);
    assert!(stopped.err.contains("the disk is nearly full"), "{}", stopped.err);
    assert!(stopped.err.contains("make room"), "{}", stopped.err);
    let answered = stopped.answers();
    assert!(!answered.is_empty() && answered.len() < lines.len(), "{}", answered.len());
    assert!(answered.iter().all(|answer| answer["status"] == "accepted"));

    // Again on the full disk: told again, nothing is doubled.
    let again = world.submit(&lines).expect_no_bug().expect(2);
    assert!(again.answers().iter().all(|answer| answer["status"] != "refused"));

    // Reading needs no room.
    let stats = world.run(&["--json", "log", "stats"]).expect(0).json();
    assert!(stats["entries"].as_u64() >= Some(answered.len() as u64), "{stats}");
    world.expect_sound();

    disk.grow();
    let rest = world.submit(&lines).expect(0).answers();
    assert_eq!(rest.len(), lines.len());
    for (first, now) in answered.iter().zip(&rest) {
        assert_eq!(now["status"], "replayed");
        assert_eq!((&now["seq"], &now["entry_hash"]), (&first["seq"], &first["entry_hash"]));
    }
    world.expect_sound();
    assert_eq!(world.run(&["--json", "log", "stats"]).json()["entries"], COMMANDS);
}
