//! Writes what is printed from the projection versions and checked in: the DDL of every version in
//! `schema/tables/`, and the history of the tables in `docs/tables.md`.
//!
//! `cargo run -p spireledger-projections --example tables`

use std::path::Path;
use std::{fs, io};

use spireledger_projections::shape::printed;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fs::create_dir_all(root.join("schema/tables"))?;
    for (path, text) in printed() {
        fs::write(root.join(path), text)?;
    }
    Ok(())
}
