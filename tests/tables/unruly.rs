//! A log with a chain that holds, and entries that no command could have come to: `verify` names the entry,
//! what the rules would have come to, and what is there.

use spireledger::audit::{NOT_DECIDED, verify};
use spireledger_schema::command::{Body, Command, SettlementClaim};
use spireledger_schema::event::{ClaimRefused, Event, MachineChanged};
use spireledger_schema::identity::{Actor, PaymentHash, PublicKey, Role};
use spireledger_schema::json::Patch;
use spireledger_schema::money::Sats;
use spireledger_schema::text::{ProcessingClaim, Text};
use spireledger_schema::words::{LegType, SettlementStatus};
use spireledger_schema::{Entry, EntryKey, streams};

use crate::forged::{chained, entries, more};
use crate::world::World;

/// Forges the month; `forge` says where the entry is that is told.
#[track_caller]
fn check(words: &[&str], forge: impl Fn(&mut Vec<Entry>) -> Option<usize>) {
    let mut all = entries(&World::of_month());
    let at = forge(&mut all).expect("the month has something to forge");
    let seq = at as u64 + 1;
    let report = verify(&chained(&mut all), |_| {});
    let told = report.breaks.iter().filter(|b| b.check == "rules" && b.seq == seq);
    let told: Vec<&str> = told.map(|b| b.what.as_str()).collect();
    let is_told = told.iter().any(|what| words.iter().all(|word| what.contains(word)));
    assert!(is_told, "expected {words:?} at {seq}, found {told:?} among {:#?}", report.breaks);
}

fn place(all: &[Entry], test: impl Fn(&Event) -> bool) -> Option<usize> {
    all.iter().position(|entry| test(&entry.event))
}

/// Changes the first event that fits.
fn change(all: &mut [Entry], change: impl FnMut(&mut Event) -> bool) -> Option<usize> {
    all.iter_mut().map(|entry| &mut entry.event).position(change)
}

/// Puts an entry with this event, beside what is the same, behind the entry at a place.
fn insert(all: &mut Vec<Entry>, at: usize, key: Option<EntryKey>, event: Event) -> usize {
    let mut entry = all[at].clone();
    entry.front.key = key.unwrap_or(entry.front.key);
    entry.front.alias = None;
    entry.circumstances.request_id = None;
    entry.event = event;
    all.insert(at + 1, entry);
    at + 1
}

#[test]
fn a_fee_that_is_split_otherwise_is_told() {
    check(&["platform_fee_sats: expected", "operator_fee_sats: expected"], |all| {
        change(all, |event| match event {
            Event::SettlementClaimed(e) if e.operator_fee_sats > Sats::ZERO => {
                e.platform_fee_sats = more(e.platform_fee_sats);
                e.operator_fee_sats = Sats::new(e.operator_fee_sats.get() - 1).expect("sats");
                true
            }
            _ => false,
        })
    });
}

#[test]
fn a_claim_of_a_machine_that_is_switched_off_is_told() {
    check(&["expected a refusal (inactive_machine", "found settlement.claimed"], |all| {
        let at = place(all, |event| matches!(event, Event::SettlementClaimed(_)))?;
        let Event::SettlementClaimed(claim) = &all[at].event else { return None };
        let id = claim.machine_id.clone();
        let key = streams::machine(&id);
        let off = Event::MachineChanged(MachineChanged {
            id,
            operator_user_id: None,
            wallet_id: None,
            fiat_code: None,
            machine_npub: Patch::Keep,
            name: Patch::Keep,
            location: Patch::Keep,
            operator_cash_in_fee_fraction: None,
            operator_cash_out_fee_fraction: None,
            is_active: Some(false),
        });
        insert(all, at - 1, Some(key), off);
        all[at].circumstances = all[at + 1].circumstances.clone();
        all[at].circumstances.actor = Actor::Local;
        all[at].circumstances.evidence = None;
        all[at].circumstances.request_id = None;
        Some(at + 1)
    });
}

#[test]
fn who_begins_what_another_holds_is_told() {
    check(&["expected a refusal (already_claimed"], |all| {
        let at = place(all, |event| matches!(event, Event::SettlementBegun(_)))?;
        let Event::SettlementBegun(begun) = all[at].event.clone() else { return None };
        let mut again = begun;
        again.processing_claim = ProcessingClaim::parse("somebody else").expect("a claim");
        again.first_leg += u32::try_from(again.legs.len()).expect("few");
        again.legs = Vec::new();
        Some(insert(all, at, None, Event::SettlementBegun(again)))
    });
}

