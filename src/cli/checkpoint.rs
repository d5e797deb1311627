//! `checkpoint`: the signed head of the log; what was signed; and that a later log extends an earlier one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use spireledger::ledger::Reader;
use spireledger::log::ReadLog as _;
use spireledger::notary::{
    Access, CHECKPOINTS_FILE, Notary, NotaryError, Store, Stored, public_key,
};
use spireledger::proofs::{
    CheckpointError, Growth, KeyName, NoteError, Signature, SignedCheckpoint, VerifierKey,
};

use super::{Context, Outcome, open, output};

/// What to do; without anything, sign the head.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print the public key with which checkpoints are verified.
    #[arg(long)]
    key: bool,
    /// Print also the proof that the log begins with an earlier one, of that size or that checkpoint: what a
    /// witness is asked with.
    #[arg(long, value_name = "SIZE|FILE", conflicts_with = "key")]
    since: Option<String>,
    /// Begin with a new key, where the old one is lost or must not be used any more.
    #[arg(long, conflicts_with_all = ["key", "since"])]
    new_key: bool,
    /// The name of the new key.
    #[arg(long, value_name = "NAME", value_parser = KeyName::new, requires = "new_key")]
    origin: Option<KeyName>,
}

#[derive(Debug, clap::Subcommand)]
// One of them a run.
#[allow(clippy::large_enum_variant)]
enum Command {
    /// Every checkpoint that was signed.
    List,
    /// Prove that the log of a later checkpoint begins with that of an earlier one.
    Verify(Verify),
    /// Store the signatures of witnesses, after verifying them.
    Cosign(Cosign),
}

/// Which two.
#[derive(Debug, clap::Args)]
struct Verify {
    /// The earlier checkpoint.
    old: PathBuf,
    /// The later one. If it comes with its proof, as `checkpoint --since` prints it, no ledger is needed.
    new: PathBuf,
    /// The public key of the log; without it, the one that the ledger itself has.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    key: Option<VerifierKey>,
}

/// Whose.
#[derive(Debug, clap::Args)]
struct Cosign {
    /// A file of signature lines, as a witness answers them, or a checkpoint that bears them; `-` is standard
    /// input.
    file: PathBuf,
    /// The public key of a witness whose signature is taken. Can be given several times.
    #[arg(long, required = true, value_name = "VKEY", value_parser = VerifierKey::parse)]
    witness: Vec<VerifierKey>,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        Some(Command::List) => list(context),
        Some(Command::Verify(args)) => verify(context, args),
        Some(Command::Cosign(args)) => cosign(context, args),
        None if args.key => print_key(context),
        None if args.new_key => new_key(context, args.origin.clone()),
        None => sign(context, args.since.as_deref()),
    }
}

/// A ledger for reading, with its notary.
pub fn notary(context: &Context) -> anyhow::Result<(Reader, Notary)> {
    let reader = open::reader(context)?;
    let notary = Notary::open(&context.ledger, &reader, Access::Read)?;
    Ok((reader, notary))
}

fn sign(context: &Context, since: Option<&str>) -> anyhow::Result<Outcome> {
    let since = since.map(size_of).transpose()?;
    let (reader, notary) = notary(context)?;
    let checkpoint = notary.checkpoint(&reader, open::clock()())?;
    let head = checkpoint.head().clone();
    let text = match since {
        Some(old) => {
            let held = head.size;
            anyhow::ensure!(old <= held, "the log has {held} entries, which is less than {old}");
            notary.growth(&reader, old, checkpoint.clone())?.to_string()
        }
        None => checkpoint.to_string(),
    };
    if !context.json {
        output::print_bytes(text.as_bytes())?;
        return Ok(Outcome::Yes);
    }
    let mut said = json!({
        "origin": head.origin, "size": head.size, "root": head.root.to_string(),
        "checkpoint": checkpoint.to_string(),
    });
    if since.is_some() {
        said["growth"] = text.into();
    }
    output::print_json(&said)?;
    Ok(Outcome::Yes)
}

/// A size, or the size of a checkpoint in a file.
fn size_of(text: &str) -> anyhow::Result<u64> {
    match text.parse() {
        Ok(size) => Ok(size),
        Err(_) => Ok(checkpoint_in(Path::new(text))?.head().size),
    }
}

