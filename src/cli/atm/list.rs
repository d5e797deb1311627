//! `atm list`, `atm status`, `atm receipt`: what has become of the claims. Nothing is changed by looking.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use spireledger::outbox::{Claim, Content, Damage, Outbox, Standing, State, Via};
use spireledger_schema::hex;
use spireledger_schema::time::Timestamp;

use super::super::log::shorten;
use super::{Context, Outcome, find, output, settings};

/// Claims that a person wants to see at once.
const SHOWN: usize = 20;

/// Which claims.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only those that wait.
    #[arg(long, conflicts_with = "refused")]
    waiting: bool,
    /// Only those that were refused for good.
    #[arg(long)]
    refused: bool,
    /// All of them, not the newest alone.
    #[arg(long)]
    all: bool,
}

/// What can be read; damage is told, and makes the answer a no.
fn look(dir: &Path) -> anyhow::Result<(State, Vec<Damage>, Outcome)> {
    let (state, damage) = Outbox::look(dir, &settings(dir)?.machine_id)?;
    for damage in &damage {
        eprintln!(
            "spireledger: the outbox is damaged, {damage}; `atm salvage` goes on with the rest"
        );
    }
    let outcome = if damage.is_empty() { Outcome::Yes } else { Outcome::No };
    Ok((state, damage, outcome))
}

pub fn list(context: &Context, dir: &Path, args: &Args) -> anyhow::Result<Outcome> {
    let (state, _, outcome) = look(dir)?;
    let is_wanted = |claim: &&Claim| match claim.standing {
        Standing::Waiting { .. } => !args.refused,
        Standing::Refused(_) => !args.waiting,
        Standing::Done(_) => !args.waiting && !args.refused,
    };
    let wanted: Vec<&Claim> = state.claims().filter(is_wanted).collect();
    if context.json {
        for claim in &wanted {
            output::print_line(&claim_json(claim).to_string())?;
        }
        return Ok(outcome);
    }
    let shown = if args.all { wanted.len() } else { SHOWN };
    let left_out = wanted.len().saturating_sub(shown);
    let mut table =
        output::table(&["number", "settlement", "kept at", "sent", "", "entry", "why"], &[0, 3, 5]);
    for claim in wanted.iter().skip(left_out) {
        let (word, entry, why) = match &claim.standing {
            Standing::Waiting { set_back: None } => ("waiting", String::new(), String::new()),
            Standing::Waiting { set_back: Some(refusal) } => {
                ("waiting", String::new(), format!("{}: {}", refusal.code, refusal.message))
            }
            Standing::Done(receipt) => ("done", output::grouped(receipt.seq), String::new()),
            Standing::Refused(refusal) => {
                ("refused", String::new(), format!("{}: {}", refusal.code, refusal.message))
            }
        };
        table.add_row([
            claim.number.to_string(),
            shorten(&hex::encode(&claim.payment_hash)),
            moment(claim.kept_at).map_or_else(String::new, output::time),
            claim.sends.to_string(),
            word.to_owned(),
            entry,
            why,
        ]);
    }
    if left_out > 0 {
        output::print_line(&format!("{left_out} older ones are left out; --all shows them"))?;
    }
    output::print_line(&table.to_string())?;
    Ok(outcome)
}

fn moment(at: i64) -> Option<Timestamp> {
    Timestamp::from_micros(at)
}

fn claim_json(claim: &Claim) -> Value {
    let mut said = json!({
        "machine_seq": claim.number,
        "payment_hash": hex::encode(&claim.payment_hash),
        "kept_at": moment(claim.kept_at),
        "sends": claim.sends,
        "sent_at": claim.sent_at.and_then(moment),
    });
    let (status, more) = match &claim.standing {
        Standing::Waiting { set_back: None } => ("waiting", None),
        Standing::Waiting { set_back: Some(refusal) } => {
            ("waiting", Some(("refusal", json!(refusal))))
        }
        Standing::Done(receipt) => ("done", Some(("receipt", json!(receipt)))),
        Standing::Refused(refusal) => ("refused", Some(("refusal", json!(refusal)))),
    };
    said["status"] = status.into();
    if let Some((name, value)) = more {
        said[name] = value;
    }
    if let Content::Whole(content) = &claim.content {
        said["claim"] = serde_json::from_str(content).unwrap_or_default();
    }
    said
}

pub fn status(context: &Context, dir: &Path) -> anyhow::Result<Outcome> {
    let settings = settings(dir)?;
    let (state, damage, outcome) = look(dir)?;
    let (waiting, refused) = (state.waiting().len(), state.refused().len());
    let done = state.claims().count() - waiting - refused;
    let oldest = state.waiting().first().and_then(|number| state.claim(*number));
    let oldest = oldest.and_then(|claim| moment(claim.kept_at));
    let last = state.claims().filter_map(|claim| match &claim.standing {
        Standing::Done(receipt) => Some(receipt.at),
        _ => None,
    });
    let last = last.max().and_then(moment);
    if context.json {
        output::print_json(&json!({
            "machine_id": settings.machine_id, "highest": state.highest(), "waiting": waiting,
            "done": done, "refused": refused, "oldest_waiting_since": oldest,
            "last_receipt_at": last, "lost_numbers": state.lost(), "damage": damage,
        }))?;
        return Ok(outcome);
    }
    let mut table = output::table(&["", ""], &[1]);
    table.add_row(["machine".to_owned(), settings.machine_id.to_string()]);
    table.add_row(["last number".to_owned(), output::grouped(state.highest())]);
    table.add_row(["waiting".to_owned(), output::grouped(waiting)]);
    table.add_row(["done".to_owned(), output::grouped(done)]);
    table.add_row(["refused for good".to_owned(), output::grouped(refused)]);
    if let Some(oldest) = oldest {
        table.add_row(["oldest waits since".to_owned(), output::time(oldest)]);
    }
    if let Some(last) = last {
        table.add_row(["last receipt".to_owned(), output::time(last)]);
    }
    for (first, last) in state.lost() {
        table.add_row(["numbers without a claim".to_owned(), format!("{first} to {last}")]);
    }
    output::print_line(&table.to_string())?;
    Ok(outcome)
}

/// The receipt as the ledger gave it: its answer, and over Nostr the event that it signed.
pub fn receipt(dir: &Path, claim: &str) -> anyhow::Result<Outcome> {
    let (state, _, _) = look(dir)?;
    let number = find(&state, claim)?;
    let claim = state.claim(number).context("it was found just now")?;
    let Standing::Done(receipt) = &claim.standing else {
        eprintln!("spireledger: claim {number} has no receipt yet");
        return Ok(Outcome::No);
    };
    let json = |text: &Option<String>| -> Value {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    output::print_json(&json!({
        "machine_seq": number, "payment_hash": hex::encode(&claim.payment_hash),
        "receipt": receipt, "answer": json(&receipt.answer), "event": json(&receipt.proof),
        // Over HTTP the proof is that of a transparency log, and a text.
        "proof": receipt.proof.as_deref().filter(|_| matches!(receipt.via, Via::Http)),
    }))?;
    Ok(Outcome::Yes)
}
