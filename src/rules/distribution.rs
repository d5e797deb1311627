//! Planning the legs of a settlement: every sat of the wire on a named leg.

use spireledger_projections::{Client, Fleet, Lp, Machine, Settlement};
use spireledger_schema::event::{GivenBack, Leg, SettlementClaimed};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::parts::{Split, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{Text, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{ClientStatus, DcaMode, LegType, TxType};

/// What is distributed: a settlement's amounts, as claimed or as adjusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    pub wire_sats: Sats,
    pub principal_sats: Sats,
    pub platform_fee_sats: Sats,
    pub operator_fee_sats: Sats,
    pub fiat_amount: Fiat,
}

impl Amounts {
    pub(super) const fn of(settlement: &Settlement) -> Self {
        Self {
            wire_sats: settlement.claimed.wire_sats,
            principal_sats: settlement.principal_sats,
            platform_fee_sats: settlement.platform_fee_sats,
            operator_fee_sats: settlement.operator_fee_sats,
            fiat_amount: settlement.fiat_amount,
        }
    }
}

/// Plans all legs. A cash-in pays its fee only; a cash-out also distributes the principal and owes
/// back what of the wire is neither principal nor fee. `back` is fiat that LPs have again.
pub(super) fn plan(
    fleet: &Fleet,
    machine: &Machine,
    claimed: &SettlementClaimed,
    amounts: Amounts,
    back: &[GivenBack],
    now: Timestamp,
) -> Vec<Leg> {
    let mut legs = fee_legs(fleet, machine, &claimed.operator_user_id, amounts);
    if claimed.tx_type == TxType::CashOut {
        legs.extend(principal_legs(fleet, machine, amounts, back, now));
        let used = [amounts.principal_sats, amounts.platform_fee_sats, amounts.operator_fee_sats];
        let owed = Sats::sum(used).and_then(|used| amounts.wire_sats.checked_sub(used));
        legs.extend(owed.map(|owed| leg(LegType::Refund, owed)));
    }
    legs.retain(|leg| leg.amount_sats > Sats::ZERO);
    legs
}

const fn leg(leg_type: LegType, amount_sats: Sats) -> Leg {
    Leg {
        leg_type,
        client_id: None,
        destination_wallet_id: None,
        destination_ln_address: None,
        target: None,
        amount_sats,
        amount_fiat: None,
    }
}

fn fee_legs(fleet: &Fleet, machine: &Machine, operator: &UserId, amounts: Amounts) -> Vec<Leg> {
    let mut platform = leg(LegType::SuperFee, amounts.platform_fee_sats);
    platform.destination_wallet_id.clone_from(&fleet.config().super_fee_wallet_id);
    let mut legs = vec![platform];
    match fleet.rules_at(operator, &machine.id) {
        None => {
            let mut own = leg(LegType::OperatorSplit, amounts.operator_fee_sats);
            own.destination_wallet_id = Some(machine.wallet_id.clone());
            legs.push(own);
        }
        Some(rules) => legs.extend(split_legs(&rules.splits, amounts.operator_fee_sats)),
    }
    legs
}

fn split_legs(splits: &[Split], operator_fee: Sats) -> Vec<Leg> {
    // Ties go to the lower sort order, then to the earlier rule: the sort is stable.
    let mut rules: Vec<(u32, &Split)> =
        (0u32..).zip(splits).map(|(at, split)| (split.sort_order.unwrap_or(at), split)).collect();
    rules.sort_by_key(|(order, _)| *order);
    let weights: Vec<u64> =
        rules.iter().map(|(_, split)| u64::from(split.fraction.ten_thousandths())).collect();
    let shares = apportion(operator_fee.get(), &weights);
    let legs = rules.iter().zip(shares).map(|((_, split), share)| {
        let mut leg = leg(LegType::OperatorSplit, sats(share));
        destine(&mut leg, &split.target);
        leg
    });
    legs.collect()
}

/// A target with an `@` is a Lightning address, one that begins with `lnurl` is that; any other is
/// a wallet.
fn destine(leg: &mut Leg, target: &Target) {
    let Some(text) = target.plain() else {
        leg.target = Some(target.clone());
        return;
    };
    let lnurl = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("lnurl"));
    if text.contains('@') {
        leg.destination_ln_address = Some(Personal::Plain(Text::new(text)));
    } else if let (false, Some(wallet)) = (lnurl, WalletId::parse(text)) {
        leg.destination_wallet_id = Some(wallet);
    } else {
        leg.target = Some(target.clone());
    }
}

