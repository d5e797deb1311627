//! `balances`: what each liquidity provider has at each machine.

use serde::Serialize;
use spireledger::ledger::{AsOf, fleet_occurred, fleet_of};
use spireledger::log::ReadLog;
use spireledger_projections::{Client, Fleet};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::text::{ClientId, Currency, MachineId, UserId};
use spireledger_schema::words::ClientStatus;

use super::{Context, Outcome, open, output};

/// Whose balances.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this LP.
    #[arg(long)]
    user: Option<String>,
    /// Only at this machine.
    #[arg(long)]
    machine: Option<String>,
    /// Which time --as-of means: when entries were recorded, or when what they tell occurred. By
    /// occurrence, what came late is in; an entry that does not say when it occurred, occurred when it
    /// was recorded, and none counts before what it rests on (a leg before its plan, a plan before the
    /// deposits that pay for it).
    #[arg(long, value_enum, default_value_t = By::Recorded, value_name = "TIME")]
    by: By,
}

/// Which time of an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Recorded,
    Occurred,
}

/// One LP's balance at one machine.
#[derive(Debug, Serialize)]
struct Balance<'a> {
    user_id: &'a UserId,
    machine_id: &'a MachineId,
    client_id: &'a ClientId,
    status: ClientStatus,
    currency: Option<Currency>,
    confirmed_fiat: Fiat,
    unconfirmed_fiat: Fiat,
    paid_fiat: Fiat,
    pending_fiat: Fiat,
    remaining_fiat: Option<Fiat>,
    paid_sats: Sats,
    pending_sats: Sats,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let reader = open::reader(context)?;
    let (fleet, position, until) = match (args.by, context.as_of) {
        (By::Recorded, _) => {
            let log = open::as_of(context, &reader)?;
            (fleet_of(&*log, &context.ledger)?, log.head().seq, None)
        }
        // The whole log: what occurred by then can stand anywhere in it.
        (By::Occurred, Some(AsOf::Time(time))) => {
            (fleet_occurred(&reader, time)?, reader.head().seq, Some(time))
        }
        (By::Occurred, _) => {
            anyhow::bail!("--by occurred needs a time: --as-of 2026-01-31T18:00:00Z")
        }
    };
    let wanted = |client: &&Client| {
        args.user.as_ref().is_none_or(|user| client.user_id.as_str() == user)
            && args.machine.as_ref().is_none_or(|machine| client.machine_id.as_str() == machine)
    };
    let mut all: Vec<Balance<'_>> =
        fleet.clients().filter(wanted).map(|client| balance(&fleet, client)).collect();
    all.sort_by_key(|balance| (balance.user_id, balance.machine_id));
    if context.json {
        let mut answer = serde_json::json!({ "position": position, "balances": all });
        if let Some(until) = until {
            answer["occurred_until"] = serde_json::json!(until);
        }
        output::print_json(&answer)?;
        return Ok(Outcome::Yes);
    }
    let mut out = output::table(
        &[
            "LP",
            "machine",
            "",
            "confirmed",
            "paid",
            "pending",
            "remaining",
            "sats paid",
            "sats pending",
        ],
        &[3, 4, 5, 6, 7, 8],
    );
    for balance in &all {
        let remaining = balance.remaining_fiat.map_or("out of bounds".into(), |f| f.to_string());
        out.add_row([
            balance.user_id.to_string(),
            balance.machine_id.to_string(),
            balance.currency.map_or_else(String::new, |currency| currency.to_string()),
            balance.confirmed_fiat.to_string(),
            balance.paid_fiat.to_string(),
            balance.pending_fiat.to_string(),
            remaining,
            output::grouped(balance.paid_sats),
            output::grouped(balance.pending_sats),
        ]);
    }
    let position = output::grouped(position);
    let by = until.map_or_else(String::new, |until| format!(", of what occurred until {until}"));
    output::print_line(&format!("balances as of entry {position}{by}\n{out}"))?;
    Ok(Outcome::Yes)
}

fn balance<'a>(fleet: &'a Fleet, client: &'a Client) -> Balance<'a> {
    Balance {
        user_id: &client.user_id,
        machine_id: &client.machine_id,
        client_id: &client.id,
        status: client.status,
        currency: fleet.machine(&client.machine_id).map(|machine| machine.fiat_code),
        confirmed_fiat: client.confirmed_fiat,
        unconfirmed_fiat: client.unconfirmed_fiat,
        paid_fiat: client.paid_fiat,
        pending_fiat: client.pending_fiat,
        remaining_fiat: client.remaining_fiat(),
        paid_sats: client.paid_sats,
        pending_sats: client.pending_sats,
    }
}
