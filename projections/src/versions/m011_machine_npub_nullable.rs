//! Version 11: a machine can be registered before it has a key.

use crate::shape::{Migration, Step};

/// Version 11.
pub const M011: Migration = Migration {
    version: 11,
    name: "machine_npub_nullable",
    why: "The key is made when the machine is paired, so at first there is none. No two machines \
          share one still; machines without one appear, which no table before could hold.",
    steps: &[Step::Nullable { table: "dca_machines", column: "machine_npub" }],
};
