//! Power cuts. A killed process leaves everything that it wrote; a power cut leaves everything that was
//! synced, and of what was written since any pages, in any order. The program keeps a copy of its ledger
//! as it was at each sync; these tests kill it, and build the disks that a power cut could have left:
//! each 4 KiB page as it was synced or as it was written later.

use std::path::Path;

use crate::chance::Chance;
use crate::fleet;
use crate::witness::Witness;
use crate::world::{World, copy_dir, finish, joined};

const PAGE: usize = 4_096;
/// Disks that are built of one crash.
const DISKS: u64 = 6;

/// What is submitted when the power goes.
struct Load {
    /// Where the program is killed: a crash point.
    point: String,
    lines: Vec<String>,
}

/// Crashes a ledger under a load, and opens what power cuts at that moment could have left.
fn check(
    world: &World,
    witness: &mut Witness,
    load: &Load,
    chance: &mut Chance,
) -> Result<(), String> {
    let synced = world.beside("synced");
    let mut command = world.program(&["submit", "-"]);
    command.env("SPIRELEDGER_CRASH", &load.point).env("SPIRELEDGER_SYNCED_COPY", &synced);
    let done = finish(command, &joined(&load.lines));
    let crashed = done.err.contains("crash point");
    assert!(crashed, "{} was not reached: {}", load.point, done.err);
    let first = witness.answered();
    let whole = done.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for (n, answer) in whole.lines().enumerate() {
        let answer = serde_json::from_str(answer).map_err(|_| format!("answered {answer}"))?;
        witness.note(first + n as u64, &answer)?;
    }
    for disk in 0..DISKS {
        let after = World::in_memory();
        let share = [50, 10, 90, 50, 2, 98][disk as usize % 6];
        mix(&synced, world.ledger(), after.ledger(), share, chance);
        let opened = survives(&after, witness);
        opened.map_err(|wrong| format!("{}, disk {disk}: {wrong}", load.point))?;
    }
    Ok(())
}

fn survives(after: &World, witness: &Witness) -> Result<(), String> {
    // Some are opened to write first, some to read.
    after.sound()?;
    witness.check(&after.history()?)?;
    let again = after.submit(&fleet::first(3)).expect_no_bug();
    if again.code() != Some(0) {
        return Err(format!("cannot go on: {again:#?}"));
    }
    after.sound()
}

/// Builds a disk: of each page of each file, the one that was synced or the later one. `share` is how
/// many of a hundred are the later one.
fn mix(synced: &Path, later: &Path, to: &Path, share: u64, chance: &mut Chance) {
    copy_dir(synced, to);
    for item in std::fs::read_dir(later).expect("a directory") {
        let path = item.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if path.is_dir() {
            mix(&synced.join(name), &path, &to.join(name), share, chance);
        } else if path.is_file() {
            let old = std::fs::read(synced.join(name)).unwrap_or_default();
            let new = std::fs::read(&path).expect("readable");
            if old != new {
                std::fs::write(to.join(name), mixed(&old, &new, share, chance)).expect("written");
            }
        }
    }
}

fn mixed(old: &[u8], new: &[u8], share: u64, chance: &mut Chance) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(new.len());
    for (at, page) in new.chunks(PAGE).enumerate() {
        let before = old.get(at * PAGE..).unwrap_or_default();
        let before = before.get(..before.len().min(page.len())).unwrap_or_default();
        let start = bytes.len();
        if chance.below(100) < share {
            bytes.extend_from_slice(page);
        } else {
            bytes.extend_from_slice(before);
            // Room that was given to the file, but never written to the disk.
            bytes.resize(start + page.len(), 0);
        }
    }
    // How long the file is, is also written later.
    let len = [new.len(), old.len(), chance.between(old.len() as u64, new.len() as u64) as usize];
    bytes.truncate(len[chance.below(3) as usize]);
    bytes
}

/// Crashes one ledger at each of these points, in order, under so many commands.
fn power_cuts(seed: u64, command: fn(u64) -> String, loads: &[(&str, u64)]) {
    let world = World::new();
    let mut witness = Witness::new();
    let mut chance = Chance::new(seed);
    for (point, len) in loads {
        let first = witness.answered();
        let lines = (first..first + len).map(command).collect();
        let load = Load { point: (*point).to_owned(), lines };
        check(&world, &mut witness, &load, &mut chance).unwrap();
    }
}

#[test]
fn what_was_answered_survives_a_power_cut() {
    let loads = [
        ("log:after-flush", 30),
        ("log:after-flush@1", 9_000),
        ("log:between-blocks@200", 20_000),
        ("log:after-write@2", 24_000),
        ("log:after-flush@3", 40_000),
    ];
    power_cuts(3, fleet::command, &loads);
}

#[test]
fn what_was_answered_survives_a_power_cut_amid_long_entries() {
    let loads = [("log:after-flush@1", 3_000), ("log:between-blocks@700", 9_000)];
    power_cuts(4, fleet::verbose_command, &loads);
}
