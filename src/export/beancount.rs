//! Beancount: <https://beancount.github.io/docs/beancount_language_syntax.html>.

use std::io::{self, Write};

use super::journal::{Language, Opened, Told, date_of};
use super::money::{Commodity, Money};
use crate::log::Head;

/// Text between quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) struct Beancount;

impl Language for Beancount {
    fn begin(&self, out: &mut impl Write, head: Head) -> io::Result<()> {
        writeln!(out, ";; Spireledger's books as of {head}.")?;
        writeln!(out, "option \"title\" \"Spireledger\"")?;
        writeln!(out, "option \"operating_currency\" \"SAT\"")
    }

    fn commodity(&self, out: &mut impl Write, date: &str, what: Commodity) -> io::Result<()> {
        writeln!(out, "\n{date} commodity {what}")?;
        writeln!(out, "  precision: {}", what.places())
    }

    fn account(&self, out: &mut impl Write, date: &str, opened: &Opened<'_>) -> io::Result<()> {
        writeln!(out, "\n{date} open {}", opened.name)?;
        writeln!(out, "  account: {}", quoted(&opened.account.to_string()))
    }

    fn happening(&self, _: &mut impl Write, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn transaction(&self, out: &mut impl Write, told: &Told<'_>) -> io::Result<()> {
        write!(out, "\n{} * {}", told.date, quoted(told.what))?;
        if let Some(hash) = told.payment_hash {
            write!(out, " ^{hash}")?;
        }
        writeln!(out, "\n  seq: {}\n  hash: \"{}\"", told.seq, told.hash)?;
        writeln!(out, "  recorded_at: \"{}\"", told.recorded_at)?;
        if let Some(hash) = told.payment_hash {
            writeln!(out, "  payment_hash: \"{hash}\"")?;
        }
        if let Some(deposit) = told.deposit_id {
            writeln!(out, "  deposit_id: {}", quoted(deposit.as_str()))?;
        }
        for (account, money) in told.postings {
            writeln!(out, "  {account}  {money}")?;
        }
        Ok(())
    }

    /// What a day begins with is asserted, so this is of the day after. Beancount would let a hundredth
    /// pass: no tolerance is what is meant.
    fn assertions(&self, out: &mut impl Write, day: i64, all: &[(&str, Money)]) -> io::Result<()> {
        let date = date_of(day + 1);
        writeln!(out)?;
        for (account, Money { minor, commodity }) in all {
            let money = Money { minor: *minor, commodity: *commodity }.to_string();
            let (number, name) = money.split_once(' ').unwrap_or((&money, ""));
            writeln!(out, "{date} balance {account}  {number} ~ 0 {name}")?;
        }
        Ok(())
    }
}
