//! The command that an entry must have come from: what was said, read back from what happened.
//!
//! An event says all that its command said, in today's words: which machine signed instead of no
//! `machine_id`, the currency instead of none, bays by position, the moment instead of "now". The rules
//! decide both alike. One thing is in no entry: which user a key stood for. Of an operator or LP, it is
//! taken to be the one whose thing the command is about; that the key was theirs is not in the log.

// An event goes from reader to reader until one knows it: to box it would cost an allocation an entry.
#![allow(clippy::result_large_err)]

use spireledger_projections::{ApplyError, Deposit, Fleet, Settlement};
use spireledger_schema::Entry;
use spireledger_schema::command::{
    BeaconReport, Body, CassettesReport, CassettesSet, ClientEnroll, ClientUpdate, Command,
    ConfigSet, DepositConfirm, DepositRecord, DepositReject, LegAdd, LegIntend, LegOutcome, LpSet,
    MachinePair, MachineRegister, MachineUpdate, OperatorSet, SettlementAdjust, SettlementBegin,
    SettlementClaim, SettlementFail, SettlementFinish, SettlementNote, SettlementRelease,
    SettlementVoid, SplitsSet, TelemetryReport,
};
use spireledger_schema::event::{Event, LegAdded, SettlementClaimed};
use spireledger_schema::identity::{Actor, PaymentHash, Role};
use spireledger_schema::text::{ClientId, MachineId, UserId};
use spireledger_schema::words::{AddedLegType, LegType};

use crate::rules::{Found, Request};

/// The request that an entry must have come from, without the user that its key stood for. `None`: no
/// command comes to such an event.
pub(super) fn request_of(entry: &Entry) -> Option<Request> {
    let circumstances = &entry.circumstances;
    Some(Request {
        command: Command {
            body: body_of(&entry.event, PaymentHash::from_bytes(*entry.front.key.as_bytes()))?,
            occurred_at: circumstances.occurred_at,
            request_id: circumstances.request_id.clone(),
            receipt: false,
        },
        actor: circumstances.actor.clone(),
        user: None,
        // No rule looks at it: it is checked by itself.
        evidence: None,
    })
}

/// `hash` is the payment hash that the entry's key is, if it is one of a settlement.
fn body_of(event: &Event, hash: PaymentHash) -> Option<Body> {
    // By far the most frequent.
    if let Event::SettlementClaimed(e) = event {
        return Some(Body::SettlementClaim(claim(e, hash)));
    }
    let body = of_leg(event.clone(), hash)
        .or_else(|event| of_settlement(event, hash))
        .or_else(of_report)
        .or_else(of_lp)
        .or_else(of_fleet);
    body.ok()
}

/// A command, or the event that it is not for the reader at hand to read.
type Read = Result<Body, Event>;

fn of_fleet(event: Event) -> Read {
    Ok(match event {
        Event::ConfigChanged(e) => Body::ConfigSet(ConfigSet {
            super_cash_in_fee_fraction: e.super_cash_in_fee_fraction,
            super_cash_out_fee_fraction: e.super_cash_out_fee_fraction,
            super_fee_wallet_id: e.super_fee_wallet_id,
            max_cash_in_sats: e.max_cash_in_sats,
        }),
        Event::OperatorChanged(e) => Body::OperatorSet(OperatorSet {
            operator_user_id: e.operator_user_id,
            utc_offset: e.utc_offset,
        }),
        Event::MachineRegistered(e) => Body::MachineRegister(MachineRegister {
            id: e.id,
            operator_user_id: e.operator_user_id,
            wallet_id: e.wallet_id,
            fiat_code: e.fiat_code,
            machine_npub: e.machine_npub,
            name: e.name,
            location: e.location,
            operator_cash_in_fee_fraction: e.operator_cash_in_fee_fraction,
            operator_cash_out_fee_fraction: e.operator_cash_out_fee_fraction,
        }),
        Event::MachineChanged(e) => Body::MachineUpdate(MachineUpdate {
            id: e.id,
            operator_user_id: e.operator_user_id,
            wallet_id: e.wallet_id,
            fiat_code: e.fiat_code,
            machine_npub: e.machine_npub,
            name: e.name,
            location: e.location,
            operator_cash_in_fee_fraction: e.operator_cash_in_fee_fraction,
            operator_cash_out_fee_fraction: e.operator_cash_out_fee_fraction,
            is_active: e.is_active,
        }),
        Event::MachinePaired(e) => Body::MachinePair(MachinePair {
            id: e.id,
            machine_npub: e.machine_npub,
            bunker_spire_key_name: e.bunker_spire_key_name,
            paired_at: Some(e.paired_at),
        }),
        Event::SplitsReplaced(e) => Body::SplitsSet(SplitsSet {
            operator_user_id: e.operator_user_id,
            machine_id: e.machine_id,
            splits: e.splits,
        }),
        other => return Err(other),
    })
}

