//! What the ledger said to a claim, and whether it counts. Pure.

use nostr_sdk::{Event, JsonUtil as _};
use serde_json::Value;
use spireledger_schema::EntryHash;
use spireledger_schema::command::SettlementClaim;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::time::Timestamp;

use super::super::record::{Receipt, Refused, Via};
use crate::proofs::{self, VerifierKey};
use crate::relays::REQUEST;

/// Longest answer that is kept, in bytes.
pub const ANSWER_BYTES_MAX: usize = 128 * 1024;

/// How an answer came, and so why it is believed.
#[derive(Debug, Clone, Copy)]
pub enum Proof<'a> {
    /// As the content of an event.
    Event {
        /// The event.
        event: &'a Event,
        /// The ledger's key, which must have signed it.
        ledger: nostr_sdk::PublicKey,
    },
    /// In the answer to a request over TLS, or to this very machine: nobody signed it.
    Channel,
    /// In an answer that has to carry the proof of its entry, under a checkpoint of this key.
    Log(&'a VerifierKey),
}

/// What the ledger said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// The claim is in the ledger.
    Receipt(Receipt),
    /// It is not, and will not be.
    Refused(Refused),
    /// It is not, and may be later.
    Later(Refused),
}

/// An answer that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it says.
    pub said: Said,
    /// `accepted`, `replayed` or `refused`.
    pub outcome: &'static str,
}

/// Why an answer does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It is no answer.
    #[error("it is no answer of a ledger: {0}")]
    NoAnswer(&'static str),
    /// Somebody else signed it, or nobody.
    #[error("the ledger did not sign it")]
    NotSigned,
    /// It does not prove that the claim is in the log.
    #[error("it proves nothing: {0}")]
    NotProven(String),
    /// It speaks of another claim.
    #[error("it says {found} of `{field}`, where {sent} was sent")]
    Another {
        /// The field.
        field: &'static str,
        /// What was sent.
        sent: String,
        /// What it says.
        found: String,
    },
}

/// Checks the answer to a claim before it counts: who said it, and that it speaks of this claim.
///
/// A receipt of the ledger's must fit in every field what was sent; its proof is kept with it. Answers
/// over HTTP stand on the connection alone, unless the ledger's key is known.
pub fn check_receipt(
    sent: &SettlementClaim,
    answer: &str,
    proof: Proof<'_>,
    now: Timestamp,
) -> Result<Checked, ReceiptError> {
    if let Proof::Event { event, ledger } = proof {
        let is_answer = event.pubkey == ledger && event.kind.as_u16() == REQUEST;
        // nostr-sdk lets pass what bears an id that it checked before, whatever else it says.
        if !is_answer || event.verify().is_err() {
            return Err(ReceiptError::NotSigned);
        }
    }
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(ReceiptError::NoAnswer("it is too long"));
    }
    let said: Value =
        serde_json::from_str(answer).map_err(|_| ReceiptError::NoAnswer("no JSON"))?;
    // Over Nostr `status` is `OK` or `ERROR`.
    let outcome = said["outcome"].as_str().or_else(|| said["status"].as_str());
    let at = now.micros();
    let outcome = match outcome {
        Some("accepted") => "accepted",
        Some("replayed") => "replayed",
        Some("refused") => return refused(&said, answer, at),
        _ => return Err(ReceiptError::NoAnswer("neither accepted, replayed nor refused")),
    };
    fits(sent, &said, outcome)?;
    let seq = said["seq"].as_u64().filter(|seq| *seq > 0);
    let entry_hash = said["entry_hash"].as_str().and_then(spireledger_schema::hex::decode);
    let (Some(seq), Some(entry_hash)) = (seq, entry_hash) else {
        return Err(ReceiptError::NoAnswer("a receipt without `seq` or `entry_hash`"));
    };
    let (via, proof) = match proof {
        Proof::Event { event, .. } => (Via::Nostr, Some(event.as_json())),
        Proof::Channel => (Via::Http, None),
        Proof::Log(key) => {
            let entry = (seq, EntryHash::from_bytes(entry_hash));
            (Via::Http, Some(proven(sent, &said, entry, key)?))
        }
    };
    let answer = Some(answer.to_owned());
    let receipt = Receipt { at, seq, entry_hash, via, answer, proof };
    Ok(Checked { said: Said::Receipt(receipt), outcome })
}

