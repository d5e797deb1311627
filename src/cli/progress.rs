//! Progress of long work: a bar on a terminal, nothing in a pipe.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use spireledger::log::{Block, Blocks, Head, LogError, ReadLog};
use spireledger_schema::EntryKey;

/// A bar with rate and time left. `unit` is what is counted; `total` is `None` if nobody knows.
pub fn bar(what: &'static str, total: Option<u64>, unit: Unit) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    }
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let template = match (total.is_some(), unit) {
        (true, Unit::Bytes) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left",
        (false, Unit::Bytes) => "{msg} {spinner} {bytes} {bytes_per_sec}",
        (true, Unit::Entries | Unit::Rows) => {
            "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta} left"
        }
        (false, Unit::Entries | Unit::Rows) => "{msg} {spinner} {human_pos} {per_sec}",
    };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what);
    bar
}

/// What a bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a file.
    Bytes,
    /// Entries of a log.
    Entries,
    /// Rows of tables.
    Rows,
}

/// A log that moves a bar on by every entry that is read in order.
pub struct Watched<'a> {
    log: &'a dyn ReadLog,
    bar: &'a ProgressBar,
}

impl<'a> Watched<'a> {
    pub const fn new(log: &'a dyn ReadLog, bar: &'a ProgressBar) -> Self {
        Self { log, bar }
    }
}

impl ReadLog for Watched<'_> {
    fn head(&self) -> Head {
        self.log.head()
    }

    fn block_at(&self, seq: u64) -> Result<Option<Block>, LogError> {
        self.log.block_at(seq)
    }

    fn last_of(&self, key: &EntryKey) -> Result<Option<u64>, LogError> {
        self.log.last_of(key)
    }

    fn blocks_from(&self, seq: u64) -> Blocks<'_> {
        Box::new(self.log.blocks_from(seq).inspect(|block| {
            if let Ok(block) = block {
                self.bar.inc(block.last_seq() + 1 - block.first_seq());
            }
        }))
    }
}
