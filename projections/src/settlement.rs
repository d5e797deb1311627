//! One settlement with its legs, folded from its stream.

use spireledger_schema::Entry;
use spireledger_schema::event::{
    Event, Leg, LegEnded, LegIntended, SettlementAdjusted, SettlementBegun, SettlementClaimed,
};
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::parts::{Invoice, Message};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{LegId, NoteId, ProcessingClaim, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus};

use crate::imported::ImportedRow;
use crate::{ApplyError, Life};

/// `dca_settlements`: one settlement, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Its payment hash.
    pub payment_hash: PaymentHash,
    /// What was claimed, and how the fee was split then.
    pub claimed: SettlementClaimed,
    /// Principal now: as claimed, or as adjusted.
    pub principal_sats: Sats,
    /// Fee now.
    pub fee_sats: Sats,
    /// The platform's part of it.
    pub platform_fee_sats: Sats,
    /// The operator's part of it.
    pub operator_fee_sats: Sats,
    /// Reported fee less the expected one; nothing where the database it came from did not keep it.
    pub fee_mismatch_sats: Option<i64>,
    /// The principal's worth now.
    pub fiat_amount: Fiat,
    /// Its state.
    pub status: SettlementStatus,
    /// Who works on it.
    pub lock: Option<Lock>,
    /// Its legs, in the order in which they were planned.
    pub legs: Vec<LegRow>,
    /// Whether legs were brought in that nothing can be made of: what was paid is not known then.
    pub has_legs_alone: bool,
    /// Its notes, in order, with when.
    pub notes: Vec<(NoteId, Personal, Timestamp)>,
    /// What went wrong last.
    pub error_message: Option<Message>,
    /// When it was claimed.
    pub created_at: Timestamp,
    /// When it happened, if the claim said so.
    pub occurred_at: Option<Timestamp>,
    /// The row it was brought in as, if it was.
    pub imported: Option<ImportedRow>,
    /// When it ended.
    pub processed_at: Option<Timestamp>,
}

/// `dca_payments`: one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegRow {
    /// Its id.
    pub id: LegId,
    /// What was planned.
    pub leg: Leg,
    /// Its state.
    pub status: LegStatus,
    /// The leg's own payment.
    pub external_payment_hash: Option<PaymentHash>,
    /// The payment that may be under way: it was about to be sent, and its outcome is not known.
    pub intent: Option<Intent>,
    /// The wallet that its last payment was to be paid from.
    pub paid_from: Option<WalletId>,
    /// What went wrong last.
    pub error_message: Option<Message>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// The row it was brought in as, if it was.
    pub imported: Option<ImportedRow>,
}

/// A payment of a leg that was about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// The payment hash of its invoice.
    pub payment_hash: PaymentHash,
    /// The invoice.
    pub bolt11: Invoice,
    /// The wallet that pays.
    pub from_wallet_id: WalletId,
    /// When the invoice can no longer be paid.
    pub expires_at: Timestamp,
    /// When it was written down.
    pub since: Timestamp,
}

/// Who holds the processing lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The token.
    pub processing_claim: ProcessingClaim,
    /// Since when.
    pub since: Timestamp,
    /// Whose it is.
    pub holder: Actor,
    /// The entry that took it.
    pub seq: u64,
}

/// Between the settlement and the id of a leg that was added to it. Planned legs have a number there.
const ADDED: &str = ":added:";

impl Settlement {
    /// Folds a settlement's stream, oldest first. `None`: nothing was claimed there.
    pub fn fold<'a>(
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Option<Self>, ApplyError> {
        Life::fold(entries).map(|life| life.settlement)
    }

    /// The first entry of its life.
    pub(crate) fn claimed(e: &SettlementClaimed, entry: &Entry) -> Self {
        let payment_hash = PaymentHash::from_bytes(*entry.front.key.as_bytes());
        let mut settlement = Self::new(payment_hash, e.clone(), entry.circumstances.recorded_at);
        settlement.occurred_at = entry.circumstances.occurred_at;
        settlement
    }

