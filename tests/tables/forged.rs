//! A log that somebody with the files in hand has written past the rules, with a chain that holds:
//! `verify` says which entry does with money what no rule allows.

use std::collections::BTreeMap;

use spireledger::audit::verify;
use spireledger::log::{Log, MemoryLog, ReadLog, Sealer};
use spireledger_projections::Settlement;
use spireledger_schema::event::{Event, SettlementFailed, SettlementFinished};
use spireledger_schema::money::{Fiat, Sats};
use spireledger_schema::words::{LegStatus, LegType, Outcome, SettlementStatus, TxType};
use spireledger_schema::{Entry, EntryKey};

use crate::world::World;

pub fn entries(world: &World) -> Vec<Entry> {
    let blocks = world.log().blocks_from(1).map(|block| block.expect("readable"));
    let read = |block: spireledger::log::Block| -> Vec<Entry> {
        block.entries().map(|stored| Entry::decode(stored.canonical).expect("an entry")).collect()
    };
    blocks.flat_map(read).collect()
}

/// A log of these entries, numbered and chained anew.
pub fn chained(entries: &mut [Entry]) -> MemoryLog {
    let log = MemoryLog::new();
    let mut sealer = Sealer::new(log.head());
    let mut newest: BTreeMap<EntryKey, u64> = BTreeMap::new();
    for (seq, entry) in (1..).zip(entries) {
        entry.front.seq = seq;
        let mut bytes = Vec::new();
        entry.encode(&mut bytes).expect("short enough");
        let mut link = |key| newest.insert(key, seq).unwrap_or(0);
        let (prev, prev_alias) = (link(entry.front.key), entry.front.alias.map_or(0, link));
        sealer.push(&entry.front, &bytes, prev, prev_alias);
    }
    log.append(log.head(), &sealer.seal()).expect("appended");
    log
}

pub fn more(sats: Sats) -> Sats {
    Sats::new(sats.get() + 1).expect("sats")
}

/// What `verify` says of the month with one of its entries forged.
fn said(forge: impl Fn(&mut Vec<Entry>) -> bool) -> Vec<String> {
    let mut all = entries(&World::of_month());
    assert!(forge(&mut all), "the month has nothing to forge");
    let report = verify(&chained(&mut all), |_| {});
    report.breaks.iter().map(|found| format!("{}: {}", found.check, found.what)).collect()
}

#[track_caller]
fn check(expected: &str, forge: impl Fn(&mut Vec<Entry>) -> bool) {
    let said = said(forge);
    let is_told =
        said.iter().any(|what| what.starts_with("conservation: ") && what.contains(expected));
    assert!(is_told, "expected {expected}, found {said:#?}");
}

/// Changes the first event that fits.
pub fn change(entries: &mut [Entry], change: impl FnMut(&mut Event) -> bool) -> bool {
    entries.iter_mut().map(|entry| &mut entry.event).any(change)
}

/// Puts a copy of the first entry that fits, with another event, behind all others.
pub fn append(entries: &mut Vec<Entry>, make: impl Fn(&Event) -> Option<Event>) -> bool {
    let found = entries.iter().find_map(|entry| Some((entry.clone(), make(&entry.event)?)));
    let Some((mut entry, event)) = found else { return false };
    entry.event = event;
    entry.front.alias = None;
    entry.circumstances.recorded_at = entries.last().expect("entries").circumstances.recorded_at;
    entries.push(entry);
    true
}

#[test]
fn what_the_rules_let_in_is_sound() {
    assert_eq!(said(|_| true), Vec::<String>::new());
}

#[test]
fn a_claim_that_does_not_add_up_is_told() {
    check("wire, by principal and fee: expected", |all| {
        change(all, |event| match event {
            Event::SettlementClaimed(e) => {
                e.wire_sats = more(e.wire_sats);
                true
            }
            _ => false,
        })
    });
    check("the parts of the fee: expected", |all| {
        change(all, |event| match event {
            Event::SettlementClaimed(e) => {
                e.operator_fee_sats = more(e.operator_fee_sats);
                true
            }
            _ => false,
        })
    });
}

