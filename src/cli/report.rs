//! `audit report`: what an operator's machines did in a period, for an accountant.

use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use spireledger::audit::report::{Asked, Report, gather, report, write_html};
use spireledger::export::{WriteError, write_file};
use spireledger::ledger::{AsOf, Reader, past};
use spireledger::log::ReadLog;
use spireledger::notary::{Access, Notary, NotaryError};
use spireledger_schema::text::UserId;
use spireledger_schema::time::UtcOffset;

use super::days::{Day, Days};
use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// What auditors ask for.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a document that an accountant can read and print: balances, settlements, fees, legs and
    /// exceptions of an operator's machines, each figure with the entries that it comes from.
    Report(Args),
}

/// Whose report, and of when.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Whose machines: an operator's user id.
    #[arg(long, value_name = "USER", value_parser = user)]
    operator: UserId,
    /// The first day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Day,
    /// The last day; it is in the period.
    #[arg(long, value_name = "YYYY-MM-DD")]
    to: Day,
    /// How far days begin from UTC's, such as -06:00; times are shown so, too.
    #[arg(long, value_name = "HH:MM", default_value = "+00:00", value_parser = offset, allow_hyphen_values = true)]
    utc_offset: UtcOffset,
    /// Entries to list of each figure; what the others moved is told as a sum.
    #[arg(long, default_value_t = 20)]
    entries: usize,
    /// A file to write; standard output without it. HTML, unless --json is given.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn user(text: &str) -> Result<UserId, String> {
    UserId::parse(text)
        .ok_or_else(|| "a user id has 1 to 128 bytes, none a control character".into())
}

fn offset(text: &str) -> Result<UtcOffset, String> {
    UtcOffset::parse(text).ok_or_else(|| "an offset is written as -06:00, at most 14 hours".into())
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<Outcome> {
    let Command::Report(args) = command;
    let days = Days { from: Some(args.from), to: Some(args.to), offset: args.utc_offset };
    let (Some(from), Some(until)) = (days.begin()?, days.end()?) else {
        anyhow::bail!("a report needs a first and a last day");
    };
    let reader = open::reader(context)?;
    let log = past(&reader, AsOf::Time(until))?;
    let asked = Asked {
        operator: args.operator.clone(),
        days: [args.from.to_string(), args.to.to_string()],
        from,
        offset: args.utc_offset,
        listed: args.entries,
    };
    let progress = bar("report", Some(log.head().seq), Unit::Entries);
    let facts = gather(&log, asked, &mut |seq| progress.set_position(seq))?;
    progress.finish_and_clear();
    let mut made = report(&facts);
    sign(context, &reader, &mut made)?;
    write(context, args, &made)?;
    if made.adds_up {
        return Ok(Outcome::Yes);
    }
    eprintln!("spireledger: the report does not add up: see its checks, and run `verify`");
    Ok(Outcome::No)
}

/// Puts the checkpoints to the positions that hold them. A ledger that this user may only read makes a report without signatures.
fn sign(context: &Context, reader: &Reader, made: &mut Report) -> anyhow::Result<()> {
    let notary = Notary::open(&context.ledger, reader, Access::Read)?;
    for pin in made.pins.iter_mut().filter(|pin| pin.seq > 0) {
        match notary.holding(reader, pin.seq, open::clock()()) {
            Ok(signed) => pin.checkpoint = Some(signed.to_string()),
            Err(NotaryError::Io { error, .. })
                if error.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                eprintln!(
                    "spireledger: the report bears no checkpoints: the key may not be read here"
                );
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn write(context: &Context, args: &Args, made: &Report) -> anyhow::Result<()> {
    let Some(path) = &args.out else {
        let mut out = BufWriter::new(stdout().lock());
        write_to(context, made, &mut out)?;
        return Ok(out.flush()?);
    };
    write_file(path, |out| Ok::<_, WriteError>(write_to(context, made, out)?))?;
    let figures: u64 = made.checks.iter().map(|check| check.figures).sum();
    let (path, seq) = (path.display(), output::grouped(made.pins[1].seq));
    let figures = output::grouped(figures);
    let verdict = if made.adds_up { "it adds up" } else { "it does NOT add up" };
    Ok(output::print_line(&format!(
        "{path} holds the report as of entry {seq}; {verdict} ({figures} comparisons)"
    ))?)
}

fn write_to(context: &Context, made: &Report, out: &mut impl Write) -> std::io::Result<()> {
    if context.json {
        serde_json::to_writer_pretty(&mut *out, made)?;
        return out.write_all(b"\n");
    }
    write_html(made, out)
}
