//! Version 1: the first tables.

use crate::facts::{
    ClientFact as C, ConfigFact, DepositFact as D, LegFact as P, LpFact, MachineFact as M, Rows,
    SettlementFact as S, Source, SplitFact, TelemetryFact as T,
};
use crate::shape::{Column, Declared as Is, Default as Or, Index, Migration, Step};

use Source::{Client, Config, Deposit, Leg, Lp, Machine, Settlement, Split, Telemetry};

/// Version 1.
pub const M001: Migration = Migration {
    version: 1,
    name: "satmachine_v2_initial",
    why: "Many operators share one instance, each with machines of its own: machines, enrolments \
          of liquidity providers, their deposits, settlements that are told apart by payment hash, \
          and every leg that was paid. The fee is kept in sats, because a percentage cannot say \
          later who let whom off what.",
    steps: &[
        CONFIG,
        MACHINES,
        Step::CreateIndex(Index::new(
            "dca_machines_operator_idx",
            "dca_machines",
            &["operator_user_id"],
        )),
        Step::CreateIndex(
            Index::new("dca_machines_wallet_id_uq", "dca_machines", &["wallet_id"]).unique(),
        ),
        CLIENTS,
        Step::CreateIndex(
            Index::new("dca_clients_machine_user_uq", "dca_clients", &["machine_id", "user_id"])
                .unique(),
        ),
        Step::CreateIndex(Index::new("dca_clients_user_idx", "dca_clients", &["user_id"])),
        DEPOSITS,
        Step::CreateIndex(
            Index::new("dca_deposits_client_idx", "dca_deposits", &["client_id", "created_at"])
                .newest_first(),
        ),
        SETTLEMENTS,
        Step::CreateIndex(
            Index::new(
                "dca_settlements_machine_idx",
                "dca_settlements",
                &["machine_id", "created_at"],
            )
            .newest_first(),
        ),
        SPLITS,
        Step::CreateIndex(Index::new(
            "dca_commission_splits_lookup_idx",
            "dca_commission_splits",
            &["operator_user_id", "machine_id"],
        )),
        PAYMENTS,
        Step::CreateIndex(
            Index::new("dca_payments_client_idx", "dca_payments", &["client_id", "created_at"])
                .newest_first(),
        ),
        Step::CreateIndex(Index::new(
            "dca_payments_settlement_idx",
            "dca_payments",
            &["settlement_id"],
        )),
        Step::CreateIndex(Index::new(
            "dca_payments_operator_idx",
            "dca_payments",
            &["operator_user_id", "leg_type"],
        )),
        TELEMETRY,
    ],
};

const CONFIG: Step = Step::CreateTable {
    table: "super_config",
    rows: Rows::Config,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Config(ConfigFact::Id)),
        // One fraction for both directions: of the two there are, the one of cash-outs, which are
        // what a fleet mostly does.
        Column::new("super_fee_pct", Is::Fraction, Config(ConfigFact::CashOutFee))
            .not_null()
            .or(Or::NoFraction),
        Column::new("super_fee_wallet_id", Is::Text, Config(ConfigFact::FeeWallet)),
        Column::new("updated_at", Is::Timestamp, Config(ConfigFact::UpdatedAt))
            .not_null()
            .or(Or::Now),
    ],
};

const MACHINES: Step = Step::CreateTable {
    table: "dca_machines",
    rows: Rows::Machines,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Machine(M::Id)),
        Column::new("operator_user_id", Is::Text, Machine(M::Operator)).not_null(),
        Column::new("machine_npub", Is::Text, Machine(M::Npub)).not_null().unique(),
        Column::new("wallet_id", Is::Text, Machine(M::Wallet)).not_null(),
        Column::new("name", Is::Text, Machine(M::Name)),
        Column::new("location", Is::Text, Machine(M::Location)),
        Column::new("fiat_code", Is::Text, Machine(M::FiatCode)).not_null().or(Or::Text("GTQ")),
        Column::new("is_active", Is::Boolean, Machine(M::IsActive))
            .not_null()
            .or(Or::Boolean(true)),
        Column::new("fallback_commission_pct", Is::Fraction, Machine(M::FallbackCommission))
            .not_null()
            .or(Or::NoFraction),
        Column::new("created_at", Is::Timestamp, Machine(M::CreatedAt)).not_null().or(Or::Now),
        Column::new("updated_at", Is::Timestamp, Machine(M::UpdatedAt)).not_null().or(Or::Now),
    ],
};

