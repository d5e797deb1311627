//! What a migration is made of: a closed set of verbs, and the columns and indexes they speak of.
//!
//! All of it is plain values. There is no function in a migration, so one can be compared with
//! another, printed as documentation and looked at for what it loses.

use crate::cell::Cell;
use crate::facts::{Rows, Source};
use rust_decimal::Decimal;

/// One projection version: the version before it, with these steps taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// The version it makes.
    pub version: u16,
    /// What it is called, behind its number.
    pub name: &'static str,
    /// Why it was made, in a sentence or two.
    pub why: &'static str,
    /// What it does, in order.
    pub steps: &'static [Step],
}

/// One step of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A table is there from now on.
    CreateTable {
        /// Its name.
        table: &'static str,
        /// What its rows are.
        rows: Rows,
        /// Its columns, in order.
        columns: &'static [Column],
        /// Its primary key.
        key: &'static [&'static str],
        /// What a migration filled it with.
        fill: Option<Backfill>,
    },
    /// A table is gone.
    DropTable {
        /// Its name.
        table: &'static str,
    },
    /// A column is there from now on, behind all others.
    AddColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: Column,
        /// What a migration put into the rows that were there.
        fill: Fill,
    },
    /// A column is gone.
    DropColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A column has another name; what it says is the same.
    RenameColumn {
        /// The table.
        table: &'static str,
        /// The old name.
        from: &'static str,
        /// The new name.
        to: &'static str,
    },
    /// A column may be empty from now on; rows appear that could not be held before.
    Nullable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The table has another primary key, and its columns another order.
    Rekey {
        /// The table.
        table: &'static str,
        /// The new key.
        key: &'static [&'static str],
        /// All columns, in their new order.
        order: &'static [&'static str],
        /// What becomes of rows that share a key.
        on_clash: Clash,
    },
    /// A column says something else from now on, also in the rows that were there.
    Reread {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What it says.
        source: Source,
    },
    /// An index is there from now on.
    CreateIndex(Index),
}

/// What becomes of rows that share a key, under the old key as under the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// The last one written stands, in the place of those before it.
    LastWins,
}

/// What a migration puts into a new column of the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// The column's default.
    Default,
    /// What stands in another column of the row.
    CopyOf(&'static str),
}

/// How a migration fills a new table: one row of it a group of an older table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// The older table.
    pub table: &'static str,
    /// Its column that names the group.
    pub per: &'static str,
    /// Its columns that say which row of a group is the latest: that one is taken.
    pub latest_by: &'static [&'static str],
    /// New column and the older column that fills it.
    pub columns: &'static [(&'static str, &'static str)],
}

/// A column's declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// `TEXT`
    Text,
    /// `BOOLEAN`: 0 or 1.
    Boolean,
    /// `INTEGER`
    Integer,
    /// `BIGINT`: sats.
    BigInt,
    /// `REAL`: a rate.
    Real,
    /// `DECIMAL(10,2)`: fiat.
    Fiat,
    /// `DECIMAL(10,4)`: a fraction.
    Fraction,
    /// `TIMESTAMP`: whole seconds since 1970.
    Timestamp,
}

/// A column's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// A text.
    Text(&'static str),
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// The fraction 0.
    NoFraction,
    /// The moment of writing.
    Now,
}

/// A column of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub declared: Declared,
    /// Whether it may not be empty.
    pub not_null: bool,
    /// Whether no two rows may share a value.
    pub unique: bool,
    /// What it is where nothing is given.
    pub default: Option<Default>,
    /// What it says.
    pub source: Source,
}

/// An index of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// Whether no two rows may share its columns.
    pub unique: bool,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// Whether the last of them is sorted downwards.
    pub newest_first: bool,
}

impl Column {
    /// A column that may be empty.
    pub const fn new(name: &'static str, declared: Declared, source: Source) -> Self {
        Self { name, declared, not_null: false, unique: false, default: None, source }
    }

    /// The same, never empty.
    pub const fn not_null(mut self) -> Self {
        self.not_null = true;
        self
    }

    /// The same, with no value twice.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// The same, with a default.
    pub const fn or(mut self, default: Default) -> Self {
        self.default = Some(default);
        self
    }

    /// What a migration leaves in the column where it has nothing to put there. `None`: the moment
    /// of the migration, which no value can tell.
    pub fn default_cell(&self) -> Option<Cell<'static>> {
        match self.default {
            None => Some(Cell::Null),
            Some(Default::Text(text)) => Some(Cell::text(text)),
            Some(Default::Boolean(truth)) => Some(Cell::Boolean(truth)),
            Some(Default::Integer(number)) => Some(Cell::Integer(number)),
            Some(Default::NoFraction) => Some(Cell::Decimal(Decimal::new(0, 4))),
            Some(Default::Now) => None,
        }
    }
}

impl Index {
    /// An index whose columns are all sorted upwards.
    pub const fn new(
        name: &'static str,
        table: &'static str,
        columns: &'static [&'static str],
    ) -> Self {
        Self { name, table, unique: false, columns, newest_first: false }
    }

    /// The same, with no value twice.
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// The same, with its last column sorted downwards.
    pub const fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }
}
