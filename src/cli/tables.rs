//! `tables`: what follows from the log, as rows.

use std::io::{BufWriter, Write, stdout};

use spireledger::ledger::replay_fleet;
use spireledger::log::ReadLog as _;
use spireledger::tables::rows;
use spireledger_projections::tables::{Cell, Row, Shape, Table};

use super::{Context, Outcome, open, output};

/// Rows of a table that a person wants to see at once.
const ROWS_SHOWN: usize = 20;

/// What to do with the tables.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the tables and how many rows each has.
    List,
    /// Show the rows of one.
    Show {
        /// The table's name.
        table: String,
        /// Most rows to print; all of them with --json.
        #[arg(long, default_value_t = ROWS_SHOWN)]
        limit: usize,
        /// Only these columns, separated by commas.
        #[arg(long, value_delimiter = ',')]
        columns: Vec<String>,
    },
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::List => list(context)?,
        Command::Show { table, limit, columns } => show(context, table, *limit, columns)?,
    }
    Ok(Outcome::Yes)
}

fn list(context: &Context) -> anyhow::Result<()> {
    let reader = open::reader(context)?;
    let fleet = replay_fleet(&reader)?;
    let mut counts = Vec::new();
    let shape = Shape::newest();
    for table in shape.tables() {
        let mut count = 0u64;
        rows(&reader, &fleet, table, |_| {
            count += 1;
            anyhow::Ok(())
        })?;
        counts.push((table, count));
    }
    if context.json {
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(table, count)| (table.name().into(), (*count).into())).collect();
        return output::print_json(&serde_json::json!({
            "position": reader.head().seq, "rows": counts
        }));
    }
    let mut out = output::table(&["table", "rows", "columns"], &[1]);
    for (table, count) in counts {
        let columns = table.columns().len().to_string();
        out.add_row([table.name().to_owned(), output::grouped(count), columns]);
    }
    let position = output::grouped(reader.head().seq);
    Ok(output::print_line(&format!("tables as of entry {position}\n{out}"))?)
}

fn show(context: &Context, name: &str, limit: usize, wanted: &[String]) -> anyhow::Result<()> {
    let shape = Shape::newest();
    let Some(table) = shape.table(name) else {
        let names: Vec<&str> = shape.tables().iter().map(Table::name).collect();
        anyhow::bail!("no table is named `{name}`; there are {}", names.join(", "));
    };
    let chosen = choose(table, wanted)?;
    let reader = open::reader(context)?;
    let fleet = replay_fleet(&reader)?;
    if context.json {
        return print_lines(&reader, &fleet, table, &chosen);
    }
    let (mut shown, mut more) = (Vec::new(), 0u64);
    rows(&reader, &fleet, table, |row| {
        if shown.len() < limit {
            shown.push(row.into_iter().map(Cell::into_owned).collect::<Row<'static>>());
        } else {
            more += 1;
        }
        anyhow::Ok(())
    })?;
    let header: Vec<&str> = chosen.iter().map(|(_, column)| *column).collect();
    let mut out = output::table(&header, &[]);
    for row in shown {
        out.add_row(
            chosen
                .iter()
                .map(|(at, _)| row.get(*at).map(ToString::to_string))
                .map(Option::unwrap_or_default),
        );
    }
    output::print_line(&out.to_string())?;
    if more > 0 {
        let more = output::grouped(more);
        output::print_line(&format!("and {more} more; --limit N or --json shows them"))?;
    }
    Ok(())
}

/// The places of the wanted columns; all of them if none is named.
fn choose(table: &Table, wanted: &[String]) -> anyhow::Result<Vec<(usize, &'static str)>> {
    let all: Vec<(usize, &'static str)> =
        table.columns().iter().map(|column| column.name).enumerate().collect();
    if wanted.is_empty() {
        return Ok(all);
    }
    let find = |name: &String| {
        all.iter().copied().find(|(_, column)| column == name).ok_or_else(|| {
            let columns: Vec<&str> = all.iter().map(|(_, column)| *column).collect();
            let columns = columns.join(", ");
            anyhow::anyhow!("{} has no column `{name}`; it has {columns}", table.name())
        })
    };
    wanted.iter().map(find).collect()
}

fn print_lines(
    log: &dyn spireledger::log::ReadLog,
    fleet: &spireledger_projections::Fleet,
    table: &Table,
    chosen: &[(usize, &'static str)],
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    rows(log, fleet, table, |row: Row<'_>| {
        let cells = chosen.iter().filter_map(|(at, column)| Some((*column, row.get(*at)?)));
        let object: serde_json::Map<String, serde_json::Value> = cells
            .map(|(column, cell)| Ok((column.to_owned(), serde_json::to_value(cell)?)))
            .collect::<Result<_, serde_json::Error>>()?;
        serde_json::to_writer(&mut out, &object)?;
        out.write_all(b"\n")?;
        anyhow::Ok(())
    })?;
    Ok(out.flush()?)
}
