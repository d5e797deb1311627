//! Claims in process: typed commands, all rules, chained, durable. And what they cost when the history
//! is long.

use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use spireledger_schema::Answer;

use super::contenders::Scratch;
use super::report::{Figure, Unit};
use super::timing::{Begun, Timing, most_memory, number};
use super::{BenchError, ROUND_ROWS, Sizes, input, rounds, same};
use crate::ledger::{Item, Ledger};
use crate::log::{Directory, ReadLog};
use crate::rules::Request;

/// Batches that a client sends before the first is answered: one is decided, one is written, two wait.
const IN_FLIGHT_MAX: usize = 4;
/// A short history: what a claim costs there is what it may cost at most everywhere, nearly.
const SHORT: u64 = 100_000;
/// Times that a long and a short history take turns.
const TURNS: u64 = 10;

pub(super) const NEW: &str = "new claims";

/// Makes a ledger with the fleet in it.
pub(super) fn start(path: &Path) -> Result<Ledger, BenchError> {
    let directory = Directory::begin(path, "`bench`")?;
    let (ledger, _) = Ledger::open_held(directory, input::clock())?;
    Directory::finish(path)?;
    let fleet = input::fleet().into_iter().map(|command| Item::Request(Request::local(command)));
    let answers = ledger.ask(fleet.collect())?;
    all_are(&answers, "accepted")?;
    Ok(ledger)
}

/// New claims, then the same again, in the same order and in another.
pub(super) fn in_process(
    sizes: &Sizes,
    scratch: &Scratch,
    batch: usize,
) -> Result<Vec<Figure>, BenchError> {
    let ledger = start(&scratch.path("ledger"))?;
    let pass = |order: &dyn Fn(u64) -> u64, expected| {
        let (mut timing, mut next) = (Timing::default(), 0);
        for count in rounds(sizes.claims) {
            let numbers = (next..next + count).map(order);
            send(&ledger, batches(numbers, batch), expected, &mut timing)?;
            next += count;
        }
        same("answers", timing.rows(), sizes.claims)?;
        Ok::<_, BenchError>(timing)
    };
    let new = pass(&|number| number, "accepted")?;
    let again = pass(&|number| number, "replayed")?;
    let jumbled = pass(&|number| jumble(number, sizes.claims), "replayed")?;
    same("entries", ledger.log().head().seq, sizes.claims + input::fleet().len() as u64)?;
    ledger.close()?;
    let mut figure = Figure::rate(format!("claims in process, batches of {batch}"), &new);
    if batch == 8_000 {
        let holds = figure.value >= 500_000.0;
        figure = figure.budget("≥ 500k/s", holds);
    }
    let replays = [("  the same again", again), ("  the same again, jumbled", jumbled)];
    let replays = replays.map(|(what, timing)| {
        let figure = Figure::rate(what, &timing).beside(NEW, new.rate());
        let holds = figure.ratio(NEW) > 1.0;
        figure.budget("cheaper than new", holds)
    });
    Ok(std::iter::once(figure).chain(replays).collect())
}

/// Grows a ledger, then lets it take turns with a short one: the same claims, the same moment.
pub(super) fn growth(sizes: &Sizes, scratch: &Scratch) -> Result<Vec<Figure>, BenchError> {
    let short_len = SHORT.min(sizes.growth / 6);
    let turn = (ROUND_ROWS / 4).min(short_len / TURNS);
    let long = start(&scratch.path("long"))?;
    let mut grown = Timing::default();
    grow(&long, 0..sizes.growth / 2, &mut grown)?;
    let half = Memory::of(&long);
    grow(&long, sizes.growth / 2..sizes.growth, &mut grown)?;
    let full = Memory::of(&long);
    let short = start(&scratch.path("short"))?;
    let (mut next_long, mut next_short) = (sizes.growth, short_len - turn * TURNS / 2);
    grow(&short, 0..next_short, &mut Timing::default())?;
    let mut turns = Vec::new();
    for _ in 0..TURNS {
        let (mut at_long, mut at_short) = <(Timing, Timing)>::default();
        grow(&long, next_long..next_long + turn, &mut at_long)?;
        grow(&short, next_short..next_short + turn, &mut at_short)?;
        turns.push((at_long, at_short));
        (next_long, next_short) = (next_long + turn, next_short + turn);
    }
    let fleet = input::fleet().len() as u64;
    same("entries of a long history", long.log().head().seq, next_long + fleet)?;
    same("entries of a short history", short.log().head().seq, next_short + fleet)?;
    long.close()?;
    short.close()?;
    let all = Figure::rate(format!("growing to {} claims", sizes.growth), &grown);
    let all = Figure { latency: None, ..all };
    let cost = dearer(&turns, sizes.growth, short_len);
    Ok(std::iter::once(all).chain(cost).chain(memory(half, full)).collect())
}

