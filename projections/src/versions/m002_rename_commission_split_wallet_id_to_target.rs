//! Version 2: a split can go to more than a wallet.

use crate::shape::{Migration, Step};

/// Version 2.
pub const M002: Migration = Migration {
    version: 2,
    name: "rename_commission_split_wallet_id_to_target",
    why: "A share of the fee may go to a wallet, an invoice key, a Lightning address or an LNURL. \
          The column says so by its name.",
    steps: &[Step::RenameColumn {
        table: "dca_commission_splits",
        from: "wallet_id",
        to: "target",
    }],
};
