//! Golden files: what was written once is read for ever. They are never written by a test.

use super::world::{key, log_key, receipt, witness_key};
use crate::proofs::{Algorithm, Proof, VerifierKey};

const PROOF: &str = include_str!("../../../fixtures/proofs/deposit.tlog-proof");
const CHECKPOINT: &str = include_str!("../../../fixtures/proofs/checkpoint.note");
const LOG_KEY: &str = include_str!("../../../fixtures/proofs/log.vkey");
const WITNESS_KEY: &str = include_str!("../../../fixtures/proofs/witness.vkey");

#[test]
fn today_s_bytes_are_those_of_the_first_day() {
    let made = receipt(4, 9);
    assert_eq!(made.to_string(), PROOF);
    assert_eq!(made.checkpoint.to_string(), CHECKPOINT);
    assert_eq!(format!("{}\n", log_key().public()), LOG_KEY);
    assert_eq!(format!("{}\n", witness_key().public()), WITNESS_KEY);
    assert_ne!(format!("{}\n", key("w", Algorithm::Cosignature, 1).public()), WITNESS_KEY);
}

#[test]
fn the_files_prove_what_they_did() {
    let read = |text: &str| VerifierKey::parse(text.trim_end()).expect("a key");
    let receipt = Proof::parse(PROOF).expect("of the form");
    let proven = receipt.verify(&read(LOG_KEY), &[read(WITNESS_KEY)]).expect("true");
    assert_eq!(proven.entry.front.seq, 5);
    assert_eq!(proven.entry.event.name(), "deposit.confirmed");
    assert_eq!(proven.witnesses.len(), 1);
}
