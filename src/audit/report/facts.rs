//! What the log says of an operator and a period: sums, and the entries that made them.

use std::collections::BTreeMap;

use spireledger_projections::books::{Account, Unit};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::{ClientId, Currency, MachineId, UserId, WalletId};
use spireledger_schema::time::{Timestamp, UtcOffset};
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};

use super::pins::Pin;
use super::sequence::Sequence;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Whose machines.
    pub operator: UserId,
    /// The first and the last day, as they were asked for.
    pub days: [String; 2],
    /// The moment at which the first day begins.
    pub from: Timestamp,
    /// How far days begin from UTC's; times are shown so, too.
    pub offset: UtcOffset,
    /// Entries that are listed of each figure; the others are added up. Of exceptions ten times as many.
    pub listed: usize,
}

/// A figure: something that has an amount at any moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// An account of the operator's books.
    Account(Account, Unit),
    /// Settlements at a machine, one way, in a currency; without those that were voided.
    Settlements(MachineId, TxType, Currency),
    /// Fees, one way.
    Fees(TxType),
    /// Settlements in a state.
    Status(SettlementStatus),
    /// Legs of a kind in a state.
    Legs(LegType, LegStatus),
}

/// Values of a figure: what they are, its kind says.
pub type Values = [i128; 8];

/// Places among the values of settlements and fees.
pub mod at {
    /// How many.
    pub const COUNT: usize = 0;
    /// Fiat, in hundredths.
    pub const FIAT: usize = 1;
    /// Sats over Lightning.
    pub const WIRE: usize = 2;
    /// Sats that were exchanged.
    pub const PRINCIPAL: usize = 3;
    /// The whole fee.
    pub const FEE: usize = 4;
    /// The platform's part.
    pub const PLATFORM: usize = 5;
    /// The operator's part.
    pub const OPERATOR: usize = 6;
    /// Reported fee less the expected one.
    pub const MISMATCH: usize = 7;
    /// Sats of legs.
    pub const SATS: usize = 1;
}

/// A figure from the beginning of the period to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flow {
    /// At the beginning.
    pub opening: Values,
    /// What was added in the period, less what was taken.
    pub moved: Values,
    /// Of the first value, what was added.
    pub added: i128,
    /// At the end.
    pub closing: Values,
    /// The entries that moved it.
    pub entries: Listed<Item>,
    /// What the entries moved that are not listed.
    pub rest: Values,
}

/// The first of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The first.
    pub shown: Vec<T>,
    /// All of them.
    pub count: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { shown: Vec::new(), count: 0 }
    }
}

impl<T> Listed<T> {
    /// Adds one; `false`: it is only counted.
    pub fn push(&mut self, item: T, listed: usize) -> bool {
        self.count += 1;
        let is_shown = self.shown.len() < listed;
        if is_shown {
            self.shown.push(item);
        }
        is_shown
    }
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cited {
    /// Its number.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub event: &'static str,
    /// The settlement, if it is about one.
    pub payment_hash: Option<PaymentHash>,
}

/// An entry that moved a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The entry.
    pub cited: Cited,
    /// By how much.
    pub moved: Values,
}

/// What an LP has at a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Hundredths of fiat: confirmed, paid, may still be paid, and left.
    pub fiat: [i128; 4],
    /// What is left, by the books, in hundredths.
    pub by_the_books: i128,
}

/// An LP at a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LpFacts {
    /// The LP.
    pub user_id: UserId,
    /// The machine.
    pub machine_id: MachineId,
    /// Its currency.
    pub currency: Option<Currency>,
    /// At the beginning of the period.
    pub opening: Held,
    /// At its end.
    pub closing: Held,
}

/// A machine at the end of the period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFacts {
    /// Its name.
    pub name: Option<String>,
    /// Its currency.
    pub currency: Currency,
    /// Its wallet.
    pub wallet_id: WalletId,
    /// What it counted of its own claims.
    pub sequence: Sequence,
}

/// A claim whose fee is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The claim, or what changed it.
    pub cited: Cited,
    /// The machine.
    pub machine_id: MachineId,
    /// Which way.
    pub tx_type: TxType,
    /// The fee as reported, and that less the expected one.
    pub fee: [i128; 2],
}

/// A claim that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The entry that keeps it.
    pub cited: Cited,
    /// The machine that it names.
    pub machine_id: String,
    /// The code of the refusal.
    pub code: String,
    /// Of a conflict: what differs from the accepted claim.
    pub fields: String,
    /// The sats that it claims.
    pub wire_sats: Option<i128>,
}

/// Something that was brought in and is not as rules would have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irregular {
    /// The entry that brought it in.
    pub cited: Cited,
    /// The table and id of the row.
    pub row: [String; 2],
    /// What is the matter.
    pub why: &'static str,
}

/// All that the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What was asked.
    pub asked: Asked,
    /// What pins the period.
    pub pins: [Pin; 2],
    /// The figures.
    pub flows: BTreeMap<Figure, Flow>,
    /// LPs, by their enrolments at the operator's machines.
    pub lps: BTreeMap<ClientId, LpFacts>,
    /// The operator's machines.
    pub machines: BTreeMap<MachineId, MachineFacts>,
    /// Fees that are not what was expected, in the period.
    pub mismatches: Listed<Mismatch>,
    /// Claims that were refused in the period.
    pub refused: Listed<Refused>,
    /// The codes of all of them.
    pub refusals: BTreeMap<String, u64>,
    /// Rows of the operator's machines that were brought in in the period.
    pub imported: u64,
    /// Those of them that are not as rules would have it.
    pub irregular: Listed<Irregular>,
}
