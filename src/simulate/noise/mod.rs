//! What should not be there: repeats, contradictions and mistakes, as a real fleet sends them.
//!
//! Every kind is a card in a deck, so that all of them come up soon. A card that cannot be played
//! now (nothing was deposited yet, say) is passed over.

mod claims;
mod deposits;
mod fleet;
mod malformed;
mod payouts;

use spireledger_projections::Settlement;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::text::LegId;
use spireledger_schema::words::SettlementStatus;

use super::Simulator;
use super::json::command;
use super::office::deposit_id;
use super::payout::{Open, about};

/// One kind of disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mischief {
    Claim(claims::Kind),
    Deposit(deposits::Kind),
    Payout(payouts::Kind),
    Fleet(fleet::Kind),
    /// A line that is no command; there are many ways to be none, so it comes more often.
    Malformed,
}

impl Mischief {
    /// One card of every kind.
    pub(super) fn cards() -> Vec<Self> {
        let mut cards = vec![Self::Malformed; 5];
        cards.extend(claims::Kind::ALL.iter().copied().map(Self::Claim));
        cards.extend(deposits::Kind::ALL.iter().copied().map(Self::Deposit));
        cards.extend(payouts::Kind::ALL.iter().copied().map(Self::Payout));
        cards.extend(fleet::Kind::ALL.iter().copied().map(Self::Fleet));
        cards
    }
}

/// Declares the kinds of one family, and the list of all of them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The kinds of this family.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}
use kinds;

/// What was said last and can be said again, or otherwise.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub deposit: Option<SaidDeposit>,
    pub deposit_end: Option<SaidEnd>,
    pub outcome: Option<SaidOutcome>,
    /// Malformed lines so far: they take turns.
    pub malformed: usize,
}

/// A deposit as it was recorded.
#[derive(Debug, Clone)]
pub(super) struct SaidDeposit {
    pub number: u64,
    pub client_id: String,
    pub amount: u64,
    pub creator: String,
    pub currency: Option<&'static str>,
    pub notes: Option<&'static str>,
    pub at: i64,
}

impl SaidDeposit {
    pub(super) fn line(&self) -> String {
        let mut line = command("deposit.record")
            .text("id", &deposit_id(self.number))
            .text("client_id", &self.client_id)
            .fiat("amount", self.amount)
            .text("creator_user_id", &self.creator);
        if let Some(currency) = self.currency {
            line = line.text("currency", currency);
        }
        if let Some(notes) = self.notes {
            line = line.text("notes", notes);
        }
        line.moment("occurred_at", self.at).end()
    }
}

/// How a deposit ended.
#[derive(Debug, Clone)]
pub(super) struct SaidEnd {
    pub number: u64,
    pub confirmed: bool,
    pub at: i64,
}

impl SaidEnd {
    pub(super) fn line(&self) -> String {
        let line = |type_name| command(type_name).text("id", &deposit_id(self.number));
        let line = if self.confirmed {
            line("deposit.confirm")
        } else {
            line("deposit.reject").text("notes", "Two bills were no money.")
        };
        line.moment("occurred_at", self.at).end()
    }
}

/// A leg that was paid.
#[derive(Debug, Clone)]
pub(super) struct SaidOutcome {
    pub hash: PaymentHash,
    pub leg_id: LegId,
    pub payment: PaymentHash,
    pub routing_fee_msat: Option<u64>,
    pub at: i64,
}

impl SaidOutcome {
    pub(super) fn line(&self) -> String {
        let line = about("leg.outcome", &self.hash)
            .text("leg_id", self.leg_id.as_str())
            .text("status", "completed")
            .text("external_payment_hash", &self.payment.to_string());
        let line = match self.routing_fee_msat {
            Some(msat) => line.number("routing_fee_msat", msat),
            None => line,
        };
        line.moment("occurred_at", self.at).end()
    }
}

/// Cards that are tried before the fleet is left in peace.
const TRIES: usize = 4;

impl Simulator {
    /// After a step: perhaps something that should not be there.
    pub(super) fn disturb(&mut self) {
        // Nothing can be repeated or contradicted before the fleet stands.
        let set_up = self.now == self.options.start.seconds() || self.stations.is_empty();
        if set_up || !self.random.chance(u64::from(self.options.noise)) {
            return;
        }
        for _ in 0..TRIES {
            let played = match self.mischiefs.draw(&mut self.random) {
                Some(Mischief::Claim(kind)) => self.disturb_claims(kind),
                Some(Mischief::Deposit(kind)) => self.disturb_deposits(kind),
                Some(Mischief::Payout(kind)) => self.disturb_payouts(kind),
                Some(Mischief::Fleet(kind)) => self.disturb_fleet(kind),
                Some(Mischief::Malformed) => self.disturb_shape(),
                None => None,
            };
            if played.is_some() {
                return;
            }
        }
    }

    /// An open settlement in a state, if a look at a few finds one.
    fn open_in(&mut self, status: SettlementStatus) -> Option<(PaymentHash, Open, Settlement)> {
        let from = PaymentHash::from_bytes(self.random.bytes32());
        let some = self.open.range(from..).chain(self.open.range(..from)).take(32);
        for (hash, open) in some {
            let Some(settlement) = self.shadow.settlement(hash) else { continue };
            if settlement.status == status {
                return Some((*hash, open.clone(), settlement));
            }
        }
        None
    }

    fn any_station(&mut self) -> usize {
        self.random.place(self.stations.len())
    }
}
