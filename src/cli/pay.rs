//! `pay`: goes on with the open legs of settlements, and pays none of them twice.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use spireledger::payer::{Done, Lnbits, OnDisk, Payer, PayerLock, Policy, Run, Wallets};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::time::Timestamp;

use super::trace::parse_hash;
use super::{Context, Outcome, open, output};

/// How long to wait before asking again about what is under way.
const PAUSE: Duration = Duration::from_secs(2);

/// What to pay.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which settlements; all that have not ended by default.
    #[arg(value_parser = parse_hash)]
    payment_hash: Vec<PaymentHash>,
    /// The wallets file: where LNbits is, and the keys of the wallets. It must be closed to others
    /// (mode 0600); docs/paying.md has an example.
    #[arg(long, value_name = "FILE")]
    wallets: PathBuf,
    /// Begin what nobody has begun yet (which plans its legs), and finish what is done. What broke off
    /// is begun again if it is named.
    #[arg(long)]
    begin: bool,
    /// Only show what would be paid; nothing is written and nothing is sent.
    #[arg(long)]
    dry_run: bool,
    /// Do not wait for payments that are under way.
    #[arg(long)]
    once: bool,
    /// How many seconds to wait for payments that are under way, at most.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    wait: u64,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let wallets = Wallets::read(&args.wallets)?;
    let policy =
        Policy { invoice_seconds: wallets.invoice_seconds, grace_seconds: wallets.grace_seconds };
    let lnbits = Lnbits::new(wallets);
    // Tells what had to be repaired, and what cannot be.
    drop(open::reader(context)?);
    let _lock = if args.dry_run { None } else { Some(alone(context)?) };
    let done = pay(context, args, &lnbits, policy)?;
    let open = done.iter().filter(|done| done.is_open()).count();
    if context.json {
        output::print_json(&serde_json::json!({ "open": open, "done": done }))?;
    } else {
        print(&done, open)?;
    }
    Ok(if open == 0 { Outcome::Yes } else { Outcome::No })
}

/// Two payers would be in each other's way, though nothing would be paid twice.
fn alone(context: &Context) -> anyhow::Result<PayerLock> {
    PayerLock::take(&context.ledger)?.map_err(|holder| {
        let ledger = context.ledger.display();
        anyhow::anyhow!("{ledger} has a payer at work ({holder}); wait until it is done")
    })
}

fn pay(
    context: &Context,
    args: &Args,
    lnbits: &Lnbits,
    policy: Policy,
) -> anyhow::Result<Vec<Done>> {
    let clock = open::clock();
    let now = || clock();
    let books = OnDisk::new(&context.ledger, &open::clock);
    let payer = Payer { books: &books, payments: lnbits, clock: &now, policy };
    let run = Run {
        settlements: args.payment_hash.clone(),
        begin: if args.begin { Run::claim(&unique(now())) } else { None },
        is_dry: args.dry_run,
    };
    let begun = Instant::now();
    let patience = Duration::from_secs(if args.once || args.dry_run { 0 } else { args.wait });
    let mut all: Vec<Done> = Vec::new();
    loop {
        let done = payer.run(&run, |done| {
            tracing::info!(settlement = %done.payment_hash, did = done.did, "{:?}", done.leg_id);
        })?;
        let may_change = done.iter().any(Done::may_change);
        // The last word about each leg stands.
        all.retain(|old| done.iter().all(|new| !same(old, new)));
        all.extend(done);
        if !may_change || begun.elapsed() >= patience {
            return Ok(all);
        }
        std::thread::sleep(PAUSE);
    }
}

fn same(old: &Done, new: &Done) -> bool {
    let place = |done: &Done| (done.payment_hash, done.leg_id.clone());
    place(old) == place(new) && (old.leg_id.is_some() || old.did == new.did)
}

/// No other run has the same moment and process.
fn unique(now: Timestamp) -> String {
    format!("{}.{}", now.micros(), std::process::id())
}

fn print(done: &[Done], open: usize) -> anyhow::Result<()> {
    if done.is_empty() {
        return Ok(output::print_line("nothing is to be paid")?);
    }
    let mut table =
        output::table(&["settlement", "leg", "for", "sats", "to", "", "payment", "why"], &[3]);
    for done in done {
        let leg = done.leg_id.as_ref().map(|id| id.as_str().rsplit(':').next().unwrap_or_default());
        table.add_row([
            super::log::shorten(&done.payment_hash.to_string()),
            leg.unwrap_or_default().to_owned(),
            done.leg_type.map_or_else(String::new, |kind| kind.to_string()),
            done.amount_sats.map_or_else(String::new, output::grouped),
            done.to.as_deref().map_or_else(String::new, super::log::shorten),
            done.did.replace('_', " "),
            done.external_payment_hash
                .map_or_else(String::new, |hash| super::log::shorten(&hash.to_string())),
            done.detail.clone().unwrap_or_default(),
        ]);
    }
    output::print_line(&format!("{table}\n{open} open"))?;
    Ok(())
}
