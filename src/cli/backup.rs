//! `backup` and `restore`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use spireledger::ledger::Ledger;
use spireledger::log::{
    BackupFile, BackupLog, Block, Directory, Head, Log as _, ReadLog as _, SledLog,
    back_up as bring_up, crash,
};

use spireledger::notary::CheckpointsCopy;

use super::progress::{Unit, bar};
use super::{Context, Outcome, open, output};

/// How often a followed ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Blocks that are made durable together while restoring.
const GROUP_BLOCKS: usize = 128;

/// Where to.
#[derive(Debug, clap::Args)]
pub struct BackupArgs {
    /// The backup file: made if it is not there, else brought up to date.
    file: PathBuf,
    /// Go on as the ledger grows, until stopped.
    #[arg(long)]
    follow: bool,
}

/// Where from.
#[derive(Debug, clap::Args)]
pub struct RestoreArgs {
    /// The backup file.
    file: PathBuf,
    /// Of a damaged backup, restore what is before the damage.
    #[arg(long)]
    before_damage: bool,
}

pub fn back_up(context: &Context, args: &BackupArgs) -> anyhow::Result<Outcome> {
    let mut last: Option<Head> = None;
    loop {
        // Opened anew each time: whoever writes must be able to begin and end in between.
        // Looked at first: no checkpoint in the copy is of more entries than the copy of the log has.
        let signed = CheckpointsCopy::begin(&context.ledger)?;
        let reader = open::reader(context)?;
        let progress = bar("backup", Some(reader.head().seq), Unit::Entries);
        let done = bring_up(&reader, &args.file, |head| progress.set_position(head.seq))?;
        progress.finish_and_clear();
        drop(reader);
        signed.bring_up(&beside(&args.file))?;
        if last != Some(done.to) {
            last = Some(done.to);
            let file = args.file.display();
            if context.json {
                output::print_json(&serde_json::json!({
                    "file": args.file, "entries": done.to.seq, "head": done.to.hash,
                    "added": done.to.seq - done.from.seq, "cut_bytes": done.cut_bytes,
                }))?;
            } else {
                let (all, added) = (output::grouped(done.to.seq), done.to.seq - done.from.seq);
                let added = output::grouped(added);
                output::print_line(&format!("{file} holds {all} entries, {added} of them new"))?;
            }
            if done.cut_bytes > 0 {
                let cut = done.cut_bytes;
                eprintln!("spireledger: repaired: cut {cut} bytes of a torn end off {file}");
            }
        }
        if !args.follow {
            return Ok(Outcome::Yes);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Where the checkpoints of a ledger are copied to: beside the backup of its log.
fn beside(backup: &Path) -> PathBuf {
    let mut name = backup.as_os_str().to_owned();
    name.push(".checkpoints");
    name.into()
}

pub fn restore(context: &Context, args: &RestoreArgs) -> anyhow::Result<Outcome> {
    // Read whole before anything is made: a damaged backup makes no ledger unless asked to.
    let backup = BackupLog::open(&args.file)?;
    let end = backup.head();
    if let Some(damage) = backup.damage() {
        if !args.before_damage {
            let hint = "restore what is before the damage with --before-damage";
            eprintln!("spireledger: {damage}; {hint}");
            return Ok(Outcome::No);
        }
        eprintln!("spireledger: {damage}; restoring what is before it");
    }
    drop(backup);
    let maker = format!("`restore` of {}", args.file.display());
    let directory = Directory::begin(&context.ledger, &maker)?;
    crash::point("restore:begun");
    let head = write(directory, args, end).with_context(|| {
        format!("{} is not complete; remove it and restore again", context.ledger.display())
    })?;
    let copy = beside(&args.file);
    if copy.exists() {
        CheckpointsCopy::restore(&copy, &context.ledger)?;
    }
    crash::point("restore:before-fold");
    // Opened as it will be used: state and keys are folded from the blocks.
    let (ledger, _) = Ledger::open_held(Directory::resume(&context.ledger)?, open::clock())?;
    ledger.close()?;
    Directory::finish(&context.ledger)?;
    if context.json {
        output::print_json(&serde_json::json!({ "entries": head.seq, "head": head.hash }))?;
    } else {
        output::print_line(&format!("restored {head}"))?;
    }
    Ok(Outcome::Yes)
}

fn write(directory: Directory, args: &RestoreArgs, end: Head) -> anyhow::Result<Head> {
    let log = SledLog::open(directory)?.log;
    let progress = bar("restore", Some(end.seq), Unit::Entries);
    let mut group: Vec<Block> = Vec::with_capacity(GROUP_BLOCKS);
    for block in BackupFile::open(&args.file)? {
        // The damage was told, and comes behind all that is wanted.
        let Ok(block) = block else { break };
        group.push(block);
        if group.len() == GROUP_BLOCKS {
            log.append(log.head(), &group)?;
            crash::point("restore:between-groups");
            progress.set_position(log.head().seq);
            group.clear();
        }
    }
    log.append(log.head(), &group)?;
    log.save_keys()?;
    progress.finish_and_clear();
    anyhow::ensure!(log.head() == end, "{} changed while it was read", args.file.display());
    Ok(log.head())
}
