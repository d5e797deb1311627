//! A report as HTML: one file that needs nothing else, to be read on a screen or on paper. No scripts; all
//! text is escaped, and the browser is told to run nothing in any case.

use std::io::{self, Write};

use spireledger_schema::time::{Timestamp, UtcOffset};

use super::amount::grouped;
use super::model::{Check, Column, Moved, Report, Row, Source, Table, Value};
use super::pins::Pin;

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded from anywhere, and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Text that is nothing but text, in an element or between quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Marks that turn the direction of what follows could make an amount look like another.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push('\u{fffd}');
            }
            other => out.push(other),
        }
    }
    out
}

/// Writes a report.
pub fn write_html(report: &Report, out: &mut impl Write) -> io::Result<()> {
    Page { report, offset: report.utc_offset }.write(out)
}

struct Page<'r> {
    report: &'r Report,
    offset: UtcOffset,
}

impl Page<'_> {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let operator = escaped(self.report.operator_user_id.as_str());
        let [from, to] = self.report.days.each_ref().map(|day| escaped(day));
        writeln!(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">")?;
        writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
        writeln!(out, "<title>Audit report: {operator}, {from} to {to}</title>")?;
        writeln!(out, "<style>\n{STYLE}</style>\n</head>\n<body>")?;
        writeln!(out, "<h1>Audit report</h1>")?;
        writeln!(
            out,
            "<p class=\"lead\">Operator <b>{operator}</b>, from <b>{from}</b> to <b>{to}</b>, both days \
             included. Days and times are UTC{}.</p>",
            if self.offset.minutes() == 0 { String::new() } else { self.offset.to_string() }
        )?;
        self.pins(out)?;
        self.verdict(out)?;
        self.contents(out)?;
        for section in &self.report.sections {
            writeln!(out, "<section id=\"{}\">\n<h2>{}</h2>", section.id, section.title)?;
            writeln!(out, "<p class=\"soft\">{}</p>", escaped(section.about))?;
            for table in &section.tables {
                self.table(table, out)?;
            }
            writeln!(out, "</section>")?;
        }
        self.checks(out)?;
        self.sources(out)?;
        writeln!(out, "</body>\n</html>")
    }

    fn pins(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<div class=\"keep\"><h3>What pins this report</h3>")?;
        writeln!(
            out,
            "<p class=\"soft\">Entries are chained by their hashes: whoever has the same hash at the same \
             entry has the same history up to there, and makes the same report of it.</p>"
        )?;
        writeln!(out, "<table class=\"pins\"><thead><tr><th>Position<th class=\"n\">Entry")?;
        writeln!(out, "<th>Entry hash<th>Recorded at</tr></thead><tbody>")?;
        for (what, pin) in ["Before the period", "End of the period"].iter().zip(&self.report.pins)
        {
            let Pin { seq, entry_hash, recorded_at, .. } = pin;
            let at =
                recorded_at.map_or_else(|| "before the first entry".into(), |at| self.time(at));
            writeln!(
                out,
                "<tr><td>{what}<td class=\"n\">{}<td class=\"hash\">{entry_hash}<td>{at}</tr>",
                grouped(&seq.to_string())
            )?;
        }
        writeln!(out, "</tbody></table></div>")?;
        for pin in &self.report.pins {
            let Some(checkpoint) = &pin.checkpoint else { continue };
            let (note, seq) = (escaped(checkpoint), grouped(&pin.seq.to_string()));
            writeln!(
                out,
                "<div class=\"keep\"><h4>Signed checkpoint that holds entry {seq}</h4><pre>{note}</pre></div>"
            )?;
        }
        Ok(())
    }

    fn verdict(&self, out: &mut impl Write) -> io::Result<()> {
        let figures: u64 = self.report.checks.iter().map(|check| check.figures).sum();
        let figures = grouped(&figures.to_string());
        if self.report.adds_up {
            return writeln!(
                out,
                "<p class=\"verdict good\">It adds up: <a href=\"#checks\">{figures} comparisons</a> were \
                 made, and all of them hold.</p>"
            );
        }
        writeln!(
            out,
            "<p class=\"verdict bad\"><b>It does not add up.</b> <a href=\"#checks\">See what</a>, and run \
             <code>spireledger verify</code>.</p>"
        )
    }

    fn contents(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "<nav>")?;
        for section in &self.report.sections {
            write!(out, "<a href=\"#{}\">{}</a> ", section.id, section.title)?;
        }
        writeln!(out, "<a href=\"#checks\">Checks</a> <a href=\"#sources\">Entries</a></nav>")
    }

    fn table(&self, table: &Table, out: &mut impl Write) -> io::Result<()> {
        if !table.title.is_empty() {
            writeln!(out, "<h3>{}</h3>", table.title)?;
        }
        if table.rows.is_empty() {
            writeln!(out, "<p class=\"none\">{}</p>", table.none)?;
        } else {
            head(
                table.columns.iter().map(|Column(_, title, is_number)| (*title, *is_number)),
                out,
            )?;
            for row in &table.rows {
                self.row(table, row, out)?;
            }
            writeln!(out, "</tbody></table>")?;
        }
        table
            .more
            .as_ref()
            .map_or(Ok(()), |more| writeln!(out, "<p class=\"soft\">{}.</p>", escaped(more)))
    }

    fn row(&self, table: &Table, row: &Row, out: &mut impl Write) -> io::Result<()> {
        write!(out, "<tr{}>", if row.is_sum { " class=\"sum\"" } else { "" })?;
        for (Column(_, _, is_number), value) in table.columns.iter().zip(&row.values) {
            write!(out, "<td{}>", if *is_number { " class=\"n\"" } else { "" })?;
            let shown = self.value(value);
            match row.source.filter(|_| *is_number) {
                Some(source) => write!(out, "<a href=\"#e{source}\">{shown}</a>")?,
                None => write!(out, "{shown}")?,
            }
        }
        writeln!(out, "</tr>")
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::None => String::new(),
            Value::Text(text) => escaped(text),
            Value::Count(count) => grouped(&count.to_string()),
            Value::Amount(amount) => amount.to_string(),
            Value::Time(at) => self.time(*at),
            Value::Entry(seq) => grouped(&seq.to_string()),
            Value::Settlement(hash) => format!("<span class=\"hash\">{hash}</span>"),
        }
    }

    /// A moment to the second, with the report's offset.
    fn time(&self, at: Timestamp) -> String {
        let shifted = at.seconds() + i64::from(self.offset.minutes()) * 60;
        let shown = Timestamp::from_seconds(shifted.max(0)).unwrap_or(at).to_string();
        shown.replace('T', " ").trim_end_matches('Z').to_owned()
    }

    fn checks(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "<section id=\"checks\">\n<h2>Checks</h2>")?;
        writeln!(
            out,
            "<p class=\"soft\">Made from the entries each time this report is. <code>spireledger verify</code> \
             checks the entries themselves.</p>"
        )?;
        writeln!(out, "<table class=\"checks\"><thead><tr><th>Holds<th>What must be so")?;
        writeln!(out, "<th class=\"n\">Comparisons</tr></thead><tbody>")?;
        for Check { what, figures, breaks } in &self.report.checks {
            let (class, word) = if breaks.is_empty() { ("good", "yes") } else { ("bad", "NO") };
            let figures = grouped(&figures.to_string());
            write!(out, "<tr><td class=\"{class}\">{word}<td>{}", escaped(what))?;
            if !breaks.is_empty() {
                write!(out, "<ul class=\"bad\">")?;
                for told in breaks {
                    write!(out, "<li>{}", escaped(told))?;
                }
                write!(out, "</ul>")?;
            }
            writeln!(out, "<td class=\"n\">{figures}</tr>")?;
        }
        writeln!(out, "</tbody></table>\n</section>")
    }

    fn sources(&self, out: &mut impl Write) -> io::Result<()> {
        let last = self.report.pins[1].seq;
        writeln!(out, "<section id=\"sources\">\n<h2>Entries behind the figures</h2>")?;
        writeln!(
            out,
            "<p class=\"soft\">Each linked figure, with the first of the entries that moved it in the period, \
             and what the others moved together. <code>spireledger trace</code> with a settlement's hash \
             tells its whole life; <code>spireledger log show --from</code> with an entry's number shows the \
             entries from there. The question under each figure finds all of its entries: \
             <code>spireledger --as-of {last} sql \"…\"</code>.</p>"
        )?;
        for (place, source) in self.report.sources.iter().enumerate() {
            self.source(place, source, out)?;
        }
        writeln!(out, "</section>")
    }

    fn source(&self, place: usize, source: &Source, out: &mut impl Write) -> io::Result<()> {
        let count = source.entries.len() as u64 + source.more;
        let (title, count) = (escaped(&source.title), grouped(&count.to_string()));
        writeln!(out, "<details id=\"e{place}\"><summary>{title}: {count} entries</summary><div>")?;
        let named = source.columns.iter().map(|name| (*name, true));
        let first =
            [("Entry", true), ("Recorded at", false), ("What", false), ("Look it up", false)];
        head(first.into_iter().chain(named), out)?;
        for moved in &source.entries {
            let Moved { seq, recorded_at, event, payment_hash, amounts } = moved;
            let command = match payment_hash {
                Some(hash) => format!("trace {hash}"),
                None => format!("log show --from {seq} --to {seq}"),
            };
            let (seq, at) = (grouped(&seq.to_string()), self.time(*recorded_at));
            write!(out, "<tr><td class=\"n\">{seq}<td>{at}<td>{event}<td><code>{command}</code>")?;
            self.amounts(amounts, out)?;
        }
        if source.more > 0 {
            let more = grouped(&source.more.to_string());
            write!(out, "<tr><td class=\"n\">{more}<td><td>others<td>see the question below")?;
            self.amounts(&source.rest, out)?;
        }
        write!(out, "<tr class=\"sum\"><td class=\"n\"><td><td>All<td>")?;
        self.amounts(&source.sum, out)?;
        writeln!(out, "</tbody></table><pre>{}</pre></div></details>", escaped(&source.sql))
    }

    fn amounts(&self, amounts: &[Value], out: &mut impl Write) -> io::Result<()> {
        for amount in amounts {
            write!(out, "<td class=\"n\">{}", self.value(amount))?;
        }
        writeln!(out, "</tr>")
    }
}

/// The head of a table. Its headings are the program's own.
fn head<'a>(
    columns: impl Iterator<Item = (&'a str, bool)>,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "<table><thead><tr>")?;
    for (title, is_number) in columns {
        write!(out, "<th{}>{}", if is_number { " class=\"n\"" } else { "" }, escaped(title))?;
    }
    writeln!(out, "</tr></thead><tbody>")
}
