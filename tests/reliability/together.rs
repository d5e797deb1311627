//! Several at once: one writer, readers beside it, and many who say the same.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;

use spireledger::ledger::Ledger;
use spireledger::log::{Directory, ReadLog as _};
use spireledger::rules::Request;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Answer, Command};

use crate::fleet;
use crate::world::World;

/// A ledger of this process with a fleet in it.
fn ledger(world: &World) -> Arc<Ledger> {
    let directory = Directory::begin(world.ledger(), "a test").expect("new");
    let clock = || Timestamp::from_seconds(1_767_225_600).expect("a time");
    let (ledger, _) = Ledger::open_held(directory, Box::new(clock)).expect("opens");
    Directory::finish(world.ledger()).expect("made");
    for line in fleet::first(8) {
        let answer = ledger.ask_one(request(&line)).expect("answered");
        assert_eq!(answer.status(), "accepted");
    }
    Arc::new(ledger)
}

fn request(line: &str) -> Request {
    Request::local(Command::parse(line).expect("a command"))
}

#[test]
fn a_hundred_who_say_the_same_at_once_make_one_entry_and_get_one_receipt() {
    let world = World::without_ledger();
    let ledger = ledger(&world);
    let before = ledger.log().head().seq;
    let line = fleet::command(8);
    let all: Vec<Answer> = std::thread::scope(|scope| {
        let ask = || scope.spawn(|| ledger.ask_one(request(&line)).expect("answered"));
        let threads: Vec<_> = (0..100).map(|_| ask()).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let accepted = all.iter().filter(|answer| answer.status() == "accepted").count();
    let replayed = all.iter().filter(|answer| answer.status() == "replayed").count();
    assert_eq!((accepted, replayed), (1, 99));
    let first = all[0].receipt().expect("a receipt");
    assert!(all.iter().all(|answer| answer.receipt() == Some(first)));
    assert_eq!(ledger.log().head().seq, before + 1);
}

#[test]
fn many_who_say_many_things_twice_make_each_entry_once() {
    let world = World::without_ledger();
    let ledger = ledger(&world);
    let before = ledger.log().head().seq;
    // Claims only: they need nothing of each other.
    let lines: Vec<String> =
        (8..400).filter(|n| fleet::payment_hash(*n).is_some()).map(fleet::command).collect();
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let (lines, ledger) = (&lines, &ledger);
            scope.spawn(move || {
                for at in 0..lines.len() {
                    // Each begins elsewhere, so that every claim is first said by some other thread.
                    let line = &lines[(at + thread * 17) % lines.len()];
                    let answer = ledger.ask_one(request(line)).expect("answered");
                    assert_ne!(answer.status(), "refused");
                }
            });
        }
    });
    assert_eq!(ledger.log().head().seq, before + lines.len() as u64);
}

#[test]
fn one_process_writes_and_others_read_what_it_has_answered() {
    let world = World::without_ledger();
    world.run(&["init"]).expect(0);
    let mut writer = world.program(&["submit", "-"]);
    let mut writer = writer.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = writer.stdin.take().expect("piped");
    let mut answers = BufReader::new(writer.stdout.take().expect("piped")).lines();
    for (count, line) in (1u64..).zip(fleet::first(40)) {
        writeln!(stdin, "{line}").expect("written");
        answers.next().expect("an answer").expect("a line");
        if count % 10 != 0 {
            continue;
        }
        // What was answered is there for every reader, at once.
        assert_eq!(world.run(&["--json", "log", "stats"]).expect(0).json()["entries"], count);
        world.expect_sound();
        assert_eq!(world.history().expect("a backup").len() as u64, count);
        let hash = fleet::payment_hash(8).expect("a claim");
        if count > 8 {
            world.run(&["trace", &hash]).expect(0);
        }
        world.run(&["balances"]).expect(0);
    }
    let second = world.submit(&fleet::first(3)).expect(2);
    let id = format!("process {}", writer.id());
    assert!(second.err.contains("writing") && second.err.contains(&id), "{}", second.err);
    drop(stdin);
    assert!(writer.wait().expect("ends").success());
    world.submit(&fleet::first(3)).expect(0);
}

#[test]
fn a_writer_waits_for_a_reader_and_a_killed_one_is_no_obstacle() {
    let world = World::without_ledger();
    world.run(&["init"]).expect(0);
    let begun = Directory::hold(world.ledger(), spireledger::log::Purpose::Read).expect("free");
    let writer = std::thread::scope(|scope| {
        let writer = scope.spawn(|| world.submit(&fleet::first(20)));
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(begun);
        writer.join().expect("no panic")
    });
    assert_eq!(writer.expect(0).answers().len(), 20);

    let mut killed = world.program(&["submit", "-"]);
    let mut killed = killed.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = killed.stdin.take().expect("piped");
    writeln!(stdin, "{}", fleet::command(0)).expect("written");
    let mut answer = String::new();
    BufReader::new(killed.stdout.take().expect("piped")).read_line(&mut answer).expect("answered");
    killed.kill().expect("killed");
    killed.wait().expect("ended");
    assert!(world.ledger().join("reader.sock").exists(), "its socket is left");
    world.expect_sound();
    world.submit(&fleet::first(25)).expect(0);
}
