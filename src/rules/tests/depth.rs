//! What a command looks at: it does not grow with how often its thing was changed.

use serde_json::json;

use super::super::Depth;
use super::words::*;
use super::world::{World, given};

fn fleet() -> World {
    let settled = [cash_out(1), begin(1, "p")];
    given([machine("m1")]).and(funded("a", "500.00")).and([cassettes_set(1)]).and(settled)
}

#[test]
fn what_is_said_once_looks_at_the_oldest_entry() {
    let once = [
        cash_out(1),
        cash_in(2),
        machine("m1"),
        enroll("a"),
        deposit("deposit of a", "a", "1.00"),
        beacon(5),
        telemetry(5),
        with(cassettes_report(1), json!({ "state_at": 5 })),
    ];
    for command in once {
        assert_eq!(fleet().depth(&command), Depth::Oldest, "{command}");
    }
    assert_eq!(fleet().depth(&cassettes_report(1)), Depth::Newest);
}

#[test]
fn a_setting_looks_at_nothing_unless_it_is_so_already() {
    let settings = [
        (config(json!({ "max_cash_in_sats": 1 })), Depth::All),
        (machine_update("m1", json!({ "name": "Corner" })), Depth::All),
        (pair("m1", 1), Depth::All),
        (client_update("a", json!({ "username": "Ana" })), Depth::All),
        (splits(&[("x", "1")]), Depth::Newest),
        (with(lp("a"), json!({ "autoforward_enabled": true })), Depth::Newest),
        (cassettes_set(2), Depth::Newest),
    ];
    for (setting, once_it_is_so) in settings {
        let before = fleet();
        assert_eq!(before.depth(&setting), Depth::Nothing, "{setting}");
        assert_eq!(before.and([setting.clone()]).depth(&setting), once_it_is_so, "{setting}");
    }
}

#[test]
fn a_setting_of_what_is_not_there_looks_at_nothing() {
    let nowhere = [
        machine_update("m9", json!({ "name": "Corner" })),
        pair("m9", 1),
        client_update("b", json!({ "username": "Ana" })),
        with(cassettes_set(1), json!({ "machine_id": "m9" })),
    ];
    for setting in nowhere {
        assert_eq!(fleet().depth(&setting), Depth::Nothing, "{setting}");
    }
}

#[test]
fn what_goes_on_with_a_settlement_or_a_deposit_looks_at_all_of_it() {
    let goes_on = [
        begin(1, "q"),
        release(1, "p"),
        adjust(1),
        note(1, "n", "a note"),
        finish(1),
        fail(1),
        void(1),
        outcome(1, 1, "completed"),
        refund(1, "back", 1),
        confirm("deposit of a"),
        reject("deposit of a"),
    ];
    for command in goes_on {
        assert_eq!(fleet().depth(&command), Depth::All, "{command}");
    }
}
