//! Commands about one settlement, from the machine's claim to the last leg.

use crate::identity::PaymentHash;
use crate::json::{Fields, Malformed};
use crate::money::{ExchangeRate, Fiat, Sats};
use crate::parts::{Bill, Dispensed, Invoice, Line, Message, objects};
use crate::personal::Personal;
use crate::text::{ClientId, Currency, LegId, MachineId, NoteId, ProcessingClaim, WalletId};
use crate::time::Timestamp;
use crate::words::{AddedLegType, Outcome, TxType};

objects! {
    /// A machine's claim that a settlement happened. The payment hash is its identity.
    SettlementClaim {
        /// The Lightning payment hash.
        payment_hash: PaymentHash,
        /// The machine that moved the cash.
        machine_id: MachineId,
        /// Which way the cash went.
        tx_type: TxType,
        /// What moved over Lightning: principal + fee of a cash-out, principal - fee of a cash-in.
        wire_sats: Sats,
        /// The part that was exchanged for fiat.
        principal_sats: Sats,
        /// The whole fee.
        fee_sats: Sats,
        /// Bills really dispensed or inserted: the principal's worth.
        fiat_amount: Fiat,
        /// The currency of the cash: the machine's.
        fiat_code: Currency,
        /// Principal sats per fiat unit.
        exchange_rate: ExchangeRate,
        /// The Nostr event of this attempt; a later attempt may bear another.
        bitspire_event_id: Option<Line>,
        /// The machine's own name of the transaction.
        bitspire_txid: Option<Line>,
        /// The bills a cash-in took.
        bills: Option<Vec<Bill>>,
        /// What each bay did in a cash-out.
        cassettes: Option<Vec<Dispensed>>,
        /// The machine's own count of its claims, from 1: a gap shows a claim that never came.
        machine_seq: Option<u64>,
    }
    /// Takes the processing lock and plans the legs.
    SettlementBegin {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The processor's token, new for every attempt.
        processing_claim: ProcessingClaim,
    }
    /// Gives the processing lock back.
    SettlementRelease {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The token that holds the lock.
        processing_claim: ProcessingClaim,
    }
    /// Corrects a partial dispense before payout.
    SettlementAdjust {
        /// The settlement.
        payment_hash: PaymentHash,
        /// Bills really dispensed.
        fiat_amount: Fiat,
        /// Their worth.
        principal_sats: Sats,
        /// The fee of that.
        fee_sats: Sats,
        /// Why.
        reason: Message,
    }
    /// Adds a note.
    SettlementNote {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The note's id.
        id: NoteId,
        /// The note.
        note: Personal,
    }
    /// Ends a settlement whose legs have all ended.
    SettlementFinish {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The token that holds the lock, to be checked.
        processing_claim: Option<ProcessingClaim>,
        /// What was not as it should be.
        error_message: Option<Message>,
    }
    /// Breaks processing off; the settlement can be begun again.
    SettlementFail {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The token that holds the lock, to be checked.
        processing_claim: Option<ProcessingClaim>,
        /// What went wrong.
        error_message: Option<Message>,
    }
    /// Takes a settlement of which nothing was paid out of the books.
    SettlementVoid {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The token that holds the lock, to be checked.
        processing_claim: Option<ProcessingClaim>,
        /// Why.
        error_message: Option<Message>,
    }
    /// Says which payment of a leg is about to be sent, before anybody is asked to pay it.
    LegIntend {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The leg.
        leg_id: LegId,
        /// The payment hash of the invoice.
        external_payment_hash: PaymentHash,
        /// The invoice (BOLT 11).
        bolt11: Invoice,
        /// How much: the leg's amount.
        amount_sats: Sats,
        /// The wallet that pays.
        from_wallet_id: WalletId,
        /// When the invoice can no longer be paid.
        expires_at: Timestamp,
        /// The token that holds the lock, to be checked.
        processing_claim: Option<ProcessingClaim>,
    }
    /// Says how an attempt to pay a leg ended.
    LegOutcome {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The leg.
        leg_id: LegId,
        /// How it ended.
        status: Outcome,
        /// The payment hash of the leg's own payment.
        external_payment_hash: Option<PaymentHash>,
        /// What its route cost the paying wallet, in msat.
        routing_fee_msat: Option<u64>,
        /// What went wrong.
        error_message: Option<Message>,
    }
    /// Adds an autoforward or a refund.
    LegAdd {
        /// The settlement.
        payment_hash: PaymentHash,
        /// The new leg's id.
        leg_id: LegId,
        /// What it pays for.
        leg_type: AddedLegType,
        /// How much, above zero.
        amount_sats: Sats,
        /// The wallet it goes to.
        destination_wallet_id: Option<WalletId>,
        /// The Lightning address it goes to.
        destination_ln_address: Option<Personal>,
        /// The enrolment whose sats are forwarded.
        client_id: Option<ClientId>,
    }
}

/// The names that amounts had before the seed's m003 and m006.
pub(super) const OLD_NAMES: [(&str, &str); 3] =
    [("gross_sats", "wire_sats"), ("net_sats", "principal_sats"), ("commission_sats", "fee_sats")];

/// Accepts the older names of amounts as what they became.
pub(super) fn read_old_names(fields: &mut Fields<'_>) -> Result<(), Malformed> {
    OLD_NAMES.iter().try_for_each(|(old, new)| fields.alias(old, new))
}
