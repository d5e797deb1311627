//! `import`: a spirekeeper database becomes entries.

use std::path::PathBuf;

use anyhow::Context as _;
use spireledger::import::{Report, Source, import, look, version_of};

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// Irregular rows that a person wants to see at once.
const LISTED: usize = 20;

/// What to bring in.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A SQLite file of the spirekeeper extension, of any version. It is only read, and may be in use.
    file: PathBuf,
    /// The version it is of, where its columns leave that open.
    #[arg(long)]
    version: Option<u16>,
    /// Say what is in it and what is irregular; bring nothing in.
    #[arg(long)]
    dry_run: bool,
    /// Print every irregular row, not only the first.
    #[arg(long)]
    all: bool,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let name = || args.file.display().to_string();
    let source = Source::open(&args.file).with_context(name)?;
    let version = version_of(&source, args.version).with_context(name)?;
    let report = if args.dry_run {
        look(&source, version).with_context(name)?
    } else {
        let ledger = open::writer(context)?;
        let progress = bar("import", Some(source.len()?), Unit::Rows);
        let report = import(&ledger, &source, version, &args.file, |rows| {
            progress.set_position(rows);
        })
        .with_context(name)?;
        progress.finish_and_clear();
        ledger.close()?;
        report
    };
    if context.json {
        output::print_json(&report)?;
    } else {
        print(args, &report)?;
    }
    let is_whole = report.refused.is_empty() && report.unknown_columns.is_empty();
    Ok(if is_whole { Outcome::Yes } else { Outcome::No })
}

fn print(args: &Args, report: &Report) -> anyhow::Result<()> {
    let (first, last) = report.fits;
    let fits = if first == last {
        String::new()
    } else {
        format!(" (its columns fit versions {first} to {last}; --version says which)")
    };
    let mixture = if report.is_mixture { ", with newer names beside older ones" } else { "" };
    output::print_line(&format!(
        "{} is of version {}{fits}{mixture}",
        args.file.display(),
        report.version
    ))?;
    let mut table = output::table(&["table", "rows", "new", "here", "refused"], &[1, 2, 3, 4]);
    for counts in &report.tables {
        table.add_row([
            counts.table.to_string(),
            output::grouped(counts.rows),
            output::grouped(counts.appended),
            output::grouped(counts.replayed),
            output::grouped(counts.refused),
        ]);
    }
    output::print_line(&table.to_string())?;
    for column in &report.unknown_columns {
        output::print_line(&format!("{column} is a column of no version: it is not brought in"))?;
    }
    for refused in &report.refused {
        output::print_line(&format!("refused: {}", refused.refusal.message))?;
    }
    let listed = if args.all { report.irregular.len() } else { LISTED };
    if !report.irregular.is_empty() {
        let count = output::grouped(report.irregular.len() as u64 + report.more);
        output::print_line(&format!("{count} irregular cells, brought in as they stand:"))?;
    }
    for irregular in report.irregular.iter().take(listed) {
        output::print_line(&format!(
            "  {} {} {}: {}",
            irregular.table, irregular.id, irregular.column, irregular.why
        ))?;
    }
    if report.irregular.len() > listed {
        let more = output::grouped((report.irregular.len() - listed) as u64);
        output::print_line(&format!("  and {more} more; --all or --json lists them"))?;
    }
    if args.dry_run {
        output::print_line("nothing was brought in (--dry-run)")?;
    }
    Ok(())
}
