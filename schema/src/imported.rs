//! Rows that are brought in from a spirekeeper database: which tables and columns there are, and what
//! a cell can hold.
//!
//! A row is kept cell by cell as it was found, whatever it says, so that nothing of a database is
//! dropped or put right in silence. What the ledger makes of it is for `projections` to say.

use std::fmt;

use bincode::{BorrowDecode, Encode};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::hex;
use crate::money::{Fiat, Sats};
use crate::personal::Personal;
use crate::text::{ClientId, Text};

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $word:literal [$($column:ident)*] personal [$($personal:ident)*];)*) => {
        /// A table of a spirekeeper database. The order of the variants is part of the byte format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, BorrowDecode)]
        pub enum SourceTable { $($(#[$doc])* $name,)* }

        impl SourceTable {
            /// All of them, in the order in which they are brought in: what others rest on first.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Every column that any version has had, by its newest name. A cell's place in a stored
            /// row is its column's place here: new columns come last.
            pub const fn columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($column)),*]),* }
            }

            /// The columns that may name a person or a place.
            pub const fn personal(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($personal)),*]),* }
            }
        }
    };
}

tables! {
    /// What holds for the whole instance.
    Config = "super_config" [
        id super_fee_fraction super_fee_wallet_id updated_at super_cash_in_fee_fraction
        super_cash_out_fee_fraction max_cash_in_sats
    ] personal [];
    /// Machines.
    Machines = "dca_machines" [
        id operator_user_id machine_npub wallet_id name location fiat_code is_active
        fallback_commission_pct created_at updated_at operator_cash_in_fee_fraction
        operator_cash_out_fee_fraction bunker_spire_key_name paired_at
    ] personal [location];
    /// LPs.
    Lps = "dca_lp" [
        user_id dca_wallet_id default_dca_mode fixed_mode_daily_limit autoforward_ln_address
        autoforward_enabled created_at updated_at
    ] personal [autoforward_ln_address];
    /// Enrolments; before version 4 with what their LP wanted.
    Clients = "dca_clients" [
        id machine_id user_id username status created_at updated_at wallet_id dca_mode
        fixed_mode_daily_limit autoforward_ln_address autoforward_enabled
    ] personal [username autoforward_ln_address];
    /// Split rules.
    Splits = "dca_commission_splits" [
        id machine_id operator_user_id target label fraction sort_order created_at
    ] personal [target label];
    /// What machines reported.
    Telemetry = "dca_telemetry" [
        machine_id beacon_cash_in beacon_cash_out beacon_cash_level beacon_fiat beacon_model
        beacon_name beacon_location beacon_geo beacon_fees_json beacon_limits_json
        beacon_denominations_json beacon_version beacon_received_at telemetry_json
        telemetry_received_at
    ] personal [beacon_location beacon_geo];
    /// Bays.
    Bays = "cassette_configs" [
        machine_id position denomination count updated_at updated_by state_denomination
        state_count state_at state_event_id
    ] personal [];
    /// Deposits.
    Deposits = "dca_deposits" [
        id client_id machine_id creator_user_id amount currency status notes created_at
        confirmed_at
    ] personal [notes];
    /// Settlements.
    Settlements = "dca_settlements" [
        id machine_id payment_hash bitspire_event_id bitspire_txid wire_sats fiat_amount fiat_code
        exchange_rate principal_sats fee_sats platform_fee_sats operator_fee_sats tx_type
        bills_json cassettes_json status error_message processed_at created_at notes
        processing_claim used_fallback_split fee_mismatch_sats
    ] personal [error_message notes];
    /// Legs.
    Legs = "dca_payments" [
        id settlement_id client_id machine_id operator_user_id leg_type destination_wallet_id
        destination_ln_address amount_sats amount_fiat exchange_rate transaction_time
        external_payment_hash status error_message created_at
    ] personal [destination_ln_address error_message];
}

/// Older names of columns, with the newest.
const RENAMED: &[(SourceTable, &str, &str)] = &[
    (SourceTable::Config, "super_fee_pct", "super_fee_fraction"),
    (SourceTable::Machines, "fallback_commission_fraction", "fallback_commission_pct"),
    (SourceTable::Splits, "wallet_id", "target"),
    (SourceTable::Splits, "pct", "fraction"),
    (SourceTable::Settlements, "gross_sats", "wire_sats"),
    (SourceTable::Settlements, "net_sats", "principal_sats"),
    (SourceTable::Settlements, "commission_sats", "fee_sats"),
];

impl SourceTable {
    /// The table of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|table| table.as_str() == name)
    }

    /// The place of a column, by its newest name or an older one.
    pub fn place(self, column: &str) -> Option<usize> {
        let renamed = RENAMED.iter().find(|(table, old, _)| *table == self && *old == column);
        let newest = renamed.map_or(column, |(_, _, newest)| newest);
        self.columns().iter().position(|name| *name == newest)
    }
}

