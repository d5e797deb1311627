//! What of a newer version stood in an older one, and what an older table could never tell.
//!
//! Tables of version k that were migrated to version n cannot hold more than version k did; tables
//! of version n that are built from the log can. Because migrations are values, where the two must
//! agree, and what stands in the copy where they need not, is computed here.

use super::{Backfill, Column, Fill, Migration, Misfit, Shape, Step};
use crate::cell::Cell;
use crate::facts::Source;
use crate::versions::VERSIONS;

/// Where the cells of a column come from in a migrated copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The same fact stood in this column of the older version: the cells are equal.
    Same {
        /// The older table.
        table: &'static str,
        /// The older column.
        column: &'static str,
    },
    /// Another fact stood in this column, and the migration wrote the newer one over it, as far as
    /// it found that in the older tables.
    Reread {
        /// The older table.
        table: &'static str,
        /// The older column.
        column: &'static str,
    },
    /// The older version did not have the fact. The copy holds what stood in this column.
    Copy {
        /// The older table.
        table: &'static str,
        /// The older column.
        column: &'static str,
    },
    /// The older version did not have the fact. The copy holds this; `None`: the moment of the
    /// migration.
    Default(Option<Cell<'static>>),
}

/// Why a copy can lack rows that the newer version has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gap {
    /// The older version had no such table; the copy is empty.
    Created,
    /// The older version had no such table; the copy has what another table told.
    Filled(Backfill),
    /// The older version had no rows in which this column would be empty.
    Admitted(&'static str),
    /// Under this older key the older version held one row of several.
    Keyed(&'static [&'static str]),
}

/// A column of the newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedColumn {
    /// The column.
    pub column: Column,
    /// Where its cells come from.
    pub origin: Origin,
}

/// A table of the newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedTable {
    /// Its name.
    pub name: &'static str,
    /// Its primary key.
    pub key: &'static [&'static str],
    /// Its columns, in order.
    pub columns: Vec<TracedColumn>,
    /// Why the copy can lack rows; if there is no reason, it has them all.
    pub gaps: Vec<Gap>,
}

/// Traces the tables of version `to` back to version `from`. `None`: there is no such pair.
pub fn trace(from: u16, to: u16) -> Option<Vec<TracedTable>> {
    let mut shape = Shape::at(from)?;
    let later = VERSIONS.get(usize::from(from)..usize::from(to))?;
    let mut traces = Traces(shape.tables().iter().flat_map(Trace::of_itself).collect());
    let mut gaps = Vec::new();
    for migration in later {
        traces.migrate(migration, &mut shape, &mut gaps).ok()?;
    }
    let table = |table: &super::Table| TracedTable {
        name: table.name(),
        key: table.key(),
        columns: table
            .columns()
            .iter()
            .map(|column| TracedColumn {
                column: *column,
                origin: traces.origin(table.name(), column.name),
            })
            .collect(),
        gaps: gaps
            .iter()
            .filter(|(name, _)| *name == table.name())
            .map(|(_, g)| g.clone())
            .collect(),
    };
    Some(shape.tables().iter().map(table).collect())
}

/// A column on its way.
struct Trace {
    table: &'static str,
    column: &'static str,
    source: Source,
    origin: Origin,
}

impl Trace {
    fn of_itself(table: &super::Table) -> Vec<Self> {
        let name = table.name();
        let trace = |column: &Column| Self {
            table: name,
            column: column.name,
            source: column.source,
            origin: Origin::Same { table: name, column: column.name },
        };
        table.columns().iter().map(trace).collect()
    }
}

struct Traces(Vec<Trace>);

