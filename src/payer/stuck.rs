//! What waits, since when, and the next safe step. It needs no LNbits: the ledger alone tells.

use serde::Serialize;
use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::LegId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus};

use super::run::is_held_by_payer;

/// One thing that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The settlement.
    pub payment_hash: PaymentHash,
    /// The leg; none: the settlement as a whole.
    pub leg_id: Option<LegId>,
    /// Since when.
    pub since: Timestamp,
    /// What it waits for.
    pub what: String,
    /// What can be done that cannot do harm.
    pub action: String,
}

/// What waits of a settlement, since `until` or before.
pub fn stuck(settlement: &Settlement, now: Timestamp, until: Timestamp) -> Vec<Waiting> {
    let hash = settlement.payment_hash;
    let mut all = Vec::new();
    let mut note = |leg: Option<&LegRow>, since, what: String, action: String| {
        if since <= until {
            let leg_id = leg.map(|leg| leg.id.clone());
            all.push(Waiting { payment_hash: hash, leg_id, since, what, action });
        }
    };
    match (settlement.status, &settlement.lock) {
        (SettlementStatus::Pending, _) => note(
            None,
            settlement.created_at,
            "nobody has begun to pay it out".into(),
            format!("`pay {hash} --begin`"),
        ),
        (SettlementStatus::Failed, _) => note(
            None,
            settlement.created_at,
            "paying it out broke off".into(),
            format!("read its error with `trace {hash}`, then `pay {hash} --begin`"),
        ),
        (SettlementStatus::Processing, Some(lock))
            if settlement.legs.iter().all(|leg| leg.status.is_final()) =>
        {
            let what =
                format!("all legs have ended; `{}` has not finished it", lock.processing_claim);
            let action = if is_held_by_payer(settlement) {
                "`pay` finishes it"
            } else {
                "send settlement.finish"
            };
            note(None, lock.since, what, action.into());
        }
        _ => {}
    }
    for leg in settlement.legs.iter().filter(|leg| !leg.status.is_final()) {
        if let Some(intent) = &leg.intent {
            let (paid, when) = (intent.payment_hash, intent.expires_at);
            let what = format!("payment {paid} from {} may be under way", intent.from_wallet_id);
            let action = if when > now {
                format!("`pay` asks about it; nothing else before {when}")
            } else {
                "`pay` asks about it. If that stays unclear, look the payment up in the wallet and at its \
                 node, then send leg.outcome completed or failed with its hash"
                    .to_owned()
            };
            note(Some(leg), intent.since, what, action);
            continue;
        }
        if let Some((what, action)) = not_sent(settlement, leg) {
            note(Some(leg), leg.created_at, what, action);
        }
    }
    all
}

/// What a leg waits for of which no payment may be under way, and what to do; nothing where the settlement
/// as a whole is listed already.
fn not_sent(settlement: &Settlement, leg: &LegRow) -> Option<(String, String)> {
    let hash = settlement.payment_hash;
    let has_place = leg.leg.destination_wallet_id.is_some()
        || leg.leg.destination_ln_address.is_some()
        || leg.leg.target.is_some();
    if !has_place {
        let (what, action) = if leg.leg.leg_type == LegType::Refund {
            (
                "a refund without an address is owed to a customer",
                "pay the customer by hand, then send leg.outcome completed",
            )
        } else {
            ("it does not say where to", "pay it by hand and send leg.outcome completed, or voided")
        };
        return Some((what.into(), action.into()));
    }
    if settlement.status != SettlementStatus::Processing {
        return None;
    }
    let is_failed = leg.status == LegStatus::Failed;
    let pays = match &settlement.lock {
        // It may be paying this very leg by its own means.
        Some(lock) if !is_held_by_payer(settlement) => format!(
            "see that `{}`, which holds it, does not go on; then `pay {hash} --begin`",
            lock.processing_claim
        ),
        _ if is_failed => format!("`pay {hash}` tries it again"),
        _ => format!("`pay {hash}`"),
    };
    if leg.leg.leg_type == LegType::Autoforward {
        let failed = if is_failed { ", and the last payment failed" } else { "" };
        let what = format!("an LP's sats wait in its wallet to be forwarded{failed}");
        let action = format!("{pays}; or leg.outcome skipped, which leaves them there");
        return Some((what, action));
    }
    let what = if is_failed { "its last payment failed" } else { "it is not paid yet" };
    Some((what.into(), pays))
}
