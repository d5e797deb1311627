//! `atm`: the machine's side. Claims are kept in a directory of the machine's own, and sent until the
//! ledger's receipt for each is there.

mod init;
mod list;
mod put;
mod run;

use std::path::PathBuf;

use anyhow::Context as _;
use spireledger::outbox::{Outbox, Settings};
use spireledger_schema::identity::PaymentHash;

use super::{Context, Outcome, open, output};

/// What to do with a machine's outbox.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The machine's own directory: settings, key and outbox.
    #[arg(long, global = true, env = "SPIRELEDGER_ATM_DIR", default_value = "./atm")]
    dir: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the directory of a machine, and print the public key to register it with.
    Init(Box<init::Args>),
    /// Keep claims, one JSON object a line, and print a line for each once it is on the disk.
    Put(put::Args),
    /// Send what waits until the ledger's receipt for it is there.
    Run(run::Args),
    /// Print claims and what has become of them.
    List(list::Args),
    /// Print how many claims wait, are done, or were refused.
    Status,
    /// Print the receipt of a claim, as the ledger gave it.
    Receipt {
        /// The claim's number, or its payment hash.
        claim: String,
    },
    /// Send claims again that were refused for good.
    Retry {
        /// Their numbers.
        #[arg(required_unless_present = "all")]
        numbers: Vec<u64>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
    /// Go on with what can be read of a damaged outbox.
    Salvage,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let dir = args.dir.as_path();
    match &args.command {
        Command::Init(args) => init::run(context, dir, args),
        Command::Put(args) => put::run(dir, args),
        Command::Run(args) => run::run(context, dir, args),
        Command::List(args) => list::list(context, dir, args),
        Command::Status => list::status(context, dir),
        Command::Receipt { claim } => list::receipt(dir, claim),
        Command::Retry { numbers, all } => retry(dir, numbers, *all),
        Command::Salvage => salvage(dir),
    }
}

/// The settings of a machine's directory.
fn settings(dir: &std::path::Path) -> anyhow::Result<Settings> {
    if !Settings::exist(dir) {
        anyhow::bail!("{} is no machine's directory; `atm init` makes one", dir.display());
    }
    Ok(Settings::read(dir)?)
}

/// Opens the outbox, and tells what had to be put right.
fn opened(dir: &std::path::Path, settings: &Settings) -> anyhow::Result<Outbox> {
    let mut outbox = Outbox::open(dir, &settings.machine_id, settings.compact_after_bytes)?;
    tell_repairs(&mut outbox);
    Ok(outbox)
}

fn tell_repairs(outbox: &mut Outbox) {
    for repair in outbox.take_repairs() {
        tracing::warn!("{repair}");
    }
}

fn retry(dir: &std::path::Path, numbers: &[u64], all: bool) -> anyhow::Result<Outcome> {
    let mut outbox = opened(dir, &settings(dir)?)?;
    let refused: Vec<u64> = outbox.state().refused().iter().copied().collect();
    let wanted = if all { refused } else { numbers.to_vec() };
    let again = outbox.again(&wanted, open::clock()())?;
    let left = wanted.iter().filter(|number| !again.contains(number));
    let left: Vec<String> = left.map(ToString::to_string).collect();
    output::print_line(&format!("{} to be sent again", again.len()))?;
    if !left.is_empty() {
        eprintln!("spireledger: not refused, so left as they are: {}", left.join(", "));
        return Ok(Outcome::No);
    }
    Ok(Outcome::Yes)
}

fn salvage(dir: &std::path::Path) -> anyhow::Result<Outcome> {
    let settings = settings(dir)?;
    let Some(salvaged) = Outbox::salvage(dir, &settings.machine_id)? else {
        output::print_line("the outbox is whole; nothing was done")?;
        return Ok(Outcome::Yes);
    };
    for damage in &salvaged.damage {
        output::print_line(&format!("cannot be read: {damage}"))?;
    }
    for (first, last) in &salvaged.lost {
        output::print_line(&format!("no claim has the numbers {first} to {last}"))?;
    }
    let kept = salvaged.kept_as.display();
    let text = format!(
        "the damaged file is kept as {kept}. Put the claims again that are not in `atm list`: each \
         that the ledger has is answered with its first receipt."
    );
    output::print_line(&text)?;
    Ok(Outcome::No)
}

/// A claim by its number or payment hash.
fn find(state: &spireledger::outbox::State, text: &str) -> anyhow::Result<u64> {
    let claim = if let Ok(number) = text.parse() {
        state.claim(number)
    } else {
        let hash = PaymentHash::parse_hex(text)
            .with_context(|| format!("{text} is no number and no payment hash"))?;
        state.claim_of(hash.as_bytes())
    };
    Ok(claim.with_context(|| format!("no claim {text} is kept here"))?.number)
}
