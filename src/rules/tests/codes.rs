//! Every refusal code, by exactly one canonical refusal each. A code that says "later" is shown the
//! later: the same command is accepted once the ledger knows or allows more.

use serde_json::{Value, json};
use spireledger_schema::Code;

use super::words::*;
use super::world::{World, given};

/// What is refused, and what has to happen for it to be accepted: nothing ever, if it is not retryable.
struct Canonical {
    world: World,
    command: Value,
    then: Vec<Value>,
}

fn refused(history: impl IntoIterator<Item = Value>, command: Value) -> Canonical {
    Canonical { world: given(history), command, then: Vec::new() }
}

impl Canonical {
    fn until(mut self, then: impl IntoIterator<Item = Value>) -> Self {
        self.then = then.into_iter().collect();
        self
    }

    fn by_machine(mut self, key: u8) -> Self {
        self.world = self.world.by_machine(key);
        self
    }

    fn check(self, code: Code) {
        let (no, world) = self.world.when(self.command.clone()).refusal(code);
        assert!(no.message.len() > 20, "`{}` is no sentence", no.message);
        assert_eq!(code.retryable(), !self.then.is_empty(), "{}", code.as_str());
        if code.retryable() {
            world.and(self.then).when(self.command).then_accepted();
        }
    }
}

macro_rules! canonical {
    ($($code:ident by $name:ident { $refused:expr })*) => {
        /// The codes that are covered here.
        const COVERED: &[Code] = &[$(Code::$code),*];
        $(
            #[test]
            fn $name() {
                $refused.check(Code::$code);
            }
        )*
    };
}

canonical! {
    Malformed by a_deposit_of_nothing {
        refused(settled(), deposit("d", "a", "0.00"))
    }
    Forbidden by a_machine_that_speaks_for_another {
        refused([with(machine("m1"), json!({ "machine_npub": npub(1) }))], cash_out(1))
            .by_machine(2)
    }
    Conflict by another_claim_on_one_hash {
        refused(settled(), with(cash_out(1), json!({ "fiat_amount": "1.00" })))
    }
    NotFound by a_settlement_that_nobody_claimed {
        refused(settled(), begin(2, "p")).until([cash_out(2)])
    }
    UnknownMachine by a_claim_of_a_machine_that_nobody_registered {
        refused([], cash_out(1)).until([machine("m1")])
    }
    UnknownClient by a_deposit_of_nobody {
        refused([machine("m1"), lp("a")], deposit("d", "a", "1.00")).until([enroll("a")])
    }
    InactiveMachine by a_claim_of_a_machine_that_is_switched_off {
        refused([machine("m1"), machine_update("m1", json!({ "is_active": false }))], cash_out(1))
            .until([machine_update("m1", json!({ "is_active": true }))])
    }
    NotOnboarded by a_deposit_before_the_lp_said_where_its_sats_go {
        refused([machine("m1"), enroll("a")], deposit("d", "a", "1.00")).until([lp("a")])
    }
    WalletTaken by a_second_machine_on_one_wallet {
        refused([machine("m1")], with(machine("m2"), json!({ "wallet_id": "wallet of m1" })))
    }
    NpubTaken by a_second_machine_with_one_key {
        refused([machine("m1"), pair("m1", 1), machine("m2")], pair("m2", 1))
    }
    AlreadyEnrolled by a_second_enrolment_of_one_user {
        refused([machine("m1"), enroll("a")], with(enroll("a"), json!({ "id": "a2" })))
    }
    WrongState by finishing_what_is_void {
        refused([machine("m1"), cash_out(1), void(1)], finish(1))
    }
    AlreadyClaimed by a_second_processor {
        refused([machine("m1"), cash_out(1), begin(1, "p")], begin(1, "q"))
            .until([release(1, "p")])
    }
    WrongClaim by a_claim_that_does_not_hold_the_lock {
        refused([machine("m1"), cash_out(1), begin(1, "p")], release(1, "q"))
    }
    LegsOpen by finishing_before_all_is_paid {
        refused([machine("m1"), cash_out(1), begin(1, "p")], finish(1))
            .until([outcome(1, 1, "completed")])
    }
    CurrencyMismatch by a_claim_in_another_currency {
        refused([machine("m1")], with(cash_out(1), json!({ "fiat_code": "USD" })))
    }
    Unbalanced by a_claim_that_does_not_add_up {
        refused([machine("m1")], with(cash_out(1), json!({ "wire_sats": 266_799 })))
    }
    SplitsSum by splits_that_leave_something_over {
        refused([], splits(&[("x", "0.9999")]))
    }
    ExceedsAvailable by refunding_more_than_came_in {
        refused([machine("m1"), cash_out(1), begin(1, "p")], refund(1, "back", 266_801))
    }
    CashInCap by a_cash_in_above_the_cap {
        refused([machine("m1"), config(json!({ "max_cash_in_sats": 0 }))], cash_in(1))
            .until([config(json!({ "max_cash_in_sats": null }))])
    }
    LimitReached by split_targets_that_fill_an_entry {
        refused([], splits(&[(&*"x".repeat(1_000), "0.1000"); 10]))
    }
}

/// An LP with money, and a cash-out that was paid.
fn settled() -> Vec<Value> {
    let mut all = vec![machine("m1")];
    all.extend(funded("a", "500.00"));
    all.extend([cash_out(1), begin(1, "p"), outcome(1, 1, "completed")]);
    all.extend([outcome(1, 2, "completed"), finish(1)]);
    all
}

#[test]
fn every_code_is_covered_once_in_the_order_of_the_checks() {
    // A full queue is the writer's to refuse.
    let of_rules: Vec<Code> =
        Code::ALL.iter().copied().filter(|code| *code != Code::Busy).collect();
    assert_eq!(COVERED, of_rules);
}
