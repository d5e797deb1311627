//! What becomes of a settlement: a processor takes it, pays its legs and ends it, mostly.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::Code;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::words::LegType;

use super::agenda::Task;
use super::json::{Json, command};
use super::noise::SaidOutcome;
use super::sale::Sale;
use super::{DAY, Simulator};

/// What will become of a settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// Begun, paid, finished.
    Usual,
    /// Fewer bills came out; it is put right before the payout begins.
    JamBefore,
    /// The same, but it is noticed only when the legs are planned.
    JamAfter,
    /// A technician's test: taken out of the books.
    Void,
    /// The processor breaks off and begins again later.
    Broken,
    /// A processor gives the lock back, and another takes it.
    Released,
    /// A leg fails and is paid at the second attempt.
    Retried,
    /// A leg is too small to be paid.
    Skipped,
    /// Somebody has something to say about it.
    Noted,
}

impl Course {
    /// A pack in which most go the usual way.
    pub(super) fn cards() -> Vec<Self> {
        let mut cards = vec![Self::Usual; 14];
        cards.extend([Self::JamBefore, Self::JamAfter, Self::Void, Self::Broken, Self::Released]);
        cards.extend([Self::Retried, Self::Retried, Self::Skipped, Self::Noted]);
        cards
    }

    pub(super) const fn is_jam(self) -> bool {
        matches!(self, Self::JamBefore | Self::JamAfter)
    }
}

/// A settlement that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub station: usize,
    pub sale: Sale,
    pub course: Course,
    /// Who works on it.
    pub token: Option<String>,
}

/// A settlement that was finished, as far as somebody may still say something about it.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub station: usize,
    pub sale: Sale,
    pub token: String,
    /// The line that finished it.
    pub finish: String,
}

impl Open {
    pub(super) const fn new(station: usize, sale: Sale, course: Course) -> Self {
        Self { station, sale, course, token: None }
    }
}

/// Settlements that are remembered after they ended.
const RECENT_MAX: usize = 32;

/// With what the tokens of the processor begin that writes down what it is about to pay.
const CAREFUL: &str = "payd-1";
/// For how long its invoices can be paid.
const INVOICE_SECONDS: i64 = 600;

/// Text of the shape and length of an invoice, which nobody could pay: it is not signed.
fn invoice(payment: &PaymentHash, sats: u64) -> String {
    format!("lnbc{}n1{payment}{}", sats.saturating_mul(10), "q".repeat(200))
}

/// A command about one settlement.
pub(super) fn about(type_name: &str, hash: &PaymentHash) -> Json {
    command(type_name).text("payment_hash", &hash.to_string())
}

/// `settlement.begin`.
pub(super) fn begin_line(hash: &PaymentHash, token: &str, at: i64) -> String {
    let line = about("settlement.begin", hash).text("processing_claim", token);
    line.moment("occurred_at", at).end()
}

/// `settlement.finish` without anything to complain of.
pub(super) fn finish_line(hash: &PaymentHash, token: &str, at: i64) -> String {
    let line = about("settlement.finish", hash).text("processing_claim", token);
    line.moment("occurred_at", at).end()
}

impl Simulator {
    /// A token that no processor had before.
    pub(super) fn new_token(&mut self) -> String {
        self.counts.tokens += 1;
        format!("payd-{}.{:06}", self.counts.tokens % 2 + 1, self.counts.tokens)
    }

    pub(super) fn begin(&mut self, hash: PaymentHash) {
        let Some(open) = self.open.get(&hash).cloned() else { return };
        match open.course {
            Course::Void => return self.void(&hash),
            Course::JamBefore => self.adjust(&hash, &open.sale),
            Course::Noted => self.note(&hash, "The customer asked for a receipt."),
            _ => {}
        }
        let token = self.begin_with_new_token(&hash);
        if open.course == Course::Released {
            let release = about("settlement.release", &hash).text("processing_claim", &token);
            self.accepted(release.moment("occurred_at", self.now).end());
            self.begin_with_new_token(&hash);
        }
        let wait = self.random.between(5, 60);
        self.later(wait, Task::Pay(hash));
    }

    fn begin_with_new_token(&mut self, hash: &PaymentHash) -> String {
        let token = self.new_token();
        self.accepted(begin_line(hash, &token, self.now));
        if self.random.chance(u64::from(self.options.noise) / 3) {
            // Two processors saw it at the same time. This has to come next, while the lock holds.
            let other = self.new_token();
            self.refused(begin_line(hash, &other, self.now), Code::AlreadyClaimed);
        }
        if let Some(open) = self.open.get_mut(hash) {
            open.token = Some(token.clone());
        }
        let planned = self.shadow.settlement(hash).map(|settlement| settlement.legs);
        let clients = planned.into_iter().flatten().filter_map(|leg| leg.leg.client_id);
        let clients: Vec<String> = clients.map(|id| id.as_str().to_owned()).collect();
        self.pause_fixed(&clients);
        token
    }

