//! Cases about the fleet.

use spireledger_schema::event::{
    BeaconReported, CassettesReported, CassettesSet, ClientChanged, ClientEnrolled, ConfigChanged,
    MachineChanged, MachinePaired, MachineRegistered, OperatorChanged, TelemetryReported,
};
use spireledger_schema::identity::{PublicKey, Role};
use spireledger_schema::json::{FromJson, Patch, RawJson};
use spireledger_schema::money::{Fraction, Sats};
use spireledger_schema::parts::{Bay, Line};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, Currency, MachineId, UserId, WalletId};
use spireledger_schema::time::UtcOffset;
use spireledger_schema::words::ClientStatus;
use spireledger_schema::{Event, streams};

use crate::{By, Case, at, ok, plain, sealed};

pub fn cases() -> Vec<Case> {
    [config(), operators(), registered(), changed(), clients(), beacons(), reports(), cassettes()]
        .into_iter()
        .flatten()
        .collect()
}

fn m1() -> MachineId {
    ok(MachineId::parse("m1"))
}

fn npub() -> PublicKey {
    ok(PublicKey::parse("npub10xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqpkge6d"))
}

fn json(text: &str) -> RawJson {
    let raw = serde_json::from_str(text).expect("JSON");
    RawJson::from_json(raw).expect("within the limits")
}

fn operators() -> Vec<Case> {
    let operator = || ok(UserId::parse("op-1"));
    let case = |name, by, minutes| Case {
        name,
        key: streams::operator(&operator()),
        by,
        event: Event::OperatorChanged(OperatorChanged {
            operator_user_id: operator(),
            utc_offset: ok(UtcOffset::from_minutes(minutes)),
        }),
    };
    vec![case("west", By::Key(Role::Super), -360), case("furthest", By::Local, 840)]
}

fn config() -> Vec<Case> {
    let case = |name, by, event| Case {
        name,
        key: streams::config(),
        by,
        event: Event::ConfigChanged(event),
    };
    vec![
        case(
            "full",
            By::Key(Role::Super),
            ConfigChanged {
                super_cash_in_fee_fraction: Fraction::parse("0.0100"),
                super_cash_out_fee_fraction: Fraction::parse("0.0150"),
                super_fee_wallet_id: Patch::Set(ok(WalletId::parse("w-platform"))),
                max_cash_in_sats: Patch::Set(ok(Sats::new(2_000_000))),
            },
        ),
        case(
            "kept",
            By::Local,
            ConfigChanged {
                super_cash_in_fee_fraction: None,
                super_cash_out_fee_fraction: None,
                super_fee_wallet_id: Patch::Keep,
                max_cash_in_sats: Patch::Keep,
            },
        ),
        case(
            "cleared",
            By::Local,
            ConfigChanged {
                super_cash_in_fee_fraction: Fraction::parse("0"),
                super_cash_out_fee_fraction: Fraction::parse("1"),
                super_fee_wallet_id: Patch::Clear,
                max_cash_in_sats: Patch::Clear,
            },
        ),
    ]
}

fn registered() -> Vec<Case> {
    let case = |name, by, event| Case {
        name,
        key: streams::machine(&m1()),
        by,
        event: Event::MachineRegistered(event),
    };
    let bare = MachineRegistered {
        id: m1(),
        operator_user_id: ok(UserId::parse("op-1")),
        wallet_id: ok(WalletId::parse("w-m1")),
        fiat_code: ok(Currency::parse("GTQ")),
        machine_npub: None,
        name: None,
        location: None,
        operator_cash_in_fee_fraction: None,
        operator_cash_out_fee_fraction: None,
    };
    let full = MachineRegistered {
        machine_npub: Some(npub()),
        name: Line::parse("Mercado \u{1f3e7}"),
        location: Some(plain("Antigua Guatemala, 4a Calle Poniente")),
        operator_cash_in_fee_fraction: Fraction::parse("0.0400"),
        operator_cash_out_fee_fraction: Fraction::parse("0.0550"),
        ..bare.clone()
    };
    let sealed = MachineRegistered { location: Some(sealed()), ..bare.clone() };
    vec![
        case("full", By::Key(Role::Operator), full),
        case("bare", By::Local, bare),
        case("sealed", By::Import, sealed),
    ]
}

fn changed() -> Vec<Case> {
    let case = |name, by, event| Case { name, key: streams::machine(&m1()), by, event };
    let kept = MachineChanged {
        id: m1(),
        operator_user_id: None,
        wallet_id: None,
        fiat_code: None,
        machine_npub: Patch::Keep,
        name: Patch::Keep,
        location: Patch::Keep,
        operator_cash_in_fee_fraction: None,
        operator_cash_out_fee_fraction: None,
        is_active: None,
    };
    let full = MachineChanged {
        operator_user_id: UserId::parse("op-2"),
        wallet_id: WalletId::parse("w-m1b"),
        fiat_code: Currency::parse("EUR"),
        machine_npub: Patch::Set(npub()),
        name: Patch::Set(ok(Line::parse("Mercado Central"))),
        location: Patch::Set(plain("Antigua")),
        operator_cash_in_fee_fraction: Fraction::parse("0.0001"),
        operator_cash_out_fee_fraction: Fraction::parse("0.9999"),
        is_active: Some(true),
        ..kept.clone()
    };
    let cleared = MachineChanged {
        machine_npub: Patch::Clear,
        name: Patch::Clear,
        location: Patch::Clear,
        is_active: Some(false),
        ..kept.clone()
    };
    let erased = MachineChanged { location: Patch::Set(Personal::Erased), ..kept.clone() };
    let paired = |key: &str| MachinePaired {
        id: m1(),
        machine_npub: npub(),
        bunker_spire_key_name: ok(Line::parse(key)),
        paired_at: at(1_767_225_600_000_001),
    };
    vec![
        case("full", By::Key(Role::Operator), Event::MachineChanged(full)),
        case("kept", By::Local, Event::MachineChanged(kept)),
        case("cleared", By::Local, Event::MachineChanged(cleared)),
        case("erased", By::Ledger, Event::MachineChanged(erased)),
        case("named", By::Key(Role::Operator), Event::MachinePaired(paired("spire-m1"))),
        case("unnamed", By::Import, Event::MachinePaired(paired(""))),
    ]
}

