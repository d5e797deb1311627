//! The square commutes: tables that were migrated are the tables that are built in the later version,
//! as far as the earlier version can tell.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::types::Value;
use spireledger_projections::shape::{Backfill, Gap, Origin, Shape, TracedTable, trace};
use spireledger_projections::tables::{Cell, SqlCell};
use spireledger_projections::versions::SPIREKEEPER_NEWEST;

use super::database::{Held, Tables, empty, filled, read, shape};
use super::migrations::sql;
use super::moves;
use super::world::World;

fn at(version: u16) -> Shape {
    Shape::at(version).unwrap()
}

/// The tables of a history, at every version.
fn native(world: &World) -> BTreeMap<u16, Tables> {
    (1..=SPIREKEEPER_NEWEST).map(|version| (version, read(&filled(&at(version), world)))).collect()
}

/// Hands out the tables at `from`, and what each later migration makes of them.
fn migrated(world: &World, from: u16, mut look: impl FnMut(u16, Tables)) {
    let db = filled(&at(from), world);
    for version in from + 1..=SPIREKEEPER_NEWEST {
        db.execute_batch(sql(version)).unwrap();
        look(version, read(&db));
    }
}

#[test]
fn migrating_the_ddl_of_a_version_gives_the_ddl_of_every_later_one() {
    for from in 1..SPIREKEEPER_NEWEST {
        let db = empty(&at(from));
        for version in from + 1..=SPIREKEEPER_NEWEST {
            db.execute_batch(sql(version)).unwrap();
            assert_eq!(shape(&db), shape(&empty(&at(version))), "{from} to {version}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Law A: on a history that version k can hold, the tables at k, migrated, are those at n.
    #[test]
    fn what_a_version_can_hold_migrates_to_what_is_built(
        moves in moves::history(), from in 1..SPIREKEEPER_NEWEST
    ) {
        let world = World::of(&moves, Some(from));
        let built = native(&world);
        migrated(&world, from, |version, copy| {
            assert_eq!(copy, built[&version], "{from} to {version}");
        });
    }

    /// Law B: on any history, every cell that traces back to version k is equal, what a migration
    /// adds is what it puts there, and no row is missing but for a reason.
    #[test]
    fn what_traces_back_is_equal_on_any_history(moves in moves::history()) {
        let world = World::of(&moves, None);
        let built = native(&world);
        for from in 1..SPIREKEEPER_NEWEST {
            migrated(&world, from, |version, copy| {
                let traced = trace(from, version).unwrap();
                assert_eq!(copy.len(), traced.len(), "{from} to {version}");
                for table in &traced {
                    let square = Square {
                        table,
                        older: &built[&from],
                        copy: &copy[table.name],
                        built: &built[&version][table.name],
                        what: format!("{} from {from} to {version}", table.name),
                    };
                    square.has_no_row_of_its_own_and_lacks_none_without_reason();
                    square.cells_are_what_they_trace_back_to();
                }
            });
        }
    }
}

/// One table on its two ways.
struct Square<'a> {
    table: &'a TracedTable,
    /// All tables at the older version.
    older: &'a Tables,
    /// The table after the migrations.
    copy: &'a [Held],
    /// The table as it is built.
    built: &'a [Held],
    what: String,
}

impl Square<'_> {
    fn key(&self, row: &Held) -> Vec<Value> {
        self.table.key.iter().map(|column| row[*column].clone()).collect()
    }

    fn has_no_row_of_its_own_and_lacks_none_without_reason(&self) {
        let copied: Vec<_> = self.copy.iter().map(|row| self.key(row)).collect();
        let built: Vec<_> = self.built.iter().map(|row| self.key(row)).collect();
        for key in &copied {
            assert!(built.contains(key), "{}: {key:?} is in the copy alone", self.what);
        }
        for row in self.built.iter().filter(|row| !copied.contains(&self.key(row))) {
            let excused = self.table.gaps.iter().any(|gap| self.excuses(gap, row));
            assert!(excused, "{}: {row:?} is missing, without a reason", self.what);
        }
    }

    fn excuses(&self, gap: &Gap, row: &Held) -> bool {
        match gap {
            Gap::Created => self.copy.is_empty(),
            Gap::Filled(fill) => self.group(fill, row).is_empty(),
            // The column is empty, or went with the version that could not hold it so.
            Gap::Admitted(column) => row.get(*column).is_none_or(|value| *value == Value::Null),
            Gap::Keyed(key) => {
                let shares =
                    |other: &&Held| key.iter().all(|column| other[*column] == row[*column]);
                self.built.iter().filter(shares).count() > 1
            }
        }
    }

    /// The older rows that a row was filled from, the latest first.
    fn group(&self, fill: &Backfill, row: &Held) -> Vec<&Held> {
        let (newer, _) = fill.columns.iter().find(|(_, older)| *older == fill.per).unwrap();
        let older = self.older.get(fill.table).map(Vec::as_slice).unwrap_or_default();
        let mut group: Vec<&Held> =
            older.iter().filter(|older| older[fill.per] == row[*newer]).collect();
        let time = |row: &Held, column: &str| match row[column] {
            Value::Integer(seconds) => seconds,
            ref other => panic!("{column} is no moment: {other:?}"),
        };
        group.sort_by_key(|row| {
            std::cmp::Reverse(fill.latest_by.iter().map(|c| time(row, c)).collect::<Vec<_>>())
        });
        group
    }

    /// The older row of a row: of its own key, or the one it was filled from.
    fn older_of(&self, row: &Held, table: &str) -> Option<&Held> {
        let filled = self.table.gaps.iter().find_map(|gap| match gap {
            Gap::Filled(fill) => Some(fill),
            _ => None,
        });
        if let Some(fill) = filled.filter(|fill| fill.table == table) {
            return self.group(fill, row).first().copied();
        }
        self.older[table]
            .iter()
            .find(|older| self.table.key.iter().all(|column| older[*column] == row[*column]))
    }

    fn cells_are_what_they_trace_back_to(&self) {
        for row in self.copy {
            let built = self.built.iter().find(|built| self.key(built) == self.key(row)).unwrap();
            for traced in &self.table.columns {
                let name = traced.column.name;
                let expected = match &traced.origin {
                    Origin::Same { .. } => built[name].clone(),
                    Origin::Copy { table, column } => {
                        self.older_of(row, table).expect(&self.what)[*column].clone()
                    }
                    Origin::Default(cell) => stored(cell.as_ref().expect("no moment is traced")),
                    Origin::Reread { table, column } => {
                        // The machine's currency, where the older version shows the machine.
                        let machines = &self.older["dca_machines"];
                        if machines.iter().any(|machine| machine["id"] == row["machine_id"]) {
                            built[name].clone()
                        } else {
                            self.older_of(row, table).expect(&self.what)[*column].clone()
                        }
                    }
                };
                assert_eq!(row[name], expected, "{}: {name} of {row:?}", self.what);
            }
        }
    }
}

/// A cell as a column of its kind holds it.
fn stored(cell: &Cell<'_>) -> Value {
    match cell.sql() {
        SqlCell::Null => Value::Null,
        SqlCell::Integer(number) => Value::Integer(number),
        SqlCell::Decimal(decimal) if decimal.is_zero() => Value::Integer(0),
        SqlCell::Decimal(decimal) => Value::Real(decimal.to_string().parse().unwrap()),
        SqlCell::Text(text) => Value::Text(text.to_owned()),
        SqlCell::Real(_) | SqlCell::Bytes(_) => panic!("no migration writes one"),
    }
}
