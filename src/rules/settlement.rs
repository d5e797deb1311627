//! The life of a settlement after its claim: lock, notes and its end. [`super::adjust`] has the rest.
//!
//! | state | begin | release | adjust | finish | fail | void | leg.outcome | leg.add |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | pending | processing | – | pending ¹ | – | failed | voided ¹ | pending | pending ² |
//! | processing | processing ³ | pending | processing ¹ | processed or partial ⁴ | failed | voided ¹ | processing | processing ² |
//! | failed | processing | – | failed ¹ | – | – | voided ¹ | failed | failed ² |
//! | processed, partial, voided | – | – | – | – | – | – | – | – |
//!
//! A note is taken in any state, an intent ([`super::intents`]) while processing. ¹ While nothing of it
//! was paid and no payment of it may be under way. ² Once legs are planned. ³ By another
//! processor, after the lease of whoever holds the lock. ⁴ Once every leg has a final outcome:
//! processed if all that was due was paid, else partial. Processed, partial and voided are final: all
//! legs are, too.
//!
//! Processing is the one state that is locked (see [`super::lock`]). Legs are planned by the first
//! begin; outcomes are facts and are taken whoever holds the lock.

use spireledger_projections::Settlement;
use spireledger_schema::command::{
    SettlementBegin, SettlementFail, SettlementFinish, SettlementNote, SettlementRelease,
    SettlementVoid,
};
use spireledger_schema::event::{
    GivenBack, SettlementBegun, SettlementFailed, SettlementFinished, SettlementNoted,
    SettlementReleased, SettlementVoided,
};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::brought_in::{adds_up, can_split, is_understood};
use super::distribution::{Amounts, plan};
use super::fleet::known_machine;
use super::identity::replay_or_conflict;
use super::{Case, Ruling, Step, Stop, intents, lock, refuse};

/// Most notes on one settlement. Whoever folds a settlement reads all of its entries, so each kind
/// that could come again and again is bounded, but none that ends something.
pub(super) const NOTES_MAX: usize = 256;

/// Most times that a settlement is begun with legs open, and that one of its legs fails.
pub(super) const ATTEMPTS_MAX: usize = 1_000;

/// The settlement, or a refusal that says it is not there.
pub(super) fn known(case: &Case<'_>, hash: &PaymentHash) -> Result<Settlement, Stop> {
    let unknown = || {
        let message = format!("no settlement {hash} was claimed; claim it first");
        Stop::from(refuse(Code::NotFound, message))
    };
    Settlement::fold(&case.found.stream)?.ok_or_else(unknown)
}

pub(super) fn wrong_state(settlement: &Settlement, wish: &str) -> Refusal {
    let message = format!(
        "settlement {} is {}; it cannot be {wish}",
        settlement.payment_hash, settlement.status
    );
    refuse(Code::WrongState, message).with("state", settlement.status)
}

/// The newest entry of the stream that a test accepts.
pub(super) fn newest<'a>(case: &Case<'a>, test: impl Fn(&Event) -> bool) -> Option<&'a Entry> {
    case.found.stream.iter().rev().find(|entry| test(&entry.event))
}

/// How many entries of the stream a test accepts.
pub(super) fn count(case: &Case<'_>, test: impl Fn(&Event) -> bool) -> usize {
    case.found.stream.iter().filter(|entry| test(&entry.event)).count()
}

