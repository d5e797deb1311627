//! A machine of the fleet: what it is, what is in its bays, and what its customers do.

use spireledger_schema::identity::PublicKey;
use spireledger_schema::words::TxType;

use super::json::{command, list, object, quote};
use super::places::{self, CASH, Cash, PLACES, Place};
use super::random::Random;
use super::sale::{Fees, Row, Rows, Till, fraction};

/// What the platform asks at first, of principal, in ten-thousandths.
pub(super) const PLATFORM_CASH_IN: u16 = 100;
pub(super) const PLATFORM_CASH_OUT: u16 = 150;
/// Most principal of one cash-in: about 1,500 USD.
pub(super) const CASH_IN_CAP: u64 = 1_500_000;

/// A bay of a machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bay {
    pub denomination: u32,
    pub count: u32,
    /// What the operator last said to be in it.
    pub believed: u32,
}

/// A machine.
#[derive(Debug)]
pub(super) struct Station {
    pub till: Till,
    pub operator: String,
    pub place: &'static Place,
    pub cash: &'static Cash,
    pub key: PublicKey,
    /// Registered without its key, and paired later.
    pub pairs_later: bool,
    /// Still reports its bays by denomination.
    pub old_bays: bool,
    /// What it asks of a cash-in, as far as it has heard.
    pub fees_in: Fees,
    /// What it asks of a cash-out.
    pub fees_out: Fees,
    /// The operator's fee of a cash-out now, in ten-thousandths; it hears of it in the morning.
    pub operator_cash_out: u16,
    pub bays: Vec<Bay>,
    /// Times that the operator said what is in them.
    pub refills: u64,
    /// Claims sent so far.
    pub sales: u64,
    /// Customers that are still to come today.
    pub customers: u64,
    /// When it was paired with its key in a bunker.
    pub paired_at: Option<i64>,
    /// Its newest beacon, and when that was.
    pub beacon: Option<(i64, String)>,
}

/// Bills to fill a bay with: a busier machine has larger ones.
fn fill(cash: &Cash, claims_per_day: u32) -> u32 {
    cash.fill.saturating_mul(1 + claims_per_day / 4)
}

const OPERATOR_CASH_IN: u16 = 450;
const OPERATOR_CASH_OUT: u16 = 550;

impl Station {
    /// The machine of this number. The same for the same number, whatever the seed; but keys past
    /// the first round of places are drawn.
    pub(super) fn new(
        number: usize,
        operators: usize,
        claims_per_day: u32,
        keys: &mut Random,
    ) -> Self {
        let place = &PLACES[number % PLACES.len()];
        let cash = &CASH[place.cash % CASH.len()];
        let round = number / PLACES.len();
        let known = if round == 0 { PublicKey::parse(place.public_key) } else { None };
        let full = fill(cash, claims_per_day);
        let bay =
            |denomination: &u32| Bay { denomination: *denomination, count: full, believed: 0 };
        Self {
            till: Till {
                machine_id: format!("{}-{:02}", place.slug, round + 1),
                fiat_code: cash.code,
                old_names: number % 5 == 3,
            },
            operator: places::operator(number % operators.max(1)),
            place,
            cash,
            key: known.unwrap_or_else(|| PublicKey::from_bytes(keys.bytes32())),
            pairs_later: number % 3 == 2,
            old_bays: number % 5 == 3,
            fees_in: Fees {
                platform: fraction(PLATFORM_CASH_IN),
                operator: fraction(OPERATOR_CASH_IN),
            },
            fees_out: Fees {
                platform: fraction(PLATFORM_CASH_OUT),
                operator: fraction(OPERATOR_CASH_OUT),
            },
            operator_cash_out: OPERATOR_CASH_OUT,
            bays: cash.bays.iter().map(bay).collect(),
            refills: 0,
            sales: 0,
            customers: 0,
            paired_at: None,
            beacon: None,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.till.machine_id
    }

    /// The wallet that sends and receives its sats.
    pub(super) fn wallet(&self) -> String {
        format!("wallet-{}", self.id())
    }

    /// `machine.register`.
    pub(super) fn register_line(&self) -> String {
        let mut line = command("machine.register")
            .text("id", self.id())
            .text("operator_user_id", &self.operator)
            .text("wallet_id", &self.wallet())
            .text("fiat_code", self.till.fiat_code);
        if !self.pairs_later {
            line = line.text("machine_npub", &self.key.to_string());
        }
        line.text("name", self.id())
            .text("location", self.place.location)
            .text("operator_cash_in_fee_fraction", &fraction(OPERATOR_CASH_IN).to_string())
            .text("operator_cash_out_fee_fraction", &fraction(OPERATOR_CASH_OUT).to_string())
            .end()
    }

    /// `machine.pair`, once it was paired.
    pub(super) fn pair_line(&self) -> Option<String> {
        let line = command("machine.pair")
            .text("id", self.id())
            .text("machine_npub", &self.key.to_string())
            .text("bunker_spire_key_name", &format!("spire-{}", self.id()))
            .moment("paired_at", self.paired_at?)
            .text("request_id", &format!("pair-{}", self.id()));
        Some(line.end())
    }

    /// Whether the ledger knows its key.
    pub(super) const fn has_key(&self) -> bool {
        !self.pairs_later || self.paired_at.is_some()
    }

    /// The operator fills the bays, with bills that are fit to be dispensed. Whether anything is
    /// different now from what it said last.
    pub(super) fn refill(&mut self, claims_per_day: u32, random: &mut Random) -> bool {
        let full = fill(self.cash, claims_per_day);
        let mut changed = false;
        for bay in &mut self.bays {
            let unfit = u32::try_from(random.below(8)).unwrap_or(0);
            let count = full.saturating_sub(unfit);
            changed |= bay.believed != count;
            bay.count = count;
            bay.believed = count;
        }
        self.refills += u64::from(changed);
        changed
    }

    /// Whether a bay is below a quarter of what was put into it, or nobody has filled it yet.
    pub(super) fn runs_low(&self) -> bool {
        self.bays.iter().any(|bay| bay.believed == 0 || bay.count < bay.believed.div_ceil(4))
    }

    /// `cassettes.set` of what the operator believes.
    pub(super) fn set_line(&self) -> String {
        let (shape, bays) = self.bays_json(|bay| bay.believed);
        command("cassettes.set")
            .text("machine_id", self.id())
            .raw(shape, &bays)
            .text("updated_by", &self.operator)
            .text("request_id", &format!("bays-{}-{}", self.id(), self.refills))
            .end()
    }

    /// The bays as a report or a belief, by position or, as older software does, by denomination.
    pub(super) fn bays_json(&self, count: impl Fn(&Bay) -> u32) -> (&'static str, String) {
        let (mut new, mut old) = (object(), object());
        for (position, bay) in (1u64..).zip(&self.bays) {
            let (denomination, count) = (u64::from(bay.denomination), u64::from(count(bay)));
            let of_bay = object().number("denomination", denomination).number("count", count);
            let of_bill = object().number("position", position).number("count", count);
            new = new.raw(&position.to_string(), &of_bay.end());
            old = old.raw(&denomination.to_string(), &of_bill.end());
        }
        if self.old_bays { ("denominations", old.end()) } else { ("positions", new.end()) }
    }

    /// What is in the bays as a word of the beacon.
    pub(super) fn cash_level(&self) -> &'static str {
        let (held, full) = self.bays.iter().fold((0, 0), |(held, full), bay| {
            (held + u64::from(bay.count), full + u64::from(bay.believed))
        });
        match (held * 4).checked_div(full) {
            Some(3..) => "high",
            Some(1..) => "medium",
            _ => "low",
        }
    }