fn print_key(context: &Context) -> anyhow::Result<Outcome> {
    spireledger::log::Directory::check(&context.ledger)?;
    let key = match public_key(&context.ledger)? {
        Some(key) => key,
        None => notary(context)?.1.key(open::clock()())?,
    };
    if context.json {
        output::print_json(&json!({ "vkey": key.to_string() }))?;
    } else {
        output::print_line(&key.to_string())?;
    }
    Ok(Outcome::Yes)
}

/// The old key's file is kept under another name: nobody but its owner can know that it is worthless.
fn new_key(context: &Context, origin: Option<KeyName>) -> anyhow::Result<Outcome> {
    spireledger::log::Directory::check(&context.ledger)?;
    let at = open::clock()();
    let path = context.ledger.join(spireledger::notary::KEY_FILE);
    if path.exists() {
        let aside = context.ledger.join(format!("note.key.until-{}", at.seconds()));
        anyhow::ensure!(!aside.exists(), "{} is there already", aside.display());
        std::fs::rename(&path, &aside).with_context(|| path.display().to_string())?;
        eprintln!("spireledger: the old key is in {}", aside.display());
    }
    let key = Notary::make_key(&context.ledger, origin, at)?;
    if context.json {
        output::print_json(&json!({ "vkey": key.to_string() }))?;
    } else {
        output::print_line(&key.to_string())?;
    }
    Ok(Outcome::Yes)
}

fn list(context: &Context) -> anyhow::Result<Outcome> {
    spireledger::log::Directory::check(&context.ledger)?;
    let mut all: Vec<(Stored, Vec<String>)> = Vec::new();
    if context.ledger.join(CHECKPOINTS_FILE).exists() {
        let store = Store::open(&context.ledger)?;
        let mut sizes: Vec<u64> = store.sizes().collect();
        sizes.dedup();
        for size in sizes {
            let Some(stored) = store.of_size(size)? else { continue };
            let by = stored.checkpoint.cosigned(store.witnesses())?;
            let by = by.into_iter().map(|cosigned| cosigned.witness.to_string()).collect();
            all.push((stored, by));
        }
    }
    if context.json {
        let each = |(stored, by): &(Stored, Vec<String>)| {
            let head = stored.checkpoint.head();
            json!({
                "size": head.size, "root": head.root.to_string(), "signed_at": stored.at,
                "witnesses": by, "checkpoint": stored.checkpoint.to_string(),
            })
        };
        output::print_json(&all.iter().map(each).collect::<Vec<_>>())?;
        return Ok(Outcome::Yes);
    }
    let mut table = output::table(&["entries", "root", "signed at", "witnesses"], &[0]);
    for (stored, by) in &all {
        let head = stored.checkpoint.head();
        table.add_row([
            output::grouped(head.size),
            head.root.to_string(),
            output::time(stored.at),
            by.join(", "),
        ]);
    }
    output::print_line(&table.to_string())?;
    Ok(Outcome::Yes)
}

fn verify(context: &Context, args: &Verify) -> anyhow::Result<Outcome> {
    let old = checkpoint_in(&args.old)?;
    let text = read_text(&args.new)?;
    let named = |what: &dyn std::fmt::Display| format!("{}: {what}", args.new.display());
    let known = || {
        let known = public_key(&context.ledger)?;
        known.context("there is no ledger that knows the key: name it with --key")
    };
    let key = args.key.clone().map_or_else(known, Ok)?;
    let proven = if Growth::is_begun(&text) {
        let growth = Growth::parse(&text).map_err(|error| anyhow::anyhow!(named(&error)))?;
        growth.verify(&old, &key).map(|()| growth.new).map_err(|error| error.to_string())
    } else {
        let new = SignedCheckpoint::parse(&text);
        let new = new.map_err(|error| anyhow::anyhow!(named(&error)))?;
        by_ledger(context, &old, new, &key)?
    };
    let old = old.head();
    match proven {
        Ok(new) => {
            let new = new.head();
            if context.json {
                output::print_json(&json!({ "extends": true, "old": old.size, "new": new.size }))?;
            } else {
                let (less, more) = (output::grouped(old.size), output::grouped(new.size));
                let origin = &new.origin;
                output::print_line(&format!(
                    "proven: {origin} with {more} entries begins with what it was with {less}"
                ))?;
            }
            Ok(Outcome::Yes)
        }
        Err(why) => {
            if context.json {
                output::print_json(&json!({ "extends": false, "why": why }))?;
            } else {
                output::print_line(&format!("NOT PROVEN: {why}"))?;
            }
            Ok(Outcome::No)
        }
    }
}

