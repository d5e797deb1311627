//! One leg: what became of the payment that may be under way, or the next payment.

use spireledger_projections::{Intent, LegRow, Settlement};
use spireledger_schema::Answer;
use spireledger_schema::command::{Body, LegIntend, LegOutcome};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::parts::{Invoice, Message};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{Text, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::Outcome;

use super::bolt11::Bolt11;
use super::books::Books;
use super::bugs::Bug;
use super::payments::{Destination, PaymentError, Payments, Seen};
use super::place::{Ready, destination, source};
use crate::ledger::LedgerError;
use crate::log::crash;

/// Pays legs.
pub struct Payer<'a, B, P> {
    /// The ledger.
    pub books: &'a B,
    /// Whoever moves the sats.
    pub payments: &'a P,
    /// What time is it?
    pub clock: &'a dyn Fn() -> Timestamp,
    /// How long things may take.
    pub policy: Policy,
}

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// For how long an invoice that is made here can be paid.
    pub invoice_seconds: u32,
    /// How long after its expiry an invoice is taken to be expired for everybody: clocks differ.
    pub grace_seconds: u32,
}

/// What was done about a leg, or why nothing was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// It is paid, and the ledger has it.
    Paid {
        /// By this payment; none where nothing had to move.
        payment_hash: Option<PaymentHash>,
        /// What the route cost, in millisats.
        fee_msat: u64,
    },
    /// A payment is known to have failed, and the ledger has it; it may be tried again.
    Failed {
        /// The payment.
        payment_hash: PaymentHash,
    },
    /// A payment may be under way: nothing may be done but ask again later.
    Waits {
        /// The payment.
        payment_hash: PaymentHash,
        /// What is known.
        why: String,
    },
    /// A payment may be under way, and waiting will not tell: a person has to look.
    Unclear {
        /// The payment.
        payment_hash: PaymentHash,
        /// What is known.
        why: String,
    },
    /// Nothing was sent, and nothing can be before something else changes.
    Blocked {
        /// What.
        why: String,
    },
    /// It would be paid, were this not a dry run.
    Would {
        /// From this wallet.
        from: WalletId,
    },
}

