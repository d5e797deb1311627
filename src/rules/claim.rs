//! `settlement.claim`: a machine says that a settlement happened.

use serde_json::Value;
use spireledger_projections::is_apart;
use spireledger_schema::command::{Body, SettlementClaim};
use spireledger_schema::event::{ClaimRefused, SettlementClaimed};
use spireledger_schema::identity::{Actor, Role};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::money::{Fraction, Sats};
use spireledger_schema::text::{Text, UserId};
use spireledger_schema::words::TxType;
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::brought_in::repeated_claim;
use super::fees::{Split, split_fee};
use super::identity::{replay_or_conflict, taken};
use super::{Case, Ruling, Step, malformed, refuse};

/// Most refused claims that are kept for one payment hash: enough to see what went on, too few to
/// fill a disk with.
pub const EVIDENCE_PER_HASH_MAX: usize = 16;

pub(super) fn claim(case: &Case<'_>, c: &SettlementClaim) -> Ruling {
    if let Some(first) = case.found.stream.first() {
        let now = match &first.event {
            Event::SettlementClaimed(said) => repeated(c, said),
            Event::RowImported(e)
                if e.row.table == SourceTable::Settlements
                    && !is_apart(&e.row, &first.front.key) =>
            {
                return repeated_claim(c, first, e);
            }
            _ => return Err(taken(first).into()),
        };
        return replay_or_conflict(case, first, &now);
    }
    let Some(machine) = case.fleet.machine(&c.machine_id) else {
        let message = format!(
            "no machine `{}` is registered; register it, then send the claim again",
            c.machine_id
        );
        return Err(refuse(Code::UnknownMachine, message).into());
    };
    if !machine.is_active {
        let message =
            format!("machine `{}` is switched off; its operator can switch it on", c.machine_id);
        return Err(refuse(Code::InactiveMachine, message).into());
    }
    if c.fiat_code != machine.fiat_code {
        let message = format!(
            "`fiat_code` is {}, but machine `{}` handles {}",
            c.fiat_code, c.machine_id, machine.fiat_code
        );
        return Err(refuse(Code::CurrencyMismatch, message).into());
    }
    counted(c)?;
    balanced(c)?;
    within_cap(case, c)?;
    let terms = Terms {
        operator_user_id: &machine.operator_user_id,
        platform: case.fleet.config().fee_fraction(c.tx_type),
        operator: machine.fee_fraction(c.tx_type),
    };
    let split = split_fee(c.principal_sats, c.fee_sats, terms.platform, terms.operator);
    Ok(Step::Append(event(c, split, terms, None)))
}

/// The fractions of principal in force.
#[derive(Clone, Copy)]
struct Terms<'a> {
    operator_user_id: &'a UserId,
    platform: Fraction,
    operator: Fraction,
}

/// A machine counts its claims from 1. Looked at behind identity: what was accepted with a 0 before this
/// rule is replayed still.
fn counted(c: &SettlementClaim) -> Result<(), Refusal> {
    if c.machine_seq != Some(0) {
        return Ok(());
    }
    let expected =
        "the machine's own count of its claims, from 1; leave it out if it does not count";
    Err(malformed("machine_seq", "0", expected))
}

/// Wire is principal plus fee of a cash-out, principal less fee of a cash-in.
fn balanced(c: &SettlementClaim) -> Result<(), Refusal> {
    let (sign, wire) = match c.tx_type {
        TxType::CashOut => ('+', c.principal_sats.checked_add(c.fee_sats)),
        TxType::CashIn => ('-', c.principal_sats.checked_sub(c.fee_sats)),
    };
    if wire == Some(c.wire_sats) {
        return Ok(());
    }
    let right = wire.map_or_else(|| "out of bounds".to_owned(), |wire| wire.to_string());
    let message = format!(
        "`wire_sats` is {}, but principal_sats {sign} fee_sats of a {} is {right}",
        c.wire_sats, c.tx_type
    );
    Err(refuse(Code::Unbalanced, message)
        .with("wire_sats", c.wire_sats)
        .with("principal_sats", c.principal_sats)
        .with("fee_sats", c.fee_sats))
}

/// Seed m012: the sats of a cash-in are attested by the machine alone, so a cap bounds them.
fn within_cap(case: &Case<'_>, c: &SettlementClaim) -> Result<(), Refusal> {
    match (c.tx_type, case.fleet.config().max_cash_in_sats) {
        (TxType::CashIn, Some(cap)) if cap == Sats::ZERO || c.principal_sats > cap => {
            let message = format!(
                "`principal_sats` of a cash-in may be at most {cap} here, but is {}",
                c.principal_sats
            );
            Err(refuse(Code::CashInCap, message).with("max_cash_in_sats", cap))
        }
        _ => Ok(()),
    }
}

