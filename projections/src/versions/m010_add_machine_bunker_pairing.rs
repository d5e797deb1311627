//! Version 10: a machine's key lives in its operator's bunker.

use crate::facts::{MachineFact, Source};
use crate::shape::{Column, Declared, Fill, Migration, Step};

/// Version 10.
pub const M010: Migration = Migration {
    version: 10,
    name: "add_machine_bunker_pairing",
    why: "A machine signs with a key that its operator's bunker (NIP-46) holds, so that nothing \
          worth stealing lies on its disk. The key's name and the moment of pairing are kept; \
          without them a machine was never paired.",
    steps: &[
        Step::AddColumn {
            table: "dca_machines",
            column: Column::new(
                "bunker_spire_key_name",
                Declared::Text,
                Source::Machine(MachineFact::BunkerKey),
            ),
            fill: Fill::Default,
        },
        Step::AddColumn {
            table: "dca_machines",
            column: Column::new(
                "paired_at",
                Declared::Timestamp,
                Source::Machine(MachineFact::PairedAt),
            ),
            fill: Fill::Default,
        },
    ],
};
