//! Claims that are repeated, contradicted or wrong.

use spireledger_schema::Code;
use spireledger_schema::words::TxType;

use super::super::Simulator;
use super::super::json::command;
use super::super::payout::Course;
use super::super::sale::{Row, Rows, Sale, Till};
use super::super::station::CASH_IN_CAP;
use super::kinds;

kinds! {
    /// A claim of long ago comes once more: its answer was lost.
    Again,
    /// The payment hash of an accepted claim, with other sats.
    OtherSats,
    /// The payment hash of an accepted claim, from another machine.
    OtherMachine,
    /// A machine that nobody registered.
    UnknownMachine,
    /// A machine is switched off, claims, is switched on, and claims again: now it is accepted.
    SwitchedOff,
    /// One sat too many.
    Unbalanced,
    /// A cash-in that no such machine could take.
    AboveCap,
    /// Cash that the machine does not handle.
    ForeignCash,
}

impl Simulator {
    pub(super) fn disturb_claims(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Again => self.old_claim_again(),
            Kind::OtherSats => self.claim_otherwise(|sale| sale.fee += 21),
            Kind::OtherMachine => self.claim_from_another_machine(),
            Kind::UnknownMachine => self.claim_of_nobody(),
            Kind::SwitchedOff => self.claim_while_switched_off(),
            Kind::Unbalanced => self.wrong_claim(Code::Unbalanced, |sale, _| sale.wire += 1),
            Kind::AboveCap => self.claim_above_the_cap(),
            Kind::ForeignCash => self.wrong_claim(Code::CurrencyMismatch, |_, till| {
                till.fiat_code = "CHF";
            }),
        }
    }

    /// After a claim: the machine got no answer and sends it again, once or more.
    pub(in crate::simulate) fn retry(&mut self, number: usize, mut sale: Sale) {
        let mut left = 3;
        while left > 0 && self.random.chance(u64::from(self.options.noise) / 2) {
            left -= 1;
            if self.random.chance(500) {
                // Over Nostr another attempt is another event; the claim is the same.
                sale.event_id = self.random.bytes32();
            }
            if let Some(station) = self.stations.get(number) {
                let line = sale.json(&station.till);
                self.replayed(line);
            }
        }
    }

    /// A settlement that was finished lately.
    fn past_sale(&mut self) -> Option<(usize, Sale)> {
        let at = self.random.place(self.recent.len());
        self.recent.get(at).map(|past| (past.station, past.sale))
    }

    fn old_claim_again(&mut self) -> Option<()> {
        let (number, sale) = self.past_sale()?;
        let line = sale.json(&self.stations.get(number)?.till);
        self.replayed(line);
        Some(())
    }

    fn claim_otherwise(&mut self, change: impl Fn(&mut Sale)) -> Option<()> {
        let (number, mut sale) = self.past_sale()?;
        change(&mut sale);
        sale.balance();
        let line = sale.json(&self.stations.get(number)?.till);
        self.refused(line, Code::Conflict);
        Some(())
    }

    fn claim_from_another_machine(&mut self) -> Option<()> {
        let (number, sale) = self.past_sale()?;
        let other = self.any_station();
        if other == number {
            return None;
        }
        let line = sale.json(&self.stations.get(other)?.till);
        self.refused(line, Code::Conflict);
        Some(())
    }

    fn claim_of_nobody(&mut self) -> Option<()> {
        self.wrong_claim(Code::UnknownMachine, |_, till| till.machine_id = "xx-nowhere-99".into())
    }

    /// A new claim that is wrong in one way.
    fn wrong_claim(&mut self, code: Code, spoil: impl Fn(&mut Sale, &mut Till)) -> Option<()> {
        let number = self.any_station();
        let mut sale = self.priced(number, TxType::CashIn, None)?;
        let mut till = self.stations.get(number)?.till.clone();
        spoil(&mut sale, &mut till);
        self.refused(sale.json(&till), code);
        Some(())
    }

    fn claim_above_the_cap(&mut self) -> Option<()> {
        let number = self.any_station();
        let station = self.stations.get(number)?;
        let quote = self.quotes.get(station.place.cash)?;
        let denomination = station.cash.takes.iter().copied().max()?;
        // A fifth more than the cap, whichever way the quote moves next.
        let bills = CASH_IN_CAP * 12_000 / (quote * u64::from(denomination)).max(1) + 1;
        let asked = u32::try_from(bills).ok()?;
        let mut rows = Rows::default();
        *rows.first_mut()? = Row { position: 0, denomination, asked, moved: asked, rejected: 0 };
        let sale = self.priced(number, TxType::CashIn, Some(rows))?;
        let line = sale.json(&self.stations.get(number)?.till);
        self.refused(line, Code::CashInCap);
        Some(())
    }

    /// A refused claim takes no identity: once the reason is gone, the same claim is accepted.
    fn claim_while_switched_off(&mut self) -> Option<()> {
        let number = self.any_station();
        let sale = self.priced(number, TxType::CashIn, None)?;
        let station = self.stations.get(number)?;
        let claim = sale.json(&station.till);
        let update = || command("machine.update").text("id", station.id());
        let switch = |on| {
            let line = update().raw("is_active", on).moment("occurred_at", self.now);
            line.text("request_id", &format!("active-{on}-{}-{}", station.id(), self.now)).end()
        };
        let (off, on) = (switch("false"), switch("true"));
        self.accepted(off);
        self.refused(claim, Code::InactiveMachine);
        self.accepted(on);
        self.claim(number, sale, Course::Usual);
        Some(())
    }
}
