//! One run over settlements: begin what is asked for, go on with every open leg, finish what is done.

use serde::Serialize;
use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::command::{Body, SettlementBegin, SettlementFinish};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::{LegId, ProcessingClaim};
use spireledger_schema::words::{LegType, SettlementStatus};

use super::books::Books;
use super::bugs::Bug;
use super::forward::wanted;
use super::leg::{Did, Payer, refused};
use super::payments::Payments;
use super::place::destination;
use crate::ledger::LedgerError;
use crate::log::crash;

/// With what the processing claims of payers begin: what one of them left open, the next one ends.
const CLAIM: &str = "pay:";

/// Whether a payer holds the settlement: this one, or an earlier one.
pub(super) fn is_held_by_payer(settlement: &Settlement) -> bool {
    settlement.lock.as_ref().is_some_and(|lock| lock.processing_claim.as_str().starts_with(CLAIM))
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which settlements; none: all that have not ended.
    pub settlements: Vec<PaymentHash>,
    /// The processing claim to begin with what nobody works on; none: only what is being processed.
    pub begin: Option<ProcessingClaim>,
    /// Only say what would be done. Nothing is paid and nothing is written.
    pub is_dry: bool,
}

impl Run {
    /// A processing claim for a run that begins settlements, made of something that no other run has.
    pub fn claim(unique: &str) -> Option<ProcessingClaim> {
        ProcessingClaim::parse(&format!("{CLAIM}{unique}"))
    }
}

/// What was done about one leg, or about a settlement as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The settlement.
    pub payment_hash: PaymentHash,
    /// The leg; none: the settlement as a whole.
    pub leg_id: Option<LegId>,
    /// What the leg pays for.
    pub leg_type: Option<LegType>,
    /// How much.
    pub amount_sats: Option<Sats>,
    /// Where it goes.
    pub to: Option<String>,
    /// `paid failed waits unclear blocked would_pay begun would_begin finished`.
    pub did: &'static str,
    /// The payment, where there is one.
    pub external_payment_hash: Option<PaymentHash>,
    /// Why, or what it cost.
    pub detail: Option<String>,
}

impl Done {
    /// Whether something is left to be done.
    pub fn is_open(&self) -> bool {
        matches!(self.did, "failed" | "waits" | "unclear" | "blocked" | "would_pay" | "would_begin")
    }

    /// Whether asking again a little later can tell more.
    pub fn may_change(&self) -> bool {
        matches!(self.did, "failed" | "waits")
    }
}