fn of_lp(event: Event) -> Read {
    Ok(match event {
        Event::LpChanged(e) => Body::LpSet(LpSet {
            user_id: e.user_id,
            dca_wallet_id: e.dca_wallet_id,
            default_dca_mode: e.default_dca_mode,
            fixed_mode_daily_limit: e.fixed_mode_daily_limit,
            autoforward_ln_address: e.autoforward_ln_address,
            autoforward_enabled: e.autoforward_enabled,
        }),
        Event::ClientEnrolled(e) => Body::ClientEnroll(ClientEnroll {
            id: e.id,
            machine_id: e.machine_id,
            user_id: e.user_id,
            username: e.username,
        }),
        Event::ClientChanged(e) => {
            Body::ClientUpdate(ClientUpdate { id: e.id, username: e.username, status: e.status })
        }
        Event::DepositRecorded(e) => Body::DepositRecord(DepositRecord {
            id: e.id,
            client_id: e.client_id,
            amount: e.amount,
            creator_user_id: e.creator_user_id,
            currency: Some(e.currency),
            notes: e.notes,
        }),
        Event::DepositConfirmed(e) => {
            Body::DepositConfirm(DepositConfirm { id: e.id, notes: e.notes })
        }
        Event::DepositRejected(e) => {
            Body::DepositReject(DepositReject { id: e.id, notes: e.notes })
        }
        other => return Err(other),
    })
}

fn of_settlement(event: Event, payment_hash: PaymentHash) -> Read {
    Ok(match event {
        Event::SettlementBegun(e) => Body::SettlementBegin(SettlementBegin {
            payment_hash,
            processing_claim: e.processing_claim,
        }),
        Event::SettlementReleased(e) => Body::SettlementRelease(SettlementRelease {
            payment_hash,
            processing_claim: e.processing_claim,
        }),
        Event::SettlementAdjusted(e) => Body::SettlementAdjust(SettlementAdjust {
            payment_hash,
            fiat_amount: e.fiat_amount,
            principal_sats: e.principal_sats,
            fee_sats: e.fee_sats,
            reason: e.reason,
        }),
        Event::SettlementNoted(e) => {
            Body::SettlementNote(SettlementNote { payment_hash, id: e.id, note: e.note })
        }
        Event::SettlementFinished(e) => Body::SettlementFinish(SettlementFinish {
            payment_hash,
            processing_claim: e.processing_claim,
            error_message: e.error_message,
        }),
        Event::SettlementFailed(e) => Body::SettlementFail(SettlementFail {
            payment_hash,
            processing_claim: e.processing_claim,
            error_message: e.error_message,
        }),
        Event::SettlementVoided(e) => Body::SettlementVoid(SettlementVoid {
            payment_hash,
            processing_claim: e.processing_claim,
            error_message: e.error_message,
        }),
        other => return Err(other),
    })
}

fn claim(e: &SettlementClaimed, payment_hash: PaymentHash) -> SettlementClaim {
    SettlementClaim {
        payment_hash,
        machine_id: e.machine_id.clone(),
        tx_type: e.tx_type,
        wire_sats: e.wire_sats,
        principal_sats: e.principal_sats,
        fee_sats: e.fee_sats,
        fiat_amount: e.fiat_amount,
        fiat_code: e.fiat_code,
        exchange_rate: e.exchange_rate,
        bitspire_event_id: e.bitspire_event_id.clone(),
        bitspire_txid: e.bitspire_txid.clone(),
        bills: e.bills.clone(),
        cassettes: e.cassettes.clone(),
        machine_seq: e.machine_seq,
    }
}

