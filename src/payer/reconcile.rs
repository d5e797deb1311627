//! Reconciliation: what the ledger says moved, held against what the wallets say moved, by wallet, hash
//! and direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;
use spireledger_projections::{Fleet, Settlement};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::{LegId, WalletId};
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus, TxType};

use super::books::{begins_settlement, each_entry, read_settlement};
use super::payments::{PaymentError, Payments, Row, Seen, Side};
use crate::ledger::LedgerError;
use crate::log::ReadLog;

/// In which way ledger and wallet differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The wallet shows a payment of which the ledger knows nothing.
    MissingHere,
    /// The ledger has a payment that the wallet does not show as done.
    MissingThere,
    /// Both have it, over different amounts.
    OtherAmount,
    /// It has not ended, there or here.
    StillPending,
    /// The wallet shows it more than once.
    TwoRows,
}

impl Kind {
    /// What a person does about it.
    pub const fn action(self) -> &'static str {
        match self {
            Self::MissingHere => {
                "find out what it was: a claim that never came, a payment by hand, a top-up"
            }
            Self::MissingThere => {
                "look at the wallet and at its node: the ledger counts it as moved"
            }
            Self::OtherAmount => "compare both; correct the books with a note, or get it back",
            Self::StillPending => "run `pay`: it asks and waits",
            Self::TwoRows => "look whether it was paid twice",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MissingHere => "missing here",
            Self::MissingThere => "missing there",
            Self::OtherAmount => "other amount",
            Self::StillPending => "still pending",
            Self::TwoRows => "two rows",
        })
    }
}

/// One thing that is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// How they differ.
    pub kind: Kind,
    /// The wallet.
    pub wallet_id: WalletId,
    /// The payment.
    pub payment_hash: PaymentHash,
    /// Which way.
    pub side: Side,
    /// What the ledger says moved, in millisats.
    pub ledger_msat: Option<u64>,
    /// What the wallet says moved, in millisats.
    pub wallet_msat: Option<u64>,
    /// The settlement.
    pub settlement: Option<PaymentHash>,
    /// The leg.
    pub leg_id: Option<LegId>,
}

/// What a reconciliation found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Wallets that were looked at.
    pub wallets: BTreeSet<WalletId>,
    /// Wallets of machines and payments that were not, because their keys are not known.
    pub not_looked_at: BTreeSet<WalletId>,
    /// Payments that both have, alike.
    pub agreed: u64,
    /// All that is open.
    pub open: Vec<Difference>,
}

/// Which payment of a wallet.
type Place = (WalletId, PaymentHash, Side);

/// What the ledger says of one.
struct Expected {
    msat: u64,
    /// Known to have moved; else it may be under way.
    is_done: bool,
    settlement: PaymentHash,
    leg_id: Option<LegId>,
}

/// Compares all settlements of a log with the wallets whose keys are known. Of wallets that are no
/// machine's, only what the ledger knows is looked for: what else they do is their owners' own.
///
/// # Errors
/// If the ledger cannot be read, or a wallet does not answer: half a comparison is none.
pub fn reconcile<P: Payments>(
    log: &dyn ReadLog,
    fleet: &Fleet,
    payments: &P,
    wallets: &[WalletId],
) -> Result<Result<Reconciled, PaymentError>, LedgerError> {
    let machines: BTreeSet<&WalletId> =
        fleet.machines().map(|machine| &machine.wallet_id).collect();
    let mut rows: BTreeMap<Place, Vec<Row>> = BTreeMap::new();
    for wallet in wallets {
        let found = match payments.rows(wallet) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        for row in found {
            rows.entry((wallet.clone(), row.payment_hash, row.side)).or_default().push(row);
        }
    }
    let mut report =
        Reconciled { wallets: wallets.iter().cloned().collect(), ..Reconciled::default() };
    let unknown = machines.iter().filter(|wallet| !report.wallets.contains(**wallet));
    report.not_looked_at = unknown.map(|wallet| (*wallet).clone()).collect();
    let mut hashes = BTreeSet::new();
    each_entry(log, |entry| {
        if begins_settlement(&entry.event) {
            hashes.insert(PaymentHash::from_bytes(*entry.front.key.as_bytes()));
        }
        Ok(())
    })?;
    for hash in hashes {
        let Some(settlement) = read_settlement(log, &hash)? else { continue };
        for (place, expected) in expected(&settlement, fleet) {
            if report.wallets.contains(&place.0) {
                let found = rows.remove(&place).unwrap_or_default();
                report.compare(place, &expected, &found);
            } else if expected.leg_id.is_some() && place.2 == Side::Out {
                report.not_looked_at.insert(place.0);
            }
        }
    }
    for (place, found) in rows {
        if machines.contains(&place.0) {
            report.unexpected(place, &found);
        }
    }
    report.open.sort();
    Ok(Ok(report))
}

