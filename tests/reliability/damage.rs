//! Damaged files. A copy of a ledger of a few thousand entries gets one damage; then `verify` and
//! `submit` are asked about it. Either nothing that was answered is touched, or the damage is told and
//! located, nothing is appended, and nothing is made worse. The worst, an answered entry that is quietly
//! gone, never.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::chance::Chance;
use crate::fleet;
use crate::world::{World, told_number};

const ENTRIES: u64 = 3_000;
const PAGE: usize = 4_096;

/// A ledger that is copied and hurt.
pub struct Base {
    pub world: World,
    /// Its entries' hashes, in order.
    pub hashes: Vec<String>,
    /// Its backup.
    pub backup: PathBuf,
}

impl Base {
    /// Written in three sessions, so that sled has read some of it anew and some not. With sled's small
    /// segments it has many of them, and has moved pages and used segments again.
    fn new(segments: Option<&'static str>) -> Self {
        let mut world = World::in_memory();
        world.bug = segments;
        world.run(&["init"]).expect(0);
        let lines = fleet::first(ENTRIES);
        for part in lines.chunks(lines.len() / 3) {
            world.submit(part).expect(0);
        }
        let backup = world.beside("backup");
        world.run(&["backup", backup.to_str().expect("plain")]).expect(0);
        let hashes = world.hashes();
        assert_eq!(hashes.len() as u64, ENTRIES);
        Self { world, hashes, backup }
    }

    pub fn usual() -> Self {
        Self::new(None)
    }

    pub fn small_segments() -> Self {
        Self::new(Some("small-segments"))
    }

    /// A copy in a world of its own.
    pub fn copy(&self) -> World {
        let mut copy = World::in_memory();
        copy.bug = self.world.bug;
        self.world.copy_to(&copy);
        copy
    }

    /// Hurts one file of a copy and checks what is made of it. Whether it touched nothing.
    fn check(&self, file: &str, what: &str, hurt: impl Fn(&mut Vec<u8>)) -> bool {
        let hurt_copy = || {
            let world = self.copy();
            let path = world.ledger().join(file);
            let mut bytes = std::fs::read(&path).expect("readable");
            hurt(&mut bytes);
            std::fs::write(&path, bytes).expect("written");
            world
        };
        let place = format!("{file}, {what}, {:?}", self.world.bug);
        let is_sound = self.check_verify(&hurt_copy(), file, &place);
        self.check_submit(&hurt_copy(), file, &place, is_sound);
        is_sound
    }

    fn check_verify(&self, world: &World, file: &str, place: &str) -> bool {
        let done = world.run(&["--json", "verify"]).expect_no_bug();
        match done.code() {
            Some(0) => {
                assert_eq!(done.json()["breaks"], Value::from(Vec::<Value>::new()), "{place}");
                assert!(self.hashes == world.hashes(), "{place}: an entry is quietly gone");
                true
            }
            Some(1) => {
                expect_located(&done.json(), place);
                // Looking at it again finds the same: looking makes nothing worse.
                let again = world.run(&["--json", "verify"]).expect_no_bug().expect(1);
                assert_eq!(again.json()["entries"], done.json()["entries"], "{place}");
                false
            }
            _ => {
                assert_eq!(file, "format", "{place}: {done:#?}");
                assert!(done.err.contains("format"), "{place}: {done:#?}");
                false
            }
        }
    }

    fn check_submit(&self, world: &World, file: &str, place: &str, is_sound: bool) {
        let next = [fleet::command(8), fleet::command(ENTRIES)];
        let done = world.submit(&next).expect_no_bug();
        if is_sound {
            let done = done.expect(0);
            let said: Vec<_> = done.answers().iter().map(|a| a["status"].clone()).collect();
            assert_eq!(said, ["replayed", "accepted"], "{place}");
            world.sound().unwrap_or_else(|wrong| panic!("{place}: {wrong}"));
            let now = world.hashes();
            assert!(now.starts_with(&self.hashes) && now.len() == self.hashes.len() + 1, "{place}");
        } else {
            let code = if file == "format" { 2 } else { 1 };
            let done = done.expect(code);
            assert_eq!(done.out, "", "{place}: no answer");
            assert!(file == "format" || done.err.contains("damaged"), "{place}: {done:#?}");
        }
    }
}

