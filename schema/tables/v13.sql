-- The tables of version 13, in a schema that is attached as spirekeeper.
-- Printed by `cargo run -p spireledger-projections --example tables`; do not edit it.

CREATE TABLE spirekeeper.super_config (
    id TEXT PRIMARY KEY,
    super_fee_wallet_id TEXT,
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    super_cash_in_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
    super_cash_out_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
    max_cash_in_sats INTEGER
);

CREATE TABLE spirekeeper.dca_machines (
    id TEXT PRIMARY KEY,
    operator_user_id TEXT NOT NULL,
    machine_npub TEXT UNIQUE,
    wallet_id TEXT NOT NULL,
    name TEXT,
    location TEXT,
    fiat_code TEXT NOT NULL DEFAULT 'GTQ',
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    operator_cash_in_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
    operator_cash_out_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
    bunker_spire_key_name TEXT,
    paired_at TIMESTAMP
);
CREATE INDEX spirekeeper.dca_machines_operator_idx ON dca_machines (operator_user_id);
CREATE UNIQUE INDEX spirekeeper.dca_machines_wallet_id_uq ON dca_machines (wallet_id);

CREATE TABLE spirekeeper.dca_clients (
    id TEXT PRIMARY KEY,
    machine_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    username TEXT,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now'))
);
CREATE UNIQUE INDEX spirekeeper.dca_clients_machine_user_uq ON dca_clients (machine_id, user_id);
CREATE INDEX spirekeeper.dca_clients_user_idx ON dca_clients (user_id);

CREATE TABLE spirekeeper.dca_deposits (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    creator_user_id TEXT NOT NULL,
    amount DECIMAL(10,2) NOT NULL,
    currency TEXT NOT NULL DEFAULT 'GTQ',
    status TEXT NOT NULL DEFAULT 'pending',
    notes TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    confirmed_at TIMESTAMP
);
CREATE INDEX spirekeeper.dca_deposits_client_idx ON dca_deposits (client_id, created_at DESC);

CREATE TABLE spirekeeper.dca_settlements (
    id TEXT PRIMARY KEY,
    machine_id TEXT NOT NULL,
    payment_hash TEXT NOT NULL UNIQUE,
    bitspire_event_id TEXT,
    bitspire_txid TEXT,
    wire_sats BIGINT NOT NULL,
    fiat_amount DECIMAL(10,2) NOT NULL,
    fiat_code TEXT NOT NULL DEFAULT 'GTQ',
    exchange_rate REAL NOT NULL,
    principal_sats BIGINT NOT NULL,
    fee_sats BIGINT NOT NULL,
    platform_fee_sats BIGINT NOT NULL,
    operator_fee_sats BIGINT NOT NULL,
    tx_type TEXT NOT NULL,
    bills_json TEXT,
    cassettes_json TEXT,
    status TEXT NOT NULL DEFAULT 'pending',
    error_message TEXT,
    processed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    notes TEXT,
    processing_claim TEXT,
    fee_mismatch_sats BIGINT
);
CREATE INDEX spirekeeper.dca_settlements_machine_idx ON dca_settlements (machine_id, created_at DESC);

CREATE TABLE spirekeeper.dca_commission_splits (
    id TEXT PRIMARY KEY,
    machine_id TEXT,
    operator_user_id TEXT NOT NULL,
    target TEXT NOT NULL,
    label TEXT,
    fraction DECIMAL(10,4) NOT NULL,
    sort_order INTEGER NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now'))
);
CREATE INDEX spirekeeper.dca_commission_splits_lookup_idx ON dca_commission_splits (operator_user_id, machine_id);

CREATE TABLE spirekeeper.dca_payments (
    id TEXT PRIMARY KEY,
    settlement_id TEXT,
    client_id TEXT,
    machine_id TEXT NOT NULL,
    operator_user_id TEXT NOT NULL,
    leg_type TEXT NOT NULL,
    destination_wallet_id TEXT,
    destination_ln_address TEXT,
    amount_sats BIGINT NOT NULL,
    amount_fiat DECIMAL(10,2),
    exchange_rate REAL,
    transaction_time TIMESTAMP NOT NULL,
    external_payment_hash TEXT,
    status TEXT NOT NULL DEFAULT 'pending',
    error_message TEXT,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now'))
);
CREATE INDEX spirekeeper.dca_payments_client_idx ON dca_payments (client_id, created_at DESC);
CREATE INDEX spirekeeper.dca_payments_settlement_idx ON dca_payments (settlement_id);
CREATE INDEX spirekeeper.dca_payments_operator_idx ON dca_payments (operator_user_id, leg_type);

