//! `atm run`: sends what waits.

use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use spireledger::outbox::{self, Heard, Run, Told};
use spireledger::secret::Secret;
use spireledger_schema::hex;
use spireledger_schema::time::Timestamp;

use super::super::stop;
use super::{Context, Outcome, open, opened, output, settings};

/// How long to send.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End when nothing waits any more; exit code 1 if some claim has no receipt then.
    #[arg(long)]
    once: bool,
    /// End after so many seconds in any case.
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
}

pub fn run(context: &Context, dir: &Path, args: &Args) -> anyhow::Result<Outcome> {
    let settings = settings(dir)?;
    let outbox = opened(dir, &settings)?;
    let secret = Secret::read(&dir.join("key"))?;
    let is_json = context.json;
    let run = Run {
        settings: settings.clone(),
        secret,
        is_once: args.once,
        patience: args.wait.map(Duration::from_secs),
        clock: now,
        chance: || RandomState::new().hash_one(()),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        let stopped = stop::when_told(|| {})?;
        let heard = |heard: &Heard| {
            // That nobody reads it is no reason to stop.
            let _ = output::print_line(&line(heard, is_json));
        };
        anyhow::Ok(outbox::run(dir, outbox, run, stopped, heard).await?)
    });
    // A request that is still under way is not waited for.
    runtime.shutdown_background();
    ended?;
    let outbox = opened(dir, &settings)?;
    let is_all = outbox.state().waiting().is_empty() && outbox.state().refused().is_empty();
    Ok(if is_all || !(args.once || args.wait.is_some()) { Outcome::Yes } else { Outcome::No })
}

fn now() -> Timestamp {
    open::clock()()
}

fn line(heard: &Heard, is_json: bool) -> String {
    let (number, hash) = (heard.number, hex::encode(&heard.payment_hash));
    match (&heard.told, is_json) {
        (Told::Done { is_replay, seq }, true) => {
            let status = if *is_replay { "replayed" } else { "accepted" };
            let told = json!({ "status": status, "machine_seq": number, "payment_hash": hash,
                "seq": seq });
            told.to_string()
        }
        (Told::Refused { is_final, code, message }, true) => {
            let told = json!({ "status": "refused", "machine_seq": number, "payment_hash": hash,
                "code": code, "message": message, "is_sent_again": !is_final });
            told.to_string()
        }
        (Told::Done { is_replay, seq }, false) => {
            let before = if *is_replay { " already" } else { "" };
            format!("{number} {hash} is{before} entry {seq}")
        }
        (Told::Refused { is_final, code, message }, false) => {
            let then = if *is_final { "for good" } else { "and is sent again" };
            format!("{number} {hash} was refused, {then}: {code}: {message}")
        }
    }
}