/// Each break names an entry and says what is wrong.
fn expect_located(report: &Value, place: &str) {
    let breaks = report["breaks"].as_array().expect("breaks");
    assert!(!breaks.is_empty(), "{place}");
    for broken in breaks {
        let named = broken["seq"].as_u64().is_some_and(|seq| (1..=ENTRIES + 1).contains(&seq));
        let told = broken["what"].as_str().is_some_and(|what| !what.is_empty());
        assert!(named && told, "{place}: {broken}");
    }
}

/// What can happen to a file.
#[derive(Debug, Clone, Copy)]
pub enum Hurt {
    Flip { at: usize, bit: u8 },
    Cut { len: usize },
    ZeroPage { at: usize },
    SwapPages { one: usize, other: usize },
    Garbage { len: usize, seed: u64 },
}

impl Hurt {
    /// Something for a file of which `used` bytes are not just zeros at the end.
    pub fn any(used: usize, chance: &mut Chance) -> Self {
        let mut at = |len: usize| chance.below(len.max(1) as u64) as usize;
        let (one, other) = (at(used), at(used));
        let kind = at(20);
        let bit = 1 << at(8);
        match kind {
            0..=9 => Self::Flip { at: one, bit },
            10..=12 => Self::Cut { len: one },
            13..=15 => Self::ZeroPage { at: one / PAGE * PAGE },
            16..=18 => Self::SwapPages { one: one / PAGE * PAGE, other: other / PAGE * PAGE },
            _ => Self::Garbage { len: at(3 * PAGE) + 1, seed: chance.next() },
        }
    }

    pub fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Flip { at, bit } => bytes[at] ^= bit,
            Self::Cut { len } => bytes.truncate(len),
            Self::ZeroPage { at } => {
                let end = bytes.len().min(at + PAGE);
                bytes[at..end].fill(0);
            }
            Self::SwapPages { one, other } => {
                let len = PAGE.min(bytes.len() - one.max(other));
                for at in 0..len {
                    bytes.swap(one + at, other + at);
                }
            }
            Self::Garbage { len, seed } => {
                let mut chance = Chance::following(seed);
                bytes.extend((0..len).map(|_| chance.next() as u8));
            }
        }
    }
}

