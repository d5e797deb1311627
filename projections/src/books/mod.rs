//! The books: every entry that moves money, as postings that sum to zero, in sats as in fiat.
//!
//! A posting adds to an account; what is taken away is negative. No entry says its postings. A life has
//! a *position*, which follows from its state alone (`position.rs`): what it holds, and who is owed
//! that. The postings of an entry are the position after it less the position before, so no sum can
//! drift, whatever brought the change about.
//!
//! The chart of accounts:
//!
//! | account | grows with | unit |
//! | --- | --- | --- |
//! | `assets:wallet:<wallet_id>` | sats that came into a wallet, as far as the ledger knows | sat, msat |
//! | `assets:wallet` | the same, where the wallet is not known | sat, msat |
//! | `assets:cash:<machine_id>` | fiat in a machine: confirmed deposits and bills in, less bills out | fiat |
//! | `liabilities:lp:<client_id>` | fiat that an LP has left at a machine (negative: it is owed) | fiat |
//! | `liabilities:fee:platform` | the platform's fees that no leg pays out yet | sat |
//! | `liabilities:fee:operator:<user_id>` | an operator's fees that no leg pays out yet | sat |
//! | `liabilities:refund` | what customers are to have back; above zero: given beyond that | sat |
//! | `liabilities:payable:<leg_type>` | legs that are planned and not paid | sat |
//! | `liabilities:holder:<wallet_id>` | sats that were paid into somebody's wallet and are theirs | sat |
//! | `equity:exchange:<machine_id>` | what was exchanged with customers and LPs and is not settled | sat, fiat |
//! | `equity:retained:<machine_id>` | what the operator bought itself and keeps in the machine's wallet | sat, fiat |
//! | `expenses:routing` | what routes have cost, in thousandths of a sat | msat |
//! | `equity:suspense` | what does not add up in a row that was brought in; nothing else | all |
//!
//! *Never:* round, or leave a difference unsaid. *Start at:* [`Before::of`].

mod position;
mod transaction;

use std::fmt;

use spireledger_schema::text::{ClientId, Currency, MachineId, UserId, WalletId};
use spireledger_schema::words::LegType;

pub use transaction::{Before, Posting, Transaction, WalletSums};

/// An account of the chart. Accounts are ordered as the chart is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Account {
    /// A wallet; none: one that is not known.
    Wallet(Option<WalletId>),
    /// The fiat in a machine.
    Cash(MachineId),
    /// What an LP has left at a machine.
    Lp(ClientId),
    /// Fees of the platform.
    PlatformFee,
    /// Fees of an operator.
    OperatorFee(UserId),
    /// What customers are to have back.
    Refund,
    /// Planned legs.
    Payable(LegType),
    /// What is in somebody's wallet and theirs.
    Holder(WalletId),
    /// Sats against fiat at a machine.
    Exchange(MachineId),
    /// What an operator keeps in a machine's wallet.
    Retained(MachineId),
    /// The cost of routes.
    Routing,
    /// What does not add up.
    Suspense,
}

/// What an amount counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    /// Sats.
    Sat,
    /// Thousandths of a sat.
    Msat,
    /// Hundredths of a currency.
    Fiat(Currency),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(Some(wallet)) => write!(f, "assets:wallet:{wallet}"),
            Self::Wallet(None) => f.write_str("assets:wallet"),
            Self::Cash(machine) => write!(f, "assets:cash:{machine}"),
            Self::Lp(client) => write!(f, "liabilities:lp:{client}"),
            Self::PlatformFee => f.write_str("liabilities:fee:platform"),
            Self::OperatorFee(operator) => write!(f, "liabilities:fee:operator:{operator}"),
            Self::Refund => f.write_str("liabilities:refund"),
            Self::Payable(leg_type) => write!(f, "liabilities:payable:{leg_type}"),
            Self::Holder(wallet) => write!(f, "liabilities:holder:{wallet}"),
            Self::Exchange(machine) => write!(f, "equity:exchange:{machine}"),
            Self::Retained(machine) => write!(f, "equity:retained:{machine}"),
            Self::Routing => f.write_str("expenses:routing"),
            Self::Suspense => f.write_str("equity:suspense"),
        }
    }
}

impl Unit {
    /// Its name: `sat`, `msat`, or the currency's code.
    pub fn name(&self) -> &str {
        match self {
            Self::Sat => "sat",
            Self::Msat => "msat",
            Self::Fiat(currency) => currency.as_str(),
        }
    }
}
