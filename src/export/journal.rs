//! The way of a journal: transactions in the order of the log, what each account holds after them, and
//! assertions of that at the end of every month and at the end of all.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use spireledger_projections::books::Account;
use spireledger_schema::EntryHash;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::DepositId;
use spireledger_schema::time::{Timestamp, UtcOffset};

use super::beancount::Beancount;
use super::hledger::Hledger;
use super::money::{Commodity, Money};
use super::names::name;
use super::place::{ExportError, WriteError, write_file};
use crate::log::{Head, ReadLog};
use crate::tables::{Booked, booked};

/// The language of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalFormat {
    /// Beancount, version 2 or 3.
    Beancount,
    /// hledger, 1.25 or later.
    Hledger,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Journaled {
    /// Transactions, without the one that opens the balances.
    pub transactions: u64,
    /// Accounts.
    pub accounts: u64,
    /// Assertions of balances.
    pub assertions: u64,
}

/// Writes the books up to the log's head into a file. Of what was recorded before `from`, if that is given,
/// only the balances are told, in one transaction at that moment. `tick` hears of every entry.
pub fn export_journal(
    log: &dyn ReadLog,
    format: JournalFormat,
    from: Option<Timestamp>,
    path: &Path,
    tick: &mut dyn FnMut(u64),
) -> Result<Journaled, ExportError> {
    write_file(path, |out| match format {
        JournalFormat::Beancount => write(log, from, Journal::new(out, Beancount), tick),
        JournalFormat::Hledger => write(log, from, Journal::new(out, Hledger), tick),
    })
}

/// How a language says things. Dates are `2026-01-31`.
pub(super) trait Language {
    /// What comes first.
    fn begin(&self, out: &mut impl Write, head: Head) -> io::Result<()>;
    /// A commodity, on the day when it is first needed.
    fn commodity(&self, out: &mut impl Write, date: &str, what: Commodity) -> io::Result<()>;
    /// An account, on the day when it is first needed.
    fn account(&self, out: &mut impl Write, date: &str, opened: &Opened<'_>) -> io::Result<()>;
    /// Something that happens, before it first does.
    fn happening(&self, out: &mut impl Write, what: &str) -> io::Result<()>;
    /// A transaction.
    fn transaction(&self, out: &mut impl Write, told: &Told<'_>) -> io::Result<()>;
    /// What accounts hold at the end of a day.
    fn assertions(&self, out: &mut impl Write, day: i64, all: &[(&str, Money)]) -> io::Result<()>;
}

/// An account that is new.
pub(super) struct Opened<'a> {
    pub(super) name: &'a str,
    /// The account in the ledger's own chart.
    pub(super) account: &'a Account,
}

/// A transaction as it is to be written.
pub(super) struct Told<'a> {
    pub(super) date: &'a str,
    pub(super) what: &'a str,
    pub(super) seq: u64,
    pub(super) hash: EntryHash,
    pub(super) recorded_at: Timestamp,
    pub(super) payment_hash: Option<PaymentHash>,
    pub(super) deposit_id: Option<&'a DepositId>,
    pub(super) postings: &'a [(&'a str, Money)],
}

/// An account with what it holds.
struct Held {
    name: String,
    /// What there is of each commodity, and whether that changed since it was last asserted.
    sums: BTreeMap<Commodity, (i128, bool)>,
    is_open: bool,
}

struct Journal<W, L> {
    out: W,
    language: L,
    accounts: BTreeMap<Account, Held>,
    commodities: Vec<Commodity>,
    happenings: Vec<&'static str>,
    /// The day of the newest transaction.
    day: Option<i64>,
    date: String,
    written: Journaled,
}

fn write<W: Write, L: Language>(
    log: &dyn ReadLog,
    from: Option<Timestamp>,
    mut journal: Journal<W, L>,
    tick: &mut dyn FnMut(u64),
) -> Result<Journaled, WriteError> {
    journal.language.begin(&mut journal.out, log.head())?;
    // The entry before the period, until the balances are opened.
    let (mut before, mut is_begun) = (Head::EMPTY, from.is_none());
    booked(log, |booked| {
        let (seq, at) = (booked.entry.front.seq, booked.entry.circumstances.recorded_at);
        if !is_begun && from.is_some_and(|from| at >= from) {
            journal.open_balances(from.unwrap_or(at), before)?;
            is_begun = true;
        }
        if is_begun {
            journal.take(&booked)?;
        } else {
            journal.add_up(&booked);
            before = Head { seq, hash: booked.hash };
        }
        tick(seq);
        Ok::<_, WriteError>(())
    })?;
    if let (false, Some(from)) = (is_begun, from) {
        journal.open_balances(from, before)?;
    }
    Ok(journal.end()?)
}

const fn day_of(at: Timestamp) -> i64 {
    match UtcOffset::from_minutes(0) {
        Some(utc) => at.day(utc),
        None => 0,
    }
}

/// A day as `2026-01-31`.
pub(super) fn date_of(day: i64) -> String {
    // Days come from moments that there are; the day behind the last one is written as that.
    let midnight = Timestamp::from_seconds(day.saturating_mul(86_400));
    let text = midnight.map_or_else(|| "9998-12-31".into(), |midnight| midnight.to_string());
    text.get(..10).unwrap_or_default().to_owned()
}

impl<W: Write, L: Language> Journal<W, L> {
    const fn new(out: W, language: L) -> Self {
        Self {
            out,
            language,
            accounts: BTreeMap::new(),
            commodities: Vec::new(),
            happenings: Vec::new(),
            day: None,
            date: String::new(),
            written: Journaled { transactions: 0, accounts: 0, assertions: 0 },
        }
    }

