//! What a column can read: a closed list of facts, one arm a fact, and the things they are facts of.
//!
//! A [`Source`] is a value: it can be compared (does this column say the same as that one?), printed
//! (what does this column say?) and read from a [`Subject`], which is the state behind one row.
//!
//! *Never:* compute what the state does not hold. *Start at:* [`Source::read`].

mod books;
mod fleet;
mod money;

pub use books::{AuditFact, BalanceAtMachine, BalanceFact, PostingFact, PostingInPlace};
pub use books::{Wallet, WalletFact};
pub use fleet::{BayFact, ClientFact, SplitFact, TelemetryFact};
pub use fleet::{BayState, ConfigFact, Enrolment, LpFact, MachineFact, Reports, SplitInPlace};
pub use money::{DepositAtMachine, DepositFact, LegFact, LegOfSettlement, SettlementFact};

use spireledger_schema::imported::Found;

use crate::cell::Cell;
use crate::imported::found_cell;
use crate::{Audited, Config, Lp, Machine, Settlement};

/// Declares the facts of one kind of thing: each with its meaning and how it is read.
macro_rules! facts {
    ($(#[$doc:meta])* $Name:ident of $subject:ident: $Subject:ty {
        $($(#[doc = $meaning:literal])* $fact:ident => $cell:expr,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $Name { $($(#[doc = $meaning])* $fact,)* }

        impl $Name {
            /// What it is, in words.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$fact => concat!($($meaning),*).trim_ascii(),)* }
            }

            /// Reads it.
            pub(super) fn read<'a>(self, $subject: $Subject) -> Cell<'a> {
                match self { $(Self::$fact => $cell,)* }
            }
        }
    };
}
use facts;

/// What stands behind the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rows {
    /// One row: what holds for the whole instance.
    Config,
    /// A row a machine.
    Machines,
    /// A row an enrolment.
    Clients,
    /// A row an LP.
    Lps,
    /// A row a deposit.
    Deposits,
    /// A row a settlement.
    Settlements,
    /// A row a split rule.
    Splits,
    /// A row a leg of a settlement.
    Legs,
    /// A row a machine that has reported.
    Telemetry,
    /// A row a bay of a machine.
    Bays,
    /// A row an enrolment: its sums.
    Balances,
    /// A row a posting of an entry.
    Postings,
    /// A row a wallet that sats came into or left.
    Wallets,
    /// A row an entry about a settlement.
    Audits,
}

/// The state behind one row.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// The instance.
    Config(&'a Config),
    /// A machine.
    Machine(&'a Machine),
    /// An enrolment, with its LP.
    Client(Enrolment<'a>),
    /// An LP.
    Lp(&'a Lp),
    /// A deposit, with its machine.
    Deposit(DepositAtMachine<'a>),
    /// A settlement.
    Settlement(&'a Settlement),
    /// A split rule.
    Split(SplitInPlace<'a>),
    /// A leg, with its settlement.
    Leg(LegOfSettlement<'a>),
    /// What a machine reported.
    Telemetry(Reports<'a>),
    /// A bay.
    Bay(BayState<'a>),
    /// An LP's balance at a machine.
    Balance(BalanceAtMachine<'a>),
    /// A posting.
    Posting(PostingInPlace<'a>),
    /// A wallet.
    Wallet(Wallet<'a>),
    /// Something that was done to a settlement.
    Audit(&'a Audited),
    /// A row that was brought in and that no state stands behind.
    Imported(Alone<'a>),
}

/// A machine's currency, in the words in which it is shown.
#[derive(Debug, Clone, Copy)]
pub enum FiatCode<'a> {
    /// A currency.
    Code(&'a str),
    /// What was found where one should be.
    Found(&'a Found),
}

impl<'a> FiatCode<'a> {
    /// The cell that shows it.
    pub fn cell(self) -> Cell<'a> {
        match self {
            Self::Code(code) => Cell::text(code),
            Self::Found(found) => found_cell(found),
        }
    }
}

/// A row that no state stands behind.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// What it is a row of.
    pub rows: Rows,
    /// Of a deposit: the currency of its machine, if that is known.
    pub fiat_code: Option<FiatCode<'a>>,
}

/// Where a column reads from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Of the instance.
    Config(ConfigFact),
    /// Of a machine.
    Machine(MachineFact),
    /// Of an enrolment.
    Client(ClientFact),
    /// Of an LP; in a row of an enrolment, of its LP.
    Lp(LpFact),
    /// Of a deposit.
    Deposit(DepositFact),
    /// Of a settlement.
    Settlement(SettlementFact),
    /// Of a split rule.
    Split(SplitFact),
    /// Of a leg.
    Leg(LegFact),
    /// Of a machine's reports.
    Telemetry(TelemetryFact),
    /// Of a bay.
    Bay(BayFact),
    /// Of an LP's balance at a machine.
    Balance(BalanceFact),
    /// Of a posting.
    Posting(PostingFact),
    /// Of a wallet.
    Wallet(WalletFact),
    /// Of something that was done to a settlement.
    Audit(AuditFact),
}

impl Source {
    /// Reads the fact. Nothing, where the subject has no such fact: no version has such a column.
    pub fn read<'a>(self, subject: &Subject<'a>) -> Cell<'a> {
        match (self, *subject) {
            (Self::Config(fact), Subject::Config(config)) => fact.read(config),
            (Self::Machine(fact), Subject::Machine(machine)) => fact.read(machine),
            (Self::Client(fact), Subject::Client(enrolment)) => fact.read(enrolment),
            (Self::Lp(fact), Subject::Lp(lp) | Subject::Client(Enrolment { lp: Some(lp), .. })) => {
                fact.read(lp)
            }
            (Self::Deposit(fact), Subject::Deposit(deposit)) => fact.read(deposit),
            (Self::Settlement(fact), Subject::Settlement(settlement)) => fact.read(settlement),
            (Self::Split(fact), Subject::Split(split)) => fact.read(split),
            (Self::Leg(fact), Subject::Leg(leg)) => fact.read(leg),
            (Self::Telemetry(fact), Subject::Telemetry(reports)) => fact.read(reports),
            (Self::Bay(fact), Subject::Bay(bay)) => fact.read(bay),
            (Self::Balance(fact), Subject::Balance(balance)) => fact.read(balance),
            (Self::Posting(fact), Subject::Posting(posting)) => fact.read(posting),
            (Self::Wallet(fact), Subject::Wallet(wallet)) => fact.read(wallet),
            (Self::Audit(fact), Subject::Audit(audited)) => fact.read(audited),
            (Self::Deposit(DepositFact::CurrencyOfMachine), Subject::Imported(alone)) => {
                alone.fiat_code.map_or(Cell::Null, FiatCode::cell)
            }
            _ => Cell::Null,
        }
    }

    /// What the column says, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Config(fact) => fact.meaning(),
            Self::Machine(fact) => fact.meaning(),
            Self::Client(fact) => fact.meaning(),
            Self::Lp(fact) => fact.meaning(),
            Self::Deposit(fact) => fact.meaning(),
            Self::Settlement(fact) => fact.meaning(),
            Self::Split(fact) => fact.meaning(),
            Self::Leg(fact) => fact.meaning(),
            Self::Telemetry(fact) => fact.meaning(),
            Self::Bay(fact) => fact.meaning(),
            Self::Balance(fact) => fact.meaning(),
            Self::Posting(fact) => fact.meaning(),
            Self::Wallet(fact) => fact.meaning(),
            Self::Audit(fact) => fact.meaning(),
        }
    }
}

impl Subject<'_> {
    /// Which rows it belongs to.
    pub const fn rows(&self) -> Rows {
        match self {
            Self::Config(_) => Rows::Config,
            Self::Machine(_) => Rows::Machines,
            Self::Client(_) => Rows::Clients,
            Self::Lp(_) => Rows::Lps,
            Self::Deposit(_) => Rows::Deposits,
            Self::Settlement(_) => Rows::Settlements,
            Self::Split(_) => Rows::Splits,
            Self::Leg(_) => Rows::Legs,
            Self::Telemetry(_) => Rows::Telemetry,
            Self::Bay(_) => Rows::Bays,
            Self::Balance(_) => Rows::Balances,
            Self::Posting(_) => Rows::Postings,
            Self::Wallet(_) => Rows::Wallets,
            Self::Audit(_) => Rows::Audits,
            Self::Imported(alone) => alone.rows,
        }
    }
}

impl Rows {
    /// Whether these rows have such a fact.
    pub const fn have(self, source: Source) -> bool {
        matches!(
            (self, source),
            (Self::Config, Source::Config(_))
                | (Self::Machines, Source::Machine(_))
                | (Self::Clients, Source::Client(_) | Source::Lp(_))
                | (Self::Lps, Source::Lp(_))
                | (Self::Deposits, Source::Deposit(_))
                | (Self::Settlements, Source::Settlement(_))
                | (Self::Splits, Source::Split(_))
                | (Self::Legs, Source::Leg(_))
                | (Self::Telemetry, Source::Telemetry(_))
                | (Self::Bays, Source::Bay(_))
                | (Self::Balances, Source::Balance(_))
                | (Self::Postings, Source::Posting(_))
                | (Self::Wallets, Source::Wallet(_))
                | (Self::Audits, Source::Audit(_))
        )
    }

    /// Whether they come from the fleet's state.
    pub const fn of_fleet(self) -> bool {
        !self.of_streams() && !self.of_entries()
    }

    /// Whether they come from the state of streams, each from its own.
    pub const fn of_streams(self) -> bool {
        matches!(self, Self::Deposits | Self::Settlements | Self::Legs)
    }

    /// Whether they come from entries one by one, with the state before and after each. What an entry
    /// has said stays said: such rows are never written anew, only added to.
    pub const fn of_entries(self) -> bool {
        matches!(self, Self::Postings | Self::Wallets | Self::Audits)
    }
}
