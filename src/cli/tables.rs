//! `tables`: what follows from the log, as rows.

use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use spireledger::ledger::fleet_of;
use spireledger::log::ReadLog;
use spireledger::tables::{
    FileFormat, Leftover, SCHEMA, export_files, export_sqlite, rows, write_object,
};
use spireledger_projections::Fleet;
use spireledger_projections::tables::{Cell, Row, Shape, Table};
use spireledger_projections::versions::NEWEST;

use super::progress::{Unit, Watched, bar};
use super::{Context, Outcome, live, open, output};

/// Rows of a table that a person wants to see at once.
const ROWS_SHOWN: usize = 20;

/// What to do with the tables.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List the tables and how many rows each has.
    List {
        /// The version of the tables; the newest by default.
        #[arg(long)]
        version: Option<u16>,
    },
    /// Show the rows of one.
    Show {
        /// The table's name.
        table: String,
        /// The version of the tables; the newest by default.
        #[arg(long)]
        version: Option<u16>,
        /// Most rows to print; all of them with --json.
        #[arg(long, default_value_t = ROWS_SHOWN)]
        limit: usize,
        /// Only these columns, separated by commas.
        #[arg(long, value_delimiter = ',')]
        columns: Vec<String>,
    },
    /// Make the live tables anew, beside the old ones, and swap when the new ones have caught up.
    Rebuild {
        /// The version of the tables; the newest by default. Another one gets a live file of its own.
        #[arg(long)]
        version: Option<u16>,
        /// Throw away what an interrupted rebuild has left, instead of going on with it.
        #[arg(long)]
        from_scratch: bool,
    },
    /// Write all tables of a version to a file, or to a file each.
    Export {
        /// The version of the tables; the newest by default.
        #[arg(long)]
        version: Option<u16>,
        /// What to write.
        #[arg(long, value_enum, default_value_t = Format::Sqlite)]
        format: Format,
        /// A file for SQLite; a directory, made if it is not there, for a file each.
        #[arg(long)]
        out: PathBuf,
        /// Throw away what an interrupted export has left, instead of going on with it.
        #[arg(long)]
        from_scratch: bool,
    },
}

/// What tables can be written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One SQLite file, as LNbits could attach it.
    Sqlite,
    /// A CSV file a table (RFC 4180).
    Csv,
    /// A file a table with a JSON object a line.
    Jsonl,
    /// A Parquet file a table, with exact decimals.
    Parquet,
}

impl Format {
    /// The format of a file a table. `None`: all tables are in one file.
    const fn of_files(self) -> Option<FileFormat> {
        match self {
            Self::Sqlite => None,
            Self::Csv => Some(FileFormat::Csv),
            Self::Jsonl => Some(FileFormat::Jsonl),
            Self::Parquet => Some(FileFormat::Parquet),
        }
    }
}

pub fn run(context: &Context, command: &Command) -> anyhow::Result<Outcome> {
    match command {
        Command::List { version } => list(context, &shape(*version)?)?,
        Command::Show { table, version, limit, columns } => {
            show(context, &shape(*version)?, table, *limit, columns)?;
        }
        Command::Rebuild { version, from_scratch } => {
            return live::rebuild(context, shape(*version)?, *from_scratch);
        }
        Command::Export { version, format, out, from_scratch } => {
            let leftover = live::leftover(*from_scratch);
            export(context, &shape(*version)?, *format, out, leftover)?;
        }
    }
    Ok(Outcome::Yes)
}

/// The shape of a version that was asked for.
pub fn shape(version: Option<u16>) -> anyhow::Result<Shape> {
    let Some(version) = version else { return Ok(Shape::newest()) };
    Shape::at(version)
        .ok_or_else(|| anyhow::anyhow!("no tables have version {version}; there are 1 to {NEWEST}"))
}

fn export(
    context: &Context,
    shape: &Shape,
    format: Format,
    out: &Path,
    leftover: Leftover,
) -> anyhow::Result<()> {
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let (count, as_of) = match format.of_files() {
        None => {
            let progress = bar("export", Some(log.head().seq), Unit::Entries);
            let count =
                export_sqlite(&*log, shape, out, leftover, &mut |seq| progress.set_position(seq))?;
            progress.finish_and_clear();
            (count, log.head().seq)
        }
        Some(format) => (export_to_files(&*log, shape, format, 0, out, leftover)?, log.head().seq),
    };
    told(context, out, shape, as_of, count)
}

