//! Arbitrary events, of every kind.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spireledger_schema::Event;
use spireledger_schema::event::*;
use spireledger_schema::text::{
    ClientId, DepositId, LegId, MachineId, NoteId, ProcessingClaim, Text, UserId, WalletId,
};
use spireledger_schema::words::*;

use super::*;

/// One strategy for every kind of event.
pub fn kinds() -> Vec<BoxedStrategy<Event>> {
    vec![
        config_changed().prop_map(Event::ConfigChanged).boxed(),
        operator_changed().prop_map(Event::OperatorChanged).boxed(),
        machine_registered().prop_map(Event::MachineRegistered).boxed(),
        machine_changed().prop_map(Event::MachineChanged).boxed(),
        machine_paired().prop_map(Event::MachinePaired).boxed(),
        splits_replaced().prop_map(Event::SplitsReplaced).boxed(),
        lp_changed().prop_map(Event::LpChanged).boxed(),
        client_enrolled().prop_map(Event::ClientEnrolled).boxed(),
        client_changed().prop_map(Event::ClientChanged).boxed(),
        deposit_recorded().prop_map(Event::DepositRecorded).boxed(),
        deposit_confirmed().prop_map(Event::DepositConfirmed).boxed(),
        deposit_rejected().prop_map(Event::DepositRejected).boxed(),
        settlement_claimed().prop_map(Event::SettlementClaimed).boxed(),
        settlement_begun().prop_map(Event::SettlementBegun).boxed(),
        settlement_released().prop_map(Event::SettlementReleased).boxed(),
        settlement_adjusted().prop_map(Event::SettlementAdjusted).boxed(),
        settlement_noted().prop_map(Event::SettlementNoted).boxed(),
        settlement_finished().prop_map(Event::SettlementFinished).boxed(),
        settlement_failed().prop_map(Event::SettlementFailed).boxed(),
        settlement_voided().prop_map(Event::SettlementVoided).boxed(),
        leg_ended().prop_map(Event::LegEnded).boxed(),
        leg_added().prop_map(Event::LegAdded).boxed(),
        beacon_reported().prop_map(Event::BeaconReported).boxed(),
        telemetry_reported().prop_map(Event::TelemetryReported).boxed(),
        cassettes_set().prop_map(Event::CassettesSet).boxed(),
        cassettes_reported().prop_map(Event::CassettesReported).boxed(),
        claim_refused().prop_map(Event::ClaimRefused).boxed(),
        imported::row_imported().prop_map(Event::RowImported).boxed(),
        imported::rules_imported().prop_map(Event::RulesImported).boxed(),
        leg_intended().prop_map(Event::LegIntended).boxed(),
        imported::import_piece().prop_map(Event::ImportPiece).boxed(),
    ]
}

fn operator_changed() -> BoxedStrategy<OperatorChanged> {
    drawn!(OperatorChanged { operator_user_id: id(UserId::parse), utc_offset: utc_offset() })
}

fn config_changed() -> BoxedStrategy<ConfigChanged> {
    drawn!(ConfigChanged {
        super_cash_in_fee_fraction: option::of(fraction()),
        super_cash_out_fee_fraction: option::of(fraction()),
        super_fee_wallet_id: patch(id(WalletId::parse)),
        max_cash_in_sats: patch(sats()),
    })
}

fn machine_registered() -> BoxedStrategy<MachineRegistered> {
    drawn!(MachineRegistered {
        id: id(MachineId::parse),
        operator_user_id: id(UserId::parse),
        wallet_id: id(WalletId::parse),
        fiat_code: currency(),
        machine_npub: option::of(public_key()),
        name: option::of(line()),
        location: option::of(personal()),
        operator_cash_in_fee_fraction: option::of(fraction()),
        operator_cash_out_fee_fraction: option::of(fraction()),
    })
}

fn machine_changed() -> BoxedStrategy<MachineChanged> {
    drawn!(MachineChanged {
        id: id(MachineId::parse),
        operator_user_id: option::of(id(UserId::parse)),
        wallet_id: option::of(id(WalletId::parse)),
        fiat_code: option::of(currency()),
        machine_npub: patch(public_key()),
        name: patch(line()),
        location: patch(personal()),
        operator_cash_in_fee_fraction: option::of(fraction()),
        operator_cash_out_fee_fraction: option::of(fraction()),
        is_active: option::of(any::<bool>()),
    })
}

