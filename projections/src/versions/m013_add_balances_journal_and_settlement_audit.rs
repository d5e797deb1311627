//! Version 13: the books themselves, and who did what.

use crate::facts::{
    AuditFact as A, BalanceFact as B, PostingFact as P, Rows, Source::Audit, Source::Balance,
    Source::Posting, Source::Wallet, WalletFact as W,
};
use crate::shape::{Column, Declared as Is, Index, Migration, Step};

/// Version 13.
pub const M013: Migration = Migration {
    version: 13,
    name: "add_balances_journal_and_settlement_audit",
    why: "Balances were summed up anew by whoever asked, where each sat went had to be puzzled out of \
          legs, and who did what stood in notes. `balances` and `wallet_balances` are the sums, \
          `journal` has the postings of every entry that moved money, which sum to zero in each unit, \
          and `settlement_audit` has a row an entry about a settlement. No older table can tell any of \
          it, but the log can.",
    steps: &[
        Step::CreateTable {
            table: "balances",
            rows: Rows::Balances,
            key: &["client_id"],
            fill: None,
            columns: &[
                Column::new("client_id", Is::Text, Balance(B::Client)).not_null(),
                Column::new("user_id", Is::Text, Balance(B::User)).not_null(),
                Column::new("machine_id", Is::Text, Balance(B::Machine)).not_null(),
                Column::new("currency", Is::Text, Balance(B::Currency)),
                Column::new("confirmed_fiat", Is::Fiat, Balance(B::ConfirmedFiat)).not_null(),
                Column::new("unconfirmed_fiat", Is::Fiat, Balance(B::UnconfirmedFiat)).not_null(),
                Column::new("paid_fiat", Is::Fiat, Balance(B::PaidFiat)).not_null(),
                Column::new("pending_fiat", Is::Fiat, Balance(B::PendingFiat)).not_null(),
                Column::new("remaining_fiat", Is::Fiat, Balance(B::RemainingFiat)),
                Column::new("paid_sats", Is::BigInt, Balance(B::PaidSats)).not_null(),
                Column::new("pending_sats", Is::BigInt, Balance(B::PendingSats)).not_null(),
            ],
        },
        Step::CreateTable {
            table: "wallet_balances",
            rows: Rows::Wallets,
            key: &["wallet_id"],
            fill: None,
            columns: &[
                Column::new("wallet_id", Is::Text, Wallet(W::Id)).not_null(),
                Column::new("in_sats", Is::BigInt, Wallet(W::In)).not_null(),
                Column::new("out_sats", Is::BigInt, Wallet(W::Out)).not_null(),
                Column::new("balance_sats", Is::BigInt, Wallet(W::Balance)).not_null(),
                Column::new("routing_fee_msat", Is::BigInt, Wallet(W::RoutingFee)).not_null(),
                Column::new("last_seq", Is::BigInt, Wallet(W::LastSeq)).not_null(),
            ],
        },
        Step::CreateTable {
            table: "journal",
            rows: Rows::Postings,
            key: &["seq", "line"],
            fill: None,
            columns: &[
                Column::new("seq", Is::Integer, Posting(P::Seq)).not_null(),
                Column::new("line", Is::Integer, Posting(P::Line)).not_null(),
                Column::new("recorded_at", Is::Timestamp, Posting(P::RecordedAt)).not_null(),
                Column::new("event", Is::Text, Posting(P::Event)).not_null(),
                Column::new("account", Is::Text, Posting(P::Account)).not_null(),
                Column::new("unit", Is::Text, Posting(P::Unit)).not_null(),
                Column::new("amount", Is::BigInt, Posting(P::Amount)).not_null(),
                Column::new("machine_id", Is::Text, Posting(P::Machine)),
                Column::new("operator_user_id", Is::Text, Posting(P::Operator)),
                Column::new("settlement_id", Is::Text, Posting(P::Settlement)),
                Column::new("deposit_id", Is::Text, Posting(P::Deposit)),
            ],
        },
        Step::CreateTable {
            table: "settlement_audit",
            rows: Rows::Audits,
            key: &["seq"],
            fill: None,
            columns: &[
                Column::new("seq", Is::Integer, Audit(A::Seq)).not_null(),
                Column::new("settlement_id", Is::Text, Audit(A::Settlement)).not_null(),
                Column::new("payment_hash", Is::Text, Audit(A::PaymentHash)),
                Column::new("recorded_at", Is::Timestamp, Audit(A::RecordedAt)).not_null(),
                Column::new("occurred_at", Is::Timestamp, Audit(A::OccurredAt)),
                Column::new("actor", Is::Text, Audit(A::Actor)).not_null(),
                Column::new("actor_id", Is::Text, Audit(A::ActorId)),
                Column::new("event", Is::Text, Audit(A::Event)).not_null(),
                Column::new("status", Is::Text, Audit(A::Status)),
                Column::new("principal_sats", Is::BigInt, Audit(A::Principal)),
                Column::new("fee_sats", Is::BigInt, Audit(A::Fee)),
                Column::new("processing_claim", Is::Text, Audit(A::ProcessingClaim)),
                Column::new("taken_over_from", Is::Text, Audit(A::TakenOverFrom)),
                Column::new("legs_planned", Is::Integer, Audit(A::LegsPlanned)),
                Column::new("leg_id", Is::Text, Audit(A::Leg)),
                Column::new("leg_type", Is::Text, Audit(A::LegType)),
                Column::new("leg_status", Is::Text, Audit(A::LegStatus)),
                Column::new("amount_sats", Is::BigInt, Audit(A::LegAmount)),
                Column::new("amount_fiat", Is::Fiat, Audit(A::LegFiat)),
                Column::new("external_payment_hash", Is::Text, Audit(A::ExternalHash)),
                Column::new("from_wallet_id", Is::Text, Audit(A::FromWallet)),
                Column::new("routing_fee_msat", Is::BigInt, Audit(A::RoutingFee)),
                Column::new("note", Is::Text, Audit(A::Note)),
                Column::new("error_message", Is::Text, Audit(A::Error)),
                Column::new("refusal", Is::Text, Audit(A::Refusal)),
            ],
        },
        Step::CreateIndex(Index::new("journal_account_idx", "journal", &["account", "unit"])),
        Step::CreateIndex(Index::new(
            "settlement_audit_settlement_idx",
            "settlement_audit",
            &["settlement_id"],
        )),
    ],
};
