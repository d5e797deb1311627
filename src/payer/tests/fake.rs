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

/// What becomes of a payment that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Paid, and said so.
    Paid,
    /// Paid, and nobody hears of it, or hears that it failed.
    PaidUnheard,
    /// It never arrives.
    NeverArrives,
    /// Under way for some seconds; then paid.
    PaidAfter(i64),
    /// Under way for some seconds; then it fails.
    FailsAfter(i64),
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

#[derive(Debug, Clone)]
pub struct Made {
    /// Which leg it was made for.
    pub memo: String,
    pub to: Destination,
    pub expires_at: i64,
    /// When it was paid or will be; when it failed or will. At most one.
    pub paid_at: Option<i64>,
    pub failed_at: Option<i64>,
}

pub struct Fake {
    pub made: RefCell<BTreeMap<PaymentHash, Made>>,
    pub fate: RefCell<Box<dyn FnMut() -> Fate>>,
    pub mood: RefCell<Box<dyn FnMut() -> Mood>>,
    pub now: Cell<i64>,
    pub balance_msat: Cell<u64>,
    /// How many times it was asked to pay.
    pub asked: Cell<u32>,
}

impl Fake {
    pub fn new(now: i64) -> Self {
        Self {
            made: RefCell::default(),
            fate: RefCell::new(Box::new(|| Fate::Paid)),
            mood: RefCell::new(Box::new(|| Mood::Truthful)),
            now: Cell::new(now),
            balance_msat: Cell::new(266_800_000),
            asked: Cell::new(0),
        }
    }

    /// From here on all goes well.
    pub fn in_peace(&self) {
        *self.fate.borrow_mut() = Box::new(|| Fate::Paid);
        *self.mood.borrow_mut() = Box::new(|| Mood::Truthful);
    }

    fn silent() -> PaymentError {
        PaymentError::Unreachable { who: "fake".into(), why: "no answer".into() }
    }

    /// The truth about a payment.
    fn truth(&self, made: &Made, amount_msat: u64) -> Seen {
        let now = self.now.get();
        match (made.paid_at, made.failed_at) {
            (Some(at), _) if at <= now => Seen::Paid { amount_msat, fee_msat: 0 },
            (_, Some(at)) if at <= now => Seen::Failed,
            (None, None) => Seen::NotFound,
            _ => Seen::Pending,
        }
    }

    fn amount(&self, hash: &PaymentHash) -> u64 {
        let memo = self.made.borrow().get(hash).map(|made| made.memo.clone()).unwrap_or_default();
        memo.split(' ').next_back().unwrap().parse().unwrap()
    }
}

impl Payments for Fake {
    fn knows(&self, wallet: &WalletId) -> bool {
        ["machine", "lp", "platform", "operator"].contains(&wallet.as_str())
    }

    fn invoice(
        &self,
        to: &Destination,
        amount: Sats,
        memo: &str,
        seconds: u32,
    ) -> Result<String, PaymentError> {
        let mut made = self.made.borrow_mut();
        let number = u8::try_from(made.len() % 250).unwrap() + 1;
        let bytes = [[number; 31].as_slice(), &[u8::try_from(made.len() / 250).unwrap()]].concat();
        let hash = PaymentHash::from_bytes(bytes.try_into().unwrap());
        let memo = format!("{memo} {}", amount.get() * 1_000);
        let expires_at = self.now.get() + i64::from(seconds);
        let one = Made { memo, to: to.clone(), expires_at, paid_at: None, failed_at: None };
        made.insert(hash, one);
        Ok(encode(&hash, amount, self.now.get(), seconds))
    }

    fn pay(&self, _: &WalletId, bolt11: &str) -> Result<(), PaymentError> {
        self.asked.set(self.asked.get() + 1);
        let hash = Bolt11::read(bolt11).unwrap().payment_hash;
        let fate = (self.fate.borrow_mut())();
        let now = self.now.get();
        let mut made = self.made.borrow_mut();
        let made = made.get_mut(&hash).expect("an invoice of ours");
        match fate {
            Fate::Paid | Fate::PaidUnheard => made.paid_at = Some(now),
            Fate::NeverArrives => {}
            Fate::PaidAfter(seconds) => made.paid_at = Some(now + seconds),
            Fate::FailsAfter(seconds) => made.failed_at = Some(now + seconds),
        }
        let refused =
            PaymentError::Refused { who: "fake".into(), status: 520, detail: "failed".into() };
        match fate {
            Fate::Paid => Ok(()),
            Fate::PaidUnheard | Fate::FailsAfter(_) => Err(refused),
            Fate::NeverArrives | Fate::PaidAfter(_) => Err(Self::silent()),
        }
    }

    fn seen(&self, _: &WalletId, hash: &PaymentHash) -> Result<Seen, PaymentError> {
        let mood = (self.mood.borrow_mut())();
        let made = self.made.borrow();
        let Some(one) = made.get(hash) else { return Ok(Seen::NotFound) };
        let amount = one.memo.split(' ').next_back().unwrap().parse().unwrap();
        let can_be_paid = self.now.get() <= one.expires_at;
        match mood {
            Mood::Silent => Err(Self::silent()),
            Mood::Forgetful => Ok(Seen::NotFound),
            Mood::Hasty if can_be_paid => Ok(Seen::Failed),
            Mood::Hasty | Mood::Truthful => Ok(self.truth(one, amount)),
        }
    }

    fn received(&self, _: &Destination, hash: &PaymentHash) -> Result<Option<Seen>, PaymentError> {
        if (self.mood.borrow_mut())() == Mood::Silent {
            return Err(Self::silent());
        }
        let amount = self.amount(hash);
        let made = self.made.borrow();
        let one = made.get(hash).expect("an invoice of ours");
        if matches!(one.to, Destination::Address(_)) {
            return Ok(None);
        }
        // Whoever made an invoice knows whether sats came, or are on their way.
        Ok(Some(match self.truth(one, amount) {
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
fn encode(hash: &PaymentHash, amount: Sats, now: i64, seconds: u32) -> String {
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
    let prefix = Hrp::parse(&format!("lnbc{}n", amount.get() * 10)).unwrap();
    let symbols = said.concat().into_iter().map(|symbol| Fe32::try_from(symbol).unwrap());
    symbols.with_checksum::<Long>(&prefix).chars().collect()
}
