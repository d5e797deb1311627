//! Arbitrary commands, of every type.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spireledger_schema::Command;
use spireledger_schema::command::*;
use spireledger_schema::text::{
    ClientId, DepositId, LegId, MachineId, NoteId, ProcessingClaim, UserId, WalletId,
};
use spireledger_schema::words::*;

use super::*;

/// One strategy for every type of command.
pub fn types() -> Vec<BoxedStrategy<Command>> {
    let bodies = vec![
        config_set().prop_map(Body::ConfigSet).boxed(),
        operator_set().prop_map(Body::OperatorSet).boxed(),
        machine_register().prop_map(Body::MachineRegister).boxed(),
        machine_update().prop_map(Body::MachineUpdate).boxed(),
        machine_pair().prop_map(Body::MachinePair).boxed(),
        splits_set().prop_map(Body::SplitsSet).boxed(),
        lp_set().prop_map(Body::LpSet).boxed(),
        client_enroll().prop_map(Body::ClientEnroll).boxed(),
        client_update().prop_map(Body::ClientUpdate).boxed(),
        deposit_record().prop_map(Body::DepositRecord).boxed(),
        deposit_confirm().prop_map(Body::DepositConfirm).boxed(),
        deposit_reject().prop_map(Body::DepositReject).boxed(),
        settlement_claim().prop_map(Body::SettlementClaim).boxed(),
        settlement_begin().prop_map(Body::SettlementBegin).boxed(),
        settlement_release().prop_map(Body::SettlementRelease).boxed(),
        settlement_adjust().prop_map(Body::SettlementAdjust).boxed(),
        settlement_note().prop_map(Body::SettlementNote).boxed(),
        settlement_finish().prop_map(Body::SettlementFinish).boxed(),
        settlement_fail().prop_map(Body::SettlementFail).boxed(),
        settlement_void().prop_map(Body::SettlementVoid).boxed(),
        leg_intend().prop_map(Body::LegIntend).boxed(),
        leg_outcome().prop_map(Body::LegOutcome).boxed(),
        leg_add().prop_map(Body::LegAdd).boxed(),
        beacon_report().prop_map(Body::BeaconReport).boxed(),
        telemetry_report().prop_map(Body::TelemetryReport).boxed(),
        cassettes_set().prop_map(Body::CassettesSet).boxed(),
        cassettes_report().prop_map(Body::CassettesReport).boxed(),
    ];
    let command = |body| {
        drawn!(Command {
            body: body,
            occurred_at: option::of(moment()),
            request_id: option::of(id(RequestId::parse)),
            receipt: any::<bool>(),
        })
    };
    bodies.into_iter().map(command).collect()
}

fn operator_set() -> BoxedStrategy<OperatorSet> {
    drawn!(OperatorSet { operator_user_id: id(UserId::parse), utc_offset: utc_offset() })
}

fn config_set() -> BoxedStrategy<ConfigSet> {
    drawn!(ConfigSet {
        super_cash_in_fee_fraction: option::of(fraction()),
        super_cash_out_fee_fraction: option::of(fraction()),
        super_fee_wallet_id: patch(id(WalletId::parse)),
        max_cash_in_sats: patch(sats()),
    })
}

fn machine_register() -> BoxedStrategy<MachineRegister> {
    drawn!(MachineRegister {
        id: id(MachineId::parse),
        operator_user_id: id(UserId::parse),
        wallet_id: id(WalletId::parse),
        fiat_code: currency(),
        machine_npub: option::of(public_key()),
        name: option::of(line()),
        location: option::of(plain()),
        operator_cash_in_fee_fraction: option::of(fraction()),
        operator_cash_out_fee_fraction: option::of(fraction()),
    })
}

fn machine_update() -> BoxedStrategy<MachineUpdate> {
    drawn!(MachineUpdate {
        id: id(MachineId::parse),
        operator_user_id: option::of(id(UserId::parse)),
        wallet_id: option::of(id(WalletId::parse)),
        fiat_code: option::of(currency()),
        machine_npub: patch(public_key()),
        name: patch(line()),
        location: patch(plain()),
        operator_cash_in_fee_fraction: option::of(fraction()),
        operator_cash_out_fee_fraction: option::of(fraction()),
        is_active: option::of(any::<bool>()),
    })
}

fn machine_pair() -> BoxedStrategy<MachinePair> {
    drawn!(MachinePair {
        id: id(MachineId::parse),
        machine_npub: public_key(),
        bunker_spire_key_name: line(),
        paired_at: option::of(moment()),
    })
}

fn client_enroll() -> BoxedStrategy<ClientEnroll> {
    drawn!(ClientEnroll {
        id: id(ClientId::parse),
        machine_id: id(MachineId::parse),
        user_id: id(UserId::parse),
        username: option::of(plain()),
    })
}

fn client_update() -> BoxedStrategy<ClientUpdate> {
    drawn!(ClientUpdate {
        id: id(ClientId::parse),
        username: patch(plain()),
        status: option::of(word(ClientStatus::ALL)),
    })
}

fn beacon_report() -> BoxedStrategy<BeaconReport> {
    drawn!(BeaconReport {
        machine_id: option::of(id(MachineId::parse)),
        cash_in: option::of(any::<bool>()),
        cash_out: option::of(any::<bool>()),
        cash_level: option::of(line()),
        fiat: option::of(line()),
        model: option::of(line()),
        name: option::of(line()),
        location: option::of(plain()),
        geo: option::of(plain()),
        fees_json: option::of(raw_json()),
        limits_json: option::of(raw_json()),
        denominations_json: option::of(raw_json()),
        version: option::of(line()),
        received_at: moment(),
    })
}

