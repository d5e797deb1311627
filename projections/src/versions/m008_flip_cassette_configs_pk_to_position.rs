//! Version 8: what is in the cassettes, by bay.

use crate::facts::{BayFact, Source};
use crate::shape::{Clash, Column, Declared, Fill, Migration, Step};

/// Version 8.
pub const M008: Migration = Migration {
    version: 8,
    name: "flip_cassette_configs_pk_to_position",
    why: "Machines hold the same bills in several bays, and a bay may get other bills when it is \
          refilled. The bay is what stays, so it is the key; what the machine says is in it gets a \
          column beside what the operator believes.",
    steps: &[
        Step::AddColumn {
            table: "cassette_configs",
            column: Column::new(
                "state_denomination",
                Declared::Integer,
                Source::Bay(BayFact::StateDenomination),
            ),
            // Under the older key only the machine itself ever named a denomination.
            fill: Fill::CopyOf("denomination"),
        },
        Step::Rekey {
            table: "cassette_configs",
            key: &["machine_id", "position"],
            order: &[
                "machine_id",
                "position",
                "denomination",
                "count",
                "updated_at",
                "updated_by",
                "state_denomination",
                "state_count",
                "state_at",
                "state_event_id",
            ],
            on_clash: Clash::LastWins,
        },
    ],
};
