//! What tables must get right that hardly ever happens.

use spireledger::tables::passing;

use crate::world::{World, expect_same, expected, read_live, shape};

const FLEET: &str = r#"{"type":"machine.register","id":"m1","operator_user_id":"op","wallet_id":"w1","fiat_code":"GTQ"}
{"type":"machine.register","id":"m2","operator_user_id":"op","wallet_id":"w2","fiat_code":"GTQ"}
{"type":"lp.set","user_id":"ana","dca_wallet_id":"wallet-ana"}
{"type":"client.enroll","id":"c1","machine_id":"m1","user_id":"ana"}
{"type":"client.enroll","id":"c2","machine_id":"m2","user_id":"ana"}
{"type":"deposit.record","id":"d1","client_id":"c1","amount":"500.00","creator_user_id":"op"}
{"type":"deposit.confirm","id":"d1","notes":"counted"}
"#;

/// Follows some lines, then some more in one step: in every version what the streams tell.
fn check(before: &str, after: &str) {
    for version in 1..=13 {
        let world = World::new();
        world.say(before.lines());
        let mut live = world.live(version);
        live.follow(world.log(), &mut |_| {}).expect("followed");
        let head = world.head();
        world.say(after.lines());
        assert_eq!(world.head() - head, after.lines().count() as u64, "all were accepted");
        live.follow(world.log(), &mut |_| {}).expect("followed");
        let expected = expected(world.log(), &shape(version));
        expect_same(&read_live(&live).1, &expected, &format!("version {version}"));
    }
}

#[test]
fn two_machines_may_change_wallets_in_one_step() {
    let change = |id: &str, wallet: &str| {
        format!("{{\"type\":\"machine.update\",\"id\":\"{id}\",\"wallet_id\":\"{wallet}\"}}\n")
    };
    check(FLEET, &format!("{}{}{}", change("m1", "w3"), change("m2", "w1"), change("m1", "w2")));
}

#[test]
fn what_an_lp_wants_changes_in_all_its_enrolments() {
    let lp = r#"{"type":"lp.set","user_id":"ana","dca_wallet_id":"another","default_dca_mode":"fixed","fixed_mode_daily_limit":"12.34"}"#;
    check(FLEET, lp);
}

#[test]
fn rules_that_are_replaced_leave_none_behind() {
    let rules = |shares: &[&str], machine: &str| {
        let splits: Vec<String> = shares
            .iter()
            .map(|share| format!("{{\"target\":\"t{share}\",\"fraction\":\"{share}\"}}"))
            .collect();
        format!(
            "{{\"type\":\"splits.set\",\"operator_user_id\":\"op\"{machine},\"splits\":[{}]}}\n",
            splits.join(",")
        )
    };
    let of_machine = ",\"machine_id\":\"m1\"";
    let before = format!(
        "{FLEET}{}{}",
        rules(&["0.5000", "0.3000", "0.2000"], ""),
        rules(&["0.6000", "0.4000"], of_machine)
    );
    check(&before, &rules(&["0.9000", "0.1000"], ""));
    check(&before, &rules(&["1.0000"], of_machine));
}

#[test]
fn bays_that_are_gone_or_alike_leave_none_behind() {
    let bays = |kind: &str, bays: &[(u32, u32)]| {
        let positions: Vec<String> = { bays.iter() }
            .map(|(at, denomination)| {
                format!("\"{at}\":{{\"denomination\":{denomination},\"count\":{}}}", at * 10)
            })
            .collect();
        let positions = positions.join(",");
        format!("{{\"type\":\"{kind}\",\"machine_id\":\"m1\",\"positions\":{{{positions}}}}}\n")
    };
    let before = bays("cassettes.set", &[(1, 20), (2, 50), (3, 100)]);
    let before = format!("{FLEET}{before}{}", bays("cassettes.report", &[(1, 20), (4, 20)]));
    check(&before, &bays("cassettes.set", &[(1, 20), (2, 20)]));
    check(&before, &bays("cassettes.report", &[(2, 50)]));
}

/// A command's `request_id` is a key of its entry beside its own. A claim may bear any hash, also that
/// one.
#[test]
fn a_claim_whose_hash_is_the_key_of_a_request_takes_nothing_of_it() {
    use spireledger_schema::identity::Actor;
    use spireledger_schema::{streams, text::RequestId};
    let request = RequestId::parse("r1").expect("an id");
    let hash = streams::request(&Actor::Local, "settlement.note", &request).to_string();
    let other = "07".repeat(32);
    let claim = |hash: &str| {
        format!(
            "{{\"type\":\"settlement.claim\",\"payment_hash\":\"{hash}\",\"machine_id\":\"m1\",\
             \"tx_type\":\"cash_out\",\"wire_sats\":266800,\"principal_sats\":259029,\
             \"fee_sats\":7771,\"fiat_amount\":\"2000.00\",\"fiat_code\":\"GTQ\",\
             \"exchange_rate\":\"129.5145\",\"occurred_at\":1767225600}}\n"
        )
    };
    let note = format!(
        "{{\"type\":\"settlement.note\",\"payment_hash\":\"{other}\",\"id\":\"n1\",\
         \"note\":\"not mine\",\"request_id\":\"r1\"}}\n"
    );
    let world = World::new();
    world.say(format!("{FLEET}{}{}{note}", claim(&hash), claim(&other)).lines());
    let made = passing(world.log(), &shape(13)).expect("made");
    let notes = "SELECT notes FROM spirekeeper.dca_settlements WHERE payment_hash = ?1";
    let notes = |hash: &str| {
        made.query_row(notes, [hash], |row| row.get::<_, Option<String>>(0)).expect("one")
    };
    assert_eq!(notes(&other).as_deref(), Some("not mine"));
    assert_eq!(notes(&hash), None);
    let found = crate::world::read(&made, &shape(13));
    expect_same(&found, &expected(world.log(), &shape(13)), "row by row");
}
