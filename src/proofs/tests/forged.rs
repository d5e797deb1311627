//! Whatever is changed is refused.

use super::world::{log_key, receipt, witness_key};
use crate::proofs::{Growth, Proof, ProofError, SignedCheckpoint, consistency, root};

#[test]
fn a_receipt_proves_its_entry_and_says_who_saw_it() {
    for (index, count) in [(0, 1), (0, 2), (4, 5), (5, 9), (8, 9)] {
        let text = receipt(index, count).to_string();
        let receipt = Proof::parse(&text).expect("of the form");
        assert_eq!(receipt.to_string(), text);
        let witnesses = [witness_key().public().clone()];
        let proven = receipt.verify(log_key().public(), &witnesses).expect("true");
        assert_eq!(proven.entry.front.seq, index + 1);
        assert_eq!(proven.checkpoint.size, count);
        assert_eq!(proven.witnesses.len(), 1);
        // Who trusts no witness is told of none.
        assert_eq!(receipt.verify(log_key().public(), &[]).expect("true").witnesses, []);
    }
}

/// Every character of a receipt is changed in turn, or taken away: none of it is accepted.
#[test]
fn a_changed_receipt_proves_nothing() {
    let text = receipt(5, 9).to_string();
    let witnesses = [witness_key().public().clone()];
    let log = log_key();
    let accepted = |text: &str| {
        Proof::parse(text).is_ok_and(|receipt| receipt.verify(log.public(), &witnesses).is_ok())
    };
    assert!(accepted(&text));
    let chars: Vec<char> = text.chars().collect();
    for at in 0..chars.len() {
        let mut changed = chars.clone();
        changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
        let changed: String = changed.into_iter().collect();
        // A signature under another name is a stranger's, and strangers are passed over.
        let is_strangers = accepted(&changed)
            && Proof::parse(&changed).is_ok_and(|receipt| {
                receipt
                    .verify(log.public(), &witnesses)
                    .is_ok_and(|proven| proven.witnesses.is_empty())
            });
        assert!(!accepted(&changed) || is_strangers, "character {at}: {changed}");
        let shorter: String = [&chars[..at], &chars[at + 1..]].concat().iter().collect();
        let is_strangers = Proof::parse(&shorter).is_ok_and(|receipt| {
            receipt.verify(log.public(), &witnesses).is_ok_and(|proven| proven.witnesses.is_empty())
        });
        assert!(!accepted(&shorter) || is_strangers, "without character {at}: {shorter}");
    }
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let is_whole_note = accepted(&text[..end]);
        // Cut behind the log's own signature, what is left is whole.
        assert_eq!(is_whole_note, text[end..].starts_with("\u{2014} witness"), "cut at {end}");
    }
}

#[test]
fn an_entry_stands_where_it_says() {
    let mut moved = receipt(5, 9);
    // An entry with another seq in that place: the log itself would have to be wrong.
    let entries = super::world::entries(9);
    moved.canonical.clone_from(&entries[4].1);
    let leaf = crate::proofs::TreeHash::leaf(&moved.before.chain(&moved.canonical));
    let mut leaves = super::world::Leaves(vec![leaf]);
    let Ok(root) = root(&mut leaves, 1);
    moved.checkpoint = SignedCheckpoint::sign(1, root, &log_key());
    (moved.index, moved.path) = (0, Vec::new());
    assert_eq!(
        moved.verify(log_key().public(), &[]),
        Err(ProofError::Place { expected: 1, found: 5 })
    );
}

#[test]
fn growth_is_proven_between_any_two_checkpoints_of_one_log() {
    let mut leaves = super::world::Leaves::numbered(20);
    let key = log_key();
    let mut at = |size| {
        let Ok(root) = root(&mut leaves, size);
        SignedCheckpoint::sign(size, root, &key)
    };
    let all: Vec<SignedCheckpoint> = (0..=20).map(&mut at).collect();
    let mut leaves = super::world::Leaves::numbered(20);
    for (old, new) in [(0, 0), (0, 20), (1, 20), (7, 8), (8, 20), (13, 19), (20, 20)] {
        let Ok(proof) = consistency(&mut leaves, old, new);
        let growth = Growth { old, proof, new: all[new as usize].clone() };
        let text = growth.to_string();
        assert_eq!(Growth::parse(&text), Ok(growth.clone()));
        assert_eq!(growth.verify(&all[old as usize], key.public()), Ok(()));
        let other = all[(old as usize + 1) % 21].clone();
        assert!(growth.verify(&other, key.public()).is_err());
        // Another history of the same size.
        let fork = super::world::naive(&super::world::Leaves::numbered(old + 1).0);
        let fork = SignedCheckpoint::sign(old, fork, &key);
        assert!(growth.verify(&fork, key.public()).is_err());
        for broken in [text.replacen("old ", "old 0", 1), text.replacen("\n\n", "\n", 1)] {
            assert!(Growth::parse(&broken).is_err(), "{broken}");
        }
    }
}
