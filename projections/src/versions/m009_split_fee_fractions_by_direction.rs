//! Version 9: fees are fractions of principal, by direction, the platform's and the operator's.

use crate::facts::{ConfigFact, MachineFact, SettlementFact, Source};
use crate::shape::{Column, Declared, Default, Fill, Migration, Step};

/// Version 9.
pub const M009: Migration = Migration {
    version: 9,
    name: "split_fee_fractions_by_direction",
    why: "The platform's fraction was taken of the fee instead of the principal, which paid it \
          about a thirteenth of its due. Now platform and operator each have a fraction of \
          principal for cash-in and one for cash-out, and what a machine charged beside that is \
          kept with the settlement.",
    steps: &[
        Step::AddColumn {
            table: "super_config",
            column: fraction("super_cash_in_fee_fraction", Source::Config(ConfigFact::CashInFee)),
            fill: Fill::CopyOf("super_fee_fraction"),
        },
        Step::AddColumn {
            table: "super_config",
            column: fraction("super_cash_out_fee_fraction", Source::Config(ConfigFact::CashOutFee)),
            fill: Fill::CopyOf("super_fee_fraction"),
        },
        Step::AddColumn {
            table: "dca_machines",
            column: fraction(
                "operator_cash_in_fee_fraction",
                Source::Machine(MachineFact::CashInFee),
            ),
            fill: Fill::Default,
        },
        Step::AddColumn {
            table: "dca_machines",
            column: fraction(
                "operator_cash_out_fee_fraction",
                Source::Machine(MachineFact::CashOutFee),
            ),
            fill: Fill::Default,
        },
        Step::AddColumn {
            table: "dca_settlements",
            column: Column::new(
                "fee_mismatch_sats",
                Declared::BigInt,
                Source::Settlement(SettlementFact::FeeMismatch),
            ),
            fill: Fill::Default,
        },
        Step::DropColumn { table: "super_config", column: "super_fee_fraction" },
    ],
};

const fn fraction(name: &'static str, source: Source) -> Column {
    Column::new(name, Declared::Fraction, source).not_null().or(Default::NoFraction)
}
