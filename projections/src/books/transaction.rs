//! The postings of one entry.

use std::collections::BTreeMap;

use spireledger_schema::Entry;
use spireledger_schema::event::{Event, GivenBack, Leg, LegEnded};
use spireledger_schema::imported::{Counted, CountsAs, SourceTable};
use spireledger_schema::text::{ClientId, Currency, DepositId, LegId, MachineId, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{LegStatus, LegType};

use super::position::{Lines, minor, payer};
use super::{Account, Unit};
use crate::{Fleet, Life};

/// An amount on an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: Account,
    /// What is counted.
    pub unit: Unit,
    /// How much more there is; below zero: less. In sats, thousandths of a sat, or hundredths of a
    /// currency.
    pub amount: i128,
}

/// All postings of an entry: in every unit they sum to zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// The entry.
    pub seq: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its event's name.
    pub event: &'static str,
    /// The machine that the money was at.
    pub machine_id: Option<MachineId>,
    /// Its operator, as of the claim; of a deposit, as of the entry.
    pub operator_user_id: Option<UserId>,
    /// The settlement's id in the tables.
    pub settlement_id: Option<String>,
    /// The deposit's id.
    pub deposit_id: Option<DepositId>,
    /// The postings, by account and unit.
    pub postings: Vec<Posting>,
}

/// What came into a wallet and what left it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WalletSums {
    /// Sats that came in.
    pub in_sats: i128,
    /// Sats that left.
    pub out_sats: i128,
    /// What routes have cost it, in thousandths of a sat; not among what left.
    pub routing_fee_msat: i128,
    /// The last entry that changed it.
    pub last_seq: u64,
}

/// Which parts of a life's position an event can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'e> {
    Deposit,
    Claim,
    NewLegs,
    OneLeg(&'e LegId),
    Settlement,
    /// Whatever there is.
    All,
}

impl<'e> Part<'e> {
    /// `None`: the event moves no money.
    fn of(event: &'e Event) -> Option<Self> {
        Some(match event {
            Event::DepositConfirmed(_) => Self::Deposit,
            Event::SettlementClaimed(_) => Self::Claim,
            Event::SettlementBegun(e) if !e.legs.is_empty() => Self::NewLegs,
            Event::LegAdded(_) => Self::NewLegs,
            Event::LegEnded(e) => Self::OneLeg(&e.leg_id),
            Event::SettlementAdjusted(_) | Event::SettlementVoided(_) => Self::Settlement,
            Event::RowImported(e) => match e.row.table {
                SourceTable::Deposits | SourceTable::Settlements | SourceTable::Legs => Self::All,
                _ => return None,
            },
            _ => return None,
        })
    }
}

/// What an entry can change, as it was before: taken before the entry is folded into its life.
#[derive(Debug)]
pub struct Before {
    taken_away: Lines,
    legs: usize,
}

impl Before {
    /// `fleet` is that after the entry: sats that move between two entries of one machine, do so in the
    /// wallet that it has then. `None`: the event moves no money.
    pub fn of(fleet: &Fleet, life: &Life, event: &Event) -> Option<Self> {
        let part = Part::of(event)?;
        let legs = life.settlement.as_ref().map_or(0, |settlement| settlement.legs.len());
        let taken_away = position(fleet, life, part, legs).negated();
        Some(Self { taken_away, legs })
    }