fn clients() -> Vec<Case> {
    let id = || ok(ClientId::parse("c1"));
    let case = |name, by, event| Case { name, key: streams::client(&id()), by, event };
    let enrolled = |username| {
        Event::ClientEnrolled(ClientEnrolled {
            id: id(),
            machine_id: m1(),
            user_id: ok(UserId::parse("lp-1")),
            username,
        })
    };
    let changed =
        |username, status| Event::ClientChanged(ClientChanged { id: id(), username, status });
    vec![
        case("named", By::Key(Role::Operator), enrolled(Some(plain("Ana Mar\u{ed}a")))),
        case("unnamed", By::Local, enrolled(None)),
        case("sealed", By::Local, enrolled(Some(sealed()))),
        case("erased", By::Import, enrolled(Some(Personal::Erased))),
        case("active", By::Local, changed(Patch::Keep, Some(ClientStatus::Active))),
        case("paused", By::Local, changed(Patch::Set(plain("Ana")), Some(ClientStatus::Paused))),
        case("inactive", By::Local, changed(Patch::Clear, Some(ClientStatus::Inactive))),
        case("kept", By::Local, changed(Patch::Keep, None)),
        case("sealed", By::Local, changed(Patch::Set(sealed()), None)),
    ]
}

fn beacons() -> Vec<Case> {
    let received_at = at(1_767_225_600_000_000);
    let case = |name, by, event| Case {
        name,
        key: streams::beacon(&m1(), received_at),
        by,
        event: Event::BeaconReported(event),
    };
    let bare = BeaconReported {
        machine_id: m1(),
        cash_in: None,
        cash_out: None,
        cash_level: None,
        fiat: None,
        model: None,
        name: None,
        location: None,
        geo: None,
        fees_json: None,
        limits_json: None,
        denominations_json: None,
        version: None,
        received_at,
    };
    let full = BeaconReported {
        cash_in: Some(true),
        cash_out: Some(false),
        cash_level: Line::parse("low"),
        fiat: Line::parse("GTQ"),
        model: Line::parse("bitSpire One"),
        name: Line::parse("Mercado"),
        location: Some(plain("Antigua")),
        geo: Some(plain("d34dbeef")),
        fees_json: Some(json(r#"{"cash_in":"5%","cash_out":"5.5%"}"#)),
        limits_json: Some(json("[1, 2.5, -3e2]")),
        denominations_json: Some(json(r#""20, 50, 100""#)),
        version: Line::parse("1.4.2"),
        ..bare.clone()
    };
    vec![case("full", By::Machine, full), case("bare", By::Local, bare)]
}

fn reports() -> Vec<Case> {
    let received_at = at(1_767_225_600_000_000);
    let case = |name, by, telemetry| Case {
        name,
        key: streams::telemetry(&m1(), received_at),
        by,
        event: Event::TelemetryReported(TelemetryReported {
            machine_id: m1(),
            telemetry,
            received_at,
        }),
    };
    let report = r#"{"cpu": {"temp": 61.5, "cores": [1, 2]}, "note": "a \"word\"", "none": null}"#;
    vec![
        case("object", By::Machine, json(report)),
        case("word", By::Key(Role::Machine), json(r#""ok""#)),
    ]
}

fn cassettes() -> Vec<Case> {
    let bays = || {
        [
            (1, Bay { denomination: 20, count: 500 }),
            (2, Bay { denomination: 100, count: 0 }),
            (300, Bay { denomination: 70_000, count: u32::MAX }),
        ]
    };
    let state_at = at(1_767_225_600_000_000);
    let set = |name, by, positions: &[(u32, Bay)], updated_by| Case {
        name,
        key: streams::cassettes(&m1()),
        by,
        event: Event::CassettesSet(CassettesSet {
            machine_id: m1(),
            positions: positions.iter().cloned().collect(),
            updated_by,
        }),
    };
    let reported = |name, by, positions: &[(u32, Bay)], state_at, state_event_id| Case {
        name,
        key: streams::cassettes_state(&m1(), state_at),
        by,
        event: Event::CassettesReported(CassettesReported {
            machine_id: m1(),
            positions: positions.iter().cloned().collect(),
            state_at,
            state_event_id,
        }),
    };
    vec![
        set("full", By::Key(Role::Operator), &bays(), UserId::parse("op-1")),
        set("empty", By::Local, &[], None),
        reported("full", By::Machine, &bays(), Some(state_at), Line::parse("ee55")),
        reported("empty", By::Local, &[], None, None),
    ]
}
