//! `init`: makes a new ledger.

use spireledger::ledger::Ledger;
use spireledger::log::Directory;

use super::{Context, Outcome, open, output};

pub fn run(context: &Context) -> anyhow::Result<Outcome> {
    let directory = Directory::begin(&context.ledger, "`init`")?;
    // Opened once, so that whatever is wrong with this disk shows here and not at the first sat.
    let (ledger, _) = Ledger::open_held(directory, open::clock())?;
    ledger.close()?;
    Directory::finish(&context.ledger)?;
    if context.json {
        output::print_json(&serde_json::json!({ "ledger": context.ledger }))?;
    } else {
        output::print_line(&format!("made an empty ledger in {}", context.ledger.display()))?;
    }
    Ok(Outcome::Yes)
}
