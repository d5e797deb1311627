//! Conservation: no sat of a settlement is lost, made or paid twice. Checked entry by entry, from the
//! life before and after: the rules never let anything else into the log, so what is found here was put
//! there past them.
//!
//! Of what was brought in from a database only what happened here is held to it.

use spireledger_schema::Entry;
use spireledger_schema::event::{Event, Leg, LegEnded, LegIntended, SettlementClaimed};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};

use crate::{Fleet, LegRow, Life, Settlement};

/// An entry does with money what no rule allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(String);

/// What an entry may not undo, taken before it is folded into its life.
#[derive(Debug, Clone)]
pub struct Guard {
    status: Option<SettlementStatus>,
    has_legs: bool,
    leg: Option<(LegStatus, Option<PaymentHash>)>,
}

type Check = Result<(), Violation>;

fn hold(holds: bool, otherwise: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Violation(otherwise())) }
}

fn same(what: &str, found: u128, expected: u128) -> Check {
    hold(found == expected, || format!("{what}: expected {expected}, found {found}"))
}

fn within(what: &str, found: u128, bound: u128) -> Check {
    hold(found <= bound, || format!("{what}: at most {bound}, found {found}"))
}

impl Guard {
    /// What holds before an entry.
    pub fn before(life: &Life, event: &Event) -> Self {
        let settlement = life.settlement.as_ref();
        let id = match event {
            Event::LegEnded(e) => Some(&e.leg_id),
            Event::LegIntended(e) => Some(&e.leg_id),
            _ => None,
        };
        let leg = id.zip(settlement).and_then(|(id, settlement)| settlement.leg(id));
        Self {
            status: settlement.map(|settlement| settlement.status),
            has_legs: settlement.is_some_and(|settlement| !settlement.legs.is_empty()),
            leg: leg.map(|leg| (leg.status, leg.intent.as_ref().map(|i| i.payment_hash))),
        }
    }

    /// Whether the entry, which is folded into `life` now, keeps every sat in its place; `fleet` is the
    /// state after it.
    ///
    /// # Errors
    /// The first thing that is wrong, with what was expected and found.
    pub fn check(&self, fleet: &Fleet, life: &Life, entry: &Entry) -> Check {
        let Some(settlement) = &life.settlement else { return Ok(()) };
        match &entry.event {
            // These say nothing of a settlement's money, or of what happened elsewhere.
            Event::RowImported(_)
            | Event::DepositRecorded(_)
            | Event::DepositConfirmed(_)
            | Event::DepositRejected(_)
            | Event::SettlementNoted(_) => return Ok(()),
            Event::LegEnded(e) => self.leg_ended(settlement, e)?,
            Event::LegIntended(e) => self.leg_intended(settlement, e)?,
            _ => {}
        }
        let is_brought_in = settlement.imported.is_some()
            || settlement.legs.iter().any(|leg| leg.imported.is_some());
        let is_of_leg = matches!(entry.event, Event::LegEnded(_) | Event::LegIntended(_));
        // Elsewhere a settlement may have ended with a leg that waits still.
        if !(is_brought_in && is_of_leg) {
            self.is_open()?;
        }
        if is_brought_in {
            return Ok(());
        }
        match &entry.event {
            Event::SettlementClaimed(e) => adds_up(e)?,
            Event::SettlementBegun(e) => {
                self.planned(settlement, &e.legs, false)?;
                lps_have_it(fleet, &e.legs)?;
            }
            Event::SettlementAdjusted(e) => {
                is_split(settlement)?;
                self.planned(settlement, &e.legs, true)?;
                lps_have_it(fleet, &e.legs)?;
            }
            Event::SettlementFinished(_) | Event::SettlementVoided(_) => ended(settlement)?,
            _ => {}
        }
        legs_stay_within(settlement)
    }

    /// A final state is never left.
    fn is_open(&self) -> Check {
        let Some(status) = self.status.filter(|status| status.is_final()) else { return Ok(()) };
        Err(Violation(format!("the settlement was {status}, which is final")))
    }

