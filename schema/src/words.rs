//! Closed lists of words: directions, modes, kinds and states, as the seed spells them.

use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::json::{FromJson, Malformed};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        ///
        /// The order of the variants is part of the byte format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, BorrowDecode)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word in JSON and SQL.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The word's meaning, if it is one of these.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl FromJson for $name {
            fn expected() -> String {
                format!("one of {}", [$(concat!("\"", $word, "\"")),*].join(", "))
            }
            fn schema() -> Value {
                json!({ "enum": [$($word),*] })
            }
            fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
                crate::json::from_string(raw, Self::parse)
            }
        }
    )*};
}

words! {
    /// Which way the cash went.
    TxType {
        /// The customer inserted fiat and got sats.
        CashIn = "cash_in",
        /// The customer sent sats and got fiat.
        CashOut = "cash_out",
    }
    /// How an LP wants its sats.
    DcaMode {
        /// As cash-outs come, in proportion to what is left of its fiat.
        Flow = "flow",
        /// The same, but at most a fixed amount of fiat a day.
        Fixed = "fixed",
    }
    /// State of an enrolment.
    ClientStatus {
        /// Takes part in distributions.
        Active = "active",
        /// Takes no part for now.
        Paused = "paused",
        /// Left; its history and balance stay.
        Inactive = "inactive",
    }
    /// State of a deposit.
    DepositStatus {
        /// Recorded, not counted yet.
        Pending = "pending",
        /// Counted as the LP's balance. Final.
        Confirmed = "confirmed",
        /// Never counted. Final.
        Rejected = "rejected",
    }
    /// State of a settlement.
    SettlementStatus {
        /// Claimed, nobody works on it.
        Pending = "pending",
        /// Somebody holds its processing lock.
        Processing = "processing",
        /// Every leg ended well. Final.
        Processed = "processed",
        /// Ended with legs that were voided or skipped. Final.
        Partial = "partial",
        /// Processing broke off; it can be begun again.
        Failed = "failed",
        /// Taken out of the books before anything was paid. Final.
        Voided = "voided",
    }
    /// What a leg pays for.
    LegType {
        /// Principal to a liquidity provider.
        Dca = "dca",
        /// The platform's fee.
        SuperFee = "super_fee",
        /// The operator's fee, by the split rules.
        OperatorSplit = "operator_split",
        /// What stays in the machine's wallet.
        Retained = "settlement",
        /// Onward from an LP's wallet to its Lightning address.
        Autoforward = "autoforward",
        /// Back to the customer.
        Refund = "refund",
    }
    /// State of a leg.
    LegStatus {
        /// Planned or under way: counts as spent.
        Pending = "pending",
        /// Paid. Final.
        Completed = "completed",
        /// An attempt failed; another may follow, so it still counts as spent.
        Failed = "failed",
        /// Will not be paid. Final.
        Voided = "voided",
        /// Was not needed. Final.
        Skipped = "skipped",
        /// Came back. Final.
        Refunded = "refunded",
    }
    /// How an attempt to pay a leg ended.
    Outcome {
        /// Paid.
        Completed = "completed",
        /// Known not to have been paid.
        Failed = "failed",
        /// Will not be paid.
        Voided = "voided",
        /// Was not needed.
        Skipped = "skipped",
        /// Came back.
        Refunded = "refunded",
    }
    /// Legs that can be added to a settlement by hand.
    AddedLegType {
        /// Onward from an LP's wallet to its Lightning address.
        Autoforward = "autoforward",
        /// Back to the customer.
        Refund = "refund",
    }
}

impl From<Outcome> for LegStatus {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self::Completed,
            Outcome::Failed => Self::Failed,
            Outcome::Voided => Self::Voided,
            Outcome::Skipped => Self::Skipped,
            Outcome::Refunded => Self::Refunded,
        }
    }
}

impl From<AddedLegType> for LegType {
    fn from(added: AddedLegType) -> Self {
        match added {
            AddedLegType::Autoforward => Self::Autoforward,
            AddedLegType::Refund => Self::Refund,
        }
    }
}

impl LegStatus {
    /// Whether the state is never left.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Failed)
    }

    /// Whether the leg's sats and fiat count as spent: they were paid, or may still be.
    pub const fn is_spent(self) -> bool {
        matches!(self, Self::Pending | Self::Failed | Self::Completed)
    }
}

impl SettlementStatus {
    /// Whether the state is never left.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Processed | Self::Partial | Self::Voided)
    }
}
