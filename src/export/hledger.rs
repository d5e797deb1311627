//! hledger: <https://hledger.org/hledger.html#journal>.

use std::io::{self, Write};

use super::journal::{Language, Opened, Told, date_of};
use super::money::{Commodity, Money};
use super::names::escaped;
use crate::log::Head;

/// What is said of the assertions.
const ASSERTED: &str = "balance assertions";

pub(super) struct Hledger;

impl Language for Hledger {
    fn begin(&self, out: &mut impl Write, head: Head) -> io::Result<()> {
        writeln!(out, "; Spireledger's books as of {head}.")?;
        writeln!(out, "decimal-mark .")?;
        for tag in ["seq", "hash", "recorded_at", "payment_hash", "deposit_id"] {
            writeln!(out, "tag {tag}")?;
        }
        self.happening(out, ASSERTED)
    }

    /// As many places as there can be: what does not show does not have to balance.
    fn commodity(&self, out: &mut impl Write, _: &str, what: Commodity) -> io::Result<()> {
        writeln!(out, "\ncommodity 1000.{:0places$} {what}", 0, places = what.places())
    }

    fn account(&self, out: &mut impl Write, _: &str, opened: &Opened<'_>) -> io::Result<()> {
        writeln!(out, "\naccount {}", opened.name)
    }

    fn happening(&self, out: &mut impl Write, what: &str) -> io::Result<()> {
        writeln!(out, "\npayee {what}")
    }

    /// A tag ends with a comma or the line, so what can be any text is escaped as in an account's name.
    fn transaction(&self, out: &mut impl Write, told: &Told<'_>) -> io::Result<()> {
        writeln!(out, "\n{} * ({}) {}", told.date, told.seq, told.what)?;
        writeln!(out, "    ; seq:{}, hash:{}", told.seq, told.hash)?;
        writeln!(out, "    ; recorded_at:{}", told.recorded_at)?;
        if let Some(hash) = told.payment_hash {
            writeln!(out, "    ; payment_hash:{hash}")?;
        }
        if let Some(deposit) = told.deposit_id {
            writeln!(out, "    ; deposit_id:{}", escaped(deposit.as_str()))?;
        }
        for (account, money) in told.postings {
            writeln!(out, "    {account}  {money}")?;
        }
        Ok(())
    }

    /// Assertions stand at postings; these move nothing.
    fn assertions(&self, out: &mut impl Write, day: i64, all: &[(&str, Money)]) -> io::Result<()> {
        writeln!(out, "\n{} * {ASSERTED}", date_of(day))?;
        for (account, Money { minor, commodity }) in all {
            let nothing = Money { minor: 0, commodity: *commodity };
            let money = Money { minor: *minor, commodity: *commodity };
            writeln!(out, "    {account}  {nothing} = {money}")?;
        }
        Ok(())
    }
}
