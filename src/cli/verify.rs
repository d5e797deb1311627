//! `verify`: computes everything again and lists every break.

use std::path::{Path, PathBuf};

use spireledger::audit::{
    Break, Kept, LiveTables, Position, Report, Signed, verify_from, verify_opened_backup,
};
use spireledger::log::{BackupLog, LogError, ReadLog};

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// What to verify.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Verify a backup file alone, instead of the ledger.
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    /// Go on where an interrupted `verify --resume` was, and keep the position on the way. What it has checked
    /// is not checked again.
    #[arg(long)]
    resume: bool,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let report = match &args.backup {
        Some(path) => verify_backup(path, args.resume)?,
        None => verify_ledger(context, args.resume)?,
    };
    if context.json {
        output::print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_sound() { Outcome::Yes } else { Outcome::No })
}

fn verify_backup(path: &Path, resume: bool) -> anyhow::Result<Report> {
    let log = BackupLog::open(path)?;
    let kept = resume.then(|| Kept::beside_backup(path));
    let position = kept.as_ref().and_then(|kept| position(kept, &log));
    let progress = bar("verify", None, Unit::Entries);
    let report = verify_opened_backup(&log, position, kept.as_ref(), |seq| {
        progress.set_position(seq);
    });
    progress.finish_and_clear();
    done(kept.as_ref());
    Ok(report)
}

/// The position to go on from, if there is one.
fn position(kept: &Kept, log: &dyn ReadLog) -> Option<Position> {
    match kept.position(log) {
        Ok(position) => {
            if let Some(position) = &position {
                let seq = output::grouped(position.seq());
                eprintln!("spireledger: going on behind entry {seq}");
            }
            position
        }
        Err(why) => {
            eprintln!("spireledger: the kept position is not used: {why}; beginning anew");
            None
        }
    }
}

fn done(kept: Option<&Kept>) {
    if let Some(kept) = kept {
        kept.remove();
    }
}

fn verify_ledger(context: &Context, resume: bool) -> anyhow::Result<Report> {
    let (tables, signed) = (LiveTables::open(&context.ledger), Signed::open(&context.ledger));
    let reader = open::reader(context)?;
    let progress = bar("verify", Some(reader.head().seq), Unit::Entries);
    let kept = resume.then(|| Kept::in_ledger(&context.ledger));
    let position = kept.as_ref().and_then(|kept| position(kept, &reader));
    let mut report =
        verify_from(&reader, position, kept.as_ref(), |seq| progress.set_position(seq));
    progress.finish_and_clear();
    for damage in reader.damage() {
        let found = as_break(damage, reader.head().seq);
        // What the reading found at the same entry says more.
        if report.breaks.iter().all(|broken| broken.seq != found.seq) {
            report.breaks.push(found);
        }
    }
    let progress = bar("tree", Some(reader.head().seq), Unit::Entries);
    signed.verify(&reader, &mut report, &mut |seq| progress.set_position(seq));
    progress.finish_and_clear();
    let progress = bar("tables", Some(reader.head().seq), Unit::Entries);
    tables.verify(&reader, &mut report, &mut |seq| progress.set_position(seq));
    progress.finish_and_clear();
    report.breaks.sort_by_key(|broken| broken.seq);
    done(kept.as_ref());
    Ok(report)
}

fn as_break(damage: &LogError, head: u64) -> Break {
    match damage {
        LogError::Damaged { seq, why } => Break { seq: *seq, check: "open", what: why.clone() },
        other => Break { seq: head + 1, check: "open", what: other.to_string() },
    }
}

fn print(report: &Report) -> anyhow::Result<()> {
    let read = format!(
        "read {} entries in {} blocks, up to entry {} with hash {}",
        output::grouped(report.entries),
        output::grouped(report.blocks),
        output::grouped(report.head_seq),
        report.head_hash
    );
    if !report.other_tables.is_empty() {
        eprintln!(
            "spireledger: the live tables are of another version of this program; not compared"
        );
    }
    if report.is_sound() {
        let tables =
            if report.tables.is_empty() { "" } else { "; the live tables are what they say" };
        let signed = match report.checkpoints {
            0 => String::new(),
            1 => "; the checkpoint that was signed is of these entries".into(),
            all => format!("; all {} checkpoints are of these entries", output::grouped(all)),
        };
        return Ok(output::print_line(&format!("sound: {read}{signed}{tables}"))?);
    }
    if let Some(seq) = report.unfolded_from {
        let seq = output::grouped(seq);
        eprintln!("spireledger: from entry {seq} on, neither rules nor money could be checked");
    }
    let mut table = output::table(&["entry", "check", "what is wrong"], &[0]);
    for broken in &report.breaks {
        table.add_row([output::grouped(broken.seq), broken.check.into(), broken.what.clone()]);
    }
    let all = report.breaks.len() as u64 + report.more_breaks;
    output::print_line(&format!("BROKEN in {} places: {read}\n{table}", output::grouped(all)))?;
    Ok(())
}
