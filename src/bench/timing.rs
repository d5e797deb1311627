//! What was timed: groups one by one, rates, and what the system says of a process's memory.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

/// How long groups took to be answered, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them took less.
    pub p50_us: u64,
    /// One of a hundred took longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// Rows that were made durable group by group, and how long it took.
#[derive(Debug, Default)]
pub(super) struct Timing {
    rows: u64,
    busy: Duration,
    /// Time of processors, of all threads.
    processors: Duration,
    groups: Vec<Duration>,
}

/// A clock that runs: wall and processors.
pub(super) struct Begun {
    wall: Instant,
    processors: Duration,
    of: fn() -> Duration,
}

impl Begun {
    /// Begins to time this process.
    pub(super) fn here() -> Self {
        Self::of(own_processors)
    }

    /// Begins to time processes that are waited for.
    pub(super) fn there() -> Self {
        Self::of(childrens_processors)
    }

    fn of(of: fn() -> Duration) -> Self {
        Self { wall: Instant::now(), processors: of(), of }
    }
}

impl Timing {
    /// Times one group that nothing else overlaps.
    pub(super) fn group<T, E>(
        &mut self,
        rows: u64,
        begun: Begun,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let done = work()?;
        self.groups.push(begun.wall.elapsed());
        self.stretch(rows, &begun);
        Ok(done)
    }

    /// Notes a stretch of work on many rows, whose groups overlap.
    pub(super) fn stretch(&mut self, rows: u64, begun: &Begun) {
        self.rows += rows;
        self.busy += begun.wall.elapsed();
        self.processors += (begun.of)().saturating_sub(begun.processors);
    }

    /// Notes how long a group waited for its answer.
    pub(super) fn waited(&mut self, took: Duration) {
        self.groups.push(took);
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows a second.
    pub(super) fn rate(&self) -> f64 {
        number(self.rows) / self.busy.as_secs_f64().max(1e-9)
    }

    /// Microseconds of processors for each row.
    pub(super) fn processors_us(&self) -> f64 {
        self.processors.as_secs_f64() * 1e6 / number(self.rows.max(1))
    }

    /// `None` if no group was timed alone.
    pub(super) fn latency(&self) -> Option<Latency> {
        let mut sorted = self.groups.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(place).map(|took| u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
        };
        Some(Latency { p50_us: at(50)?, p99_us: at(99)?, max_us: at(100)? })
    }
}

/// A count as a float, for ratios: exact far beyond what is ever counted here.
#[allow(clippy::cast_precision_loss)]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

fn own_processors() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Of all processes that were waited for, in steps of a hundredth of a second; zero if the system does
/// not tell.
fn childrens_processors() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program stands in brackets and may hold anything. Behind it, the 14th and 15th
    // fields are the children's ticks in user and system mode.
    let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2);
    Duration::from_millis(10) * ticks.filter_map(|ticks| ticks.parse::<u32>().ok()).sum()
}

/// The most memory that a process has had at a time, in bytes, if the system tells.
pub(super) fn most_memory(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_groups() {
        let mut timing = Timing::default();
        assert_eq!(timing.latency(), None);
        (1..=200).for_each(|micros| timing.waited(Duration::from_micros(micros)));
        let expected = Latency { p50_us: 101, p99_us: 199, max_us: 200 };
        assert_eq!(timing.latency(), Some(expected));
    }

    #[test]
    fn a_rate_is_rows_by_busy_time() {
        let busy = Duration::from_millis(500);
        let processors = Duration::from_micros(2_500);
        let timing = Timing { rows: 1_000, busy, processors, groups: Vec::new() };
        assert!((timing.rate() - 2_000.0).abs() < 1e-6, "{}", timing.rate());
        assert!((timing.processors_us() - 2.5).abs() < 1e-6, "{}", timing.processors_us());
    }

    #[test]
    fn work_takes_time_of_processors() {
        let begun = Begun::here();
        let mut sum = 0u64;
        while begun.wall.elapsed() < Duration::from_millis(30) {
            sum = sum.wrapping_mul(3).wrapping_add(1);
        }
        let mut timing = Timing::default();
        timing.stretch(1, &begun);
        assert!(timing.processors_us() > 1_000.0, "{} {sum}", timing.processors_us());
        assert_eq!(timing.rows(), 1);
    }

    #[test]
    fn this_process_has_some_memory() {
        assert!(most_memory("self").is_some_and(|bytes| bytes > 100_000));
        assert_eq!(most_memory("none"), None);
    }
}
