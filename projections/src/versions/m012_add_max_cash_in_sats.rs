//! Version 12: a ceiling for one cash-in.

use crate::facts::{ConfigFact, Source};
use crate::shape::{Column, Declared, Fill, Migration, Step};

/// Version 12.
pub const M012: Migration = Migration {
    version: 12,
    name: "add_max_cash_in_sats",
    why: "Only the machine sees how much cash went in, so a machine in the wrong hands could ask \
          for any amount. The ceiling bounds what one call can take; nothing there means no \
          ceiling.",
    steps: &[Step::AddColumn {
        table: "super_config",
        column: Column::new(
            "max_cash_in_sats",
            Declared::Integer,
            Source::Config(ConfigFact::CashInCap),
        ),
        fill: Fill::Default,
    }],
};
