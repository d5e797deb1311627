//! `atm init`: a machine's directory with its settings, key and outbox.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use spireledger::outbox::{
    Outbox, OutboxError, Pauses, Settings, parse_http, parse_relay, parse_vkey,
};
use spireledger::proofs::VerifierKey;
use spireledger::secret::Secret;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::text::MachineId;

use super::{Context, Outcome, output};

/// Which machine this is, and where its ledger is.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id that the machine is registered with.
    #[arg(long, value_parser = parse_machine)]
    machine_id: MachineId,
    /// The ledger's public key, as npub or hex.
    #[arg(long, value_name = "NPUB", value_parser = parse_key)]
    ledger_key: PublicKey,
    /// A relay that the ledger listens at; several may be given.
    #[arg(long, value_name = "URL", value_parser = parse_relay, required_unless_present = "http")]
    relay: Vec<nostr_sdk::RelayUrl>,
    /// Where the ledger answers over HTTP: https://, or this very machine.
    #[arg(long, value_name = "URL", value_parser = parse_http)]
    http: Option<String>,
    /// The public key of the ledger's checkpoints, as `checkpoint --key` prints it: receipts over HTTP then
    /// have to prove that the claim is in the log.
    #[arg(long, value_name = "VKEY", value_parser = parse_vkey, requires = "http")]
    ledger_vkey: Option<VerifierKey>,
    /// A file with the machine's secret key, closed to others; a new key is made without it.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The first number to give: one more than the last that another outbox of this machine gave.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    first_number: u64,
}

fn parse_machine(text: &str) -> Result<MachineId, String> {
    MachineId::parse(text).ok_or_else(|| "an id has 1 to 128 bytes, no control characters".into())
}

fn parse_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::parse(text).ok_or_else(|| "a public key is an npub or 64 hex digits".into())
}

/// The settings are written last: what was interrupted before is gone on with, and keeps its key.
pub fn run(context: &Context, dir: &Path, args: &Args) -> anyhow::Result<Outcome> {
    if Settings::exist(dir) {
        anyhow::bail!("{} is a machine's directory already", dir.display());
    }
    let settings = Settings {
        machine_id: args.machine_id.clone(),
        ledger_key: args.ledger_key,
        relays: args.relay.clone(),
        http: args.http.clone(),
        ledger_vkey: args.ledger_vkey.clone(),
        pauses: Pauses::default(),
        compact_after_bytes: Settings::COMPACT_AFTER_BYTES,
    };
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| sync_parent(dir)).with_context(|| format!("make {}", dir.display()))?;
    let secret = key(dir, args)?;
    match Outbox::create(dir, &settings.machine_id, args.first_number) {
        Ok(()) => {}
        // Of an interrupted `init`, if it is this machine's and nothing is in it.
        Err(OutboxError::Exists(_)) => {
            let left = Outbox::open(dir, &settings.machine_id, u64::MAX)?;
            let given = left.state().highest();
            if given != args.first_number - 1 {
                anyhow::bail!(
                    "{} holds an outbox that has given the numbers up to {given}",
                    dir.display()
                );
            }
        }
        Err(error) => return Err(error.into()),
    }
    settings.write(dir)?;
    let npub = secret.public_key();
    if context.json {
        output::print_json(&serde_json::json!({
            "dir": dir, "machine_id": settings.machine_id, "machine_npub": npub,
        }))?;
    } else {
        output::print_line(&npub.to_string())?;
    }
    Ok(Outcome::Yes)
}

/// A directory is there after a power cut only if the one that names it was synced.
fn sync_parent(dir: &Path) -> std::io::Result<()> {
    fs::File::open(fs::canonicalize(dir)?.join(".."))?.sync_all()
}

/// The machine's key: the one that is given, or that is there already, or a new one.
fn key(dir: &Path, args: &Args) -> anyhow::Result<Secret> {
    let path = dir.join("key");
    let given = args.key_file.as_deref().map(Secret::read).transpose()?;
    let secret = match (path.exists(), given) {
        (true, None) => Secret::read(&path)?,
        (true, Some(given)) => {
            let there = Secret::read(&path)?;
            if there.public_key() != given.public_key() {
                anyhow::bail!("{} is another key than the one that is given", path.display());
            }
            there
        }
        (false, given) => {
            let secret = given.unwrap_or_else(Secret::generate);
            secret.write(&path)?;
            secret
        }
    };
    Ok(secret)
}
