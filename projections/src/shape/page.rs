//! The history of the tables as a page of documentation, printed from the migrations.

use std::fmt::Write as _;

use super::{Column, Effect, Fill, Shape, Step, Table};
use crate::versions::{NEWEST, VERSIONS};

/// The page `docs/tables.md`.
pub fn history() -> String {
    let mut out = String::from(INTRODUCTION);
    let mut shape = Shape::empty();
    for migration in VERSIONS {
        // Nothing can go wrong in writing to a string.
        let _ = writeln!(out, "\n## Version {}: {}\n", migration.version, migration.name);
        let _ = writeln!(out, "{}\n", filled(migration.why));
        for step in migration.steps {
            let mark = match step.effect(&shape) {
                Effect::Keeps => "",
                // All is new in the first version.
                Effect::Reveals if migration.version == 1 => "",
                Effect::Reveals => " *(older tables cannot tell)*",
                Effect::Forgets => " *(newer tables cannot tell what stood there)*",
            };
            let _ = writeln!(out, "- {}{mark}", described(step));
            // Every step fits, or no version could be made: a test sees to it.
            let _ = shape.step(step);
        }
    }
    let _ = writeln!(out, "\n## All columns of version {NEWEST}");
    for table in shape.tables() {
        out.push_str(&columns(table));
    }
    out
}

/// The schema name under which LNbits attaches the extension's file.
pub const SCHEMA: &str = "spirekeeper";

const INTRODUCTION: &str = "\
# The tables and their history

Printed from `projections/src/versions/` (`cargo run -p spireledger-projections --example tables`); do
not edit it.

Every table is computed from the log and can be built in any version, as of any moment. A version is
the one before it with a migration applied. Versions 1 to 12 are the shapes that databases of the
spirekeeper extension have had; the DDL of each is in [schema/tables](../schema/tables).

Where a table of an older version is migrated, the copy cannot know what the older version never held;
the same version built from the log does. Such steps are marked. Rows that a version cannot hold,
because a column that may not be empty has nothing to say, are not in that version.

In an export as Parquet `DECIMAL(10,2)` is a decimal of 18 digits with 2 places, `DECIMAL(10,4)` one with
4, `REAL` one of 38 digits with 18 places, so nothing is rounded; `TIMESTAMP` is microseconds of UTC,
`INTEGER` and `BIGINT` are whole numbers of 64 bits, `TEXT` is UTF-8. Where a cell is not of its column's
type, as an imported row may have it, the whole column is text, as in CSV; the file's metadata name such
columns (`spireledger.as_text`), beside the version and the entry that the file is as of.

An export that is interrupted goes on where it was when the same is asked for again. To SQLite it goes on
with the rows that are there, up to the moment that is wanted then. To CSV, JSON Lines and Parquet, a file
a table, what is finished is kept, if version, format and moment are the same: where the log has grown
since, `--as-of` with the entry of the first attempt, which the second one tells. A CSV or JSON Lines file
goes on from its last safe position, which is written down every 131,072 entries, behind the rows that are
durable; what it has beyond that is cut. A Parquet file has its index at its end and cannot be added to:
a table that was not finished is begun anew. `tables.csv.part` and the like, beside the files, say how far
it is, and are gone when all is done; `--from-scratch` pays no heed to them. A table's file is in its
place only when all of it is there.
";

/// A paragraph in lines of at most 104 bytes.
fn filled(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + 1 + word.len() <= 104 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

fn described(step: &Step) -> String {
    match *step {
        Step::CreateTable { table, columns, key, fill, .. } => {
            let from = fill.map_or_else(String::new, |fill| {
                format!(
                    ", filled from the latest row a `{}` of `{}` (by {})",
                    fill.per,
                    fill.table,
                    code(fill.latest_by)
                )
            });
            let columns = columns.len();
            format!("table `{table}` with {columns} columns, key {}{from}", code(key))
        }
        Step::DropTable { table } => format!("table `{table}` goes"),
        Step::AddColumn { table, column, fill } => {
            let rows = match fill {
                Fill::Default => column
                    .default
                    .map_or("nothing".into(), |default| format!("`{}`", default.as_sql())),
                Fill::CopyOf(other) => format!("what stands in `{other}`"),
            };
            format!("column `{table}.{}`; a migration puts {rows} into it", column.name)
        }
        Step::DropColumn { table, column } => format!("column `{table}.{column}` goes"),
        Step::RenameColumn { table, from, to } => {
            format!("column `{table}.{from}` is named `{to}`")
        }
        Step::Nullable { table, column } => format!("column `{table}.{column}` may be empty"),
        Step::Rekey { table, key, .. } => {
            format!(
                "table `{table}` has the key {}; of rows that share one, the last stands",
                code(key)
            )
        }
        Step::Reread { table, column, source } => {
            format!("column `{table}.{column}` says something else: {}", source.meaning())
        }
        Step::CreateIndex(index) => format!(
            "{}index `{}` on `{}` ({}{})",
            if index.unique { "unique " } else { "" },
            index.name,
            index.table,
            index.columns.join(", "),
            if index.newest_first { " DESC" } else { "" },
        ),
    }
}

fn columns(table: &Table) -> String {
    let mut out =
        format!("\n### {}\n\n| column | type | says |\n| --- | --- | --- |\n", table.name());
    for column in table.columns() {
        let _ = writeln!(
            out,
            "| `{}` | {} | {} |",
            column.name,
            typed(table, column),
            column.source.meaning()
        );
    }
    out
}

fn typed(table: &Table, column: &Column) -> String {
    let mut words = vec![column.declared.as_sql()];
    if table.key().contains(&column.name) {
        words.push("key");
    }
    if column.unique {
        words.push("unique");
    }
    if column.not_null {
        words.push("not null");
    }
    words.join(", ")
}

fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// All that is printed from the versions and checked in: path from the root of the repository, and
/// text.
pub fn printed() -> Vec<(String, String)> {
    let ddl = |version: u16| {
        let shape = Shape::at(version)?;
        let text = format!(
            "-- The tables of version {version}, in a schema that is attached as {SCHEMA}.\n\
             -- Printed by `cargo run -p spireledger-projections --example tables`; do not edit it.\n\n{}",
            shape.ddl(Some(SCHEMA))
        );
        Some((format!("schema/tables/v{version:02}.sql"), text))
    };
    let mut all: Vec<_> = (1..=NEWEST).filter_map(ddl).collect();
    all.push(("docs/tables.md".into(), history()));
    all
}
