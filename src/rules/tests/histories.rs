//! Long random histories of all commands, with ids from small pools so that they collide, repeats of
//! earlier commands, several actors and a clock that jumps. After every step the books must be right.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use spireledger_schema::identity::{Actor, Role};
use spireledger_schema::text::{DepositId, MachineId, RequestId, UserId};
use spireledger_schema::words::{LegStatus, LegType, SettlementStatus};
use spireledger_schema::{Code, Entry, Event, streams};

use super::books::{Books, check_books, check_fleet};
use super::whose::{is_its_own, one_who_speaks, owner, refused_to_strangers};
use super::words::*;
use super::world::{Said, Speaker, World, given};

/// Numbers that a step is made of.
type Roll = (u8, u16, u16, u16, u8);

fn pick<'a>(from: &[&'a str], n: u16) -> &'a str {
    from[usize::from(n) % from.len()]
}

const MACHINES: [&str; 2] = ["m1", "m2"];
const USERS: [&str; 4] = ["a", "b", "c", "fixed"];
const OPERATORS: [&str; 2] = ["op", "po"];
const CLAIMS: [&str; 4] = ["p", "q", "r", "s"];

fn client(x: u16, y: u16) -> String {
    format!("{}@{}", pick(&USERS, x), pick(&MACHINES, y))
}

fn number(n: u16) -> u64 {
    u64::from(n % 5) + 1
}

fn amount(n: u16) -> String {
    format!("{}.{:02}", n % 3_000, n % 7)
}

/// A history goes on from a machine with money, so that it comes to payments soon.
fn begun() -> World {
    let fixed = json!({ "default_dca_mode": "fixed", "fixed_mode_daily_limit": "300.00" });
    let at_m1 = |user: &str| with(enroll(user), json!({ "id": format!("{user}@m1") }));
    let funded = |user: &str| {
        let id = format!("first of {user}");
        [deposit(&id, &format!("{user}@m1"), "4000.00"), confirm(&id)]
    };
    given([
        config(json!({ "super_cash_out_fee_fraction": "0.0050" })),
        machine("m1"),
        pair("m1", 1),
    ])
    .and([lp("a"), at_m1("a"), with(lp("fixed"), fixed), at_m1("fixed")])
    .and([funded("a"), funded("fixed")].concat())
}

