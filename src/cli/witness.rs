//! `witness`: cosigns the checkpoints of other ledgers.

use std::path::PathBuf;

use serde_json::json;
use spireledger::log::Directory;
use spireledger::notary::{Refused, Witness};
use spireledger::proofs::{Growth, KeyName, SignedCheckpoint, VerifierKey};

use super::{Context, Outcome, checkpoint, open, output};

/// As whom, and what.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    /// Where the witness keeps its key and what it has cosigned; without it, in the ledger's directory.
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
// One of them a run.
#[allow(clippy::large_enum_variant)]
enum Command {
    /// Print the public key of this witness; it gets one if it has none.
    Key {
        /// The name of the new key: best a part of a domain of yours.
        #[arg(long, value_name = "NAME", value_parser = KeyName::new)]
        name: Option<KeyName>,
    },
    /// Print a signature of another log's checkpoint, if it extends the one that was cosigned last.
    Cosign {
        /// The checkpoint with its proof, as `checkpoint --since` prints it; the first time a checkpoint is
        /// enough. `-` is standard input.
        file: PathBuf,
        /// The public key of the log.
        #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
        log_key: VerifierKey,
    },
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let dir = if let Some(dir) = &args.state {
        dir.clone()
    } else {
        Directory::check(&context.ledger)?;
        context.ledger.join("cosigner")
    };
    match &args.command {
        Command::Key { name } => {
            let witness = Witness::open(&dir, name.clone())?;
            let is_named = name.as_ref().is_none_or(|name| witness.public().name() == name);
            anyhow::ensure!(is_named, "this witness is {}", witness.public().name());
            let vkey = witness.public().to_string();
            if context.json {
                output::print_json(&json!({ "vkey": vkey }))?;
            } else {
                output::print_line(&vkey)?;
            }
            Ok(Outcome::Yes)
        }
        Command::Cosign { file, log_key } => {
            let text = checkpoint::read_text(file)?;
            cosign(context, &Witness::open(&dir, None)?, &text, log_key)
        }
    }
}

fn cosign(
    context: &Context,
    witness: &Witness,
    text: &str,
    log: &VerifierKey,
) -> anyhow::Result<Outcome> {
    let growth = if Growth::is_begun(text) {
        Growth::parse(text)?
    } else {
        // A checkpoint alone: of a log that was never seen, or the one that was seen last.
        let new = SignedCheckpoint::parse(text)?;
        let size = new.head().size;
        let last = witness.last(&new.head().origin)?;
        let is_last = last.is_some_and(|last| last.head().size == size);
        Growth { old: if is_last { size } else { 0 }, proof: Vec::new(), new }
    };
    let seconds = u64::try_from(open::clock()().seconds()).unwrap_or_default();
    match witness.cosign(&growth, log, seconds) {
        Ok(signature) => {
            if context.json {
                let (line, head) = (signature.to_string(), growth.new.head());
                let origin = &head.origin;
                output::print_json(&json!({ "origin": origin, "size": head.size, "line": line }))?;
            } else {
                output::print_line(&signature.to_string())?;
            }
            Ok(Outcome::Yes)
        }
        Err(Refused::Notary(error)) => Err(error.into()),
        Err(refused) => {
            eprintln!("spireledger: not cosigned: {refused}");
            Ok(Outcome::No)
        }
    }
}