    /// The postings of the entry, which is folded into `life` now. `None`: it moved no money.
    pub fn transaction(self, fleet: &Fleet, life: &Life, entry: &Entry) -> Option<Transaction> {
        let mut lines = self.taken_away;
        let after = position(fleet, life, Part::of(&entry.event)?, self.legs);
        lines.all.extend(after.all);
        of_lps(&mut lines, currency(fleet, life, &entry.event), &entry.event);
        routed(&mut lines, fleet, life, &entry.event);
        let postings = settled(lines);
        if postings.is_empty() {
            return None;
        }
        let is_deposit = match &entry.event {
            Event::DepositConfirmed(_) => true,
            Event::RowImported(e) => e.row.table == SourceTable::Deposits,
            _ => false,
        };
        let mut made = Transaction {
            seq: entry.front.seq,
            recorded_at: entry.circumstances.recorded_at,
            event: entry.event.name(),
            machine_id: None,
            operator_user_id: None,
            settlement_id: None,
            deposit_id: None,
            postings,
        };
        match (is_deposit, &life.deposit, &life.settlement) {
            (true, Some(deposit), _) => {
                let id = &deposit.recorded.machine_id;
                made.operator_user_id =
                    fleet.machine(id).map(|machine| machine.operator_user_id.clone());
                made.machine_id = Some(id.clone());
                made.deposit_id = Some(deposit.recorded.id.clone());
            }
            (false, _, Some(settlement)) => {
                made.machine_id = Some(settlement.claimed.machine_id.clone());
                made.operator_user_id = Some(settlement.claimed.operator_user_id.clone());
                made.settlement_id = Some(settlement.table_key().into_owned());
            }
            _ => {}
        }
        Some(made)
    }
}

impl Transaction {
    /// Adds what it moved to the sums of wallets.
    pub fn add_to(&self, wallets: &mut BTreeMap<WalletId, WalletSums>) {
        for posting in &self.postings {
            let Account::Wallet(Some(wallet)) = &posting.account else { continue };
            let sums = wallets.entry(wallet.clone()).or_default();
            sums.last_seq = self.seq;
            match (posting.unit, posting.amount) {
                (Unit::Msat, amount) => sums.routing_fee_msat -= amount,
                (_, amount) if amount > 0 => sums.in_sats += amount,
                (_, amount) => sums.out_sats -= amount,
            }
        }
    }

    /// What is posted to suspense, if anything is: only rows that were brought in may.
    pub fn suspense(&self) -> Option<&Posting> {
        self.postings.iter().find(|posting| posting.account == Account::Suspense)
    }
}

/// The parts of a life's position; `legs` is how many legs there were before the entry.
fn position(fleet: &Fleet, life: &Life, part: Part<'_>, legs: usize) -> Lines {
    let mut lines = Lines::new();
    if let (Part::Deposit | Part::All, Some(deposit)) = (part, &life.deposit) {
        lines.deposit(deposit);
    }
    let Some(settlement) = &life.settlement else { return lines };
    if matches!(part, Part::Claim | Part::Settlement | Part::All) {
        lines.claim(fleet, settlement);
    }
    let mut leg = |leg| lines.leg(fleet, settlement, leg);
    match part {
        Part::NewLegs => settlement.legs.iter().skip(legs).for_each(leg),
        Part::OneLeg(id) => settlement.leg(id).into_iter().for_each(leg),
        Part::Settlement | Part::All => settlement.legs.iter().for_each(&mut leg),
        Part::Deposit | Part::Claim => {}
    }
    lines
}

/// The currency that an event's fiat is in.
fn currency(fleet: &Fleet, life: &Life, event: &Event) -> Currency {
    let of_deposit = life.deposit.as_ref().map(|deposit| deposit.recorded.currency);
    let of_settlement = life.settlement.as_ref().map(|settlement| settlement.claimed.fiat_code);
    let counted = match event {
        Event::DepositConfirmed(_) => return of_deposit.unwrap_or(Currency::NONE),
        Event::RowImported(e) => {
            let found =
                if e.row.table == SourceTable::Deposits { of_deposit } else { of_settlement };
            match found {
                Some(found) => return found,
                None => e.after.as_ref().or(e.before.as_ref()),
            }
        }
        _ => return of_settlement.unwrap_or(Currency::NONE),
    };
    let client = counted.and_then(|counted| fleet.client(&counted.client_id));
    let machine = client.and_then(|client| fleet.machine(&client.machine_id));
    machine.map_or(Currency::NONE, |machine| machine.fiat_code)
}

