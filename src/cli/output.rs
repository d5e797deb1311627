//! Printing: tables for people, JSON for programs.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};
use serde::Serialize;
use spireledger_schema::time::Timestamp;

/// Prints bytes as they are.
pub fn print_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Prints a line.
pub fn print_line(line: &str) -> io::Result<()> {
    print_bytes(format!("{line}\n").as_bytes())
}

/// Prints a line to whoever holds the output already.
pub fn print_to(mut out: impl Write, line: &str) -> io::Result<()> {
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints one JSON document, for a program but readable.
pub fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    Ok(print_bytes(text.as_bytes())?)
}

/// An empty table. `right` are the columns that hold numbers.
pub fn table(header: &[&str], right: &[usize]) -> Table {
    let mut table = Table::new();
    let rule = LineStyle::new('─', '─', '─', '─');
    table.load_style(presets::NOTHING.header_separator(rule)).set_header(header);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    for at in right {
        if let Some(column) = table.column_mut(*at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with its thousands apart, for people: `1_266_800`.
pub fn grouped(number: impl std::fmt::Display) -> String {
    let text = number.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// A moment for people: to the second, so that columns stay straight.
pub fn time(at: Timestamp) -> String {
    Timestamp::from_seconds(at.seconds()).unwrap_or(at).to_string()
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        let said = [0, 12, 123, 1_234, 266_800, 1_266_800].map(grouped);
        assert_eq!(said, ["0", "12", "123", "1_234", "266_800", "1_266_800"]);
        assert_eq!(grouped(-1_234), "-1_234");
        assert_eq!(grouped(-123), "-123");
    }
}
