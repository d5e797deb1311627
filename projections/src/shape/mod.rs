//! The shape of a version: its tables, columns, keys and indexes, folded from the migrations.
//!
//! No version's shape is written down anywhere. Version n is the first n migrations, one upon the
//! other: see [`crate::versions`].
//!
//! *Never:* run SQL. *Start at:* [`Shape::at`].

mod ddl;
mod page;
mod step;
mod trace;

pub use page::{SCHEMA, history, printed};
pub use step::{Backfill, Clash, Column, Declared, Default, Fill, Index, Migration, Step};
pub use trace::{Effect, Gap, Origin, TracedColumn, TracedTable, trace};

use std::sync::LazyLock;

use crate::cell::Cell;
use crate::facts::{Rows, Subject};
use crate::imported::ImportedRow;
use crate::versions::VERSIONS;

/// All tables of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    version: u16,
    tables: Vec<Table>,
}

/// One table of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    name: &'static str,
    rows: Rows,
    columns: Vec<Column>,
    key: &'static [&'static str],
    indexes: Vec<Index>,
}

/// The state behind a row, and the row it was brought in as, if it was.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The state.
    pub subject: Subject<'a>,
    /// What was found.
    pub imported: Option<&'a ImportedRow>,
}

impl<'a> From<Subject<'a>> for Seen<'a> {
    fn from(subject: Subject<'a>) -> Self {
        Self { subject, imported: None }
    }
}

/// A step speaks of something that is not there, or is there already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("version {version} speaks of `{what}`, which {why}")]
pub struct Misfit {
    /// The migration's version.
    pub version: u16,
    /// Table, column or index.
    pub what: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Shape {
    /// The shape of a version. `None`: there is no such version.
    pub fn at(version: u16) -> Option<Self> {
        let migrations = VERSIONS.get(..usize::from(version))?;
        if version == 0 { None } else { Self::fold(migrations).ok() }
    }

    /// The same, made once and lent.
    pub fn lent(version: u16) -> Option<&'static Self> {
        static SHAPES: LazyLock<Vec<Shape>> =
            LazyLock::new(|| (1..).map_while(Shape::at).collect());
        SHAPES.get(usize::from(version).checked_sub(1)?)
    }

    /// The newest shape there is.
    pub fn newest() -> Self {
        // That all versions fold is a test; without tables nothing is shown, and nothing is wrong.
        Self::fold(VERSIONS).unwrap_or_else(|_| Self::empty())
    }

    /// No tables yet.
    pub const fn empty() -> Self {
        Self { version: 0, tables: Vec::new() }
    }

    /// What migrations make of nothing, one upon the other.
    pub fn fold(migrations: &[Migration]) -> Result<Self, Misfit> {
        let mut shape = Self::empty();
        for migration in migrations {
            shape.migrate(migration)?;
        }
        Ok(shape)
    }

    /// The next version, in place of this one.
    pub fn migrate(&mut self, migration: &Migration) -> Result<(), Misfit> {
        self.version = migration.version;
        migration.steps.iter().try_for_each(|step| self.step(step))
    }

    /// Which version it is; 0 for none.
    pub const fn version(&self) -> u16 {
        self.version
    }

    /// The tables, in the order in which they came.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// One table.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Takes one step.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), Misfit> {
        let version = self.version;
        let misfit = |what: &str, why| Misfit { version, what: what.to_owned(), why };
        match *step {
            Step::CreateTable { table, rows, columns, key, .. } => {
                if self.table(table).is_some() {
                    return Err(misfit(table, "is there already"));
                }
                let columns = columns.to_vec();
                self.tables.push(Table { name: table, rows, columns, key, indexes: Vec::new() });
            }
            Step::DropTable { table } => {
                self.table_mut(table)?;
                self.tables.retain(|found| found.name != table);
            }
            Step::AddColumn { table, column, .. } => {
                let table = self.table_mut(table)?;
                if table.column(column.name).is_some() {
                    return Err(misfit(column.name, "is there already"));
                }
                table.columns.push(column);
            }
            Step::DropColumn { table, column } => {
                self.column_mut(table, column)?;
                self.table_mut(table)?.columns.retain(|found| found.name != column);
            }
            Step::RenameColumn { table, from, to } => self.column_mut(table, from)?.name = to,
            Step::Nullable { table, column } => self.column_mut(table, column)?.not_null = false,
            Step::Rekey { table, key, order, on_clash: Clash::LastWins } => {
                let table = self.table_mut(table)?;
                let ordered: Vec<Column> =
                    order.iter().filter_map(|name| table.column(name).copied()).collect();
                if ordered.len() != order.len() || ordered.len() != table.columns.len() {
                    return Err(misfit(table.name, "has not just the columns of the new order"));
                }
                table.columns = ordered;
                table.key = key;
            }
            Step::Reread { table, column, source } => {
                self.column_mut(table, column)?.source = source;
            }
            Step::CreateIndex(index) => self.table_mut(index.table)?.indexes.push(index),
        }
        Ok(())
    }

    fn table_mut(&mut self, name: &str) -> Result<&mut Table, Misfit> {
        let version = self.version;
        let missing = || Misfit { version, what: name.to_owned(), why: "is not there" };
        self.tables.iter_mut().find(|table| table.name == name).ok_or_else(missing)
    }

    fn column_mut(&mut self, table: &str, name: &str) -> Result<&mut Column, Misfit> {
        let version = self.version;
        let missing = || Misfit { version, what: format!("{table}.{name}"), why: "is not there" };
        let table = self.table_mut(table)?;
        table.columns.iter_mut().find(|column| column.name == name).ok_or_else(missing)
    }
}

impl Table {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What its rows are.
    pub const fn rows(&self) -> Rows {
        self.rows
    }

    /// Its columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// One column.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns of its primary key.
    pub const fn key(&self) -> &'static [&'static str] {
        self.key
    }

    /// Its indexes.
    pub fn indexes(&self) -> &[Index] {
        &self.indexes
    }

    /// The row of a subject, in the order of the columns.
    ///
    /// `None`: this table has no such rows, or it cannot hold this one, because a column that may
    /// not be empty has nothing to say (a machine without a public key before version 11, an
    /// enrolment whose LP has no wallet yet before version 4).
    pub fn row<'a>(&self, seen: &Seen<'a>) -> Option<Vec<Cell<'a>>> {
        if seen.subject.rows() != self.rows {
            return None;
        }
        let mut row = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let cell = match seen.imported {
                None => column.source.read(&seen.subject),
                Some(imported) => imported.shown(column, &seen.subject),
            };
            if column.not_null && cell == Cell::Null {
                return None;
            }
            row.push(cell);
        }
        Some(row)
    }

    /// The key's cells of a row.
    pub fn key_of<'r, 'a>(&self, row: &'r [Cell<'a>]) -> Vec<&'r Cell<'a>> {
        let named = self.columns.iter().zip(row);
        named.filter(|(column, _)| self.key.contains(&column.name)).map(|(_, cell)| cell).collect()
    }
}
