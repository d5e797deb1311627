//! Refusals: a closed list of codes, each with what a client should do about it.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::json::Malformed;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, retryable: $retryable:literal;)*) => {
        /// Why a command was refused. In the order in which the checks run: room in the queue,
        /// shape, who, identity and replay, references and states, amounts, limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code in JSON.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Whether the same command can succeed later, when the ledger knows or allows more.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable),* }
            }
        }
    };
}

codes! {
    /// The queue is full; nothing was looked at.
    Busy = "busy", retryable: true;
    /// No JSON object of the command language: `field`, `found` and `expected` say where and how.
    Malformed = "malformed", retryable: false;
    /// The sender may not do this.
    Forbidden = "forbidden", retryable: false;
    /// The same identity was used with other content: `fields` shows what differs.
    Conflict = "conflict", retryable: false;
    /// What the command is about is not known (a settlement, a deposit, a leg).
    NotFound = "not_found", retryable: true;
    /// No machine of this id is registered.
    UnknownMachine = "unknown_machine", retryable: true;
    /// No enrolment of this id is known.
    UnknownClient = "unknown_client", retryable: true;
    /// The machine is switched off.
    InactiveMachine = "inactive_machine", retryable: true;
    /// The LP has no `lp.set` yet.
    NotOnboarded = "not_onboarded", retryable: true;
    /// Another machine has this wallet.
    WalletTaken = "wallet_taken", retryable: false;
    /// Another machine has this public key.
    NpubTaken = "npub_taken", retryable: false;
    /// The LP is enrolled at this machine already.
    AlreadyEnrolled = "already_enrolled", retryable: false;
    /// The step is not possible in this state: `state` tells which it is.
    WrongState = "wrong_state", retryable: false;
    /// Another processor holds the lock: `since` tells since when.
    AlreadyClaimed = "already_claimed", retryable: true;
    /// This processing claim does not hold the lock.
    WrongClaim = "wrong_claim", retryable: false;
    /// Legs are not in a final state yet.
    LegsOpen = "legs_open", retryable: true;
    /// The currency is not the machine's.
    CurrencyMismatch = "currency_mismatch", retryable: false;
    /// Sats do not add up.
    Unbalanced = "unbalanced", retryable: false;
    /// The fractions of a rule set do not add up to exactly 1.
    SplitsSum = "splits_sum", retryable: false;
    /// More than what it is paid from.
    ExceedsAvailable = "exceeds_available", retryable: false;
    /// Above the instance's `max_cash_in_sats`.
    CashInCap = "cash_in_cap", retryable: true;
    /// Above a limit of the ledger itself.
    LimitReached = "limit_reached", retryable: false;
}

/// A clear no: what was wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which kind of no.
    pub code: Code,
    /// A sentence for a person.
    pub message: String,
    /// The same for a program.
    pub details: Map<String, Value>,
}

impl Refusal {
    /// A refusal without details.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Map::new() }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        // Details are numbers, strings and lists of those: they always have a JSON form.
        self.details.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }
}

impl From<Malformed> for Refusal {
    fn from(problem: Malformed) -> Self {
        Self::new(Code::Malformed, problem.to_string())
            .with("field", &problem.field)
            .with("found", &problem.found)
            .with("expected", &problem.expected)
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Refusal", 5)?;
        out.serialize_field("status", "refused")?;
        out.serialize_field("code", self.code.as_str())?;
        out.serialize_field("retryable", &self.code.retryable())?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("details", &self.details)?;
        out.end()
    }
}
