//! What is written is read back, cell by cell.

use std::borrow::Cow;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use spireledger_schema::money::{ExchangeRate, Fiat};
use spireledger_schema::time::Timestamp;

use super::*;
use spireledger_projections::shape::{self, Declared};
use spireledger_projections::tables::Cell;

fn rate(text: &str) -> Cell<'static> {
    Cell::Decimal(ExchangeRate::parse(text).unwrap().decimal())
}

/// A row of settlements: each cell by its column's name, the others as if nothing special was said.
fn row(table: &Table, said: &[(&str, Cell<'static>)]) -> Row<'static> {
    assert!(said.iter().all(|(name, _)| table.column(name).is_some()), "{said:?}");
    let usual = |column: &shape::Column| {
        if !column.not_null {
            return Cell::Null;
        }
        match column.declared {
            Declared::Text => Cell::text("a"),
            Declared::Boolean => Cell::Boolean(true),
            Declared::Integer | Declared::BigInt => Cell::Integer(7),
            Declared::Real => rate("129.5145"),
            Declared::Fiat | Declared::Fraction => {
                Cell::Decimal(Fiat::from_minor(150).unwrap().decimal())
            }
            Declared::Timestamp => {
                Cell::Time(Timestamp::from_micros(1_767_225_600_000_001).unwrap())
            }
        }
    };
    let cell = |column: &shape::Column| {
        let found = said.iter().find(|(name, _)| *name == column.name);
        found.map_or_else(|| usual(column), |(_, cell)| cell.clone())
    };
    table.columns().iter().map(cell).collect()
}

/// Writes rows and reads them back, as texts.
fn there_and_back(
    table: &Table,
    rows: &[Row<'static>],
) -> (ParquetTable, Vec<Vec<Option<String>>>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    let written = write(table, &[], &path, |sink| rows.iter().try_for_each(&mut *sink)).unwrap();
    assert!(!dir.path().join("t.parquet.new").exists());
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let groups = reader.num_row_groups();
    let read = reader.get_row_iter(None).unwrap().map(|row| {
        let row = row.unwrap();
        row.get_column_iter().map(|(_, field)| text(field)).collect()
    });
    (written, read.collect(), groups)
}

/// A field as its cell would be printed.
fn text(field: &Field) -> Option<String> {
    Some(match field {
        Field::Null => return None,
        Field::Bool(truth) => truth.to_string(),
        Field::Long(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::TimestampMicros(micros) => Timestamp::from_micros(*micros).unwrap().to_string(),
        Field::Decimal(decimal) => {
            let number = match decimal.data() {
                data if data.len() == 8 => i128::from(i64::from_be_bytes(data.try_into().unwrap())),
                data => i128::from_be_bytes(data.try_into().unwrap()),
            };
            format!("{number}e-{}", decimal.scale())
        }
        other => panic!("no cell is read as {other:?}"),
    })
}

/// A cell as it should be read from a column of its own type.
fn printed(cell: &Cell<'_>, declared: Declared) -> Option<String> {
    let places: u32 = match declared {
        Declared::Fiat => 2,
        Declared::Fraction => 4,
        Declared::Real => 18,
        _ if *cell == Cell::Null => return None,
        _ => return Some(cell.to_string()),
    };
    match cell {
        Cell::Null => None,
        Cell::Decimal(decimal) => {
            let number = decimal.mantissa() * 10i128.pow(places - decimal.scale());
            Some(format!("{number}e-{places}"))
        }
        other => panic!("{other:?} is no decimal"),
    }
}

fn expected(rows: &[Row<'static>]) -> Vec<Vec<Option<String>>> {
    let shape = Shape::newest();
    let columns = shape.table("dca_settlements").unwrap().columns();
    let of_row = |row: &Row<'static>| {
        columns.iter().zip(row).map(|(column, cell)| printed(cell, column.declared)).collect()
    };
    rows.iter().map(of_row).collect()
}

fn settlements() -> Table {
    Shape::newest().table("dca_settlements").unwrap().clone()
}

#[test]
fn every_cell_comes_back_as_it_was() {
    let table = settlements();
    let most = i64::try_from(spireledger_schema::limits::SATS_MAX).unwrap();
    let rows = [
        row(&table, &[]),
        row(&table, &[("error_message", Cell::text("zwei\n\"Zeilen\" ₿"))]),
        row(&table, &[("wire_sats", Cell::Integer(most)), ("fee_sats", Cell::Integer(0))]),
        row(
            &table,
            &[("fiat_amount", Cell::Decimal(Fiat::from_minor(10i64.pow(15)).unwrap().decimal()))],
        ),
        row(&table, &[("exchange_rate", rate("2100000000000000"))]),
        row(&table, &[("exchange_rate", rate("0.000000000000000001"))]),
        row(&table, &[("exchange_rate", rate("1234567890.123456789012345678"))]),
        row(&table, &[("processed_at", Cell::Time(Timestamp::EPOCH))]),
    ];
    let (written, read, groups) = there_and_back(&table, &rows);
    assert_eq!(written, ParquetTable { rows: 8, as_text: BTreeSet::new() });
    assert_eq!(read, expected(&rows));
    assert_eq!(groups, 1);
}

#[test]
fn a_row_group_has_an_end_and_no_row_is_lost_between_two() {
    let table = settlements();
    let numbered = |n| row(&table, &[("wire_sats", Cell::Integer(n))]);
    let rows: Vec<_> = (0..).map(numbered).take(GROUP_ROWS + 1).collect();
    let (written, read, groups) = there_and_back(&table, &rows);
    assert_eq!((written.rows, groups), (GROUP_ROWS as u64 + 1, 2));
    assert!(read == expected(&rows));

    let long = "x".repeat(GROUP_BYTES / 3);
    let rows: Vec<_> =
        (0..7).map(|_| row(&table, &[("notes", Cell::Text(Cow::Owned(long.clone())))])).collect();
    let (_, read, groups) = there_and_back(&table, &rows);
    assert_eq!((read.len(), groups), (7, 3));
}

#[test]
fn a_table_without_rows_is_a_file_all_the_same() {
    assert_eq!(there_and_back(&settlements(), &[]).1, Vec::<Vec<Option<String>>>::new());
}

#[test]
fn a_column_with_a_cell_of_another_type_is_text_and_loses_nothing() {
    let misfits = [
        ("wire_sats", Cell::text("many"), "many"),
        ("wire_sats", rate("1.5"), "1.5"),
        ("fiat_amount", rate("0.001"), "0.001"),
        ("fiat_amount", Cell::text("2,000"), "2,000"),
        ("exchange_rate", Cell::Null, ""),
        ("created_at", Cell::text("yesterday"), "yesterday"),
    ];
    let misfits = misfits.map(|(name, cell, shown)| (settlements(), name, cell, shown));
    let machines = Shape::newest().table("dca_machines").unwrap().clone();
    let truth = (machines, "is_active", Cell::Integer(2), "2");
    for (table, name, cell, shown) in misfits.into_iter().chain([truth]) {
        let rows = [row(&table, &[]), row(&table, &[(name, cell.clone())]), row(&table, &[])];
        let (written, read, _) = there_and_back(&table, &rows);
        assert_eq!(written.as_text, BTreeSet::from([name]), "{cell:?}");
        assert_eq!(written.rows, 3);
        let at = table.columns().iter().position(|column| column.name == name).unwrap();
        let usual = Some(rows[0][at].to_string());
        let shown = Some(shown.to_owned()).filter(|shown| !shown.is_empty());
        let column: Vec<_> = read.iter().map(|row| row[at].clone()).collect();
        assert_eq!(column, [usual.clone(), shown, usual], "{name}");
    }
}

#[test]
fn a_number_that_was_found_in_a_database_is_the_decimal_of_its_digits() {
    let table = settlements();
    let found = |digits| [row(&table, &[("exchange_rate", Cell::Real(Cow::Borrowed(digits)))])];
    for (digits, number) in [("129.5145", "1295145"), ("5e-4", "5"), ("2e3", "20000000")] {
        let (written, read, _) = there_and_back(&table, &found(digits));
        assert_eq!(written.as_text, BTreeSet::new(), "{digits}");
        let number = format!("{number}{}e-18", "0".repeat(14));
        assert!(read[0].contains(&Some(number)), "{digits}: {read:?}");
    }
    for digits in ["1e-19", "1e300", "NaN"] {
        let (written, read, _) = there_and_back(&table, &found(digits));
        assert_eq!(written.as_text, BTreeSet::from(["exchange_rate"]), "{digits}");
        assert!(read[0].contains(&Some(digits.into())), "{digits}: {read:?}");
    }
}

#[test]
fn a_whole_number_is_a_decimal_too() {
    let table = settlements();
    let rows =
        [row(&table, &[("fiat_amount", Cell::Integer(-12)), ("exchange_rate", Cell::Integer(3))])];
    let (written, read, _) = there_and_back(&table, &rows);
    assert_eq!(written.as_text, BTreeSet::new());
    assert!(read[0].contains(&Some("-1200e-2".into())), "{read:?}");
    assert!(read[0].contains(&Some(format!("3{}e-18", "0".repeat(18)))), "{read:?}");
}
