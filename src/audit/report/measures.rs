//! The figures that follow from a settlement's state: what it adds to each.

use std::collections::BTreeMap;

use spireledger_projections::{Life, Settlement};
use spireledger_schema::text::UserId;
use spireledger_schema::words::SettlementStatus;

use super::facts::{Figure, Values, at};

/// What a settlement of an operator adds to its figures.
pub(super) fn of_life(life: &Life, operator: &UserId) -> BTreeMap<Figure, Values> {
    let mut all = BTreeMap::new();
    let of = life.settlement.as_ref();
    if let Some(settlement) = of.filter(|of| of.claimed.operator_user_id == *operator) {
        of_settlement(settlement, &mut all);
    }
    all
}

fn of_settlement(settlement: &Settlement, all: &mut BTreeMap<Figure, Values>) {
    let claimed = &settlement.claimed;
    let mut status = Values::default();
    status[at::COUNT] = 1;
    all.insert(Figure::Status(settlement.status), status);
    if settlement.status != SettlementStatus::Voided {
        let sats = |sats: spireledger_schema::money::Sats| i128::from(sats.get());
        let mut values = Values::default();
        values[at::COUNT] = 1;
        values[at::FIAT] = i128::from(settlement.fiat_amount.minor());
        values[at::WIRE] = sats(claimed.wire_sats);
        values[at::PRINCIPAL] = sats(settlement.principal_sats);
        values[at::FEE] = sats(settlement.fee_sats);
        values[at::PLATFORM] = sats(settlement.platform_fee_sats);
        values[at::OPERATOR] = sats(settlement.operator_fee_sats);
        values[at::MISMATCH] = i128::from(settlement.fee_mismatch_sats.unwrap_or(0));
        let place =
            Figure::Settlements(claimed.machine_id.clone(), claimed.tx_type, claimed.fiat_code);
        all.insert(place, values);
        // Of several currencies no sum can be made.
        values[at::FIAT] = 0;
        all.insert(Figure::Fees(claimed.tx_type), values);
    }
    for leg in &settlement.legs {
        let values = all.entry(Figure::Legs(leg.leg.leg_type, leg.status)).or_default();
        values[at::COUNT] += 1;
        values[at::SATS] += i128::from(leg.leg.amount_sats.get());
    }
}

/// What changed between two states.
pub(super) fn difference(
    before: &BTreeMap<Figure, Values>,
    after: BTreeMap<Figure, Values>,
) -> BTreeMap<Figure, Values> {
    let mut moved = after;
    for (figure, values) in before {
        let place = moved.entry(figure.clone()).or_default();
        for (place, value) in place.iter_mut().zip(values) {
            *place -= value;
        }
    }
    moved.retain(|_, values| *values != Values::default());
    moved
}
