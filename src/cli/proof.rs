//! `proof`: that an entry is in the log, in one file that is enough by itself.

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use serde_json::json;
use spireledger::ledger::{entry_json, own_history};
use spireledger::log::ReadLog as _;
use spireledger::proofs::{Cosigned, Proof, Proven, VerifierKey};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::time::Timestamp;

use super::log::actor;
use super::trace::parse_hash;
use super::{Context, Outcome, checkpoint, open, output};

/// Of what, or what to verify.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// The Lightning payment hash of a settlement: its claim is proven.
    #[arg(value_parser = parse_hash, required_unless_present = "seq")]
    payment_hash: Option<PaymentHash>,
    /// An entry by its number, instead.
    #[arg(long, conflicts_with = "payment_hash")]
    seq: Option<u64>,
    /// With a checkpoint of this size, which was signed before; without it, the first that holds the entry.
    #[arg(long, value_name = "SIZE")]
    at: Option<u64>,
    /// The file, which must not be there; without it, standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Verify a proof, with nothing but public keys.
    Verify(Verify),
}

/// What to verify, and whom to believe.
#[derive(Debug, clap::Args)]
struct Verify {
    /// The file; `-` is standard input.
    file: PathBuf,
    /// The public key of the log, as `checkpoint --key` prints it.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    key: VerifierKey,
    /// The public key of a witness. Can be given several times.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    witness: Vec<VerifierKey>,
    /// How many of these witnesses must have seen the log.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    quorum: usize,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    if let Some(Command::Verify(args)) = &args.command {
        return verify(context, args);
    }
    let (reader, notary) = checkpoint::notary(context)?;
    let seq = match (args.seq, args.payment_hash) {
        (Some(seq), _) => seq,
        (None, Some(hash)) => {
            let life = own_history(&reader, &hash.key())?;
            let first = life.first().map(|(entry, _)| entry.front.seq);
            first.with_context(|| format!("no settlement {hash} was claimed here"))?
        }
        (None, None) => anyhow::bail!("name a payment hash, or an entry with --seq"),
    };
    let last = reader.head().seq;
    anyhow::ensure!((1..=last).contains(&seq), "there is no entry {seq}: the log has {last}");
    let at = open::clock()();
    let proof = match args.at {
        None => notary.proof(&reader, seq, at)?,
        Some(size) => {
            anyhow::ensure!(
                size >= seq,
                "a checkpoint of {size} entries does not hold entry {seq}"
            );
            notary.proof_at(&reader, seq, notary.stored(size, at)?.checkpoint)?
        }
    };
    let text = proof.to_string();
    match &args.out {
        None => output::print_bytes(text.as_bytes())?,
        Some(path) => {
            let named = || path.display().to_string();
            let mut file = std::fs::File::create_new(path).with_context(named)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).with_context(named)?;
        }
    }
    Ok(Outcome::Yes)
}

fn verify(context: &Context, args: &Verify) -> anyhow::Result<Outcome> {
    let text = checkpoint::read_text(&args.file)?;
    let proven = Proof::parse(&text).and_then(|proof| proof.verify(&args.key, &args.witness));
    let proven = proven.map_err(|error| error.to_string()).and_then(|proven| {
        let (found, needed) = (names(&proven).len(), args.quorum);
        if found >= needed {
            Ok(proven)
        } else {
            Err(format!("{found} of the witnesses have seen this log, and {needed} must have"))
        }
    });
    match proven {
        Ok(proven) => {
            if context.json {
                print_json(&proven)?;
            } else {
                print(&proven)?;
            }
            Ok(Outcome::Yes)
        }
        Err(why) => {
            if context.json {
                output::print_json(&json!({ "proven": false, "why": why }))?;
            } else {
                output::print_line(&format!("NOT PROVEN: {why}"))?;
            }
            Ok(Outcome::No)
        }
    }
}

/// The witnesses, each once.
fn names(proven: &Proven) -> Vec<&str> {
    let mut names: Vec<&str> = proven.witnesses.iter().map(|seen| seen.witness.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn seen_at(cosigned: &Cosigned) -> String {
    let at = i64::try_from(cosigned.seconds).ok().and_then(Timestamp::from_seconds);
    at.map_or_else(|| format!("{} seconds", cosigned.seconds), |at| at.to_string())
}

fn print_json(proven: &Proven) -> anyhow::Result<()> {
    let Proven { entry, entry_hash, checkpoint, witnesses } = proven;
    let seen =
        |cosigned: &Cosigned| json!({ "name": cosigned.witness.as_str(), "at": seen_at(cosigned) });
    output::print_json(&json!({
        "proven": true,
        "entry": entry_json(entry, *entry_hash),
        "checkpoint": {
            "origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.to_string(),
        },
        "witnesses": witnesses.iter().map(seen).collect::<Vec<_>>(),
    }))
}

fn print(proven: &Proven) -> anyhow::Result<()> {
    let Proven { entry, entry_hash, checkpoint, witnesses } = proven;
    let seq = output::grouped(entry.front.seq);
    let mut lines = vec![
        format!("proven: {} is entry {seq} of {}", entry.event.name(), checkpoint.origin),
        format!("recorded at {}", entry.circumstances.recorded_at),
        format!("by {}", actor(&entry.circumstances.actor)),
        format!(
            "in the log of {} entries with root {}",
            output::grouped(checkpoint.size),
            checkpoint.root
        ),
    ];
    lines.extend(
        witnesses.iter().map(|seen| format!("seen by {} at {}", seen.witness, seen_at(seen))),
    );
    if witnesses.is_empty() {
        lines.push("seen by none of the witnesses that were named".into());
    }
    let entry = serde_json::to_string_pretty(&entry_json(entry, *entry_hash))?;
    output::print_line(&format!("{}\n{entry}", lines.join("\n")))?;
    Ok(())
}
