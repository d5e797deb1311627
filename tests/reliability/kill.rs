//! kill -9 at random moments under load: while opening, while working, while closing. One ledger lives
//! through all rounds.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::chance::Chance;
use crate::fleet;
use crate::witness::Witness;
use crate::world::{Done, Said, World, told_number, wait};

/// Commands that were answered and are sent again in every round, at most.
const AGAIN_MAX: u64 = 40;
/// Commands of a round, at most.
const ROUND_MAX: u64 = 500;

/// When a round ends.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after the start: often while the ledger is still being opened.
    After(Duration),
    /// As soon as so many answers were read.
    Answered(u64),
    /// So long after the last command was sent: while the ledger is being closed.
    Closing(Duration),
    /// It may end by itself.
    Never,
}

/// A ledger that is killed again and again.
pub struct Killing {
    pub world: World,
    pub witness: Witness,
    chance: Chance,
}

impl Killing {
    pub fn new(seed: u64, bug: Option<&'static str>) -> Self {
        let (world, witness) = (World::with_bug(bug), Witness::new());
        Self { world, witness, chance: Chance::new(seed) }
    }

    /// Starts the ledger, sends commands, writes answers down, and kills it at some moment.
    pub fn round(&mut self) -> Result<(), String> {
        let moment = self.moment();
        let answered = self.witness.answered();
        let first = answered - self.chance.below(AGAIN_MAX).min(answered);
        let last = answered + self.chance.mostly_small(ROUND_MAX);
        let lines: Vec<String> = (first..=last).map(fleet::command).collect();

        let said = Said::new();
        let mut command = self.world.program(&["submit", "-"]);
        let (_, err) = said.files();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(err);
        let mut child = command.spawn().expect("the program starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = (stdin.expect("piped"), stdout.expect("piped"));

        let (sent, all_sent) = channel();
        let pace = Chance::following(self.chance.next());
        let feeder = std::thread::spawn(move || {
            feed(stdin, &lines, pace);
            // Dropped or sent: whoever waits goes on.
            let _ = sent.send(());
        });
        let child = Arc::new(Mutex::new(child));
        let killed = Arc::clone(&child);
        let killer = std::thread::spawn(move || kill_later(&killed, moment, &all_sent));
        let noted = self.read_answers(stdout, first, moment, &child);
        feeder.join().expect("fed");
        let killed = killer.join().expect("ended") || matches!(moment, Moment::Answered(_));
        let mut child = child.lock().expect("no panic");
        let done = said.told(wait(&mut child, &command));
        noted?;
        if killed { Ok(()) } else { ended_well(&done) }
    }

    fn moment(&mut self) -> Moment {
        match self.chance.below(10) {
            0..=3 => Moment::After(Duration::from_micros(self.chance.below(150_000))),
            4..=7 => Moment::Answered(self.chance.mostly_small(ROUND_MAX)),
            8 => Moment::Closing(Duration::from_micros(self.chance.below(60_000))),
            _ => Moment::Never,
        }
    }

    /// Reads and writes down what was answered, until the program is gone.
    fn read_answers(
        &mut self,
        stdout: ChildStdout,
        first: u64,
        moment: Moment,
        child: &Mutex<Child>,
    ) -> Result<(), String> {
        let mut lines = BufReader::new(stdout);
        let mut line = String::new();
        for n in first.. {
            line.clear();
            lines.read_line(&mut line).expect("a pipe");
            // An answer without its line's end was cut off: it is none.
            let Some(answer) = line.strip_suffix('\n') else { break };
            let answer = serde_json::from_str(answer).map_err(|_| format!("answered {answer}"))?;
            self.witness.note(n, &answer)?;
            if matches!(moment, Moment::Answered(count) if n - first == count) {
                kill(child);
            }
        }
        Ok(())
    }

    /// Everything is sound, everything that was answered is there, and nothing twice.
    pub fn check(&self) -> Result<(), String> {
        self.world.sound()?;
        self.witness.check(&self.world.history()?)
    }

    /// Sends everything once more and compares the whole history with it, entry by entry.
    pub fn check_to_the_end(&mut self) -> Result<(), String> {
        let lines = fleet::first(self.witness.answered() + ROUND_MAX);
        let done = self.world.submit(&lines).expect_no_bug();
        for (n, answer) in done.answers().iter().enumerate() {
            self.witness.note(n as u64, answer)?;
        }
        self.check()?;
        let entries = self.world.history()?.len();
        if entries == lines.len() {
            Ok(())
        } else {
            Err(format!("{} commands made {entries} entries", lines.len()))
        }
    }
}

fn feed(mut stdin: ChildStdin, lines: &[String], mut pace: Chance) {
    let mut rest = lines;
    while !rest.is_empty() {
        let len = pace.mostly_small(120) + 1;
        let (burst, later) = rest.split_at(rest.len().min(len as usize));
        // It may be dead already.
        if stdin.write_all(&crate::world::joined(burst)).is_err() {
            return;
        }
        rest = later;
        std::thread::sleep(Duration::from_micros(pace.mostly_small(4_000)));
    }
}

/// Kills at a moment that comes by itself. Whether it was killed.
fn kill_later(child: &Mutex<Child>, moment: Moment, all_sent: &Receiver<()>) -> bool {
    match moment {
        Moment::After(time) => std::thread::sleep(time),
        Moment::Closing(time) => {
            let _ = all_sent.recv();
            std::thread::sleep(time);
        }
        Moment::Answered(_) | Moment::Never => return false,
    }
    kill(child);
    true
}

/// One that has ended already is not disturbed.
fn kill(child: &Mutex<Child>) {
    child.lock().expect("no panic").kill().expect("a child");
}

fn ended_well(done: &Done) -> Result<(), String> {
    if done.code() == Some(0) { Ok(()) } else { Err(format!("it ended by itself: {done:#?}")) }
}

#[test]
fn what_was_answered_survives_kill_9_at_any_moment() {
    let rounds = told_number("SPIRELEDGER_CRASH_ROUNDS", 50);
    let mut killing = Killing::new(1, None);
    for round in 1..=rounds {
        let check = round % (rounds / 25).max(1) == 0;
        let result = killing.round().and_then(|()| if check { killing.check() } else { Ok(()) });
        result.unwrap_or_else(|wrong| panic!("round {round}: {wrong}"));
    }
    killing.check_to_the_end().unwrap();
}
