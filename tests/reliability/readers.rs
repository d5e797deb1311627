//! One writer, many readers: a second writer is told who the first one is; readers see what is durable
//! while it writes; what a killed process leaves in the way is no obstacle.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fleet;
use crate::world::{Done, Said, World, finish, told, wait};

/// A `submit` that is fed by hand.
struct Writer {
    child: Child,
    stdin: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    said: Said,
    sent: u64,
}

impl Writer {
    fn start(world: &World) -> Self {
        let said = Said::new();
        let mut command = world.program(&["submit", "-"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said.files().1);
        let mut child = command.spawn().expect("the program starts");
        let stdin = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, stdin, answers, said, sent: 0 }
    }

    /// Sends the next commands and waits for their answers.
    fn send(&mut self, len: u64) {
        let lines: Vec<String> = (self.sent..self.sent + len).map(fleet::command).collect();
        let stdin = self.stdin.as_mut().expect("open");
        stdin.write_all(&crate::world::joined(&lines)).expect("it reads");
        for n in self.sent..self.sent + len {
            let mut line = String::new();
            self.answers.read_line(&mut line).expect("a pipe");
            let answer: Value = serde_json::from_str(&line).expect("an answer");
            assert_eq!(answer["seq"], Value::from(n + 1), "{line}");
        }
        self.sent += len;
    }

    /// Ends its input and waits for its end.
    fn end(mut self, world: &World) -> Done {
        drop(self.stdin.take());
        let status = wait(&mut self.child, &world.program(&["submit", "-"]));
        self.said.told(status).expect_no_bug()
    }
}

fn entries(world: &World) -> u64 {
    let done = world.run(&["--json", "log", "stats"]).expect_no_bug().expect(0);
    done.json()["entries"].as_u64().expect("a number")
}

#[test]
fn a_second_writer_is_told_who_writes() {
    let world = World::with_bug(None);
    let mut first = Writer::start(&world);
    first.send(20);
    let begun = Instant::now();
    let second = world.submit(&fleet::first(3)).expect_no_bug().expect(2);
    assert!(second.err.contains(&format!("process {}", first.child.id())), "{}", second.err);
    assert!(second.err.contains("writing") && second.out.is_empty(), "{second:#?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "it does not wait for a writer");
    // The first one is not disturbed.
    first.send(20);
    first.end(&world).expect(0);
    world.submit(&fleet::first(3)).expect(0);
    world.expect_sound();
}

#[test]
fn readers_see_the_last_durable_group_while_it_is_written_on() {
    let world = World::with_bug(None);
    let mut writer = Writer::start(&world);
    for round in 1..=4 {
        writer.send(50);
        // Every answer that was given is durable, and so seen.
        assert_eq!(entries(&world), round * 50);
        let claim = fleet::payment_hash(8).expect("a claim");
        let traced = world.run(&["--json", "trace", &claim]).expect_no_bug().expect(0);
        assert!(traced.out.contains("settlement.claimed"), "{traced:#?}");
        world.expect_sound();
        assert_eq!(world.history().unwrap().len() as u64, round * 50);
        let balances = world.run(&["--json", "balances"]).expect_no_bug().expect(0).json();
        assert_eq!(balances["position"], Value::from(round * 50));
    }
    let two: Vec<_> = (0..2)
        .map(|_| world.program(&["--json", "verify"]))
        .map(|command| std::thread::spawn(|| finish(command, b"")))
        .collect();
    writer.send(300);
    for reader in two {
        let done = reader.join().expect("no panic").expect_no_bug().expect(0);
        assert!(done.json()["entries"].as_u64().is_some_and(|seen| (200..=500).contains(&seen)));
    }
    writer.end(&world).expect(0);
    assert_eq!(entries(&world), 500);
}

#[test]
fn a_reader_reads_on_when_the_writer_ends() {
    let world = World::with_bug(None);
    let mut writer = Writer::start(&world);
    writer.send(4_000);
    // Its output is not read: it waits in the middle of the log.
    let show = ["--json", "log", "show", "--from", "1", "--to", "4000"];
    let mut command = world.program(&show);
    let mut reader = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(reader.stdout.take().expect("piped")).lines();
    let first = lines.next().expect("a line").expect("a pipe");
    writer.end(&world).expect(0);
    let rest: Vec<String> = lines.map(|line| line.expect("a pipe")).collect();
    assert_eq!(wait(&mut reader, &command).code(), Some(0));
    assert_eq!(rest.len(), 3_999);
    world.submit(&[fleet::command(4_000)]).expect_no_bug().expect(0);
    let whole = world.run(&show).expect(0).out;
    assert!([vec![first], rest].concat() == whole.lines().collect::<Vec<_>>());
}

#[test]
fn a_writer_waits_for_a_reader_to_leave() {
    let world = World::with_bug(None);
    world.submit(&fleet::first(4_000)).expect(0);
    let mut command = world.program(&["--json", "log", "show", "--from", "1", "--to", "4000"]);
    let mut reader = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut lines = BufReader::new(reader.stdout.take().expect("piped")).lines();
    lines.next().expect("a line").expect("a pipe");

    let submit = world.program(&["submit", "-"]);
    let input = crate::world::joined(&[fleet::command(4_000)]);
    let writer = std::thread::spawn(move || finish(submit, &input));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!writer.is_finished(), "the ledger is being read");
    // Meanwhile, others read beside the first reader.
    assert_eq!(entries(&world), 4_000);
    assert_eq!(lines.count(), 3_999);
    assert_eq!(wait(&mut reader, &command).code(), Some(0));
    writer.join().expect("no panic").expect_no_bug().expect(0);
    assert_eq!(entries(&world), 4_001);
}

#[test]
fn what_a_killed_process_leaves_is_no_obstacle() {
    let world = World::with_bug(None);
    for round in 1..=3 {
        let mut writer = Writer::start(&world);
        writer.send(100);
        let id = writer.child.id();
        writer.child.kill().expect("a child");
        writer.child.wait().expect("a child");
        let holder = std::fs::read_to_string(world.ledger().join("lock")).expect("a lock file");
        assert!(world.ledger().join("reader.sock").exists() && holder.contains(&id.to_string()));
        if round % 2 == 1 {
            assert_eq!(entries(&world), 100);
        }
        let again = world.submit(&fleet::first(100)).expect_no_bug().expect(0);
        assert!(again.answers().iter().all(|answer| answer["status"] == "replayed"));
    }
    // A reader that is killed leaves the same.
    let mut reader = world.program(&["backup", "--follow"]);
    let file = world.beside("followed");
    let mut reader = reader.arg(&file).stdout(Stdio::null()).spawn().expect("the program starts");
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    reader.kill().expect("a child");
    reader.wait().expect("a child");
    world.submit(&fleet::first(110)).expect_no_bug().expect(0);
    world.run(&["backup", file.to_str().expect("plain")]).expect_no_bug().expect(0);
    assert_eq!(told(&file).len(), 110);
}
