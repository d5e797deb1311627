//! `sql`: questions in SQL over the tables of any version, as of any moment.

use std::io::{BufWriter, Write, stdout};

use rusqlite::types::Value;
use spireledger::tables::{Answer, TablesError, ask, in_memory};
use spireledger_projections::tables::Table;

use super::{Context, Outcome, open, output, tables};

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
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let mut connection = in_memory(&*log, &shape)?;
    let answer = match ask(&mut connection, &args.query) {
        Ok(answer) => answer,
        Err(TablesError::Sqlite(error)) => {
            let names: Vec<&str> = shape.tables().iter().map(Table::name).collect();
            anyhow::bail!(
                "{}. The tables are {}; only SELECT is possible",
                said(&error),
                names.join(", ")
            )
        }
        Err(error) => return Err(error.into()),
    };
    if args.csv {
        print_csv(&answer)?;
    } else if context.json {
        print_lines(&answer)?;
    } else {
        print_table(&answer)?;
    }
    Ok(Outcome::Yes)
}

/// What SQLite said, without the statement that the person knows.
fn said(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        other => other.to_string(),
    }
}

fn print_table(answer: &Answer) -> anyhow::Result<()> {
    let header: Vec<&str> = answer.columns.iter().map(String::as_str).collect();
    let mut out = output::table(&header, &[]);
    for row in &answer.rows {
        out.add_row(row.iter().map(text));
    }
    Ok(output::print_line(&out.to_string())?)
}

fn print_lines(answer: &Answer) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    for row in &answer.rows {
        let cells = answer.columns.iter().cloned().zip(row.iter().map(json));
        let object: serde_json::Map<String, serde_json::Value> = cells.collect();
        serde_json::to_writer(&mut out, &object)?;
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

fn print_csv(answer: &Answer) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    out.write_all(output::csv_line(answer.columns.iter().map(String::as_str)).as_bytes())?;
    for row in &answer.rows {
        let cells: Vec<String> = row.iter().map(text).collect();
        out.write_all(output::csv_line(cells.iter().map(String::as_str)).as_bytes())?;
    }
    Ok(out.flush()?)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(_) | Value::Blob(_) => text(value).into(),
    }
}
