//! What happens to claims, over any number of processes and restarts.

use super::*;
use crate::outbox::{ClaimError, Content, OutboxError, Standing};

#[test]
fn numbers_have_no_gap_and_the_same_claim_keeps_its_number() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    let kept = keep(&mut outbox, &[10, 11, 10]);
    assert_eq!(kept, [Keep::Kept(1), Keep::Kept(2), Keep::Known(1)]);
    let mut outbox = opened(dir.path());
    assert_eq!(keep(&mut outbox, &[12, 11]), [Keep::Kept(3), Keep::Known(2)]);
    let Content::Whole(content) = &outbox.state().claim(3).unwrap().content else { panic!() };
    let mut expected = claim_json(12);
    expected["machine_seq"] = json!(3);
    assert_eq!(serde_json::from_str::<Value>(content).unwrap(), expected);
}

#[test]
fn two_processes_give_each_number_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = created(dir.path());
    let mut second = opened(dir.path());
    assert_eq!(keep(&mut first, &[1]), [Keep::Kept(1)]);
    assert_eq!(keep(&mut second, &[2, 1]), [Keep::Kept(2), Keep::Known(1)]);
    assert_eq!(keep(&mut first, &[3]), [Keep::Kept(3)]);
    second.refresh().unwrap();
    assert_eq!(first.state(), second.state());

    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let dir = dir.path().to_owned();
            std::thread::spawn(move || {
                let mut outbox = opened(&dir);
                let own = (0..20).map(|n| 100 + thread * 20 + n);
                own.map(|settlement| keep(&mut outbox, &[settlement])[0].clone()).collect()
            })
        })
        .collect();
    let mut given: Vec<u64> = threads
        .into_iter()
        .flat_map(|thread| -> Vec<Keep> { thread.join().unwrap() })
        .map(|keep| match keep {
            Keep::Kept(number) => number,
            other => panic!("{other:?}"),
        })
        .collect();
    given.sort_unstable();
    assert_eq!(given, (4..84).collect::<Vec<u64>>());
}

#[test]
fn another_claim_of_the_same_settlement_is_refused_by_the_names_of_its_fields() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1]);
    let with = |changes: Value| {
        let mut other = claim_json(1);
        for (name, value) in changes.as_object().unwrap() {
            other[name] = value.clone();
        }
        NewClaim::parse(other.to_string().as_bytes(), &machine()).unwrap()
    };
    let other = with(json!({ "fiat_amount": "1900.00", "bitspire_txid": "t" }));
    let conflict = Keep::Conflict {
        number: 1,
        fields: vec!["fiat_amount".to_owned(), "bitspire_txid".to_owned()],
    };
    assert_eq!(outbox.keep(std::slice::from_ref(&other), now()).unwrap(), [conflict]);
    // What names only the attempt makes no other claim.
    let again = with(json!({ "bitspire_event_id": "e2", "request_id": "r2" }));
    assert_eq!(outbox.keep(std::slice::from_ref(&again), now()).unwrap(), [Keep::Known(1)]);
    // Nor does it, when only a digest is left.
    outbox.note(vec![done(1)]).unwrap();
    let mut short = crate::outbox::State::default();
    for record in outbox.state().records(0) {
        short.apply(record).unwrap();
    }
    let Content::Digest(digest) = short.claim(1).unwrap().content else { panic!("short") };
    assert_eq!((digest == again.digest(), digest == other.digest()), (true, false));
    assert_eq!(outbox.state().highest(), 1);
}

#[test]
fn what_the_ledger_could_not_read_is_not_kept() {
    let parse = |json: &Value| NewClaim::parse(json.to_string().as_bytes(), &machine());
    let with = |name: &str, value: Value| {
        let mut claim = claim_json(1);
        claim[name] = value;
        parse(&claim)
    };
    assert!(matches!(with("wire_sats", json!(-1)), Err(ClaimError::Malformed(_))));
    assert!(matches!(with("machine_id", json!("m2")), Err(ClaimError::OtherMachine { .. })));
    assert!(matches!(with("machine_seq", json!(1)), Err(ClaimError::Numbered)));
    let other = parse(&json!({ "type": "deposit.confirm", "id": "d1" }));
    assert_eq!(other, Err(ClaimError::NoClaim("deposit.confirm")));
    assert!(matches!(NewClaim::parse(b"\xff", &machine()), Err(ClaimError::Malformed(_))));
}

