//! `sql`: questions in SQL over the tables of any version, as of any moment.

use std::io::{BufWriter, StdoutLock, Write, stdout};

use rusqlite::types::ValueRef;
use spireledger::tables::{Listener, TablesError, ask, csv_line};
use spireledger_projections::tables::{Shape, Table};

use super::{Context, Outcome, live, open, output, tables};

/// What to ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A SELECT over the tables, with or without `spirekeeper.` before their names.
    query: String,
    /// The version of the tables; the newest by default.
    #[arg(long)]
    version: Option<u16>,
    /// Print CSV (RFC 4180).
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

pub fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    let shape = tables::shape(args.version)?;
    let mut tables = live::tables(context, &shape, open::reader(context)?)?;
    let out = BufWriter::new(stdout().lock());
    let asked = if args.csv {
        let mut listener = Csv { out };
        ask(&mut tables.connection, &args.query, &mut listener)
            .and_then(|()| Ok(listener.out.flush()?))
    } else if context.json {
        let mut listener = Lines { out, columns: Vec::new() };
        ask(&mut tables.connection, &args.query, &mut listener)
            .and_then(|()| Ok(listener.out.flush()?))
    } else {
        let mut listener = People { table: output::table(&[], &[]) };
        ask(&mut tables.connection, &args.query, &mut listener)
            .and_then(|()| Ok(output::print_to(out, &listener.table.to_string())?))
    };
    asked.map_err(|error| explained(error, &shape))?;
    Ok(Outcome::Yes)
}

/// What SQLite said, and what there is to be asked.
fn explained(error: anyhow::Error, shape: &Shape) -> anyhow::Error {
    match error.downcast::<TablesError>() {
        Ok(error) if error.is_damage() => {
            anyhow::anyhow!("the live tables are damaged ({error}); run `tables rebuild`")
        }
        Ok(TablesError::Sqlite(error)) => {
            let names: Vec<&str> = shape.tables().iter().map(Table::name).collect();
            anyhow::anyhow!(
                "{}. The tables are {}; only SELECT is possible",
                said(&error),
                names.join(", ")
            )
        }
        Ok(error) => error.into(),
        Err(error) => error,
    }
}

/// What SQLite said, without the statement that the person knows.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

/// A table, for a person: laid out when all of it is there.
struct People {
    table: comfy_table::Table,
}

impl Listener for People {
    type Error = anyhow::Error;

    fn columns(&mut self, names: &[String]) -> anyhow::Result<()> {
        self.table.set_header(names);
        Ok(())
    }

    fn row(&mut self, cells: &[ValueRef<'_>]) -> anyhow::Result<()> {
        self.table.add_row(cells.iter().map(|cell| text(*cell)));
        Ok(())
    }
}

/// A JSON object a line.
struct Lines<'o> {
    out: BufWriter<StdoutLock<'o>>,
    columns: Vec<String>,
}

impl Listener for Lines<'_> {
    type Error = anyhow::Error;

    fn columns(&mut self, names: &[String]) -> anyhow::Result<()> {
        self.columns = names.to_vec();
        Ok(())
    }

    fn row(&mut self, cells: &[ValueRef<'_>]) -> anyhow::Result<()> {
        let cells = self.columns.iter().cloned().zip(cells.iter().map(|cell| json(*cell)));
        let object: serde_json::Map<String, serde_json::Value> = cells.collect();
        serde_json::to_writer(&mut self.out, &object)?;
        Ok(self.out.write_all(b"\n")?)
    }
}

/// RFC 4180.
struct Csv<'o> {
    out: BufWriter<StdoutLock<'o>>,
}

impl Listener for Csv<'_> {
    type Error = anyhow::Error;

    fn columns(&mut self, names: &[String]) -> anyhow::Result<()> {
        let line = csv_line(names.iter().map(String::as_str));
        Ok(self.out.write_all(line.as_bytes())?)
    }

    fn row(&mut self, cells: &[ValueRef<'_>]) -> anyhow::Result<()> {
        let cells: Vec<String> = cells.iter().map(|cell| text(*cell)).collect();
        let line = csv_line(cells.iter().map(String::as_str));
        Ok(self.out.write_all(line.as_bytes())?)
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn json(value: ValueRef<'_>) -> serde_json::Value {
    match value {
        ValueRef::Null => serde_json::Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(_) | ValueRef::Blob(_) => text(value).into(),
    }
}