/// Checks that the entry of an answer is in the log and is the claim's own; gives back the proof.
fn proven(
    sent: &SettlementClaim,
    said: &Value,
    (seq, hash): (u64, EntryHash),
    key: &VerifierKey,
) -> Result<String, ReceiptError> {
    let not = |why: &dyn std::fmt::Display| ReceiptError::NotProven(why.to_string());
    let text = said["receipt"].as_str().ok_or_else(|| not(&"there is no receipt in it"))?;
    let proof = proofs::Proof::parse(text).map_err(|why| not(&why))?;
    let proven = proof.verify(key, &[]).map_err(|why| not(&why))?;
    let is_ours = proven.entry.front.seq == seq
        && proven.entry_hash == hash
        && proven.entry.front.key == sent.payment_hash.key();
    if is_ours { Ok(text.to_owned()) } else { Err(not(&"it is the receipt of another entry")) }
}

fn refused(said: &Value, answer: &str, at: i64) -> Result<Checked, ReceiptError> {
    let (Some(code), Some(retryable)) = (said["code"].as_str(), said["retryable"].as_bool()) else {
        return Err(ReceiptError::NoAnswer("a refusal without `code` or `retryable`"));
    };
    let message = said["message"].as_str().unwrap_or_default().to_owned();
    let refusal = Refused { at, code: code.to_owned(), message, answer: answer.to_owned() };
    let said = if retryable { Said::Later(refusal) } else { Said::Refused(refusal) };
    Ok(Checked { said, outcome: "refused" })
}

