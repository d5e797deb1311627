//! Legs: how their payments ended, and those that are added by hand.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::command::{LegAdd, LegOutcome};
use spireledger_schema::event::{Leg, LegAdded, LegEnded};
use spireledger_schema::limits::LEGS_MAX;
use spireledger_schema::money::Sats;
use spireledger_schema::text::LegId;
use spireledger_schema::words::{AddedLegType, LegStatus, LegType, Outcome, TxType};
use spireledger_schema::{Code, Event, Refusal};

use super::identity::replay_or_conflict;
use super::settlement::{ATTEMPTS_MAX, count, known, wrong_state};
use super::{Case, Ruling, Step, intents, malformed, refuse};

pub(super) fn outcome(case: &Case<'_>, c: &LegOutcome) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let Some(leg) = settlement.leg(&c.leg_id) else {
        return Err(unknown_leg(&settlement, &c.leg_id).into());
    };
    if leg.imported.as_ref().is_some_and(|row| !row.is_live) {
        let message = format!(
            "leg `{}` was brought in with something that has no meaning here; how it ended is for \
             its database to say",
            leg.id
        );
        return Err(refuse(Code::WrongState, message).with("state", leg.status).into());
    }
    // Attempts may fail more than once: each by its own payment.
    let same = |e: &LegEnded| {
        let other_attempt =
            c.status == Outcome::Failed && e.external_payment_hash != c.external_payment_hash;
        e.leg_id == leg.id && e.status == c.status && !other_attempt
    };
    for entry in case.found.stream.iter().rev() {
        if let Event::LegEnded(said) = &entry.event
            && same(said)
        {
            return replay_or_conflict(case, entry, &ended(c, leg, said.from));
        }
    }
    if leg.status.is_final() {
        return Err(is_final(leg, Some(c.status)).into());
    }
    intents::closes(leg, c)?;
    let failed = |event: &Event| {
        matches!(event, Event::LegEnded(e)
            if e.leg_id == leg.id && e.status == Outcome::Failed)
    };
    if c.status == Outcome::Failed && count(case, failed) >= ATTEMPTS_MAX {
        let message = format!(
            "leg `{}` failed {ATTEMPTS_MAX} times already; say only how it ends: paid, or voided",
            leg.id
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(ended(c, leg, leg.status)))
}

pub(super) fn unknown_leg(settlement: &Settlement, id: &LegId) -> Refusal {
    refuse(Code::NotFound, format!("settlement {} has no leg `{id}`", settlement.payment_hash))
}

pub(super) fn is_final(leg: &LegRow, wished: Option<Outcome>) -> Refusal {
    let mut message = format!("leg `{}` is {}, which is final", leg.id, leg.status);
    if wished == Some(Outcome::Completed) && leg.status != LegStatus::Completed {
        message.push_str(
            "; if it was paid all the same, the books cannot take it: say so in a settlement.note, \
             and get it back from whoever received it",
        );
    }
    refuse(Code::WrongState, message).with("state", leg.status)
}

fn ended(c: &LegOutcome, leg: &LegRow, from: LegStatus) -> Event {
    Event::LegEnded(LegEnded {
        leg_id: leg.id.clone(),
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
    is_well_formed(c)?;
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
    let mut added = 0;
    for entry in &case.found.stream {
        if let Event::LegAdded(said) = &entry.event {
            if said.leg_id == c.leg_id {
                return replay_or_conflict(case, entry, &event);
            }
            added += 1;
        }
    }
    if settlement.status.is_final() {
        return Err(wrong_state(&settlement, "given another leg").into());
    }
    if settlement.legs.is_empty() {
        let why = "given a leg before its own are planned; begin it first";
        return Err(wrong_state(&settlement, why).into());
    }
    match c.leg_type {
        AddedLegType::Autoforward => within_forwardable(c, &settlement)?,
        AddedLegType::Refund => within_refundable(c, &settlement)?,
    }
    if added >= LEGS_MAX {
        let message = format!(
            "settlement {} was given {LEGS_MAX} legs, the most it can be given; use those that are \
             open",
            settlement.payment_hash
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(event))
}

/// What can be told from the command alone.
fn is_well_formed(c: &LegAdd) -> Result<(), Refusal> {
    if c.amount_sats == Sats::ZERO {
        return Err(malformed("amount_sats", "0", "a whole number of sats above 0"));
    }
    // Planned legs are numbered behind the hash, those that an adjustment plans later, too.
    if c.leg_id.as_str().starts_with(&format!("{}:", c.payment_hash)) {
        let expected =
            "an id that does not begin with the payment hash, as those of planned legs do";
        return Err(malformed("leg_id", c.leg_id.as_str(), expected));
    }
    if c.leg_type == AddedLegType::Autoforward {
        if c.client_id.is_none() {
            let expected = "the enrolment whose sats are forwarded";
            return Err(malformed("client_id", "nothing", expected));
        }
        if c.destination_ln_address.is_none() && c.destination_wallet_id.is_none() {
            let expected = "where the sats go, or a destination_wallet_id";
            return Err(malformed("destination_ln_address", "nothing", expected));
        }
    }
    Ok(())
}

/// Sats of the legs that count as spent and that a test accepts.
fn spent(settlement: &Settlement, test: impl Fn(&LegRow) -> bool) -> u64 {
    let legs = settlement.legs.iter().filter(|leg| leg.status.is_spent() && test(leg));
    legs.map(|leg| leg.leg.amount_sats.get()).fold(0, u64::saturating_add)
}

/// An LP forwards at most what its completed dca legs brought it.
fn within_forwardable(c: &LegAdd, settlement: &Settlement) -> Result<(), Refusal> {
    let of_kind = |leg: &LegRow, kind| leg.leg.leg_type == kind && leg.leg.client_id == c.client_id;
    let got =
        spent(settlement, |leg| of_kind(leg, LegType::Dca) && leg.status == LegStatus::Completed);
    let forwarded = spent(settlement, |leg| of_kind(leg, LegType::Autoforward));
    within(c, got.saturating_sub(forwarded), "what completed dca legs brought this enrolment")
}

/// A refund is paid from what of the wire no other leg takes away: what was never planned, what was
/// given up, and what is retained in the machine's wallet.
fn within_refundable(c: &LegAdd, settlement: &Settlement) -> Result<(), Refusal> {
    if settlement.claimed.tx_type == TxType::CashIn {
        return Err(wrong_state(settlement, "refunded: only a cash-out took sats"));
    }
    let taken_away = spent(settlement, |leg| {
        !matches!(leg.leg.leg_type, LegType::Retained | LegType::Autoforward)
    });
    let free = settlement.claimed.wire_sats.get().saturating_sub(taken_away);
    within(c, free, "what no other leg takes away of the wire")
}

fn within(c: &LegAdd, free: u64, from: &str) -> Result<(), Refusal> {
    if c.amount_sats.get() <= free {
        return Ok(());
    }
    let message =
        format!("`amount_sats` is {}, but it is paid from {from}: {free} sats", c.amount_sats);
    Err(refuse(Code::ExceedsAvailable, message).with("available_sats", free))
}
