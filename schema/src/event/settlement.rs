//! Events about one settlement. Its payment hash is the entry's key and is not repeated.

use super::payloads;
use crate::identity::PaymentHash;
use crate::json::LeftOut;
use crate::money::{ExchangeRate, Fiat, Fraction, Sats};
use crate::parts::{Bill, Dispensed, Invoice, Line, Message, Target};
use crate::personal::Personal;
use crate::text::{
    ClientId, Currency, LegId, MachineId, NoteId, ProcessingClaim, Text, UserId, WalletId,
};
use crate::time::Timestamp;
use crate::words::{LegStatus, LegType, Outcome, SettlementStatus, TxType};

payloads! {
    /// Tag 12. A settlement happened. The fee split is fixed here and never computed again.
    SettlementClaimed {
        /// The machine that moved the cash.
        machine_id: MachineId,
        /// Its operator then: the fee and its split rules are theirs, whoever has the machine later.
        operator_user_id: UserId,
        /// Which way.
        tx_type: TxType,
        /// What moved over Lightning.
        wire_sats: Sats,
        /// The part exchanged for fiat.
        principal_sats: Sats,
        /// The whole fee.
        fee_sats: Sats,
        /// The platform's part of the fee.
        platform_fee_sats: Sats,
        /// The operator's part of the fee.
        operator_fee_sats: Sats,
        /// Reported fee less the expected one.
        fee_mismatch_sats: i64,
        /// The platform's fraction of principal that was in force.
        super_fee_fraction: Fraction,
        /// The operator's fraction of principal that was in force.
        operator_fee_fraction: Fraction,
        /// The principal's worth.
        fiat_amount: Fiat,
        /// Its currency.
        fiat_code: Currency,
        /// Principal sats per fiat unit.
        exchange_rate: ExchangeRate,
        /// The Nostr event of the first attempt.
        bitspire_event_id: Option<Line>,
        /// The machine's own name of it.
        bitspire_txid: Option<Line>,
        /// Bills taken.
        bills: Option<Vec<Bill>>,
        /// What each bay did.
        cassettes: Option<Vec<Dispensed>>,
        /// The machine's own count of its claims.
        machine_seq: Option<u64>,
    }
    /// A planned payment. Its id is the settlement's hash and its number.
    Leg {
        /// What it pays for.
        leg_type: LegType,
        /// The enrolment that it pays.
        client_id: Option<ClientId>,
        /// The wallet it goes to.
        destination_wallet_id: Option<WalletId>,
        /// The Lightning address it goes to.
        destination_ln_address: Option<Personal>,
        /// The target of the split rule it follows, wallet or not.
        target: Option<Target>,
        /// How much.
        amount_sats: Sats,
        /// The fiat that it uses up.
        amount_fiat: Option<Fiat>,
    }
    /// The lock was taken from someone whose lease had run out.
    TakenOver {
        /// Whose token.
        processing_claim: ProcessingClaim,
        /// Since when it was held.
        since: Timestamp,
    }
    /// Sats and fiat that an LP has again, because a leg will not use it.
    GivenBack {
        /// The enrolment.
        client_id: ClientId,
        /// The leg's sats.
        amount_sats: Sats,
        /// How much fiat.
        amount_fiat: Fiat,
    }
    /// Tag 13. Somebody took the processing lock; the legs are planned, if they were not before.
    SettlementBegun {
        /// The token.
        processing_claim: ProcessingClaim,
        /// From whom it was taken, if from someone.
        taken_over: Option<TakenOver>,
        /// Number of the first of these legs.
        first_leg: u32,
        /// The planned legs.
        legs: Vec<Leg>,
    }
    /// Tag 14. The lock was given back.
    SettlementReleased {
        /// The token.
        processing_claim: ProcessingClaim,
    }
    /// Tag 15. A partial dispense was put right. Pending legs are void, new ones are planned.
    SettlementAdjusted {
        /// Bills really dispensed.
        fiat_amount: Fiat,
        /// Their worth.
        principal_sats: Sats,
        /// The fee of that.
        fee_sats: Sats,
        /// The platform's part of it.
        platform_fee_sats: Sats,
        /// The operator's part of it.
        operator_fee_sats: Sats,
        /// Reported fee less the expected one.
        fee_mismatch_sats: i64,
        /// Why.
        reason: Message,
        /// Fiat of the voided legs.
        given_back: Vec<GivenBack>,
        /// Number of the first of the new legs.
        first_leg: u32,
        /// The new legs; none while none were planned before.
        legs: Vec<Leg>,
    }
    /// Tag 16. A note.
    SettlementNoted {
        /// Its id.
        id: NoteId,
        /// The note.
        note: Personal,
    }
    /// Tag 17. All legs have ended.
    SettlementFinished {
        /// The token, if it was given.
        processing_claim: Option<ProcessingClaim>,
        /// Processed, or partial.
        status: SettlementStatus,
        /// What was not as it should be.
        error_message: Option<Message>,
    }
    /// Tag 18. Processing broke off.
    SettlementFailed {
        /// The token, if it was given.
        processing_claim: Option<ProcessingClaim>,
        /// What went wrong.
        error_message: Option<Message>,
    }
    /// Tag 19. Out of the books; all legs are void.
    SettlementVoided {
        /// The token, if it was given.
        processing_claim: Option<ProcessingClaim>,
        /// Why.
        error_message: Option<Message>,
        /// Fiat of the voided legs.
        given_back: Vec<GivenBack>,
    }
    /// Tag 20. An attempt to pay a leg ended.
    LegEnded {
        /// The leg.
        leg_id: LegId,
        /// How it ended.
        status: Outcome,
        /// What it was before.
        from: LegStatus,
        /// What it pays for.
        leg_type: LegType,
        /// The enrolment that it pays.
        client_id: Option<ClientId>,
        /// How much.
        amount_sats: Sats,
        /// The fiat that it uses up.
        amount_fiat: Option<Fiat>,
        /// The leg's own payment.
        external_payment_hash: Option<PaymentHash>,
        /// What its route cost the paying wallet, in msat.
        routing_fee_msat: Option<u64>,
        /// What went wrong.
        error_message: Option<Message>,
    }
    /// Tag 21. A leg was added by hand.
    LegAdded {
        /// Its id.
        leg_id: LegId,
        /// The leg.
        leg: Leg,
    }
    /// Tag 29. A payment of a leg is about to be sent. It stands in the log before anybody is asked to
    /// pay, so that whoever comes after a crash knows which payment to ask for.
    LegIntended {
        /// The leg.
        leg_id: LegId,
        /// The payment hash of the invoice.
        external_payment_hash: PaymentHash,
        /// The invoice.
        bolt11: Invoice,
        /// How much: the leg's amount.
        amount_sats: Sats,
        /// The wallet that pays.
        from_wallet_id: WalletId,
        /// When the invoice can no longer be paid.
        expires_at: Timestamp,
        /// The token, if it was given.
        processing_claim: Option<ProcessingClaim>,
    }
    /// Tag 26. A claim that was refused, kept as evidence under a key of its own.
    ClaimRefused {
        /// The hash it named.
        payment_hash: PaymentHash,
        /// The code of the refusal.
        code: Text,
        /// The fields that differ from the accepted claim, for a conflict.
        fields: Vec<Text>,
        /// The claim, as JSON.
        claim: Text,
    }
}

// Parts that are no commands' values, and always written.
impl LeftOut for i64 {}
impl LeftOut for Text {}
impl LeftOut for Leg {}
impl LeftOut for Vec<Text> {}
impl LeftOut for Vec<Leg> {}
impl LeftOut for Vec<GivenBack> {}

impl LegId {
    /// The id of a planned leg: the settlement's hash, and the leg's number in it.
    pub fn planned(payment_hash: &PaymentHash, number: u32) -> Self {
        Self::from_text(Text::new(&format!("{payment_hash}:{number}")))
    }
}
