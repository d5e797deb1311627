//! Version 5: a deposit is in the machine's currency.

use crate::facts::{DepositFact, Source};
use crate::shape::{Migration, Step};

/// Version 5.
pub const M005: Migration = Migration {
    version: 5,
    name: "lock_deposit_currency_to_machine_fiat_code",
    why: "The currency was typed in by hand, and balances never looked at it: 15 USD at a machine \
          for euros counted as 15 euros. A machine has one currency, so that is the deposit's.",
    steps: &[Step::Reread {
        table: "dca_deposits",
        column: "currency",
        source: Source::Deposit(DepositFact::CurrencyOfMachine),
    }],
};
