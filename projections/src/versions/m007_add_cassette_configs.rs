//! Version 7: what is in the cassettes, by denomination.

use crate::facts::{BayFact as B, Rows, Source::Bay};
use crate::shape::{Column, Declared as Is, Default as Or, Migration, Step};

/// Version 7.
pub const M007: Migration = Migration {
    version: 7,
    name: "add_cassette_configs",
    why: "Operators say what they put into a machine, and the machine says what it finds. One row \
          a denomination, as the machine's own software kept it: of two bays with the same bills \
          only the last could be held.",
    steps: &[Step::CreateTable {
        table: "cassette_configs",
        rows: Rows::Bays,
        key: &["machine_id", "denomination"],
        fill: None,
        columns: &[
            Column::new("machine_id", Is::Text, Bay(B::Machine)).not_null(),
            Column::new("denomination", Is::Integer, Bay(B::Denomination)).not_null(),
            Column::new("count", Is::Integer, Bay(B::Count)).not_null(),
            Column::new("position", Is::Integer, Bay(B::Position)).not_null(),
            Column::new("updated_at", Is::Timestamp, Bay(B::UpdatedAt)).not_null().or(Or::Now),
            Column::new("updated_by", Is::Text, Bay(B::UpdatedBy)),
            Column::new("state_count", Is::Integer, Bay(B::StateCount)),
            Column::new("state_at", Is::Timestamp, Bay(B::StateAt)),
            Column::new("state_event_id", Is::Text, Bay(B::StateEvent)),
        ],
    }],
};