#[test]
fn a_claim_is_sent_until_it_is_done_and_a_refused_one_stays_and_can_be_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1, 2, 3]);
    let sent = |sends| Record::Sent { at: now().micros(), sends };
    outbox.note(vec![sent(vec![(1, 1), (2, 1)]), sent(vec![(1, 2)])]).unwrap();
    outbox.note(vec![Record::SetBack { number: 2, refusal: refusal("unknown_machine") }]).unwrap();
    outbox
        .note(vec![done(1), Record::Refused { number: 3, refusal: refusal("unbalanced") }])
        .unwrap();

    let mut outbox = opened(dir.path());
    let state = outbox.state();
    assert_eq!(state.waiting().iter().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(state.refused().iter().copied().collect::<Vec<_>>(), [3]);
    assert_eq!((state.claim(1).unwrap().sends, state.claim(2).unwrap().sends), (2, 1));
    assert_eq!(state.claim(1).unwrap().standing, Standing::Done(receipt(1)));
    let set_back = Some(refusal("unknown_machine"));
    assert_eq!(state.claim(2).unwrap().standing, Standing::Waiting { set_back });

    assert_eq!(outbox.again(&[1, 2, 3, 4], now()).unwrap(), [3]);
    let state = opened(dir.path());
    let state = state.state();
    assert_eq!(state.waiting().iter().copied().collect::<Vec<_>>(), [2, 3]);
    // It keeps its number, and the refusal can be seen still.
    let set_back = Some(refusal("unbalanced"));
    assert_eq!(state.claim_of(&hash(3)).unwrap().standing, Standing::Waiting { set_back });
}

#[test]
fn what_is_done_stays_done_whatever_is_heard_later() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1]);
    outbox.note(vec![done(1)]).unwrap();
    let before = outbox.state().clone();
    let late = vec![
        Record::Refused { number: 1, refusal: refusal("conflict") },
        Record::SetBack { number: 1, refusal: refusal("busy") },
        Record::Again { number: 1, at: 0 },
        Record::Sent { at: 0, sends: vec![(9, 1)] },
    ];
    outbox.note(late).unwrap();
    assert_eq!(outbox.state(), &before);
    assert_eq!(opened(dir.path()).state(), &before);
}

#[test]
fn an_outbox_is_one_machines_and_begins_behind_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    Outbox::create(dir.path(), &machine(), 41).unwrap();
    let again = Outbox::create(dir.path(), &machine(), 1);
    assert!(matches!(again, Err(OutboxError::Exists(_))));
    let mut outbox = opened(dir.path());
    assert_eq!(keep(&mut outbox, &[1, 2]), [Keep::Kept(41), Keep::Kept(42)]);
    assert_eq!(outbox.state().lost(), [(1, 40)]);
    let other = MachineId::parse("m2").unwrap();
    let opened = Outbox::open(dir.path(), &other, u64::MAX);
    assert!(matches!(opened, Err(OutboxError::OtherMachine { .. })));
}

#[test]
fn written_anew_the_file_says_the_same_and_other_processes_go_on_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    let mut other = opened(dir.path());
    let settlements: Vec<u64> = (1..=60).collect();
    keep(&mut outbox, &settlements);
    outbox.note((1..=50).map(done).collect()).unwrap();
    for attempt in 1..=50 {
        let sends = (51..=60).map(|number| (number, attempt)).collect();
        outbox.note(vec![Record::Sent { at: i64::from(attempt), sends }]).unwrap();
    }
    let before = outbox.state().clone();
    let long = std::fs::metadata(dir.path().join("outbox")).unwrap().len();
    let mut compacting = Outbox::open(dir.path(), &machine(), 1).unwrap();
    compacting.note(vec![Record::Sent { at: 50, sends: vec![(51, 50)] }]).unwrap();
    let short = std::fs::metadata(dir.path().join("outbox")).unwrap().len();
    assert!(short < long, "{short} < {long}");
    assert_eq!(compacting.state(), &before);
    assert_eq!(keep(&mut other, &[61, 1]), [Keep::Kept(61), Keep::Known(1)]);
    assert_eq!(keep(&mut outbox, &[62]), [Keep::Kept(62)]);
    assert_eq!(opened(dir.path()).state(), outbox.state());
}

#[test]
fn old_receipts_are_shortened_and_their_claims_still_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = created(dir.path());
    keep(&mut outbox, &[1, 2, 3, 4]);
    outbox.note(vec![done(1), done(2), done(4)]).unwrap();
    let mut short = crate::outbox::State::default();
    for record in outbox.state().records(1) {
        short.apply(record).unwrap();
    }
    let is_whole = |number| matches!(short.claim(number).unwrap().content, Content::Whole(_));
    assert_eq!([1, 2, 3, 4].map(is_whole), [false, false, true, true]);
    let Standing::Done(kept) = &short.claim(1).unwrap().standing else { panic!("done") };
    assert_eq!(kept, &Receipt { answer: None, proof: None, ..receipt(1) });
    assert_eq!(short.claim_of(&hash(2)).unwrap().number, 2);
    assert_eq!((short.highest(), short.waiting().len()), (4, 1));
    // Shortening again changes nothing.
    let again = short.records(1);
    let mut twice = crate::outbox::State::default();
    for record in again {
        twice.apply(record).unwrap();
    }
    assert_eq!(twice, short);
}
