//! Cases about settlements.

use spireledger_schema::Event;
use spireledger_schema::event::{
    ClaimRefused, GivenBack, SettlementAdjusted, SettlementBegun, SettlementClaimed,
    SettlementFailed, SettlementFinished, SettlementNoted, SettlementReleased, SettlementVoided,
    TakenOver,
};
use spireledger_schema::identity::Role;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bill, Dispensed, Line, Message};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{
    ClientId, Currency, LegId, MachineId, NoteId, ProcessingClaim, Text, UserId,
};
use spireledger_schema::words::{SettlementStatus, TxType};

use crate::legs::{self, legs};
use crate::{By, Case, SETTLEMENT, at, ok, plain, sealed};

pub fn cases() -> Vec<Case> {
    [claimed(), locks(), adjusted(), ends(), legs::cases(), refused()]
        .into_iter()
        .flatten()
        .collect()
}

/// A case in the settlement's own stream.
pub fn case(name: &'static str, by: By, event: Event) -> Case {
    Case { name, key: SETTLEMENT.key(), by, event }
}

pub fn sats(sats: u64) -> Sats {
    ok(Sats::new(sats))
}

fn token() -> ProcessingClaim {
    ok(ProcessingClaim::parse("worker-1"))
}

fn claimed() -> Vec<Case> {
    let bare = SettlementClaimed {
        machine_id: ok(MachineId::parse("m1")),
        operator_user_id: ok(UserId::parse("op")),
        tx_type: TxType::CashOut,
        wire_sats: sats(266_800),
        principal_sats: sats(259_029),
        fee_sats: sats(7_771),
        platform_fee_sats: sats(2_590),
        operator_fee_sats: sats(5_181),
        fee_mismatch_sats: 0,
        super_fee_fraction: ok(Fraction::parse("0.0100")),
        operator_fee_fraction: ok(Fraction::parse("0.0200")),
        fiat_amount: ok(Fiat::parse("2000.00")),
        fiat_code: ok(Currency::parse("GTQ")),
        exchange_rate: ok(ExchangeRate::parse("129.5145")),
        bitspire_event_id: None,
        bitspire_txid: None,
        bills: None,
        cassettes: None,
        machine_seq: None,
    };
    let bay = |position, denomination| Dispensed {
        position,
        denomination,
        provisioned: 20,
        dispensed: 19,
        rejected: 1,
    };
    let cash_out = SettlementClaimed {
        bitspire_event_id: Line::parse("1d1d"),
        bitspire_txid: Line::parse("tx-1"),
        cassettes: Some(vec![bay(1, 100), bay(2, 50)]),
        machine_seq: Some(1),
        ..bare.clone()
    };
    let cash_in = SettlementClaimed {
        tx_type: TxType::CashIn,
        wire_sats: sats(97_000),
        principal_sats: sats(100_000),
        fee_sats: sats(3_000),
        platform_fee_sats: sats(1_000),
        operator_fee_sats: sats(2_000),
        fee_mismatch_sats: -70_000,
        fiat_amount: ok(Fiat::parse("772.12")),
        exchange_rate: ok(ExchangeRate::parse("129.5135471")),
        bills: Some(vec![
            Bill { denomination: 100, count: 7 },
            Bill { denomination: 50, count: 1 },
        ]),
        cassettes: Some(Vec::new()),
        machine_seq: Some(u64::MAX),
        ..bare.clone()
    };
    let edges = SettlementClaimed {
        wire_sats: sats(spireledger_schema::limits::SATS_MAX),
        principal_sats: sats(spireledger_schema::limits::SATS_MAX),
        fee_sats: sats(0),
        platform_fee_sats: sats(0),
        operator_fee_sats: sats(0),
        fee_mismatch_sats: i64::MIN,
        super_fee_fraction: ok(Fraction::parse("0")),
        operator_fee_fraction: ok(Fraction::parse("1")),
        exchange_rate: ok(ExchangeRate::parse("0.000000000000000001")),
        ..bare.clone()
    };
    let claimed = |name, by, event| case(name, by, Event::SettlementClaimed(event));
    vec![
        claimed("cash-out", By::Machine, cash_out),
        claimed("cash-in", By::Machine, cash_in),
        claimed("bare", By::Local, bare),
        claimed("edges", By::Import, edges),
    ]
}

