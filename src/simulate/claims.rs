//! Claims and nothing else, as fast as they can be written: input for benches.

use spireledger_schema::Command;
use spireledger_schema::words::TxType;

use super::Options;
use super::places::CASH;
use super::random::Random;
use super::sale::{Row, Rows, Sale};
use super::setup::platform_line;
use super::station::{Station, drift, inserted};

/// Set-up lines, then claims without end, every one of them to be accepted.
///
/// As an iterator it yields lines of JSON; [`Claims::write`] does so without an allocation, and
/// [`Claims::commands`] yields what reading the same lines gives. The machines take turns; time
/// moves so that each has its `claims_per_machine_day`.
#[derive(Debug)]
pub struct Claims {
    random: Random,
    stations: Vec<Station>,
    quotes: [u64; CASH.len()],
    start: i64,
    per_day: u64,
    /// Lines of set-up that were yielded.
    said: usize,
    /// Claims that were drawn.
    drawn: u64,
}

impl Claims {
    /// Claims of the machines of a fleet; one machine at least. `lps`, `days` and noise do not
    /// matter here.
    pub fn new(options: &Options) -> Self {
        let mut random = Random::new(options.seed);
        let machines = options.machines.max(1);
        let operators = options.operators as usize;
        let per_machine = options.claims_per_machine_day;
        let stations = (0..machines as usize)
            .map(|number| Station::new(number, operators, per_machine, &mut random))
            .collect();
        Self {
            random,
            stations,
            quotes: CASH.map(|cash| cash.quote),
            start: options.start.seconds(),
            per_day: u64::from(machines) * u64::from(per_machine.max(1)),
            said: 0,
            drawn: 0,
        }
    }

    /// The lines that have to be accepted before any claim can be.
    pub fn set_up(&self) -> impl Iterator<Item = String> + '_ {
        std::iter::once(platform_line()).chain(self.stations.iter().map(Station::register_line))
    }

    /// Appends the next claim, without a line end.
    pub fn write(&mut self, out: &mut String) {
        if let Some((sale, station)) = self.draw() {
            sale.write(&station.till, out);
        }
    }

    /// The set-up and then claims without end, read already.
    pub fn commands(mut self) -> impl Iterator<Item = Command> {
        let set_up: Vec<Command> =
            self.set_up().filter_map(|line| Command::parse(&line).ok()).collect();
        let claims = std::iter::from_fn(move || {
            self.draw().and_then(|(sale, station)| sale.command(&station.till))
        });
        set_up.into_iter().chain(claims)
    }

    fn draw(&mut self) -> Option<(Sale, &Station)> {
        let random = &mut self.random;
        let turn = self.drawn % self.stations.len() as u64;
        let station = self.stations.get_mut(usize::try_from(turn).ok()?)?;
        let quote = self.quotes.get_mut(station.place.cash)?;
        *quote = drift(*quote, station.cash, random);
        let (tx_type, rows) = if random.chance(600) {
            (TxType::CashOut, dispensed(station, random))
        } else {
            (TxType::CashIn, inserted(station.cash, random))
        };
        let mut sale = Sale::priced(tx_type, rows, *quote, station.fees(tx_type));
        station.sales += 1;
        sale.number = station.sales;
        sale.hash = random.bytes32();
        sale.event_id = random.bytes32();
        let seconds = u128::from(self.drawn) * 86_400 / u128::from(self.per_day);
        sale.at = self.start.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.drawn += 1;
        Some((sale, station))
    }
}

impl Iterator for Claims {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        if self.said <= self.stations.len() {
            self.said += 1;
            return match self.said.checked_sub(2) {
                None => Some(platform_line()),
                Some(at) => self.stations.get(at).map(Station::register_line),
            };
        }
        let mut line = String::with_capacity(640);
        self.write(&mut line);
        Some(line)
    }
}

/// Bills of full bays: nobody refills a machine here.
fn dispensed(station: &Station, random: &mut Random) -> Rows {
    let mut rows = Rows::default();
    for ((position, bay), row) in (1u32..).zip(&station.bays).zip(&mut rows) {
        let asked = u32::try_from(random.between(u64::from(position == 1), 4)).unwrap_or(1);
        let denomination = bay.denomination;
        *row = Row { position, denomination, asked, moved: asked, rejected: 0 };
    }
    rows
}