impl<B: Books, P: Payments> Payer<'_, B, P> {
    /// Goes on with a leg that has not ended: asks about the payment that may be under way, or makes
    /// the next one.
    ///
    /// # Errors
    /// If the ledger gives no answer: what was said may or may not be durable, and the next run finds out.
    pub fn leg(&self, settlement: &Settlement, leg: &LegRow) -> Result<Did, LedgerError> {
        if let Some(intent) = leg.intent.as_ref().filter(|_| !Bug::IgnoresIntent.is_on()) {
            return self.find_out(settlement, leg, intent);
        }
        let ready = match self.prepare(settlement, leg) {
            Ok(ready) => ready,
            Err(why) => return Ok(Did::Blocked { why }),
        };
        // Before anybody else is asked for anything. What nothing has to move for is no less paid here.
        if let Some(why) = self.against(settlement, leg, &ready.from)? {
            return Ok(Did::Blocked { why });
        }
        if ready.stays() { self.stays(settlement, leg) } else { self.pay(settlement, leg, &ready) }
    }

    /// Where a leg's sats come from and go to. Nobody is asked.
    pub(super) fn prepare(&self, settlement: &Settlement, leg: &LegRow) -> Result<Ready, String> {
        let from = source(self.books, settlement, leg)?;
        let to = destination(self.payments, leg)?;
        if !self.payments.knows(&from) {
            return Err(PaymentError::NoKeys(from).to_string());
        }
        let ready = Ready { from, to };
        if !ready.stays() && !self.payments.can_spend_from(&ready.from) {
            return Err(PaymentError::NoAdminKey(ready.from).to_string());
        }
        Ok(ready)
    }

    /// What the ledger has against a payment of the leg, whatever its invoice.
    pub(super) fn against(
        &self,
        settlement: &Settlement,
        leg: &LegRow,
        from: &WalletId,
    ) -> Result<Option<String>, LedgerError> {
        let since = (self.clock)();
        let any = Intent {
            payment_hash: NO_INVOICE,
            bolt11: Invoice::from(Personal::Plain(Text::new("lnbc"))),
            from_wallet_id: from.clone(),
            expires_at: since,
            since,
        };
        let no = self.books.against(intend(settlement, leg, &any))?;
        Ok(no.map(|no| format!("the ledger refuses it: {no}")))
    }

    /// Whether the wallet holds the leg's sats.
    pub(super) fn can_pay(&self, leg: &LegRow, from: &WalletId) -> Result<(), String> {
        let held = self.payments.balance_msat(from).map_err(|error| error.to_string())?;
        let sats = leg.leg.amount_sats;
        if held < sats.get().saturating_mul(1_000) {
            return Err(format!("wallet {from} holds {} sats, less than {sats}", held / 1_000));
        }
        Ok(())
    }

    /// The sats are where they should be: nothing has to move.
    fn stays(&self, settlement: &Settlement, leg: &LegRow) -> Result<Did, LedgerError> {
        let answer =
            self.books.say(outcome(settlement, leg, Outcome::Completed, None, None, None))?;
        Ok(refused(&answer)
            .map_or(Did::Paid { payment_hash: None, fee_msat: 0 }, |why| Did::Blocked { why }))
    }

    /// Makes an invoice, once; writes it down; pays it; asks what became of it.
    fn pay(
        &self,
        settlement: &Settlement,
        leg: &LegRow,
        ready: &Ready,
    ) -> Result<Did, LedgerError> {
        let Ready { from, to } = ready;
        let made = self.can_pay(leg, from).and_then(|()| self.invoice(leg, from, to));
        let intent = match made {
            Ok(intent) => intent,
            Err(why) => return Ok(Did::Blocked { why }),
        };
        crash::point("pay:invoice-made");
        let bolt11 = intent.bolt11.plain().unwrap_or_default();
        if Bug::IntentAfterPayment.is_on() {
            let _ = self.payments.pay(from, bolt11);
        }
        let answer = self.books.say(intend(settlement, leg, &intent))?;
        if let Some(why) = refused(&answer).filter(|_| !Bug::PaysThoughRefused.is_on()) {
            return Ok(Did::Blocked { why });
        }
        crash::point("pay:intended");
        if !matches!(answer, Answer::Replayed(_)) && !Bug::IntentAfterPayment.is_on() {
            // Whatever it says, or if nobody answers: only the question that follows tells.
            let said = self.payments.pay(from, bolt11);
            if let Err(error) = &said {
                tracing::info!(payment_hash = %intent.payment_hash, %error, "the payment was not confirmed");
            }
            match said {
                Ok(()) if Bug::AcceptanceIsPaid.is_on() => {
                    return self.paid(settlement, leg, intent.payment_hash, 0);
                }
                Err(PaymentError::Refused { .. }) if Bug::RefusalIsFailure.is_on() => {
                    return self.failed(settlement, leg, intent.payment_hash, "refused");
                }
                _ => {}
            }
        }
        crash::point("pay:sent");
        self.find_out(settlement, leg, &intent)
    }

    /// An invoice over the leg's amount, of which the hash is known.
    fn invoice(&self, leg: &LegRow, from: &WalletId, to: &Destination) -> Result<Intent, String> {
        let amount = leg.leg.amount_sats;
        let memo = format!("spireledger {} {}", leg.leg.leg_type, leg.id);
        let invoice = self.payments.invoice(to, amount, &memo, self.policy.invoice_seconds);
        let bolt11 = invoice.map_err(|error| error.to_string())?;
        let read =
            Bolt11::read(&bolt11).map_err(|error| format!("{to} gave no invoice: {error}"))?;
        let msat = amount.get().saturating_mul(1_000);
        if read.amount_msat != Some(msat) && !Bug::AnyInvoice.is_on() {
            let said = read.amount_msat.map_or("no amount".to_owned(), |n| format!("{n} msat"));
            return Err(format!("{to} gave an invoice over {said}, not over {msat} msat"));
        }
        let since = (self.clock)();
        if read.expires_at <= since {
            return Err(format!("{to} gave an invoice that has expired at {}", read.expires_at));
        }
        let held = self.payments.balance_msat(from).map_err(|error| error.to_string())?;
        let reserve = self.payments.reserve_msat(to, &bolt11).map_err(|error| error.to_string())?;
        if held < msat.saturating_add(reserve) {
            return Err(format!(
                "wallet {from} holds {held} msat, less than {msat} and the {reserve} msat it must \
                 have for routing fees"
            ));
        }
        let kept =
            Invoice::parse(&bolt11).ok_or_else(|| format!("{to} gave too long an invoice"))?;
        Ok(Intent {
            payment_hash: read.payment_hash,
            bolt11: kept,
            from_wallet_id: from.clone(),
            expires_at: read.expires_at,
            since,
        })
    }

    /// What became of a payment that may be under way. Says its outcome where that is certain.
    fn find_out(
        &self,
        settlement: &Settlement,
        leg: &LegRow,
        intent: &Intent,
    ) -> Result<Did, LedgerError> {
        let payment_hash = intent.payment_hash;
        let waits = |why: String| Ok(Did::Waits { payment_hash, why });
        let unclear = |why: &str| Ok(Did::Unclear { payment_hash, why: why.to_owned() });
        let asked = if Bug::OtherOutcome.is_on() {
            let mut legs = settlement.legs.iter();
            legs.find_map(|leg| leg.external_payment_hash).unwrap_or(payment_hash)
        } else {
            payment_hash
        };
        let seen = match self.payments.seen(&intent.from_wallet_id, &asked) {
            Err(_) if Bug::SilenceIsFailure.is_on() => Seen::Failed,
            Ok(Seen::Pending) if Bug::PendingIsFailure.is_on() => Seen::Failed,
            Ok(Seen::NotFound) if Bug::NotFoundIsFailure.is_on() => Seen::Failed,
            Err(error) => return waits(error.to_string()),
            Ok(Seen::Pending) => return waits("it is pending".into()),
            Ok(Seen::Paid { amount_msat, fee_msat }) => {
                let due = leg.leg.amount_sats.get().saturating_mul(1_000);
                if amount_msat != due && !Bug::AnyAmountPaid.is_on() {
                    return unclear(&format!(
                        "{amount_msat} msat were paid, which is not the leg's amount"
                    ));
                }
                return self.paid(settlement, leg, payment_hash, fee_msat);
            }
            Ok(seen) => seen,
        };
        let what =
            if seen == Seen::Failed { "it failed" } else { "the paying wallet does not know it" };
        let expires_at = intent.expires_at.micros();
        let grace = i64::from(self.policy.grace_seconds).saturating_mul(1_000_000);
        let is_open = (self.clock)().micros() <= expires_at.saturating_add(grace);
        if is_open && !Bug::FailureBeforeExpiry.is_on() {
            return waits(format!(
                "{what}, but its invoice could be paid until {}",
                intent.expires_at
            ));
        }
        // The wallet that the sats go to is asked too: sats that arrived are never paid again.
        let to = destination(self.payments, leg).ok();
        let received = to.map_or(Ok(None), |to| self.payments.received(&to, &payment_hash));
        match (seen, received) {
            (_, Err(error)) => waits(error.to_string()),
            (_, Ok(Some(Seen::Paid { .. }))) => {
                unclear("whoever was to receive it has it, but not from the paying wallet")
            }
            (_, Ok(Some(Seen::Pending))) => waits(format!("{what}; its invoice is still open")),
            (Seen::Failed, Ok(_)) => {
                self.failed(settlement, leg, payment_hash, "failed, and expired")
            }
            (_, Ok(Some(Seen::Failed))) => {
                self.failed(settlement, leg, payment_hash, "never sent, and expired")
            }
            _ => unclear("the paying wallet does not know it, and nobody can say it was not paid"),
        }
    }

    fn paid(
        &self,
        settlement: &Settlement,
        leg: &LegRow,
        payment_hash: PaymentHash,
        fee_msat: u64,
    ) -> Result<Did, LedgerError> {
        crash::point("pay:known");
        let said =
            outcome(settlement, leg, Outcome::Completed, Some(payment_hash), Some(fee_msat), None);
        let answer = self.books.say(said)?;
        crash::point("pay:recorded");
        Ok(match refused(&answer) {
            None => Did::Paid { payment_hash: Some(payment_hash), fee_msat },
            Some(why) => Did::Unclear { payment_hash, why: format!("paid, but {why}") },
        })
    }

    fn failed(
        &self,
        settlement: &Settlement,
        leg: &LegRow,
        payment_hash: PaymentHash,
        why: &str,
    ) -> Result<Did, LedgerError> {
        let said = outcome(settlement, leg, Outcome::Failed, Some(payment_hash), None, Some(why));
        let answer = self.books.say(said)?;
        Ok(refused(&answer)
            .map_or(Did::Failed { payment_hash }, |why| Did::Unclear { payment_hash, why }))
    }
}