impl fmt::Display for SourceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for SourceTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What stood in a cell. The order of the variants is part of the byte format.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Found {
    /// The table had no such column.
    Absent,
    /// NULL.
    Null,
    /// An integer.
    Integer(i64),
    /// A floating-point number, as the shortest decimal digits that stand for it alone.
    Real(Text),
    /// A text.
    Text(Text),
    /// A text that may name a person or a place.
    Personal(Personal),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Found {
    /// The text, where it is one and can be read.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Personal(personal) => personal.plain(),
            _ => None,
        }
    }

    /// What it says as a name, whatever it is; nothing where there is nothing.
    pub fn name(&self) -> Option<Text> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Integer(number) => Some(Text::new(&number.to_string())),
            Self::Real(text) | Self::Text(text) => Some(text.clone()),
            Self::Personal(personal) => Some(Text::new(personal.plain().unwrap_or_default())),
            Self::Bytes(bytes) => Some(Text::new(&format!("hex {}", hex::encode(bytes)))),
        }
    }

    /// How many bytes a text or bytes have; 0 for what is short by its kind.
    fn bytes(&self) -> usize {
        match self {
            Self::Text(text) | Self::Personal(Personal::Plain(text)) => text.as_str().len(),
            Self::Personal(Personal::Sealed { sealed: bytes, .. }) | Self::Bytes(bytes) => {
                bytes.len()
            }
            Self::Absent
            | Self::Null
            | Self::Integer(_)
            | Self::Real(_)
            | Self::Personal(Personal::Erased) => 0,
        }
    }

    /// Whether there is something: neither NULL nor a column that was not there.
    pub const fn is_something(&self) -> bool {
        !matches!(self, Self::Absent | Self::Null)
    }
}

/// Nothing as null, numbers as they are written, bytes in hex behind `hex`.
impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Absent | Self::Null => serializer.serialize_none(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Real(digits) => digits.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
            Self::Personal(personal) => personal.serialize(serializer),
            Self::Bytes(bytes) => {
                let mut out = serializer.serialize_map(Some(1))?;
                out.serialize_entry("hex", &hex::encode(bytes))?;
                out.end()
            }
        }
    }
}

/// A row as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct SourceRow {
    /// Of which table.
    pub table: SourceTable,
    /// Of which version the tables were.
    pub version: u16,
    /// Which row: what its primary key says; a bay's is its machine and number.
    pub id: Text,
    /// Its cells, each at its column's place. Those left out at the end were not there.
    pub cells: Vec<Found>,
}

impl SourceRow {
    /// The cell of a column.
    pub fn cell(&self, column: &str) -> &Found {
        let place = self.table.place(column);
        place.and_then(|place| self.cells.get(place)).unwrap_or(&Found::Absent)
    }
}

impl SourceRow {
    /// Bytes of its id and of all texts and bytes in it: what makes a row long.
    pub fn bytes(&self) -> usize {
        self.id.as_str().len() + self.cells.iter().map(Found::bytes).sum::<usize>()
    }

    /// The column that has most of them.
    pub fn longest(&self) -> Option<(&'static str, usize)> {
        let cells = self.table.columns().iter().copied().zip(self.cells.iter().map(Found::bytes));
        cells.max_by_key(|(_, bytes)| *bytes)
    }
}

impl Serialize for SourceRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Cells<'a>(&'a SourceRow);
        impl Serialize for Cells<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let named = self.0.table.columns().iter().zip(&self.0.cells);
                serializer.collect_map(named.filter(|(_, cell)| **cell != Found::Absent))
            }
        }
        let mut out = serializer.serialize_map(Some(4))?;
        out.serialize_entry("table", &self.table)?;
        out.serialize_entry("version", &self.version)?;
        out.serialize_entry("id", &self.id)?;
        out.serialize_entry("cells", &Cells(self))?;
        out.end()
    }
}

/// In which sum of an enrolment a row counts. The order of the variants is part of the byte format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CountsAs {
    /// A deposit that waits to be confirmed.
    Unconfirmed,
    /// A confirmed deposit.
    Confirmed,
    /// A leg that may still be paid.
    Pending,
    /// A leg that was paid.
    Paid,
}

/// What a row counts for in the balance of an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode, Serialize)]
pub struct Counted {
    /// The enrolment.
    pub client_id: ClientId,
    /// In which sum.
    pub counts_as: CountsAs,
    /// How much fiat.
    pub amount_fiat: Fiat,
    /// How many sats; none of a deposit.
    pub amount_sats: Sats,
}
