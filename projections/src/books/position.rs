//! What a life holds and owes: the position that follows from its state, part by part.

use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::text::{Currency, WalletId};
use spireledger_schema::words::{DepositStatus, LegStatus, LegType, SettlementStatus, TxType};

use super::{Account, Unit};
use crate::{Deposit, Fleet, LegRow, Settlement};

/// Amounts on accounts, in no order; an account can be there several times.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) all: Vec<(Account, Unit, i128)>,
}

impl Lines {
    pub(super) const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// The same with all amounts taken away instead.
    pub(super) fn negated(mut self) -> Self {
        for (_, _, amount) in &mut self.all {
            *amount = -*amount;
        }
        self
    }

    pub(super) fn add(&mut self, account: Account, unit: Unit, amount: i128) {
        if amount != 0 {
            self.all.push((account, unit, amount));
        }
    }

    fn sats(&mut self, account: Account, amount: i128) {
        self.add(account, Unit::Sat, amount);
    }

    fn fiat(&mut self, account: Account, currency: Currency, amount: i128) {
        self.add(account, Unit::Fiat(currency), amount);
    }

    /// A deposit: fiat in the machine, once it is confirmed.
    pub(super) fn deposit(&mut self, deposit: &Deposit) {
        if deposit.status == DepositStatus::Confirmed {
            let cash = Account::Cash(deposit.recorded.machine_id.clone());
            self.fiat(cash, deposit.recorded.currency, minor(deposit.recorded.amount));
        }
    }

    /// What a settlement says beside its legs: sats against fiat and fees. Nothing, once it is out of the
    /// books.
    pub(super) fn claim(&mut self, fleet: &Fleet, settlement: &Settlement) {
        if settlement.status == SettlementStatus::Voided {
            return;
        }
        let claimed = &settlement.claimed;
        // What comes in in a cash-out goes out in a cash-in; the fee is earned both ways.
        let way = if claimed.tx_type == TxType::CashOut { 1 } else { -1 };
        let (wire, principal) = (way * of(claimed.wire_sats), way * of(settlement.principal_sats));
        let fees = [settlement.platform_fee_sats, settlement.operator_fee_sats].map(of);
        self.sats(wallet_at(fleet, settlement), wire);
        self.sats(Account::Exchange(claimed.machine_id.clone()), -principal);
        self.sats(Account::PlatformFee, -fees[0]);
        self.sats(Account::OperatorFee(claimed.operator_user_id.clone()), -fees[1]);
        let owed = wire - principal - fees[0] - fees[1];
        let rest = if way > 0 && owed > 0 { Account::Refund } else { Account::Suspense };
        self.sats(rest, -owed);
        let fiat = way * minor(settlement.fiat_amount);
        self.fiat(Account::Cash(claimed.machine_id.clone()), claimed.fiat_code, -fiat);
        self.fiat(Account::Exchange(claimed.machine_id.clone()), claimed.fiat_code, fiat);
    }

    /// One leg: what it is paid from, and whom it is owed or was paid to. The LP's side of the fiat that
    /// a dca leg uses up is not here: see [`super::transaction`].
    pub(super) fn leg(&mut self, fleet: &Fleet, settlement: &Settlement, leg: &LegRow) {
        if !leg.status.is_spent() {
            return;
        }
        let is_paid = leg.status == LegStatus::Completed;
        let claimed = &settlement.claimed;
        let (kind, amount) = (leg.leg.leg_type, of(leg.leg.amount_sats));
        let exchange = || Account::Exchange(claimed.machine_id.clone());
        let fiat = leg.leg.amount_fiat.map_or(0, minor);
        match kind {
            // Sats that an LP has already leave its wallet.
            LegType::Autoforward => {
                if is_paid {
                    self.forwarded(settlement, leg, amount);
                }
                return;
            }
            LegType::SuperFee => self.sats(Account::PlatformFee, amount),
            LegType::OperatorSplit => {
                self.sats(Account::OperatorFee(claimed.operator_user_id.clone()), amount);
            }
            LegType::Refund => self.sats(Account::Refund, amount),
            LegType::Dca => {
                self.sats(exchange(), amount);
                self.fiat(exchange(), claimed.fiat_code, -fiat);
            }
            LegType::Retained => {
                self.sats(exchange(), amount);
                self.fiat(exchange(), claimed.fiat_code, -fiat);
                let kept = || Account::Retained(claimed.machine_id.clone());
                self.sats(kept(), -amount);
                self.fiat(kept(), claimed.fiat_code, fiat);
                return;
            }
        }
        if !is_paid {
            return self.sats(Account::Payable(kind), -amount);
        }
        let from = leg.paid_from.clone();
        let from =
            from.map_or_else(|| wallet_at(fleet, settlement), |id| Account::Wallet(Some(id)));
        self.sats(from, -amount);
        if let Some(to) = &leg.leg.destination_wallet_id {
            self.sats(Account::Wallet(Some(to.clone())), amount);
            self.sats(Account::Holder(to.clone()), -amount);
        }
    }

    fn forwarded(&mut self, settlement: &Settlement, leg: &LegRow, amount: i128) {
        let from = lp_wallet(settlement, leg);
        self.sats(Account::Wallet(from.clone()), -amount);
        match from {
            Some(from) => self.sats(Account::Holder(from), amount),
            None => self.sats(Account::Suspense, amount),
        }
        if let Some(to) = &leg.leg.destination_wallet_id {
            self.sats(Account::Wallet(Some(to.clone())), amount);
            self.sats(Account::Holder(to.clone()), -amount);
        }
    }
}

/// The wallet that a leg is paid from.
pub(super) fn payer(fleet: &Fleet, settlement: &Settlement, leg: &LegRow) -> Account {
    match (&leg.paid_from, leg.leg.leg_type) {
        (Some(wallet), _) => Account::Wallet(Some(wallet.clone())),
        (None, LegType::Autoforward) => Account::Wallet(lp_wallet(settlement, leg)),
        (None, _) => wallet_at(fleet, settlement),
    }
}

/// The wallet that an LP's sats of a settlement went to.
fn lp_wallet(settlement: &Settlement, leg: &LegRow) -> Option<WalletId> {
    leg.paid_from.clone().or_else(|| {
        let is_source = |other: &&LegRow| {
            other.leg.leg_type == LegType::Dca && other.leg.client_id == leg.leg.client_id
        };
        settlement.legs.iter().find(is_source)?.leg.destination_wallet_id.clone()
    })
}

fn wallet_at(fleet: &Fleet, settlement: &Settlement) -> Account {
    let machine = fleet.machine(&settlement.claimed.machine_id);
    Account::Wallet(machine.map(|machine| machine.wallet_id.clone()))
}

pub(super) fn of(sats: Sats) -> i128 {
    i128::from(sats.get())
}

pub(super) fn minor(fiat: Fiat) -> i128 {
    i128::from(fiat.minor())
}
