//! One pass, in steps of any size, from any position: the rows are those that the streams tell.

use proptest::prelude::*;
use spireledger::tables::passing;

use crate::world::{World, expect_same, expected, read, read_live, shape};

fn nothing(_: u64) {}

#[test]
fn one_pass_makes_the_rows_that_the_streams_tell_in_every_version() {
    let world = World::of_month();
    for version in 1..=13 {
        let shape = shape(version);
        let found = read(&passing(world.log(), &shape).expect("made"), &shape);
        expect_same(&found, &expected(world.log(), &shape), &format!("version {version}"));
    }
}

#[test]
fn an_empty_ledger_has_its_configuration_and_nothing_else() {
    let world = World::new();
    let mut live = world.live(13);
    live.follow(world.log(), &mut nothing).expect("followed");
    let (position, found) = read_live(&live);
    assert_eq!(position, 0);
    expect_same(&found, &expected(world.log(), &shape(13)), "empty");
    assert_eq!(found["super_config"].len(), 1);
}

/// Steps of these sizes, by a handle that stays open or by a new one each time, as each process has.
pub fn check_steps(world: &World, version: u16, steps: &[u64], is_new_each_time: bool) {
    let mut live = world.live(version);
    let mut at = 0;
    for step in steps.iter().cycle() {
        at = (at + step).min(world.head());
        if is_new_each_time {
            live = world.live(version);
        }
        let past = world.past(at);
        let (head, _) = live.follow(&past, &mut nothing).expect("followed");
        assert_eq!(head.seq, at);
        if at % 7 == 0 || at == world.head() {
            let (position, found) = read_live(&live);
            assert_eq!(position, at);
            let what = format!("version {version} as of entry {at}");
            expect_same(&found, &expected(&past, &shape(version)), &what);
        }
        if at == world.head() {
            return;
        }
    }
}

#[test]
fn tables_that_follow_the_month_are_always_what_it_tells() {
    let world = World::of_month();
    check_steps(&world, 13, &[1, 40, 3, 11], false);
    check_steps(&world, 3, &[61, 2, 17], true);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn tables_that_follow_any_fleet_are_always_what_it_tells(
        seed in any::<u64>(),
        version in 1_u16..=13,
        steps in prop::collection::vec(1_u64..90, 1..6),
        is_new_each_time in any::<bool>(),
    ) {
        check_steps(&World::of_seed(seed), version, &steps, is_new_each_time);
    }
}