/// Whether a receipt is of what was sent.
fn fits(sent: &SettlementClaim, said: &Value, outcome: &str) -> Result<(), ReceiptError> {
    let another = |field, sent: String, found: &Value| {
        Err(ReceiptError::Another { field, sent, found: found.to_string() })
    };
    let found = &said["payment_hash"];
    if found.as_str().and_then(PaymentHash::parse_hex) != Some(sent.payment_hash) {
        return another("payment_hash", sent.payment_hash.to_string(), found);
    }
    let split = &said["settlement"];
    // What a database brought in has no split of the ledger's own.
    if split.is_null() && outcome == "replayed" {
        return Ok(());
    }
    let sats = [
        ("wire_sats", sent.wire_sats),
        ("principal_sats", sent.principal_sats),
        ("fee_sats", sent.fee_sats),
    ];
    for (field, sats) in sats {
        if split[field].as_u64() != Some(sats.get()) {
            return another(field, sats.to_string(), &split[field]);
        }
    }
    let part = |field: &str| split[field].as_u64();
    let parts = part("platform_fee_sats")
        .zip(part("operator_fee_sats"))
        .and_then(|(platform, operator)| platform.checked_add(operator));
    if parts != Some(sent.fee_sats.get()) {
        return another(
            "platform_fee_sats and operator_fee_sats",
            sent.fee_sats.to_string(),
            split,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use nostr_sdk::{EventBuilder, Keys, Kind};
    use serde_json::json;
    use spireledger_schema::Command;
    use spireledger_schema::command::Body;

    use super::*;

    fn sent() -> SettlementClaim {
        let claim = json!({ "type": "settlement.claim", "payment_hash": "9f".repeat(32),
            "machine_id": "m1", "tx_type": "cash_out", "wire_sats": 266_800,
            "principal_sats": 259_029, "fee_sats": 7_771, "fiat_amount": "2000.00",
            "fiat_code": "GTQ", "exchange_rate": "129.5145", "machine_seq": 1 });
        let command = Command::parse(&claim.to_string()).unwrap();
        let Body::SettlementClaim(claim) = command.body else { panic!("a claim") };
        claim
    }

    fn receipt() -> Value {
        json!({ "status": "accepted", "payment_hash": "9f".repeat(32), "seq": 7,
            "entry_hash": "ab".repeat(32), "recorded_at": "2026-01-01T00:00:00Z",
            "settlement": { "wire_sats": 266_800, "principal_sats": 259_029, "fee_sats": 7_771,
                "platform_fee_sats": 2_590, "operator_fee_sats": 5_181, "fee_mismatch_sats": 0 } })
    }

    fn check(answer: &Value) -> Result<Checked, ReceiptError> {
        check_receipt(&sent(), &answer.to_string(), Proof::Channel, Timestamp::EPOCH)
    }

    #[test]
    fn a_receipt_of_what_was_sent_counts_accepted_or_replayed_over_either_way() {
        let mut nostr = receipt();
        (nostr["outcome"], nostr["status"]) = (json!("replayed"), json!("OK"));
        let mut brought_in = nostr.clone();
        brought_in.as_object_mut().unwrap().remove("settlement");
        for (answer, outcome) in
            [(receipt(), "accepted"), (nostr, "replayed"), (brought_in, "replayed")]
        {
            let checked = check(&answer).unwrap();
            assert_eq!(checked.outcome, outcome);
            let Said::Receipt(receipt) = checked.said else { panic!("a receipt") };
            assert_eq!((receipt.seq, receipt.entry_hash), (7, [0xab; 32]));
            assert_eq!(receipt.answer, Some(answer.to_string()));
        }
    }

    #[test]
    fn a_receipt_of_anything_else_does_not_count() {
        let wrong: &[(&str, Value)] = &[
            ("/payment_hash", json!("9e".repeat(32))),
            ("/payment_hash", Value::Null),
            ("/status", json!("OK")),
            ("/status", Value::Null),
            ("/seq", json!(0)),
            ("/seq", json!("7")),
            ("/entry_hash", json!("ab")),
            ("/settlement", Value::Null),
            ("/settlement/wire_sats", json!(266_801)),
            ("/settlement/principal_sats", json!(259_029.0)),
            ("/settlement/fee_sats", json!(7_770)),
            ("/settlement/platform_fee_sats", json!(2_591)),
            ("/settlement/operator_fee_sats", json!(u64::MAX)),
        ];
        for (place, value) in wrong {
            let mut answer = receipt();
            *answer.pointer_mut(place).unwrap() = value.clone();
            assert!(check(&answer).is_err(), "{place} {value}");
        }
        for text in ["", "[]", "\"accepted\"", "{"] {
            let checked = check_receipt(&sent(), text, Proof::Channel, Timestamp::EPOCH);
            assert!(checked.is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_whether_it_is_for_good() {
        for (retryable, is_later) in [(true, true), (false, false)] {
            let answer = json!({ "status": "refused", "code": "unknown_machine",
                "retryable": retryable, "message": "no such machine", "details": {} });
            let said = check(&answer).unwrap().said;
            assert_eq!(matches!(said, Said::Later(_)), is_later, "{said:?}");
        }
        assert!(check(&json!({ "status": "refused", "code": "x" })).is_err());
    }

    #[test]
    fn over_nostr_only_what_the_ledger_signed_counts() {
        let (ledger, other) = (Keys::generate(), Keys::generate());
        let event = |keys: &Keys, kind| {
            EventBuilder::new(Kind::from(kind), "").sign_with_keys(keys).unwrap()
        };
        let check = |event: &Event| {
            let proof = Proof::Event { event, ledger: ledger.public_key() };
            check_receipt(&sent(), &receipt().to_string(), proof, Timestamp::EPOCH)
        };
        let right = event(&ledger, REQUEST);
        let Said::Receipt(kept) = check(&right).unwrap().said else { panic!("a receipt") };
        assert_eq!(Event::from_json(kept.proof.unwrap()).unwrap(), right);
        let mut forged = right.clone();
        forged.content = "another".into();
        let mut unsigned = right;
        unsigned.sig = event(&ledger, 1).sig;
        for wrong in [event(&other, REQUEST), event(&ledger, 1), forged, unsigned] {
            assert_eq!(check(&wrong), Err(ReceiptError::NotSigned));
        }
    }
}
