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
/// Disks that are built of one crash: how many of a hundred pages are the later ones.
pub const SHARES: &[u64] = &[50, 10, 90, 98, 2, 50];

/// A crash point, and how many commands are sent.
type Load<'a> = (&'a str, u64);

/// A ledger whose power is cut again and again.
pub struct Cutting {
    world: World,
    witness: Witness,
    chance: Chance,
    command: fn(u64) -> String,
}

impl Cutting {
    pub fn new(seed: u64, command: fn(u64) -> String, bug: Option<&'static str>) -> Self {
        let (world, witness, chance) = (World::with_bug(bug), Witness::new(), Chance::new(seed));
        Self { world, witness, chance, command }
    }

    /// Crashes the ledger under a load, and opens what power cuts at that moment could have left: one
    /// disk for each of `shares`. How many disks that were: none if the point was not reached, since
    /// nobody knows into how many groups commands will fall.
    pub fn cut(&mut self, (point, len): Load<'_>, shares: &[u64]) -> Result<usize, String> {
        let synced = self.world.beside("synced");
        let first = self.witness.answered();
        let lines: Vec<String> = (first..first + len).map(self.command).collect();
        // From a file: a pipe is read in small parts, which make small groups.
        let file = self.world.beside("lines");
        std::fs::write(&file, joined(&lines)).expect("written");
        let mut command = self.world.program(&["submit", file.to_str().expect("plain")]);
        command.env("SPIRELEDGER_CRASH", point).env("SPIRELEDGER_SYNCED_COPY", &synced);
        let done = finish(command, b"");
        let crashed = done.err.contains("crash point");
        assert_eq!(crashed, done.code().is_none(), "{point}: {done:#?}");
        let whole = done.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for (n, answer) in (first..).zip(whole.lines()) {
            let answer = serde_json::from_str(answer).map_err(|_| format!("answered {answer}"))?;
            self.witness.note(n, &answer)?;
        }
        let shares = if crashed { shares } else { &[] };
        for &share in shares {
            let mut after = World::in_memory();
            after.bug = self.world.bug;
            mix(&synced, self.world.ledger(), after.ledger(), share, &mut self.chance);
            let opened = survives(&after, &self.witness);
            opened.map_err(|wrong| format!("{point}, {share} of 100 pages: {wrong}"))?;
        }
        Ok(shares.len())
    }
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

/// Loads of short commands: a lonely group, and large ones.
const SHORT: [Load<'static>; 6] = [
    ("log:after-flush", 30),
    ("log:after-flush", 9_000),
    ("open:sled-opened", 1),
    ("log:after-flush@1", 20_000),
    ("open:sled-opened", 1),
    ("log:after-flush@2", 30_000),
];
/// Loads with long entries: groups that are synced several times.
const LONG: [Load<'static>; 3] = [
    ("log:after-flush@1", 4_000),
    ("log:after-flush@9", 12_000),
    ("log:between-blocks@900", 20_000),
];

fn check(command: fn(u64) -> String, loads: &[Load<'_>]) {
    let mut cutting = Cutting::new(3, command, None);
    let mut disks = 0;
    for load in loads {
        disks += cutting.cut(*load, SHARES).unwrap();
    }
    assert!(disks >= 2 * SHARES.len(), "only {disks} disks were built");
}

#[test]
fn what_was_answered_survives_a_power_cut() {
    check(fleet::command, &SHORT);
}

#[test]
fn what_was_answered_survives_a_power_cut_amid_long_entries() {
    check(fleet::verbose_command, &LONG);
}