/// Says what was exported.
pub fn told(
    context: &Context,
    out: &Path,
    shape: &Shape,
    seq: u64,
    count: u64,
) -> anyhow::Result<()> {
    let version = shape.version();
    if context.json {
        return output::print_json(&serde_json::json!({
            "out": out, "version": version, "position": seq, "rows": count,
        }));
    }
    let (rows, seq, out) = (output::grouped(count), output::grouped(seq), out.display());
    let line =
        format!("{out} holds version {version} of the tables as of entry {seq}, {rows} rows");
    Ok(output::print_line(&line)?)
}

/// Writes a file a table, and says what a person should know of it. See [`export_files`].
pub fn export_to_files(
    log: &dyn ReadLog,
    shape: &Shape,
    format: FileFormat,
    after: u64,
    out: &Path,
    leftover: Leftover,
) -> anyhow::Result<u64> {
    // The fleet is one way through the log; each table that is no fleet's is another.
    let ways = 1 + shape.tables().iter().filter(|table| !table.rows().of_fleet()).count();
    let progress = bar("export", Some(log.head().seq * ways as u64), Unit::Entries);
    let watched = Watched::new(log, &progress);
    let exported = export_files(&watched, shape, format, after, out, leftover, &mut |spared| {
        progress.set_length(progress.length().unwrap_or_default().saturating_sub(spared));
    })?;
    progress.finish_and_clear();
    if let Some(other) = exported.other {
        eprintln!(
            "spireledger: the interrupted export that was there is as of entry {other}, so all was made \
             anew; with --as-of {other} it would have been gone on with"
        );
    }
    for (table, column) in exported.as_text {
        let path = out.join(format!("{table}.{}", format.extension()));
        let path = path.display();
        eprintln!("spireledger: {path}: `{column}` is text: not all of {table} is of its type");
    }
    Ok(exported.rows)
}

fn list(context: &Context, shape: &Shape) -> anyhow::Result<()> {
    let tables = live::tables(context, shape, open::reader(context)?)?;
    let mut counts = Vec::new();
    for table in shape.tables() {
        let question = format!("SELECT count(*) FROM {SCHEMA}.{}", table.name());
        let count: i64 = tables.connection.query_row(&question, [], |row| row.get(0))?;
        counts.push((table, count));
    }
    if context.json {
        let counts: serde_json::Map<_, _> =
            counts.iter().map(|(table, count)| (table.name().into(), (*count).into())).collect();
        return output::print_json(&serde_json::json!({
            "version": shape.version(), "position": tables.position, "rows": counts
        }));
    }
    let mut out = output::table(&["table", "rows", "columns"], &[1]);
    for (table, count) in counts {
        let columns = table.columns().len().to_string();
        out.add_row([table.name().to_owned(), output::grouped(count), columns]);
    }
    let (position, version) = (output::grouped(tables.position), shape.version());
    Ok(output::print_line(&format!(
        "version {version} of the tables, as of entry {position}\n{out}"
    ))?)
}

fn show(
    context: &Context,
    shape: &Shape,
    name: &str,
    limit: usize,
    wanted: &[String],
) -> anyhow::Result<()> {
    let Some(table) = shape.table(name) else {
        let names: Vec<&str> = shape.tables().iter().map(Table::name).collect();
        anyhow::bail!("no table is named `{name}`; there are {}", names.join(", "));
    };
    let chosen = choose(table, wanted)?;
    let reader = open::reader(context)?;
    let log = open::as_of(context, &reader)?;
    let fleet = fleet_of(&*log, &context.ledger)?;
    if context.json {
        return print_lines(&*log, &fleet, table, &chosen);
    }
    let (mut shown, mut more) = (Vec::new(), 0u64);
    rows(&*log, &fleet, table, |row| {
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
    log: &dyn ReadLog,
    fleet: &Fleet,
    table: &Table,
    chosen: &[(usize, &'static str)],
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(stdout().lock());
    rows(log, fleet, table, |row| {
        Ok::<_, anyhow::Error>(write_object(&mut out, &row, chosen.iter().copied())?)
    })?;
    Ok(out.flush()?)
}