/// What the claim would say with the split of the accepted one. What names only the attempt (the
/// Nostr event, the machine's count) is not compared: a re-sent claim is signed anew.
fn repeated(c: &SettlementClaim, said: &SettlementClaimed) -> Event {
    let split = Split {
        platform_fee_sats: said.platform_fee_sats,
        operator_fee_sats: said.operator_fee_sats,
        fee_mismatch_sats: said.fee_mismatch_sats,
    };
    let terms = Terms {
        operator_user_id: &said.operator_user_id,
        platform: said.super_fee_fraction,
        operator: said.operator_fee_fraction,
    };
    event(c, split, terms, Some(said))
}

fn event(
    c: &SettlementClaim,
    split: Split,
    terms: Terms<'_>,
    attempt: Option<&SettlementClaimed>,
) -> Event {
    let (bitspire_event_id, machine_seq) = match attempt {
        Some(first) => (first.bitspire_event_id.clone(), first.machine_seq),
        None => (c.bitspire_event_id.clone(), c.machine_seq),
    };
    Event::SettlementClaimed(SettlementClaimed {
        machine_id: c.machine_id.clone(),
        operator_user_id: terms.operator_user_id.clone(),
        tx_type: c.tx_type,
        wire_sats: c.wire_sats,
        principal_sats: c.principal_sats,
        fee_sats: c.fee_sats,
        platform_fee_sats: split.platform_fee_sats,
        operator_fee_sats: split.operator_fee_sats,
        fee_mismatch_sats: split.fee_mismatch_sats,
        super_fee_fraction: terms.platform,
        operator_fee_fraction: terms.operator,
        fiat_amount: c.fiat_amount,
        fiat_code: c.fiat_code,
        exchange_rate: c.exchange_rate,
        bitspire_event_id,
        bitspire_txid: c.bitspire_txid.clone(),
        bills: c.bills.clone(),
        cassettes: c.cassettes.clone(),
        machine_seq,
    })
}

/// What is kept of a refused claim: a conflict always, anything else if a machine signed it. A key that no
/// machine has is a stranger's: whatever it says leaves no trace.
pub(super) fn evidence(case: &Case<'_>, refusal: &Refusal) -> Option<Event> {
    let request = case.request;
    let Body::SettlementClaim(c) = &request.command.body else { return None };
    let is_machines = match &request.actor {
        Actor::Key { role: Role::Machine, public_key } => {
            case.fleet.machine_with_npub(public_key).is_some()
        }
        _ => false,
    };
    if refusal.code != Code::Conflict && !is_machines {
        return None;
    }
    let names = refusal.details.get("fields").and_then(Value::as_array);
    let fields = names.into_iter().flatten().filter_map(|field| field["field"].as_str());
    Some(Event::ClaimRefused(ClaimRefused {
        payment_hash: c.payment_hash,
        code: Text::new(refusal.code.as_str()),
        fields: fields.map(Text::new).collect(),
        claim: Text::new(&request.command.to_json()),
    }))
}

/// Whether evidence has its place beside what is kept of the same hash: it is new, and there is room.
/// Half of the room is for conflicts alone, so that nothing else crowds them out.
pub fn is_kept(kept: &[Entry], evidence: &Event) -> bool {
    let Event::ClaimRefused(new) = evidence else { return false };
    // Others than refused claims can only be there by whoever made a claim on this very key.
    let kept = kept.iter().filter_map(|entry| match &entry.event {
        Event::ClaimRefused(refused) => Some(refused),
        _ => None,
    });
    let is_conflict = |refused: &ClaimRefused| refused.code.as_str() == Code::Conflict.as_str();
    let room = if is_conflict(new) { EVIDENCE_PER_HASH_MAX } else { EVIDENCE_PER_HASH_MAX / 2 };
    let said = without_attempt(new);
    kept.clone().count() < room && kept.clone().all(|refused| without_attempt(refused) != said)
}

/// The refusal and the claim, without what names only the attempt: a re-sent claim is signed anew.
fn without_attempt(refused: &ClaimRefused) -> (&str, Value) {
    let mut claim: Value = serde_json::from_str(refused.claim.as_str()).unwrap_or_default();
    if let Some(fields) = claim.as_object_mut() {
        for of_attempt in ["bitspire_event_id", "machine_seq", "request_id"] {
            fields.remove(of_attempt);
        }
    }
    (refused.code.as_str(), claim)
}