fn telemetry_report() -> BoxedStrategy<TelemetryReport> {
    drawn!(TelemetryReport {
        machine_id: option::of(id(MachineId::parse)),
        telemetry: raw_json(),
        received_at: moment(),
    })
}

fn cassettes_set() -> BoxedStrategy<CassettesSet> {
    drawn!(CassettesSet {
        machine_id: id(MachineId::parse),
        positions: option::of(positions()),
        denominations: option::of(denominations()),
        updated_by: option::of(id(UserId::parse)),
    })
}

fn cassettes_report() -> BoxedStrategy<CassettesReport> {
    drawn!(CassettesReport {
        machine_id: option::of(id(MachineId::parse)),
        positions: option::of(positions()),
        denominations: option::of(denominations()),
        state_at: option::of(moment()),
        state_event_id: option::of(line()),
    })
}

fn splits_set() -> BoxedStrategy<SplitsSet> {
    drawn!(SplitsSet {
        operator_user_id: id(UserId::parse),
        machine_id: option::of(id(MachineId::parse)),
        splits: vec(split(plain()), 0..4),
    })
}

fn lp_set() -> BoxedStrategy<LpSet> {
    drawn!(LpSet {
        user_id: id(UserId::parse),
        dca_wallet_id: id(WalletId::parse),
        default_dca_mode: option::of(word(DcaMode::ALL)),
        fixed_mode_daily_limit: patch(amount()),
        autoforward_ln_address: patch(plain()),
        autoforward_enabled: option::of(any::<bool>()),
    })
}

fn deposit_record() -> BoxedStrategy<DepositRecord> {
    drawn!(DepositRecord {
        id: id(DepositId::parse),
        client_id: id(ClientId::parse),
        amount: amount(),
        creator_user_id: id(UserId::parse),
        currency: option::of(currency()),
        notes: option::of(plain()),
    })
}

fn deposit_confirm() -> BoxedStrategy<DepositConfirm> {
    drawn!(DepositConfirm { id: id(DepositId::parse), notes: option::of(plain()) })
}

fn deposit_reject() -> BoxedStrategy<DepositReject> {
    drawn!(DepositReject { id: id(DepositId::parse), notes: option::of(plain()) })
}

fn settlement_claim() -> BoxedStrategy<SettlementClaim> {
    drawn!(SettlementClaim {
        payment_hash: hash(),
        machine_id: id(MachineId::parse),
        tx_type: word(TxType::ALL),
        wire_sats: sats(),
        principal_sats: sats(),
        fee_sats: sats(),
        fiat_amount: amount(),
        fiat_code: currency(),
        exchange_rate: rate(),
        bitspire_event_id: option::of(line()),
        bitspire_txid: option::of(line()),
        bills: option::of(vec(bill(), 0..4)),
        cassettes: option::of(vec(dispensed(), 0..4)),
        machine_seq: option::of(any::<u64>()),
    })
}

fn settlement_begin() -> BoxedStrategy<SettlementBegin> {
    drawn!(SettlementBegin { payment_hash: hash(), processing_claim: id(ProcessingClaim::parse) })
}

fn settlement_release() -> BoxedStrategy<SettlementRelease> {
    drawn!(SettlementRelease { payment_hash: hash(), processing_claim: id(ProcessingClaim::parse) })
}

fn settlement_adjust() -> BoxedStrategy<SettlementAdjust> {
    drawn!(SettlementAdjust {
        payment_hash: hash(),
        fiat_amount: amount(),
        principal_sats: sats(),
        fee_sats: sats(),
        reason: plain().prop_map(Message::from),
    })
}

fn settlement_note() -> BoxedStrategy<SettlementNote> {
    drawn!(SettlementNote { payment_hash: hash(), id: id(NoteId::parse), note: plain() })
}

fn settlement_finish() -> BoxedStrategy<SettlementFinish> {
    drawn!(SettlementFinish {
        payment_hash: hash(),
        processing_claim: option::of(id(ProcessingClaim::parse)),
        error_message: option::of(plain().prop_map(Message::from)),
    })
}

fn settlement_fail() -> BoxedStrategy<SettlementFail> {
    drawn!(SettlementFail {
        payment_hash: hash(),
        processing_claim: option::of(id(ProcessingClaim::parse)),
        error_message: option::of(plain().prop_map(Message::from)),
    })
}

fn settlement_void() -> BoxedStrategy<SettlementVoid> {
    drawn!(SettlementVoid {
        payment_hash: hash(),
        processing_claim: option::of(id(ProcessingClaim::parse)),
        error_message: option::of(plain().prop_map(Message::from)),
    })
}

fn leg_intend() -> BoxedStrategy<LegIntend> {
    drawn!(LegIntend {
        payment_hash: hash(),
        leg_id: id(LegId::parse),
        external_payment_hash: hash(),
        bolt11: invoice(plain()),
        amount_sats: sats(),
        from_wallet_id: id(WalletId::parse),
        expires_at: moment(),
        processing_claim: option::of(id(ProcessingClaim::parse)),
    })
}

fn leg_outcome() -> BoxedStrategy<LegOutcome> {
    drawn!(LegOutcome {
        payment_hash: hash(),
        leg_id: id(LegId::parse),
        status: word(Outcome::ALL),
        external_payment_hash: option::of(hash()),
        routing_fee_msat: option::of(any::<u64>()),
        error_message: option::of(plain().prop_map(Message::from)),
    })
}

fn leg_add() -> BoxedStrategy<LegAdd> {
    drawn!(LegAdd {
        payment_hash: hash(),
        leg_id: id(LegId::parse),
        leg_type: word(AddedLegType::ALL),
        amount_sats: sats(),
        destination_wallet_id: option::of(id(WalletId::parse)),
        destination_ln_address: option::of(plain()),
        client_id: option::of(id(ClientId::parse)),
    })
}
