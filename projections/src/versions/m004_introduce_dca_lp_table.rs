//! Version 4: what an LP wants is said once, not once a machine.

use crate::facts::{LpFact, Rows, Source::Lp};
use crate::shape::{Backfill, Column, Declared as Is, Default as Or, Migration, Step};

/// Version 4.
pub const M004: Migration = Migration {
    version: 4,
    name: "introduce_dca_lp_table",
    why: "Where an LP's sats go, and how, is the LP's own choice and the same at every machine. \
          Kept in each enrolment it could differ from one to the next; where it did, the enrolment \
          that was updated last is believed.",
    steps: &[
        Step::CreateTable {
            table: "dca_lp",
            rows: Rows::Lps,
            key: &["user_id"],
            fill: Some(Backfill {
                table: "dca_clients",
                per: "user_id",
                latest_by: &["updated_at", "created_at"],
                columns: &[
                    ("user_id", "user_id"),
                    ("dca_wallet_id", "wallet_id"),
                    ("default_dca_mode", "dca_mode"),
                    ("fixed_mode_daily_limit", "fixed_mode_daily_limit"),
                    ("autoforward_ln_address", "autoforward_ln_address"),
                    ("autoforward_enabled", "autoforward_enabled"),
                    ("created_at", "created_at"),
                    ("updated_at", "updated_at"),
                ],
            }),
            columns: &[
                Column::new("user_id", Is::Text, Lp(LpFact::User)),
                Column::new("dca_wallet_id", Is::Text, Lp(LpFact::Wallet)).not_null(),
                Column::new("default_dca_mode", Is::Text, Lp(LpFact::Mode))
                    .not_null()
                    .or(Or::Text("flow")),
                Column::new("fixed_mode_daily_limit", Is::Fiat, Lp(LpFact::DailyLimit)),
                Column::new("autoforward_ln_address", Is::Text, Lp(LpFact::ForwardAddress)),
                Column::new("autoforward_enabled", Is::Boolean, Lp(LpFact::ForwardEnabled))
                    .not_null()
                    .or(Or::Boolean(false)),
                Column::new("created_at", Is::Timestamp, Lp(LpFact::CreatedAt))
                    .not_null()
                    .or(Or::Now),
                Column::new("updated_at", Is::Timestamp, Lp(LpFact::UpdatedAt))
                    .not_null()
                    .or(Or::Now),
            ],
        },
        Step::DropColumn { table: "dca_clients", column: "wallet_id" },
        Step::DropColumn { table: "dca_clients", column: "dca_mode" },
        Step::DropColumn { table: "dca_clients", column: "fixed_mode_daily_limit" },
        Step::DropColumn { table: "dca_clients", column: "autoforward_ln_address" },
        Step::DropColumn { table: "dca_clients", column: "autoforward_enabled" },
    ],
};
