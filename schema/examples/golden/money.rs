//! Cases about whose money it is.

use spireledger_schema::event::{
    DepositConfirmed, DepositRecorded, DepositRejected, LpChanged, SplitsReplaced,
};
use spireledger_schema::identity::Role;
use spireledger_schema::json::Patch;
use spireledger_schema::money::{Fiat, Fraction};
use spireledger_schema::parts::{Label, Split, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, Currency, DepositId, MachineId, UserId, WalletId};
use spireledger_schema::words::DcaMode;
use spireledger_schema::{Event, streams};

use crate::{By, Case, ok, plain, sealed};

pub fn cases() -> Vec<Case> {
    [splits(), lps(), deposits()].into_iter().flatten().collect()
}

fn splits() -> Vec<Case> {
    let operator = || ok(UserId::parse("op-1"));
    let machine = || ok(MachineId::parse("m1"));
    let split = |target: Personal, label: Option<Personal>, fraction, sort_order| Split {
        target: Target::from(target),
        label: label.map(Label::from),
        fraction: ok(Fraction::parse(fraction)),
        sort_order,
    };
    let case = |name, by, machine_id: Option<MachineId>, splits| Case {
        name,
        key: streams::splits(&operator(), machine_id.as_ref()),
        by,
        event: Event::SplitsReplaced(SplitsReplaced {
            operator_user_id: operator(),
            machine_id,
            splits,
        }),
    };
    let full = vec![
        split(plain("w-op-1"), None, "0.7000", None),
        split(plain("ana@example.com"), Some(plain("Ana")), "0.2000", Some(2)),
        split(sealed(), Some(sealed()), "0.0999", Some(251)),
        split(Personal::Erased, Some(Personal::Erased), "0.0001", Some(u32::MAX)),
    ];
    vec![
        case("full", By::Key(Role::Operator), Some(machine()), full),
        case("empty", By::Import, None, Vec::new()),
    ]
}

fn lps() -> Vec<Case> {
    let user = || ok(UserId::parse("lp-1"));
    let case = |name, by, event| Case {
        name,
        key: streams::lp(&user()),
        by,
        event: Event::LpChanged(event),
    };
    let kept = LpChanged {
        user_id: user(),
        dca_wallet_id: ok(WalletId::parse("w-lp-1")),
        default_dca_mode: None,
        fixed_mode_daily_limit: Patch::Keep,
        autoforward_ln_address: Patch::Keep,
        autoforward_enabled: None,
    };
    let full = LpChanged {
        default_dca_mode: Some(DcaMode::Fixed),
        fixed_mode_daily_limit: Patch::Set(ok(Fiat::parse("250.00"))),
        autoforward_ln_address: Patch::Set(plain("ana@example.com")),
        autoforward_enabled: Some(true),
        ..kept.clone()
    };
    let cleared = LpChanged {
        default_dca_mode: Some(DcaMode::Flow),
        fixed_mode_daily_limit: Patch::Clear,
        autoforward_ln_address: Patch::Clear,
        autoforward_enabled: Some(false),
        ..kept.clone()
    };
    let sealed = LpChanged { autoforward_ln_address: Patch::Set(sealed()), ..kept.clone() };
    vec![
        case("full", By::Key(Role::Lp), full),
        case("kept", By::Local, kept),
        case("cleared", By::Local, cleared),
        case("sealed", By::Ledger, sealed),
    ]
}

fn deposits() -> Vec<Case> {
    let id = || ok(DepositId::parse("d1"));
    let client_id = || ok(ClientId::parse("c1"));
    let case = |name, by, event| Case { name, key: streams::deposit(&id()), by, event };
    let recorded = |amount, notes| {
        Event::DepositRecorded(DepositRecorded {
            id: id(),
            client_id: client_id(),
            machine_id: ok(MachineId::parse("m1")),
            amount: ok(Fiat::from_minor(amount)),
            currency: ok(Currency::parse("GTQ")),
            creator_user_id: ok(UserId::parse("op-1")),
            notes,
        })
    };
    let amount = ok(Fiat::parse("5000.00"));
    let confirmed = |notes| {
        let (id, client_id) = (id(), client_id());
        Event::DepositConfirmed(DepositConfirmed { id, client_id, amount, notes })
    };
    let rejected = |notes| {
        let (id, client_id) = (id(), client_id());
        Event::DepositRejected(DepositRejected { id, client_id, amount, notes })
    };
    vec![
        case("noted", By::Key(Role::Operator), recorded(500_000, Some(plain("3 bundles\n+ 1")))),
        case("bare", By::Local, recorded(1, None)),
        case("most", By::Import, recorded(1_000_000_000_000_000, Some(Personal::Erased))),
        case("noted", By::Key(Role::Operator), confirmed(Some(plain("counted twice")))),
        case("bare", By::Local, confirmed(None)),
        case("noted", By::Key(Role::Operator), rejected(Some(sealed()))),
        case("bare", By::Local, rejected(None)),
    ]
}
