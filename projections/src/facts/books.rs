//! Facts of balances, postings, wallets and what was done to settlements.

use rust_decimal::Decimal;
use spireledger_schema::identity::{Actor, Role};
use spireledger_schema::text::WalletId;

use super::{FiatCode, facts};
use crate::Client;
use crate::audited::{Audited, AuditedLeg};
use crate::books::{Transaction, WalletSums};
use crate::cell::{Cell, IntoCell};

/// An enrolment's sums, and the currency of its machine.
#[derive(Debug, Clone, Copy)]
pub struct BalanceAtMachine<'a> {
    /// The enrolment.
    pub client: &'a Client,
    /// The machine's currency, if it is known.
    pub fiat_code: Option<FiatCode<'a>>,
}

/// One posting of an entry, by its place among them.
#[derive(Debug, Clone, Copy)]
pub struct PostingInPlace<'a> {
    /// All postings of the entry.
    pub transaction: &'a Transaction,
    /// Its place, from 0.
    pub place: usize,
}

/// What is known of a wallet.
#[derive(Debug, Clone, Copy)]
pub struct Wallet<'a> {
    /// The wallet.
    pub id: &'a WalletId,
    /// What came in and left.
    pub sums: &'a WalletSums,
}

facts! {
    /// Facts of an LP's balance at a machine.
    BalanceFact of row: BalanceAtMachine<'a> {
        /// The enrolment.
        Client => row.client.id.cell(),
        /// The LP.
        User => row.client.user_id.cell(),
        /// The machine.
        Machine => row.client.machine_id.cell(),
        /// The machine's currency.
        Currency => row.fiat_code.map_or(Cell::Null, FiatCode::cell),
        /// Fiat of confirmed deposits.
        ConfirmedFiat => row.client.confirmed_fiat.cell(),
        /// Fiat of deposits that wait to be confirmed: it counts for nothing yet.
        UnconfirmedFiat => row.client.unconfirmed_fiat.cell(),
        /// Fiat that was paid out in sats.
        PaidFiat => row.client.paid_fiat.cell(),
        /// Fiat of legs that may still be paid: it counts as spent.
        PendingFiat => row.client.pending_fiat.cell(),
        /// Confirmed less paid less pending.
        RemainingFiat => row.client.remaining_fiat().cell().into_owned(),
        /// Sats that were paid out.
        PaidSats => row.client.paid_sats.cell(),
        /// Sats of legs that may still be paid.
        PendingSats => row.client.pending_sats.cell(),
    }
}

facts! {
    /// Facts of a posting.
    PostingFact of row: PostingInPlace<'a> {
        /// The entry that moved the money.
        Seq => number(row.transaction.seq),
        /// The posting's number among those of the entry, from 1.
        Line => number(row.place as u64 + 1),
        /// When the entry was recorded.
        RecordedAt => row.transaction.recorded_at.cell(),
        /// The event's name.
        Event => Cell::text(row.transaction.event),
        /// The account, as the chart of accounts names it.
        Account => row.read(|posting| Cell::Text(posting.account.to_string().into())),
        /// What is counted: `sat`, `msat` or a currency.
        Unit => row.read(|posting| Cell::text(posting.unit.name())),
        /// How much more there is on the account; below zero: less. Sats, thousandths of a sat, or
        /// hundredths of the currency. The postings of an entry sum to zero in each unit.
        Amount => row.read(|posting| amount(posting.amount)),
        /// The machine.
        Machine => row.transaction.machine_id.cell(),
        /// The machine's operator: of a settlement, as of its claim.
        Operator => row.transaction.operator_user_id.cell(),
        /// The settlement's id.
        Settlement => text(row.transaction.settlement_id.as_deref()),
        /// The deposit's id.
        Deposit => row.transaction.deposit_id.cell(),
    }
}

facts! {
    /// Facts of a wallet.
    WalletFact of row: Wallet<'a> {
        /// The wallet.
        Id => row.id.cell(),
        /// Sats that came in, as far as the ledger knows.
        In => amount(row.sums.in_sats),
        /// Sats that left, without what routes have cost.
        Out => amount(row.sums.out_sats),
        /// What came in less what left.
        Balance => amount(row.sums.in_sats - row.sums.out_sats),
        /// What routes have cost it, in thousandths of a sat.
        RoutingFee => amount(row.sums.routing_fee_msat),
        /// The last entry that changed it.
        LastSeq => number(row.sums.last_seq),
    }
}