const CLIENTS: Step = Step::CreateTable {
    table: "dca_clients",
    rows: Rows::Clients,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Client(C::Id)),
        Column::new("machine_id", Is::Text, Client(C::Machine)).not_null(),
        Column::new("user_id", Is::Text, Client(C::User)).not_null(),
        Column::new("wallet_id", Is::Text, Lp(LpFact::Wallet)).not_null(),
        Column::new("username", Is::Text, Client(C::Username)),
        Column::new("dca_mode", Is::Text, Lp(LpFact::Mode)).not_null().or(Or::Text("flow")),
        Column::new("fixed_mode_daily_limit", Is::Fiat, Lp(LpFact::DailyLimit)),
        Column::new("autoforward_ln_address", Is::Text, Lp(LpFact::ForwardAddress)),
        Column::new("autoforward_enabled", Is::Boolean, Lp(LpFact::ForwardEnabled))
            .not_null()
            .or(Or::Boolean(false)),
        Column::new("status", Is::Text, Client(C::Status)).not_null().or(Or::Text("active")),
        Column::new("created_at", Is::Timestamp, Client(C::CreatedAt)).not_null().or(Or::Now),
        Column::new("updated_at", Is::Timestamp, Client(C::UpdatedAt)).not_null().or(Or::Now),
    ],
};

const DEPOSITS: Step = Step::CreateTable {
    table: "dca_deposits",
    rows: Rows::Deposits,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Deposit(D::Id)),
        Column::new("client_id", Is::Text, Deposit(D::Client)).not_null(),
        Column::new("machine_id", Is::Text, Deposit(D::Machine)).not_null(),
        Column::new("creator_user_id", Is::Text, Deposit(D::Creator)).not_null(),
        Column::new("amount", Is::Fiat, Deposit(D::Amount)).not_null(),
        Column::new("currency", Is::Text, Deposit(D::CurrencyAsRecorded))
            .not_null()
            .or(Or::Text("GTQ")),
        Column::new("status", Is::Text, Deposit(D::Status)).not_null().or(Or::Text("pending")),
        Column::new("notes", Is::Text, Deposit(D::Notes)),
        Column::new("created_at", Is::Timestamp, Deposit(D::CreatedAt)).not_null().or(Or::Now),
        Column::new("confirmed_at", Is::Timestamp, Deposit(D::ConfirmedAt)),
    ],
};

const SETTLEMENTS: Step = Step::CreateTable {
    table: "dca_settlements",
    rows: Rows::Settlements,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Settlement(S::Id)),
        Column::new("machine_id", Is::Text, Settlement(S::Machine)).not_null(),
        Column::new("payment_hash", Is::Text, Settlement(S::PaymentHash)).not_null().unique(),
        Column::new("bitspire_event_id", Is::Text, Settlement(S::NostrEvent)),
        Column::new("bitspire_txid", Is::Text, Settlement(S::MachineTxid)),
        Column::new("gross_sats", Is::BigInt, Settlement(S::Wire)).not_null(),
        Column::new("fiat_amount", Is::Fiat, Settlement(S::FiatAmount)).not_null(),
        Column::new("fiat_code", Is::Text, Settlement(S::FiatCode)).not_null().or(Or::Text("GTQ")),
        Column::new("exchange_rate", Is::Real, Settlement(S::Rate)).not_null(),
        Column::new("net_sats", Is::BigInt, Settlement(S::Principal)).not_null(),
        Column::new("commission_sats", Is::BigInt, Settlement(S::Fee)).not_null(),
        Column::new("platform_fee_sats", Is::BigInt, Settlement(S::PlatformFee)).not_null(),
        Column::new("operator_fee_sats", Is::BigInt, Settlement(S::OperatorFee)).not_null(),
        Column::new("used_fallback_split", Is::Boolean, Settlement(S::UsedFallback))
            .not_null()
            .or(Or::Boolean(false)),
        Column::new("tx_type", Is::Text, Settlement(S::TxType)).not_null(),
        Column::new("bills_json", Is::Text, Settlement(S::Bills)),
        Column::new("cassettes_json", Is::Text, Settlement(S::Cassettes)),
        Column::new("status", Is::Text, Settlement(S::Status)).not_null().or(Or::Text("pending")),
        Column::new("error_message", Is::Text, Settlement(S::Error)),
        Column::new("processed_at", Is::Timestamp, Settlement(S::ProcessedAt)),
        Column::new("created_at", Is::Timestamp, Settlement(S::CreatedAt)).not_null().or(Or::Now),
        Column::new("notes", Is::Text, Settlement(S::Notes)),
        Column::new("processing_claim", Is::Text, Settlement(S::ProcessingClaim)),
    ],
};

