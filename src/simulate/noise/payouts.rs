//! Processors that repeat themselves, contradict each other, or are in a hurry.

use spireledger_schema::Code;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::words::{SettlementStatus, TxType};

use super::super::Simulator;
use super::super::payout::{Past, about, begin_line, finish_line};
use super::{SaidOutcome, kinds};

kinds! {
    /// The processor that began begins again.
    BegunAgain,
    /// Another one begins with what is finished.
    BegunLate,
    /// Somebody begins with what nobody claimed.
    BegunUnknown,
    /// Finished before its legs are.
    FinishedEarly,
    /// Finished by somebody who does not hold the lock.
    FinishedByAnother,
    /// Finished once more.
    FinishedAgain,
    /// A lock is given back by somebody who does not hold it.
    ReleasedByAnother,
    /// A finished settlement is to be taken out of the books.
    VoidedLate,
    /// A finished settlement is to be put right.
    AdjustedLate,
    /// More was dispensed than was claimed, it is said.
    AdjustedUp,
    /// The same leg is paid, again by the same payment.
    PaidAgain,
    /// The same leg is paid by another payment: somebody paid twice.
    PaidTwice,
    /// A leg that is paid has failed, it is said.
    FailedLate,
    /// A leg that nobody planned.
    UnknownLeg,
    /// More is to be forwarded than came.
    ForwardedTooMuch,
}

impl Simulator {
    pub(super) fn disturb_payouts(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::BegunAgain => {
                let past = self.past()?;
                self.replayed(begin_line(&hash_of(&past), &past.token, self.now));
            }
            Kind::BegunLate => {
                let (past, token) = (self.past()?, self.new_token());
                self.refused(begin_line(&hash_of(&past), &token, self.now), Code::WrongState);
            }
            Kind::BegunUnknown => {
                let (hash, token) = (self.random.bytes32(), self.new_token());
                self.refused(
                    begin_line(&PaymentHash::from_bytes(hash), &token, self.now),
                    Code::NotFound,
                );
            }
            Kind::FinishedEarly => self.finish_early()?,
            Kind::FinishedByAnother => {
                let (hash, _, _) = self.open_in(SettlementStatus::Processing)?;
                let token = self.new_token();
                self.refused(finish_line(&hash, &token, self.now), Code::WrongClaim);
            }
            Kind::FinishedAgain => {
                let line = self.past()?.finish;
                self.replayed(line);
            }
            Kind::ReleasedByAnother => {
                let (hash, _, _) = self.open_in(SettlementStatus::Processing)?;
                let token = self.new_token();
                let line = about("settlement.release", &hash).text("processing_claim", &token);
                self.refused(line.end(), Code::WrongClaim);
            }
            Kind::VoidedLate => {
                let line = about("settlement.void", &hash_of(&self.past()?));
                self.refused(line.end(), Code::WrongState);
            }
            Kind::AdjustedLate => {
                let past = self.past()?;
                self.adjust_to(&hash_of(&past), 1, Code::WrongState);
            }
            Kind::AdjustedUp => self.adjust_up()?,
            Kind::PaidAgain => {
                let line = self.memory.outcome.as_ref()?.line();
                self.replayed(line);
            }
            Kind::PaidTwice => {
                let payment = PaymentHash::from_bytes(self.random.bytes32());
                let other = SaidOutcome { payment, ..self.memory.outcome.clone()? };
                self.refused(other.line(), Code::Conflict);
            }
            Kind::FailedLate => {
                let said = self.memory.outcome.as_ref()?;
                let line = about("leg.outcome", &said.hash)
                    .text("leg_id", said.leg_id.as_str())
                    .text("status", "failed")
                    .text("error_message", "no answer in time");
                self.refused(line.end(), Code::WrongState);
            }
            Kind::UnknownLeg => {
                let hash = self.memory.outcome.as_ref()?.hash;
                let line = about("leg.outcome", &hash)
                    .text("leg_id", &format!("{hash}:999"))
                    .text("status", "completed");
                self.refused(line.end(), Code::NotFound);
            }
            Kind::ForwardedTooMuch => self.forward_too_much()?,
        }
        Some(())
    }

    /// A settlement that was finished lately.
    fn past(&mut self) -> Option<Past> {
        let at = self.random.place(self.recent.len());
        self.recent.get(at).cloned()
    }

    fn finish_early(&mut self) -> Option<()> {
        let (hash, open, settlement) = self.open_in(SettlementStatus::Processing)?;
        if settlement.legs.iter().all(|leg| leg.status.is_final()) {
            return None;
        }
        self.refused(finish_line(&hash, &open.token?, self.now), Code::LegsOpen);
        Some(())
    }

    fn adjust_to(&mut self, hash: &PaymentHash, fiat: u64, code: Code) {
        let line = about("settlement.adjust", hash)
            .fiat("fiat_amount", fiat)
            .number("principal_sats", fiat)
            .number("fee_sats", 0)
            .text("reason", "The camera shows it.");
        self.refused(line.end(), code);
    }

    fn adjust_up(&mut self) -> Option<()> {
        let (hash, open, settlement) = self.open_in(SettlementStatus::Pending)?;
        if open.sale.tx_type != TxType::CashOut || settlement.is_paid() {
            return None;
        }
        self.adjust_to(&hash, open.sale.fiat + 1, Code::ExceedsAvailable);
        Some(())
    }

    fn forward_too_much(&mut self) -> Option<()> {
        let (hash, open, settlement) = self.open_in(SettlementStatus::Processing)?;
        let client = settlement.legs.into_iter().find_map(|leg| leg.leg.client_id)?;
        let line = about("leg.add", &hash)
            .text("leg_id", &format!("too-much:{hash}"))
            .text("leg_type", "autoforward")
            .number("amount_sats", open.sale.wire + 1)
            .text("destination_ln_address", "somebody@wallet.example")
            .text("client_id", client.as_str());
        self.refused(line.end(), Code::ExceedsAvailable);
        Some(())
    }
}

fn hash_of(past: &Past) -> PaymentHash {
    PaymentHash::from_bytes(past.sale.hash)
}