facts! {
    /// Facts of something that was done to a settlement.
    AuditFact of row: &'a Audited {
        /// The entry that says it.
        Seq => number(row.seq),
        /// The settlement's id.
        Settlement => Cell::text(&row.settlement_id),
        /// The payment hash, in hex.
        PaymentHash => row.payment_hash.cell().into_owned(),
        /// When the entry was recorded.
        RecordedAt => row.recorded_at.cell(),
        /// When it happened, if that was said.
        OccurredAt => row.occurred_at.cell(),
        /// Who it was: `local`, `ledger`, `import`, or the role of a key.
        Actor => actor(&row.actor),
        /// The key, or the name of the file that it came from.
        ActorId => actor_id(&row.actor),
        /// The event's name.
        Event => Cell::text(row.event),
        /// How far the settlement is after it.
        Status => row.after.map_or(Cell::Null, |after| Cell::text(after.status.as_str())),
        /// Its principal after it.
        Principal => row.after.map(|after| after.principal_sats).cell().into_owned(),
        /// Its fee after it.
        Fee => row.after.map(|after| after.fee_sats).cell().into_owned(),
        /// The token that was taken, given back or shown.
        ProcessingClaim => row.processing_claim.cell(),
        /// The token that it was taken over from.
        TakenOverFrom => row.taken_over_from.cell(),
        /// How many legs were planned.
        LegsPlanned => row.legs_planned.cell(),
        /// The leg that it was about.
        Leg => row.leg(|leg| Cell::text(&leg.id)),
        /// What the leg pays for.
        LegType => row.leg(|leg| leg.leg_type.cell()),
        /// How far the leg is after it.
        LegStatus => row.leg(|leg| leg.status.cell()),
        /// How many sats the leg pays.
        LegAmount => row.leg(|leg| leg.amount_sats.cell()),
        /// The fiat that the leg uses up.
        LegFiat => row.leg(|leg| leg.amount_fiat.cell()),
        /// The payment that it speaks of.
        ExternalHash => row.leg(|leg| leg.external_payment_hash.cell()),
        /// The wallet that pays.
        FromWallet => row.leg(|leg| leg.from_wallet_id.cell()),
        /// What the route cost, in thousandths of a sat.
        RoutingFee => row.leg(|leg| leg.routing_fee_msat.map_or(Cell::Null, number)),
        /// The note that was written.
        Note => row.note.cell(),
        /// The reason that was given, or what went wrong.
        Error => row.error_message.cell(),
        /// Of a claim that was refused: the code of the refusal.
        Refusal => text(row.refusal.as_deref()),
    }
}

impl<'a> PostingInPlace<'a> {
    fn read(self, read: impl FnOnce(&'a crate::books::Posting) -> Cell<'a>) -> Cell<'a> {
        self.transaction.postings.get(self.place).map_or(Cell::Null, read)
    }
}

impl Audited {
    fn leg<'a>(&'a self, read: impl FnOnce(&'a AuditedLeg) -> Cell<'a>) -> Cell<'a> {
        self.leg.as_ref().map_or(Cell::Null, read)
    }
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Null, Cell::text)
}

/// A seq or a cost: far below what the cell holds.
fn number(number: u64) -> Cell<'static> {
    amount(i128::from(number))
}

/// A sum. What no integer of SQL holds is a decimal still; what no decimal holds cannot be reached by
/// adding sats.
fn amount(amount: i128) -> Cell<'static> {
    i64::try_from(amount).map_or_else(
        |_| Decimal::try_from_i128_with_scale(amount, 0).map_or(Cell::Null, Cell::Decimal),
        Cell::Integer,
    )
}

fn actor(actor: &Actor) -> Cell<'_> {
    Cell::text(match actor {
        Actor::Local => "local",
        Actor::Ledger => "ledger",
        Actor::Import { .. } => "import",
        Actor::Key { role: Role::Super, .. } => "super",
        Actor::Key { role: Role::Operator, .. } => "operator",
        Actor::Key { role: Role::Machine, .. } => "machine",
        Actor::Key { role: Role::Lp, .. } => "lp",
        Actor::Key { role: Role::Auditor, .. } => "auditor",
    })
}

fn actor_id(actor: &Actor) -> Cell<'_> {
    match actor {
        Actor::Local | Actor::Ledger => Cell::Null,
        Actor::Import { file, .. } => Cell::text(file.as_str()),
        Actor::Key { public_key, .. } => public_key.cell(),
    }
}
