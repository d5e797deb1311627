//! Exports to a file a table that are killed: the next one goes on, trusts nothing that was not written
//! down as safe, and ends with the bytes of one that was never interrupted.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use spireledger::log::crash::POINTS;

use crate::chance::Chance;
use crate::fleet;
use crate::world::{Done, World, told_number, wait};

/// Commands of the log; several positions are written down in each table.
const ENTRIES: u64 = 1_000;
const FORMATS: [&str; 3] = ["csv", "jsonl", "parquet"];

fn world() -> World {
    let world = World::in_memory();
    world.run(&["init"]).expect(0);
    world.submit(&fleet::first(ENTRIES)).expect(0);
    world
}

fn args<'a>(format: &'a str, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let out = out.to_str().expect("plain");
    let mut args = more.to_vec();
    args.extend(["tables", "export", "--format", format, "--out", out]);
    args
}

/// Every file of a directory.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let items = std::fs::read_dir(dir).expect("a directory").map(|item| item.expect("an item"));
    let file = |item: std::fs::DirEntry| {
        let name = item.file_name().into_string().expect("plain");
        (name, std::fs::read(item.path()).expect("read"))
    };
    items.map(file).collect()
}

/// What an export that is not interrupted writes.
fn fresh(world: &World, format: &str) -> BTreeMap<String, Vec<u8>> {
    let out = world.beside(&format!("fresh-{format}"));
    world.run(&args(format, &out, &[])).expect(0);
    let fresh = files(&out);
    assert_eq!(fresh.len(), 14, "{:?}", fresh.keys());
    fresh
}

#[track_caller]
fn is_same(found: &BTreeMap<String, Vec<u8>>, fresh: &BTreeMap<String, Vec<u8>>, at: &str) {
    assert!(found.keys().eq(fresh.keys()), "{at}: {:?}", found.keys());
    for (name, bytes) in fresh {
        assert!(found[name] == *bytes, "{at}: {name}");
    }
}

#[test]
fn files_that_die_at_any_point_are_gone_on_with_and_right() {
    let world = world();
    for format in FORMATS {
        let fresh = fresh(&world, format);
        for point in POINTS.iter().filter(|point| point.starts_with("tables:files-")) {
            let is_of_text = point.ends_with("position-saved") || point.ends_with("before-rename");
            let mut died_at = Vec::new();
            for skip in [0, 1, 2, 7, 12] {
                let out = world.beside("out");
                let at = format!("{point}@{skip}");
                let export = args(format, &out, &[]);
                if world.dies(&export, &at) {
                    died_at.push(skip);
                }
                // It may die again where it has come to.
                world.dies(&export, "tables:files-table-done@1");
                world.run(&export).expect(0);
                is_same(&files(&out), &fresh, &format!("{format}, {at}"));
                std::fs::remove_dir_all(&out).expect("removed");
            }
            let is_reached = format != "parquet" || !is_of_text;
            assert_eq!(died_at.contains(&0), is_reached, "{format}: {point} at {died_at:?}");
        }
    }
}

/// Only what is missing is written: what was marked by hand in what is safe stays marked.
#[test]
fn what_was_safe_is_not_written_again_and_what_was_not_is_cut() {
    let world = world();
    let out = world.beside("out");
    let fresh = fresh(&world, "csv");
    let export = args("csv", &out, &[]);
    assert!(world.dies(&export, "tables:files-position-saved@2"));
    // Deposits stand before settlements: they are amid being written, behind finished tables.
    let (finished, begun) = (out.join("dca_machines.csv"), out.join("dca_deposits.csv.new"));
    let mark = |path: &Path| {
        let mut bytes = std::fs::read(path).expect("read");
        let at = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
        bytes[at] = b'#';
        std::fs::write(path, bytes).expect("written");
    };
    mark(&finished);
    mark(&begun);
    let mut torn = std::fs::read(&begun).expect("read");
    torn.extend(b"a row that was half wri");
    std::fs::write(&begun, &torn).expect("written");
    let kept = world.beside("kept");
    let keep = |from: &Path, to: &Path| {
        let _ = std::fs::remove_dir_all(to);
        std::fs::create_dir(to).expect("made");
        for (name, bytes) in files(from) {
            std::fs::write(to.join(name), bytes).expect("written");
        }
    };
    keep(&out, &kept);

    world.run(&export).expect(0);
    let marked = files(&out);
    for name in ["dca_machines.csv", "dca_deposits.csv"] {
        let differs = marked[name].iter().zip(&fresh[name]).filter(|(one, other)| one != other);
        assert_eq!(differs.count(), 1, "{name}: all but the mark is as it must be");
        assert_eq!(marked[name].len(), fresh[name].len(), "{name}");
    }

    // What is shorter than was written down is not gone on with.
    keep(&kept, &out);
    std::fs::write(&begun, &torn[..torn.len() / 3]).expect("written");
    std::fs::write(&finished, b"short").expect("written");
    world.run(&export).expect(0);
    is_same(&files(&out), &fresh, "cut short");

    // Neither is a last line of the journal that was torn, or a journal that is none.
    for (journal, is_kept) in [("{\"done\":{\"tab", true), ("\n", true)] {
        keep(&kept, &out);
        let path = out.join("tables.csv.part");
        let mut text = std::fs::read_to_string(&path).expect("read");
        text.push_str(journal);
        std::fs::write(&path, text).expect("written");
        world.run(&export).expect(0);
        assert_eq!(files(&out)["dca_machines.csv"] != fresh["dca_machines.csv"], is_kept);
    }
    keep(&kept, &out);
    std::fs::write(out.join("tables.csv.part"), "none").expect("written");
    world.run(&export).expect(0);
    is_same(&files(&out), &fresh, "without a journal");

    // Whoever wants all anew gets it.
    keep(&kept, &out);
    let mut from_scratch = export.clone();
    from_scratch.push("--from-scratch");
    world.run(&from_scratch).expect(0);
    is_same(&files(&out), &fresh, "from scratch");
}

