//! What was measured, beside whom, and whether the budget holds: as a table and as JSON.

use std::fmt;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::timing::{Latency, Timing, number};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Rows (claims, entries) a second.
    RowsPerSecond,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes for each row, entry or key.
    BytesEach,
    /// A plain number: a ratio, a count.
    Number,
}

/// How much a figure is of a peer's, taken in the same run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// The peer.
    pub peer: &'static str,
    /// Figure by the peer's figure.
    pub ratio: f64,
}

/// What must be reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Budget {
    /// In words.
    pub what: &'static str,
    /// Whether it was.
    pub holds: bool,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// What was done.
    pub what: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: Unit,
    /// How long a group took to be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Time of processors for each row, in microseconds: steadier than the wall clock where other
    /// programs run, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processors_us: Option<f64>,
    /// The peers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
    /// The budgets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<Budget>,
}

impl Figure {
    pub(super) fn new(what: impl Into<String>, value: f64, unit: Unit) -> Self {
        let (beside, budgets) = (Vec::new(), Vec::new());
        let what = what.into();
        Self { what, value, unit, latency: None, processors_us: None, beside, budgets }
    }

    pub(super) fn rate(what: impl Into<String>, timing: &Timing) -> Self {
        let mut figure = Self::new(what, timing.rate(), Unit::RowsPerSecond);
        figure.latency = timing.latency();
        figure.processors_us = Some(timing.processors_us());
        figure
    }

    pub(super) fn beside(mut self, peer: &'static str, value: f64) -> Self {
        self.beside.push(Beside { peer, ratio: self.value / value });
        self
    }

    pub(super) fn budget(mut self, what: &'static str, holds: bool) -> Self {
        self.budgets.push(Budget { what, holds });
        self
    }

    /// How much it is of a peer's; 0 for one that did not take part.
    pub fn ratio(&self, peer: &str) -> f64 {
        self.beside.iter().find(|beside| beside.peer == peer).map_or(0.0, |beside| beside.ratio)
    }
}

/// All that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Processors that the system lets this process use.
    pub processors: usize,
    /// Where the disk was measured.
    pub dir: std::path::PathBuf,
    /// Whether the program was built for speed: other figures say little.
    pub is_release: bool,
    /// The figures, in the order in which they were taken.
    pub figures: Vec<Figure>,
}

impl Report {
    /// Whether every budget holds.
    pub fn holds(&self) -> bool {
        self.figures.iter().flat_map(|figure| &figure.budgets).all(|budget| budget.holds)
    }

    /// A figure by what was done.
    pub fn figure(&self, what: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.what == what)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "measured",
            "",
            "cpu each",
            "p50",
            "p99",
            "max",
            "beside its peers",
            "budget",
            "",
        ]);
        for figure in &self.figures {
            table.add_row(row(figure));
        }
        for at in 1..=5 {
            if let Some(column) = table.column_mut(at) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table())?;
        write!(f, "\nmeasured in {} on {} processors", self.dir.display(), self.processors)?;
        if !self.is_release {
            write!(f, "; NOT a release build: these figures say little")?;
        }
        Ok(())
    }
}

fn row(figure: &Figure) -> [String; 9] {
    let micros = |pick: fn(&Latency) -> u64| {
        figure.latency.map_or_else(String::new, |latency| millis(pick(&latency)))
    };
    let beside = figure.beside.iter().map(|b| format!("{} × {}", rounded(b.ratio), b.peer));
    let budgets = figure.budgets.iter().map(|budget| budget.what.to_owned());
    let holds = figure.budgets.iter().map(|budget| if budget.holds { "holds" } else { "NO" });
    [
        figure.what.clone(),
        shown(figure.value, figure.unit),
        figure.processors_us.map_or_else(String::new, |micros| format!("{micros:.2} µs")),
        micros(|latency| latency.p50_us),
        micros(|latency| latency.p99_us),
        micros(|latency| latency.max_us),
        beside.collect::<Vec<_>>().join("\n"),
        budgets.collect::<Vec<_>>().join("\n"),
        holds.collect::<Vec<_>>().join("\n"),
    ]
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::RowsPerSecond if value >= 1e6 => format!("{:.2}M/s", value / 1e6),
        Unit::RowsPerSecond if value >= 1e4 => format!("{:.0}k/s", value / 1e3),
        Unit::RowsPerSecond => format!("{value:.0}/s"),
        Unit::Seconds => format!("{value:.3} s"),
        Unit::Bytes => format!("{:.1} MiB", value / number(1 << 20)),
        Unit::BytesEach => format!("{value:.1} B"),
        Unit::Number => rounded(value),
    }
}

fn rounded(ratio: f64) -> String {
    if ratio < 10.0 { format!("{ratio:.2}") } else { format!("{ratio:.1}") }
}

fn millis(micros: u64) -> String {
    format!("{}.{:02} ms", micros / 1_000, micros % 1_000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_figure_peers_and_budgets() {
        let mut figure = Figure::new("log alone", 1_266_800.0, Unit::RowsPerSecond);
        figure.latency = Some(Latency { p50_us: 1_239, p99_us: 2_000, max_us: 10_017 });
        figure.processors_us = Some(0.512);
        let figure = figure
            .beside("SQLite", 105_600.0)
            .beside("bare disk", 2_000_000.0)
            .budget("≥ 10 × SQLite", true)
            .budget("≥ 0.6 × bare disk", false);
        assert!(figure.ratio("SQLite") > 11.9 && figure.ratio("nobody") < 0.1);
        let report = Report {
            processors: 2,
            dir: "/data".into(),
            is_release: true,
            figures: vec![figure, Figure::new("reopen", 0.25, Unit::Seconds)],
        };
        assert!(!report.holds());
        assert_eq!(report.figure("reopen").map(|figure| figure.unit), Some(Unit::Seconds));
        insta::assert_snapshot!(report);
    }
}
