//! The migrations as SQL, written from what each is for: nothing here comes from the versions that
//! are tried with it.

/// What migration `version` does to tables attached as `spirekeeper`.
pub fn sql(version: u16) -> &'static str {
    MIGRATIONS[usize::from(version) - 2]
}

/// Migrations 2 to 12.
const MIGRATIONS: [&str; 11] = [
    "ALTER TABLE spirekeeper.dca_commission_splits RENAME wallet_id TO target;",
    "ALTER TABLE spirekeeper.dca_settlements RENAME net_sats TO principal_sats;",
    LP,
    "UPDATE spirekeeper.dca_deposits SET currency = machine.fiat_code
        FROM spirekeeper.dca_machines AS machine WHERE machine.id = machine_id;",
    WORDS,
    "CREATE TABLE spirekeeper.cassette_configs (
        machine_id TEXT NOT NULL, denomination INTEGER NOT NULL, count INTEGER NOT NULL,
        position INTEGER NOT NULL,
        updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
        updated_by TEXT, state_count INTEGER, state_at TIMESTAMP, state_event_id TEXT,
        PRIMARY KEY (machine_id, denomination));",
    BAYS,
    FEES,
    "ALTER TABLE spirekeeper.dca_machines ADD bunker_spire_key_name TEXT;
     ALTER TABLE spirekeeper.dca_machines ADD paired_at TIMESTAMP;",
    NPUB,
    "ALTER TABLE spirekeeper.super_config ADD max_cash_in_sats INTEGER;",
];

const LP: &str = "
    CREATE TABLE spirekeeper.dca_lp (
        user_id TEXT PRIMARY KEY, dca_wallet_id TEXT NOT NULL,
        default_dca_mode TEXT NOT NULL DEFAULT 'flow', fixed_mode_daily_limit DECIMAL(10,2),
        autoforward_ln_address TEXT, autoforward_enabled BOOLEAN NOT NULL DEFAULT false,
        created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
        updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')));
    INSERT INTO spirekeeper.dca_lp
        SELECT user_id, wallet_id, dca_mode, fixed_mode_daily_limit, autoforward_ln_address,
            autoforward_enabled, created_at, updated_at
        FROM spirekeeper.dca_clients AS client
        WHERE id = (
            SELECT id FROM spirekeeper.dca_clients AS other WHERE other.user_id = client.user_id
            ORDER BY updated_at DESC, created_at DESC LIMIT 1);
    ALTER TABLE spirekeeper.dca_clients DROP wallet_id;
    ALTER TABLE spirekeeper.dca_clients DROP dca_mode;
    ALTER TABLE spirekeeper.dca_clients DROP fixed_mode_daily_limit;
    ALTER TABLE spirekeeper.dca_clients DROP autoforward_ln_address;
    ALTER TABLE spirekeeper.dca_clients DROP autoforward_enabled;";

const WORDS: &str = "
    ALTER TABLE spirekeeper.dca_settlements RENAME gross_sats TO wire_sats;
    ALTER TABLE spirekeeper.dca_settlements RENAME commission_sats TO fee_sats;
    ALTER TABLE spirekeeper.super_config RENAME super_fee_pct TO super_fee_fraction;
    ALTER TABLE spirekeeper.dca_commission_splits RENAME pct TO fraction;
    ALTER TABLE spirekeeper.dca_machines DROP fallback_commission_pct;
    ALTER TABLE spirekeeper.dca_settlements DROP used_fallback_split;";

const BAYS: &str = "
    ALTER TABLE spirekeeper.cassette_configs RENAME TO by_denomination;
    CREATE TABLE spirekeeper.cassette_configs (
        machine_id TEXT NOT NULL, position INTEGER NOT NULL, denomination INTEGER NOT NULL,
        count INTEGER NOT NULL,
        updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
        updated_by TEXT, state_denomination INTEGER, state_count INTEGER, state_at TIMESTAMP,
        state_event_id TEXT, PRIMARY KEY (machine_id, position));
    INSERT INTO spirekeeper.cassette_configs
        SELECT machine_id, position, denomination, count, updated_at, updated_by, denomination,
            state_count, state_at, state_event_id
        FROM spirekeeper.by_denomination;
    DROP TABLE spirekeeper.by_denomination;";

const FEES: &str = "
    ALTER TABLE spirekeeper.super_config
        ADD super_cash_in_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000;
    ALTER TABLE spirekeeper.super_config
        ADD super_cash_out_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000;
    ALTER TABLE spirekeeper.dca_machines
        ADD operator_cash_in_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000;
    ALTER TABLE spirekeeper.dca_machines
        ADD operator_cash_out_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000;
    ALTER TABLE spirekeeper.dca_settlements ADD fee_mismatch_sats BIGINT;
    UPDATE spirekeeper.super_config SET super_cash_in_fee_fraction = super_fee_fraction,
        super_cash_out_fee_fraction = super_fee_fraction
        WHERE super_cash_in_fee_fraction = 0 AND super_cash_out_fee_fraction = 0
            AND super_fee_fraction > 0;
    ALTER TABLE spirekeeper.super_config DROP super_fee_fraction;";

const NPUB: &str = "
    ALTER TABLE spirekeeper.dca_machines RENAME TO keyed_machines;
    CREATE TABLE spirekeeper.dca_machines (
        id TEXT PRIMARY KEY, operator_user_id TEXT NOT NULL, machine_npub TEXT UNIQUE,
        wallet_id TEXT NOT NULL, name TEXT, location TEXT, fiat_code TEXT NOT NULL DEFAULT 'GTQ',
        is_active BOOLEAN NOT NULL DEFAULT true,
        created_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
        updated_at TIMESTAMP NOT NULL DEFAULT (strftime('%s', 'now')),
        operator_cash_in_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
        operator_cash_out_fee_fraction DECIMAL(10,4) NOT NULL DEFAULT 0.0000,
        bunker_spire_key_name TEXT, paired_at TIMESTAMP);
    INSERT INTO spirekeeper.dca_machines SELECT * FROM spirekeeper.keyed_machines;
    DROP TABLE spirekeeper.keyed_machines;
    CREATE INDEX spirekeeper.dca_machines_operator_idx ON dca_machines (operator_user_id);
    CREATE UNIQUE INDEX spirekeeper.dca_machines_wallet_id_uq ON dca_machines (wallet_id);";
