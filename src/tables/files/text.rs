//! Rows as text: CSV and JSON Lines.

use std::io::{self, Write};

use serde::Serializer as _;
use spireledger_projections::tables::{Row, Table};

use super::FileFormat;

/// Writes a row with all its columns.
pub(super) fn write_row(
    out: &mut impl Write,
    format: FileFormat,
    table: &Table,
    row: &Row<'_>,
) -> io::Result<()> {
    if format == FileFormat::Csv {
        let cells: Vec<String> = row.iter().map(ToString::to_string).collect();
        return out.write_all(csv_line(cells.iter().map(String::as_str)).as_bytes());
    }
    let names = table.columns().iter().map(|column| column.name).enumerate();
    write_object(out, row, names)
}

/// Writes a row as a JSON object on a line of its own: these columns, in their order, each with its place in
/// the row.
pub fn write_object(
    out: &mut impl Write,
    row: &Row<'_>,
    columns: impl Iterator<Item = (usize, &'static str)>,
) -> io::Result<()> {
    let cells = columns.filter_map(|(at, column)| Some((column, row.get(at)?)));
    let mut line = serde_json::Serializer::new(&mut *out);
    line.collect_map(cells)?;
    out.write_all(b"\n")
}

/// A line of CSV (RFC 4180): a cell with a comma, a quote or a line end is quoted.
pub fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    #[test]
    fn csv_quotes_what_it_must() {
        let line = super::csv_line(["a", "b,c", "say \"hi\"", "two\nlines", ""].into_iter());
        assert_eq!(line, "a,\"b,c\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
    }
}
