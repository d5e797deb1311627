//! Opening a ledger again, after a clean end and after a kill, and reading all of it.

use std::path::Path;
use std::time::Instant;

use spireledger_projections::Fleet;

use super::contenders::Scratch;
use super::program::{entries, ledger_path, run, submit_and_kill};
use super::report::{Figure, Unit};
use super::timing::{Begun, Timing};
use super::{BenchError, Sizes, input, same};
use crate::ledger::{Ledger, Reader, read};
use crate::log::ReadLog;

/// Claims behind the last save when the process is killed: nearly as many as there can be.
const UNSAVED: u64 = 150_000;

/// Reads and opens the ledger that `submit` has left.
pub(super) fn measure(
    sizes: &Sizes,
    scratch: &Scratch,
    program: &Path,
) -> Result<Vec<Figure>, BenchError> {
    let path = ledger_path(scratch);
    let found = entries(&path)?;
    let mut figures = read_all(&path, program)?;
    let what = |how: &str, entries: u64| format!("reopen at {entries} entries, after {how}");
    let clean = open(&path, found)?;
    figures.push(reopened(what("a clean end", found), clean));
    let unsaved = UNSAVED.min(sizes.claims / 2);
    submit_and_kill(program, &path, sizes.claims..sizes.claims + unsaved)?;
    let killed = open(&path, found + unsaved)?;
    figures.push(reopened(what("kill -9", found + unsaved), killed));
    Ok(figures)
}

fn reopened(what: String, seconds: f64) -> Figure {
    Figure::new(what, seconds, Unit::Seconds).budget("≤ 1 s", seconds <= 1.0)
}

/// Seconds until a ledger takes commands.
fn open(path: &Path, expected: u64) -> Result<f64, BenchError> {
    let begun = Instant::now();
    let (ledger, _) = Ledger::open(path, input::clock())?;
    let seconds = begun.elapsed().as_secs_f64();
    same("entries", ledger.log().head().seq, expected)?;
    ledger.close()?;
    Ok(seconds)
}

/// Replay in one pass: decode, check the chain, fold. And `verify`, which computes everything anew.
fn read_all(path: &Path, program: &Path) -> Result<Vec<Figure>, BenchError> {
    let reader = Reader::open(path)?;
    let entries = reader.head().seq;
    let (mut replay, mut verify) = (Timing::default(), Timing::default());
    let fleet = replay.group(entries, Begun::here(), || fold(&reader))?;
    same("machines", fleet.machines().count() as u64, input::MACHINES)?;
    drop(reader);
    verify.group(entries, Begun::there(), || run(program, path, &["verify"]))?;
    let pass = |what: &str, timing| Figure { latency: None, ..Figure::rate(what, timing) };
    let figure = pass("replay: decode, check the chain, fold", &replay);
    let holds = figure.value >= 1e6;
    Ok(vec![figure.budget("≥ 1M/s", holds), pass("verify: all checks", &verify)])
}

fn fold(log: &dyn ReadLog) -> Result<Fleet, BenchError> {
    let mut fleet = Fleet::default();
    for block in log.blocks_from(1) {
        let block = block?;
        if let Some(broken) = block.chain_breaks().first() {
            return Err(BenchError::Wrong(broken.to_string()));
        }
        for stored in block.entries() {
            let entry = read(log, &stored)?;
            fleet.apply(&entry).map_err(crate::ledger::LedgerError::from)?;
        }
    }
    Ok(fleet)
}