    pub(super) fn pay(&mut self, hash: PaymentHash) {
        let Some(open) = self.open.get(&hash).cloned() else { return };
        match open.course {
            Course::JamAfter => self.adjust(&hash, &open.sale),
            Course::Broken => return self.break_off(&hash),
            _ => {}
        }
        let Some(settlement) = self.shadow.settlement(&hash) else { return };
        let (mut refund, mut complaint) = (false, None);
        let due: Vec<&LegRow> =
            settlement.legs.iter().filter(|leg| !leg.status.is_final()).collect();
        // Rather an LP's leg than a fee: its fiat is given back and taken again.
        let fails = due.iter().position(|leg| leg.leg.leg_type == LegType::Dca).unwrap_or(0);
        for (number, leg) in due.into_iter().enumerate() {
            let small = leg.leg.leg_type == LegType::OperatorSplit
                && leg.leg.destination_ln_address.is_some();
            match (leg.leg.leg_type, open.course) {
                (LegType::Refund, _) => refund = true,
                (_, Course::Skipped) if small => {
                    complaint = Some("A leg was below the least that its wallet takes.");
                    let line = outcome(&hash, leg, "skipped");
                    self.accepted(line.moment("occurred_at", self.now).end());
                }
                (_, Course::Retried) if number == fails => {
                    self.fail_leg(&hash, leg);
                    self.complete(&hash, leg);
                }
                _ => self.complete(&hash, leg),
            }
        }
        self.forward(&hash, &settlement);
        if refund {
            // Whoever got too few bills is told to come back: most do soon, some much later.
            let days = if self.random.chance(250) { 12 } else { 3 };
            let wait = self.random.between(2 * 3_600, days * DAY);
            self.later(wait, Task::Refund(hash));
        } else {
            self.finish(&hash, complaint);
        }
    }

    /// A Lightning payment that fails for sure.
    fn fail_leg(&mut self, hash: &PaymentHash, leg: &LegRow) {
        let attempt = PaymentHash::from_bytes(self.random.bytes32());
        self.intend(hash, leg, &attempt);
        let line = outcome(hash, leg, "failed")
            .text("external_payment_hash", &attempt.to_string())
            .text("error_message", "no route")
            .moment("occurred_at", self.now)
            .end();
        self.accepted(line);
    }

    fn complete(&mut self, hash: &PaymentHash, leg: &LegRow) {
        let payment = PaymentHash::from_bytes(self.random.bytes32());
        self.intend(hash, leg, &payment);
        let outside = leg.leg.destination_ln_address.is_some() || leg.leg.target.is_some();
        let said = SaidOutcome {
            hash: *hash,
            leg_id: leg.id.clone(),
            payment,
            // Inside one LNbits nothing is routed; outside it costs up to half a percent.
            routing_fee_msat: outside.then(|| self.random.below(leg.leg.amount_sats.get() * 5 + 1)),
            at: self.now,
        };
        self.accepted(said.line());
        self.memory.outcome = Some(said);
    }

    /// A payment of a leg is about to be sent out of the machine's wallet. A refund is paid by hand.
    fn intend(&mut self, hash: &PaymentHash, leg: &LegRow, payment: &PaymentHash) {
        let open = self.open.get(hash).filter(|_| leg.leg.leg_type != LegType::Refund);
        let Some(station) = open.and_then(|open| self.stations.get(open.station)) else { return };
        let from = station.wallet();
        self.intend_from(hash, leg.id.as_str(), leg.leg.amount_sats.get(), &from, payment);
    }

    /// One of the two processors writes down what it is about to pay.
    fn intend_from(
        &mut self,
        hash: &PaymentHash,
        leg_id: &str,
        sats: u64,
        from: &str,
        payment: &PaymentHash,
    ) {
        let token = self.open.get(hash).and_then(|open| open.token.as_deref());
        let Some(token) = token.filter(|token| token.starts_with(CAREFUL)) else { return };
        let line = about("leg.intend", hash)
            .text("leg_id", leg_id)
            .text("external_payment_hash", &payment.to_string())
            .text("bolt11", &invoice(payment, sats))
            .number("amount_sats", sats)
            .text("from_wallet_id", from)
            .moment("expires_at", self.now.saturating_add(INVOICE_SECONDS))
            .text("processing_claim", token)
            .moment("occurred_at", self.now)
            .end();
        self.accepted(line);
    }

