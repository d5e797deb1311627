//! What the payer needs of whoever moves the sats: an invoice, a payment, and the truth about both.

use std::fmt;

use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::WalletId;

/// Where sats go.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// A wallet whose keys are known.
    Wallet(WalletId),
    /// A wallet of the same LNbits of which only the invoice key is known.
    InvoiceKey(String),
    /// A Lightning address or an LNURL-pay code.
    Address(String),
}

/// An invoice key is a secret of its wallet: it is not shown whole.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(id) => write!(f, "wallet {id}"),
            Self::InvoiceKey(key) => {
                write!(f, "invoice key {}…", key.chars().take(4).collect::<String>())
            }
            Self::Address(address) => f.write_str(address),
        }
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of a payment on one side of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The sats moved.
    Paid {
        /// How many millisats, without the fee.
        amount_msat: u64,
        /// What the route cost, in millisats.
        fee_msat: u64,
    },
    /// They may move yet.
    Pending,
    /// Whoever was asked says that they will not move.
    Failed,
    /// Nobody knows of it.
    NotFound,
}

/// Which way a payment goes, seen from a wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Into the wallet.
    In,
    /// Out of the wallet.
    Out,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

/// One payment of a wallet, as its own books have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its hash.
    pub payment_hash: PaymentHash,
    /// Which way.
    pub side: Side,
    /// How many millisats, without the fee.
    pub amount_msat: u64,
    /// What the route cost, in millisats.
    pub fee_msat: u64,
    /// How it stands; never [`Seen::NotFound`].
    pub seen: Seen,
}

/// Why there is no answer, or none that can be used. Whether anything happened is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    /// Nobody answered.
    #[error("{who} does not answer: {why}")]
    Unreachable {
        /// Who was asked.
        who: String,
        /// What went wrong.
        why: String,
    },
    /// The answer is a no.
    #[error("{who} says {status}: {detail}")]
    Refused {
        /// Who was asked.
        who: String,
        /// The HTTP status.
        status: u16,
        /// What it says.
        detail: String,
    },
    /// The answer is not one that makes sense.
    #[error("{who} answers what cannot be used: {why}")]
    Unusable {
        /// Who was asked.
        who: String,
        /// What is wrong with it.
        why: String,
    },
    /// No key for this wallet.
    #[error("the wallets file has no keys of wallet {0}")]
    NoKeys(WalletId),
    /// No key that may pay from this wallet.
    #[error("the wallets file has no admin key of wallet {0}")]
    NoAdminKey(WalletId),
}

/// Whoever moves the sats. No answer to [`Self::pay`] says whether they moved: [`Self::seen`] does.
pub trait Payments {
    /// Whether the keys of a wallet are known.
    fn knows(&self, wallet: &WalletId) -> bool;

    /// Whether it can pay from a wallet: its key for that is known, too.
    fn can_spend_from(&self, wallet: &WalletId) -> bool;

    /// Makes an invoice over `amount` that can be paid for some seconds. An address may give one that
    /// can be paid for longer.
    fn invoice(
        &self,
        to: &Destination,
        amount: Sats,
        memo: &str,
        seconds: u32,
    ) -> Result<String, PaymentError>;

    /// Asks a wallet to pay an invoice. Whatever it answers, or if it does not: ask [`Self::seen`].
    fn pay(&self, from: &WalletId, bolt11: &str) -> Result<(), PaymentError>;

    /// How a payment out of a wallet stands.
    fn seen(&self, from: &WalletId, hash: &PaymentHash) -> Result<Seen, PaymentError>;

    /// How an invoice stands where it was made; `None` where nobody can be asked.
    fn received(&self, to: &Destination, hash: &PaymentHash) -> Result<Option<Seen>, PaymentError>;

    /// What a wallet holds, in millisats.
    fn balance_msat(&self, wallet: &WalletId) -> Result<u64, PaymentError>;

    /// What a wallet must hold beyond the amount for routing fees, in millisats, to pay this invoice.
    fn reserve_msat(&self, to: &Destination, bolt11: &str) -> Result<u64, PaymentError>;

    /// All payments of a wallet.
    fn rows(&self, wallet: &WalletId) -> Result<Vec<Row>, PaymentError>;
}