/// What LPs have more or less of: the event names it, as it does for the balances that decisions rest on.
fn of_lps(lines: &mut Lines, currency: Currency, event: &Event) {
    let mut more = |client: &ClientId, fiat: i128| {
        lines.add(Account::Lp(client.clone()), Unit::Fiat(currency), -fiat);
    };
    let (back, planned): (&[GivenBack], &[Leg]) = match event {
        Event::SettlementBegun(e) => (&[], &e.legs),
        Event::SettlementAdjusted(e) => (&e.given_back, &e.legs),
        Event::SettlementVoided(e) => (&e.given_back, &[]),
        _ => (&[], &[]),
    };
    for back in back {
        more(&back.client_id, minor(back.amount_fiat));
    }
    for leg in planned.iter().filter(|leg| leg.leg_type == LegType::Dca) {
        if let Some((client, fiat)) = leg.client_id.as_ref().zip(leg.amount_fiat) {
            more(client, -minor(fiat));
        }
    }
    match event {
        Event::DepositConfirmed(e) => more(&e.client_id, minor(e.amount)),
        Event::LegEnded(e) => {
            if let Some((client, fiat)) = given_up(e) {
                more(client, fiat);
            }
        }
        Event::RowImported(e) => {
            for (counted, sign) in [(&e.before, -1), (&e.after, 1)] {
                if let Some(counted) = counted {
                    more(&counted.client_id, sign * left_by(counted));
                }
            }
        }
        _ => {}
    }
}

/// An LP has again what a leg would have used that ended without being paid.
fn given_up(e: &LegEnded) -> Option<(&ClientId, i128)> {
    let status = LegStatus::from(e.status);
    let is_free = e.leg_type == LegType::Dca && status.is_final() && !status.is_spent();
    let client = e.client_id.as_ref().filter(|_| is_free)?;
    Some((client, minor(e.amount_fiat?)))
}

/// How much more an LP has left because of what counts.
fn left_by(counted: &Counted) -> i128 {
    match counted.counts_as {
        CountsAs::Unconfirmed => 0,
        CountsAs::Confirmed => minor(counted.amount_fiat),
        CountsAs::Pending | CountsAs::Paid => -minor(counted.amount_fiat),
    }
}

/// What a payment's route has cost.
fn routed(lines: &mut Lines, fleet: &Fleet, life: &Life, event: &Event) {
    let Event::LegEnded(e) = event else { return };
    let (Some(cost), Some(settlement)) = (e.routing_fee_msat, &life.settlement) else { return };
    let Some(leg) = settlement.leg(&e.leg_id) else { return };
    lines.add(payer(fleet, settlement, leg), Unit::Msat, -i128::from(cost));
    lines.add(Account::Routing, Unit::Msat, i128::from(cost));
}

/// One posting an account and unit, and what is missing to zero on the suspense account.
fn settled(lines: Lines) -> Vec<Posting> {
    let mut all = lines.all;
    all.sort();
    let mut rest: Vec<(Unit, i128)> = Vec::new();
    let mut postings: Vec<Posting> = Vec::new();
    for (account, unit, amount) in all {
        match rest.iter_mut().find(|(found, _)| *found == unit) {
            Some((_, sum)) => *sum += amount,
            None => rest.push((unit, amount)),
        }
        match postings.last_mut() {
            Some(last) if last.account == account && last.unit == unit => last.amount += amount,
            _ => postings.push(Posting { account, unit, amount }),
        }
    }
    for (unit, sum) in rest.into_iter().filter(|(_, sum)| *sum != 0) {
        // Suspense is the last of the accounts.
        let last = postings
            .iter_mut()
            .rfind(|last| last.account == Account::Suspense && last.unit == unit);
        match last {
            Some(last) => last.amount -= sum,
            None => postings.push(Posting { account: Account::Suspense, unit, amount: -sum }),
        }
    }
    postings.retain(|posting| posting.amount != 0);
    postings
}
