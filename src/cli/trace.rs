//! `trace`: one settlement's life, and where each sat of it went.

use std::collections::BTreeMap;

use serde::Serialize;
use spireledger::ledger::{entry_json, own_history};
use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::event::Leg;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::imported::{SourceRow, SourceTable};
use spireledger_schema::money::Sats;
use spireledger_schema::parts::Target;
use spireledger_schema::personal::Personal;
use spireledger_schema::text::Text;
use spireledger_schema::words::{LegStatus, LegType, TxType};
use spireledger_schema::{Entry, EntryHash, Event};

use super::log::{actor, shorten};
use super::{Context, Outcome, open, output};

/// Which settlement.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Its Lightning payment hash: 64 hex digits.
    #[arg(value_parser = parse_hash)]
    payment_hash: PaymentHash,
}

pub fn parse_hash(text: &str) -> Result<PaymentHash, String> {
    PaymentHash::parse_hex(text).ok_or_else(|| "a payment hash has 64 hex digits".into())
}

/// Sats by what they are for and how they stand.
#[derive(Debug, Serialize)]
struct Sum {
    leg_type: LegType,
    status: LegStatus,
    legs: u64,
    amount_sats: Option<Sats>,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let life = own_history(&*log, &args.payment_hash.key())?;
    let refused = own_history(&*log, &args.payment_hash.evidence_key())?;
    if life.is_empty() && refused.is_empty() {
        anyhow::bail!("no settlement {} was claimed here", args.payment_hash);
    }
    let settlement = Settlement::fold(life.iter().map(|(entry, _)| entry))?;
    let sums = settlement.as_ref().map(sums).unwrap_or_default();
    if context.json {
        let json = |entries: &[(Entry, EntryHash)]| {
            entries.iter().map(|(entry, hash)| entry_json(entry, *hash)).collect::<Vec<_>>()
        };
        output::print_json(&serde_json::json!({
            "payment_hash": args.payment_hash,
            "status": settlement.as_ref().map(|s| s.status),
            "entries": json(&life),
            "refused_claims": json(&refused),
            "sums": sums,
        }))?;
        return Ok(Outcome::Yes);
    }
    output::print_line(&format!("settlement {}", args.payment_hash))?;
    print_life(&life, &refused)?;
    if let Some(settlement) = &settlement {
        print_amounts(settlement)?;
        print_sums(settlement, &sums)?;
    }
    Ok(Outcome::Yes)
}

fn sums(settlement: &Settlement) -> Vec<Sum> {
    let mut by: BTreeMap<(LegType, LegStatus), Vec<Sats>> = BTreeMap::new();
    for leg in &settlement.legs {
        by.entry((leg.leg.leg_type, leg.status)).or_default().push(leg.leg.amount_sats);
    }
    { by }
        .into_iter()
        .map(|((leg_type, status), amounts)| Sum {
            leg_type,
            status,
            legs: amounts.len() as u64,
            amount_sats: Sats::sum(amounts),
        })
        .collect()
}

fn print_life(life: &[(Entry, EntryHash)], refused: &[(Entry, EntryHash)]) -> anyhow::Result<()> {
    let mut table = output::table(&["entry", "recorded at", "by", "what happened"], &[0]);
    let mut all: Vec<&(Entry, EntryHash)> = life.iter().chain(refused).collect();
    all.sort_by_key(|(entry, _)| entry.front.seq);
    for (entry, _) in all {
        table.add_row([
            output::grouped(entry.front.seq),
            output::time(entry.circumstances.recorded_at),
            actor(&entry.circumstances.actor),
            happened(&entry.event),
        ]);
    }
    Ok(output::print_line(&table.to_string())?)
}

/// What a row of a database said, in short.
fn found(row: &SourceRow) -> String {
    let cell = |column| row.cell(column).name().unwrap_or_default();
    match row.table {
        SourceTable::Settlements => {
            format!("{} of {} sats, {}", cell("tx_type"), cell("wire_sats"), cell("status"))
        }
        SourceTable::Legs => {
            let id = leg_name(row.id.as_str());
            let (kind, sats) = (cell("leg_type"), cell("amount_sats"));
            format!("leg {id}, {kind} of {sats} sats, {}", cell("status"))
        }
        table => format!("{table} {}", row.id),
    }
}

fn happened(event: &Event) -> String {
    let name = event.name();
    match event {
        Event::SettlementClaimed(e) => format!(
            "{name}: {} at {}, {} {} for {} sats",
            e.tx_type,
            e.machine_id,
            e.fiat_amount,
            e.fiat_code,
            output::grouped(e.wire_sats)
        ),
        Event::SettlementBegun(e) => {
            format!("{name} by {}: {} legs planned", e.processing_claim, e.legs.len())
        }
        Event::SettlementAdjusted(e) => {
            format!("{name}: {} really dispensed, {} legs planned", e.fiat_amount, e.legs.len())
        }
        Event::LegIntended(e) => {
            let number = leg_name(e.leg_id.as_str());
            let sats = output::grouped(e.amount_sats);
            format!("{name}: leg {number}, {sats} sats by payment {}", e.external_payment_hash)
        }
        Event::LegEnded(e) => {
            let number = leg_name(e.leg_id.as_str());
            let sats = output::grouped(e.amount_sats);
            format!(
                "{name}: leg {number}, {} of {sats} sats, {}",
                e.leg_type,
                LegStatus::from(e.status)
            )
        }
        Event::RowImported(e) => {
            let kept = if e.is_live { "" } else { ", as it was found and no more" };
            format!("{name}: {}{kept}", found(&e.row))
        }
        Event::LegAdded(e) => {
            format!(
                "{name}: {}, {} of {} sats",
                e.leg_id,
                e.leg.leg_type,
                output::grouped(e.leg.amount_sats)
            )
        }
        Event::SettlementFinished(e) => format!("{name}: {}", e.status),
        Event::ClaimRefused(e) => {
            let fields: Vec<&str> = e.fields.iter().map(Text::as_str).collect();
            format!("{name} as {}: {}", e.code, fields.join(", "))
        }
        _ => name.to_owned(),
    }
}

