//! Facts of deposits, settlements and their legs.

use std::borrow::Cow;

use serde::Serialize;

use super::facts;
use crate::cell::{Cell, IntoCell, personal};
use crate::{Deposit, LegRow, Settlement};

/// A deposit, and the currency of the machine it was recorded at.
#[derive(Debug, Clone, Copy)]
pub struct DepositAtMachine<'a> {
    /// The deposit.
    pub deposit: &'a Deposit,
    /// The machine's currency, if it is known.
    pub fiat_code: Option<&'a str>,
}

/// A leg, its settlement, and whose machine it was.
#[derive(Debug, Clone, Copy)]
pub struct LegOfSettlement<'a> {
    /// The settlement.
    pub settlement: &'a Settlement,
    /// The leg.
    pub leg: &'a LegRow,
}

facts! {
    /// Facts of a deposit.
    DepositFact of row: DepositAtMachine<'a> {
        /// The deposit's id.
        Id => row.deposit.recorded.id.cell(),
        /// The enrolment whose balance it is.
        Client => row.deposit.recorded.client_id.cell(),
        /// The machine.
        Machine => row.deposit.recorded.machine_id.cell(),
        /// Who recorded it.
        Creator => row.deposit.recorded.creator_user_id.cell(),
        /// How much fiat.
        Amount => row.deposit.recorded.amount.cell(),
        /// The currency that was typed in.
        CurrencyAsRecorded => row.deposit.recorded.currency.cell(),
        /// The machine's currency. A deposit from a database where another one still stood after
        /// version 5 keeps what stood there.
        CurrencyOfMachine => {
            row.fiat_code.map_or_else(|| row.deposit.recorded.currency.cell(), Cell::text)
        },
        /// Whether it counts.
        Status => row.deposit.status.cell(),
        /// The newest notes.
        Notes => row.deposit.notes.cell(),
        /// When it was recorded.
        CreatedAt => row.deposit.created_at.cell(),
        /// When it was confirmed.
        ConfirmedAt => row.deposit.confirmed_at.cell(),
    }
}

facts! {
    /// Facts of a settlement.
    SettlementFact of settlement: &'a Settlement {
        /// The settlement's id: its payment hash, unless it was brought in with another.
        Id => Cell::Text(settlement.table_key()),
        /// The payment hash, in hex.
        PaymentHash => settlement.payment_hash.cell().into_owned(),
        /// The machine that moved the cash.
        Machine => settlement.claimed.machine_id.cell(),
        /// The Nostr event of the first attempt.
        NostrEvent => settlement.claimed.bitspire_event_id.cell(),
        /// The machine's own name of it.
        MachineTxid => settlement.claimed.bitspire_txid.cell(),
        /// Sats that moved over Lightning.
        Wire => settlement.claimed.wire_sats.cell(),
        /// What the principal is worth in fiat: bills only.
        FiatAmount => settlement.fiat_amount.cell(),
        /// The currency.
        FiatCode => settlement.claimed.fiat_code.cell(),
        /// Principal sats per fiat unit.
        Rate => settlement.claimed.exchange_rate.cell(),
        /// Sats that were exchanged for fiat.
        Principal => settlement.principal_sats.cell(),
        /// The whole fee in sats.
        Fee => settlement.fee_sats.cell(),
        /// The platform's part of the fee.
        PlatformFee => settlement.platform_fee_sats.cell(),
        /// The operator's part of the fee.
        OperatorFee => settlement.operator_fee_sats.cell(),
        /// Reported fee less the expected one, in sats. Nothing for what comes from a database
        /// older than version 9, which did not keep it.
        FeeMismatch => settlement.fee_mismatch_sats.map_or(Cell::Null, Cell::Integer),
        /// Always false: nothing is derived backwards from a percentage.
        UsedFallback => Cell::Boolean(false),
        /// Which way the cash went.
        TxType => settlement.claimed.tx_type.cell(),
        /// Bills that were taken, as JSON.
        Bills => json(settlement.claimed.bills.as_ref()),
        /// What each bay did, as JSON.
        Cassettes => json(settlement.claimed.cassettes.as_ref()),
        /// How far it is.
        Status => settlement.status.cell(),
        /// What went wrong last.
        Error => settlement.error_message.cell(),
        /// When it ended.
        ProcessedAt => settlement.processed_at.cell(),
        /// When it was claimed.
        CreatedAt => settlement.created_at.cell(),
        /// All notes, each on lines of its own.
        Notes => notes(settlement),
        /// The token of whoever works on it.
        ProcessingClaim => {
            settlement.lock.as_ref().map_or(Cell::Null, |lock| lock.processing_claim.cell())
        },
    }
}

facts! {
    /// Facts of a leg.
    LegFact of row: LegOfSettlement<'a> {
        /// The leg's id, unique among the legs of all settlements.
        Id => Cell::Text(row.settlement.table_id(row.leg).into()),
        /// The settlement's id.
        Settlement => Cell::Text(row.settlement.table_key()),
        /// The enrolment that it pays.
        Client => row.leg.leg.client_id.cell(),
        /// The machine.
        Machine => row.settlement.claimed.machine_id.cell(),
        /// The machine's operator when the settlement was claimed.
        Operator => row.settlement.claimed.operator_user_id.cell(),
        /// What it pays for.
        LegType => row.leg.leg.leg_type.cell(),
        /// The wallet it goes to.
        Wallet => row.leg.leg.destination_wallet_id.cell(),
        /// The Lightning address it goes to.
        Address => row.leg.leg.destination_ln_address.cell(),
        /// How many sats.
        Amount => row.leg.leg.amount_sats.cell(),
        /// The fiat that it uses up.
        FiatAmount => row.leg.leg.amount_fiat.cell(),
        /// Principal sats per fiat unit of the settlement.
        Rate => row.settlement.claimed.exchange_rate.cell(),
        /// When the customer's transaction happened, as far as the machine said; else when it was
        /// claimed.
        TransactionTime => {
            Cell::Time(row.settlement.occurred_at.unwrap_or(row.settlement.created_at))
        },
        /// The leg's own payment.
        ExternalHash => row.leg.external_payment_hash.cell(),
        /// How far it is.
        Status => row.leg.status.cell(),
        /// What went wrong last.
        Error => row.leg.error_message.cell(),
        /// When it was planned.
        CreatedAt => row.leg.created_at.cell(),
    }
}

fn notes(settlement: &Settlement) -> Cell<'_> {
    let mut notes = settlement.notes.iter().map(|(_, note, _)| personal(note));
    let Some(first) = notes.next() else { return Cell::Null };
    let rest: Vec<&str> = notes.collect();
    if rest.is_empty() {
        return Cell::text(first);
    }
    Cell::Text(Cow::Owned(format!("{first}\n{}", rest.join("\n"))))
}

fn json<T: Serialize>(value: Option<&T>) -> Cell<'_> {
    // Lists of numbers always have a JSON form.
    let text = value.and_then(|value| serde_json::to_string(value).ok());
    text.map_or(Cell::Null, |text| Cell::Text(Cow::Owned(text)))
}
