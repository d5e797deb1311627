//! Version 6: one word for one amount, everywhere.

use crate::shape::{Migration, Step};

/// Version 6.
pub const M006: Migration = Migration {
    version: 6,
    name: "rename_to_canonical_sat_vocabulary",
    why: "What moved, what was exchanged and what was charged are wire, principal and fee on every \
          side of the system. The columns of the old way, which guessed the principal back from a \
          percentage, go: machines say it themselves.",
    steps: &[
        Step::RenameColumn { table: "dca_settlements", from: "gross_sats", to: "wire_sats" },
        Step::RenameColumn { table: "dca_settlements", from: "commission_sats", to: "fee_sats" },
        Step::RenameColumn {
            table: "super_config",
            from: "super_fee_pct",
            to: "super_fee_fraction",
        },
        Step::RenameColumn { table: "dca_commission_splits", from: "pct", to: "fraction" },
        Step::DropColumn { table: "dca_machines", column: "fallback_commission_pct" },
        Step::DropColumn { table: "dca_settlements", column: "used_fallback_split" },
    ],
};