fn machine_paired() -> BoxedStrategy<MachinePaired> {
    drawn!(MachinePaired {
        id: id(MachineId::parse),
        machine_npub: public_key(),
        bunker_spire_key_name: line(),
        paired_at: moment(),
    })
}

fn client_enrolled() -> BoxedStrategy<ClientEnrolled> {
    drawn!(ClientEnrolled {
        id: id(ClientId::parse),
        machine_id: id(MachineId::parse),
        user_id: id(UserId::parse),
        username: option::of(personal()),
    })
}

fn client_changed() -> BoxedStrategy<ClientChanged> {
    drawn!(ClientChanged {
        id: id(ClientId::parse),
        username: patch(personal()),
        status: option::of(word(ClientStatus::ALL)),
    })
}

fn beacon_reported() -> BoxedStrategy<BeaconReported> {
    drawn!(BeaconReported {
        machine_id: id(MachineId::parse),
        cash_in: option::of(any::<bool>()),
        cash_out: option::of(any::<bool>()),
        cash_level: option::of(line()),
        fiat: option::of(line()),
        model: option::of(line()),
        name: option::of(line()),
        location: option::of(personal()),
        geo: option::of(personal()),
        fees_json: option::of(raw_json()),
        limits_json: option::of(raw_json()),
        denominations_json: option::of(raw_json()),
        version: option::of(line()),
        received_at: moment(),
    })
}

fn telemetry_reported() -> BoxedStrategy<TelemetryReported> {
    drawn!(TelemetryReported {
        machine_id: id(MachineId::parse),
        telemetry: raw_json(),
        received_at: moment(),
    })
}

fn cassettes_set() -> BoxedStrategy<CassettesSet> {
    drawn!(CassettesSet {
        machine_id: id(MachineId::parse),
        positions: positions(),
        updated_by: option::of(id(UserId::parse)),
    })
}

fn cassettes_reported() -> BoxedStrategy<CassettesReported> {
    drawn!(CassettesReported {
        machine_id: id(MachineId::parse),
        positions: positions(),
        state_at: option::of(moment()),
        state_event_id: option::of(line()),
    })
}

fn splits_replaced() -> BoxedStrategy<SplitsReplaced> {
    drawn!(SplitsReplaced {
        operator_user_id: id(UserId::parse),
        machine_id: option::of(id(MachineId::parse)),
        splits: vec(split(personal()), 0..4),
    })
}

fn lp_changed() -> BoxedStrategy<LpChanged> {
    drawn!(LpChanged {
        user_id: id(UserId::parse),
        dca_wallet_id: id(WalletId::parse),
        default_dca_mode: option::of(word(DcaMode::ALL)),
        fixed_mode_daily_limit: patch(fiat()),
        autoforward_ln_address: patch(personal()),
        autoforward_enabled: option::of(any::<bool>()),
    })
}

fn deposit_recorded() -> BoxedStrategy<DepositRecorded> {
    drawn!(DepositRecorded {
        id: id(DepositId::parse),
        client_id: id(ClientId::parse),
        machine_id: id(MachineId::parse),
        amount: fiat(),
        currency: currency(),
        creator_user_id: id(UserId::parse),
        notes: option::of(personal()),
    })
}

fn deposit_confirmed() -> BoxedStrategy<DepositConfirmed> {
    drawn!(DepositConfirmed {
        id: id(DepositId::parse),
        client_id: id(ClientId::parse),
        amount: fiat(),
        notes: option::of(personal()),
    })
}

fn deposit_rejected() -> BoxedStrategy<DepositRejected> {
    drawn!(DepositRejected {
        id: id(DepositId::parse),
        client_id: id(ClientId::parse),
        amount: fiat(),
        notes: option::of(personal()),
    })
}

fn settlement_claimed() -> BoxedStrategy<SettlementClaimed> {
    drawn!(SettlementClaimed {
        machine_id: id(MachineId::parse),
        operator_user_id: id(UserId::parse),
        tx_type: word(TxType::ALL),
        wire_sats: sats(),
        principal_sats: sats(),
        fee_sats: sats(),
        platform_fee_sats: sats(),
        operator_fee_sats: sats(),
        fee_mismatch_sats: any::<i64>(),
        super_fee_fraction: fraction(),
        operator_fee_fraction: fraction(),
        fiat_amount: fiat(),
        fiat_code: currency(),
        exchange_rate: rate(),
        bitspire_event_id: option::of(line()),
        bitspire_txid: option::of(line()),
        bills: option::of(vec(bill(), 0..4)),
        cassettes: option::of(vec(dispensed(), 0..4)),
        machine_seq: option::of(any::<u64>()),
    })
}

