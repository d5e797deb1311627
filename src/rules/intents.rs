//! Intents: a payment of a leg is written down before it is sent, and no other is sent while its outcome
//! is not known.
//!
//! | the leg has | leg.intend | leg.outcome |
//! | --- | --- | --- |
//! | no intent | opens one, while the settlement is processing | any that its state allows |
//! | an open intent | refused | completed or failed, of that payment: it closes |
//! | a final state | refused | – |
//!
//! So there is at most one payment of a leg whose outcome is not known, and the log names it.

use spireledger_projections::{Intent, LegRow, Settlement};
use spireledger_schema::command::{LegIntend, LegOutcome};
use spireledger_schema::event::LegIntended;
use spireledger_schema::words::{Outcome, SettlementStatus};
use spireledger_schema::{Code, Event, Refusal};

use super::identity::replay_or_conflict;
use super::legs::{is_final, unknown_leg};
use super::settlement::{ATTEMPTS_MAX, count, known, newest, wrong_state};
use super::{Case, Ruling, Step, brought_in, lock, malformed, refuse};

pub(super) fn intend(case: &Case<'_>, c: &LegIntend) -> Ruling {
    let settlement = known(case, &c.payment_hash)?;
    let Some(leg) = settlement.leg(&c.leg_id) else {
        return Err(unknown_leg(&settlement, &c.leg_id).into());
    };
    let event = Event::LegIntended(LegIntended {
        leg_id: leg.id.clone(),
        external_payment_hash: c.external_payment_hash,
        bolt11: c.bolt11.clone(),
        amount_sats: c.amount_sats,
        from_wallet_id: c.from_wallet_id.clone(),
        expires_at: c.expires_at,
        processing_claim: c.processing_claim.clone(),
    });
    // An invoice pays one leg: said again of another, it is a conflict.
    let same = |event: &Event| matches!(event, Event::LegIntended(e) if e.external_payment_hash == c.external_payment_hash);
    if let Some(first) = newest(case, same) {
        return replay_or_conflict(case, first, &event);
    }
    is_payable(c, &settlement, leg)?;
    if leg.status.is_final() {
        return Err(is_final(leg, None).into());
    }
    if let Some(intent) = &leg.intent {
        return Err(under_way(leg, intent, "paid by another payment").into());
    }
    lock::respect(case, &settlement, c.processing_claim.as_ref())?;
    brought_in::was_begun_here(case, &settlement)?;
    if settlement.status != SettlementStatus::Processing {
        return Err(wrong_state(&settlement, "paid: it has to be begun").into());
    }
    let of_leg = |event: &Event| matches!(event, Event::LegIntended(e) if e.leg_id == leg.id);
    if count(case, of_leg) >= ATTEMPTS_MAX {
        let message = format!(
            "leg `{}` was intended {ATTEMPTS_MAX} times already; say only how it ends: paid, or voided",
            leg.id
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(event))
}

/// Whether the invoice is one that can pay the leg.
fn is_payable(c: &LegIntend, settlement: &Settlement, leg: &LegRow) -> Result<(), Refusal> {
    if c.external_payment_hash == settlement.payment_hash {
        let expected = "the hash of the leg's own invoice, not of the settlement's";
        return Err(malformed(
            "external_payment_hash",
            &c.external_payment_hash.to_string(),
            expected,
        ));
    }
    if c.amount_sats != leg.leg.amount_sats {
        let message = format!(
            "`amount_sats` is {}, but leg `{}` is {} sats; make an invoice over that",
            c.amount_sats, leg.id, leg.leg.amount_sats
        );
        return Err(refuse(Code::Unbalanced, message).with("amount_sats", leg.leg.amount_sats));
    }
    Ok(())
}

/// An outcome of a leg whose payment may be under way has to be that payment's: known to be paid, or
/// known to have failed.
pub(super) fn closes(leg: &LegRow, c: &LegOutcome) -> Result<(), Refusal> {
    let Some(intent) = &leg.intent else { return Ok(()) };
    let is_known = matches!(c.status, Outcome::Completed | Outcome::Failed);
    if is_known && c.external_payment_hash == Some(intent.payment_hash) {
        return Ok(());
    }
    let wish = match c.status {
        Outcome::Completed | Outcome::Failed => {
            format!("{} by another payment, or by none that is named", c.status)
        }
        status => status.to_string(),
    };
    Err(under_way(leg, intent, &wish))
}

/// A settlement cannot be planned anew, or taken out of the books, while a leg's payment may be under way.
pub(super) fn none_is_under_way(settlement: &Settlement) -> Result<(), Refusal> {
    match settlement.under_way() {
        Some((leg, intent)) => Err(under_way(leg, intent, "voided")),
        None => Ok(()),
    }
}

fn under_way(leg: &LegRow, intent: &Intent, wish: &str) -> Refusal {
    let message = format!(
        "payment {} of leg `{}` may be under way since {}; the leg cannot be {wish}. Find out about \
         that payment, and say with leg.outcome that it was completed or failed",
        intent.payment_hash, leg.id, intent.since
    );
    refuse(Code::WrongState, message)
        .with("state", leg.status)
        .with("external_payment_hash", intent.payment_hash)
}
