//! Any steps, any crashes: what was acknowledged is there, and each number is one claim's.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;

use super::*;
use crate::outbox::{Content, Standing};

/// One step of a machine's life.
#[derive(Debug, Clone)]
enum Step {
    Keep(Vec<u8>),
    /// What is heard of one of the claims, and what.
    Hear(u8, u8),
    Again(u8),
    /// Written anew, as soon as something is noted.
    Compact,
    /// The process ends in the middle of keeping something: so much of the write is there.
    Die(Vec<u8>, u16),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let claims = || prop::collection::vec(0..40u8, 1..4);
    let step = prop_oneof![
        4 => claims().prop_map(Step::Keep),
        4 => (any::<u8>(), 0..4u8).prop_map(|(which, what)| Step::Hear(which, what)),
        1 => any::<u8>().prop_map(Step::Again),
        1 => Just(Step::Compact),
        2 => (claims(), any::<u16>()).prop_map(|(claims, cut)| Step::Die(claims, cut)),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..30)
}

/// What is known to the machine that uses the outbox.
#[derive(Default)]
struct Model {
    numbers: BTreeMap<u64, u64>,
    done: BTreeMap<u64, u64>,
}

impl Model {
    fn kept(&mut self, settlements: &[u8], kept: &[Keep]) {
        for (settlement, keep) in settlements.iter().zip(kept) {
            let settlement = u64::from(*settlement);
            match keep {
                Keep::Kept(number) => {
                    assert_eq!(*number, self.numbers.len() as u64 + 1, "no gap");
                    assert_eq!(self.numbers.insert(settlement, *number), None);
                }
                Keep::Known(number) => assert_eq!(self.numbers.get(&settlement), Some(number)),
                other => panic!("{other:?}"),
            }
        }
    }

    fn check(&self, outbox: &Outbox) {
        let state = outbox.state();
        assert_eq!(state.highest(), self.numbers.len() as u64);
        for (settlement, number) in &self.numbers {
            let claim = state.claim_of(&hash(*settlement)).expect("acknowledged");
            assert_eq!(claim.number, *number);
            let Content::Whole(content) = &claim.content else { panic!("whole") };
            assert_eq!(*content, super::claim(*settlement).numbered(*number), "it never changes");
            if let Some(seq) = self.done.get(number) {
                assert_eq!(claim.standing, Standing::Done(receipt(*seq)), "it stays done");
            }
            let is_open = matches!(claim.standing, Standing::Waiting { .. });
            assert_eq!(state.waiting().contains(number), is_open);
        }
    }
}

/// Writes some claims, and leaves so much of that write as a process that was killed may have.
fn die(dir: &Path, outbox: &mut Outbox, settlements: &[u8], cut: u16) -> (bool, Vec<Keep>) {
    let (path, witness) = (dir.join("outbox"), dir.join("outbox.witness"));
    let (before, vouched) = (fs::read(&path).unwrap().len(), fs::read(&witness).unwrap());
    let settlements: Vec<u64> = settlements.iter().copied().map(u64::from).collect();
    let kept = keep(outbox, &settlements);
    let whole = fs::read(&path).unwrap();
    let cut = before + usize::from(cut) % (whole.len() - before + 1);
    fs::write(&path, &whole[..cut]).unwrap();
    fs::write(&witness, vouched).unwrap();
    // All of it is there, though nobody was told.
    (cut == whole.len(), kept)
}

fn walk(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let (mut outbox, mut model) = (created(dir.path()), Model::default());
    for step in steps {
        match step {
            Step::Keep(settlements) => {
                let wide: Vec<u64> = settlements.iter().copied().map(u64::from).collect();
                let kept = keep(&mut outbox, &wide);
                model.kept(settlements, &kept);
            }
            Step::Hear(which, what) => {
                let count = model.numbers.len() as u64;
                let number = u64::from(*which) % (count + 1);
                if number == 0 {
                    continue;
                }
                let record = match what {
                    0 => done(number),
                    1 => Record::Refused { number, refusal: refusal("unbalanced") },
                    2 => Record::SetBack { number, refusal: refusal("busy") },
                    _ => Record::Sent { at: 1, sends: vec![(number, 7)] },
                };
                outbox.note(vec![record]).unwrap();
                if *what == 0 {
                    model.done.insert(number, number);
                }
            }
            Step::Again(which) => drop(outbox.again(&[u64::from(*which)], now()).unwrap()),
            Step::Compact => outbox = Outbox::open(dir.path(), &machine(), 1).unwrap(),
            Step::Die(settlements, cut) => {
                let (is_whole, kept) = die(dir.path(), &mut outbox, settlements, *cut);
                if is_whole {
                    model.kept(settlements, &kept);
                }
                outbox = opened(dir.path());
            }
            Step::Reopen => outbox = opened(dir.path()),
        }
        model.check(&outbox);
    }
    model.check(&opened(dir.path()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_happens_what_was_acknowledged_is_there_under_its_number(steps in steps()) {
        walk(&steps);
    }
}
