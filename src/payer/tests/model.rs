//! Long random lives of a payer: answers get lost, payments take long, memory fails, the ledger is
//! killed before or after it has written. No leg is ever paid twice, and none is lost track of.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use spireledger_projections::LegRow;
use spireledger_schema::words::LegStatus;

use super::fake::{Fake, Fate, Mood};
use super::ledger::{Memory, Stop, begun, hash};
use crate::payer::{Books as _, Destination, Payer, Policy, Run};

pub const POLICY: Policy = Policy { invoice_seconds: 600, grace_seconds: 60 };

/// Runs the payer once; whether it lived to the end.
pub fn run(memory: &Memory, fake: &Fake) -> bool {
    fake.now.set(memory.now.get());
    let clock = || memory.time();
    let payer = Payer { books: memory, payments: fake, clock: &clock, policy: POLICY };
    let run = Run { settlements: Vec::new(), begin: None, is_dry: false };
    payer.run(&run, |_| {}).is_ok()
}

pub fn legs(memory: &Memory) -> Vec<LegRow> {
    memory.settlement(&hash()).unwrap().unwrap().legs
}

/// Whatever was paid for a leg was paid once, by the payment that the ledger names.
fn check(memory: &Memory, fake: &Fake) {
    for leg in legs(memory) {
        let made = fake.made.borrow();
        // What will be paid counts: nobody can call it back.
        let paid: Vec<_> = made
            .iter()
            .filter(|(_, made)| made.memo.split(' ').nth(2) == Some(leg.id.as_str()))
            .filter(|(_, made)| made.paid_at.is_some())
            .collect();
        assert!(paid.len() <= 1, "leg {} was paid twice: {paid:#?}", leg.id);
        let known = leg.intent.as_ref().map(|intent| intent.payment_hash);
        if let Some((paid, _)) = paid.first() {
            let known = known.or(leg.external_payment_hash);
            assert_eq!(known, Some(**paid), "the ledger does not know what paid leg {}", leg.id);
        } else if leg.status == LegStatus::Completed {
            assert_eq!(leg.external_payment_hash, None, "nothing was paid for leg {}", leg.id);
        }
    }
}

/// In the end all is paid, but for what only a person can tell: whether an address was paid by a payment
/// that was perhaps never sent.
fn check_end(memory: &Memory, fake: &Fake) {
    for leg in legs(memory) {
        let Some(intent) = &leg.intent else {
            assert_eq!(leg.status, LegStatus::Completed, "leg {}", leg.id);
            continue;
        };
        let made = fake.made.borrow();
        let made = &made[&intent.payment_hash];
        assert!(matches!(made.to, Destination::Address(_)), "leg {} waits for ever", leg.id);
        assert_eq!((made.paid_at, made.failed_at), (None, None), "leg {}", leg.id);
    }
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
}

fn live(rolls: Vec<u8>) {
    let memory = begun();
    let fake = Fake::new(memory.now.get());
    let rolls = Rolls(Rc::new(RefCell::new(rolls)));
    let (of_fate, of_mood, of_stop) = (rolls.clone(), rolls.clone(), rolls.clone());
    *fake.fate.borrow_mut() = Box::new(move || match of_fate.next() % 8 {
        0 | 1 => Fate::PaidUnheard,
        2 => Fate::NeverArrives,
        3 => Fate::PaidAfter(500),
        4 => Fate::PaidAfter(5_000),
        5 => Fate::FailsAfter(0),
        6 => Fate::FailsAfter(5_000),
        _ => Fate::Paid,
    });
    *fake.mood.borrow_mut() = Box::new(move || match of_mood.next() % 8 {
        0 => Mood::Silent,
        1 | 2 => Mood::Forgetful,
        3 => Mood::Hasty,
        _ => Mood::Truthful,
    });
    *memory.stop.borrow_mut() = Box::new(move || match of_stop.next() % 8 {
        0 => Stop::Before,
        1 => Stop::After,
        _ => Stop::Never,
    });
    while !rolls.is_empty() {
        run(&memory, &fake);
        check(&memory, &fake);
        let seconds = i64::from(rolls.next()) * 4;
        memory.now.set(memory.now.get() + seconds);
    }
    fake.in_peace();
    for _ in 0..4 {
        memory.now.set(memory.now.get() + 10_000);
        assert!(run(&memory, &fake));
        check(&memory, &fake);
    }
    check_end(&memory, &fake);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_leg_is_paid_twice_and_none_is_lost_track_of(
        rolls in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        live(rolls);
    }
}
