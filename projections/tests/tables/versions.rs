//! The versions themselves: numbered, named, and each fit for the shape before it.

use spireledger_projections::Fleet;
use spireledger_projections::shape::{Clash, Migration, Misfit, Shape, Step};
use spireledger_projections::tables::fleet_rows;
use spireledger_projections::versions::{NEWEST, VERSIONS};

#[test]
fn versions_are_numbered_from_one_without_a_gap_up_to_the_newest() {
    let numbers: Vec<u16> = VERSIONS.iter().map(|migration| migration.version).collect();
    assert_eq!(numbers, (1..=NEWEST).collect::<Vec<_>>());
}

#[test]
fn a_file_is_named_as_its_migration() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/versions");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
    let mut found: Vec<String> =
        files.map(|name| name.into_string().unwrap()).filter(|name| name != "mod.rs").collect();
    found.sort();
    let named = VERSIONS.iter().map(|m| format!("m{:03}_{}.rs", m.version, m.name));
    assert_eq!(found, named.collect::<Vec<_>>());
}

#[test]
fn every_step_fits_the_shape_it_is_taken_from() {
    let shape = Shape::fold(VERSIONS).unwrap();
    assert_eq!(shape, Shape::newest());
    for version in 1..=NEWEST {
        assert_eq!(Shape::at(version).unwrap().version(), version);
    }
    assert_eq!((Shape::at(0), Shape::at(NEWEST + 1)), (None, None));
}

#[test]
fn every_column_reads_a_fact_that_its_rows_have() {
    for version in 1..=NEWEST {
        for table in Shape::at(version).unwrap().tables() {
            for column in table.columns() {
                assert!(table.rows().have(column.source), "{}.{}", table.name(), column.name);
            }
        }
    }
}

#[test]
fn an_empty_fleet_has_its_configuration_in_every_version() {
    let fleet = Fleet::default();
    for version in 1..=NEWEST {
        for table in Shape::at(version).unwrap().tables() {
            let mut rows = Vec::new();
            fleet_rows(table, &fleet, |row| {
                rows.push(row);
                Ok::<_, ()>(())
            })
            .unwrap();
            let expected = usize::from(table.name() == "super_config");
            assert_eq!(rows.len(), expected, "{} of version {version}", table.name());
            assert!(rows.iter().all(|row| row.len() == table.columns().len()));
        }
    }
}

#[test]
fn a_step_that_does_not_fit_is_named() {
    let migration = |steps| Migration { version: 13, name: "odd", why: "For a test.", steps };
    let misfit = |steps: &'static [Step]| {
        Shape::newest().migrate(&migration(steps)).map_err(|Misfit { what, .. }| what)
    };
    assert_eq!(misfit(&[Step::DropTable { table: "dca_lp" }]), Ok(()));
    let gone = &[Step::DropTable { table: "dca_lp" }, Step::DropTable { table: "dca_lp" }];
    assert_eq!(misfit(gone), Err("dca_lp".into()));
    let renamed = &[Step::RenameColumn { table: "dca_machines", from: "nome", to: "name" }];
    assert_eq!(misfit(renamed), Err("dca_machines.nome".into()));
    let short = &[Step::Rekey {
        table: "dca_lp",
        key: &["user_id"],
        order: &["user_id"],
        on_clash: Clash::LastWins,
    }];
    assert_eq!(misfit(short), Err("dca_lp".into()));
}
