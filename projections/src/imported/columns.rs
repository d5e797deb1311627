//! What the columns of a source table say: the facts of the columns that versions have had.

use std::sync::LazyLock;

use spireledger_schema::imported::SourceTable;

use crate::facts::Source;
use crate::shape::Shape;
use crate::versions::SPIREKEEPER_NEWEST;

/// For each table, in the order of [`SourceTable::ALL`], the fact of each of its columns.
static SOURCES: LazyLock<Vec<Vec<Source>>> = LazyLock::new(|| {
    let shapes: Vec<Shape> = (1..=SPIREKEEPER_NEWEST).filter_map(Shape::at).collect();
    SourceTable::ALL.iter().map(|table| facts(&shapes, *table)).collect()
});

fn facts(shapes: &[Shape], table: SourceTable) -> Vec<Source> {
    let versions = shapes.iter().filter_map(|shape| shape.table(table.as_str()));
    let columns: Vec<_> = versions.flat_map(super::super::shape::Table::columns).collect();
    let fact = |place: usize| {
        columns.iter().find(|column| table.place(column.name) == Some(place)).map(|c| c.source)
    };
    (0..table.columns().len()).filter_map(fact).collect()
}

/// The facts of a table's columns, in the order of [`SourceTable::columns`].
pub fn sources(table: SourceTable) -> &'static [Source] {
    let place = SourceTable::ALL.iter().position(|found| *found == table);
    place.and_then(|place| SOURCES.get(place)).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_source_table_is_one_that_some_version_has() {
        for table in SourceTable::ALL {
            assert_eq!(sources(*table).len(), table.columns().len(), "{table}");
        }
    }

    #[test]
    fn every_column_of_every_version_has_its_place() {
        for shape in (1..=SPIREKEEPER_NEWEST).filter_map(Shape::at) {
            for table in shape.tables() {
                let source = SourceTable::parse(table.name());
                for column in table.columns() {
                    let place = source.and_then(|source| source.place(column.name));
                    assert!(place.is_some(), "{}.{}", table.name(), column.name);
                }
            }
        }
    }
}