/// How much dearer a claim is at a long history: the middle one of all turns, so that a turn that
/// something disturbed does not count.
fn dearer(turns: &[(Timing, Timing)], long: u64, short: u64) -> [Figure; 2] {
    let middle = |ratio: fn(&(Timing, Timing)) -> f64| {
        let mut ratios: Vec<f64> = turns.iter().map(ratio).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().unwrap_or(0.0)
    };
    let by_time = middle(|(long, short)| short.rate() / long.rate());
    let by_processors = middle(|(long, short)| long.processors_us() / short.processors_us());
    let what = format!("a claim at {long}, by one at {short}");
    let figure = Figure::new(what, by_time, Unit::Number).budget("≤ 1.2", by_time <= 1.2);
    [figure, Figure::new("  the same in time of processors", by_processors, Unit::Number)]
}

/// New claims, of these numbers.
pub(super) fn grow(
    ledger: &Ledger,
    numbers: std::ops::Range<u64>,
    timing: &mut Timing,
) -> Result<(), BenchError> {
    let mut next = numbers.start;
    for count in rounds(numbers.end - numbers.start) {
        send(ledger, batches(next..next + count, 8_000), "accepted", timing)?;
        next += count;
    }
    Ok(())
}

/// What a ledger of some length needs.
#[derive(Clone, Copy)]
struct Memory {
    keys: u64,
    index_bytes: u64,
    process_bytes: Option<u64>,
}

impl Memory {
    fn of(ledger: &Ledger) -> Self {
        let index = ledger.log().index();
        Self {
            keys: index.len() as u64,
            index_bytes: index.memory_bytes() as u64,
            process_bytes: most_memory("self"),
        }
    }
}

fn memory(half: Memory, full: Memory) -> Vec<Figure> {
    let each = number(full.index_bytes) / number(full.keys.max(1));
    let index = Figure::new("  key index, bytes a key", each, Unit::BytesEach);
    let mut figures = vec![index.budget("≤ 24 bytes", each <= 24.0)];
    if let (Some(before), Some(after)) = (half.process_bytes, full.process_bytes) {
        let keys = number((full.keys - half.keys).max(1));
        let grown = number(after.saturating_sub(before)) / keys;
        let what = "  memory for each more key, second half";
        let figure = Figure::new(what, grown, Unit::BytesEach);
        figures.push(figure.budget("≤ 24 bytes", grown <= 24.0));
        figures.push(Figure::new("  most memory of the process", number(after), Unit::Bytes));
    }
    figures
}

fn batches(numbers: impl Iterator<Item = u64>, batch: usize) -> Vec<Vec<Item>> {
    let mut items = numbers.map(|number| Item::Request(Request::local(input::claim(number))));
    let next = || Some({ items.by_ref() }.take(batch).collect()).filter(|b: &Vec<_>| !b.is_empty());
    std::iter::from_fn(next).collect()
}

/// A place for each number below `count`, far from the places of all numbers near it: the golden ratio
/// is the stride that comes back latest. It must share no divisor with `count`.
fn jumble(number: u64, count: u64) -> u64 {
    let is_stride = |stride: &u64| (1..=count).contains(stride) && gcd(*stride, count) == 1;
    let stride = (count * 618 / 1_000..=count).find(is_stride).unwrap_or(1);
    u64::try_from(u128::from(number) * u128::from(stride) % u128::from(count.max(1))).unwrap_or(0)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Sends batches, a few at a time, and waits for all answers.
fn send(
    ledger: &Ledger,
    batches: Vec<Vec<Item>>,
    expected: &str,
    timing: &mut Timing,
) -> Result<(), BenchError> {
    let (reply, replies) = channel::<(Duration, Vec<Answer>)>();
    let stopped = |_| BenchError::from(ledger.stopped());
    let mut all: Vec<(Duration, Vec<Answer>)> = Vec::with_capacity(batches.len());
    let begun = Begun::here();
    let mut sent = 0;
    for items in batches {
        if sent - all.len() >= IN_FLIGHT_MAX {
            all.push(replies.recv().map_err(stopped)?);
        }
        let (reply, begun) = (reply.clone(), Instant::now());
        // Whoever does not listen any more has failed already.
        let reply = move |answers| drop(reply.send((begun.elapsed(), answers)));
        ledger.submit(items, Box::new(reply))?;
        sent += 1;
    }
    drop(reply);
    while all.len() < sent {
        all.push(replies.recv().map_err(stopped)?);
    }
    timing.stretch(all.iter().map(|(_, answers)| answers.len() as u64).sum(), &begun);
    for (waited, answers) in &all {
        timing.waited(*waited);
        all_are(answers, expected)?;
    }
    Ok(())
}

fn all_are(answers: &[Answer], expected: &str) -> Result<(), BenchError> {
    match answers.iter().find(|answer| answer.status() != expected) {
        None => Ok(()),
        Some(other) => Err(BenchError::Wrong(format!("not {expected}: {other:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumbled_numbers_are_all_of_them_once() {
        for count in [1, 2, 7, 400, 40_000] {
            let mut numbers: Vec<u64> = (0..count).map(|number| jumble(number, count)).collect();
            let is_jumbled = numbers.windows(2).filter(|two| two[0] + 1 == two[1]).count() < 2;
            assert!(is_jumbled || count < 7, "{count}");
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..count), "{count}");
        }
    }
}