fn leg() -> BoxedStrategy<Leg> {
    drawn!(Leg {
        leg_type: word(LegType::ALL),
        client_id: option::of(id(ClientId::parse)),
        destination_wallet_id: option::of(id(WalletId::parse)),
        destination_ln_address: option::of(personal()),
        target: option::of(target()),
        amount_sats: sats(),
        amount_fiat: option::of(fiat()),
    })
}

fn taken_over() -> BoxedStrategy<TakenOver> {
    drawn!(TakenOver { processing_claim: id(ProcessingClaim::parse), since: moment() })
}

fn given_back() -> BoxedStrategy<GivenBack> {
    drawn!(GivenBack { client_id: id(ClientId::parse), amount_sats: sats(), amount_fiat: fiat() })
}

fn settlement_begun() -> BoxedStrategy<SettlementBegun> {
    drawn!(SettlementBegun {
        processing_claim: id(ProcessingClaim::parse),
        taken_over: option::of(taken_over()),
        first_leg: any::<u32>(),
        legs: vec(leg(), 0..5),
    })
}

fn settlement_released() -> BoxedStrategy<SettlementReleased> {
    drawn!(SettlementReleased { processing_claim: id(ProcessingClaim::parse) })
}

fn settlement_adjusted() -> BoxedStrategy<SettlementAdjusted> {
    drawn!(SettlementAdjusted {
        fiat_amount: fiat(),
        principal_sats: sats(),
        fee_sats: sats(),
        platform_fee_sats: sats(),
        operator_fee_sats: sats(),
        fee_mismatch_sats: any::<i64>(),
        reason: message(),
        given_back: vec(given_back(), 0..4),
        first_leg: any::<u32>(),
        legs: vec(leg(), 0..5),
    })
}

fn settlement_noted() -> BoxedStrategy<SettlementNoted> {
    drawn!(SettlementNoted { id: id(NoteId::parse), note: personal() })
}

fn settlement_finished() -> BoxedStrategy<SettlementFinished> {
    drawn!(SettlementFinished {
        processing_claim: option::of(id(ProcessingClaim::parse)),
        status: word(SettlementStatus::ALL),
        error_message: option::of(message()),
    })
}

fn settlement_failed() -> BoxedStrategy<SettlementFailed> {
    drawn!(SettlementFailed {
        processing_claim: option::of(id(ProcessingClaim::parse)),
        error_message: option::of(message()),
    })
}

fn settlement_voided() -> BoxedStrategy<SettlementVoided> {
    drawn!(SettlementVoided {
        processing_claim: option::of(id(ProcessingClaim::parse)),
        error_message: option::of(message()),
        given_back: vec(given_back(), 0..4),
    })
}

fn leg_ended() -> BoxedStrategy<LegEnded> {
    drawn!(LegEnded {
        leg_id: id(LegId::parse),
        status: word(Outcome::ALL),
        from: word(LegStatus::ALL),
        leg_type: word(LegType::ALL),
        client_id: option::of(id(ClientId::parse)),
        amount_sats: sats(),
        amount_fiat: option::of(fiat()),
        external_payment_hash: option::of(hash()),
        routing_fee_msat: option::of(any::<u64>()),
        error_message: option::of(message()),
    })
}

fn leg_intended() -> BoxedStrategy<LegIntended> {
    drawn!(LegIntended {
        leg_id: id(LegId::parse),
        external_payment_hash: hash(),
        bolt11: invoice(personal()),
        amount_sats: sats(),
        from_wallet_id: id(WalletId::parse),
        expires_at: moment(),
        processing_claim: option::of(id(ProcessingClaim::parse)),
    })
}

fn leg_added() -> BoxedStrategy<LegAdded> {
    drawn!(LegAdded { leg_id: id(LegId::parse), leg: leg() })
}

fn claim_refused() -> BoxedStrategy<ClaimRefused> {
    drawn!(ClaimRefused {
        payment_hash: hash(),
        code: text().prop_map(|text| Text::new(&text)),
        fields: vec(text().prop_map(|text| Text::new(&text)), 0..4),
        claim: text().prop_map(|text| Text::new(&text)),
    })
}
