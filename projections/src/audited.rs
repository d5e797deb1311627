//! Who did what to a settlement: one line an entry, structured, in the place of what was once written
//! into notes.

use spireledger_schema::Entry;
use spireledger_schema::event::{Event, LegIntended, RowImported, SettlementBegun};
use spireledger_schema::identity::{Actor, PaymentHash};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::parts::Message;
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ProcessingClaim, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus};

use crate::settlement::is_of_settlement;
use crate::{LegRow, Life, Settlement};

/// `settlement_audit`: an entry about a settlement, and the settlement after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// The entry.
    pub seq: u64,
    /// The settlement's id in the tables.
    pub settlement_id: String,
    /// Its payment hash; none where a row was brought in that has no readable one.
    pub payment_hash: Option<PaymentHash>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// When it happened, if that was said.
    pub occurred_at: Option<Timestamp>,
    /// Who it was.
    pub actor: Actor,
    /// The event's name.
    pub event: &'static str,
    /// What the settlement was after it, if there is one.
    pub after: Option<After>,
    /// The token that was taken, given back or shown.
    pub processing_claim: Option<ProcessingClaim>,
    /// The token that it was taken over from.
    pub taken_over_from: Option<ProcessingClaim>,
    /// How many legs were planned.
    pub legs_planned: Option<u32>,
    /// The leg that it was about.
    pub leg: Option<AuditedLeg>,
    /// The note that was written.
    pub note: Option<Personal>,
    /// The reason that was given, or what went wrong.
    pub error_message: Option<Message>,
    /// Of a refused claim: why, in the code of the refusal.
    pub refusal: Option<String>,
}

/// A settlement after an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// How far it is.
    pub status: SettlementStatus,
    /// Its principal.
    pub principal_sats: Sats,
    /// Its fee.
    pub fee_sats: Sats,
}

/// What an entry said of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditedLeg {
    /// Its id in the tables.
    pub id: String,
    /// What it pays for.
    pub leg_type: LegType,
    /// How far it is after the entry.
    pub status: LegStatus,
    /// How much.
    pub amount_sats: Sats,
    /// The fiat that it uses up.
    pub amount_fiat: Option<Fiat>,
    /// The payment that the entry speaks of.
    pub external_payment_hash: Option<PaymentHash>,
    /// The wallet that pays, if the entry says so.
    pub from_wallet_id: Option<WalletId>,
    /// What the route cost.
    pub routing_fee_msat: Option<u64>,
}

impl Audited {
    /// What an entry says of a settlement; `life` is that of its stream after it. `None`: it speaks of
    /// none.
    pub fn of(life: &Life, entry: &Entry) -> Option<Self> {
        match &entry.event {
            Event::ClaimRefused(e) => {
                let mut refused = Self::new(entry, e.payment_hash.to_string());
                refused.payment_hash = Some(e.payment_hash);
                refused.refusal = Some(e.code.to_string());
                Some(refused)
            }
            Event::RowImported(e) => Self::imported(life, entry, e),
            event if is_of_settlement(event) => {
                let settlement = life.settlement.as_ref()?;
                let mut audited = Self::of_settlement(entry, settlement);
                audited.tell(event, settlement);
                Some(audited)
            }
            _ => None,
        }
    }

    fn new(entry: &Entry, settlement_id: String) -> Self {
        Self {
            seq: entry.front.seq,
            settlement_id,
            payment_hash: None,
            recorded_at: entry.circumstances.recorded_at,
            occurred_at: entry.circumstances.occurred_at,
            actor: entry.circumstances.actor.clone(),
            event: entry.event.name(),
            after: None,
            processing_claim: None,
            taken_over_from: None,
            legs_planned: None,
            leg: None,
            note: None,
            error_message: None,
            refusal: None,
        }
    }