/// The hash of no invoice: stands for any, where the ledger is only asked.
const NO_INVOICE: PaymentHash = PaymentHash::from_bytes([0; 32]);

/// What the ledger has against it.
pub(super) fn refused(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Refused(no) => Some(format!("the ledger refused it: {}", no.message)),
        Answer::Accepted(_) | Answer::Replayed(_) => None,
    }
}

/// The intent names the processing claim that held the settlement when it was read: should another
/// processor have taken over since, it may be paying this leg by its own means, and the ledger refuses.
fn intend(settlement: &Settlement, leg: &LegRow, intent: &Intent) -> Body {
    let lock = settlement.lock.as_ref().filter(|_| !Bug::IntentWithoutClaim.is_on());
    Body::LegIntend(LegIntend {
        payment_hash: settlement.payment_hash,
        leg_id: leg.id.clone(),
        external_payment_hash: intent.payment_hash,
        bolt11: intent.bolt11.clone(),
        amount_sats: leg.leg.amount_sats,
        from_wallet_id: intent.from_wallet_id.clone(),
        expires_at: intent.expires_at,
        processing_claim: lock.map(|lock| lock.processing_claim.clone()),
    })
}

fn outcome(
    settlement: &Settlement,
    leg: &LegRow,
    status: Outcome,
    external_payment_hash: Option<PaymentHash>,
    routing_fee_msat: Option<u64>,
    why: Option<&str>,
) -> Body {
    Body::LegOutcome(LegOutcome {
        payment_hash: settlement.payment_hash,
        leg_id: leg.id.clone(),
        status,
        external_payment_hash,
        routing_fee_msat,
        error_message: why.map(|why| Message::from(Personal::Plain(Text::new(why)))),
    })
}