pub(super) fn begin(case: &Case<'_>, c: &SettlementBegin) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let mine = |event: &Event| matches!(event, Event::SettlementBegun(e) if e.processing_claim == c.processing_claim);
    if let Some(first) = newest(case, mine) {
        return Ok(Step::Replay(first.front.seq));
    }
    let taken_over = lock::take(case, &settlement)?;
    if settlement.status.is_final() {
        return Err(wrong_state(&settlement, "begun").into());
    }
    let is_open = settlement.legs.iter().any(|leg| !leg.status.is_final());
    if is_open && count(case, |event| matches!(event, Event::SettlementBegun(_))) >= ATTEMPTS_MAX {
        let message = format!(
            "settlement {} was begun {ATTEMPTS_MAX} times; say with leg.outcome how its open legs \
             end, which needs no begin, then begin it to finish it",
            settlement.payment_hash
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    adds_up(&settlement)?;
    can_split(case, &settlement)?;
    let machine = known_machine(case, &settlement.claimed.machine_id)?;
    // Legs are planned once. Whoever begins again goes on with them.
    let legs = if settlement.legs.is_empty() {
        let amounts = Amounts::of(&settlement);
        plan(case.fleet, machine, &settlement.claimed, amounts, &[], case.now)
    } else {
        Vec::new()
    };
    Ok(Step::Append(Event::SettlementBegun(SettlementBegun {
        processing_claim: c.processing_claim.clone(),
        taken_over,
        first_leg: next_leg(&settlement),
        legs,
    })))
}

/// Numbers of planned legs go on where they ended, so no id is ever used twice.
pub(super) fn next_leg(settlement: &Settlement) -> u32 {
    u32::try_from(settlement.legs.len()).map_or(u32::MAX, |count| count.saturating_add(1))
}

pub(super) fn release(case: &Case<'_>, c: &SettlementRelease) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let mine = |event: &Event| matches!(event, Event::SettlementReleased(e) if e.processing_claim == c.processing_claim);
    if let Some(first) = newest(case, mine) {
        return Ok(Step::Replay(first.front.seq));
    }
    lock::hold(&settlement, &c.processing_claim)?;
    Ok(Step::Append(Event::SettlementReleased(SettlementReleased {
        processing_claim: c.processing_claim.clone(),
    })))
}

/// What LPs have again when the legs that may still be paid, pending or failed, are voided.
pub(super) fn given_back(settlement: &Settlement) -> Vec<GivenBack> {
    let open = settlement.legs.iter().filter(|leg| !leg.status.is_final());
    let dca = open.filter(|leg| leg.leg.leg_type == LegType::Dca);
    dca.filter_map(|leg| {
        Some(GivenBack {
            client_id: leg.leg.client_id.clone()?,
            amount_sats: leg.leg.amount_sats,
            amount_fiat: leg.leg.amount_fiat?,
        })
    })
    .collect()
}

pub(super) fn note(case: &Case<'_>, c: &SettlementNote) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let event = Event::SettlementNoted(SettlementNoted { id: c.id.clone(), note: c.note.clone() });
    let same = |event: &Event| matches!(event, Event::SettlementNoted(e) if e.id == c.id);
    if let Some(first) = newest(case, same) {
        return replay_or_conflict(case, first, &event);
    }
    if settlement.notes.len() >= NOTES_MAX {
        let message = format!(
            "settlement {} has {NOTES_MAX} notes, the most it can have; keep further ones elsewhere",
            settlement.payment_hash
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(event))
}

pub(super) fn finish(case: &Case<'_>, c: &SettlementFinish) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    if let Some(first) = newest(case, |event| matches!(event, Event::SettlementFinished(_))) {
        return replay_or_conflict(case, first, &finished(c, settlement.status));
    }
    lock::respect(case, &settlement, c.processing_claim.as_ref())?;
    if settlement.status != SettlementStatus::Processing {
        return Err(wrong_state(&settlement, "finished: it has to be begun").into());
    }
    let open = settlement.legs.iter().filter(|leg| !leg.status.is_final());
    let open: Vec<&str> = open.map(|leg| leg.id.as_str()).collect();
    if !open.is_empty() {
        let message = format!(
            "{} of {} legs have no final outcome yet; say with leg.outcome how each ended",
            open.len(),
            settlement.legs.len()
        );
        return Err(refuse(Code::LegsOpen, message).with("legs", &open).into());
    }
    adds_up(&settlement)?;
    Ok(Step::Append(finished(c, end_state(&settlement))))
}

fn finished(c: &SettlementFinish, status: SettlementStatus) -> Event {
    Event::SettlementFinished(SettlementFinished {
        processing_claim: c.processing_claim.clone(),
        status,
        error_message: c.error_message.clone(),
    })
}

/// Processed, if all that was due was paid or kept: principal and fee, and what was owed back to the
/// customer; of a cash-in, the fee. Else partial.
fn end_state(settlement: &Settlement) -> SettlementStatus {
    let completed = |test: fn(LegType) -> bool| {
        let legs = settlement.legs.iter();
        let done = legs.filter(|leg| leg.status == LegStatus::Completed && test(leg.leg.leg_type));
        Sats::sum(done.map(|leg| leg.leg.amount_sats))
    };
    let paid = completed(|kind| !matches!(kind, LegType::Autoforward | LegType::Refund));
    let refunded = completed(|kind| kind == LegType::Refund);
    let (due, owed) = match settlement.claimed.tx_type {
        TxType::CashIn => (Some(settlement.fee_sats), Some(Sats::ZERO)),
        TxType::CashOut => {
            let due = settlement.principal_sats.checked_add(settlement.fee_sats);
            (due, due.and_then(|due| settlement.claimed.wire_sats.checked_sub(due)))
        }
    };
    if paid == due && refunded >= owed {
        SettlementStatus::Processed
    } else {
        SettlementStatus::Partial
    }
}

pub(super) fn fail(case: &Case<'_>, c: &SettlementFail) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let event = Event::SettlementFailed(SettlementFailed {
        processing_claim: c.processing_claim.clone(),
        error_message: c.error_message.clone(),
    });
    if let Some(step) = repeated_failure(case, c, &event, settlement.status)? {
        return Ok(step);
    }
    lock::respect(case, &settlement, c.processing_claim.as_ref())?;
    match settlement.status {
        SettlementStatus::Pending | SettlementStatus::Processing => Ok(Step::Append(event)),
        _ => Err(wrong_state(&settlement, "failed").into()),
    }
}