fn locks() -> Vec<Case> {
    let begun = |taken_over, first_leg, legs| {
        Event::SettlementBegun(SettlementBegun {
            processing_claim: token(),
            taken_over,
            first_leg,
            legs,
        })
    };
    let taken_over = TakenOver {
        processing_claim: ok(ProcessingClaim::parse("worker-0")),
        since: at(1_767_225_000_000_000),
    };
    let released =
        |processing_claim| Event::SettlementReleased(SettlementReleased { processing_claim });
    vec![
        case("planned", By::Key(Role::Super), begun(None, 0, legs())),
        case("again", By::Ledger, begun(Some(taken_over), 300, Vec::new())),
        case("by-key", By::Key(Role::Operator), released(token())),
        case("by-command-line", By::Local, released(ok(ProcessingClaim::parse("\u{26a1}")))),
    ]
}

fn given_back() -> Vec<GivenBack> {
    vec![GivenBack {
        client_id: ok(ClientId::parse("c1")),
        amount_sats: sats(25_903),
        amount_fiat: ok(Fiat::parse("200.00")),
    }]
}

fn adjusted() -> Vec<Case> {
    let adjusted = |reason: Personal, given_back, first_leg, legs| {
        Event::SettlementAdjusted(SettlementAdjusted {
            fiat_amount: ok(Fiat::parse("1500.00")),
            principal_sats: sats(194_272),
            fee_sats: sats(5_828),
            platform_fee_sats: sats(1_943),
            operator_fee_sats: sats(3_885),
            fee_mismatch_sats: 1,
            reason: Message::from(reason),
            given_back,
            first_leg,
            legs,
        })
    };
    let full = adjusted(plain("the dispenser jammed"), given_back(), 6, legs());
    vec![
        case("full", By::Key(Role::Operator), full),
        case("unplanned", By::Local, adjusted(plain(""), Vec::new(), 0, Vec::new())),
        case("sealed", By::Local, adjusted(sealed(), Vec::new(), 0, Vec::new())),
    ]
}

fn ends() -> Vec<Case> {
    let noted = |note| {
        let id = ok(NoteId::parse("n1"));
        Event::SettlementNoted(SettlementNoted { id, note })
    };
    let finished = |processing_claim, status, error_message| {
        Event::SettlementFinished(SettlementFinished { processing_claim, status, error_message })
    };
    let failed = |processing_claim, error_message| {
        Event::SettlementFailed(SettlementFailed { processing_claim, error_message })
    };
    let voided = |processing_claim, error_message, given_back| {
        Event::SettlementVoided(SettlementVoided { processing_claim, error_message, given_back })
    };
    let message = |text| Some(Message::from(plain(text)));
    vec![
        case("plain", By::Key(Role::Auditor), noted(plain("seen by \u{00c9}mile"))),
        case("sealed", By::Local, noted(sealed())),
        case("erased", By::Local, noted(Personal::Erased)),
        case("processed", By::Local, finished(Some(token()), SettlementStatus::Processed, None)),
        case("partial", By::Local, finished(None, SettlementStatus::Partial, message("1 void"))),
        case("told", By::Ledger, failed(Some(token()), message("no route"))),
        case("bare", By::Local, failed(None, None)),
        case("told", By::Local, voided(Some(token()), message("a test"), given_back())),
        case("bare", By::Import, voided(None, None, Vec::new())),
    ]
}

fn refused() -> Vec<Case> {
    let refused = |name, by, code, fields: &[&str], claim| Case {
        name,
        key: SETTLEMENT.evidence_key(),
        by,
        event: Event::ClaimRefused(ClaimRefused {
            payment_hash: SETTLEMENT,
            code: Text::new(code),
            fields: fields.iter().map(|field| Text::new(field)).collect(),
            claim: Text::new(claim),
        }),
    };
    let claim = r#"{"type":"settlement.claim","payment_hash":"9f…","wire_sats":1}"#;
    vec![
        refused("conflict", By::Machine, "conflict", &["fee_sats", "wire_sats"], claim),
        refused("bare", By::Key(Role::Machine), "unknown_machine", &[], ""),
    ]
}

/// The id of a leg that was planned.
pub fn planned(number: u32) -> LegId {
    LegId::planned(&SETTLEMENT, number)
}
