//! What can go on with things that were brought in from a database: only what adds up.

use rust_decimal::Decimal;
use serde_json::{Value, json};
use spireledger_projections::Settlement;
use spireledger_projections::imported::{decimal, is_same};
use spireledger_projections::tables::Cell;
use spireledger_schema::command::SettlementClaim;
use spireledger_schema::event::RowImported;
use spireledger_schema::imported::Found;
use spireledger_schema::money::Sats;
use spireledger_schema::words::{LegStatus, LegType, TxType};
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::long::short;
use super::settlement::newest;
use super::{Case, Ruling, Step, refuse};

/// The claim of a settlement that was brought in before it was claimed here: the same one again, or
/// another on its hash. What a machine does not say of a settlement is not compared.
pub(super) fn repeated_claim(c: &SettlementClaim, first: &Entry, e: &RowImported) -> Ruling {
    let integer = |sats: Sats| Cell::Integer(sats.signed());
    let said = [
        ("machine_id", Cell::text(c.machine_id.as_str())),
        ("tx_type", Cell::text(c.tx_type.as_str())),
        ("wire_sats", integer(c.wire_sats)),
        ("principal_sats", integer(c.principal_sats)),
        ("fee_sats", integer(c.fee_sats)),
        ("fiat_amount", Cell::Decimal(c.fiat_amount.decimal())),
        ("fiat_code", Cell::text(c.fiat_code.as_str())),
    ];
    let differs = said.iter().filter(|(column, cell)| !is_same(cell, e.row.cell(column)));
    let mut fields: Vec<Value> = differs
        .map(|(column, cell)| json!({ "field": column, "first": short(e.row.cell(column)), "now": cell }))
        .collect();
    let rate = e.row.cell("exchange_rate");
    if !is_near(rate, c.exchange_rate.decimal()) {
        fields.push(json!({
            "field": "exchange_rate", "first": short(rate), "now": c.exchange_rate,
        }));
    }
    if fields.is_empty() {
        return Ok(Step::Replay(first.front.seq));
    }
    let listed: Vec<&str> = fields.iter().filter_map(|field| field["field"].as_str()).collect();
    let message = format!(
        "entry {} brought this settlement in from a database, with other content; these differ: {}. \
         What was brought in stands.",
        first.front.seq,
        listed.join(", ")
    );
    Err(refuse(Code::Conflict, message)
        .with("fields", &fields)
        .with("seq", first.front.seq)
        .with("recorded_at", first.circumstances.recorded_at)
        .into())
}

/// Databases keep rates as floating-point numbers, good for fifteen digits.
fn is_near(found: &Found, rate: Decimal) -> bool {
    let Some(found) = decimal(found) else { return false };
    let Some(allowed) = rate.checked_mul(Decimal::new(1, 14)) else { return found == rate };
    found.checked_sub(rate).is_some_and(|difference| difference.abs() <= allowed)
}

/// Refuses to pay what was brought in and does not add up: legs would be planned, or left out, for
/// sats that nobody can name.
pub(super) fn adds_up(settlement: &Settlement) -> Result<(), Refusal> {
    is_understood(settlement)?;
    if settlement.imported.is_none() {
        return Ok(());
    }
    let claimed = &settlement.claimed;
    let wire = match claimed.tx_type {
        TxType::CashOut => claimed.principal_sats.checked_add(claimed.fee_sats),
        TxType::CashIn => claimed.principal_sats.checked_sub(claimed.fee_sats),
    };
    let parts = claimed.platform_fee_sats.checked_add(claimed.operator_fee_sats);
    // Where legs say what became of the wire, they also say what is owed back of it.
    let has_legs = settlement.legs.iter().any(|leg| leg.imported.is_some());
    if parts != Some(claimed.fee_sats) || (!has_legs && wire != Some(claimed.wire_sats)) {
        let message = format!(
            "settlement {} was brought in with sats that do not add up: wire {}, principal {}, fee \
             {} of {} and {}; it cannot be paid here",
            settlement.payment_hash,
            claimed.wire_sats,
            claimed.principal_sats,
            claimed.fee_sats,
            claimed.platform_fee_sats,
            claimed.operator_fee_sats
        );
        return Err(refuse(Code::Unbalanced, message));
    }
    legs_add_up(settlement)
}

/// Refuses to do anything about money where it is not known what was paid.
pub(super) fn is_understood(settlement: &Settlement) -> Result<(), Refusal> {
    let legs = settlement.legs.iter().filter_map(|leg| leg.imported.as_ref());
    let odd = legs.chain(&settlement.imported).find(|row| !row.is_live);
    let what = match odd {
        Some(odd) => format!("{} `{}`", odd.row.table, odd.row.id),
        None if settlement.has_legs_alone => "a leg".to_owned(),
        None => return Ok(()),
    };
    let message = format!(
        "settlement {}: {what} was brought in with something that has no meaning here; what was paid \
         is not known, so nothing of it can be paid or voided",
        settlement.payment_hash
    );
    Err(refuse(Code::WrongState, message).with("state", settlement.status))
}

/// Refuses to pay what another system was paying when it was brought in: whoever begins it here has
/// seen to it that the other does not go on.
pub(super) fn was_begun_here(case: &Case<'_>, settlement: &Settlement) -> Result<(), Refusal> {
    let begun = newest(case, |event| matches!(event, Event::SettlementBegun(_)));
    if settlement.imported.is_none() || begun.is_some() {
        return Ok(());
    }
    let message = format!(
        "settlement {} was being processed where it was brought in from; see that nobody goes on there, \
         then begin it here",
        settlement.payment_hash
    );
    Err(refuse(Code::WrongState, message).with("state", settlement.status))
}

/// Legs that were brought in were made one by one: where that broke off, some are missing.
fn legs_add_up(settlement: &Settlement) -> Result<(), Refusal> {
    let brought_in = settlement.legs.iter().any(|leg| leg.imported.is_some());
    let counts = settlement
        .legs
        .iter()
        .filter(|leg| leg.leg.leg_type != LegType::Autoforward && leg.status != LegStatus::Voided);
    let sum = Sats::sum(counts.map(|leg| leg.leg.amount_sats));
    let due = match settlement.claimed.tx_type {
        TxType::CashOut => settlement.claimed.wire_sats,
        TxType::CashIn => settlement.fee_sats,
    };
    if !brought_in || sum == Some(due) {
        return Ok(());
    }
    let sum = sum.map_or_else(|| "more than there are".into(), |sum| sum.to_string());
    let message = format!(
        "the legs of settlement {} that were brought in make {sum} of {due} sats; which are missing \
         nobody can tell, so it cannot be paid here",
        settlement.payment_hash
    );
    Err(refuse(Code::Unbalanced, message))
}

/// Refuses to split a fee by rules that were brought in and do not add up.
pub(super) fn can_split(case: &Case<'_>, settlement: &Settlement) -> Result<(), Refusal> {
    let claimed = &settlement.claimed;
    let operator = &claimed.operator_user_id;
    let rules = case.fleet.rules_at(operator, &claimed.machine_id);
    if rules.is_none_or(spireledger_projections::Rules::is_live) {
        return Ok(());
    }
    let message = format!(
        "the split rules of operator `{operator}` that were brought in cannot be read or do not add \
         up to 1; set them with splits.set"
    );
    Err(refuse(Code::SplitsSum, message))
}