#[test]
fn a_plan_that_loses_or_makes_a_sat_is_told() {
    for (what, kind) in [
        ("platform's fee", LegType::SuperFee),
        ("operator's fee", LegType::OperatorSplit),
        ("principal", LegType::Dca),
        ("owed back", LegType::Refund),
    ] {
        let planned = |event: &mut Event, forge: &dyn Fn(&mut Vec<_>, usize)| {
            let legs = match event {
                Event::SettlementBegun(e) => &mut e.legs,
                Event::SettlementAdjusted(e) => &mut e.legs,
                _ => return false,
            };
            let found = legs.iter().position(|leg| leg.leg_type == kind);
            found.map(|at| forge(legs, at)).is_some()
        };
        check(what, |all| change(all, |event| planned(event, &|legs, at| drop(legs.remove(at)))));
        check(what, |all| {
            change(all, |event| {
                planned(event, &|legs, at| legs[at].amount_sats = more(legs[at].amount_sats))
            })
        });
    }
}

#[test]
fn an_lp_that_is_planned_beyond_its_balance_is_told() {
    check("would be left", |all| {
        change(all, |event| {
            let Event::SettlementBegun(e) = event else { return false };
            let dca = e.legs.iter_mut().find(|leg| leg.leg_type == LegType::Dca);
            dca.map(|leg| leg.amount_fiat = Fiat::from_minor(9_000_000)).is_some()
        })
    });
}

#[test]
fn a_leg_that_ends_with_another_amount_or_twice_is_told() {
    check("was planned as super_fee of", |all| {
        change(all, |event| match event {
            Event::LegEnded(e) if e.leg_type == LegType::SuperFee => {
                e.amount_sats = more(e.amount_sats);
                true
            }
            _ => false,
        })
    });
    check("which is final", |all| {
        append(all, |event| match event {
            Event::LegEnded(e)
                if e.status == Outcome::Completed && e.leg_type == LegType::SuperFee =>
            {
                Some(event.clone())
            }
            _ => None,
        })
    });
    check("and the entry says failed", |all| {
        change(all, |event| match event {
            Event::LegEnded(e) if e.from == LegStatus::Pending => {
                e.from = LegStatus::Failed;
                true
            }
            _ => false,
        })
    });
}

#[test]
fn more_forwarded_than_was_received_is_told() {
    check("what an LP forwards: at most", |all| {
        change(all, |event| match event {
            Event::LegAdded(e) if e.leg.leg_type == LegType::Autoforward => {
                e.leg.amount_sats = Sats::new(90_000_000).expect("sats");
                true
            }
            _ => false,
        })
    });
}

#[test]
fn a_refund_beyond_what_came_in_is_told() {
    check("what leaves the machine's wallet: at most", |all| {
        change(all, |event| match event {
            Event::LegAdded(e) => {
                e.leg.leg_type = LegType::Refund;
                e.leg.amount_sats = Sats::new(90_000_000).expect("sats");
                true
            }
            _ => false,
        })
    });
}

#[test]
fn what_has_ended_stays_so() {
    check("which is final", |all| {
        append(all, |event| match event {
            Event::SettlementFinished(_) => Some(Event::SettlementFailed(SettlementFailed {
                processing_claim: None,
                error_message: None,
            })),
            _ => None,
        })
    });
}

#[test]
fn a_settlement_that_ends_with_an_open_leg_is_told() {
    check("and its leg", |all| {
        let mut open = None;
        let mut by_key: BTreeMap<EntryKey, Vec<Entry>> = BTreeMap::new();
        for entry in all.iter() {
            by_key.entry(entry.front.key).or_default().push(entry.clone());
        }
        for (key, stream) in &by_key {
            let Ok(Some(settlement)) = Settlement::fold(stream) else { continue };
            let waits = settlement.legs.iter().any(|leg| leg.status == LegStatus::Pending);
            if waits && !settlement.status.is_final() {
                open = Some(*key);
            }
        }
        let Some(open) = open else { return false };
        let mut last = all.last().expect("entries").clone();
        last.front.key = open;
        last.front.alias = None;
        last.event = Event::SettlementFinished(SettlementFinished {
            processing_claim: None,
            status: SettlementStatus::Processed,
            error_message: None,
        });
        all.push(last);
        true
    });
}

#[test]
fn an_adjustment_that_uses_more_than_came_in_is_told() {
    check("principal and fee: at most", |all| {
        let mut cash_out = false;
        change(all, |event| match event {
            Event::SettlementClaimed(e) => {
                cash_out |= e.tx_type == TxType::CashOut;
                false
            }
            Event::SettlementAdjusted(e) => {
                e.principal_sats = Sats::new(90_000_000).expect("sats");
                cash_out
            }
            _ => false,
        })
    });
}
