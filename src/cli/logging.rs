//! What is told on standard error while something runs.

use spireledger::gateway::{Format, Level};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The level that so many `-v` ask for, over one that holds without.
pub fn level(verbose: u8, without: Level) -> LevelFilter {
    let least = match without {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    let asked = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    least.max(asked)
}

/// Begins to tell.
pub fn start(level: LevelFilter, format: Format) {
    // The relay pool tells every message of every relay, and of reconnections that the gateway tells itself.
    let which =
        Targets::new().with_default(level).with_target("nostr_relay_pool", LevelFilter::OFF);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(which)).init();
}