/// What of a settlement's principal is whose.
struct Share<'a> {
    taker: Taker<'a>,
    /// Fiat that it uses up, in hundredths.
    fiat: u64,
    sats: u64,
}

/// One LP that may take part, with what it has left and the most it may get now, in hundredths.
struct Taker<'a> {
    client: &'a Client,
    lp: &'a Lp,
    remaining: u64,
    cap: u64,
}

fn principal_legs(
    fleet: &Fleet,
    machine: &Machine,
    amounts: Amounts,
    back: &[GivenBack],
    now: Timestamp,
) -> Vec<Leg> {
    let clients = fleet.clients_at(&machine.id);
    let takers = clients.filter_map(|client| {
        let back = back.iter().filter(|back| back.client_id == client.id);
        let back = Back::of(back);
        taker(fleet, machine, client, amounts.principal_sats, back, now)
    });
    let shares = shares(amounts, takers.collect());
    let fiat: u64 = shares.iter().map(|share| share.fiat).sum();
    let in_sats: u64 = shares.iter().map(|share| share.sats).sum();
    let mut legs: Vec<Leg> = shares.iter().map(dca_leg).collect();
    let mut kept = leg(LegType::Retained, sats(amounts.principal_sats.get() - in_sats));
    kept.destination_wallet_id = Some(machine.wallet_id.clone());
    kept.amount_fiat = from_minor(minor(amounts.fiat_amount) - fiat);
    legs.push(kept);
    legs
}

fn dca_leg(share: &Share<'_>) -> Leg {
    let mut dca = leg(LegType::Dca, sats(share.sats));
    dca.client_id = Some(share.taker.client.id.clone());
    dca.destination_wallet_id = Some(share.taker.lp.dca_wallet_id.clone());
    dca.amount_fiat = from_minor(share.fiat);
    dca
}

/// Who gets what: fiat first, by what each has left, then the sats by the fiat. What nobody covers
/// is shared with them as one more, and is the machine's. Nobody gives fiat for no sats.
fn shares(amounts: Amounts, takers: Vec<Taker<'_>>) -> Vec<Share<'_>> {
    let total = minor(amounts.fiat_amount);
    let mut fiat = share_fiat(total, &takers);
    fiat.push(total - fiat.iter().sum::<u64>());
    let in_sats = apportion(amounts.principal_sats.get(), &fiat);
    let shares = takers.into_iter().zip(fiat).zip(in_sats);
    let shares = shares.map(|((taker, fiat), sats)| Share { taker, fiat, sats });
    shares.filter(|share| share.sats > 0).collect()
}

/// What an LP has again from legs that are planned anew.
#[derive(Default, Clone, Copy)]
struct Back {
    /// In hundredths.
    fiat: u64,
    sats: u64,
}

impl Back {
    fn of<'a>(all: impl Iterator<Item = &'a GivenBack>) -> Self {
        all.fold(Self::default(), |sum, back| Self {
            fiat: sum.fiat + minor(back.amount_fiat),
            sats: sum.sats + back.amount_sats.get(),
        })
    }
}

