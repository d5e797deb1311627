//! What was brought in is paid only by whom it was begun.

use std::cell::Cell;

use serde_json::json;
use spireledger::ledger::Clock;
use spireledger::log::ReadLog;
use spireledger::payer::{
    Destination, Done, OnDisk, Payer, PaymentError, Payments, Policy, Row, Run, Seen,
};
use spireledger_schema::Code;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::money::Sats;
use spireledger_schema::text::WalletId;
use spireledger_schema::time::Timestamp;

use crate::later::{HASH, accepted, cell, change, refused, world};
use crate::world::World;

/// Somebody who has all wallets, never answers, and counts how often it was asked.
#[derive(Default)]
struct Nobody {
    asked: Cell<u32>,
}

impl Nobody {
    fn answer<T>(&self) -> Result<T, PaymentError> {
        self.asked.set(self.asked.get() + 1);
        Err(PaymentError::Unreachable { who: "nobody".into(), why: "it never answers".into() })
    }
}

impl Payments for Nobody {
    fn knows(&self, _: &WalletId) -> bool {
        true
    }

    fn can_spend_from(&self, wallet: &WalletId) -> bool {
        self.knows(wallet)
    }

    fn invoice(&self, _: &Destination, _: Sats, _: &str, _: u32) -> Result<String, PaymentError> {
        self.answer()
    }

    fn pay(&self, _: &WalletId, _: &str) -> Result<(), PaymentError> {
        self.answer()
    }

    fn seen(&self, _: &WalletId, _: &PaymentHash) -> Result<Seen, PaymentError> {
        self.answer()
    }

    fn received(&self, _: &Destination, _: &PaymentHash) -> Result<Option<Seen>, PaymentError> {
        self.answer()
    }

    fn balance_msat(&self, _: &WalletId) -> Result<u64, PaymentError> {
        self.answer()
    }

    fn reserve_msat(&self, _: &Destination, _: &str) -> Result<u64, PaymentError> {
        self.answer()
    }

    fn rows(&self, _: &WalletId) -> Result<Vec<Row>, PaymentError> {
        self.answer()
    }
}

/// One run over the settlement by its name, with the ledger closed to everybody else before and after.
fn pay(world: &mut World) -> (Vec<Done>, u32) {
    world.close();
    let clock = || -> Clock { Box::new(|| Timestamp::from_seconds(1_795_000_000).unwrap()) };
    let nobody = Nobody::default();
    let done = {
        let books = OnDisk::new(&world.path("ledger"), &clock);
        let now = clock();
        let policy = Policy { invoice_seconds: 600, grace_seconds: 60 };
        let payer = Payer { books: &books, payments: &nobody, clock: &now, policy };
        let named = vec![PaymentHash::parse_hex(HASH).unwrap()];
        payer.run(&Run { settlements: named, begin: None, is_dry: false }, |_| {}).unwrap()
    };
    world.open();
    (done, nobody.asked.get())
}

/// A settlement that its own system is paying: the platform's fee from the machine's wallet, the
/// operator's share to that same wallet, and the rest stays there.
fn being_paid_elsewhere() -> World {
    let world = world();
    let leg = |id: &str, kind: &str, sats: u64, wallet: &str| {
        format!(
            "INSERT INTO spirekeeper.dca_payments (id, settlement_id, machine_id, operator_user_id,
                leg_type, amount_sats, destination_wallet_id, transaction_time, status)
                VALUES ('{id}', 's1', 'm1', 'op', '{kind}', {sats}, '{wallet}', 1, 'pending');"
        )
    };
    change(&world, "UPDATE spirekeeper.dca_settlements SET status = 'processing'");
    let fees = leg("p1", "super_fee", 2590, "w-super") + &leg("p2", "operator_split", 5181, "w-m1");
    change(&world, &(fees + &leg("p3", "settlement", 259_029, "w-m1")));
    world.import("db", None);
    world
}

fn status(world: &World, leg: &str) -> rusqlite::types::Value {
    cell(&world.tables(12), "dca_payments", leg, "status")
}

fn text(text: &str) -> rusqlite::types::Value {
    rusqlite::types::Value::Text(text.into())
}

#[test]
fn nobody_is_asked_for_a_leg_that_the_rules_would_refuse_and_none_of_it_is_said_to_be_paid() {
    let mut world = being_paid_elsewhere();
    let before = world.ledger().log().head();
    let (done, asked) = pay(&mut world);
    assert_eq!(asked, 0, "{done:#?}");
    assert_eq!(done.iter().filter(|done| done.did == "blocked").count(), 3, "{done:#?}");
    assert!(done.iter().all(|done| done.detail.as_ref().unwrap().contains("begin it here")));
    assert_eq!(world.ledger().log().head(), before);
    // So what its own system says next is believed, of the leg that nothing has to move for, too.
    let paid = "UPDATE spirekeeper.dca_payments SET status = 'voided' WHERE id = 'p2'";
    change(&world, paid);
    let report = world.import("db", None);
    assert_eq!(report.refused.len(), 0, "{:?}", report.refused);
    assert_eq!(status(&world, "p2"), text("voided"));
    world.ends_sound();
}

#[test]
fn once_it_is_begun_here_it_is_paid_here_and_the_other_system_is_not_believed_over_it() {
    let mut world = being_paid_elsewhere();
    accepted(world.ask(&json!({
        "type": "settlement.begin", "payment_hash": HASH, "processing_claim": "pay:1" })));
    let (done, asked) = pay(&mut world);
    let did: Vec<&str> = done.iter().map(|done| done.did).collect();
    // Two of the three are in the machine's wallet already.
    assert_eq!((did.as_slice(), asked), (["blocked", "paid", "paid"].as_slice(), 1), "{done:#?}");
    for (leg, now) in [("p2", "voided"), ("p3", "failed")] {
        let sql =
            format!("UPDATE spirekeeper.dca_payments SET status = '{now}' WHERE id = '{leg}'");
        change(&world, &sql);
        assert!(!world.import("db", None).refused.is_empty(), "{leg} {now}");
        assert_eq!(status(&world, leg), text("completed"));
    }
    let outcome = json!({ "type": "leg.outcome", "payment_hash": HASH, "leg_id": "p2",
        "status": "voided" });
    refused(world.ask(&outcome), Code::WrongState);
    world.ends_sound();
}