    fn leg_ended(&self, settlement: &Settlement, e: &LegEnded) -> Check {
        let Some((before, intent)) = self.leg else {
            return Err(Violation(format!("no leg {} was planned", e.leg_id)));
        };
        hold(!before.is_final(), || format!("leg {} was {before}, which is final", e.leg_id))?;
        hold(before == e.from, || {
            format!("leg {} was {before}, and the entry says {}", e.leg_id, e.from)
        })?;
        let is_other = intent.is_some() && intent != e.external_payment_hash;
        hold(!(is_other && LegStatus::from(e.status).is_final()), || {
            format!("leg {} ended, while a payment of it may be under way", e.leg_id)
        })?;
        let Some(leg) = settlement.leg(&e.leg_id) else { return Ok(()) };
        let planned =
            (leg.leg.leg_type, leg.leg.amount_sats, leg.leg.amount_fiat, &leg.leg.client_id);
        hold(planned == (e.leg_type, e.amount_sats, e.amount_fiat, &e.client_id), || {
            let of = |kind, sats, fiat: Option<Fiat>| {
                let fiat = fiat.map_or(String::new(), |fiat| format!(" for {fiat}"));
                format!("{kind} of {sats} sats{fiat}")
            };
            let (planned, found) = (
                of(leg.leg.leg_type, leg.leg.amount_sats, leg.leg.amount_fiat),
                of(e.leg_type, e.amount_sats, e.amount_fiat),
            );
            format!("leg {} was planned as {planned}, and ended as {found}", e.leg_id)
        })
    }

    fn leg_intended(&self, settlement: &Settlement, e: &LegIntended) -> Check {
        let Some((before, intent)) = self.leg else {
            return Err(Violation(format!("no leg {} was planned", e.leg_id)));
        };
        hold(!before.is_final(), || format!("leg {} was {before}, which is final", e.leg_id))?;
        hold(intent.is_none(), || format!("a payment of leg {} is under way", e.leg_id))?;
        let planned = settlement.leg(&e.leg_id).map_or(Sats::ZERO, |leg| leg.leg.amount_sats);
        same(&format!("the payment of leg {}", e.leg_id), wide(e.amount_sats), wide(planned))
    }

    /// A plan gives every sat its place.
    fn planned(&self, settlement: &Settlement, legs: &[Leg], is_adjusted: bool) -> Check {
        // Who begins again goes on with what is planned; an adjustment of what was never begun leaves
        // the planning to the begin.
        if legs.is_empty() && self.has_legs != is_adjusted {
            return Ok(());
        }
        let sum = |kinds: &[LegType]| {
            let of = legs.iter().filter(|leg| kinds.contains(&leg.leg_type));
            of.map(|leg| wide(leg.amount_sats)).sum::<u128>()
        };
        let (principal, owed) = match settlement.claimed.tx_type {
            TxType::CashIn => (0, 0),
            TxType::CashOut => {
                let used = wide(settlement.principal_sats) + wide(settlement.fee_sats);
                (wide(settlement.principal_sats), due(settlement).saturating_sub(used))
            }
        };
        same("planned legs of the platform's fee", sum(&[LegType::SuperFee]), {
            wide(settlement.platform_fee_sats)
        })?;
        same("planned legs of the operator's fee", sum(&[LegType::OperatorSplit]), {
            wide(settlement.operator_fee_sats)
        })?;
        same("planned legs of the principal", sum(&[LegType::Dca, LegType::Retained]), principal)?;
        same("planned legs of what is owed back", sum(&[LegType::Refund]), owed)?;
        same("planned autoforwards", sum(&[LegType::Autoforward]), 0)
    }
}

fn wide(sats: Sats) -> u128 {
    u128::from(sats.get())
}

/// What came in for legs to take: the wire; of a cash-in, the fee.
fn due(settlement: &Settlement) -> u128 {
    match settlement.claimed.tx_type {
        TxType::CashOut => wide(settlement.claimed.wire_sats),
        TxType::CashIn => wide(settlement.fee_sats),
    }
}

