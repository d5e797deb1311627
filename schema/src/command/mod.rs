//! The command language: what machines, operators and LPs may ask for, as JSON.
//!
//! One list of fields a command ([`crate::parts::Object`]); from it come reading, writing and the
//! checked-in JSON Schema. Start at [`Command::parse`].

mod describe;
mod fleet;
mod money;
mod settlement;

pub use describe::json_schema;
pub use fleet::{
    BeaconReport, CassettesReport, CassettesSet, ClientEnroll, ClientUpdate, ConfigSet,
    MachinePair, MachineRegister, MachineUpdate, OperatorSet, TelemetryReport, bays,
};
pub use money::{DepositConfirm, DepositRecord, DepositReject, LpSet, SplitsSet};
pub use settlement::{
    LegAdd, LegIntend, LegOutcome, SettlementAdjust, SettlementBegin, SettlementClaim,
    SettlementFail, SettlementFinish, SettlementNote, SettlementRelease, SettlementVoid,
};

use serde::Serialize;

use crate::json::{Fields, FromJson, Malformed};
use crate::limits::COMMAND_BYTES_MAX;
use crate::parts::Object;
use crate::text::RequestId;
use crate::time::Timestamp;

/// A wish, read and checked for shape, not yet decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// What is wished for.
    #[serde(flatten)]
    pub body: Body,
    /// When it happened, beside when it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// The client's name for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// Whether the answer shall carry the proof that the entry is in the log. It is no part of what is wished
    /// for: with or without it a command is the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub receipt: bool,
}

/// What every command may carry beside its own fields.
const ENVELOPE: [&str; 4] = ["type", "occurred_at", "request_id", "receipt"];

macro_rules! commands {
    ($($name:ident = $word:literal,)*) => {
        /// What is wished for, by type.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(tag = "type")]
        // Claims are the largest and by far the most frequent; boxing them would cost every one.
        #[allow(clippy::large_enum_variant)]
        pub enum Body {
            $(
                #[doc = concat!("`", $word, "`")]
                #[serde(rename = $word)]
                $name($name),
            )*
        }

        impl Body {
            /// Every command's type, in the order of the design.
            pub const TYPES: &[&str] = &[$($word),*];

            /// The command's type.
            pub const fn type_name(&self) -> &'static str {
                match self { $(Self::$name(_) => $word),* }
            }

            fn read(type_name: &str, fields: &mut Fields<'_>) -> Result<Self, Malformed> {
                match type_name {
                    $($word => $name::read(fields).map(Self::$name),)*
                    other => Err(unknown_type(other)),
                }
            }

            fn fields_of(type_name: &str) -> Option<&'static [&'static str]> {
                match type_name { $($word => Some($name::FIELDS),)* _ => None }
            }

            /// Each type with the schema of its own fields.
            pub(crate) fn descriptions() -> Vec<(&'static str, serde_json::Value)> {
                vec![$(($word, $name::describe())),*]
            }
        }
    };
}

commands! {
    ConfigSet = "config.set",
    OperatorSet = "operator.set",
    MachineRegister = "machine.register",
    MachineUpdate = "machine.update",
    MachinePair = "machine.pair",
    SplitsSet = "splits.set",
    LpSet = "lp.set",
    ClientEnroll = "client.enroll",
    ClientUpdate = "client.update",
    DepositRecord = "deposit.record",
    DepositConfirm = "deposit.confirm",
    DepositReject = "deposit.reject",
    SettlementClaim = "settlement.claim",
    SettlementBegin = "settlement.begin",
    SettlementRelease = "settlement.release",
    SettlementAdjust = "settlement.adjust",
    SettlementNote = "settlement.note",
    SettlementFinish = "settlement.finish",
    SettlementFail = "settlement.fail",
    SettlementVoid = "settlement.void",
    LegIntend = "leg.intend",
    LegOutcome = "leg.outcome",
    LegAdd = "leg.add",
    BeaconReport = "beacon.report",
    TelemetryReport = "telemetry.report",
    CassettesSet = "cassettes.set",
    CassettesReport = "cassettes.report",
}

/// Names the types that begin with the same word; all of them if none does.
fn unknown_type(found: &str) -> Malformed {
    let word = |text: &str| text.trim_matches('"').split('.').next().map(str::to_owned);
    let near: Vec<&str> =
        Body::TYPES.iter().copied().filter(|known| word(known) == word(found)).collect();
    let listed = if near.is_empty() { Body::TYPES } else { &near };
    Malformed::new(found, format!("a command's type: {}", listed.join(", "))).within("type")
}

impl Command {
    /// A command without `occurred_at` and `request_id`, which asks for no proof.
    pub const fn new(body: Body) -> Self {
        Self { body, occurred_at: None, request_id: None, receipt: false }
    }

    /// Reads one JSON object.
    ///
    /// # Errors
    /// [`Malformed`] names the first field that is unknown, missing, twice there or out of range.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > COMMAND_BYTES_MAX {
            let found = format!("{} bytes", text.len());
            let expected = format!("a command of at most {COMMAND_BYTES_MAX} bytes");
            return Err(Malformed::new(&found, expected));
        }
        let mut fields = Fields::read(text)?;
        let Some(raw) = fields.take("type") else { return Err(unknown_type("nothing")) };
        let Some(type_name) = crate::json::string(raw) else { return Err(unknown_type(raw.get())) };
        if type_name == "settlement.claim" {
            settlement::read_old_names(&mut fields)?;
        }
        let known = Body::fields_of(&type_name).ok_or_else(|| unknown_type(raw.get()))?;
        let known = known.iter().chain(&ENVELOPE).copied();
        fields.all(known, |fields| {
            Ok(Self {
                body: Body::read(&type_name, fields)?,
                occurred_at: fields.field("occurred_at")?,
                request_id: fields.field("request_id")?,
                receipt: fields.field::<Option<bool>>("receipt")?.unwrap_or(false),
            })
        })
    }

    /// Reads the bytes of one line.
    pub fn parse_bytes(line: &[u8]) -> Result<Self, Malformed> {
        match std::str::from_utf8(line) {
            Ok(text) => Self::parse(text),
            Err(error) => {
                Err(Malformed::new("bytes that are no UTF-8", format!("JSON in UTF-8 ({error})")))
            }
        }
    }

    /// The command as one line of JSON. Reading it again gives the same command.
    pub fn to_json(&self) -> String {
        // Every field is a string, a number, a list or an object with string keys.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The schema of a value, for descriptions.
pub(crate) fn schema_of<T: FromJson>() -> serde_json::Value {
    T::schema()
}
