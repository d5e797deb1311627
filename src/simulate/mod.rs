//! A fleet that never was: the command lines that its machines, operators, LPs and payout processor
//! would send, in order, each with what the ledger has to answer.
//!
//! For recorded input, demos, benches, load and crash tests. The same [`Options`] give the same
//! lines for ever; memory follows the size of the fleet, not the number of lines.
//!
//! - [`Simulator`] tells the whole story: set-up, reports, customers, deposits, payouts, and with
//!   [`Options::noise`] what a real fleet sends besides: repeats, contradictions, mistakes.
//! - [`Claims`] writes claims and nothing else, as fast as can be.
//!
//! Whatever sets something bears a `request_id`, so a story that is sent twice changes nothing the
//! second time.
//!
//! The answers do not depend on when or how fast the lines are sent: plans come out the same on any
//! day (an LP in fixed mode takes part once and is paused until it has no limit any more). One
//! exception cannot be helped: a lock that somebody holds is refused to others for ten minutes, so a
//! line that wants it must be recorded less than that after the line before it.
//!
//! *Never:* I/O, a clock, a `HashMap`, a float, randomness that does not come from the seed.
//! *Start at:* [`Simulator`]. What is told is in one module each: the first lines (`setup`), a
//! machine's day (`day`), LPs and operators (`office`), the processor (`payout`), and what should not
//! be there (`noise`).

mod agenda;
mod claims;
mod day;
mod json;
mod noise;
mod office;
mod payout;
mod places;
mod random;
mod sale;
mod setup;
mod shadow;
mod station;
#[cfg(test)]
mod tests;

pub use claims::Claims;

use std::collections::{BTreeMap, VecDeque};

use spireledger_schema::Code;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::time::Timestamp;

use agenda::{Agenda, Deck, Task};
use noise::{Memory, Mischief};
use office::Lp;
use payout::{Course, Open, Past};
use places::CASH;
use random::Random;
use shadow::Shadow;
use station::Station;

/// Which fleet, for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Where all chance comes from.
    pub seed: u64,
    /// Midnight of the first day. Parts of a second are cut off.
    pub start: Timestamp,
    /// Machines.
    pub machines: u32,
    /// Operators that the machines belong to in turn; one at least.
    pub operators: u32,
    /// LPs, each enrolled at one to three machines.
    pub lps: u32,
    /// Days to tell of; 0: the set-up only.
    pub days: u32,
    /// Customers of a machine on an average day.
    pub claims_per_machine_day: u32,
    /// Of a thousand steps of the story, about how many are followed by something that should not
    /// be there; 0: none.
    pub noise: u32,
}

impl Options {
    /// The fleet recorded in `fixtures/fleet/month.jsonl`: five machines of two operators in three
    /// currencies, six LPs, January 2026.
    pub const fn month() -> Self {
        let start = match Timestamp::from_seconds(1_767_225_600) {
            Some(start) => start,
            None => Timestamp::EPOCH,
        };
        Self {
            seed: 2_043,
            start,
            machines: 5,
            operators: 2,
            lps: 6,
            days: 31,
            claims_per_machine_day: 1,
            noise: 150,
        }
    }
}

/// What the ledger has to answer to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It is new and right.
    Accepted,
    /// It was said before.
    Replayed,
    /// It is wrong, in this way.
    Refused(Code),
}

impl Expected {
    /// `accepted`, `replayed` or `refused`, as answers say it.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Replayed => "replayed",
            Self::Refused(_) => "refused",
        }
    }

    /// The code of a refusal.
    pub const fn code(self) -> Option<Code> {
        match self {
            Self::Refused(code) => Some(code),
            Self::Accepted | Self::Replayed => None,
        }
    }
}

/// A line of input, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// One line of JSON (or, of noise, something that is none), without the line end.
    pub json: String,
    /// What the ledger has to answer.
    pub expected: Expected,
}

