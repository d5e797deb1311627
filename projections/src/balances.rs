//! How the sums of an enrolment change. They change nowhere else, and each change is checked: a sum
//! below nothing or out of bounds means a history that no rule allowed.

use spireledger_schema::event::{GivenBack, Leg, LegEnded};
use spireledger_schema::imported::{Counted, CountsAs};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::words::LegStatus;

use crate::{ApplyError, Client};

impl Client {
    /// What is left: confirmed deposits less what was paid and what may still be paid. `None` out of
    /// bounds.
    pub fn remaining_fiat(&self) -> Option<Fiat> {
        self.confirmed_fiat.checked_sub(self.paid_fiat)?.checked_sub(self.pending_fiat)
    }

    /// Fiat paid on a day of the operator's, or on a later one: where its days came to begin later, a
    /// day that was begun goes on.
    pub fn paid_on(&self, day: i64) -> Fiat {
        if self.day >= day { self.day_fiat } else { Fiat::ZERO }
    }

    pub(crate) fn deposit_recorded(&mut self, amount: Fiat, seq: u64) -> Result<(), ApplyError> {
        grow(&mut self.unconfirmed_fiat, amount, seq)
    }

    pub(crate) fn deposit_confirmed(&mut self, amount: Fiat, seq: u64) -> Result<(), ApplyError> {
        shrink(&mut self.unconfirmed_fiat, amount, seq)?;
        grow(&mut self.confirmed_fiat, amount, seq)
    }

    pub(crate) fn deposit_rejected(&mut self, amount: Fiat, seq: u64) -> Result<(), ApplyError> {
        shrink(&mut self.unconfirmed_fiat, amount, seq)
    }

    pub(crate) fn leg_planned(&mut self, leg: &Leg, seq: u64) -> Result<(), ApplyError> {
        grow(&mut self.pending_fiat, leg.amount_fiat.unwrap_or_default(), seq)?;
        more(&mut self.pending_sats, leg.amount_sats, seq)
    }

    pub(crate) fn given_back(&mut self, back: &GivenBack, seq: u64) -> Result<(), ApplyError> {
        shrink(&mut self.pending_fiat, back.amount_fiat, seq)?;
        less(&mut self.pending_sats, back.amount_sats, seq)
    }

    pub(crate) fn leg_ended(&mut self, e: &LegEnded, day: i64, seq: u64) -> Result<(), ApplyError> {
        let status = LegStatus::from(e.status);
        if !status.is_final() {
            // It may be tried again: what it holds cannot be spent on another.
            return Ok(());
        }
        let fiat = e.amount_fiat.unwrap_or_default();
        shrink(&mut self.pending_fiat, fiat, seq)?;
        less(&mut self.pending_sats, e.amount_sats, seq)?;
        if status == LegStatus::Completed {
            self.day_fiat = self.paid_on(day);
            self.day = self.day.max(day);
            grow(&mut self.day_fiat, fiat, seq)?;
            grow(&mut self.paid_fiat, fiat, seq)?;
            more(&mut self.paid_sats, e.amount_sats, seq)?;
        }
        Ok(())
    }

    /// What was brought in counts. Its sums may be what no rule here would have allowed: an LP that
    /// was paid beyond its balance has less than nothing left.
    pub(crate) fn count(
        &mut self,
        counted: &Counted,
        day: Option<i64>,
        seq: u64,
    ) -> Result<(), ApplyError> {
        let (fiat, sats) = self.sums(counted.counts_as);
        *fiat = fiat.checked_add(counted.amount_fiat).ok_or_else(|| bounds(seq))?;
        if let Some(sats) = sats {
            more(sats, counted.amount_sats, seq)?;
        }
        if let (CountsAs::Paid, Some(day)) = (counted.counts_as, day.filter(|day| *day >= self.day))
        {
            let paid = self.paid_on(day).checked_add(counted.amount_fiat);
            self.day_fiat = paid.ok_or_else(|| bounds(seq))?;
            self.day = day;
        }
        Ok(())
    }

    /// What was brought in counts no longer: it says something else now.
    pub(crate) fn uncount(&mut self, counted: &Counted, seq: u64) -> Result<(), ApplyError> {
        let (fiat, sats) = self.sums(counted.counts_as);
        *fiat = fiat.checked_sub(counted.amount_fiat).ok_or_else(|| bounds(seq))?;
        sats.map_or(Ok(()), |sats| less(sats, counted.amount_sats, seq))
    }

    const fn sums(&mut self, counts_as: CountsAs) -> (&mut Fiat, Option<&mut Sats>) {
        match counts_as {
            CountsAs::Unconfirmed => (&mut self.unconfirmed_fiat, None),
            CountsAs::Confirmed => (&mut self.confirmed_fiat, None),
            CountsAs::Pending => (&mut self.pending_fiat, Some(&mut self.pending_sats)),
            CountsAs::Paid => (&mut self.paid_fiat, Some(&mut self.paid_sats)),
        }
    }
}

fn bounds(seq: u64) -> ApplyError {
    ApplyError::OutOfBounds { seq, what: "a client's balance".into() }
}

fn grow(place: &mut Fiat, by: Fiat, seq: u64) -> Result<(), ApplyError> {
    *place = place.checked_add(by).ok_or_else(|| bounds(seq))?;
    Ok(())
}

fn shrink(place: &mut Fiat, by: Fiat, seq: u64) -> Result<(), ApplyError> {
    let rest = place.checked_sub(by).filter(|rest| *rest >= Fiat::ZERO);
    *place = rest.ok_or_else(|| bounds(seq))?;
    Ok(())
}

fn more(place: &mut Sats, by: Sats, seq: u64) -> Result<(), ApplyError> {
    *place = place.checked_add(by).ok_or_else(|| bounds(seq))?;
    Ok(())
}

fn less(place: &mut Sats, by: Sats, seq: u64) -> Result<(), ApplyError> {
    *place = place.checked_sub(by).ok_or_else(|| bounds(seq))?;
    Ok(())
}