impl Traces {
    fn migrate(
        &mut self,
        migration: &Migration,
        shape: &mut Shape,
        gaps: &mut Vec<(&'static str, Gap)>,
    ) -> Result<(), Misfit> {
        for step in migration.steps {
            gaps.extend(gap(step, shape));
            self.step(step);
            shape.step(step)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::CreateTable { table, columns, fill, .. } => {
                for column in columns {
                    let origin = self.backfilled(column, fill.as_ref());
                    self.add(table, column, origin);
                }
            }
            Step::AddColumn { table, column, fill } => {
                let origin = match fill {
                    Fill::Default => Origin::Default(column.default_cell()),
                    Fill::CopyOf(other) => self.copied(table, other, &column),
                };
                self.add(table, &column, origin);
            }
            Step::RenameColumn { table, from, to } => {
                for trace in self.at(table, from) {
                    trace.column = to;
                }
            }
            Step::Reread { table, column, source } => {
                for trace in self.at(table, column) {
                    trace.source = source;
                    if let Origin::Same { table, column } = trace.origin {
                        trace.origin = Origin::Reread { table, column };
                    }
                }
            }
            Step::DropColumn { table, column } => {
                self.0.retain(|trace| (trace.table, trace.column) != (table, column));
            }
            Step::DropTable { table } => self.0.retain(|trace| trace.table != table),
            Step::Nullable { .. } | Step::Rekey { .. } | Step::CreateIndex(_) => {}
        }
    }

    fn add(&mut self, table: &'static str, column: &Column, origin: Origin) {
        let trace = Trace { table, column: column.name, source: column.source, origin };
        self.0.push(trace);
    }

    fn at(&mut self, table: &str, column: &str) -> impl Iterator<Item = &mut Trace> {
        self.0.iter_mut().filter(move |trace| trace.table == table && trace.column == column)
    }

    fn backfilled(&self, column: &Column, fill: Option<&Backfill>) -> Origin {
        let filled = fill.and_then(|fill| {
            let (_, older) = fill.columns.iter().find(|(newer, _)| *newer == column.name)?;
            Some(self.copied(fill.table, older, column))
        });
        filled.unwrap_or_else(|| Origin::Default(column.default_cell()))
    }

    /// Where a column comes from that was filled with what stands in another.
    fn copied(&self, table: &str, other: &str, column: &Column) -> Origin {
        let found = self.0.iter().find(|trace| trace.table == table && trace.column == other);
        match found.map(|trace| (trace.source == column.source, &trace.origin)) {
            Some((false, Origin::Same { table, column })) => Origin::Copy { table, column },
            Some((_, origin)) => origin.clone(),
            None => Origin::Default(None),
        }
    }

    fn origin(&self, table: &str, column: &str) -> Origin {
        let found = self.0.iter().find(|trace| trace.table == table && trace.column == column);
        found.map_or(Origin::Default(None), |trace| trace.origin.clone())
    }
}

fn gap(step: &Step, before: &Shape) -> Option<(&'static str, Gap)> {
    match *step {
        Step::CreateTable { table, fill: None, .. } => Some((table, Gap::Created)),
        Step::CreateTable { table, fill: Some(fill), .. } => Some((table, Gap::Filled(fill))),
        Step::Nullable { table, column } => Some((table, Gap::Admitted(column))),
        Step::Rekey { table, .. } => {
            before.table(table).map(|older| (table, Gap::Keyed(older.key())))
        }
        Step::DropColumn { table, column } => {
            let dropped = before.table(table).and_then(|older| older.column(column))?;
            dropped.not_null.then_some((table, Gap::Admitted(column)))
        }
        Step::DropTable { .. }
        | Step::AddColumn { .. }
        | Step::RenameColumn { .. }
        | Step::Reread { .. }
        | Step::CreateIndex(_) => None,
    }
}

/// What a step does to what the tables can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The tables tell the same as before.
    Keeps,
    /// The newer tables cannot tell what the older told.
    Forgets,
    /// The newer tables tell what the older could not: a migrated copy does not know it.
    Reveals,
}

impl Step {
    /// What the step does to what the tables can tell, taken from this shape.
    pub fn effect(&self, before: &Shape) -> Effect {
        match *self {
            Self::RenameColumn { .. } | Self::CreateIndex(_) => Effect::Keeps,
            Self::Reread { .. } | Self::DropTable { .. } => Effect::Forgets,
            Self::CreateTable { .. } | Self::Nullable { .. } | Self::Rekey { .. } => {
                Effect::Reveals
            }
            Self::AddColumn { table, column, fill } => {
                let copied = match fill {
                    Fill::Default => None,
                    Fill::CopyOf(other) => before.table(table).and_then(|t| t.column(other)),
                };
                let same = copied.is_some_and(|other| other.source == column.source);
                if same { Effect::Keeps } else { Effect::Reveals }
            }
            Self::DropColumn { table, column } => {
                let source = before.table(table).and_then(|t| t.column(column)).map(|c| c.source);
                let elsewhere = before.tables().iter().flat_map(|other| {
                    other.columns().iter().map(move |found| (other.name(), found))
                });
                let kept = elsewhere
                    .filter(|(name, found)| (*name, found.name) != (table, column))
                    .any(|(_, found)| Some(found.source) == source);
                if kept { Effect::Keeps } else { Effect::Forgets }
            }
        }
    }
}
