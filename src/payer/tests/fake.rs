//! A fake of whoever moves the sats: it does to a payment whatever it is told to, and counts.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use bech32::primitives::iter::Fe32IterExt as _;
use bech32::{Fe32, Hrp};
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::WalletId;

use crate::payer::bolt11::{Bolt11, Long};
use crate::payer::{Destination, PaymentError, Payments, Row, Seen};

/// What becomes of a payment that is asked for, and what is heard of it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fate {
    pub heard: Heard,
    pub then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A yes, which says nothing of whether it is paid.
    Yes,
    /// A no, which says no more.
    No,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Paid,
    /// Paid, but over a sat more.
    PaidMore,
    /// It never arrives.
    Lost,
    /// Under way for some seconds; then paid.
    PaidAfter(i64),
    /// Under way for some seconds; then it fails.
    FailsAfter(i64),
}

impl Fate {
    /// Paid, and said so.
    pub const PAID: Self = Self::of(Heard::Yes, Then::Paid);

    pub const fn of(heard: Heard, then: Then) -> Self {
        Self { heard, then }
    }
}

/// What somebody says who is asked about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Truthful,
    /// No answer.
    Silent,
    /// "I know of no such payment", of one that is under way or even paid.
    Forgetful,
    /// "It failed", while its invoice can still be paid.
    Hasty,
}

/// An invoice, and what became of it.
#[derive(Debug, Clone)]
pub struct Made {
    /// Which leg it was made for.
    pub leg: String,
    /// Over how much.
    pub amount_msat: u64,
    pub to: Destination,
    pub expires_at: i64,
    /// Which wallet was asked to pay it.
    pub from: Option<WalletId>,
    /// When it was paid or will be, and how much; when it failed or will. At most one.
    pub paid: Option<(i64, u64)>,
    pub failed_at: Option<i64>,
    /// Whether another processor paid it by its own means, and has not told yet.
    pub is_untold: bool,
}

pub struct Fake {
    pub made: RefCell<BTreeMap<PaymentHash, Made>>,
    pub fate: RefCell<Box<dyn FnMut() -> Fate>>,
    pub mood: RefCell<Box<dyn FnMut() -> Mood>>,
    /// Whether the next invoice of an address is over a sat more than was asked for.
    pub greed: RefCell<Box<dyn FnMut() -> bool>>,
    pub now: Cell<i64>,
    pub balance_msat: Cell<u64>,
    /// Whether there is a key that pays.
    pub can_spend: Cell<bool>,
    /// How many times it was asked to pay.
    pub asked: Cell<u32>,
}

impl Fake {
    pub fn new(now: i64) -> Self {
        Self {
            made: RefCell::default(),
            fate: RefCell::new(Box::new(|| Fate::PAID)),
            mood: RefCell::new(Box::new(|| Mood::Truthful)),
            greed: RefCell::new(Box::new(|| false)),
            now: Cell::new(now),
            balance_msat: Cell::new(266_800_000),
            can_spend: Cell::new(true),
            asked: Cell::new(0),
        }
    }

    /// From here on all goes well.
    pub fn in_peace(&self) {
        *self.fate.borrow_mut() = Box::new(|| Fate::PAID);
        *self.mood.borrow_mut() = Box::new(|| Mood::Truthful);
        *self.greed.borrow_mut() = Box::new(|| false);
    }

    fn silent() -> PaymentError {
        PaymentError::Unreachable { who: "fake".into(), why: "no answer".into() }
    }

    /// The truth about a payment.
    fn truth(&self, made: &Made) -> Seen {
        let now = self.now.get();
        match (made.paid, made.failed_at) {
            (Some((at, amount_msat)), _) if at <= now => Seen::Paid { amount_msat, fee_msat: 0 },
            (_, Some(at)) if at <= now => Seen::Failed,
            (None, None) => Seen::NotFound,
            _ => Seen::Pending,
        }
    }

    /// A new invoice, and its hash.
    pub fn make(&self, leg: &str, to: &Destination, amount_msat: u64, seconds: u32) -> PaymentHash {
        let mut made = self.made.borrow_mut();
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&(made.len() as u64).to_be_bytes());
        let hash = PaymentHash::from_bytes(bytes);
        let one = Made {
            leg: leg.to_owned(),
            amount_msat,
            to: to.clone(),
            expires_at: self.now.get() + i64::from(seconds),
            from: None,
            paid: None,
            failed_at: None,
            is_untold: false,
        };
        made.insert(hash, one);
        hash
    }
}

impl Payments for Fake {
    fn knows(&self, wallet: &WalletId) -> bool {
        ["machine", "lp", "platform", "operator"].contains(&wallet.as_str())
    }