#[test]
fn nothing_is_taken_of_another_version_moment_or_format() {
    let world = world();
    let out = world.beside("out");
    let whole = args("csv", &out, &[]);
    let v7 = {
        let mut args = whole.clone();
        args.extend(["--version", "7"]);
        args
    };
    for (other, clean) in [
        (v7, "v7"),
        (args("csv", &out, &["--as-of", "299"]), "then"),
        (args("jsonl", &out, &[]), "jsonl"),
    ] {
        let clean = world.beside(clean);
        let mut undisturbed = other.clone();
        let at = undisturbed.iter().position(|arg| *arg == "--out").expect("it is there") + 1;
        undisturbed[at] = clean.to_str().expect("plain");
        world.run(&undisturbed).expect(0);
        assert!(world.dies(&whole, "tables:files-position-saved@2"));
        let done = world.run(&other).expect(0);
        let is_of_another_moment = other.contains(&"299");
        assert_eq!(done.err.contains("is as of entry 1000"), is_of_another_moment, "{done:#?}");
        let found = files(&out);
        for (name, bytes) in files(&clean) {
            assert!(found[&name] == bytes, "{name}");
        }
        std::fs::remove_dir_all(&out).expect("removed");
    }
    // As of the moment of the first, it is gone on with, however long the log is by then.
    let fresh = fresh(&world, "csv");
    assert!(world.dies(&whole, "tables:files-table-done@2"));
    world.submit(&fleet::first(ENTRIES + 50)).expect(0);
    let then = ENTRIES.to_string();
    let done: Done = world.run(&args("csv", &out, &["--as-of", &then])).expect(0);
    assert!(!done.err.contains("made anew"), "{done:#?}");
    is_same(&files(&out), &fresh, "as of then");
}

#[test]
fn files_survive_kill_9_at_any_moment() {
    let rounds = told_number("SPIRELEDGER_CRASH_ROUNDS", 50);
    let mut chance = Chance::new(11);
    let world = world();
    for format in FORMATS {
        let fresh = fresh(&world, format);
        let out = world.beside("out");
        for _ in 0..rounds / 3 {
            let mut command = world.program(&args(format, &out, &[]));
            let mut child =
                { command.stdout(Stdio::null()).stderr(Stdio::null()) }.spawn().expect("it");
            std::thread::sleep(Duration::from_micros(chance.below(40_000)));
            child.kill().expect("a child");
            let _ = wait(&mut child, &command);
        }
        world.run(&args(format, &out, &[])).expect(0);
        is_same(&files(&out), &fresh, format);
        std::fs::remove_dir_all(&out).expect("removed");
    }
}

#[test]
fn two_at_once_do_not_write_the_same_files() {
    let world = world();
    let fresh = fresh(&world, "csv");
    let out = world.beside("out");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..4 {
                    let done = world.run(&args("csv", &out, &[])).expect_no_bug();
                    let is_held = done.err.contains("being written by another process");
                    assert!(done.code() == Some(0) || is_held, "{done:#?}");
                }
            });
        }
    });
    world.run(&args("csv", &out, &[])).expect(0);
    is_same(&files(&out), &fresh, "the end");
}
