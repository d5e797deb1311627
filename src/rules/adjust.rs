//! `settlement.adjust`: the customer paid, and fewer bills came out.
//!
//! Before anything is paid, fee split and legs are computed anew for what was really dispensed; what
//! the customer paid for the rest is owed back. Legs that were planned before are void.

use spireledger_projections::Settlement;
use spireledger_schema::command::SettlementAdjust;
use spireledger_schema::event::SettlementAdjusted;
use spireledger_schema::words::TxType;
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::brought_in::{adds_up, can_split};
use super::distribution::{Amounts, plan};
use super::fees::split_fee;
use super::fleet::known_machine;
use super::identity::replay_or_conflict;
use super::settlement::{count, given_back, known, newest, next_leg, wrong_state};
use super::{Case, Ruling, Step, intents, lock, refuse};

/// Most adjustments of one settlement: each can be as long as an entry can be.
pub(super) const ADJUSTMENTS_MAX: usize = 64;

pub(super) fn adjust(case: &Case<'_>, c: &SettlementAdjust) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let may_be = !settlement.status.is_final() && !settlement.is_paid();
    if let Some(step) = repeated(case, c, may_be)? {
        return Ok(step);
    }
    lock::respect(case, &settlement, None)?;
    if !may_be {
        let why = "adjusted: something of it was paid, or it has ended";
        return Err(wrong_state(&settlement, why).into());
    }
    if settlement.claimed.tx_type == TxType::CashIn {
        return Err(wrong_state(&settlement, "adjusted: only a cash-out dispenses").into());
    }
    intents::none_is_under_way(&settlement)?;
    adds_up(&settlement)?;
    can_split(case, &settlement)?;
    within_what_was_claimed(c, &settlement)?;
    if count(case, |event| matches!(event, Event::SettlementAdjusted(_))) >= ADJUSTMENTS_MAX {
        let message = format!(
            "settlement {} was adjusted {ADJUSTMENTS_MAX} times, the most it can be; go on with what \
             holds, or void it",
            settlement.payment_hash
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(Event::SettlementAdjusted(adjustment(case, c, &settlement)?)))
}

/// Adjusting to what holds already, or what did while it still could be, is a replay; so is a request
/// that was seen. Adjusting to something else and back again are three adjustments.
fn repeated(
    case: &Case<'_>,
    c: &SettlementAdjust,
    may_be: bool,
) -> Result<Option<Step>, super::Stop> {
    if let Some(first) = &case.found.aliased {
        return replay_or_conflict(case, first, &as_said(c, first)).map(Some);
    }
    let adjusted = |event: &Event| matches!(event, Event::SettlementAdjusted(_));
    let same = |event: &Event| matches!(event, Event::SettlementAdjusted(e) if is_same(c, e));
    let holds = newest(case, adjusted).is_some_and(|entry| same(&entry.event));
    let entry = if holds || !may_be { newest(case, same) } else { None };
    Ok(entry.map(|entry| Step::Replay(entry.front.seq)))
}

fn is_same(c: &SettlementAdjust, e: &SettlementAdjusted) -> bool {
    e.fiat_amount == c.fiat_amount
        && e.principal_sats == c.principal_sats
        && e.fee_sats == c.fee_sats
        && e.reason == c.reason
}

/// The first adjustment with what is said now: the two differ in nothing else.
fn as_said(c: &SettlementAdjust, first: &Entry) -> Event {
    match &first.event {
        Event::SettlementAdjusted(e) => Event::SettlementAdjusted(SettlementAdjusted {
            fiat_amount: c.fiat_amount,
            principal_sats: c.principal_sats,
            fee_sats: c.fee_sats,
            reason: c.reason.clone(),
            ..e.clone()
        }),
        other => other.clone(),
    }
}

fn within_what_was_claimed(c: &SettlementAdjust, settlement: &Settlement) -> Result<(), Refusal> {
    let claimed = &settlement.claimed;
    if c.principal_sats <= claimed.principal_sats
        && c.fee_sats <= claimed.fee_sats
        && c.fiat_amount <= claimed.fiat_amount
    {
        return Ok(());
    }
    let message = format!(
        "an adjustment only lowers what was claimed: at most {} fiat, {} principal_sats, {} \
         fee_sats",
        claimed.fiat_amount, claimed.principal_sats, claimed.fee_sats
    );
    Err(refuse(Code::ExceedsAvailable, message))
}

fn adjustment(
    case: &Case<'_>,
    c: &SettlementAdjust,
    settlement: &Settlement,
) -> Result<SettlementAdjusted, Refusal> {
    let claimed = &settlement.claimed;
    let split = split_fee(
        c.principal_sats,
        c.fee_sats,
        claimed.super_fee_fraction,
        claimed.operator_fee_fraction,
    );
    let given_back = given_back(settlement);
    let amounts = Amounts {
        wire_sats: claimed.wire_sats,
        principal_sats: c.principal_sats,
        platform_fee_sats: split.platform_fee_sats,
        operator_fee_sats: split.operator_fee_sats,
        fiat_amount: c.fiat_amount,
    };
    let machine = known_machine(case, &claimed.machine_id)?;
    // Before the first begin nothing was planned; begin will plan what is adjusted here.
    let legs = if settlement.legs.is_empty() {
        Vec::new()
    } else {
        plan(case.fleet, machine, claimed, amounts, &given_back, case.now)
    };
    Ok(SettlementAdjusted {
        fiat_amount: c.fiat_amount,
        principal_sats: c.principal_sats,
        fee_sats: c.fee_sats,
        platform_fee_sats: split.platform_fee_sats,
        operator_fee_sats: split.operator_fee_sats,
        fee_mismatch_sats: split.fee_mismatch_sats,
        reason: c.reason.clone(),
        given_back,
        first_leg: next_leg(settlement),
        legs,
    })
}
