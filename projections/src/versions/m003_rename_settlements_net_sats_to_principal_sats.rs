//! Version 3: principal, where it said net.

use crate::shape::{Migration, Step};

/// Version 3.
pub const M003: Migration = Migration {
    version: 3,
    name: "rename_settlements_net_sats_to_principal_sats",
    why: "Net of what? These are the sats that are exchanged for fiat: the principal.",
    steps: &[Step::RenameColumn {
        table: "dca_settlements",
        from: "net_sats",
        to: "principal_sats",
    }],
};