/// Any command, plausible for what there is.
fn command(world: &World, (kind, x, y, z, _): Roll) -> Value {
    let hash = number(x);
    let fields = |command, fields| with(command, fields);
    let by_claim = |command| match y % 3 {
        0 => command,
        _ => with(command, json!({ "processing_claim": pick(&CLAIMS, z) })),
    };
    match kind % 68 {
        0 => config(json!({ "super_cash_out_fee_fraction": format!("0.0{}", x % 9) })),
        1 => config(json!({ "max_cash_in_sats": if y % 4 == 0 { Value::Null } else { json!(x) } })),
        2 if y % 3 == 0 => {
            fields(operator("-06:00"), json!({ "operator_user_id": pick(&OPERATORS, z) }))
        }
        2 => fields(
            machine(pick(&MACHINES, x)),
            json!({ "operator_user_id": if z % 4 == 0 { "po" } else { "op" } }),
        ),
        3 => fields(
            machine_update(pick(&MACHINES, x), json!({ "wallet_id": format!("w{}", y % 3) })),
            json!({ "name": pick(&USERS, z) }),
        ),
        4 if z % 6 == 0 => {
            machine_update(pick(&MACHINES, x), json!({ "operator_user_id": pick(&OPERATORS, y) }))
        }
        4 => machine_update(pick(&MACHINES, x), json!({ "is_active": y % 3 > 0 })),
        5 => machine_update(
            pick(&MACHINES, x),
            json!({ "fiat_code": if y % 2 == 0 { "USD" } else { "GTQ" } }),
        ),
        6 => machine_update(pick(&MACHINES, x), json!({ "machine_npub": null })),
        7 | 8 => pair(pick(&MACHINES, x), u8::try_from(y % 2).unwrap() + 1),
        9 => splits(&[("one", "0.6000"), (pick(&USERS, x), "0.4000")]),
        10 => {
            fields(splits(&[(pick(&USERS, x), "1")]), json!({ "machine_id": pick(&MACHINES, y) }))
        }
        11 | 12 => match pick(&USERS, x) {
            "fixed" => fields(
                lp("fixed"),
                json!({ "default_dca_mode": "fixed", "fixed_mode_daily_limit": "300.00" }),
            ),
            user => fields(lp(user), json!({ "autoforward_enabled": y % 2 == 0 })),
        },
        13..=15 => json!({ "type": "client.enroll", "id": client(x, y),
            "machine_id": pick(&MACHINES, y), "user_id": pick(&USERS, x) }),
        16 => client_update(
            &client(x, y),
            json!({ "status": pick(&["active", "active", "paused", "inactive"], z) }),
        ),
        17..=20 => deposit(&format!("d{}", z % 12), &client(x, y), &amount(z)),
        21..=23 => confirm(&format!("d{}", z % 12)),
        24 => reject(&format!("d{}", z % 12)),
        25..=29 => {
            let claim = if y % 4 == 0 { cash_in(hash) } else { cash_out(hash) };
            fields(claim, json!({ "machine_id": pick(&MACHINES, z) }))
        }
        30 => fields(cash_out(hash), json!({ "fiat_amount": amount(y) })),
        31..=35 if ended(world, hash) => finish(hash),
        31..=35 => begin(hash, pick(&CLAIMS, y)),
        36 => release(hash, pick(&CLAIMS, y)),
        37 | 38 => {
            adjust_to(hash, &amount(y % 2_000), u64::from(y) % 4 * 60_000, u64::from(z) % 4 * 2_000)
        }
        39 => note(hash, pick(&CLAIMS, y), pick(&USERS, z)),
        40 | 41 => by_claim(finish(hash)),
        42 => by_claim(fail(hash)),
        43 => by_claim(void(hash)),
        44..=53 => leg_outcome(world, hash, y, z),
        54 | 55 => refund(hash, &format!("refund {}", y % 3), u64::from(z) * 4 + 1),
        56 | 57 => autoforward(
            hash,
            &format!("forward {}", y % 3),
            &receiver(world, hash).unwrap_or_else(|| client(y, z)),
            u64::from(z) % 9_000 + 1,
        ),
        58 => fields(beacon(i64::from(x % 4)), json!({ "cash_out": y % 2 == 0 })),
        59 => fields(telemetry(i64::from(x % 4)), json!({ "telemetry": y % 2 })),
        60 => cassettes_set(u32::from(x % 3)),
        61 => cassettes_report(u32::from(x % 3)),
        62 => fields(cassettes_report(u32::from(x % 3)), json!({ "state_at": y % 4 })),
        63 => elsewhere(x, y, z),
        _ => leg_intend(world, hash, y, z),
    }
}

/// A claim, or what may follow one, on the key of something that is no settlement.
fn elsewhere(x: u16, y: u16, z: u16) -> Value {
    let machine = MachineId::parse(pick(&MACHINES, y)).unwrap();
    let user = UserId::parse(pick(&USERS, y)).unwrap();
    let request = RequestId::parse(&format!("r{}", y % 6)).unwrap();
    let key = match x % 8 {
        0 => streams::config(),
        1 => streams::machine(&machine),
        2 => streams::lp(&user),
        3 => streams::deposit(&DepositId::parse(&format!("d{}", y % 12)).unwrap()),
        4 => streams::request(&Actor::Local, "settlement.adjust", &request),
        5 => super::world::payment_hash(number(y)).evidence_key(),
        6 => streams::splits(&user, Some(&machine)),
        _ => streams::cassettes_state(&machine, None),
    };
    let command = match z % 4 {
        0 => note(1, "n", "x"),
        1 => begin(1, "p"),
        _ => with(cash_out(1), json!({ "machine_id": pick(&MACHINES, z) })),
    };
    with(command, json!({ "payment_hash": key.to_string() }))
}

/// A client that was paid by a settlement.
fn receiver(world: &World, hash: u64) -> Option<String> {
    let legs = world.legs(hash);
    let paid = legs
        .iter()
        .find(|leg| leg.leg.leg_type == LegType::Dca && leg.status == LegStatus::Completed)?;
    paid.leg.client_id.as_ref().map(ToString::to_string)
}