    /// Adds a transaction up without writing it.
    fn add_up(&mut self, booked: &Booked<'_>) {
        for posting in booked.transaction.iter().flat_map(|made| &made.postings) {
            let money = Money::of(posting.unit, posting.amount);
            let place = self.accounts.entry(posting.account.clone());
            let held = place.or_insert_with_key(|account| Held {
                name: name(account),
                sums: BTreeMap::new(),
                is_open: false,
            });
            let sum = held.sums.entry(money.commodity).or_insert((0, true));
            *sum = (sum.0 + money.minor, true);
        }
    }

    /// Tells what there is at the beginning of a period. The books sum to zero, so this does.
    fn open_balances(&mut self, from: Timestamp, before: Head) -> io::Result<()> {
        self.pass_to(day_of(from))?;
        let all: Vec<Account> = self.accounts.keys().cloned().collect();
        for account in &all {
            self.open(account)?;
        }
        let held = self.accounts.values().flat_map(|held| {
            let name = held.name.as_str();
            held.sums.iter().map(move |(commodity, (minor, _))| {
                (name, Money { minor: *minor, commodity: *commodity })
            })
        });
        let postings: Vec<(&str, Money)> = held.filter(|(_, money)| money.minor != 0).collect();
        if postings.is_empty() {
            return Ok(());
        }
        let what = "opening balances";
        self.language.happening(&mut self.out, what)?;
        let told = Told {
            date: &self.date,
            what,
            seq: before.seq,
            hash: before.hash,
            recorded_at: from,
            payment_hash: None,
            deposit_id: None,
            postings: &postings,
        };
        self.language.transaction(&mut self.out, &told)
    }

    fn take(&mut self, booked: &Booked<'_>) -> io::Result<()> {
        let Some(made) = &booked.transaction else { return Ok(()) };
        self.pass_to(day_of(made.recorded_at))?;
        self.add_up(booked);
        if !self.happenings.contains(&made.event) {
            self.happenings.push(made.event);
            self.language.happening(&mut self.out, made.event)?;
        }
        for posting in &made.postings {
            self.open(&posting.account)?;
        }
        let named = made.postings.iter().filter_map(|posting| {
            let held = self.accounts.get(&posting.account)?;
            Some((held.name.as_str(), Money::of(posting.unit, posting.amount)))
        });
        let postings: Vec<(&str, Money)> = named.collect();
        self.written.transactions += 1;
        let told = Told {
            date: &self.date,
            what: made.event,
            seq: made.seq,
            hash: booked.hash,
            recorded_at: made.recorded_at,
            payment_hash: booked.payment_hash,
            deposit_id: made.deposit_id.as_ref(),
            postings: &postings,
        };
        self.language.transaction(&mut self.out, &told)
    }

    /// Declares an account, and what it holds, that were not declared yet.
    fn open(&mut self, account: &Account) -> io::Result<()> {
        let Some(held) = self.accounts.get_mut(account) else { return Ok(()) };
        for commodity in held.sums.keys() {
            if !self.commodities.contains(commodity) {
                self.commodities.push(*commodity);
                self.language.commodity(&mut self.out, &self.date, *commodity)?;
            }
        }
        if !held.is_open {
            held.is_open = true;
            self.written.accounts += 1;
            let opened = Opened { name: &held.name, account };
            self.language.account(&mut self.out, &self.date, &opened)?;
        }
        Ok(())
    }

    /// Goes on to a day. Where a month ended since, what has changed in it is asserted.
    fn pass_to(&mut self, day: i64) -> io::Result<()> {
        if self.day == Some(day) {
            return Ok(());
        }
        let date = date_of(day);
        if let Some(before) = self.day.filter(|_| date.get(..7) != self.date.get(..7)) {
            let last = last_of_month(before);
            self.assert(last, |has_changed| has_changed)?;
        }
        (self.day, self.date) = (Some(day), date);
        Ok(())
    }

    fn assert(&mut self, day: i64, wanted: impl Fn(bool) -> bool) -> io::Result<()> {
        let mut all = Vec::new();
        for held in self.accounts.values_mut() {
            for (commodity, (minor, has_changed)) in &mut held.sums {
                if wanted(std::mem::take(has_changed)) {
                    all.push((held.name.as_str(), Money { minor: *minor, commodity: *commodity }));
                }
            }
        }
        self.written.assertions += all.len() as u64;
        if all.is_empty() { Ok(()) } else { self.language.assertions(&mut self.out, day, &all) }
    }

    fn end(mut self) -> io::Result<Journaled> {
        if let Some(day) = self.day {
            self.assert(day, |_| true)?;
        }
        self.out.flush()?;
        Ok(self.written)
    }
}

/// The last day of a day's month.
fn last_of_month(day: i64) -> i64 {
    let month = |day| date_of(day).get(..7).map(str::to_owned);
    let of = month(day);
    // No month is longer.
    (day..day + 31).take_while(|day| month(*day) == of).last().unwrap_or(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_on_their_last_day() {
        let day = |text: &str| {
            day_of(Timestamp::parse_rfc3339(&format!("{text}T12:00:00Z")).expect("a time"))
        };
        for (of, expected) in [
            ("2026-01-01", "2026-01-31"),
            ("2026-02-28", "2026-02-28"),
            ("2028-02-01", "2028-02-29"),
            ("2026-12-31", "2026-12-31"),
        ] {
            assert_eq!(date_of(last_of_month(day(of))), expected);
        }
    }
}
