//! The processing lock: one of many processors works on a settlement.
//!
//! Whoever begins takes the lock under a claim, a token of its own. The lock is held until it is
//! released or the settlement fails or ends; after a lease, another may take it over, because whoever
//! held it may have died. A repeated `begin` says that the lock was taken once, not that it is still
//! held: a later step with a claim that lost the lock is refused as `wrong_claim`.

use spireledger_projections::{Lock, Settlement};
use spireledger_schema::event::TakenOver;
use spireledger_schema::text::ProcessingClaim;
use spireledger_schema::{Code, Refusal};

use super::{Case, refuse};

/// How long a processing claim holds the lock before another may take it over, in microseconds:
/// ten minutes, far more than a distribution takes, short enough for a customer to wait.
const LEASE_MICROS: i64 = 600 * 1_000_000;

/// Takes the lock: nobody may hold it, or their lease has run out.
pub(super) fn take(case: &Case<'_>, settlement: &Settlement) -> Result<Option<TakenOver>, Refusal> {
    let Some(lock) = &settlement.lock else { return Ok(None) };
    if is_leased(case, lock) {
        return Err(already_claimed(settlement, lock));
    }
    Ok(Some(TakenOver { processing_claim: lock.processing_claim.clone(), since: lock.since }))
}

/// Whether the sender may touch a settlement. A processing claim that is given has to hold the lock.
/// Without one, the lease of another actor is respected: it may be paying a leg right now.
pub(super) fn respect(
    case: &Case<'_>,
    settlement: &Settlement,
    claim: Option<&ProcessingClaim>,
) -> Result<(), Refusal> {
    match (claim, &settlement.lock) {
        (Some(claim), _) => hold(settlement, claim),
        (None, Some(lock)) if is_leased(case, lock) && lock.holder != case.request.actor => {
            Err(already_claimed(settlement, lock))
        }
        (None, _) => Ok(()),
    }
}

/// Whether a processing claim holds the lock.
pub(super) fn hold(settlement: &Settlement, claim: &ProcessingClaim) -> Result<(), Refusal> {
    match &settlement.lock {
        Some(lock) if lock.processing_claim == *claim => Ok(()),
        lock => {
            let holder = match lock {
                Some(lock) => format!("`{}` does", lock.processing_claim),
                None => format!("nobody does, it is {}", settlement.status),
            };
            let hash = settlement.payment_hash;
            let message =
                format!("processing claim `{claim}` does not hold settlement {hash}; {holder}");
            Err(refuse(Code::WrongClaim, message).with("state", settlement.status))
        }
    }
}

const fn is_leased(case: &Case<'_>, lock: &Lock) -> bool {
    case.now.micros().saturating_sub(lock.since.micros()) <= LEASE_MICROS
}

fn already_claimed(settlement: &Settlement, lock: &Lock) -> Refusal {
    let message = format!(
        "processing claim `{}` holds settlement {} since {}; it may be taken over {} seconds later",
        lock.processing_claim,
        settlement.payment_hash,
        lock.since,
        LEASE_MICROS / 1_000_000
    );
    refuse(Code::AlreadyClaimed, message)
        .with("processing_claim", &lock.processing_claim)
        .with("since", lock.since)
        .with("seq", lock.seq)
}
