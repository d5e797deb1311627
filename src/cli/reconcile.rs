//! `reconcile`: the ledger's payments beside the wallets' own.

use std::path::PathBuf;

use spireledger::ledger::fleet_of;
use spireledger::payer::{Lnbits, Reconciled, Wallets, reconcile};
use spireledger_schema::text::WalletId;

use super::{Context, Outcome, open, output};

/// With which wallets.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The wallets file, as for `pay`; only invoice keys are used.
    #[arg(long, value_name = "FILE")]
    wallets: PathBuf,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let lnbits = Lnbits::new(Wallets::read(&args.wallets)?);
    let reader = open::reader(context)?;
    let fleet = fleet_of(&reader, &context.ledger)?;
    let wallets: Vec<WalletId> = lnbits.wallets().cloned().collect();
    let report = reconcile(&reader, &fleet, &lnbits, &wallets)??;
    if context.json {
        output::print_json(&report)?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_closed() { Outcome::Yes } else { Outcome::No })
}

fn print(report: &Reconciled) -> anyhow::Result<()> {
    if !report.is_closed() {
        let header =
            ["", "wallet", "way", "payment", "ledger msat", "wallet msat", "leg", "what to do"];
        let mut table = output::table(&header, &[4, 5]);
        let sats = |msat: Option<u64>| msat.map_or_else(|| "–".into(), output::grouped);
        for open in &report.open {
            let place = open.leg_id.as_ref().map(ToString::to_string);
            let place = place.or_else(|| open.settlement.map(|hash| hash.to_string()));
            table.add_row([
                open.kind.to_string(),
                super::log::shorten(open.wallet_id.as_str()),
                open.side.to_string(),
                open.payment_hash.to_string(),
                sats(open.ledger_msat),
                sats(open.wallet_msat),
                place.as_deref().map_or_else(String::new, super::log::shorten),
                open.kind.action().to_owned(),
            ]);
        }
        output::print_line(&table.to_string())?;
    }
    for wallet in &report.not_looked_at {
        eprintln!("spireledger: wallet {wallet} was not looked at: its keys are not in the file");
    }
    let (wallets, agreed) = (report.wallets.len(), output::grouped(report.agreed));
    output::print_line(&format!(
        "{wallets} wallets, {agreed} payments agree, {} open",
        report.open.len()
    ))?;
    Ok(())
}
