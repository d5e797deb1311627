//! Days on the command line, and the moments at which they begin and end.

use spireledger_schema::time::{Timestamp, UtcOffset};

/// A day, such as 2026-01-31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Timestamp);

impl std::str::FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let midnight = Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
        midnight.map(Self).ok_or_else(|| "a day is written as 2026-01-31".into())
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.to_string().get(..10).unwrap_or_default())
    }
}

/// Days from one to another, both of them in, that begin this far from UTC's.
#[derive(Debug, Clone, Copy)]
pub struct Days {
    pub from: Option<Day>,
    pub to: Option<Day>,
    pub offset: UtcOffset,
}

impl Days {
    /// The moment at which the first day begins.
    pub fn begin(&self) -> anyhow::Result<Option<Timestamp>> {
        if let (Some(from), Some(to)) = (self.from, self.to) {
            anyhow::ensure!(from <= to, "the first day ({from}) is after the last one ({to})");
        }
        self.from.map(|day| self.moment(day, 0)).transpose()
    }

    /// The last moment of the last day.
    pub fn end(&self) -> anyhow::Result<Option<Timestamp>> {
        self.to.map(|day| self.moment(day, 86_400_000_000 - 1)).transpose()
    }

    fn moment(&self, day: Day, micros: i64) -> anyhow::Result<Timestamp> {
        let offset = i64::from(self.offset.minutes()) * 60_000_000;
        let moment = Timestamp::from_micros(day.0.micros() + micros - offset);
        moment.ok_or_else(|| anyhow::anyhow!("{day} is beyond the times that a ledger can have"))
    }
}
