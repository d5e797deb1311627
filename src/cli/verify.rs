//! `verify`: computes everything again and lists every break.

use std::path::PathBuf;

use spireledger::audit::{Break, LiveTables, Report, Signed, verify, verify_backup};
use spireledger::log::{LogError, ReadLog as _};

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// What to verify.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Verify a backup file alone, instead of the ledger.
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let report = match &args.backup {
        Some(path) => {
            let progress = bar("verify", None, Unit::Entries);
            let report = verify_backup(path, |seq| progress.set_position(seq))?;
            progress.finish_and_clear();
            report
        }
        None => verify_ledger(context)?,
    };
    if context.json {
        output::print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_sound() { Outcome::Yes } else { Outcome::No })
}

fn verify_ledger(context: &Context) -> anyhow::Result<Report> {
    let (tables, signed) = (LiveTables::open(&context.ledger), Signed::open(&context.ledger));
    let reader = open::reader(context)?;
    let progress = bar("verify", Some(reader.head().seq), Unit::Entries);
    let mut report = verify(&reader, |seq| progress.set_position(seq));
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
    let mut table = output::table(&["entry", "check", "what is wrong"], &[0]);
    for broken in &report.breaks {
        table.add_row([output::grouped(broken.seq), broken.check.into(), broken.what.clone()]);
    }
    let all = report.breaks.len() as u64 + report.more_breaks;
    output::print_line(&format!("BROKEN in {} places: {read}\n{table}", output::grouped(all)))?;
    Ok(())
}