/// Makes the proof from the ledger, and verifies it as anybody would.
fn by_ledger(
    context: &Context,
    old: &SignedCheckpoint,
    new: SignedCheckpoint,
    key: &VerifierKey,
) -> anyhow::Result<Result<SignedCheckpoint, String>> {
    let (small, large) = (old.head().size, new.head().size);
    if let Err(error) = old.verify(key).and_then(|()| new.verify(key)) {
        return Ok(Err(error.to_string()));
    }
    if small > large {
        return Ok(Err(format!("the later checkpoint has {large} entries, the earlier {small}")));
    }
    let (reader, notary) = notary(context)?;
    let held = reader.head().seq;
    if large > held {
        return Ok(Err(format!("the ledger has {held} entries, and the checkpoint {large}")));
    }
    Ok(match notary.growth(&reader, small, new) {
        Ok(growth) => match growth.verify(old, key) {
            Ok(()) => Ok(growth.new),
            Err(error) => Err(error.to_string()),
        },
        Err(NotaryError::Contradicts { signed }) => {
            Err(format!("the ledger's first {signed} entries are not those of the checkpoint"))
        }
        Err(error) => return Err(error.into()),
    })
}

fn cosign(context: &Context, args: &Cosign) -> anyhow::Result<Outcome> {
    let text = read_text(&args.file)?;
    let lines = text.lines().filter_map(Signature::parse);
    let signatures: Vec<Signature> =
        lines.filter(|line| args.witness.iter().any(|key| key.name() == line.name())).collect();
    let (_reader, notary) = notary(context)?;
    let mut sizes: Vec<u64> = Store::open(&context.ledger)?.sizes().collect();
    sizes.dedup();
    sizes.reverse();
    if let Ok(whole) = SignedCheckpoint::parse(&text) {
        sizes.retain(|size| *size == whole.head().size);
    }
    let mut taken = Vec::new();
    for signature in &signatures {
        for key in args.witness.iter().filter(|key| key.name() == signature.name()) {
            taken.extend(store_one(&notary, &sizes, signature, key)?.map(|size| (size, key)));
        }
    }
    for (size, key) in &taken {
        if !context.json {
            let size = output::grouped(size);
            output::print_line(&format!("{} has cosigned {size} entries", key.name()))?;
        }
    }
    if context.json {
        let each =
            taken.iter().map(|(size, key)| json!({ "size": size, "witness": key.name().as_str() }));
        output::print_json(&each.collect::<Vec<_>>())?;
    }
    if taken.is_empty() {
        eprintln!(
            "spireledger: no signature there is of one of these witnesses, on a checkpoint \
                   that was signed here"
        );
        return Ok(Outcome::No);
    }
    Ok(Outcome::Yes)
}

/// Stores a signature with the newest checkpoint that it fits.
fn store_one(
    notary: &Notary,
    sizes: &[u64],
    signature: &Signature,
    key: &VerifierKey,
) -> anyhow::Result<Option<u64>> {
    for size in sizes {
        match notary.add_cosignature(*size, signature.clone(), key, open::clock()()) {
            Ok(_) => return Ok(Some(*size)),
            Err(NotaryError::Checkpoint(CheckpointError::Note(
                NoteError::Forged(_) | NoteError::NotSigned(_),
            ))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Reads a text file; `-` is standard input.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let read = if path.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(path)
    };
    read.with_context(|| path.display().to_string())
}

/// The checkpoint in a file.
fn checkpoint_in(path: &Path) -> anyhow::Result<SignedCheckpoint> {
    SignedCheckpoint::parse(&read_text(path)?).with_context(|| path.display().to_string())
}
