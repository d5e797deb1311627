//! Long random lives of a payer: answers get lost, payments take long, memory fails, the ledger is
//! killed before or after it has written, and others come between: a second payer, or a processor of
//! another kind that takes the settlement over. No leg is ever paid twice, and none is lost track of.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use proptest::prelude::*;
use serde_json::json;
use spireledger_projections::{LegRow, Settlement};
use spireledger_schema::Answer;
use spireledger_schema::command::Body;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, MachineId, ProcessingClaim, WalletId};
use spireledger_schema::words::{LegStatus, LegType};

use super::fake::{Fake, Fate, Heard, Mood, Then};
use super::ledger::{Memory, Stop, begun_with_forward, hash};
use crate::ledger::LedgerError;
use crate::payer::{Books, Destination, Payer, Policy, Run};

pub const POLICY: Policy = Policy { invoice_seconds: 600, grace_seconds: 60 };

/// Runs the payer once over all that is open; whether it lived to the end.
pub fn run(memory: &Memory, fake: &Fake) -> bool {
    run_over(memory, memory, fake, Vec::new())
}

/// The same, over the settlement by its name.
pub fn run_named(memory: &Memory, fake: &Fake) -> bool {
    run_over(memory, memory, fake, vec![hash()])
}

/// The same, and begins it if another processor holds it.
pub fn take_over(memory: &Memory, fake: &Fake) -> bool {
    run_as(memory, memory, fake, vec![hash()], Run::claim("second"))
}

fn run_over(books: &impl Books, memory: &Memory, fake: &Fake, over: Vec<PaymentHash>) -> bool {
    run_as(books, memory, fake, over, None)
}

fn run_as(
    books: &impl Books,
    memory: &Memory,
    fake: &Fake,
    over: Vec<PaymentHash>,
    begin: Option<ProcessingClaim>,
) -> bool {
    fake.now.set(memory.now.get());
    let clock = || memory.time();
    let payer = Payer { books, payments: fake, clock: &clock, policy: POLICY };
    let run = Run { settlements: over, begin, is_dry: false };
    payer.run(&run, |_| {}).is_ok()
}

pub fn legs(memory: &Memory) -> Vec<LegRow> {
    memory.settlement(&hash()).unwrap().unwrap().legs
}

/// Like `assert_eq`, for whoever looks for what is wrong.
fn same<T: PartialEq + Debug>(left: T, right: T, what: String) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}: {left:?}, not {right:?}")) }
}

/// Whatever was paid for a leg was paid once, in full, by the payment that the ledger names.
fn check(memory: &Memory, fake: &Fake) -> Result<(), String> {
    for leg in legs(memory) {
        let made = fake.made.borrow();
        // What will be paid counts: nobody can call it back.
        let mut paid = made
            .iter()
            .filter(|(_, made)| made.leg == leg.id.as_str())
            .filter_map(|(hash, made)| Some((hash, made, made.paid?.1)));
        let (first, second) = (paid.next(), paid.next());
        same(second.map(|(hash, ..)| hash), None, format!("leg {} was paid twice", leg.id))?;
        let known = leg.intent.as_ref().map(|intent| intent.payment_hash);
        let is_completed = leg.status == LegStatus::Completed;
        if let Some((paid, made, moved)) = first {
            let known = known.or(leg.external_payment_hash);
            if !made.is_untold {
                let what = format!("the ledger does not know what paid leg {}", leg.id);
                same(known, Some(*paid), what)?;
            }
            if let Some(from) = &made.from {
                let is_forward = leg.leg.leg_type == LegType::Autoforward;
                let wallet = if is_forward { "lp" } else { "machine" };
                same(from.as_str(), wallet, format!("the wallet that paid leg {}", leg.id))?;
            }
            if is_completed {
                let due = leg.leg.amount_sats.get() * 1_000;
                same(moved, due, format!("what was paid for leg {}", leg.id))?;
            }
        } else if is_completed {
            let what = format!("nothing was paid for leg {}", leg.id);
            same(leg.external_payment_hash, None, what)?;
        }
    }
    Ok(())
}

/// In the end all is paid, but for what only a person can tell: whether an address was paid by a payment
/// that was perhaps never sent, and what to do about a wallet that paid another amount.
fn check_end(memory: &Memory, fake: &Fake) -> Result<(), String> {
    let legs = legs(memory);
    let of = |kind| legs.iter().filter(move |leg| leg.leg.leg_type == kind);
    // What a payer paid to the LP went on.
    let by_payer = of(LegType::Dca)
        .filter(|leg| leg.status == LegStatus::Completed && leg.paid_from.is_some());
    same(of(LegType::Autoforward).count(), by_payer.count(), "legs that forward".into())?;
    for leg in &legs {
        let Some(intent) = &leg.intent else {
            same(leg.status, LegStatus::Completed, format!("leg {} is not paid", leg.id))?;
            continue;
        };
        let made = fake.made.borrow();
        let made = &made[&intent.payment_hash];
        let is_address = matches!(made.to, Destination::Address(_));
        let is_lost = is_address && made.paid.is_none() && made.failed_at.is_none();
        let is_odd = made.paid.is_some_and(|(_, moved)| moved != made.amount_msat);
        same(is_lost || is_odd, true, format!("leg {} waits for ever: {made:?}", leg.id))?;
    }
    Ok(())
}

/// What goes wrong next: a queue of numbers; when it is empty, nothing does.
#[derive(Clone)]
struct Rolls(Rc<RefCell<Vec<u8>>>);