/// How much of a file is more than zeros at its end.
fn used(path: &Path) -> usize {
    let bytes = std::fs::read(path).expect("readable");
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Hurts a file in many ways. How many of them touched nothing, and how many were told.
fn check_random(base: &Base, file: &str, seed: u64, cases: u64) -> (u64, u64) {
    let cases = told_number("SPIRELEDGER_DAMAGE_CASES", cases);
    let mut chance = Chance::new(seed);
    let used = used(&base.world.ledger().join(file));
    let mut untouched = 0;
    for _ in 0..cases {
        let hurt = Hurt::any(used, &mut chance);
        let is_sound = base.check(file, &format!("{hurt:?}"), |bytes| hurt.apply(bytes));
        untouched += u64::from(is_sound);
    }
    (untouched, cases - untouched)
}

#[test]
fn damage_to_sleds_file_is_told_or_touches_nothing() {
    let (untouched, told) = check_random(&Base::usual(), "sled/db", 31, 60);
    assert!(untouched > 0 && told > 0, "{untouched} and {told}");
}

#[test]
fn damage_to_sleds_file_of_many_segments_is_told_or_touches_nothing() {
    let (untouched, told) = check_random(&Base::small_segments(), "sled/db", 32, 90);
    assert!(untouched > 0 && told > 0, "{untouched} and {told}");
}

/// sled 0.34 zeroes its whole file over one bit of one segment's header. It must not get to that.
#[test]
fn a_bit_of_a_segments_header_costs_nothing() {
    let base = Base::small_segments();
    let db = std::fs::read(base.world.ledger().join("sled/db")).expect("readable");
    for start in (0..db.len()).step_by(512 * 1024) {
        for (at, bit) in [(0, 1), (5, 16), (11, 128), (13, 2), (19, 128)] {
            let world = base.copy();
            let path = world.ledger().join("sled/db");
            let mut hurt = db.clone();
            hurt[start + at] ^= bit;
            std::fs::write(&path, &hurt).expect("written");
            let place = format!("bit {bit} of byte {at} of the segment at {start}");
            let verified = world.run(&["--json", "verify"]).expect_no_bug();
            assert!(base.hashes == world.hashes(), "{place}: an entry is gone");
            if verified.code() == Some(1) {
                world.submit(&fleet::first(1)).expect_no_bug().expect(1);
                assert!(std::fs::read(&path).expect("readable") == hurt, "{place}: it was changed");
                expect_can_be_saved(&base, &world, &place);
            } else {
                assert!(verified.expect(0).err.contains("repaired"), "{place}: it was not told");
            }
        }
    }
}

/// A backup of what can be read without sled is the whole ledger again.
fn expect_can_be_saved(base: &Base, world: &World, place: &str) {
    let saved = world.beside("saved");
    let saved_name = saved.to_str().expect("plain");
    world.run(&["backup", saved_name]).expect_no_bug().expect(0);
    assert!(std::fs::read(&saved).unwrap() == std::fs::read(&base.backup).unwrap(), "{place}");
}

#[test]
fn damage_to_derived_files_is_put_right_and_told() {
    let base = Base::usual();
    let summary = summary_of(base.world.ledger());
    for (file, seed) in [("sled/conf", 41), (summary.as_str(), 42), ("keys", 43)] {
        let (_, told) = check_random(&base, file, seed, 8);
        assert_eq!(told, 0, "{file} can be made anew");
        for bit in [1, 128] {
            let world = base.copy();
            let path = world.ledger().join(file);
            let mut bytes = std::fs::read(&path).expect("readable");
            let middle = bytes.len() / 2;
            bytes[middle] ^= bit;
            std::fs::write(&path, bytes).expect("written");
            let done = world.run(&["verify"]).expect_no_bug().expect(0);
            assert!(done.err.contains("repaired"), "{file}: {done:#?}");
        }
    }
    for (file, seed) in [("witness", 44), ("fleet.snapshot", 45), ("format", 46)] {
        check_random(&base, file, seed, 8);
    }
}

fn summary_of(ledger: &Path) -> String {
    let names = std::fs::read_dir(ledger.join("sled")).expect("a directory");
    let names = names.map(|item| item.expect("an entry").file_name().into_string().expect("plain"));
    let mut summaries: Vec<String> = names.filter(|name| name.starts_with("snap.")).collect();
    assert_eq!(summaries.len(), 1, "sled keeps one summary");
    format!("sled/{}", summaries.remove(0))
}

#[test]
fn a_half_written_summary_of_sled_is_removed_and_told() {
    let base = Base::usual();
    for half in ["", "sixteen bytes of", "not a summary at all, but longer than its end is"] {
        let world = base.copy();
        let path = world.ledger().join("sled/snap.00000000000FFFFF.generating");
        std::fs::write(&path, half).expect("written");
        let done = world.submit(&[fleet::command(8)]).expect_no_bug().expect(0);
        assert!(done.err.contains("repaired") && done.err.contains(".generating"), "{done:#?}");
        assert!(!path.exists());
        assert!(base.hashes == world.hashes());
    }
}

#[test]
fn files_that_are_gone_are_made_again_or_missed() {
    let base = Base::usual();
    let summary = summary_of(base.world.ledger());
    for file in ["sled/conf", summary.as_str(), "keys", "witness", "fleet.snapshot", "lock"] {
        let world = base.copy();
        std::fs::remove_file(world.ledger().join(file)).expect("removed");
        world.expect_sound();
        assert!(base.hashes == world.hashes(), "{file}");
        world.submit(&[fleet::command(ENTRIES)]).expect_no_bug().expect(0);
        world.expect_sound();
    }
    let world = base.copy();
    std::fs::remove_file(world.ledger().join("sled/db")).expect("removed");
    let done = world.run(&["--json", "verify"]).expect_no_bug().expect(1);
    expect_located(&done.json(), "sled/db is gone");
    world.submit(&[fleet::command(ENTRIES)]).expect_no_bug().expect(1);
}
