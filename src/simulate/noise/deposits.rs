//! Deposits and enrolments that are repeated, contradicted or wrong.

use spireledger_schema::Code;

use super::super::Simulator;
use super::super::json::command;
use super::super::office::{Enrolment, STRANGER};
use super::{SaidDeposit, SaidEnd, kinds};

kinds! {
    /// The same deposit is recorded once more.
    Again,
    /// The same deposit, with another amount.
    OtherAmount,
    /// A currency that the machine does not handle.
    ForeignCash,
    /// For an LP that has not said where its sats go.
    NotOnboarded,
    /// For an enrolment that nobody made.
    UnknownClient,
    /// More than any deposit may be.
    TooMuch,
    /// Counted once more.
    EndedAgain,
    /// Counted once more, and found to be otherwise.
    EndedOtherwise,
    /// Counted, though nobody brought it.
    NeverBrought,
    /// An LP is enrolled where it is already.
    EnrolledAgain,
    /// An LP says again what it wants.
    WishedAgain,
}

impl Simulator {
    pub(super) fn disturb_deposits(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Again => {
                let line = self.memory.deposit.as_ref()?.line();
                self.replayed(line);
            }
            Kind::OtherAmount => {
                let mut said = self.memory.deposit.clone()?;
                said.amount += 100;
                self.refused(said.line(), Code::Conflict);
            }
            Kind::ForeignCash => {
                let client_id = self.memory.deposit.as_ref()?.client_id.clone();
                self.wrong_deposit(&client_id, Some("CHF"), Code::CurrencyMismatch);
            }
            Kind::NotOnboarded => {
                let client_id = format!("{}.{STRANGER}", self.stations.first()?.id());
                self.wrong_deposit(&client_id, None, Code::NotOnboarded);
            }
            Kind::UnknownClient => {
                self.wrong_deposit("xx-nowhere-99.lp-nobody", None, Code::UnknownClient);
            }
            Kind::TooMuch => {
                let line = command("deposit.record")
                    .text("id", "deposit-too-much")
                    .text("client_id", &self.memory.deposit.as_ref()?.client_id)
                    .text("amount", "100000000.00")
                    .text("creator_user_id", "op-volcan");
                self.refused(line.end(), Code::Malformed);
            }
            Kind::EndedAgain => {
                let line = self.memory.deposit_end.as_ref()?.line();
                self.replayed(line);
            }
            Kind::EndedOtherwise => {
                let said = self.memory.deposit_end.clone()?;
                let otherwise = SaidEnd { confirmed: !said.confirmed, ..said };
                self.refused(otherwise.line(), Code::WrongState);
            }
            Kind::NeverBrought => {
                let line = command("deposit.confirm").text("id", "deposit-never-brought");
                self.refused(line.end(), Code::NotFound);
            }
            Kind::EnrolledAgain => self.enroll_again()?,
            Kind::WishedAgain => {
                let lp = self.random.place(self.lps.len());
                let line = self.lps.get(lp).filter(|lp| lp.onboarded)?.repeated_line();
                self.replayed(line);
            }
        }
        Some(())
    }

    /// A deposit that is refused takes no number.
    fn wrong_deposit(&mut self, client_id: &str, currency: Option<&'static str>, code: Code) {
        let said = SaidDeposit {
            number: self.counts.deposits + 1,
            client_id: client_id.to_owned(),
            amount: 500,
            creator: "op-volcan".into(),
            currency,
            notes: None,
            at: self.now,
        };
        self.refused(said.line(), code);
    }

    fn enroll_again(&mut self) -> Option<()> {
        let lp = self.random.place(self.lps.len());
        let who = self.lps.get(lp).filter(|lp| lp.enrolled)?;
        let Enrolment { machine_id, client_id, .. } = who.enrolments.first()?.clone();
        let (same, user) = (who.enroll_line(&client_id, &machine_id), who.user());
        let other = command("client.enroll")
            .text("id", &format!("{client_id}-2"))
            .text("machine_id", &machine_id)
            .text("user_id", &user);
        self.replayed(same);
        self.refused(other.end(), Code::AlreadyEnrolled);
        Some(())
    }
}