const SPLITS: Step = Step::CreateTable {
    table: "dca_commission_splits",
    rows: Rows::Splits,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Split(SplitFact::Id)),
        Column::new("machine_id", Is::Text, Split(SplitFact::Machine)),
        Column::new("operator_user_id", Is::Text, Split(SplitFact::Operator)).not_null(),
        Column::new("wallet_id", Is::Text, Split(SplitFact::Target)).not_null(),
        Column::new("label", Is::Text, Split(SplitFact::Label)),
        Column::new("pct", Is::Fraction, Split(SplitFact::Share)).not_null(),
        Column::new("sort_order", Is::Integer, Split(SplitFact::SortOrder))
            .not_null()
            .or(Or::Integer(0)),
        Column::new("created_at", Is::Timestamp, Split(SplitFact::CreatedAt))
            .not_null()
            .or(Or::Now),
    ],
};

const PAYMENTS: Step = Step::CreateTable {
    table: "dca_payments",
    rows: Rows::Legs,
    key: &["id"],
    fill: None,
    columns: &[
        Column::new("id", Is::Text, Leg(P::Id)),
        Column::new("settlement_id", Is::Text, Leg(P::Settlement)),
        Column::new("client_id", Is::Text, Leg(P::Client)),
        Column::new("machine_id", Is::Text, Leg(P::Machine)).not_null(),
        Column::new("operator_user_id", Is::Text, Leg(P::Operator)).not_null(),
        Column::new("leg_type", Is::Text, Leg(P::LegType)).not_null(),
        Column::new("destination_wallet_id", Is::Text, Leg(P::Wallet)),
        Column::new("destination_ln_address", Is::Text, Leg(P::Address)),
        Column::new("amount_sats", Is::BigInt, Leg(P::Amount)).not_null(),
        Column::new("amount_fiat", Is::Fiat, Leg(P::FiatAmount)),
        Column::new("exchange_rate", Is::Real, Leg(P::Rate)),
        Column::new("transaction_time", Is::Timestamp, Leg(P::TransactionTime)).not_null(),
        Column::new("external_payment_hash", Is::Text, Leg(P::ExternalHash)),
        Column::new("status", Is::Text, Leg(P::Status)).not_null().or(Or::Text("pending")),
        Column::new("error_message", Is::Text, Leg(P::Error)),
        Column::new("created_at", Is::Timestamp, Leg(P::CreatedAt)).not_null().or(Or::Now),
    ],
};

const TELEMETRY: Step = Step::CreateTable {
    table: "dca_telemetry",
    rows: Rows::Telemetry,
    key: &["machine_id"],
    fill: None,
    columns: &[
        Column::new("machine_id", Is::Text, Telemetry(T::Machine)),
        Column::new("beacon_cash_in", Is::Boolean, Telemetry(T::CashIn)),
        Column::new("beacon_cash_out", Is::Boolean, Telemetry(T::CashOut)),
        Column::new("beacon_cash_level", Is::Text, Telemetry(T::CashLevel)),
        Column::new("beacon_fiat", Is::Text, Telemetry(T::Fiat)),
        Column::new("beacon_model", Is::Text, Telemetry(T::Model)),
        Column::new("beacon_name", Is::Text, Telemetry(T::Name)),
        Column::new("beacon_location", Is::Text, Telemetry(T::Location)),
        Column::new("beacon_geo", Is::Text, Telemetry(T::Geo)),
        Column::new("beacon_fees_json", Is::Text, Telemetry(T::Fees)),
        Column::new("beacon_limits_json", Is::Text, Telemetry(T::Limits)),
        Column::new("beacon_denominations_json", Is::Text, Telemetry(T::Denominations)),
        Column::new("beacon_version", Is::Text, Telemetry(T::Version)),
        Column::new("beacon_received_at", Is::Timestamp, Telemetry(T::BeaconAt)),
        Column::new("telemetry_json", Is::Text, Telemetry(T::Report)),
        Column::new("telemetry_received_at", Is::Timestamp, Telemetry(T::ReportAt)),
    ],
};