/// The story of a fleet, line by line.
///
/// ```
/// use spireledger::simulate::{Options, Simulator};
///
/// let first = Simulator::new(Options::month()).next().unwrap();
/// assert!(first.json.starts_with(r#"{"type":"config.set""#));
/// assert_eq!(first.expected.status(), "accepted");
/// ```
#[derive(Debug)]
pub struct Simulator {
    options: Options,
    random: Random,
    shadow: Shadow,
    agenda: Agenda,
    /// Lines of the step that is being told.
    ready: VecDeque<Line>,
    /// Seconds since 1970, as all times here.
    now: i64,
    end: i64,
    stations: Vec<Station>,
    lps: Vec<Lp>,
    /// Which LP an enrolment belongs to.
    enrolled: BTreeMap<String, usize>,
    /// Of each currency: ten-thousandths of a sat a unit.
    quotes: [u64; CASH.len()],
    /// The platform's fee of a cash-out, in ten-thousandths.
    platform_cash_out: u16,
    open: BTreeMap<PaymentHash, Open>,
    /// The settlements that ended last.
    recent: VecDeque<Past>,
    courses: Deck<Course>,
    mischiefs: Deck<Mischief>,
    memory: Memory,
    counts: Counts,
}

/// Numbers of things that bear one.
#[derive(Debug, Default)]
struct Counts {
    deposits: u64,
    notes: u64,
    tokens: u64,
}

/// Most operators, machines and LPs of a fleet that is told: all of them are kept in memory.
const FLEET_MAX: u32 = 1_000_000;
/// Seconds of a day.
const DAY: u64 = 86_400;

impl Simulator {
    /// Begins a story. Nothing is computed before the first line is asked for but the fleet itself.
    pub fn new(options: Options) -> Self {
        let mut random = Random::new(options.seed);
        let machines = options.machines.min(FLEET_MAX) as usize;
        let operators = options.operators.clamp(1, FLEET_MAX) as usize;
        let station =
            |number| Station::new(number, operators, options.claims_per_machine_day, &mut random);
        let stations: Vec<Station> = (0..machines).map(station).collect();
        let start = options.start.seconds();
        let mut simulator = Self {
            options,
            random,
            shadow: Shadow::default(),
            agenda: Agenda::default(),
            ready: VecDeque::new(),
            now: start,
            end: start.saturating_add(i64::from(options.days).saturating_mul(DAY.cast_signed())),
            lps: office::lps(options.lps.min(FLEET_MAX) as usize, &stations),
            stations,
            enrolled: BTreeMap::new(),
            quotes: CASH.map(|cash| cash.quote),
            platform_cash_out: station::PLATFORM_CASH_OUT,
            open: BTreeMap::new(),
            recent: VecDeque::new(),
            courses: Deck::new(Course::cards()),
            mischiefs: Deck::new(Mischief::cards()),
            memory: Memory::default(),
            counts: Counts::default(),
        };
        simulator.plan_set_up(operators);
        simulator
    }

    fn tell(&mut self, task: Task) {
        match task {
            Task::Platform => self.platform(),
            Task::Register(station) => self.register(station),
            Task::Splits(operator) => self.splits(operator),
            Task::HostSplits(station) => self.host_splits(station),
            Task::Enroll(lp) => self.enroll(lp),
            Task::Stranger => self.stranger(),
            Task::Onboard(lp) => self.onboard(lp),
            Task::Pair(station) => self.pair(station),
            Task::Morning(station) => self.morning(station),
            Task::Customer(station) => self.customer(station),
            Task::Begin(hash) => self.begin(hash),
            Task::Pay(hash) => self.pay(hash),
            Task::Refund(hash) => self.refund(hash),
            Task::Deposit(lp) => self.deposit(lp),
            Task::DepositEnd { number, confirmed } => self.deposit_end(number, confirmed),
            Task::Flow(lp) => self.flow(lp),
            Task::Office(week) => self.office(week),
            Task::Unpause { lp, enrolment } => self.unpause(lp, enrolment),
        }
        self.disturb();
    }

    /// Says what has to be accepted.
    fn accepted(&mut self, json: String) {
        let now = Timestamp::from_seconds(self.now).unwrap_or(self.options.start);
        self.shadow.accept(&json, now);
        self.ready.push_back(Line { json, expected: Expected::Accepted });
    }

    /// Says again what was accepted before.
    fn replayed(&mut self, json: String) {
        self.ready.push_back(Line { json, expected: Expected::Replayed });
    }

    /// Says what has to be refused.
    fn refused(&mut self, json: impl Into<String>, code: Code) {
        let json = json.into();
        self.ready.push_back(Line { json, expected: Expected::Refused(code) });
    }

    /// Puts a step on the agenda, this many seconds from now.
    fn later(&mut self, seconds: u64, task: Task) {
        let at = self.now.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.agenda.add(at, task);
    }
}

impl Iterator for Simulator {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            // Whatever is due after the last day stays open.
            let (at, task) = self.agenda.next_until(self.end)?;
            self.now = at;
            self.tell(task);
        }
    }
}
