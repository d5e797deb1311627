//! Legs: how their payments ended, and those that are added by hand.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::command::{LegAdd, LegOutcome};
use spireledger_schema::event::{Leg, LegAdded, LegEnded};
use spireledger_schema::limits::LEGS_MAX;
use spireledger_schema::money::Sats;
use spireledger_schema::words::{
    AddedLegType, LegStatus, LegType, Outcome, SettlementStatus, TxType,
};
use spireledger_schema::{Code, Event, Refusal};

use super::identity::replay_or_conflict;
use super::settlement::{known, wrong_state};
use super::{Case, Ruling, Step, malformed, refuse};

pub(super) fn outcome(case: &Case<'_>, c: &LegOutcome) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let Some(leg) = settlement.leg(&c.leg_id) else {
        let message = format!("settlement {} has no leg `{}`", settlement.payment_hash, c.leg_id);
        return Err(refuse(Code::NotFound, message).into());
    };
    // Attempts may fail more than once: each by its own payment.
    let same = |e: &LegEnded| {
        let other_attempt =
            c.status == Outcome::Failed && e.external_payment_hash != c.external_payment_hash;
        e.leg_id == c.leg_id && e.status == c.status && !other_attempt
    };
    for entry in case.found.stream.iter().rev() {
        if let Event::LegEnded(said) = &entry.event
            && same(said)
        {
            return replay_or_conflict(case, entry, &ended(c, leg, said.from));
        }
    }
    if leg.status.is_final() {
        let message = format!("leg `{}` is {}, which is final", leg.id, leg.status);
        return Err(refuse(Code::WrongState, message).with("state", leg.status).into());
    }
    Ok(Step::Append(ended(c, leg, leg.status)))
}

fn ended(c: &LegOutcome, leg: &LegRow, from: LegStatus) -> Event {
    Event::LegEnded(LegEnded {
        leg_id: c.leg_id.clone(),
        status: c.status,
        from,
        leg_type: leg.leg.leg_type,
        client_id: leg.leg.client_id.clone(),
        amount_sats: leg.leg.amount_sats,
        amount_fiat: leg.leg.amount_fiat,
        external_payment_hash: c.external_payment_hash,
        routing_fee_msat: c.routing_fee_msat,
        error_message: c.error_message.clone(),
    })
}

pub(super) fn add(case: &Case<'_>, c: &LegAdd) -> Ruling {
    if c.amount_sats == Sats::ZERO {
        return Err(malformed("amount_sats", "0", "a whole number of sats above 0").into());
    }
    let settlement = known(case, &c.payment_hash)?;
    let event = Event::LegAdded(LegAdded {
        leg_id: c.leg_id.clone(),
        leg: Leg {
            leg_type: c.leg_type.into(),
            client_id: c.client_id.clone(),
            destination_wallet_id: c.destination_wallet_id.clone(),
            destination_ln_address: c.destination_ln_address.clone(),
            target: None,
            amount_sats: c.amount_sats,
            amount_fiat: None,
        },
    });
    for entry in &case.found.stream {
        if matches!(&entry.event, Event::LegAdded(said) if said.leg_id == c.leg_id) {
            return replay_or_conflict(case, entry, &event);
        }
    }
    if settlement.leg(&c.leg_id).is_some() {
        let message = format!("`{}` is the id of a planned leg; give another", c.leg_id);
        return Err(refuse(Code::Conflict, message).into());
    }
    if settlement.status.is_final() {
        return Err(wrong_state(&settlement, "given another leg").into());
    }
    if settlement.legs.len() >= LEGS_MAX {
        let message = format!("a settlement has at most {LEGS_MAX} legs");
        return Err(refuse(Code::LimitReached, message).into());
    }
    match c.leg_type {
        AddedLegType::Autoforward => within_forwardable(c, &settlement)?,
        AddedLegType::Refund => within_refundable(c, &settlement)?,
    }
    Ok(Step::Append(event))
}

/// Σ of legs that count as spent and that a test accepts.
fn spent(settlement: &Settlement, test: impl Fn(&LegRow) -> bool) -> Sats {
    let legs = settlement.legs.iter().filter(|leg| leg.status.is_spent() && test(leg));
    Sats::sum(legs.map(|leg| leg.leg.amount_sats)).unwrap_or(Sats::ZERO)
}

/// An LP forwards at most what its completed dca legs brought it.
fn within_forwardable(c: &LegAdd, settlement: &Settlement) -> Result<(), Refusal> {
    if c.client_id.is_none() {
        let expected = "the enrolment whose sats are forwarded";
        return Err(malformed("client_id", "nothing", expected));
    }
    if c.destination_ln_address.is_none() && c.destination_wallet_id.is_none() {
        let expected = "where the sats go, or a destination_wallet_id";
        return Err(malformed("destination_ln_address", "nothing", expected));
    }
    let of_kind = |leg: &LegRow, kind| leg.leg.leg_type == kind && leg.leg.client_id == c.client_id;
    let got =
        spent(settlement, |leg| of_kind(leg, LegType::Dca) && leg.status == LegStatus::Completed);
    let forwarded = spent(settlement, |leg| of_kind(leg, LegType::Autoforward));
    within(c, got.checked_sub(forwarded).unwrap_or(Sats::ZERO), "completed dca legs")
}

/// A refund is paid from what of the wire no other leg has, or only keeps.
fn within_refundable(c: &LegAdd, settlement: &Settlement) -> Result<(), Refusal> {
    if settlement.claimed.tx_type == TxType::CashIn || settlement.status == SettlementStatus::Voided
    {
        return Err(wrong_state(settlement, "refunded: only a cash-out took sats"));
    }
    let bound = spent(settlement, |leg| {
        !matches!(leg.leg.leg_type, LegType::Retained | LegType::Autoforward)
    });
    let free = settlement.claimed.wire_sats.checked_sub(bound).unwrap_or(Sats::ZERO);
    within(c, free, "the wire that no other leg has")
}

fn within(c: &LegAdd, free: Sats, of: &str) -> Result<(), Refusal> {
    if c.amount_sats <= free {
        return Ok(());
    }
    let message = format!("`amount_sats` is {}, but {of} leave {free}", c.amount_sats);
    Err(refuse(Code::ExceedsAvailable, message).with("available_sats", free))
}
