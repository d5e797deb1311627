//! `bench`: what this machine and this disk do, beside SQLite and the bare disk.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use indicatif::{ProgressBar, ProgressDrawTarget};
use spireledger::bench::{Sizes, Stage, run as measure};

use super::{Context, Outcome, output};

/// What to measure, and how much of it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Measure the disk that holds this directory; the ledger's own by default. A temporary directory
    /// is made in it and removed again.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Measure what the budgets are written for: a million claims, growth to ten million. Takes many
    /// minutes and some 10 GB.
    #[arg(long, conflicts_with_all = ["claims", "growth"])]
    full: bool,
    /// Measure only this; can be given more than once.
    #[arg(long, value_name = "STAGE", value_parser = PossibleValuesParser::new(Stage::ALL.map(Stage::name)))]
    only: Vec<String>,
    /// Claims of each stage.
    #[arg(long, default_value_t = Sizes::QUICK.claims, value_parser = clap::value_parser!(u64).range(100..=100_000_000))]
    claims: u64,
    /// Claims that a ledger grows to, to see whether they get dearer.
    #[arg(long, default_value_t = Sizes::QUICK.growth, value_parser = clap::value_parser!(u64).range(100..=1_000_000_000))]
    growth: u64,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let sizes = if args.full {
        Sizes::FULL
    } else {
        let syncs = Sizes::QUICK.syncs.min(u32::try_from(args.claims).unwrap_or(u32::MAX));
        Sizes { syncs, claims: args.claims, growth: args.growth }
    };
    let dir = args.dir.clone().unwrap_or_else(|| beside(&context.ledger));
    let program = std::env::current_exe().context("this program's own path")?;
    let progress = ProgressBar::new_spinner();
    if std::io::stderr().is_terminal() {
        progress.enable_steady_tick(Duration::from_secs(1));
    } else {
        progress.set_draw_target(ProgressDrawTarget::hidden());
    }
    let is_wanted =
        |stage: &Stage| args.only.is_empty() || args.only.iter().any(|name| name == stage.name());
    let stages: Vec<Stage> = Stage::ALL.into_iter().filter(is_wanted).collect();
    let tell = |stage: &str| progress.set_message(stage.to_owned());
    let report = measure(&dir, &program, &sizes, &stages, tell)?;
    progress.finish_and_clear();
    if context.json {
        output::print_json(&report)?;
    } else {
        output::print_line(&report.to_string())?;
    }
    Ok(Outcome::Yes)
}

/// The directory that a ledger is or will be in.
fn beside(ledger: &Path) -> PathBuf {
    let parent = ledger.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