/// What should be found of a settlement: its own payment, and each leg's on both of its sides.
fn expected(settlement: &Settlement, fleet: &Fleet) -> Vec<(Place, Expected)> {
    let hash = settlement.payment_hash;
    let msat = |sats: Sats| sats.get().saturating_mul(1_000);
    let mut all = Vec::new();
    let machine = fleet.machine(&settlement.claimed.machine_id).map(|machine| &machine.wallet_id);
    if let Some(wallet) = machine.filter(|_| settlement.status != SettlementStatus::Voided) {
        let side = match settlement.claimed.tx_type {
            TxType::CashOut => Side::In,
            TxType::CashIn => Side::Out,
        };
        let msat = msat(settlement.claimed.wire_sats);
        let own = Expected { msat, is_done: true, settlement: hash, leg_id: None };
        all.push(((wallet.clone(), hash, side), own));
    }
    for leg in &settlement.legs {
        let (paid, is_done) = match (&leg.intent, leg.external_payment_hash) {
            (Some(intent), _) => (intent.payment_hash, false),
            (None, Some(paid)) if leg.status == LegStatus::Completed => (paid, true),
            _ => continue,
        };
        let one = || Expected {
            msat: msat(leg.leg.amount_sats),
            is_done,
            settlement: hash,
            leg_id: Some(leg.id.clone()),
        };
        let lp = settlement.legs.iter().find(|other| {
            other.leg.amount_fiat.is_some() && other.leg.client_id == leg.leg.client_id
        });
        let is_forward = leg.leg.leg_type == LegType::Autoforward;
        let of_lp = lp.and_then(|lp| lp.leg.destination_wallet_id.as_ref());
        let payer = leg.paid_from.as_ref().or(if is_forward { of_lp } else { machine });
        if let Some(wallet) = payer {
            all.push(((wallet.clone(), paid, Side::Out), one()));
        }
        if let Some(wallet) = leg.leg.destination_wallet_id.as_ref().filter(|_| is_done) {
            all.push(((wallet.clone(), paid, Side::In), one()));
        }
    }
    all
}

impl Reconciled {
    /// Whether nothing is open.
    pub const fn is_closed(&self) -> bool {
        self.open.is_empty()
    }

    fn note(
        &mut self,
        kind: Kind,
        place: Place,
        expected: Option<&Expected>,
        wallet_msat: Option<u64>,
    ) {
        let (wallet_id, payment_hash, side) = place;
        self.open.push(Difference {
            kind,
            wallet_id,
            payment_hash,
            side,
            ledger_msat: expected.map(|expected| expected.msat),
            wallet_msat,
            settlement: expected.map(|expected| expected.settlement),
            leg_id: expected.and_then(|expected| expected.leg_id.clone()),
        });
    }

    fn compare(&mut self, place: Place, expected: &Expected, found: &[Row]) {
        let moved: Vec<&Row> =
            found.iter().filter(|row| matches!(row.seen, Seen::Paid { .. })).collect();
        let pending = found.iter().any(|row| row.seen == Seen::Pending);
        match moved[..] {
            [row] if row.amount_msat != expected.msat => {
                self.note(Kind::OtherAmount, place, Some(expected), Some(row.amount_msat));
            }
            // The wallet knows more than the ledger, which will ask.
            [row] if !expected.is_done => {
                self.note(Kind::StillPending, place, Some(expected), Some(row.amount_msat));
            }
            [_] if pending => self.note(Kind::StillPending, place, Some(expected), None),
            [_] => self.agreed += 1,
            [] if pending || !expected.is_done => {
                self.note(Kind::StillPending, place, Some(expected), None);
            }
            [] => self.note(Kind::MissingThere, place, Some(expected), None),
            _ => {
                let sum = moved.iter().map(|row| row.amount_msat).fold(0, u64::saturating_add);
                self.note(Kind::TwoRows, place, Some(expected), Some(sum));
            }
        }
    }

    /// A machine's wallet shows what the ledger does not know. Invoices that nobody paid and payments
    /// that failed moved nothing.
    fn unexpected(&mut self, place: Place, found: &[Row]) {
        let moved = found.iter().filter(|row| matches!(row.seen, Seen::Paid { .. }));
        let sum = moved.clone().map(|row| row.amount_msat).fold(0, u64::saturating_add);
        match moved.count() {
            0 if place.2 == Side::Out && found.iter().any(|row| row.seen == Seen::Pending) => {
                self.note(Kind::StillPending, place, None, None);
            }
            0 => {}
            1 => self.note(Kind::MissingHere, place, None, Some(sum)),
            _ => self.note(Kind::TwoRows, place, None, Some(sum)),
        }
    }
}
