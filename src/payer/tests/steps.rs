//! What the payer does about one payment, case by case.

use serde_json::json;
use spireledger_schema::words::LegStatus;

use super::fake::{Fake, Fate, Heard, Mood, Then};
use super::ledger::{Memory, Stop, begun, hash};
use super::model::{legs, run, run_named};

/// Legs that need a payment: platform, operator's wallet, operator's address, LP.
const LEGS: u32 = 4;

fn world() -> (Memory, Fake) {
    let memory = begun();
    let fake = Fake::new(memory.now.get());
    (memory, fake)
}

/// Seconds go by.
fn after(memory: &Memory, seconds: i64) {
    memory.now.set(memory.now.get() + seconds);
}

fn with_status(memory: &Memory, status: LegStatus) -> usize {
    let retained = 1;
    let of = legs(memory).iter().filter(|leg| leg.status == status).count();
    if status == LegStatus::Completed { of - retained } else { of }
}

fn under_way(memory: &Memory) -> usize {
    legs(memory).iter().filter(|leg| leg.intent.is_some()).count()
}

#[test]
fn everything_is_paid_and_the_settlement_is_finished() {
    let (memory, fake) = world();
    assert!(run(&memory, &fake));
    assert_eq!(fake.asked.get(), LEGS);
    assert_eq!(memory.log().last().unwrap().event.name(), "settlement.finished");
}

#[test]
fn what_was_paid_though_it_was_said_to_have_failed_is_paid() {
    let (memory, fake) = world();
    *fake.fate.borrow_mut() = Box::new(|| Fate::of(Heard::No, Then::Paid));
    run(&memory, &fake);
    assert_eq!(with_status(&memory, LegStatus::Completed), LEGS as usize);
}

#[test]
fn what_is_pending_or_not_found_or_silent_is_waited_for_however_long() {
    for mood in [Mood::Truthful, Mood::Silent, Mood::Forgetful] {
        let (memory, fake) = world();
        *fake.fate.borrow_mut() = Box::new(|| Fate::of(Heard::Nothing, Then::PaidAfter(100_000)));
        *fake.mood.borrow_mut() = Box::new(move || mood);
        for _ in 0..5 {
            run(&memory, &fake);
            assert_eq!((fake.asked.get(), under_way(&memory)), (LEGS, LEGS as usize), "{mood:?}");
            after(&memory, 10_000);
        }
        fake.in_peace();
        after(&memory, 100_000);
        run(&memory, &fake);
        assert_eq!((fake.asked.get(), under_way(&memory)), (LEGS, 0), "{mood:?}");
    }
}

#[test]
fn what_failed_is_paid_anew_only_after_its_invoice_has_expired() {
    let (memory, fake) = world();
    *fake.fate.borrow_mut() = Box::new(|| Fate::of(Heard::No, Then::FailsAfter(0)));
    run(&memory, &fake);
    fake.in_peace();
    for seconds in [0, 599, 60] {
        after(&memory, seconds);
        run(&memory, &fake);
        assert_eq!((fake.asked.get(), under_way(&memory)), (LEGS, LEGS as usize));
    }
    after(&memory, 2);
    run(&memory, &fake);
    assert_eq!(with_status(&memory, LegStatus::Failed), LEGS as usize);
    run(&memory, &fake);
    assert_eq!(
        (fake.asked.get(), with_status(&memory, LegStatus::Completed)),
        (2 * LEGS, LEGS as usize)
    );
}

#[test]
fn what_was_never_sent_is_sent_anew_where_the_receiver_can_say_so() {
    let (memory, fake) = world();
    // Killed right behind each intent.
    for _ in 0..LEGS {
        let mut said = 0;
        *memory.stop.borrow_mut() = Box::new(move || {
            said += 1;
            if said == 1 { Stop::After } else { Stop::Never }
        });
        run(&memory, &fake);
    }
    *memory.stop.borrow_mut() = Box::new(|| Stop::Never);
    assert_eq!((fake.asked.get(), under_way(&memory)), (0, LEGS as usize));
    after(&memory, 700);
    run(&memory, &fake);
    run(&memory, &fake);
    // The address cannot say so: a person has to.
    assert_eq!((fake.asked.get(), under_way(&memory)), (LEGS - 1, 1));
}

#[test]
fn without_sats_nothing_is_intended() {
    let (memory, fake) = world();
    fake.balance_msat.set(0);
    run(&memory, &fake);
    assert_eq!((fake.asked.get(), under_way(&memory)), (0, 0));
    assert!(fake.made.borrow().is_empty());
}

#[test]
fn what_another_processor_holds_is_paid_only_by_name() {
    let (memory, fake) = world();
    after(&memory, 700);
    memory.accept(json!({ "type": "settlement.begin", "payment_hash": hash(),
        "processing_claim": "payd-1" }));
    run(&memory, &fake);
    assert_eq!((fake.asked.get(), fake.made.borrow().len()), (0, 0));
    run_named(&memory, &fake);
    assert_eq!(fake.asked.get(), LEGS);
    // Whoever began it finishes it.
    assert_ne!(memory.log().last().unwrap().event.name(), "settlement.finished");
}