/// Whether a settlement has legs and all have ended.
fn ended(world: &World, hash: u64) -> bool {
    let legs = world.legs(hash);
    !legs.is_empty() && legs.iter().all(|leg| leg.status.is_final())
}

/// How a leg ended: mostly the next one that is open, or any, or one that is not there.
fn leg_outcome(world: &World, hash: u64, y: u16, z: u16) -> Value {
    let statuses = [
        "completed",
        "completed",
        "completed",
        "completed",
        "completed",
        "completed",
        "failed",
        "voided",
        "skipped",
        "refunded",
    ];
    let legs = world.legs(hash);
    let open = legs.iter().position(|leg| !leg.status.is_final()).filter(|_| !y.is_multiple_of(4));
    let at = open.unwrap_or(usize::from(y) % (legs.len() + 1));
    let id = legs.get(at).map_or_else(|| leg_id(hash, 99), |leg| leg.id.to_string());
    let ended = with(outcome(hash, 1, pick(&statuses, z)), json!({ "leg_id": id }));
    if let Some(intent) =
        legs.get(at).and_then(|leg| leg.intent.as_ref()).filter(|_| !y.is_multiple_of(5))
    {
        return with(ended, json!({ "external_payment_hash": intent.payment_hash }));
    }
    match z % 3 {
        0 => ended,
        paid => with(ended, json!({ "external_payment_hash": super::words::hash(paid.into()) })),
    }
}

/// A payment of an open leg, or of any, or of none; often over the right amount.
fn leg_intend(world: &World, hash: u64, y: u16, z: u16) -> Value {
    let legs = world.legs(hash);
    let open = legs.iter().position(|leg| !leg.status.is_final()).filter(|_| !y.is_multiple_of(4));
    let at = open.unwrap_or(usize::from(y) % (legs.len() + 1));
    let (id, sats) = legs.get(at).map_or_else(
        || (leg_id(hash, 99), 1),
        |leg| (leg.id.to_string(), leg.leg.amount_sats.get()),
    );
    let sats = if z.is_multiple_of(11) { sats + 1 } else { sats };
    with(intend(hash, 1, 100 + u64::from(z % 40), sats), json!({ "leg_id": id }))
}

/// Whether a repeat of an accepted command is the same forever: it has an identity.
fn has_identity(command: &Value) -> bool {
    let given = |field: &str| !command[field].is_null();
    match command["type"].as_str().unwrap() {
        "config.set" | "machine.update" | "machine.pair" | "splits.set" | "lp.set"
        | "client.update" | "cassettes.set" | "settlement.adjust" => given("request_id"),
        "settlement.fail" => given("request_id") || given("processing_claim"),
        "cassettes.report" => given("request_id") || given("state_at"),
        _ => true,
    }
}

fn run(rolls: &[Roll]) {
    let mut world = begun();
    let mut said: Vec<(Speaker, Value, Said)> = Vec::new();
    let mut books = Books::default();
    for roll in rolls {
        let (kind, x, y, _, more) = *roll;
        if kind % 8 == 0 {
            world = world.after(i64::from(more) * 400);
        }
        let repeats = more % 5 == 0 && !said.is_empty();
        let (speaks, command, first) = if repeats {
            let (speaks, command, first) = &said[usize::from(y) % said.len()];
            (speaks.clone(), command.clone(), Some(first.clone()))
        } else {
            let mut command = command(&world, *roll);
            if more % 7 == 0 {
                command["request_id"] = json!(format!("r{}", x % 6));
            }
            (one_who_speaks(more), command, None)
        };
        world = refused_to_strangers(world, more, &command);
        world = world.by_speaker(&speaks);
        let owner = owner(&world, &command);
        let before = world.log.len();
        let answer = world.submit(&command);
        match &answer {
            Said::Accepted(seq) => {
                assert_eq!(*seq, before as u64 + 1);
                is_its_own(&world, &speaks, owner, &command);
            }
            Said::Replayed(seq) => {
                assert_eq!(world.log.len(), before, "a replay appends nothing");
                says_so(&world, *seq, &command);
            }
            Said::Refused(no) => {
                let kept = world.log.len() - before;
                assert!(kept <= 1 && (kept == 0 || command["type"] == "settlement.claim"));
                assert!(!no.message.is_empty());
            }
        }
        if let Some(Said::Accepted(seq)) = first
            && has_identity(&command)
        {
            same_answer(&answer, seq, &command);
        }
        check_books(&world, &mut books);
        said.push((speaks, command, answer));
    }
    check_fleet(&world);
}

