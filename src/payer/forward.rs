//! Autoforward: what a payer paid to an LP's wallet goes on to the LP's Lightning address, if it wants that.
//!
//! Each such leg is forwarded by one leg whose id follows from its own, so that whoever comes again, or at
//! the same time, adds nothing. A part stays in the wallet for the route; whatever cannot be forwarded
//! stays there whole: it is the LP's already.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::command::LegAdd;
use spireledger_schema::money::Sats;
use spireledger_schema::text::LegId;
use spireledger_schema::words::{AddedLegType, LegStatus, LegType};

use super::books::Books;
use super::bugs::Bug;

/// With what the ids of these legs begin; the id of the leg that is forwarded follows.
const FORWARD: &str = "forward:";
/// What stays for the route: one of so many sats, as LNbits reserves by default.
const ROUTE_PART: u64 = 100;
/// And so many sats at least.
const ROUTE_SATS_MIN: u64 = 2;

/// The legs that are to be added to a settlement.
pub(super) fn wanted(books: &impl Books, settlement: &Settlement) -> Vec<LegAdd> {
    if Bug::ForgetsToForward.is_on() {
        return Vec::new();
    }
    let legs = settlement.legs.iter().filter(|leg| is_paid_by_us(leg));
    legs.filter_map(|leg| forward(books, settlement, leg)).collect()
}

/// What another system or a person paid may be forwarded by them: only what went out by an intent here.
fn is_paid_by_us(leg: &LegRow) -> bool {
    leg.leg.leg_type == LegType::Dca
        && leg.status == LegStatus::Completed
        && leg.paid_from.is_some()
        && leg.leg.destination_wallet_id.is_some()
}

fn forward(books: &impl Books, settlement: &Settlement, paid: &LegRow) -> Option<LegAdd> {
    let client = paid.leg.client_id.as_ref()?;
    // By whomever: a forward that was given up is one that somebody decided about.
    let is_forwarded = settlement.legs.iter().any(|leg| {
        leg.leg.leg_type == LegType::Autoforward && leg.leg.client_id.as_ref() == Some(client)
    });
    if is_forwarded {
        return None;
    }
    let address = books.forward_address(client).filter(|address| address.plain().is_some())?;
    Some(LegAdd {
        payment_hash: settlement.payment_hash,
        leg_id: LegId::parse(&format!("{FORWARD}{}", paid.id))?,
        leg_type: AddedLegType::Autoforward,
        amount_sats: without_route(paid.leg.amount_sats)?,
        destination_wallet_id: None,
        destination_ln_address: Some(address),
        client_id: Some(client.clone()),
    })
}

/// What can go on of so many sats; none where the route may cost all of it.
fn without_route(received: Sats) -> Option<Sats> {
    let route = received.get().div_ceil(ROUTE_PART).max(ROUTE_SATS_MIN);
    received.get().checked_sub(route).and_then(Sats::new).filter(|sats| *sats > Sats::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_goes_on_than_came_and_nothing_of_what_is_too_little() {
        for (received, expected) in [
            (0, None),
            (2, None),
            (3, Some(1)),
            (200, Some(198)),
            (201, Some(198)),
            (64_757, Some(64_109)),
            (2_100_000_000_000_000, Some(2_079_000_000_000_000)),
        ] {
            let sats = Sats::new(received).unwrap();
            assert_eq!(without_route(sats).map(Sats::get), expected, "{received}");
        }
    }
}