fn of_leg(event: Event, payment_hash: PaymentHash) -> Read {
    Ok(match event {
        Event::LegIntended(e) => Body::LegIntend(LegIntend {
            payment_hash,
            leg_id: e.leg_id,
            external_payment_hash: e.external_payment_hash,
            bolt11: e.bolt11,
            amount_sats: e.amount_sats,
            from_wallet_id: e.from_wallet_id,
            expires_at: e.expires_at,
            processing_claim: e.processing_claim,
        }),
        Event::LegEnded(e) => Body::LegOutcome(LegOutcome {
            payment_hash,
            leg_id: e.leg_id,
            status: e.status,
            external_payment_hash: e.external_payment_hash,
            routing_fee_msat: e.routing_fee_msat,
            error_message: e.error_message,
        }),
        Event::LegAdded(LegAdded { leg_id, leg }) => Body::LegAdd(LegAdd {
            leg_type: match leg.leg_type {
                LegType::Autoforward => AddedLegType::Autoforward,
                LegType::Refund => AddedLegType::Refund,
                _ => return Err(Event::LegAdded(LegAdded { leg_id, leg })),
            },
            payment_hash,
            leg_id,
            amount_sats: leg.amount_sats,
            destination_wallet_id: leg.destination_wallet_id,
            destination_ln_address: leg.destination_ln_address,
            client_id: leg.client_id,
        }),
        other => return Err(other),
    })
}

fn of_report(event: Event) -> Read {
    Ok(match event {
        Event::BeaconReported(e) => Body::BeaconReport(BeaconReport {
            machine_id: Some(e.machine_id),
            cash_in: e.cash_in,
            cash_out: e.cash_out,
            cash_level: e.cash_level,
            fiat: e.fiat,
            model: e.model,
            name: e.name,
            location: e.location,
            geo: e.geo,
            fees_json: e.fees_json,
            limits_json: e.limits_json,
            denominations_json: e.denominations_json,
            version: e.version,
            received_at: e.received_at,
        }),
        Event::TelemetryReported(e) => Body::TelemetryReport(TelemetryReport {
            machine_id: Some(e.machine_id),
            telemetry: e.telemetry,
            received_at: e.received_at,
        }),
        Event::CassettesSet(e) => Body::CassettesSet(CassettesSet {
            machine_id: e.machine_id,
            positions: Some(e.positions),
            denominations: None,
            updated_by: e.updated_by,
        }),
        Event::CassettesReported(e) => Body::CassettesReport(CassettesReport {
            machine_id: Some(e.machine_id),
            positions: Some(e.positions),
            denominations: None,
            state_at: e.state_at,
            state_event_id: e.state_event_id,
        }),
        other => return Err(other),
    })
}

/// The user that the key of an operator or LP has to stand for, so that what the command is about is
/// theirs.
///
/// # Errors
/// If what was found cannot be folded.
pub(super) fn user_of(
    fleet: &Fleet,
    found: &Found,
    request: &Request,
) -> Result<Option<UserId>, ApplyError> {
    let Actor::Key { role: Role::Operator | Role::Lp, .. } = &request.actor else {
        return Ok(None);
    };
    let at = |id: &MachineId| fleet.machine(id).map(|machine| machine.operator_user_id.clone());
    let of = |id: &ClientId| fleet.client(id).and_then(|client| at(&client.machine_id));
    Ok(match &request.command.body {
        Body::LpSet(c) => Some(c.user_id.clone()),
        Body::OperatorSet(c) => Some(c.operator_user_id.clone()),
        Body::MachineRegister(c) => Some(c.operator_user_id.clone()),
        Body::SplitsSet(c) => Some(c.operator_user_id.clone()),
        Body::MachineUpdate(c) => at(&c.id),
        Body::MachinePair(c) => at(&c.id),
        Body::CassettesSet(c) => at(&c.machine_id),
        Body::ClientEnroll(c) => at(&c.machine_id),
        Body::ClientUpdate(c) => of(&c.id),
        Body::DepositRecord(c) => of(&c.client_id),
        Body::DepositConfirm(_) | Body::DepositReject(_) => {
            let deposit = Deposit::fold(&found.stream)?;
            deposit.and_then(|deposit| at(&deposit.recorded.machine_id))
        }
        Body::SettlementClaim(c) => at(&c.machine_id),
        Body::SettlementBegin(_)
        | Body::SettlementRelease(_)
        | Body::SettlementAdjust(_)
        | Body::SettlementNote(_)
        | Body::SettlementFinish(_)
        | Body::SettlementFail(_)
        | Body::SettlementVoid(_)
        | Body::LegIntend(_)
        | Body::LegOutcome(_)
        | Body::LegAdd(_) => {
            let settlement = Settlement::fold(&found.stream)?;
            settlement.map(|settlement| settlement.claimed.operator_user_id)
        }
        Body::ConfigSet(_)
        | Body::BeaconReport(_)
        | Body::TelemetryReport(_)
        | Body::CassettesReport(_) => None,
    })
}