fn print_amounts(s: &Settlement) -> anyhow::Result<()> {
    let sign = if s.claimed.tx_type == TxType::CashOut { '+' } else { '-' };
    let refund = s.claimed.wire_sats.get().abs_diff(match s.claimed.tx_type {
        TxType::CashOut => s.principal_sats.get().saturating_add(s.fee_sats.get()),
        TxType::CashIn => s.principal_sats.get().saturating_sub(s.fee_sats.get()),
    });
    let mut text = format!(
        "{}: wire {} = principal {} {sign} fee {} (platform {} + operator {})",
        s.status,
        output::grouped(s.claimed.wire_sats),
        output::grouped(s.principal_sats),
        output::grouped(s.fee_sats),
        output::grouped(s.platform_fee_sats),
        output::grouped(s.operator_fee_sats),
    );
    if refund > 0 {
        text.extend([" + owed back ", &output::grouped(refund)]);
    }
    if let Some(mismatch) = s.fee_mismatch_sats.filter(|sats| *sats != 0) {
        let mismatch = output::grouped(mismatch);
        text.extend(["; fee differs from the agreed one by ", &mismatch]);
    }
    Ok(output::print_line(&text)?)
}

/// Who gets a leg, and where.
fn destination(leg: &Leg) -> String {
    let client = leg.client_id.as_ref().map(ToString::to_string);
    let wallet = leg.destination_wallet_id.as_ref().map(|wallet| shorten(wallet.as_str()));
    let address = leg.destination_ln_address.as_ref().and_then(Personal::plain);
    let target = leg.target.as_ref().and_then(Target::plain).map(shorten);
    let parts = [client, wallet, address.map(str::to_owned), target];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn print_sums(settlement: &Settlement, sums: &[Sum]) -> anyhow::Result<()> {
    if settlement.legs.is_empty() {
        return Ok(output::print_line("no legs are planned yet; `settlement.begin` plans them")?);
    }
    let mut legs = output::table(&["leg", "for", "to", "sats", "fiat", "state"], &[3, 4]);
    for leg in &settlement.legs {
        legs.add_row([
            leg_name(leg.id.as_str()).to_owned(),
            leg.leg.leg_type.to_string(),
            destination(&leg.leg),
            output::grouped(leg.leg.amount_sats),
            leg.leg.amount_fiat.map_or_else(String::new, |fiat| fiat.to_string()),
            leg.status.to_string(),
        ]);
    }
    let mut table = output::table(&["sats for", "state", "legs", "sats"], &[2, 3]);
    for sum in sums {
        let sats = sum.amount_sats.map_or_else(|| "out of bounds".into(), output::grouped);
        table.add_row([
            sum.leg_type.to_string(),
            sum.status.to_string(),
            sum.legs.to_string(),
            sats,
        ]);
    }
    let all = conserved(settlement);
    Ok(output::print_line(&format!("{legs}\n{table}{all}"))?)
}

/// Where all that came in is: paid, to be paid, or still in the machine's wallet.
fn conserved(settlement: &Settlement) -> String {
    let sum = |test: fn(&LegRow) -> bool| -> u64 {
        let legs = settlement.legs.iter().filter(|leg| {
            test(leg) && !matches!(leg.leg.leg_type, LegType::Retained | LegType::Autoforward)
        });
        legs.map(|leg| leg.leg.amount_sats.get()).fold(0, u64::saturating_add)
    };
    let paid = sum(|leg| leg.status == LegStatus::Completed);
    let open = sum(|leg| leg.status.is_spent() && leg.status != LegStatus::Completed);
    let (what, all) = match settlement.claimed.tx_type {
        TxType::CashOut => ("came in", settlement.claimed.wire_sats),
        TxType::CashIn => ("of fee", settlement.fee_sats),
    };
    let Some(stays) = all.get().checked_sub(paid).and_then(|rest| rest.checked_sub(open)) else {
        return format!("\n{} sats {what}, and more is on legs", output::grouped(all));
    };
    let [all, paid, open, stays] = [all.get(), paid, open, stays].map(output::grouped);
    format!(
        "\n{all} sats {what} = {paid} paid + {open} to be paid + {stays} in the machine's wallet"
    )
}

/// A planned leg by its number, any other by its id.
fn leg_name(id: &str) -> &str {
    match id.rsplit_once(':') {
        Some((_, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => number,
        _ => id,
    }
}