    /// A settlement as it is claimed.
    pub(crate) const fn new(
        payment_hash: PaymentHash,
        claimed: SettlementClaimed,
        created_at: Timestamp,
    ) -> Self {
        Self {
            payment_hash,
            principal_sats: claimed.principal_sats,
            fee_sats: claimed.fee_sats,
            platform_fee_sats: claimed.platform_fee_sats,
            operator_fee_sats: claimed.operator_fee_sats,
            fee_mismatch_sats: Some(claimed.fee_mismatch_sats),
            fiat_amount: claimed.fiat_amount,
            claimed,
            status: SettlementStatus::Pending,
            lock: None,
            legs: Vec::new(),
            has_legs_alone: false,
            notes: Vec::new(),
            error_message: None,
            created_at,
            occurred_at: None,
            imported: None,
            processed_at: None,
        }
    }

    /// Folds one later entry of the stream in.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        if self.imported.is_none() && self.legs.iter().all(|leg| leg.imported.is_none()) {
            return self.apply_event(entry);
        }
        let (before, legs_before) = (self.facts(), self.facts_of_legs());
        self.apply_event(entry)?;
        self.supersede(&before, &legs_before);
        Ok(())
    }

    fn apply_event(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        let at = entry.circumstances.recorded_at;
        let seq = entry.front.seq;
        match &entry.event {
            Event::SettlementBegun(e) => self.begun(e, entry),
            Event::SettlementReleased(_) => {
                self.lock = None;
                self.status = SettlementStatus::Pending;
            }
            Event::SettlementAdjusted(e) => self.adjusted(e, at),
            Event::SettlementNoted(e) => self.notes.push((e.id.clone(), e.note.clone(), at)),
            Event::SettlementFinished(e) => self.ended(e.status, e.error_message.as_ref(), at),
            Event::SettlementFailed(e) => {
                self.lock = None;
                self.status = SettlementStatus::Failed;
                self.error_message.clone_from(&e.error_message);
            }
            Event::SettlementVoided(e) => {
                self.void_unpaid();
                self.ended(SettlementStatus::Voided, e.error_message.as_ref(), at);
            }
            Event::LegEnded(e) => self.leg_ended(e, seq)?,
            Event::LegIntended(e) => self.leg_intended(e, at, seq)?,
            Event::LegAdded(e) => self.plan(e.leg_id.clone(), e.leg.clone(), at),
            other => return Err(ApplyError::Misplaced { seq, name: other.name() }),
        }
        Ok(())
    }

    fn begun(&mut self, e: &SettlementBegun, entry: &Entry) {
        self.status = SettlementStatus::Processing;
        self.lock = Some(Lock {
            processing_claim: e.processing_claim.clone(),
            since: entry.circumstances.recorded_at,
            holder: entry.circumstances.actor.clone(),
            seq: entry.front.seq,
        });
        self.plan_all(e.first_leg, &e.legs, entry.circumstances.recorded_at);
    }

    fn adjusted(&mut self, e: &SettlementAdjusted, at: Timestamp) {
        self.principal_sats = e.principal_sats;
        self.fee_sats = e.fee_sats;
        self.platform_fee_sats = e.platform_fee_sats;
        self.operator_fee_sats = e.operator_fee_sats;
        self.fee_mismatch_sats = Some(e.fee_mismatch_sats);
        self.fiat_amount = e.fiat_amount;
        self.void_unpaid();
        self.plan_all(e.first_leg, &e.legs, at);
    }

    fn ended(&mut self, status: SettlementStatus, error: Option<&Message>, at: Timestamp) {
        self.lock = None;
        self.status = status;
        self.error_message = error.cloned();
        self.processed_at = Some(at);
    }

    fn leg_ended(&mut self, e: &LegEnded, seq: u64) -> Result<(), ApplyError> {
        let unknown = || ApplyError::Unknown { seq, what: format!("leg {}", e.leg_id) };
        let leg = self.legs.iter_mut().find(|leg| leg.id == e.leg_id).ok_or_else(unknown)?;
        leg.status = e.status.into();
        // What ended, or failed, is no longer under way. A failure of an earlier payment says nothing of this.
        let is_of_intent = |intent: &Intent| Some(intent.payment_hash) == e.external_payment_hash;
        if leg.status.is_final() || leg.intent.as_ref().is_some_and(is_of_intent) {
            leg.intent = None;
        }
        leg.external_payment_hash = e.external_payment_hash.or(leg.external_payment_hash);
        leg.error_message.clone_from(&e.error_message);
        Ok(())
    }

    fn leg_intended(&mut self, e: &LegIntended, at: Timestamp, seq: u64) -> Result<(), ApplyError> {
        let unknown = || ApplyError::Unknown { seq, what: format!("leg {}", e.leg_id) };
        let leg = self.legs.iter_mut().find(|leg| leg.id == e.leg_id).ok_or_else(unknown)?;
        leg.paid_from = Some(e.from_wallet_id.clone());
        leg.intent = Some(Intent {
            payment_hash: e.external_payment_hash,
            bolt11: e.bolt11.clone(),
            from_wallet_id: e.from_wallet_id.clone(),
            expires_at: e.expires_at,
            since: at,
        });
        Ok(())
    }

    fn plan_all(&mut self, first: u32, legs: &[Leg], at: Timestamp) {
        for (number, leg) in (first..).zip(legs) {
            self.plan(LegId::planned(&self.payment_hash, number), leg.clone(), at);
        }
    }

    fn plan(&mut self, id: LegId, leg: Leg, at: Timestamp) {
        // What stays in the machine's wallet needs no payment: it is there.
        let kept = leg.leg_type == LegType::Retained;
        self.legs.push(LegRow {
            id,
            leg,
            status: if kept { LegStatus::Completed } else { LegStatus::Pending },
            external_payment_hash: None,
            intent: None,
            paid_from: None,
            error_message: None,
            created_at: at,
            imported: None,
        });
    }

    /// Voids what is not paid: open legs, and what is only kept.
    fn void_unpaid(&mut self) {
        for leg in &mut self.legs {
            if leg.is_voidable() {
                leg.status = LegStatus::Voided;
            }
        }
    }

    /// One leg, by its own id or by its id in the tables.
    pub fn leg(&self, id: &LegId) -> Option<&LegRow> {
        let own = self.legs.iter().find(|leg| leg.id == *id);
        own.or_else(|| {
            let prefix = format!("{}{ADDED}", self.payment_hash);
            let added = id.as_str().strip_prefix(&prefix)?;
            self.legs.iter().find(|leg| leg.id.as_str() == added)
        })
    }

    /// A leg's id in the tables, where it is unique among the legs of all settlements: planned legs
    /// have such ids; an added one's is unique in its settlement only, so the settlement stands before.
    pub fn table_id(&self, leg: &LegRow) -> String {
        let hash = self.payment_hash.to_string();
        if leg.imported.is_some() {
            return leg.id.to_string();
        }
        if leg.id.as_str().starts_with(&hash) {
            return leg.id.to_string();
        }
        format!("{hash}{ADDED}{}", leg.id)
    }

    /// The first leg whose payment may be under way.
    pub fn under_way(&self) -> Option<(&LegRow, &Intent)> {
        self.legs.iter().find_map(|leg| leg.intent.as_ref().map(|intent| (leg, intent)))
    }

    /// Whether anything was really paid: a completed leg other than what is kept.
    pub fn is_paid(&self) -> bool {
        self.legs
            .iter()
            .any(|leg| leg.status == LegStatus::Completed && leg.leg.leg_type != LegType::Retained)
    }
}

/// Whether an event belongs to the life of a settlement after its claim.
pub(crate) const fn is_of_settlement(event: &Event) -> bool {
    matches!(
        event,
        Event::SettlementClaimed(_)
            | Event::SettlementBegun(_)
            | Event::SettlementReleased(_)
            | Event::SettlementAdjusted(_)
            | Event::SettlementNoted(_)
            | Event::SettlementFinished(_)
            | Event::SettlementFailed(_)
            | Event::SettlementVoided(_)
            | Event::LegEnded(_)
            | Event::LegIntended(_)
            | Event::LegAdded(_)
    )
}

impl LegRow {
    /// Whether voiding the settlement or planning it anew voids this leg.
    pub fn is_voidable(&self) -> bool {
        let kept = self.leg.leg_type == LegType::Retained && self.status == LegStatus::Completed;
        kept || !self.status.is_final()
    }
}
