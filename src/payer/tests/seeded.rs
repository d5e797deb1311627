//! Would the model notice? Each mistake of [`Bug`] is made on purpose, and must be found.

use super::model::live;
use crate::payer::bugs::Bug;

/// Lives within which a mistake must show.
const LIVES: u64 = 3_000;

/// What goes wrong in a life, the same for ever.
fn rolls(life: u64) -> Vec<u8> {
    let mut out = vec![0; 120];
    blake3::Hasher::new().update(&life.to_be_bytes()).finalize_xof().fill(&mut out);
    out
}

/// The first life in which something is wrong, and what.
fn found() -> Option<(u64, String)> {
    (0..LIVES).find_map(|life| live(rolls(life)).err().map(|wrong| (life, wrong)))
}

#[test]
fn every_seeded_bug_is_found() {
    for bug in Bug::ALL {
        let found = bug.during(found);
        let (life, wrong) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        eprintln!("{bug:?}, life {life}: {}", wrong.chars().take(160).collect::<String>());
    }
}

#[test]
fn without_a_bug_nothing_is_found() {
    assert_eq!(found(), None);
}
