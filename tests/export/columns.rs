//! Columns of exported files: which there are, in which order, is settled for ever by the version.

use std::collections::BTreeMap;

use parquet::file::reader::{FileReader, SerializedFileReader};
use spireledger_projections::tables::Shape;
use spireledger_projections::versions::NEWEST;

use crate::world::{Told, World, read};

/// The columns of each table of each version, as they were released.
const RELEASED: &str = include_str!("../../fixtures/columns.txt");

/// The first line of each CSV file.
fn columns(told: &Told, version: u16) -> Vec<(String, String)> {
    let (version, dir) = (version.to_string(), format!("csv{version}"));
    told.does(&["export", "--format", "csv", "--version", &version, "--out", &dir]);
    let mut all = Vec::new();
    for file in std::fs::read_dir(told.path(&dir)).expect("a directory").flatten() {
        let name = file.file_name().to_string_lossy().trim_end_matches(".csv").to_owned();
        let header = read(&file.path()).lines().next().expect("a header").to_owned();
        all.push((name, header));
    }
    all.sort();
    all
}

/// Whoever has read an export of a version can read every later one of it.
#[test]
fn columns_of_a_released_version_never_change() {
    let told = World::of_seed(1).done();
    let mut found = String::new();
    for version in 1..=NEWEST {
        for (table, header) in columns(&told, version) {
            found.extend([version.to_string().as_str(), " ", &table, ": ", &header, "\n"]);
        }
    }
    let new = || {
        let path = std::env::temp_dir().join("spireledger-columns.txt");
        std::fs::write(&path, &found).expect("written");
        path
    };
    assert!(
        found.starts_with(RELEASED),
        "columns have changed within a version (now: {})",
        new().display()
    );
    assert_eq!(found, RELEASED, "a new version's columns are to be added: {}", new().display());
}

/// All three kinds of files have the same rows, in columns of the same names and order.
#[test]
fn csv_json_lines_and_parquet_tell_the_same() {
    let told = World::of_seed(2).done();
    let headers: BTreeMap<String, String> = columns(&told, NEWEST).into_iter().collect();
    told.does(&["export", "--format", "jsonl", "--out", "jsonl"]);
    told.does(&["export", "--format", "parquet", "--out", "parquet"]);
    assert_eq!(headers.len(), Shape::newest().tables().len());
    for (table, header) in headers {
        let names: Vec<&str> = header.split(',').collect();
        let parquet = std::fs::File::open(told.path(&format!("parquet/{table}.parquet")));
        let parquet = SerializedFileReader::new(parquet.expect("a file")).expect("Parquet");
        let metadata = parquet.metadata().file_metadata();
        let fields = metadata.schema().get_fields().iter().map(|field| field.name());
        assert_eq!(fields.collect::<Vec<_>>(), names, "{table}");
        let jsonl = read(&told.path(&format!("jsonl/{table}.jsonl")));
        assert_eq!(i64::try_from(jsonl.lines().count()), Ok(metadata.num_rows()), "{table}");
        for line in jsonl.lines() {
            let places = names.iter().map(|name| line.find(&format!("\"{name}\":")));
            let places: Vec<usize> = places.map(|place| place.expect("a column")).collect();
            assert!(places.is_sorted(), "{table}: {line}");
        }
    }
}

/// A period has the rows that begin in it; two periods that follow each other have all of them.
#[test]
fn rows_of_a_period_are_those_that_begin_in_it() {
    let told = World::of_seed(4).done();
    for format in ["csv", "jsonl"] {
        let lines = |name: &str, table: &str| {
            let text = read(&told.path(&format!("{name}/{table}.{format}")));
            let header = usize::from(format == "csv");
            text.lines().skip(header).map(str::to_owned).collect::<Vec<_>>()
        };
        let export = |name: &str, more: &[&str]| {
            told.does(&[&["export", "--format", format, "--out", name], more].concat());
        };
        export("early", &["--to", "2026-01-31"]);
        export("late", &["--from", "2026-02-01"]);
        export("all", &[]);
        for table in ["journal", "settlement_audit"] {
            let [early, late] = ["early", "late"].map(|name| lines(name, table));
            assert!(!early.is_empty() && !late.is_empty(), "{table}");
            assert_eq!([early, late].concat(), lines("all", table), "{table}");
        }
        assert_eq!(lines("late", "dca_machines"), lines("all", "dca_machines"));
        if format == "csv" {
            // A note can have lines of its own.
            continue;
        }
        // Settlements go on after the period in which they began.
        let [early, late, all] =
            ["early", "late", "all"].map(|name| lines(name, "dca_settlements").len());
        assert_eq!(early + late, all);
    }
}
