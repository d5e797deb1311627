//! `submit` end to end: the program itself as a process of its own, from a file of JSON Lines to
//! answers, beside SQLite, which is given the same rows in memory.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::contenders::{Row, Scratch, Sqlite, bytes_on_disk, sqlite};
use super::input::{self, Decided};
use super::ledger::NEW;
use super::report::{Figure, Unit};
use super::timing::{Begun, Timing, most_memory, number};
use super::{BenchError, SQLITE, Sizes, rounds, same};
use crate::ledger::Reader;
use crate::log::ReadLog;

/// Rows of one transaction of the peer: as many as the program makes durable together.
const GROUP: usize = 8_000;

/// Where this stage leaves its ledger, for the next.
pub(super) fn ledger_path(scratch: &Scratch) -> PathBuf {
    scratch.path("ledger")
}

/// New claims in two files, in turns with SQLite; then both files again.
pub(super) fn submit(
    sizes: &Sizes,
    scratch: &Scratch,
    program: &Path,
) -> Result<Vec<Figure>, BenchError> {
    let path = ledger_path(scratch);
    let connection = sqlite(&scratch.path("sqlite"))?;
    let mut peer = Sqlite::prepare(&connection)?;
    let mut rows = Decided::default();
    let fleet = rows.fleet()?.len() as u64;
    run(program, &path, &["init"])?;
    let lines = input::fleet().into_iter().map(|command| command.to_json());
    submit_file(program, &path, &write_lines(scratch.path("fleet.jsonl"), lines)?)?;
    let (mut new, mut again, mut peer_time) = <(Timing, Timing, Timing)>::default();
    let mut memory = 0;
    let mut files = Vec::new();
    for (name, range) in halves(sizes.claims) {
        let count = range.end - range.start;
        let lines = range.map(|number| input::claim(number).to_json());
        let file = write_lines(scratch.path(name), lines)?;
        memory =
            memory.max(new.group(count, Begun::there(), || submit_file(program, &path, &file))?);
        for count in rounds(count) {
            let round: Vec<Row> = rows.claims(count)?.iter().filter_map(Row::of).collect();
            for group in round.chunks(GROUP) {
                peer_time.group(group.len() as u64, Begun::here(), || peer.insert(group))?;
            }
        }
        files.push((file, count));
    }
    for (file, count) in &files {
        again.group(*count, Begun::there(), || submit_file(program, &path, file))?;
    }
    same("entries", entries(&path)?, sizes.claims + fleet)?;
    same("rows of SQLite", peer.count()?, sizes.claims)?;
    drop(peer);
    drop(connection);
    let on_disk = |name: &str| number(bytes_on_disk(&scratch.path(name))) / number(sizes.claims);
    let disk = (on_disk("ledger"), on_disk("sqlite"));
    Ok(figures(&new, &again, &peer_time, memory, disk))
}

fn figures(
    new: &Timing,
    again: &Timing,
    peer: &Timing,
    memory: u64,
    (our_bytes, peer_bytes): (f64, f64),
) -> Vec<Figure> {
    let whole = |what: &str, timing| Figure { latency: None, ..Figure::rate(what, timing) };
    let figure = whole("submit from a file, end to end", new).beside(SQLITE, peer.rate());
    let holds = figure.ratio(SQLITE) >= 4.0;
    let replayed = whole("  the same file again", again).beside(NEW, new.rate());
    let cheaper = replayed.ratio(NEW) > 1.0;
    vec![
        figure.budget("≥ 4 × SQLite", holds),
        Figure::rate("  SQLite, the same rows in memory, groups of 8000", peer),
        replayed.budget("cheaper than new", cheaper),
        Figure::new("  most memory of the process", number(memory), Unit::Bytes),
        Figure::new("  bytes on disk for each claim", our_bytes, Unit::BytesEach)
            .beside(SQLITE, peer_bytes),
    ]
}

fn halves(claims: u64) -> [(&'static str, std::ops::Range<u64>); 2] {
    [("first.jsonl", 0..claims / 2), ("second.jsonl", claims / 2..claims)]
}

fn write_lines(path: PathBuf, lines: impl Iterator<Item = String>) -> Result<PathBuf, BenchError> {
    let write = || {
        let mut file = BufWriter::new(File::create(&path)?);
        { lines }.try_for_each(|line| writeln!(file, "{line}"))?;
        file.into_inner()?.sync_all()
    };
    write().map_err(BenchError::io("write", &path))?;
    Ok(path)
}

/// The entries of a ledger that nobody has open.
pub(super) fn entries(path: &Path) -> Result<u64, BenchError> {
    Ok(Reader::open(path)?.head().seq)
}

/// Runs a command to its end; its output goes nowhere.
pub(super) fn run(program: &Path, ledger: &Path, arguments: &[&str]) -> Result<(), BenchError> {
    finish(arguments.first().unwrap_or(&""), start(program, ledger, arguments)?)
}

fn start(program: &Path, ledger: &Path, arguments: &[&str]) -> Result<Child, BenchError> {
    let mut command = Command::new(program);
    command.arg("--ledger").arg(ledger).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    command.spawn().map_err(BenchError::io("start", program))
}

fn finish(what: &str, mut child: Child) -> Result<(), BenchError> {
    let status = child.wait().map_err(BenchError::io("wait for", Path::new(what)))?;
    if status.success() {
        return Ok(());
    }
    Err(BenchError::Wrong(format!("`{what}` ended with {status}")))
}

/// Submits a file; its answers go nowhere. Returns the most memory that the process had.
fn submit_file(program: &Path, ledger: &Path, file: &Path) -> Result<u64, BenchError> {
    let child = start(program, ledger, &["submit", &file.to_string_lossy()])?;
    let process = child.id().to_string();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !is_done.load(Ordering::Relaxed) {
                most = most_memory(&process).unwrap_or(most);
                std::thread::sleep(Duration::from_millis(20));
            }
            most
        });
        let finished = finish("submit", child);
        is_done.store(true, Ordering::Relaxed);
        let most = watch.join().map_err(|_| BenchError::Wrong("a thread panicked".into()))?;
        finished.map(|()| most)
    })
}

/// Submits claims and kills the process without a warning when it has answered all of them.
pub(super) fn submit_and_kill(
    program: &Path,
    ledger: &Path,
    claims: std::ops::Range<u64>,
) -> Result<(), BenchError> {
    let mut command = Command::new(program);
    command.arg("--ledger").arg(ledger).arg("submit").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(BenchError::io("start", program))?;
    let expected = usize::try_from(claims.end - claims.start).unwrap_or(usize::MAX);
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(BenchError::Wrong("a process without pipes".into()));
    };
    let answered = std::thread::scope(|scope| {
        // Its input stays open: a process that waits for more is killed, not one that closes.
        let writer = scope.spawn(move || {
            let lines = { claims }.map(|number| input::claim(number).to_json() + "\n");
            { lines }.try_for_each(|line| stdin.write_all(line.as_bytes())).map(|()| stdin)
        });
        let answered = BufReader::new(stdout).lines().take(expected).map_while(Result::ok).count();
        let killed = child.kill().and_then(|()| child.wait());
        drop(writer.join());
        killed.map(|_| answered)
    });
    let answered = answered.map_err(BenchError::io("kill", program))?;
    same("answers before the kill", answered as u64, expected as u64)
}
