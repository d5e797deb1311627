//! Where a leg's sats come from and where they go.

use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::parts::Target;
use spireledger_schema::personal::Personal;
use spireledger_schema::text::WalletId;
use spireledger_schema::words::{LegStatus, LegType};

use super::books::Books;
use super::bugs::Bug;
use super::payments::{Destination, PaymentError, Payments};

/// Where a leg's sats come from and go to.
pub(super) struct Ready {
    pub from: WalletId,
    pub to: Destination,
}

impl Ready {
    /// Whether the sats are there already.
    pub(super) fn stays(&self) -> bool {
        self.to == Destination::Wallet(self.from.clone())
    }
}

/// The wallet that pays a leg: the machine's; of an autoforward, the one that its LP was paid into.
pub(super) fn source(
    books: &impl Books,
    settlement: &Settlement,
    leg: &LegRow,
) -> Result<WalletId, String> {
    if leg.leg.leg_type == LegType::Autoforward && !Bug::ForwardsFromMachine.is_on() {
        let paid = settlement.legs.iter().find(|other| {
            other.leg.leg_type == LegType::Dca
                && other.leg.client_id == leg.leg.client_id
                && other.status == LegStatus::Completed
        });
        let wallet = paid.and_then(|paid| paid.leg.destination_wallet_id.clone());
        return wallet.ok_or_else(|| "no wallet is known that its LP was paid into".into());
    }
    let machine = &settlement.claimed.machine_id;
    books.wallet_of(machine).ok_or_else(|| format!("machine {machine} has no wallet"))
}

/// Where a leg's sats go: to a wallet, to a Lightning address, or to a split's target, whichever of
/// these that is.
pub(super) fn destination(payments: &impl Payments, leg: &LegRow) -> Result<Destination, String> {
    let wallet = leg.leg.destination_wallet_id.as_ref();
    if let Some(wallet) = wallet.filter(|wallet| payments.knows(wallet)) {
        return Ok(Destination::Wallet(wallet.clone()));
    }
    let address = leg.leg.destination_ln_address.as_ref().map(Personal::plain);
    let target = leg.leg.target.as_ref().map(Target::plain);
    // Ids of wallets and invoice keys look alike: what a split names may be either.
    let either = wallet.filter(|_| leg.leg.leg_type == LegType::OperatorSplit);
    let target = target.or(either.map(|wallet| Some(wallet.as_str())));
    if let Some(wallet) = wallet.filter(|_| address.is_none() && target.is_none()) {
        return Err(PaymentError::NoKeys(wallet.clone()).to_string());
    }
    let Some(text) = address.or(target) else { return Err("it does not say where to".into()) };
    let text = text.ok_or("where it goes was sealed or erased")?.trim();
    if let Some(wallet) = WalletId::parse(text).filter(|wallet| payments.knows(wallet)) {
        return Ok(Destination::Wallet(wallet));
    }
    let lower = text.to_lowercase();
    if text.contains('@') || lower.starts_with("lnurl") || lower.starts_with("lightning:") {
        return Ok(Destination::Address(text.to_owned()));
    }
    let is_key = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_key {
        return Ok(Destination::InvoiceKey(text.to_owned()));
    }
    Err(format!(
        "`{text}` is no wallet whose keys are in the file, no Lightning address and no LNURL"
    ))
}