/// An enrolment takes part if it is active, its LP is onboarded, fiat is left, and its sums have room
/// for all of the principal.
fn taker<'a>(
    fleet: &'a Fleet,
    machine: &Machine,
    client: &'a Client,
    principal: Sats,
    back: Back,
    now: Timestamp,
) -> Option<Taker<'a>> {
    let lp = fleet.lp(&client.user_id)?;
    if client.status != ClientStatus::Active {
        return None;
    }
    let pending_sats = client.pending_sats.get().checked_sub(back.sats).and_then(Sats::new)?;
    Sats::sum([client.paid_sats, pending_sats, principal])?;
    let remaining = minor(client.remaining_fiat()?).checked_add(back.fiat)?;
    let cap = match (lp.default_dca_mode, lp.fixed_mode_daily_limit) {
        (DcaMode::Fixed, Some(limit)) => {
            let used = used_today(fleet, machine, lp, now).saturating_sub(u128::from(back.fiat));
            let left = u128::from(minor(limit)).saturating_sub(used);
            u64::try_from(left).unwrap_or(u64::MAX).min(remaining)
        }
        _ => remaining,
    };
    (cap > 0).then_some(Taker { client, lp, remaining, cap })
}

/// What an LP used of its daily limit, in hundredths: what was paid on this day of each operator,
/// and what may still be paid on it, at all machines of the same currency. A limit has no currency of its own.
fn used_today(fleet: &Fleet, machine: &Machine, lp: &Lp, now: Timestamp) -> u128 {
    let same_currency = |client: &&Client| {
        fleet.machine(&client.machine_id).is_some_and(|other| other.fiat_code == machine.fiat_code)
    };
    let used = |client: &Client| {
        u128::from(minor(client.paid_on(fleet.day_at(&client.machine_id, now))))
            + u128::from(minor(client.pending_fiat))
    };
    fleet.clients_of(&lp.user_id).filter(same_currency).map(used).sum()
}

/// Shares fiat in proportion to what each has left, nobody beyond its cap: whoever would go beyond
/// gets its cap, and the rest is shared anew among the others.
fn share_fiat(fiat: u64, takers: &[Taker<'_>]) -> Vec<u64> {
    let mut shares = vec![0u64; takers.len()];
    let mut open: Vec<usize> = (0..takers.len()).collect();
    let mut left = fiat;
    while !open.is_empty() {
        let weights: Vec<u64> =
            open.iter().filter_map(|at| takers.get(*at)).map(|taker| taker.remaining).collect();
        let tried = apportion(left, &weights);
        let mut capped = Vec::new();
        for (at, share) in open.iter().zip(&tried) {
            if let (Some(taker), Some(place)) = (takers.get(*at), shares.get_mut(*at)) {
                *place = (*share).min(taker.cap);
                if *share >= taker.cap {
                    capped.push((*at, taker.cap));
                }
            }
        }
        if capped.is_empty() {
            break;
        }
        left = left.saturating_sub(capped.iter().map(|(_, cap)| cap).sum());
        open.retain(|at| capped.iter().all(|(full, _)| full != at));
    }
    shares
}

/// Splits `total` in proportion to `weights` so that it adds up: floors first, then one more to the
/// largest remainders, ties to the earlier. All zero where all weights are.
pub(super) fn apportion(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().copied().map(u128::from).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = weights.iter().map(|weight| u128::from(total) * u128::from(*weight));
    let parts: Vec<(u128, u128)> = exact.map(|part| (part / sum, part % sum)).collect();
    let floors: u128 = parts.iter().map(|(floor, _)| floor).sum();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(parts.get(*at).map(|(_, rest)| *rest)));
    // The floors miss the total by less than one each, so so many parts get one more.
    let missing = usize::try_from(u128::from(total) - floors).unwrap_or(usize::MAX);
    let mut out: Vec<u64> =
        parts.iter().map(|(floor, _)| u64::try_from(*floor).unwrap_or(u64::MAX)).collect();
    for at in order.into_iter().take(missing) {
        if let Some(share) = out.get_mut(at) {
            *share += 1;
        }
    }
    out
}

fn minor(fiat: Fiat) -> u64 {
    u64::try_from(fiat.minor()).unwrap_or(0)
}

fn from_minor(minor: u64) -> Option<Fiat> {
    i64::try_from(minor).ok().and_then(Fiat::from_minor)
}

/// A part of valid sats is valid sats.
fn sats(part: u64) -> Sats {
    Sats::new(part).unwrap_or(Sats::ZERO)
}