/// What was accepted once is replayed for ever, unless its sender lost the right to speak: a machine its
/// key, or an operator the machine.
fn same_answer(answer: &Said, seq: u64, command: &Value) {
    match answer {
        Said::Refused(no) => {
            let lost = [Code::Forbidden, Code::UnknownMachine, Code::UnknownClient, Code::NotFound];
            let is_lost = lost.contains(&no.code) || no.code == Code::Conflict;
            assert!(is_lost && no.details.is_empty(), "{command}: {no:?}");
        }
        answer => assert_eq!(*answer, Said::Replayed(seq), "{command}"),
    }
}

/// Whether the entry that a command is a replay of is one that such a command makes.
fn says_so(world: &World, seq: u64, command: &Value) {
    let entry = &world.log[usize::try_from(seq).unwrap() - 1];
    let kind = command["type"].as_str().unwrap().split('.').next().unwrap();
    let name = entry.event.name().split('.').next().unwrap();
    assert_eq!(kind, name, "{command} is no replay of {}", entry.event.name());
    let event = serde_json::to_value(&entry.event).unwrap();
    for field in ["id", "payment_hash", "processing_claim", "leg_id", "machine_npub", "amount"] {
        let (now, then) = (&command[field], &event[field]);
        let both = !now.is_null() && !then.is_null();
        let npub = field == "machine_npub";
        assert!(!both || npub || now == then, "{command} is no replay of {event}");
    }
}

fn rolls() -> impl Strategy<Value = Vec<Roll>> {
    prop::collection::vec(any::<Roll>(), 150..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_books_are_right_after_every_step_of_any_history(rolls in rolls()) {
        run(&rolls);
    }
}

/// The logs of some histories, always the same ones: for whoever reads them again.
pub(crate) fn random_logs(count: usize) -> Vec<Vec<Entry>> {
    let mut runner = TestRunner::deterministic();
    let log = |_| {
        let mut world = begun();
        for roll in rolls().new_tree(&mut runner).unwrap().current() {
            world = world.by_speaker(&one_who_speaks(roll.4));
            let command = command(&world, roll);
            world.submit(&command);
        }
        world.log
    };
    (0..count).map(log).collect()
}

#[test]
fn random_histories_reach_every_event_every_state_and_most_refusals() {
    let mut runner = TestRunner::deterministic();
    let mut events = BTreeSet::new();
    let mut codes = BTreeSet::new();
    let mut states = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    let mut operators = BTreeSet::new();
    for _ in 0..40 {
        let mut world = begun();
        for roll in rolls().new_tree(&mut runner).unwrap().current() {
            let speaks = one_who_speaks(roll.4);
            world = world.by_speaker(&speaks);
            let command = command(&world, roll);
            match world.submit(&command) {
                Said::Refused(no) => drop(codes.insert(no.code)),
                Said::Accepted(_)
                    if matches!(speaks.0, Actor::Key { role: Role::Operator, .. }) =>
                {
                    operators.insert(command["type"].as_str().unwrap().to_owned());
                }
                _ => {}
            }
        }
        events.extend(world.log.iter().map(|entry| entry.event.tag()));
        states.extend(world.settlements().iter().map(|settlement| settlement.status));
        kinds.extend(world.log.iter().filter_map(|entry| match &entry.event {
            Event::LegEnded(e) => Some((e.leg_type, e.status)),
            _ => None,
        }));
    }
    // Commands do not import: a database does.
    let said = Event::readable_tags().into_iter().filter(|(_, name)| !name.contains("Import"));
    assert_eq!(events.len(), said.count());
    assert_eq!(states.len(), SettlementStatus::ALL.len());
    assert!(codes.len() >= 16, "{codes:?}");
    // Each of five kinds ends in each of five ways; what is retained needs no end.
    assert!(kinds.len() >= 20, "{} of {kinds:?}", kinds.len());
    // All that an operator may send.
    assert_eq!(operators.len(), 22, "{operators:?}");
}