    fn of_settlement(entry: &Entry, settlement: &Settlement) -> Self {
        let mut audited = Self::new(entry, settlement.table_key().into_owned());
        audited.payment_hash = Some(settlement.payment_hash);
        audited.after = Some(After {
            status: settlement.status,
            principal_sats: settlement.principal_sats,
            fee_sats: settlement.fee_sats,
        });
        audited
    }

    fn imported(life: &Life, entry: &Entry, e: &RowImported) -> Option<Self> {
        let settlement = life.settlement.as_ref();
        let column = match e.row.table {
            SourceTable::Settlements => "id",
            SourceTable::Legs => "settlement_id",
            _ => return None,
        };
        let mut audited = match settlement {
            Some(settlement) => Self::of_settlement(entry, settlement),
            // A leg that belongs to nothing is of no settlement.
            None => Self::new(entry, e.row.cell(column).name()?.to_string()),
        };
        if e.row.table == SourceTable::Legs {
            let of_row = |leg: &&LegRow| leg.id.as_str() == e.row.id.as_str();
            let found = settlement.and_then(|s| s.legs.iter().find(of_row).map(|leg| (s, leg)));
            audited.leg = found.map(|(settlement, leg)| AuditedLeg::of(settlement, leg));
        }
        Some(audited)
    }

    fn tell(&mut self, event: &Event, settlement: &Settlement) {
        let leg = |id| settlement.leg(id).map(|leg| AuditedLeg::of(settlement, leg));
        match event {
            Event::SettlementBegun(e) => self.begun(e),
            Event::SettlementReleased(e) => {
                self.processing_claim = Some(e.processing_claim.clone());
            }
            Event::SettlementAdjusted(e) => {
                self.legs_planned = Some(count(e.legs.len()));
                self.error_message = Some(e.reason.clone());
            }
            Event::SettlementNoted(e) => self.note = Some(e.note.clone()),
            Event::SettlementFinished(e) => {
                self.processing_claim.clone_from(&e.processing_claim);
                self.error_message.clone_from(&e.error_message);
            }
            Event::SettlementFailed(e) => {
                self.processing_claim.clone_from(&e.processing_claim);
                self.error_message.clone_from(&e.error_message);
            }
            Event::SettlementVoided(e) => {
                self.processing_claim.clone_from(&e.processing_claim);
                self.error_message.clone_from(&e.error_message);
            }
            Event::LegIntended(e) => {
                self.processing_claim.clone_from(&e.processing_claim);
                self.leg = leg(&e.leg_id).map(|leg| leg.intended(e));
            }
            Event::LegEnded(e) => {
                self.error_message.clone_from(&e.error_message);
                self.leg = leg(&e.leg_id).map(|leg| AuditedLeg {
                    external_payment_hash: e.external_payment_hash,
                    routing_fee_msat: e.routing_fee_msat,
                    ..leg
                });
            }
            Event::LegAdded(e) => self.leg = leg(&e.leg_id),
            _ => {}
        }
    }

    fn begun(&mut self, e: &SettlementBegun) {
        self.processing_claim = Some(e.processing_claim.clone());
        self.taken_over_from = e.taken_over.as_ref().map(|from| from.processing_claim.clone());
        self.legs_planned = Some(count(e.legs.len()));
    }
}

impl AuditedLeg {
    fn of(settlement: &Settlement, leg: &LegRow) -> Self {
        Self {
            id: settlement.table_id(leg),
            leg_type: leg.leg.leg_type,
            status: leg.status,
            amount_sats: leg.leg.amount_sats,
            amount_fiat: leg.leg.amount_fiat,
            external_payment_hash: leg.external_payment_hash,
            from_wallet_id: None,
            routing_fee_msat: None,
        }
    }

    fn intended(self, e: &LegIntended) -> Self {
        Self {
            external_payment_hash: Some(e.external_payment_hash),
            from_wallet_id: Some(e.from_wallet_id.clone()),
            ..self
        }
    }
}

/// More legs than fit into the number cannot be in one entry.
fn count(legs: usize) -> u32 {
    u32::try_from(legs).unwrap_or(u32::MAX)
}