#[test]
fn a_deposit_that_is_confirmed_twice_is_told() {
    check(&["expected nothing new", "says it already; found deposit.confirmed"], |all| {
        let at = place(all, |event| matches!(event, Event::DepositConfirmed(_)))?;
        let event = all[at].event.clone();
        Some(insert(all, at, None, event))
    });
}

#[test]
fn a_leg_that_was_planned_otherwise_is_told() {
    check(&["legs[", "amount_sats: expected"], |all| {
        change(all, |event| {
            let Event::SettlementBegun(e) = event else { return false };
            let mut dca = e.legs.iter_mut().filter(|leg| leg.leg_type == LegType::Dca);
            let (Some(one), Some(other)) = (dca.next(), dca.next()) else { return false };
            one.amount_sats = more(one.amount_sats);
            other.amount_sats = Sats::new(other.amount_sats.get() - 1).expect("sats");
            true
        })
    });
}

#[test]
fn a_settlement_that_ends_as_another_state_is_told() {
    check(&["status: expected \"processed\", found \"partial\""], |all| {
        change(all, |event| match event {
            Event::SettlementFinished(e) if e.status == SettlementStatus::Processed => {
                e.status = SettlementStatus::Partial;
                true
            }
            _ => false,
        })
    });
}

#[test]
fn who_may_not_is_told() {
    check(&["expected a refusal (forbidden"], |all| {
        let at = place(all, |event| matches!(event, Event::SettlementBegun(_)))?;
        let public_key = PublicKey::from_bytes([7; 32]);
        all[at].circumstances.actor = Actor::Key { role: Role::Machine, public_key };
        Some(at)
    });
    check(&["a database that is brought in sends no commands"], |all| {
        let at = place(all, |event| matches!(event, Event::SettlementBegun(_)))?;
        all[at].circumstances.actor = Actor::Import { file: Text::new("old.sqlite3"), version: 12 };
        Some(at)
    });
}

#[test]
fn an_entry_under_another_key_is_told() {
    check(&["expected under key", "found under"], |all| {
        let at = place(all, |event| matches!(event, Event::DepositRecorded(_)))?;
        all[at].front.key = EntryKey::derive("elsewhere", &[]);
        Some(at)
    });
    check(&["expected with alias", "found with none"], |all| {
        let at = all.iter().position(|entry| entry.front.alias.is_some())?;
        all[at].front.alias = None;
        Some(at)
    });
}

#[test]
fn a_refusal_of_what_the_rules_take_is_told() {
    check(&["expected that the claim is accepted, found it refused"], |all| {
        let at = place(all, |event| matches!(event, Event::SettlementClaimed(_)))?;
        let Event::SettlementClaimed(e) = all[at].event.clone() else { return None };
        let payment_hash = PaymentHash::from_bytes([9; 32]);
        let claim = SettlementClaim {
            payment_hash,
            machine_id: e.machine_id,
            tx_type: e.tx_type,
            wire_sats: e.wire_sats,
            principal_sats: e.principal_sats,
            fee_sats: e.fee_sats,
            fiat_amount: e.fiat_amount,
            fiat_code: e.fiat_code,
            exchange_rate: e.exchange_rate,
            bitspire_event_id: None,
            bitspire_txid: None,
            bills: e.bills,
            cassettes: e.cassettes,
            machine_seq: None,
        };
        let mut command = Command::new(Body::SettlementClaim(claim));
        command.occurred_at = all[at].circumstances.occurred_at;
        let refused = Event::ClaimRefused(ClaimRefused {
            payment_hash,
            code: Text::new("unbalanced"),
            fields: Vec::new(),
            claim: Text::new(&command.to_json()),
        });
        Some(insert(all, at, Some(payment_hash.evidence_key()), refused))
    });
}

#[test]
fn what_is_not_decided_again_is_written_down() {
    let told = include_str!("../../docs/verify.md");
    for name in NOT_DECIDED {
        assert!(told.contains(&format!("`{name}`")), "{name}");
    }
}
