//! Parquet files, read back and held against the same rows as JSON Lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::Value;

use crate::world::World;

/// The recorded month of a small fleet.
const MONTH: &str = include_str!("../../fixtures/fleet/month.jsonl");

fn open(path: &Path) -> SerializedFileReader<File> {
    SerializedFileReader::new(File::open(path).expect("a file")).expect("a Parquet file")
}

/// A decimal without the zeros that only fill its places up.
fn shortest(text: &str) -> String {
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text.to_owned(),
    }
}

fn decimal(decimal: &parquet::data_type::Decimal) -> String {
    let bytes = decimal.data();
    let number = bytes
        .iter()
        .skip(1)
        .fold(i128::from(bytes[0].cast_signed()), |number, byte| (number << 8) | i128::from(*byte));
    let places = usize::try_from(decimal.scale()).expect("places");
    let digits = format!("{:0width$}", number.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    shortest(&format!("{}{whole}.{part}", if number < 0 { "-" } else { "" }))
}

/// A field as JSON Lines have it; decimals in their shortest form.
fn json(field: &Field) -> Value {
    match field {
        Field::Null => Value::Null,
        Field::Bool(truth) => (*truth).into(),
        Field::Long(number) => (*number).into(),
        Field::Str(text) => text.clone().into(),
        Field::Decimal(number) => decimal(number).into(),
        Field::TimestampMicros(micros) => spireledger_schema::time::Timestamp::from_micros(*micros)
            .expect("a moment")
            .to_string()
            .into(),
        other => panic!("no cell is read as {other:?}"),
    }
}

type Rows = Vec<BTreeMap<String, Value>>;

/// The rows of a file, and the names of the columns that are decimals.
fn rows(path: &Path) -> (Rows, Vec<String>) {
    let reader = open(path);
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    let decimals = schema.columns().iter().filter(|column| column.type_precision() > 0);
    let decimals = decimals.map(|column| column.name().to_owned()).collect();
    let row = |row: parquet::errors::Result<parquet::record::Row>| {
        let row = row.expect("a row");
        row.get_column_iter().map(|(name, field)| (name.clone(), json(field))).collect()
    };
    (reader.get_row_iter(None).expect("rows").map(row).collect(), decimals)
}

#[test]
fn parquet_holds_the_rows_of_json_lines_cell_by_cell() {
    let world = World::with_ledger();
    world.submit(MONTH).ends_with(1);
    for version in ["1", "4", "12", "13"] {
        let export = |format: &str| {
            let args =
                ["tables", "export", "--version", version, "--format", format, "--out", format];
            world.run(&args).succeeds()
        };
        assert_eq!(export("parquet").err, "", "no column had to be text");
        export("jsonl");
        let mut compared = 0;
        for item in std::fs::read_dir(world.path("jsonl")).expect("a directory").flatten() {
            let path = item.path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            let (read, decimals) = rows(&world.path("parquet").join(format!("{name}.parquet")));
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let expected = text.lines().map(|line| {
                let mut row: BTreeMap<String, Value> = serde_json::from_str(line).expect("JSON");
                for name in &decimals {
                    if let Some(Value::String(text)) = row.get_mut(name) {
                        *text = shortest(text);
                    }
                }
                row
            });
            let expected: Rows = expected.collect();
            assert_eq!(read, expected, "{name} of version {version}");
            compared += read.len();
        }
        assert!(compared > 400, "{compared} rows");
    }
}

#[test]
fn a_parquet_file_says_what_it_is_of() {
    let world = World::with_fleet();
    let args =
        ["tables", "export", "--format", "parquet", "--out", "p", "--as-of", "5", "--version", "9"];
    world.run(&args).succeeds();
    let entry = world.run(&["log", "show", "--from", "5", "--to", "5", "--json"]).lines();
    let reader = open(&world.path("p/dca_deposits.parquet"));
    let file = reader.metadata().file_metadata();
    let about = file.key_value_metadata().expect("metadata").iter();
    let about: BTreeMap<_, _> =
        about.map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap_or_default())).collect();
    let hash = entry[0]["hash"].as_str().expect("a hash");
    assert_eq!(
        about,
        BTreeMap::from([
            ("spireledger.table", "dca_deposits"),
            ("spireledger.version", "9"),
            ("spireledger.position", "5"),
            ("spireledger.entry_hash", hash),
        ])
    );
    let mut columns: BTreeMap<&str, bool> = BTreeMap::new();
    for column in file.schema_descr().columns() {
        columns.insert(column.name(), column.self_type().is_optional());
    }
    assert_eq!((columns["amount"], columns["notes"]), (false, true));
}