/// A failure is known by its request or its claim. Without either, the same is a replay where nothing
/// is left that could fail; what goes on or waits again can fail again.
fn repeated_failure(
    case: &Case<'_>,
    c: &SettlementFail,
    event: &Event,
    status: SettlementStatus,
) -> Result<Option<Step>, Stop> {
    let claimed = |event: &Event| {
        matches!(event, Event::SettlementFailed(e)
            if e.processing_claim.is_some() && e.processing_claim == c.processing_claim)
    };
    let first = case.found.aliased.as_ref().or_else(|| newest(case, claimed));
    if let Some(first) = first {
        return replay_or_conflict(case, first, event).map(Some);
    }
    if matches!(status, SettlementStatus::Pending | SettlementStatus::Processing) {
        return Ok(None);
    }
    Ok(newest(case, |said| said == event).map(|entry| Step::Replay(entry.front.seq)))
}

pub(super) fn void(case: &Case<'_>, c: &SettlementVoid) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let event = |given_back| {
        Event::SettlementVoided(SettlementVoided {
            processing_claim: c.processing_claim.clone(),
            error_message: c.error_message.clone(),
            given_back,
        })
    };
    let voided = newest(case, |event| matches!(event, Event::SettlementVoided(_)));
    if let Some(first) = voided
        && let Event::SettlementVoided(said) = &first.event
    {
        return replay_or_conflict(case, first, &event(said.given_back.clone()));
    }
    is_understood(&settlement)?;
    lock::respect(case, &settlement, c.processing_claim.as_ref())?;
    if settlement.status.is_final() || settlement.is_paid() {
        let why = "voided: something of it was paid, or it has ended";
        return Err(wrong_state(&settlement, why).into());
    }
    intents::none_is_under_way(&settlement)?;
    Ok(Step::Append(event(given_back(&settlement))))
}
