//! `init`: makes a new ledger.

use spireledger::ledger::Ledger;
use spireledger::log::Directory;
use spireledger::notary::Notary;
use spireledger::proofs::KeyName;

use super::{Context, Outcome, open, output};

/// What to call it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name under which the log signs its checkpoints: best a part of a domain of yours, such as
    /// ledger.example.com/2026. Without it, one that is made of the key.
    #[arg(long, value_name = "NAME", value_parser = KeyName::new)]
    origin: Option<KeyName>,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let directory = Directory::begin(&context.ledger, "`init`")?;
    // Opened once, so that whatever is wrong with this disk shows here and not at the first sat.
    let (ledger, _) = Ledger::open_held(directory, open::clock())?;
    ledger.close()?;
    let key = Notary::make_key(&context.ledger, args.origin.clone(), open::clock()())?;
    Directory::finish(&context.ledger)?;
    if context.json {
        let vkey = key.to_string();
        output::print_json(&serde_json::json!({ "ledger": context.ledger, "vkey": vkey }))?;
    } else {
        let ledger = context.ledger.display();
        output::print_line(&format!("made an empty ledger in {ledger}"))?;
        output::print_line(&format!("its checkpoints are verified with {key}"))?;
    }
    Ok(Outcome::Yes)
}
