//! `export`: the books and the tables for other people's tools.

use std::path::PathBuf;

use spireledger::export::{JournalFormat, export_journal};
use spireledger::ledger::{AsOf, past};
use spireledger::log::{Past, ReadLog};
use spireledger::tables::FileFormat;
use spireledger_schema::time::{Timestamp, UtcOffset};

use super::days::{Day, Days};
use super::progress::{Unit, bar};
use super::{Context, Outcome, live, open, output, tables};

/// What to write, and where.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A journal of the double-entry books (beancount, hledger), or all tables, a file each.
    #[arg(long, value_enum)]
    format: Format,
    /// The first day (UTC) of what is told entry by entry. A journal has the balances before it in one
    /// transaction; of settlements, deposits, legs, postings and audits there are the rows that begin on
    /// it or later.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<Day>,
    /// The last day (UTC): all is as of its end.
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "as_of")]
    to: Option<Day>,
    /// The version of the tables; the newest by default.
    #[arg(long)]
    version: Option<u16>,
    /// A file for a journal; a directory, made if it is not there, for a file a table.
    #[arg(long)]
    out: PathBuf,
    /// Throw away what an interrupted export of tables has left, instead of going on with it.
    #[arg(long)]
    from_scratch: bool,
}

/// What the ledger can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A journal for Beancount.
    Beancount,
    /// A journal for hledger.
    Hledger,
    /// A CSV file a table (RFC 4180).
    Csv,
    /// A file a table with a JSON object a line.
    Jsonl,
    /// A Parquet file a table, with exact decimals.
    Parquet,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let days = Days { from: args.from, to: args.to, offset: UtcOffset::default() };
    let (from, until) = (days.begin()?, days.end()?);
    let reader = open::reader(context)?;
    let log: Box<dyn ReadLog + '_> = match until {
        Some(until) => Box::new(past(&reader, AsOf::Time(until))?),
        None => open::as_of(context, &reader)?,
    };
    let files = match args.format {
        Format::Beancount => return journal(context, args, &*log, JournalFormat::Beancount, from),
        Format::Hledger => return journal(context, args, &*log, JournalFormat::Hledger, from),
        Format::Csv => FileFormat::Csv,
        Format::Jsonl => FileFormat::Jsonl,
        Format::Parquet => FileFormat::Parquet,
    };
    let after = from.map_or(Ok(0), |from| last_before(&*log, from))?;
    let shape = tables::shape(args.version)?;
    let leftover = live::leftover(args.from_scratch);
    let rows = tables::export_to_files(&*log, &shape, files, after, &args.out, leftover)?;
    tables::told(context, &args.out, &shape, log.head().seq, rows)?;
    Ok(Outcome::Yes)
}

/// The last entry that was recorded before a moment.
fn last_before(log: &dyn ReadLog, moment: Timestamp) -> anyhow::Result<u64> {
    let Some(before) = Timestamp::from_micros(moment.micros() - 1) else { return Ok(0) };
    Ok(past(log, AsOf::Time(before))?.head().seq)
}

fn journal(
    context: &Context,
    args: &Args,
    log: &dyn ReadLog,
    format: JournalFormat,
    from: Option<Timestamp>,
) -> anyhow::Result<Outcome> {
    anyhow::ensure!(args.version.is_none(), "--version is for tables; a journal has none");
    let head = log.head();
    let progress = bar("export", Some(head.seq), Unit::Entries);
    // Nothing that is read meanwhile is newer.
    let log = Past::new(log, head.seq)?;
    let mut tick = |seq| progress.set_position(seq);
    let written = export_journal(&log, format, from, &args.out, &mut tick)?;
    progress.finish_and_clear();
    if context.json {
        output::print_json(&serde_json::json!({
            "out": args.out,
            "position": head.seq,
            "entry_hash": head.hash,
            "transactions": written.transactions,
            "accounts": written.accounts,
            "assertions": written.assertions,
        }))?;
        return Ok(Outcome::Yes);
    }
    let [seq, transactions, accounts, assertions] =
        [head.seq, written.transactions, written.accounts, written.assertions].map(output::grouped);
    output::print_line(&format!(
        "{} holds the books as of entry {seq}: {transactions} transactions on {accounts} accounts, \
         {assertions} balances asserted",
        args.out.display()
    ))?;
    Ok(Outcome::Yes)
}