    /// The bills of the machine as JSON.
    pub(super) fn denominations_json(&self) -> String {
        let takes = self.cash.takes.iter().map(u32::to_string);
        let gives = self.cash.bays.iter().map(u32::to_string);
        object().raw("cash_in", &list(takes)).raw("cash_out", &list(gives)).end()
    }

    /// The fees of the machine as JSON.
    pub(super) fn fees_json(&self) -> String {
        let sum = |fees: Fees| {
            let parts = fees.platform.ten_thousandths() + fees.operator.ten_thousandths();
            quote(&fraction(parts).to_string())
        };
        object().raw("cash_in", &sum(self.fees_in)).raw("cash_out", &sum(self.fees_out)).end()
    }

    pub(super) const fn fees(&self, tx_type: TxType) -> Fees {
        match tx_type {
            TxType::CashIn => self.fees_in,
            TxType::CashOut => self.fees_out,
        }
    }

    /// The bills with which the bays give an amount, largest first; `None` if they cannot.
    pub(super) fn bills_for(&self, amount: u64) -> Option<Rows> {
        let mut rows = Rows::default();
        let mut left = amount;
        for ((position, bay), row) in (1u32..).zip(&self.bays).zip(&mut rows) {
            let wanted = left / u64::from(bay.denomination.max(1));
            let asked = u32::try_from(wanted).unwrap_or(u32::MAX).min(bay.count);
            left -= u64::from(asked) * u64::from(bay.denomination);
            let denomination = bay.denomination;
            *row = Row { position, denomination, asked, moved: asked, rejected: 0 };
        }
        (left == 0 && amount > 0).then_some(rows)
    }

    /// Takes the bills of a cash-out out of the bays.
    pub(super) fn dispense(&mut self, rows: &Rows) {
        for (bay, row) in self.bays.iter_mut().zip(rows) {
            bay.count = bay.count.saturating_sub(row.moved + row.rejected);
        }
    }
}

/// An amount that a customer wants, small ones more often.
pub(super) fn wanted(cash: &Cash, random: &mut Random) -> u64 {
    let most = cash.most / cash.step;
    let (one, other) = (random.between(1, most), random.between(1, most));
    cash.step * one.min(other)
}

/// Bills that a customer inserts: one or two kinds.
pub(super) fn inserted(cash: &Cash, random: &mut Random) -> Rows {
    let mut rows = Rows::default();
    let first = random.place(cash.takes.len());
    let second = if random.chance(400) { random.place(cash.takes.len()) } else { first };
    for (at, (denomination, row)) in cash.takes.iter().zip(&mut rows).enumerate() {
        if at == first || at == second {
            let count = u32::try_from(random.between(1, 4)).unwrap_or(1);
            let denomination = *denomination;
            *row = Row { position: 0, denomination, asked: count, moved: count, rejected: 0 };
        }
    }
    rows
}

/// Moves a quote by at most a fifth of a percent, never a fifth away from where it began.
pub(super) fn drift(quote: u64, cash: &Cash, random: &mut Random) -> u64 {
    let step = quote / 500;
    let moved = quote + step * random.below(21) / 10 - step;
    moved.clamp(cash.quote / 5 * 4, cash.quote / 5 * 6)
}
