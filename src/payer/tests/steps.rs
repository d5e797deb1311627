//! What the payer does about one payment, case by case.

use serde_json::json;
use spireledger_projections::LegRow;
use spireledger_schema::words::{LegStatus, LegType};

use super::fake::{Fake, Fate, Heard, Mood, Then};
use super::ledger::{Memory, Stop, begun, begun_with_forward, hash};
use super::model::{legs, run, run_named, take_over};
use crate::payer::{Books as _, stuck};

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
    // To pay it at once would not be safe.
    let settlement = memory.settlement(&hash()).unwrap().unwrap();
    for waiting in stuck(&settlement, memory.time(), memory.time()) {
        assert!(waiting.action.starts_with("see that `payd-1`, which holds it"), "{waiting:?}");
    }
    // Nor may it be taken over as long as the other's lease lasts.
    take_over(&memory, &fake);
    assert_eq!(fake.made.borrow().len(), 0);
    run_named(&memory, &fake);
    assert_eq!(fake.asked.get(), LEGS);
    // Whoever began it finishes it, or whoever takes it over.
    assert_ne!(memory.log().last().unwrap().event.name(), "settlement.finished");
    after(&memory, 700);
    take_over(&memory, &fake);
    assert_eq!(fake.asked.get(), LEGS);
    assert_eq!(memory.log().last().unwrap().event.name(), "settlement.finished");
}

#[test]
fn without_a_key_that_pays_nothing_is_intended() {
    let (memory, fake) = world();
    fake.can_spend.set(false);
    run(&memory, &fake);
    assert_eq!((fake.made.borrow().len(), under_way(&memory)), (0, 0));
}

fn forwards(memory: &Memory) -> Vec<LegRow> {
    let legs = legs(memory).into_iter();
    legs.filter(|leg| leg.leg.leg_type == LegType::Autoforward).collect()
}

fn said_of_forward(status: &str) -> serde_json::Value {
    json!({ "type": "leg.outcome", "payment_hash": hash(), "status": status,
        "leg_id": format!("forward:{}:4", hash()) })
}

#[test]
fn what_an_lp_was_paid_goes_on_to_its_address_once() {
    let memory = begun_with_forward();
    let fake = Fake::new(memory.now.get());
    // It is paid at the third run only; the runs after that find nothing to do.
    fake.balance_msat.set(0);
    run(&memory, &fake);
    assert_eq!(forwards(&memory), []);
    fake.balance_msat.set(266_800_000);
    for _ in 0..3 {
        run(&memory, &fake);
        let forwards = forwards(&memory);
        let [forward] = forwards.as_slice() else { panic!("{forwards:#?}") };
        // One percent of the LP's 64,757 sats stays for the route.
        assert_eq!(forward.leg.amount_sats.get(), 64_109);
        assert_eq!(forward.status, LegStatus::Completed);
        assert_eq!(forward.paid_from.as_ref().unwrap().as_str(), "lp");
        assert_eq!(fake.asked.get(), LEGS + 1);
    }
    assert_eq!(memory.log().last().unwrap().event.name(), "settlement.finished");
}

#[test]
fn what_cannot_be_forwarded_stays_with_the_lp_until_somebody_decides() {
    let memory = begun_with_forward();
    let fake = Fake::new(memory.now.get());
    let mut payments = 0;
    *fake.fate.borrow_mut() = Box::new(move || {
        payments += 1;
        // Address, wallets, and then the forward.
        if payments <= LEGS { Fate::PAID } else { Fate::of(Heard::No, Then::FailsAfter(0)) }
    });
    run(&memory, &fake);
    for _ in 0..2 {
        after(&memory, 10_000);
        run(&memory, &fake);
    }
    let settlement = memory.settlement(&hash()).unwrap().unwrap();
    let waiting = stuck(&settlement, memory.time(), memory.time());
    let [forward] = waiting.as_slice() else { panic!("{waiting:#?}") };
    assert!(forward.action.starts_with("`pay` asks about it"), "{forward:?}");
    // Its intent is open once more: first that is told to have failed.
    after(&memory, 10_000);
    *fake.fate.borrow_mut() = Box::new(|| Fate::of(Heard::No, Then::FailsAfter(0)));
    while under_way(&memory) > 0 {
        run(&memory, &fake);
    }
    let settlement = memory.settlement(&hash()).unwrap().unwrap();
    let waiting = stuck(&settlement, memory.time(), memory.time());
    assert!(waiting[0].what.contains("last payment failed"), "{waiting:#?}");
    memory.accept(said_of_forward("skipped"));
    let asked = fake.asked.get();
    run(&memory, &fake);
    run(&memory, &fake);
    assert_eq!((forwards(&memory).len(), fake.asked.get()), (1, asked));
    assert_eq!(memory.log().last().unwrap().event.name(), "settlement.finished");
}

#[test]
fn only_what_a_payer_paid_is_forwarded() {
    let memory = begun_with_forward();
    let fake = Fake::new(memory.now.get());
    // By hand, or by a processor that may forward by its own means.
    memory.accept(json!({ "type": "leg.outcome", "payment_hash": hash(),
        "leg_id": format!("{}:4", hash()), "status": "completed" }));
    run(&memory, &fake);
    assert_eq!((forwards(&memory), fake.asked.get()), (vec![], LEGS - 1));

    // Nor what somebody else forwards already. The first payment takes long: nothing is finished.
    let (memory, fake) = world();
    let mut payments = 0;
    *fake.fate.borrow_mut() = Box::new(move || {
        payments += 1;
        let slow = Fate::of(Heard::Yes, Then::PaidAfter(100_000));
        if payments == 1 { slow } else { Fate::PAID }
    });
    run(&memory, &fake);
    assert_eq!(forwards(&memory), []);
    memory.accept(json!({ "type": "leg.add", "payment_hash": hash(), "leg_id": "by hand",
        "leg_type": "autoforward", "amount_sats": 100, "client_id": "c1",
        "destination_ln_address": "ana@example.com" }));
    memory.accept(json!({ "type": "lp.set", "user_id": "ana", "dca_wallet_id": "lp",
        "autoforward_enabled": true, "autoforward_ln_address": "ana@example.com" }));
    run(&memory, &fake);
    let forwards = forwards(&memory);
    assert_eq!((forwards.len(), forwards[0].leg.amount_sats.get()), (1, 100));
}
