//! The life of a settlement after its claim: lock, adjustment, notes and its end.
//!
//! | state | begin | release | adjust | finish | fail | void |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | pending | processing | – | pending | – | failed | voided |
//! | processing | takeover after the lease | pending | processing | processed, partial | failed | voided |
//! | failed | processing | – | failed | – | – | voided |
//! | processed, partial, voided | – | – | – | – | – | – |

use spireledger_projections::Settlement;
use spireledger_schema::command::{
    SettlementAdjust, SettlementBegin, SettlementFail, SettlementFinish, SettlementNote,
    SettlementRelease, SettlementVoid,
};
use spireledger_schema::event::{
    GivenBack, SettlementAdjusted, SettlementBegun, SettlementFailed, SettlementFinished,
    SettlementNoted, SettlementReleased, SettlementVoided, TakenOver,
};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::ProcessingClaim;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::distribution::{Amounts, plan};
use super::fees::split_fee;
use super::fleet::known_machine;
use super::identity::replay_or_conflict;
use super::{Case, Ruling, Step, Stop, refuse};

/// How long a processing claim holds the lock before another may take it over, in microseconds:
/// ten minutes, far more than a distribution takes, short enough for a customer to wait.
const LEASE_MICROS: i64 = 600 * 1_000_000;

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

/// The first entry of the stream that a test accepts.
fn said(case: &Case<'_>, test: impl Fn(&Event) -> bool) -> Option<u64> {
    newest(case, test).map(|entry| entry.front.seq)
}

fn newest<'a>(case: &Case<'a>, test: impl Fn(&Event) -> bool) -> Option<&'a Entry> {
    case.found.stream.iter().rev().find(|entry| test(&entry.event))
}

pub(super) fn begin(case: &Case<'_>, c: &SettlementBegin) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let mine = |event: &Event| matches!(event, Event::SettlementBegun(e) if e.processing_claim == c.processing_claim);
    if let Some(seq) = said(case, mine) {
        return Ok(Step::Replay(seq));
    }
    if settlement.status.is_final() {
        return Err(wrong_state(&settlement, "begun").into());
    }
    let taken_over = take_over(case, &settlement)?;
    let machine = known_machine(case, &settlement.claimed.machine_id)?;
    let planned = settlement.legs.iter().any(|leg| leg.leg.leg_type != LegType::Autoforward);
    let legs = if planned {
        Vec::new()
    } else {
        let amounts = Amounts::of(&settlement);
        plan(case.fleet, machine, settlement.claimed.tx_type, amounts, &[], case.now)
    };
    Ok(Step::Append(Event::SettlementBegun(SettlementBegun {
        processing_claim: c.processing_claim.clone(),
        taken_over,
        first_leg: next_leg(&settlement),
        legs,
    })))
}

/// Numbers of planned legs go on where they ended, so no id is ever used twice.
fn next_leg(settlement: &Settlement) -> u32 {
    u32::try_from(settlement.legs.len()).map_or(u32::MAX, |count| count.saturating_add(1))
}

/// A lock that is held is respected until its lease runs out; then it may be taken over.
fn take_over(case: &Case<'_>, settlement: &Settlement) -> Result<Option<TakenOver>, Refusal> {
    let Some(lock) = &settlement.lock else { return Ok(None) };
    if case.now.micros().saturating_sub(lock.since.micros()) <= LEASE_MICROS {
        let message = format!(
            "processing claim `{}` holds settlement {} since {}",
            lock.processing_claim, settlement.payment_hash, lock.since
        );
        return Err(refuse(Code::AlreadyClaimed, message)
            .with("processing_claim", &lock.processing_claim)
            .with("since", lock.since)
            .with("seq", lock.seq));
    }
    Ok(Some(TakenOver { processing_claim: lock.processing_claim.clone(), since: lock.since }))
}

pub(super) fn release(case: &Case<'_>, c: &SettlementRelease) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let mine = |event: &Event| matches!(event, Event::SettlementReleased(e) if e.processing_claim == c.processing_claim);
    if let Some(seq) = said(case, mine) {
        return Ok(Step::Replay(seq));
    }
    holds(&settlement, Some(&c.processing_claim))?;
    Ok(Step::Append(Event::SettlementReleased(SettlementReleased {
        processing_claim: c.processing_claim.clone(),
    })))
}

/// A processing claim that is given has to be the one that holds the lock.
fn holds(settlement: &Settlement, claim: Option<&ProcessingClaim>) -> Result<(), Refusal> {
    let Some(claim) = claim else { return Ok(()) };
    if settlement.lock.as_ref().is_some_and(|lock| lock.processing_claim == *claim) {
        return Ok(());
    }
    let message =
        format!("processing claim `{claim}` does not hold settlement {}", settlement.payment_hash);
    Err(refuse(Code::WrongClaim, message).with("state", settlement.status))
}