    fn can_spend_from(&self, wallet: &WalletId) -> bool {
        self.knows(wallet) && self.can_spend.get()
    }

    fn invoice(
        &self,
        to: &Destination,
        amount: Sats,
        memo: &str,
        seconds: u32,
    ) -> Result<String, PaymentError> {
        let is_greedy = matches!(to, Destination::Address(_)) && (self.greed.borrow_mut())();
        let sats = amount.get() + u64::from(is_greedy);
        let leg = memo.split(' ').nth(2).expect("the leg");
        let hash = self.make(leg, to, sats * 1_000, seconds);
        Ok(encode(&hash, sats, self.now.get(), seconds))
    }

    fn pay(&self, from: &WalletId, bolt11: &str) -> Result<(), PaymentError> {
        self.asked.set(self.asked.get() + 1);
        let hash = Bolt11::read(bolt11).unwrap().payment_hash;
        let Fate { heard, then } = (self.fate.borrow_mut())();
        let now = self.now.get();
        let mut made = self.made.borrow_mut();
        let made = made.get_mut(&hash).expect("an invoice of ours");
        made.from = Some(from.clone());
        match then {
            Then::Paid => made.paid = Some((now, made.amount_msat)),
            Then::PaidMore => made.paid = Some((now, made.amount_msat + 1_000)),
            Then::Lost => {}
            Then::PaidAfter(seconds) => made.paid = Some((now + seconds, made.amount_msat)),
            Then::FailsAfter(seconds) => made.failed_at = Some(now + seconds),
        }
        match heard {
            Heard::Yes => Ok(()),
            Heard::No => Err(PaymentError::Refused {
                who: "fake".into(),
                status: 520,
                detail: "failed".into(),
            }),
            Heard::Nothing => Err(Self::silent()),
        }
    }

    fn seen(&self, _: &WalletId, hash: &PaymentHash) -> Result<Seen, PaymentError> {
        let mood = (self.mood.borrow_mut())();
        let made = self.made.borrow();
        let Some(one) = made.get(hash) else { return Ok(Seen::NotFound) };
        let can_be_paid = self.now.get() <= one.expires_at;
        match mood {
            Mood::Silent => Err(Self::silent()),
            Mood::Forgetful => Ok(Seen::NotFound),
            Mood::Hasty if can_be_paid => Ok(Seen::Failed),
            Mood::Hasty | Mood::Truthful => Ok(self.truth(one)),
        }
    }

    fn received(&self, _: &Destination, hash: &PaymentHash) -> Result<Option<Seen>, PaymentError> {
        if (self.mood.borrow_mut())() == Mood::Silent {
            return Err(Self::silent());
        }
        let made = self.made.borrow();
        let one = made.get(hash).expect("an invoice of ours");
        if matches!(one.to, Destination::Address(_)) {
            return Ok(None);
        }
        // Whoever made an invoice knows whether sats came, or are on their way.
        Ok(Some(match self.truth(one) {
            Seen::NotFound if self.now.get() <= one.expires_at => Seen::Pending,
            Seen::NotFound => Seen::Failed,
            seen => seen,
        }))
    }

    fn balance_msat(&self, _: &WalletId) -> Result<u64, PaymentError> {
        Ok(self.balance_msat.get())
    }

    fn reserve_msat(&self, _: &Destination, _: &str) -> Result<u64, PaymentError> {
        Ok(0)
    }

    fn rows(&self, _: &WalletId) -> Result<Vec<Row>, PaymentError> {
        Ok(Vec::new())
    }
}

/// An invoice as BOLT 11 writes it, with a signature of zeros.
fn encode(hash: &PaymentHash, sats: u64, now: i64, seconds: u32) -> String {
    let symbols = |mut number: u64, len: usize| {
        let mut all = vec![0; len];
        for symbol in all.iter_mut().rev() {
            *symbol = u8::try_from(number % 32).unwrap();
            number /= 32;
        }
        all
    };
    let bits = |at: usize| {
        let byte = hash.as_bytes().get(at / 8).copied().unwrap_or_default();
        byte >> (7 - at % 8) & 1
    };
    let hash: Vec<u8> =
        (0..52).map(|n| (0..5).fold(0, |sum, bit| sum << 1 | bits(n * 5 + bit))).collect();
    let said = [
        symbols(u64::try_from(now).unwrap(), 7),
        vec![1, 1, 20],
        hash,
        vec![6, 0, 4],
        symbols(u64::from(seconds), 4),
        vec![0; 104],
    ];
    let prefix = Hrp::parse(&format!("lnbc{}n", sats * 10)).unwrap();
    let symbols = said.concat().into_iter().map(|symbol| Fe32::try_from(symbol).unwrap());
    symbols.with_checksum::<Long>(&prefix).chars().collect()
}
