//! A small world: a ledger in a directory of its own, the real program to run on it, and the truth
//! about it, kept apart from it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use spireledger::log::BackupFile;
use spireledger_schema::Entry;
use tempfile::TempDir;

/// No command of a test may take longer: what hangs, fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Done {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The answers of a `submit`.
    pub fn answers(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect()
    }

    /// Its standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code(), Some(code), "{self:#?}");
        self
    }

    /// Whatever happened, it was no bug: no panic, no abort, no signal.
    #[track_caller]
    pub fn expect_no_bug(self) -> Self {
        assert!(matches!(self.code(), Some(0..=2)), "{self:#?}");
        assert!(!self.err.contains("panicked at"), "{self:#?}");
        self
    }
}

/// An entry of a ledger, as a backup tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub seq: u64,
    pub hash: String,
    pub key: String,
    pub event: &'static str,
}

/// A ledger and a place beside it.
pub struct World {
    dir: TempDir,
    ledger: PathBuf,
    /// A bug that is turned on.
    pub bug: Option<&'static str>,
}

impl World {
    /// A ledger on the real disk, whose program may have a seeded bug, from `init` on.
    pub fn with_bug(bug: Option<&'static str>) -> Self {
        let mut world = Self::without_ledger();
        world.bug = bug;
        world.run(&["init"]).expect(0);
        world
    }

    pub fn without_ledger() -> Self {
        Self::within(tempfile::tempdir().expect("a directory"))
    }

    /// In memory where there is some: for what needs no sync, often.
    pub fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
        Self::within(dir.expect("a directory"))
    }

    /// A ledger at a given place.
    pub fn at(ledger: PathBuf) -> Self {
        Self { dir: TempDir::new().expect("a directory"), ledger, bug: None }
    }

    fn within(dir: TempDir) -> Self {
        let ledger = dir.path().join("ledger");
        Self { dir, ledger, bug: None }
    }

    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    /// A file of this world, outside the ledger.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program on this ledger, not started yet.
    pub fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_spireledger"));
        command.arg("--ledger").arg(&self.ledger).args(args);
        command.env_remove("SPIRELEDGER_CRASH").env("SPIRELEDGER_BUG", self.bug.unwrap_or(""));
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        finish(self.program(args), b"")
    }

    /// Submits lines and waits for the end.
    pub fn submit(&self, lines: &[String]) -> Done {
        finish(self.program(&["submit", "-"]), &joined(lines))
    }

    /// All is sound, says `verify`.
    #[track_caller]
    pub fn expect_sound(&self) {
        self.sound().unwrap();
    }

    /// Whether the program dies at a named point; it ends in order where it does not.
    #[track_caller]
    pub fn dies(&self, args: &[&str], at: &str) -> bool {
        let mut command = self.program(args);
        command.env("SPIRELEDGER_CRASH", at);
        let done = finish(command, b"");
        let died = done.err.contains("crash point");
        assert_eq!(died, done.code().is_none(), "{at}: {done:#?}");
        died
    }

    pub fn sound(&self) -> Result<(), String> {
        let done = self.run(&["--json", "verify"]).expect_no_bug();
        if done.code() == Some(0) && done.json()["breaks"] == serde_json::json!([]) {
            Ok(())
        } else {
            Err(format!("verify: {done:#?}"))
        }
    }

    /// The whole history, read by bringing a backup up to date: which also holds every later history
    /// against every earlier one.
    pub fn history(&self) -> Result<Vec<Told>, String> {
        let file = self.beside("history");
        let done = self.run(&["backup", file.to_str().expect("plain")]).expect_no_bug();
        if done.code() == Some(0) { Ok(told(&file)) } else { Err(format!("backup: {done:#?}")) }
    }

    /// The seq and hash of every entry, read from the ledger itself.
    #[track_caller]
    pub fn hashes(&self) -> Vec<String> {
        hashes_of(&self.run(&["--json", "log", "show", "--from", "1", "--to", "1000000000"]))
    }

    /// A second world with a copy of this ledger.
    pub fn copy_to(&self, world: &World) {
        let _ = std::fs::remove_dir_all(world.ledger());
        copy_dir(self.ledger(), world.ledger());
    }
}

/// The hashes that `log show --json` printed.
pub fn hashes_of(done: &Done) -> Vec<String> {
    let hash = |line: &str| {
        let entry: Value = serde_json::from_str(line).expect("an entry");
        entry["hash"].as_str().expect("a hash").to_owned()
    };
    done.out.lines().map(hash).collect()
}

/// Reads a backup file, entry by entry.
#[track_caller]
pub fn told(path: &Path) -> Vec<Told> {
    let mut all = Vec::new();
    for block in BackupFile::open(path).expect("a backup") {
        for stored in block.expect("whole").entries() {
            let entry = Entry::decode(stored.canonical).expect("readable");
            all.push(Told {
                seq: stored.front.seq,
                hash: stored.hash.to_string(),
                key: stored.front.key.to_string(),
                event: entry.event.name(),
            });
        }
    }
    all
}

/// No key has two claims.
pub fn expect_no_claim_twice(history: &[Told]) -> Result<(), String> {
    let mut claims: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in history.iter().filter(|entry| entry.event == "settlement.claimed") {
        if let Some(first) = claims.insert(&entry.key, entry.seq) {
            let (key, seq) = (&entry.key, entry.seq);
            return Err(format!("{key} was claimed by entry {first} and again by entry {seq}"));
        }
    }
    Ok(())
}

pub fn joined(lines: &[String]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// Runs to the end, or kills what takes too long.
#[track_caller]
pub fn finish(command: Command, input: &[u8]) -> Done {
    let input = input.to_owned();
    // It may end before it has read everything.
    finish_fed(command, move |mut stdin| drop(stdin.write_all(&input)))
}

/// Runs to the end; `feed` writes its input.
#[track_caller]
pub fn finish_fed(mut command: Command, feed: impl FnOnce(ChildStdin) + Send + 'static) -> Done {
    let said = Said::new();
    let (out, err) = said.files();
    let mut child =
        command.stdin(Stdio::piped()).stdout(out).stderr(err).spawn().expect("the program starts");
    let stdin = child.stdin.take().expect("piped");
    let feed = std::thread::spawn(move || feed(stdin));
    let status = wait(&mut child, &command);
    feed.join().expect("fed");
    said.told(status)
}

/// Waits for a child's end, for as long as anything may take.
#[track_caller]
pub fn wait(child: &mut Child, command: &Command) -> ExitStatus {
    let begun = Instant::now();
    let mut pause = Duration::from_micros(200);
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().expect("a child");
            child.wait().expect("a child");
            panic!("{command:?} did not end within {PATIENCE:?}");
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}

/// Where a program's output goes: files, which never fill up as pipes do.
pub struct Said {
    dir: TempDir,
}

impl Said {
    pub fn new() -> Self {
        Self { dir: TempDir::new().expect("a directory") }
    }

    pub fn files(&self) -> (File, File) {
        let make = |name| File::create(self.dir.path().join(name)).expect("a file");
        (make("out"), make("err"))
    }

    /// What was said up to now.
    pub fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.dir.path().join(name)).expect("a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn told(&self, status: ExitStatus) -> Done {
        Done { status, out: self.read("out"), err: self.read("err") }
    }
}

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for item in std::fs::read_dir(from).expect("a directory") {
        let path = item.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_dir(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

/// A number from the environment.
pub fn told_number(name: &str, default: u64) -> u64 {
    let told = std::env::var(name).ok();
    told.map_or(default, |number| number.parse().expect("a number"))
}
