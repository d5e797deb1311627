//! A report as data: sections of tables, checks, and the entries behind each figure. JSON and HTML are two
//! ways to write it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::UserId;
use spireledger_schema::time::{Timestamp, UtcOffset};

use super::amount::Amount;
use super::facts::Asked;
use super::pins::Pin;

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose.
    pub operator_user_id: UserId,
    /// The first and the last day.
    pub days: [String; 2],
    /// How far days begin from UTC's, and times are shown.
    pub utc_offset: UtcOffset,
    /// What pins the beginning and the end of the period.
    pub pins: [Pin; 2],
    /// Whether all checks hold.
    pub adds_up: bool,
    /// What was checked while it was made.
    pub checks: Vec<Check>,
    /// The figures.
    pub sections: Vec<Section>,
    /// The entries that they come from.
    pub sources: Vec<Source>,
}

impl Report {
    pub(super) fn new(asked: &Asked, pins: [Pin; 2]) -> Self {
        Self {
            operator_user_id: asked.operator.clone(),
            days: asked.days.clone(),
            utc_offset: asked.offset,
            pins,
            adds_up: true,
            checks: Vec::new(),
            sections: Vec::new(),
            sources: Vec::new(),
        }
    }
}

/// Something that must be so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// How many figures were looked at.
    pub figures: u64,
    /// Where it is not so: what was expected, and what is there.
    pub breaks: Vec<String>,
}

/// Tables that belong together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Its name in links and in JSON.
    pub id: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// What it says, in a sentence or two.
    pub about: &'static str,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in JSON.
    pub id: &'static str,
    /// Its heading; empty: the section's is enough.
    pub title: &'static str,
    /// Its columns.
    pub columns: &'static [Column],
    /// Its rows; those that sum others up come last.
    pub rows: Vec<Row>,
    /// What there is beside the rows that are shown.
    pub more: Option<String>,
    /// What is said where there are no rows.
    pub none: &'static str,
}

/// A column: its name in JSON, its heading, and whether it holds numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column(pub &'static str, pub &'static str, pub bool);

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// One value a column.
    pub values: Vec<Value>,
    /// The place of the entries that it comes from, among the sources.
    pub source: Option<usize>,
    /// Whether it sums others up.
    pub is_sum: bool,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    None,
    /// Any text, also a hostile one.
    Text(String),
    /// A number of things, or of an entry.
    Count(i128),
    /// An amount.
    Amount(Amount),
    /// A moment.
    Time(Timestamp),
    /// An entry's number, which can be looked up.
    Entry(u64),
    /// A settlement, which can be traced.
    Settlement(PaymentHash),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Count(count) => match i64::try_from(*count) {
                Ok(count) => serializer.serialize_i64(count),
                Err(_) => serializer.collect_str(count),
            },
            Self::Amount(amount) => amount.serialize(serializer),
            Self::Time(at) => at.serialize(serializer),
            Self::Entry(seq) => serializer.serialize_u64(*seq),
            Self::Settlement(hash) => hash.serialize(serializer),
        }
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Rows<'a>(&'a Table);
        impl Serialize for Rows<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0.rows.iter().map(|row| Named(self.0, row)))
            }
        }
        struct Named<'a>(&'a Table, &'a Row);
        impl Serialize for Named<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let Self(table, row) = self;
                let mut out = serializer.serialize_map(None)?;
                for (Column(name, ..), value) in table.columns.iter().zip(&row.values) {
                    out.serialize_entry(name, value)?;
                }
                out.serialize_entry("is_sum", &row.is_sum)?;
                out.serialize_entry("source", &row.source)?;
                out.end()
            }
        }
        let mut out = serializer.serialize_map(Some(3))?;
        out.serialize_entry("id", self.id)?;
        out.serialize_entry("rows", &Rows(self))?;
        out.serialize_entry("more", &self.more)?;
        out.end()
    }
}

/// The entries that a figure comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// Which figure.
    pub title: String,
    /// What its entries moved: the names of the amounts.
    pub columns: Vec<&'static str>,
    /// The first of the entries.
    pub entries: Vec<Moved>,
    /// How many there are beside them.
    pub more: u64,
    /// What those moved.
    pub rest: Vec<Value>,
    /// What all of them moved.
    pub sum: Vec<Value>,
    /// A question in SQL that finds all of them.
    pub sql: String,
}

/// An entry, and what it moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The entry.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What happened.
    pub event: &'static str,
    /// The settlement, if it is about one.
    pub payment_hash: Option<PaymentHash>,
    /// What it moved.
    pub amounts: Vec<Value>,
}
