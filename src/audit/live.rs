//! `verify` of the live tables: they must be what the log says, to the last cell.

use spireledger_projections::tables::Shape;
use spireledger_projections::versions::NEWEST;

use super::verify::Report;
use crate::log::{Head, Past, ReadLog};
use crate::tables::{Live, compare};

/// Live tables as they were before the log was read, so that the log has come at least as far.
pub struct LiveTables {
    all: Vec<(Shape, Found)>,
}

enum Found {
    At(rusqlite::Connection, Head),
    /// They are of another version or program, and will be made anew.
    Other,
    Unreadable(String),
}

impl LiveTables {
    /// Opens all live tables of a ledger directory.
    pub fn open(dir: &std::path::Path) -> Self {
        let shapes = (1..=NEWEST).filter_map(Shape::at);
        let live = shapes.map(|shape| Live::new(dir, shape)).filter(Live::exists);
        let found = live.map(|live| {
            let found = match live.read() {
                Ok((connection, Some(head))) => Found::At(connection, head),
                Ok((_, None)) => Found::Other,
                Err(error) => Found::Unreadable(error.to_string()),
            };
            (live.shape().clone(), found)
        });
        Self { all: found.collect() }
    }

    /// Holds them against a log that was opened later, and adds what is wrong to the report.
    pub fn verify(self, log: &dyn ReadLog, report: &mut Report, tick: &mut dyn FnMut(u64)) {
        for (shape, found) in self.all {
            let version = shape.version();
            let of = if version == NEWEST { String::new() } else { format!("version {version}: ") };
            let mut note = |seq, what: String| report.note(seq, "tables", format!("{of}{what}"));
            let (connection, head) = match found {
                Found::At(connection, head) => (connection, head),
                Found::Other => {
                    report.other_tables.push(version);
                    continue;
                }
                Found::Unreadable(error) => {
                    note(log.head().seq, format!("they cannot be read ({error}); {REBUILD}"));
                    continue;
                }
            };
            let past = match Past::new(log, head.seq) {
                Ok(past) if past.head() == head => past,
                Ok(_) => {
                    note(
                        head.seq,
                        format!("they are as of {head}, which is not in the log; {REBUILD}"),
                    );
                    continue;
                }
                // The log's own breaks are told already.
                Err(_) => continue,
            };
            let mut tell = |difference: crate::tables::Difference| {
                note(head.seq, difference.to_string());
            };
            match compare(&past, &connection, &shape, &mut tell, tick) {
                Ok(()) => report.tables.push(version),
                // What cannot be folded is told already.
                Err(crate::tables::TablesError::Ledger(_)) => {}
                Err(error) => {
                    note(head.seq, format!("they cannot be read ({error}); {REBUILD}"));
                }
            }
        }
    }
}

const REBUILD: &str = "`tables rebuild` makes them anew";
