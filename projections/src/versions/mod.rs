//! The versions of the tables, one file each, each the one before it with a migration applied.
//!
//! Versions 1 to 12 are the shapes that databases of the spirekeeper extension have had, from its
//! first tables on, as an install saw them that was there from the beginning and took one upgrade
//! after the other; those after them are our own. Read in order, the files tell the history of the
//! tables; `docs/tables.md` is printed from them.
//!
//! To add a version: a file, a line in [`VERSIONS`], and the DDL and the page printed anew.

mod m001_satmachine_v2_initial;
mod m002_rename_commission_split_wallet_id_to_target;
mod m003_rename_settlements_net_sats_to_principal_sats;
mod m004_introduce_dca_lp_table;
mod m005_lock_deposit_currency_to_machine_fiat_code;
mod m006_rename_to_canonical_sat_vocabulary;
mod m007_add_cassette_configs;
mod m008_flip_cassette_configs_pk_to_position;
mod m009_split_fee_fractions_by_direction;
mod m010_add_machine_bunker_pairing;
mod m011_machine_npub_nullable;
mod m012_add_max_cash_in_sats;
mod m013_add_balances_journal_and_settlement_audit;

use crate::shape::Migration;

/// All versions, from 1 on without a gap.
pub const VERSIONS: &[Migration] = &[
    m001_satmachine_v2_initial::M001,
    m002_rename_commission_split_wallet_id_to_target::M002,
    m003_rename_settlements_net_sats_to_principal_sats::M003,
    m004_introduce_dca_lp_table::M004,
    m005_lock_deposit_currency_to_machine_fiat_code::M005,
    m006_rename_to_canonical_sat_vocabulary::M006,
    m007_add_cassette_configs::M007,
    m008_flip_cassette_configs_pk_to_position::M008,
    m009_split_fee_fractions_by_direction::M009,
    m010_add_machine_bunker_pairing::M010,
    m011_machine_npub_nullable::M011,
    m012_add_max_cash_in_sats::M012,
    m013_add_balances_journal_and_settlement_audit::M013,
];

/// The number of the newest version.
pub const NEWEST: u16 = 13;

/// The number of the newest version that databases of the spirekeeper extension have had.
pub const SPIREKEEPER_NEWEST: u16 = 12;
