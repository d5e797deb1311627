//! Cases about legs: every type, state and outcome of one is somewhere here.

use spireledger_schema::Event;
use spireledger_schema::event::{Leg, LegAdded, LegEnded, LegIntended};
use spireledger_schema::identity::{PaymentHash, Role};
use spireledger_schema::money::Fiat;
use spireledger_schema::parts::{Invoice, Message, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, LegId, ProcessingClaim, WalletId};
use spireledger_schema::words::{LegStatus, LegType, Outcome};

use crate::settlement::{case, planned, sats};
use crate::{By, Case, at, ok, plain, sealed};

pub fn cases() -> Vec<Case> {
    let added = |id, leg| {
        let leg_id = ok(LegId::parse(id));
        Event::LegAdded(LegAdded { leg_id, leg })
    };
    let forward = Leg {
        client_id: ClientId::parse("c1"),
        destination_ln_address: Some(plain("ana@example.com")),
        amount_fiat: Fiat::parse("200.00"),
        ..bare(LegType::Autoforward, 25_000)
    };
    let mut cases = outcomes();
    cases.extend([
        case("autoforward", By::Ledger, added("fwd-1", forward)),
        case("refund", By::Local, added("refund-1", bare(LegType::Refund, 66_700))),
    ]);
    cases
}

/// Payments that were about to be sent. Apart from the others: their seqs go on behind those.
pub fn intents() -> Vec<Case> {
    let intended = LegIntended {
        leg_id: planned(0),
        external_payment_hash: PaymentHash::from_bytes([0xe1; 32]),
        bolt11: Invoice::from(plain("lnbc259030n1pexample")),
        amount_sats: sats(25_903),
        from_wallet_id: ok(WalletId::parse("w-antigua")),
        expires_at: at(1_767_226_200_000_000),
        processing_claim: ProcessingClaim::parse("pay-1"),
    };
    let bare = LegIntended {
        leg_id: ok(LegId::parse("refund-1")),
        bolt11: Invoice::from(sealed()),
        processing_claim: None,
        ..intended.clone()
    };
    let erased = LegIntended { bolt11: Invoice::from(Personal::Erased), ..bare.clone() };
    vec![
        case("full", By::Local, Event::LegIntended(intended)),
        case("bare", By::Key(Role::Super), Event::LegIntended(bare)),
        case("erased", By::Ledger, Event::LegIntended(erased)),
    ]
}

fn bare(leg_type: LegType, amount: u64) -> Leg {
    Leg {
        leg_type,
        client_id: None,
        destination_wallet_id: None,
        destination_ln_address: None,
        target: None,
        amount_sats: sats(amount),
        amount_fiat: None,
    }
}

/// A plan with a leg of every type.
pub fn legs() -> Vec<Leg> {
    let dca = Leg {
        client_id: ClientId::parse("c1"),
        destination_wallet_id: WalletId::parse("w-lp-1"),
        amount_fiat: Fiat::parse("200.00"),
        ..bare(LegType::Dca, 25_903)
    };
    let split = |target: Personal| Leg {
        target: Some(Target::from(target)),
        ..bare(LegType::OperatorSplit, 2_590)
    };
    let forward = |address| Leg {
        client_id: ClientId::parse("c1"),
        destination_ln_address: Some(address),
        ..bare(LegType::Autoforward, 25_000)
    };
    vec![
        dca,
        bare(LegType::SuperFee, 2_590),
        split(plain("partner@example.com")),
        split(sealed()),
        bare(LegType::Retained, 0),
        forward(plain("ana@example.com")),
        forward(Personal::Erased),
        bare(LegType::Refund, 66_700),
    ]
}

fn outcomes() -> Vec<Case> {
    let ended = |number, status, from, leg_type| LegEnded {
        leg_id: planned(number),
        status,
        from,
        leg_type,
        client_id: None,
        amount_sats: sats(25_903),
        amount_fiat: None,
        external_payment_hash: None,
        routing_fee_msat: None,
        error_message: None,
    };
    let completed = LegEnded {
        client_id: ClientId::parse("c1"),
        amount_fiat: Fiat::parse("200.00"),
        external_payment_hash: Some(PaymentHash::from_bytes([0xe1; 32])),
        routing_fee_msat: Some(1_250),
        error_message: Some(Message::from(plain("slow"))),
        ..ended(0, Outcome::Completed, LegStatus::Pending, LegType::Dca)
    };
    let failed = LegEnded {
        error_message: Some(Message::from(sealed())),
        ..ended(1, Outcome::Failed, LegStatus::Pending, LegType::SuperFee)
    };
    let paid_late = LegEnded {
        routing_fee_msat: Some(0),
        ..ended(1, Outcome::Completed, LegStatus::Failed, LegType::Retained)
    };
    let ends = [
        ("completed", By::Key(Role::Super), completed),
        ("failed", By::Local, failed),
        ("completed-late", By::Ledger, paid_late),
        ("voided", By::Local, ended(2, Outcome::Voided, LegStatus::Voided, LegType::OperatorSplit)),
        (
            "skipped",
            By::Local,
            ended(3, Outcome::Skipped, LegStatus::Skipped, LegType::Autoforward),
        ),
        (
            "refunded",
            By::Import,
            ended(4, Outcome::Refunded, LegStatus::Completed, LegType::Refund),
        ),
        (
            "refunded-twice",
            By::Import,
            ended(u32::MAX, Outcome::Refunded, LegStatus::Refunded, LegType::Refund),
        ),
    ];
    ends.into_iter().map(|(name, by, event)| case(name, by, Event::LegEnded(event))).collect()
}