pub(super) fn adjust(case: &Case<'_>, c: &SettlementAdjust) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let same = |event: &Event| {
        matches!(event, Event::SettlementAdjusted(e)
            if e.fiat_amount == c.fiat_amount && e.principal_sats == c.principal_sats
                && e.fee_sats == c.fee_sats && e.reason == c.reason)
    };
    let adjusted = |event: &Event| matches!(event, Event::SettlementAdjusted(_));
    let is_so = newest(case, adjusted).is_some_and(|entry| same(&entry.event));
    let may_be = !settlement.status.is_final() && !settlement.is_paid();
    if let (true, Some(seq)) = (is_so || !may_be, said(case, same)) {
        return Ok(Step::Replay(seq));
    }
    if !may_be {
        return Err(wrong_state(&settlement, "adjusted: something of it was paid or ended").into());
    }
    if settlement.claimed.tx_type == TxType::CashIn {
        return Err(wrong_state(&settlement, "adjusted: only a cash-out dispenses").into());
    }
    let claimed = &settlement.claimed;
    if c.principal_sats > claimed.principal_sats
        || c.fee_sats > claimed.fee_sats
        || c.fiat_amount > claimed.fiat_amount
    {
        let message = format!(
            "an adjustment only lowers what was claimed: at most {} fiat, {} principal_sats, \
             {} fee_sats",
            claimed.fiat_amount, claimed.principal_sats, claimed.fee_sats
        );
        return Err(refuse(Code::ExceedsAvailable, message).into());
    }
    Ok(Step::Append(Event::SettlementAdjusted(adjustment(case, c, &settlement)?)))
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
    let legs = if settlement.legs.is_empty() {
        Vec::new()
    } else {
        plan(case.fleet, machine, claimed.tx_type, amounts, &given_back, case.now)
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

/// What LPs have again when the pending legs are voided.
fn given_back(settlement: &Settlement) -> Vec<GivenBack> {
    let pending = settlement.legs.iter().filter(|leg| leg.status == LegStatus::Pending);
    let dca = pending.filter(|leg| leg.leg.leg_type == LegType::Dca);
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
    known(case, &c.payment_hash)?;
    let event = Event::SettlementNoted(SettlementNoted { id: c.id.clone(), note: c.note.clone() });
    let same = |event: &Event| matches!(event, Event::SettlementNoted(e) if e.id == c.id);
    match newest(case, same) {
        Some(first) => replay_or_conflict(case, first, &event),
        None => Ok(Step::Append(event)),
    }
}

pub(super) fn finish(case: &Case<'_>, c: &SettlementFinish) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    if let Some(first) = newest(case, |event| matches!(event, Event::SettlementFinished(_))) {
        return replay_or_conflict(case, first, &finished(c, settlement.status));
    }
    if settlement.status != SettlementStatus::Processing {
        return Err(wrong_state(&settlement, "finished; it has to be begun").into());
    }
    holds(&settlement, c.processing_claim.as_ref())?;
    let open: Vec<&str> = settlement
        .legs
        .iter()
        .filter(|leg| !leg.status.is_final())
        .map(|leg| leg.id.as_str())
        .collect();
    if !open.is_empty() {
        let message = format!(
            "{} of {} legs have no final outcome yet: {}",
            open.len(),
            settlement.legs.len(),
            open.join(", ")
        );
        return Err(refuse(Code::LegsOpen, message).with("legs", &open).into());
    }
    Ok(Step::Append(finished(c, end_state(&settlement))))
}

fn finished(c: &SettlementFinish, status: SettlementStatus) -> Event {
    Event::SettlementFinished(SettlementFinished {
        processing_claim: c.processing_claim.clone(),
        status,
        error_message: c.error_message.clone(),
    })
}

/// Processed, if all of principal and fee (of a cash-in: the fee) was paid or kept; else partial.
fn end_state(settlement: &Settlement) -> SettlementStatus {
    let done = settlement.legs.iter().filter(|leg| {
        let kind = leg.leg.leg_type;
        leg.status == LegStatus::Completed
            && !matches!(kind, LegType::Autoforward | LegType::Refund)
    });
    let done = Sats::sum(done.map(|leg| leg.leg.amount_sats));
    let due = match settlement.claimed.tx_type {
        TxType::CashIn => Some(settlement.fee_sats),
        TxType::CashOut => settlement.principal_sats.checked_add(settlement.fee_sats),
    };
    if done == due { SettlementStatus::Processed } else { SettlementStatus::Partial }
}

pub(super) fn fail(case: &Case<'_>, c: &SettlementFail) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let event = Event::SettlementFailed(SettlementFailed {
        processing_claim: c.processing_claim.clone(),
        error_message: c.error_message.clone(),
    });
    // Without its claim, a failure of work that goes on again is a new one.
    let again = c.processing_claim.is_none() && settlement.lock.is_some();
    if let (false, Some(seq)) = (again, said(case, |said| *said == event)) {
        return Ok(Step::Replay(seq));
    }
    holds(&settlement, c.processing_claim.as_ref())?;
    match settlement.status {
        SettlementStatus::Pending | SettlementStatus::Processing => Ok(Step::Append(event)),
        _ => Err(wrong_state(&settlement, "failed").into()),
    }
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
    if settlement.status.is_final() || settlement.is_paid() {
        return Err(wrong_state(&settlement, "voided: something of it was paid or ended").into());
    }
    if c.processing_claim.is_none() {
        take_over(case, &settlement)?;
    }
    holds(&settlement, c.processing_claim.as_ref())?;
    Ok(Step::Append(event(given_back(&settlement))))
}