impl Rolls {
    fn next(&self) -> u8 {
        self.0.borrow_mut().pop().unwrap_or(255)
    }

    fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// What becomes of payments, what is said of them, and where the ledger stops.
    fn decide_over(&self, memory: &Memory, fake: &Fake) {
        let (of_fate, of_mood, of_greed) = (self.clone(), self.clone(), self.clone());
        *fake.fate.borrow_mut() = Box::new(move || {
            let roll = of_fate.next();
            let heard = match roll / 16 % 3 {
                0 => Heard::No,
                1 => Heard::Nothing,
                _ => Heard::Yes,
            };
            let then = match roll % 8 {
                0 => Then::Lost,
                1 => Then::PaidAfter(500),
                2 => Then::PaidAfter(5_000),
                3 => Then::FailsAfter(0),
                4 => Then::FailsAfter(5_000),
                5 if roll.is_multiple_of(3) => Then::PaidMore,
                _ => Then::Paid,
            };
            Fate { heard, then }
        });
        *fake.mood.borrow_mut() = Box::new(move || match of_mood.next() % 8 {
            0 => Mood::Silent,
            1 | 2 => Mood::Forgetful,
            3 => Mood::Hasty,
            _ => Mood::Truthful,
        });
        *fake.greed.borrow_mut() = Box::new(move || of_greed.next().is_multiple_of(8));
        let of_stop = self.clone();
        *memory.stop.borrow_mut() = Box::new(move || match of_stop.next() % 8 {
            0 => Stop::Before,
            1 => Stop::After,
            _ => Stop::Never,
        });
    }
}

/// The books of a payer that is not alone: before it can say anything, others may act.
struct Beside<'a> {
    memory: &'a Memory,
    fake: &'a Fake,
    rolls: Rolls,
}

impl Beside<'_> {
    /// A processor of another kind takes the settlement over, if it may, and pays the leg by its own means.
    fn other_processor(&self, leg: &str) {
        let token = format!("payd:{}", self.memory.log().len());
        let begin = json!({ "type": "settlement.begin", "payment_hash": hash(),
            "processing_claim": token });
        let leg = legs(self.memory).into_iter().find(|row| row.id.as_str() == leg).unwrap();
        let is_begun = matches!(self.memory.answer(begin), Answer::Accepted(_));
        if !is_begun || leg.intent.is_some() || leg.status.is_final() {
            return;
        }
        let msat = leg.leg.amount_sats.get() * 1_000;
        let to = Destination::Address("by other means".into());
        let paid = self.fake.make(leg.id.as_str(), &to, msat, 0);
        let mut made = self.fake.made.borrow_mut();
        let made = made.get_mut(&paid).unwrap();
        (made.paid, made.is_untold) = (Some((self.memory.now.get(), msat)), true);
    }

    /// It tells what it paid.
    fn told(&self) {
        for (paid, made) in &mut *self.fake.made.borrow_mut() {
            if made.is_untold {
                made.is_untold = false;
                let _ = self.memory.answer(json!({ "type": "leg.outcome", "payment_hash": hash(),
                    "leg_id": made.leg, "status": "completed", "external_payment_hash": paid }));
            }
        }
    }
}

impl Books for Beside<'_> {
    fn open(&self) -> Result<Vec<PaymentHash>, LedgerError> {
        self.memory.open()
    }

    fn settlement(&self, hash: &PaymentHash) -> Result<Option<Settlement>, LedgerError> {
        self.memory.settlement(hash)
    }

    fn wallet_of(&self, machine: &MachineId) -> Option<WalletId> {
        self.memory.wallet_of(machine)
    }

    fn forward_address(&self, client: &ClientId) -> Option<Personal> {
        self.memory.forward_address(client)
    }

    fn against(&self, body: Body) -> Result<Option<String>, LedgerError> {
        self.memory.against(body)
    }

    fn say(&self, body: Body) -> Result<Answer, LedgerError> {
        if let Body::LegIntend(intend) = &body {
            match self.rolls.next() % 8 {
                0 => drop(run(self.memory, self.fake)),
                1 => self.other_processor(intend.leg_id.as_str()),
                _ => {}
            }
        }
        self.memory.say(body)
    }
}

/// One life. Says what went wrong in it.
pub fn live(rolls: Vec<u8>) -> Result<(), String> {
    let memory = begun_with_forward();
    let fake = Fake::new(memory.now.get());
    let rolls = Rolls(Rc::new(RefCell::new(rolls)));
    rolls.decide_over(&memory, &fake);
    let beside = Beside { memory: &memory, fake: &fake, rolls: rolls.clone() };
    while !rolls.is_empty() {
        run_over(&beside, &memory, &fake, Vec::new());
        check(&memory, &fake)?;
        memory.now.set(memory.now.get() + i64::from(rolls.next()) * 4);
        if rolls.next().is_multiple_of(2) {
            beside.told();
            check(&memory, &fake)?;
        }
    }
    fake.in_peace();
    beside.told();
    for _ in 0..4 {
        memory.now.set(memory.now.get() + 10_000);
        // By name: it may be another processor that began it last.
        same(run_named(&memory, &fake), true, "in peace it lives".into())?;
        check(&memory, &fake)?;
    }
    check_end(&memory, &fake)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_leg_is_paid_twice_and_none_is_lost_track_of(
        rolls in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        prop_assert_eq!(live(rolls), Ok(()));
    }
}