    /// What an LP got goes on to its Lightning address, less one percent for the route.
    fn forward(&mut self, hash: &PaymentHash, settlement: &Settlement) {
        let mut count = 0;
        for leg in settlement.legs.iter().filter(|leg| !leg.status.is_final()) {
            let (LegType::Dca, Some(client)) = (leg.leg.leg_type, &leg.leg.client_id) else {
                continue;
            };
            let lp = self.enrolled.get(client.as_str()).and_then(|lp| self.lps.get(*lp));
            let Some(address) = lp.and_then(super::Lp::address) else { continue };
            let sats = leg.leg.amount_sats.get();
            let amount = sats - sats / 100;
            count += 1;
            let id = format!("forward-{count}:{hash}");
            let line = about("leg.add", hash)
                .text("leg_id", &id)
                .text("leg_type", "autoforward")
                .number("amount_sats", amount)
                .text("destination_ln_address", &address)
                .text("client_id", client.as_str())
                .moment("occurred_at", self.now)
                .end();
            self.accepted(line);
            let payment = PaymentHash::from_bytes(self.random.bytes32());
            if let Some(wallet) = &leg.leg.destination_wallet_id {
                self.intend_from(hash, &id, amount, wallet.as_str(), &payment);
            }
            let line = about("leg.outcome", hash)
                .text("leg_id", &id)
                .text("status", "completed")
                .text("external_payment_hash", &payment.to_string())
                .number("routing_fee_msat", self.random.below(sats * 5 + 1))
                .moment("occurred_at", self.now)
                .end();
            self.accepted(line);
        }
    }

    pub(super) fn refund(&mut self, hash: PaymentHash) {
        let Some(settlement) = self.shadow.settlement(&hash) else { return };
        self.note(&hash, "The customer came back with an invoice.");
        for leg in settlement.legs.iter().filter(|leg| !leg.status.is_final()) {
            self.complete(&hash, leg);
        }
        self.finish(&hash, None);
    }

    fn finish(&mut self, hash: &PaymentHash, complaint: Option<&str>) {
        let Some(open) = self.open.remove(hash) else { return };
        let Some(token) = open.token else { return };
        let finish = match complaint {
            None => finish_line(hash, &token, self.now),
            Some(complaint) => about("settlement.finish", hash)
                .text("processing_claim", &token)
                .text("error_message", complaint)
                .moment("occurred_at", self.now)
                .end(),
        };
        self.accepted(finish.clone());
        self.recent.push_back(Past { station: open.station, sale: open.sale, token, finish });
        if self.recent.len() > RECENT_MAX {
            self.recent.pop_front();
        }
    }

    fn void(&mut self, hash: &PaymentHash) {
        self.open.remove(hash);
        let line = about("settlement.void", hash)
            .text("error_message", "A technician's test; the bills were put back.")
            .moment("occurred_at", self.now);
        self.accepted(line.end());
    }

    /// The first leg fails, and the processor gives up for now.
    fn break_off(&mut self, hash: &PaymentHash) {
        let Some(settlement) = self.shadow.settlement(hash) else { return };
        let first = settlement.legs.iter().find(|leg| leg.leg.leg_type == LegType::SuperFee);
        if let Some(leg) = first {
            self.fail_leg(hash, leg);
        }
        if let Some(open) = self.open.get_mut(hash) {
            open.course = Course::Usual;
            let token = open.token.clone().unwrap_or_default();
            let line = about("settlement.fail", hash)
                .text("processing_claim", &token)
                .text("error_message", "The wallet server does not answer.")
                .moment("occurred_at", self.now);
            self.accepted(line.end());
        }
        let wait = self.random.between(600, 3_600);
        self.later(wait, Task::Begin(*hash));
    }

    /// Puts a partial dispense right: what came out, and its part of principal and fee.
    fn adjust(&mut self, hash: &PaymentHash, sale: &Sale) {
        let moved: u64 =
            sale.rows.iter().map(|row| u64::from(row.denomination) * u64::from(row.moved)).sum();
        let (asked, came_out) = sale.rows.iter().fold((0, 0), |(asked, came_out), row| {
            (asked + u64::from(row.asked), came_out + u64::from(row.moved))
        });
        let part = |sats: u64| sats * moved / sale.fiat.max(1);
        let line = about("settlement.adjust", hash)
            .fiat("fiat_amount", moved)
            .number("principal_sats", part(sale.principal))
            .number("fee_sats", part(sale.fee))
            .text("reason", &format!("The dispenser jammed: {came_out} of {asked} bills came out."))
            .moment("occurred_at", self.now)
            .end();
        self.accepted(line);
        self.note(hash, "The customer was told to come back for the rest.");
    }

    fn note(&mut self, hash: &PaymentHash, note: &str) {
        self.counts.notes += 1;
        let line = about("settlement.note", hash)
            .text("id", &format!("note-{:05}", self.counts.notes))
            .text("note", note)
            .moment("occurred_at", self.now)
            .end();
        self.accepted(line);
    }
}

fn outcome(hash: &PaymentHash, leg: &LegRow, status: &str) -> Json {
    about("leg.outcome", hash).text("leg_id", leg.id.as_str()).text("status", status)
}
