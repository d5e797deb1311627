//! `simulate`: the command lines that a fleet would send, for trying things out and for load.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::value_parser;
use spireledger::simulate::{Expected, Line, Options, Simulator};
use spireledger_schema::time::Timestamp;

use super::progress::{Unit, bar};
use super::{Context, Outcome, output};

const MONTH: Options = Options::month();

/// Which fleet, and where to write.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where all chance comes from: the same options give the same lines for ever.
    #[arg(long, default_value_t = MONTH.seed)]
    seed: u64,
    /// Machines of the fleet.
    #[arg(long, default_value_t = MONTH.machines, value_parser = value_parser!(u32).range(1..=100_000))]
    machines: u32,
    /// Days to tell of; 0 for the set-up alone.
    #[arg(long, default_value_t = MONTH.days, value_parser = value_parser!(u32).range(0..=36_500))]
    days: u32,
    /// The first day (UTC).
    #[arg(long, default_value = "2026-01-01", value_name = "YYYY-MM-DD", value_parser = day)]
    start: Timestamp,
    /// Customers of a machine on an average day.
    #[arg(long, default_value_t = MONTH.claims_per_machine_day, value_parser = value_parser!(u32).range(0..=1_000))]
    customers: u32,
    /// Operators of the machines; by default two for five machines.
    #[arg(long, value_parser = value_parser!(u32).range(1..=100_000))]
    operators: Option<u32>,
    /// Liquidity providers; by default six for five machines.
    #[arg(long, value_parser = value_parser!(u32).range(0..=200_000))]
    lps: Option<u32>,
    /// Of a thousand steps of the story, about how many are followed by something that should not be
    /// there: a repeat, a contradiction, a mistake.
    #[arg(long, default_value_t = MONTH.noise, value_parser = value_parser!(u32).range(0..=1_000))]
    noise: u32,
    /// A file to write, instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A second file, with what a new ledger answers to each line: its status, and the code of a refusal.
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
}

/// How many lines, and what a new ledger answers to them.
#[derive(Debug, Default, serde::Serialize)]
struct Counts {
    lines: u64,
    accepted: u64,
    replayed: u64,
    refused: u64,
}

fn day(text: &str) -> Result<Timestamp, String> {
    let midnight = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    midnight.ok_or_else(|| "a day is written as 2026-01-31".into())
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let options = options(args)?;
    let mut answers = args.answers.as_deref().map(NewFile::create).transpose()?;
    let counts = if let Some(path) = &args.out {
        let mut file = NewFile::create(path)?;
        let counts = tell(options, &mut file.out, answers.as_mut())?;
        file.finish()?;
        Some((path, counts))
    } else {
        let mut out = BufWriter::new(stdout().lock());
        tell(options, &mut out, answers.as_mut())?;
        out.flush()?;
        None
    };
    answers.map_or(Ok(()), NewFile::finish)?;
    // On standard output there are the lines themselves, and nothing else.
    let Some((path, counts)) = counts else { return Ok(Outcome::Yes) };
    if context.json {
        output::print_json(&counts)?;
    } else {
        let [lines, accepted, replayed, refused] =
            [counts.lines, counts.accepted, counts.replayed, counts.refused].map(output::grouped);
        output::print_line(&format!(
            "{} has {lines} lines; a new ledger accepts {accepted} of them, answers {replayed} with \
             an earlier receipt and refuses {refused}",
            path.display()
        ))?;
    }
    Ok(Outcome::Yes)
}

fn options(args: &Args) -> anyhow::Result<Options> {
    let shared = |of_five: u32| args.machines.saturating_mul(of_five).div_ceil(MONTH.machines);
    let seconds = args.start.seconds() + i64::from(args.days + 1) * 86_400;
    if Timestamp::from_seconds(seconds).is_none() {
        anyhow::bail!("{} days from {} on are more than a calendar has", args.days, args.start);
    }
    Ok(Options {
        seed: args.seed,
        start: args.start,
        machines: args.machines,
        operators: args.operators.unwrap_or_else(|| shared(MONTH.operators)),
        lps: args.lps.unwrap_or_else(|| shared(MONTH.lps)),
        days: args.days,
        claims_per_machine_day: args.customers,
        noise: args.noise,
    })
}

/// Writes the story, line by line: memory follows the fleet, not the days.
fn tell(
    options: Options,
    out: &mut impl Write,
    mut answers: Option<&mut NewFile>,
) -> anyhow::Result<Counts> {
    let progress = bar("simulate", None, Unit::Entries);
    let mut counts = Counts::default();
    for Line { json, expected } in Simulator::new(options) {
        counts.lines += 1;
        match expected {
            Expected::Accepted => counts.accepted += 1,
            Expected::Replayed => counts.replayed += 1,
            Expected::Refused(_) => counts.refused += 1,
        }
        out.write_all(json.as_bytes())?;
        out.write_all(b"\n")?;
        if let Some(answers) = &mut answers {
            answers.answer(counts.lines, expected)?;
        }
        progress.set_position(counts.lines);
    }
    progress.finish_and_clear();
    Ok(counts)
}

/// A file that is written beside and then put in its place.
struct NewFile {
    path: PathBuf,
    new: PathBuf,
    out: BufWriter<File>,
}

impl NewFile {
    fn create(path: &Path) -> anyhow::Result<Self> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let file = File::create(&new).with_context(|| new.display().to_string())?;
        Ok(Self { path: path.to_owned(), new, out: BufWriter::new(file) })
    }

    fn answer(&mut self, line: u64, expected: Expected) -> std::io::Result<()> {
        let status = expected.status();
        match expected.code() {
            None => writeln!(self.out, r#"{{"line":{line},"status":"{status}"}}"#),
            Some(code) => {
                let code = code.as_str();
                writeln!(self.out, r#"{{"line":{line},"status":"{status}","code":"{code}"}}"#)
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        self.out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        std::fs::rename(&self.new, &self.path).with_context(|| self.path.display().to_string())
    }
}