CREATE TABLE spirekeeper.dca_telemetry (
    machine_id TEXT PRIMARY KEY,
    beacon_cash_in BOOLEAN,
    beacon_cash_out BOOLEAN,
    beacon_cash_level TEXT,
    beacon_fiat TEXT,
    beacon_model TEXT,
    beacon_name TEXT,
    beacon_location TEXT,
    beacon_geo TEXT,
    beacon_fees_json TEXT,
    beacon_limits_json TEXT,
    beacon_denominations_json TEXT,
    beacon_version TEXT,
    beacon_received_at TIMESTAMP,
    telemetry_json TEXT,
    telemetry_received_at TIMESTAMP
);

CREATE TABLE spirekeeper.dca_lp (
    user_id TEXT PRIMARY KEY,
    dca_wallet_id TEXT NOT NULL,
    default_dca_mode TEXT NOT NULL DEFAULT 'flow',
    fixed_mode_daily_limit DECIMAL(10,2),
    autoforward_ln_address TEXT,
    autoforward_enabled BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now'))
);

CREATE TABLE spirekeeper.cassette_configs (
    machine_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    denomination INTEGER NOT NULL,
    count INTEGER NOT NULL,
    updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
    updated_by TEXT,
    state_denomination INTEGER,
    state_count INTEGER,
    state_at TIMESTAMP,
    state_event_id TEXT,
    PRIMARY KEY (machine_id, position)
);

CREATE TABLE spirekeeper.balances (
    client_id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL,
    machine_id TEXT NOT NULL,
    currency TEXT,
    confirmed_fiat DECIMAL(10,2) NOT NULL,
    unconfirmed_fiat DECIMAL(10,2) NOT NULL,
    paid_fiat DECIMAL(10,2) NOT NULL,
    pending_fiat DECIMAL(10,2) NOT NULL,
    remaining_fiat DECIMAL(10,2),
    paid_sats BIGINT NOT NULL,
    pending_sats BIGINT NOT NULL
);

CREATE TABLE spirekeeper.wallet_balances (
    wallet_id TEXT PRIMARY KEY NOT NULL,
    in_sats BIGINT NOT NULL,
    out_sats BIGINT NOT NULL,
    balance_sats BIGINT NOT NULL,
    routing_fee_msat BIGINT NOT NULL,
    last_seq BIGINT NOT NULL
);

CREATE TABLE spirekeeper.journal (
    seq INTEGER NOT NULL,
    line INTEGER NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    event TEXT NOT NULL,
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    amount BIGINT NOT NULL,
    machine_id TEXT,
    operator_user_id TEXT,
    settlement_id TEXT,
    deposit_id TEXT,
    PRIMARY KEY (seq, line)
);
CREATE INDEX spirekeeper.journal_account_idx ON journal (account, unit);

CREATE TABLE spirekeeper.settlement_audit (
    seq INTEGER PRIMARY KEY NOT NULL,
    settlement_id TEXT NOT NULL,
    payment_hash TEXT,
    recorded_at TIMESTAMP NOT NULL,
    occurred_at TIMESTAMP,
    actor TEXT NOT NULL,
    actor_id TEXT,
    event TEXT NOT NULL,
    status TEXT,
    principal_sats BIGINT,
    fee_sats BIGINT,
    processing_claim TEXT,
    taken_over_from TEXT,
    legs_planned INTEGER,
    leg_id TEXT,
    leg_type TEXT,
    leg_status TEXT,
    amount_sats BIGINT,
    amount_fiat DECIMAL(10,2),
    external_payment_hash TEXT,
    from_wallet_id TEXT,
    routing_fee_msat BIGINT,
    note TEXT,
    error_message TEXT,
    refusal TEXT
);
CREATE INDEX spirekeeper.settlement_audit_settlement_idx ON settlement_audit (settlement_id);
