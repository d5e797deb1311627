//! What a machine does in a day: it reports, is filled, and serves its customers.

use spireledger_schema::identity::PaymentHash;
use spireledger_schema::words::TxType;

use super::agenda::Task;
use super::json::{Json, command, object};
use super::payout::{Course, Open};
use super::sale::{Rows, Sale, fraction};
use super::station::{Station, drift, inserted, wanted};
use super::{DAY, Simulator};

/// Hours of the day in which customers come.
const OPENS: u64 = 8 * 3_600;
const CLOSES: u64 = 22 * 3_600;

impl Simulator {
    pub(super) fn morning(&mut self, number: usize) {
        let per_day = self.options.claims_per_machine_day;
        let (now, platform) = (self.now, self.platform_cash_out);
        let random = &mut self.random;
        let Some(station) = self.stations.get_mut(number) else { return };
        // A machine hears of new fees only now: what it asked before was by the old ones.
        station.fees_out.platform = fraction(platform);
        station.fees_out.operator = fraction(station.operator_cash_out);
        let filled = station.runs_low() && station.refill(per_day, random);
        let set = filled.then(|| station.set_line());
        let beacon = beacon(station, now);
        station.beacon = Some((now, beacon.clone()));
        let reports = [
            beacon,
            telemetry(station, now, random.between(38, 61), random.between(9_000, 24_000)),
            cassettes(station, now),
        ];
        let average = u64::from(per_day);
        station.customers = random.between(average / 2, average + average.div_ceil(2));
        if let Some(line) = set {
            self.accepted(line);
        }
        for line in reports {
            self.accepted(line);
        }
        self.next_customer(number);
        self.later(DAY, Task::Morning(number));
    }

    /// Puts the next customer on the agenda: those that are left share what is left of the day.
    fn next_customer(&mut self, number: usize) {
        let Some(station) = self.stations.get_mut(number) else { return };
        if station.customers == 0 {
            return;
        }
        let since_start = self.now.saturating_sub(self.options.start.seconds());
        let time_of_day = since_start.unsigned_abs() % DAY;
        let from = time_of_day.max(OPENS);
        let apart = CLOSES.saturating_sub(from) / (station.customers + 1);
        station.customers -= 1;
        let wait = self.random.between(apart / 2, apart + apart / 2);
        self.later(from - time_of_day + wait, Task::Customer(number));
    }

    pub(super) fn customer(&mut self, number: usize) {
        let course = self.courses.draw(&mut self.random).unwrap_or(Course::Usual);
        if let Some((sale, course)) = self.sale(number, course) {
            self.claim(number, sale, course);
        }
        self.next_customer(number);
    }

    /// Sends a claim that will be accepted, and lets the processor know of it.
    pub(super) fn claim(&mut self, number: usize, sale: Sale, course: Course) {
        let Some(station) = self.stations.get_mut(number) else { return };
        station.sales = station.sales.max(sale.number);
        let line = sale.json(&station.till);
        self.accepted(line);
        self.retry(number, sale);
        let hash = PaymentHash::from_bytes(sale.hash);
        self.open.insert(hash, Open::new(number, sale, course));
        let wait = self.random.between(30, 300);
        self.later(wait, Task::Begin(hash));
    }

    /// The next transaction of a machine, with cash really moved.
    fn sale(&mut self, number: usize, course: Course) -> Option<(Sale, Course)> {
        let random = &mut self.random;
        let station = self.stations.get_mut(number)?;
        let out =
            if random.chance(600) { station.bills_for(wanted(station.cash, random)) } else { None };
        // Whoever the bays cannot serve leaves; the next one brings cash.
        let Some(mut rows) = out else {
            let sale = self.priced(number, TxType::CashIn, None)?;
            return Some((sale, if course.is_jam() { Course::Usual } else { course }));
        };
        if course.is_jam() {
            jam(&mut rows);
        } else if random.chance(60) {
            reject_one(&mut rows);
        }
        station.dispense(&rows);
        Some((self.priced(number, TxType::CashOut, Some(rows))?, course))
    }

    /// A transaction at the machine's quote and fees, with the next number.
    pub(super) fn priced(
        &mut self,
        number: usize,
        tx_type: TxType,
        rows: Option<Rows>,
    ) -> Option<Sale> {
        let random = &mut self.random;
        let station = self.stations.get(number)?;
        let quote = self.quotes.get_mut(station.place.cash)?;
        *quote = drift(*quote, station.cash, random);
        let rows = rows.unwrap_or_else(|| inserted(station.cash, random));
        let mut sale = Sale::priced(tx_type, rows, *quote, station.fees(tx_type));
        if random.chance(30) {
            // Whoever has a voucher pays a tenth less.
            sale.fee -= sale.fee / 10;
            sale.balance();
        }
        sale.hash = random.bytes32();
        sale.event_id = random.bytes32();
        sale.at = self.now;
        sale.number = station.sales + 1;
        Some(sale)
    }
}

/// Half of the bills of the last bay do not come out.
fn jam(rows: &mut Rows) {
    if let Some(row) = rows.iter_mut().rev().find(|row| row.asked > 0) {
        row.moved = row.asked / 2;
        row.rejected = row.asked - row.moved;
    }
}

/// A crumpled bill goes to the reject bin, and another one to the customer.
fn reject_one(rows: &mut Rows) {
    if let Some(row) = rows.iter_mut().find(|row| row.asked > 0) {
        row.rejected = 1;
    }
}

/// A report of a machine, at a moment in Nostr's seconds.
fn report(type_name: &str, station: &Station) -> Json {
    command(type_name).text("machine_id", station.id())
}

/// `beacon.report`, as public as the map that shows it.
pub(super) fn beacon(station: &Station, at: i64) -> String {
    let limits = object().number("cash_out_most", station.cash.most).end();
    report("beacon.report", station)
        .raw("cash_in", "true")
        .raw("cash_out", "true")
        .text("cash_level", station.cash_level())
        .text("fiat", station.till.fiat_code)
        .text("model", "bitspire-2")
        .text("name", station.id())
        .text("location", station.place.location)
        .text("geo", station.place.geo)
        .raw("fees_json", &station.fees_json())
        .raw("limits_json", &limits)
        .raw("denominations_json", &station.denominations_json())
        .text("version", if station.till.old_names { "1.9.3" } else { "2.1.0" })
        .number("received_at", at.unsigned_abs())
        .end()
}

/// `telemetry.report`, for the operator alone.
fn telemetry(station: &Station, at: i64, cpu_celsius: u64, disk_free_mb: u64) -> String {
    let state = object()
        .number("cpu_celsius", cpu_celsius)
        .number("disk_free_mb", disk_free_mb)
        .number("claims_sent", station.sales)
        .raw("doors", r#"{"safe":"closed","hood":"closed"}"#)
        .end();
    report("telemetry.report", station)
        .raw("telemetry", &state)
        .number("received_at", at.unsigned_abs())
        .end()
}

/// `cassettes.report`.
fn cassettes(station: &Station, at: i64) -> String {
    let (shape, bays) = station.bays_json(|bay| bay.count);
    report("cassettes.report", station)
        .raw(shape, &bays)
        .number("state_at", at.unsigned_abs())
        .end()
}