impl<B: Books, P: Payments> Payer<'_, B, P> {
    /// Goes over the settlements once. `tell` hears of each step as it is done.
    ///
    /// # Errors
    /// If the ledger gives no answer. Payers of all kinds of trouble tell it leg by leg instead.
    pub fn run(&self, run: &Run, mut tell: impl FnMut(&Done)) -> Result<Vec<Done>, LedgerError> {
        let hashes =
            if run.settlements.is_empty() { self.books.open()? } else { run.settlements.clone() };
        let mut all = Vec::new();
        for hash in hashes {
            let mut note = |done: Done| {
                tell(&done);
                all.push(done);
            };
            match self.books.settlement(&hash)? {
                Some(settlement) => self.settlement(run, settlement, &mut note)?,
                None => note(whole(hash, "blocked", Some("no such settlement was claimed".into()))),
            }
        }
        Ok(all)
    }

    fn settlement(
        &self,
        run: &Run,
        mut settlement: Settlement,
        note: &mut impl FnMut(Done),
    ) -> Result<(), LedgerError> {
        let hash = settlement.payment_hash;
        // What broke off was left by somebody who knew why, and what another holds may go on: both are begun
        // only if they are named.
        let is_named = run.settlements.contains(&hash);
        let waits = match settlement.status {
            SettlementStatus::Pending => true,
            SettlementStatus::Failed => is_named,
            SettlementStatus::Processing => is_named && !is_held_by_payer(&settlement),
            _ => false,
        };
        let mut is_refused = false;
        if let Some(claim) = run.begin.as_ref().filter(|_| waits) {
            if run.is_dry {
                note(whole(hash, "would_begin", None));
            } else if self.begin(hash, claim, note)? {
                settlement = self.again(&hash, settlement)?;
            } else {
                is_refused = true;
            }
        }
        let held = Self::held_by_another(run, &settlement);
        if let Some(why) = &held {
            note(whole(hash, "blocked", Some(why.clone())));
        }
        let is_free = held.is_none() && !is_refused;
        let is_processed = is_free && settlement.status == SettlementStatus::Processing;
        self.legs(run, &settlement, 0, is_processed, note)?;
        if run.is_dry {
            return Ok(());
        }
        let mut settlement = self.again(&hash, settlement)?;
        if is_processed {
            let known = settlement.legs.len();
            if self.forward(&settlement, note)? {
                settlement = self.again(&hash, settlement)?;
                self.legs(run, &settlement, known, is_processed, note)?;
                settlement = self.again(&hash, settlement)?;
            }
        }
        self.finish(settlement, note)
    }

    /// Goes on with the legs from a place on.
    fn legs(
        &self,
        run: &Run,
        settlement: &Settlement,
        from: usize,
        is_processed: bool,
        note: &mut impl FnMut(Done),
    ) -> Result<(), LedgerError> {
        for leg in settlement.legs.iter().skip(from) {
            // What may be under way is asked about in any state; nothing new is sent but in one.
            let is_due =
                leg.intent.is_some() || is_processed || (run.is_dry && run.begin.is_some());
            if leg.status.is_final() || !is_due {
                continue;
            }
            let did =
                if run.is_dry { self.would(settlement, leg)? } else { self.leg(settlement, leg)? };
            let to = destination(self.payments, leg).map(|to| to.to_string()).ok();
            let (did, external_payment_hash, detail) = said(did);
            note(Done {
                payment_hash: settlement.payment_hash,
                leg_id: Some(leg.id.clone()),
                leg_type: Some(leg.leg.leg_type),
                amount_sats: Some(leg.leg.amount_sats),
                to,
                did,
                external_payment_hash,
                detail,
            });
        }
        Ok(())
    }

    /// Adds the legs that send on what LPs were paid; whether there were any.
    fn forward(
        &self,
        settlement: &Settlement,
        note: &mut impl FnMut(Done),
    ) -> Result<bool, LedgerError> {
        let wanted = wanted(self.books, settlement);
        for add in &wanted {
            let answer = self.books.say(Body::LegAdd(add.clone()))?;
            crash::point("pay:forward-added");
            if let Some(no) = refused(&answer) {
                note(Done {
                    leg_id: Some(add.leg_id.clone()),
                    leg_type: Some(LegType::Autoforward),
                    amount_sats: Some(add.amount_sats),
                    ..whole(settlement.payment_hash, "blocked", Some(no))
                });
            }
        }
        Ok(!wanted.is_empty())
    }

    /// Another processor may be paying by its own means what it holds.
    fn held_by_another(run: &Run, settlement: &Settlement) -> Option<String> {
        let lock = settlement.lock.as_ref()?;
        let is_named = run.settlements.contains(&settlement.payment_hash);
        (!is_held_by_payer(settlement) && !is_named && !Bug::PaysForOthers.is_on()).then(|| {
            format!(
                "processing claim `{}`, which is no payer's, holds it since {}; it is paid only if it \
                 is named",
                lock.processing_claim, lock.since
            )
        })
    }

    fn again(&self, hash: &PaymentHash, before: Settlement) -> Result<Settlement, LedgerError> {
        Ok(self.books.settlement(hash)?.unwrap_or(before))
    }

    fn begin(
        &self,
        hash: PaymentHash,
        claim: &ProcessingClaim,
        note: &mut impl FnMut(Done),
    ) -> Result<bool, LedgerError> {
        let begin = SettlementBegin { payment_hash: hash, processing_claim: claim.clone() };
        let answer = self.books.say(Body::SettlementBegin(begin))?;
        let no = refused(&answer);
        let begun = no.is_none();
        note(whole(hash, if begun { "begun" } else { "blocked" }, no));
        Ok(begun)
    }

    /// Ends a settlement that a payer has begun, once nothing of it is open.
    fn finish(
        &self,
        settlement: Settlement,
        note: &mut impl FnMut(Done),
    ) -> Result<(), LedgerError> {
        let hash = settlement.payment_hash;
        let claim = settlement.lock.as_ref().map(|lock| &lock.processing_claim);
        let is_ours = is_held_by_payer(&settlement);
        let is_open = settlement.legs.iter().any(|leg| !leg.status.is_final());
        if !is_ours || is_open || settlement.status != SettlementStatus::Processing {
            return Ok(());
        }
        let finish = SettlementFinish {
            payment_hash: hash,
            processing_claim: claim.cloned(),
            error_message: None,
        };
        let answer = self.books.say(Body::SettlementFinish(finish))?;
        let no = refused(&answer);
        note(whole(hash, if no.is_none() { "finished" } else { "blocked" }, no));
        Ok(())
    }

    /// What would be done about a leg, without doing it.
    fn would(&self, settlement: &Settlement, leg: &LegRow) -> Result<Did, LedgerError> {
        if let Some(intent) = &leg.intent {
            let why = format!("it may be under way since {}; a run asks about it", intent.since);
            return Ok(Did::Waits { payment_hash: intent.payment_hash, why });
        }
        let blocked = |why| Ok(Did::Blocked { why });
        let ready = match self.prepare(settlement, leg) {
            Ok(ready) => ready,
            Err(why) => return blocked(why),
        };
        // What is not begun yet the run itself would begin.
        if settlement.status == SettlementStatus::Processing
            && let Some(why) = self.against(settlement, leg, &ready.from)?
        {
            return blocked(why);
        }
        let can = if ready.stays() { Ok(()) } else { self.can_pay(leg, &ready.from) };
        Ok(can.map_or_else(|why| Did::Blocked { why }, |()| Did::Would { from: ready.from }))
    }
}

fn whole(payment_hash: PaymentHash, did: &'static str, detail: Option<String>) -> Done {
    Done {
        payment_hash,
        leg_id: None,
        leg_type: None,
        amount_sats: None,
        to: None,
        did,
        external_payment_hash: None,
        detail,
    }
}

fn said(did: Did) -> (&'static str, Option<PaymentHash>, Option<String>) {
    match did {
        Did::Paid { payment_hash: None, .. } => ("paid", None, Some("it is there already".into())),
        Did::Paid { payment_hash, fee_msat: 0 } => ("paid", payment_hash, None),
        Did::Paid { payment_hash, fee_msat } => {
            ("paid", payment_hash, Some(format!("routing fee {fee_msat} msat")))
        }
        Did::Failed { payment_hash } => ("failed", Some(payment_hash), None),
        Did::Waits { payment_hash, why } => ("waits", Some(payment_hash), Some(why)),
        Did::Unclear { payment_hash, why } => ("unclear", Some(payment_hash), Some(why)),
        Did::Blocked { why } => ("blocked", None, Some(why)),
        Did::Would { from } => ("would_pay", None, Some(format!("from wallet {from}"))),
    }
}