/// `wire = principal + fee` of a cash-out, `principal - fee` of a cash-in; the fee is its two parts.
fn adds_up(e: &SettlementClaimed) -> Check {
    let (wire, principal, fee) = (wide(e.wire_sats), wide(e.principal_sats), wide(e.fee_sats));
    let (left, right) = match e.tx_type {
        TxType::CashOut => (wire, principal + fee),
        TxType::CashIn => (wire + fee, principal),
    };
    same("wire, by principal and fee", left, right)?;
    same("the parts of the fee", wide(e.platform_fee_sats) + wide(e.operator_fee_sats), fee)
}

/// After an adjustment, too: the fee is its two parts, and no more was used than came in.
fn is_split(settlement: &Settlement) -> Check {
    let (platform, operator) = (settlement.platform_fee_sats, settlement.operator_fee_sats);
    same("the parts of the fee", wide(platform) + wide(operator), wide(settlement.fee_sats))?;
    let used = wide(settlement.principal_sats) + wide(settlement.fee_sats);
    within("principal and fee", used, wide(settlement.claimed.wire_sats))
}

/// No LP is planned to use more than it has.
fn lps_have_it(fleet: &Fleet, legs: &[Leg]) -> Check {
    for leg in legs.iter().filter(|leg| leg.leg_type == LegType::Dca) {
        let client = leg.client_id.as_ref().and_then(|id| fleet.client(id));
        let Some(client) = client else {
            return Err(Violation("a dca leg is planned for no enrolment".into()));
        };
        let left = client.remaining_fiat().unwrap_or(Fiat::ZERO);
        hold(left >= Fiat::ZERO, || {
            format!("{} is planned to use more than it has: {left} would be left", client.id)
        })?;
    }
    Ok(())
}

/// Legs of each kind never exceed what they are paid from.
fn legs_stay_within(settlement: &Settlement) -> Check {
    let sum = |test: &dyn Fn(&LegRow) -> bool| {
        let legs = settlement.legs.iter().filter(|leg| leg.status.is_spent() && test(leg));
        legs.map(|leg| wide(leg.leg.amount_sats)).sum::<u128>()
    };
    let of = |kind: LegType| sum(&|leg: &LegRow| leg.leg.leg_type == kind);
    within(
        "legs of the platform's fee",
        of(LegType::SuperFee),
        wide(settlement.platform_fee_sats),
    )?;
    within(
        "legs of the operator's fee",
        of(LegType::OperatorSplit),
        wide(settlement.operator_fee_sats),
    )?;
    let principal = of(LegType::Dca) + of(LegType::Retained);
    within("legs of the principal", principal, wide(settlement.principal_sats))?;
    let leaves =
        sum(&|leg: &LegRow| !matches!(leg.leg.leg_type, LegType::Retained | LegType::Autoforward));
    within("what leaves the machine's wallet", leaves, due(settlement))?;
    for leg in settlement.legs.iter().filter(|leg| leg.leg.leg_type == LegType::Autoforward) {
        let client = &leg.leg.client_id;
        let forwarded = sum(&|other: &LegRow| {
            other.leg.leg_type == LegType::Autoforward && other.leg.client_id == *client
        });
        let got = sum(&|other: &LegRow| {
            other.leg.leg_type == LegType::Dca
                && other.status == LegStatus::Completed
                && other.leg.client_id == *client
        });
        within("what an LP forwards", forwarded, got)?;
    }
    Ok(())
}

/// What has ended leaves no leg open.
fn ended(settlement: &Settlement) -> Check {
    let is_open = |leg: &&LegRow| match settlement.status {
        SettlementStatus::Voided => leg.status.is_spent(),
        _ => !leg.status.is_final(),
    };
    match settlement.legs.iter().find(is_open) {
        None => Ok(()),
        Some(leg) => Err(Violation(format!(
            "the settlement is {}, and its leg {} is {}",
            settlement.status, leg.id, leg.status
        ))),
    }
}
