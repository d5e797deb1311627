//! What waits, since when, and the next safe step. It needs no LNbits: the ledger alone tells.

use serde::Serialize;
use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::LegId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus};

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
            let action = "send settlement.finish, or `pay` if a payer began it";
            note(None, lock.since, what, action.into());
        }
        _ => {}
    }
    for leg in settlement.legs.iter().filter(|leg| !leg.status.is_final()) {
        if let Some(intent) = &leg.intent {
            let (paid, when) = (intent.payment_hash, intent.expires_at);
            let what = format!("payment {paid} from {} may be under way", intent.from_wallet_id);
            let action = if when > now {
                format!("`pay {hash}` asks about it; nothing else before {when}")
            } else {
                format!(
                    "`pay {hash}` asks about it. If that stays unclear, look the payment up in the wallet \
                     and at its node, then send leg.outcome completed or failed with its hash"
                )
            };
            note(Some(leg), intent.since, what, action);
            continue;
        }
        let has_place = leg.leg.destination_wallet_id.is_some()
            || leg.leg.destination_ln_address.is_some()
            || leg.leg.target.is_some();
        let is_failed = leg.status == LegStatus::Failed;
        if leg.leg.leg_type == LegType::Autoforward
            && settlement.status == SettlementStatus::Processing
        {
            let failed = if is_failed { ", and the last payment failed" } else { "" };
            let what = format!("an LP's sats wait in its wallet to be forwarded{failed}");
            let action = format!(
                "`pay {hash}` tries again; leg.outcome skipped, with this leg_id, leaves them there"
            );
            note(Some(leg), leg.created_at, what, action);
            continue;
        }
        let (what, action) = match (has_place, settlement.status) {
            (false, _) if leg.leg.leg_type == LegType::Refund => (
                "a refund without an address is owed to a customer",
                "pay the customer by hand, then send leg.outcome completed".to_owned(),
            ),
            (false, _) => (
                "it does not say where to",
                "pay it by hand and send leg.outcome completed, or voided".to_owned(),
            ),
            (true, SettlementStatus::Processing) if is_failed => {
                ("its last payment failed", format!("`pay {hash}` tries it again"))
            }
            (true, SettlementStatus::Processing) => ("it is not paid yet", format!("`pay {hash}`")),
            // The settlement as a whole is listed already.
            (true, _) => continue,
        };
        note(Some(leg), leg.created_at, what.into(), action);
    }
    all
}
