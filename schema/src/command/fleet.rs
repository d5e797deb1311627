//! Commands about the fleet: configuration, machines, clients and what machines report of themselves.

use std::collections::BTreeMap;

use crate::identity::PublicKey;
use crate::json::{Patch, RawJson};
use crate::money::{Fraction, Sats};
use crate::parts::{Bay, Line, OldBay, objects};
use crate::personal::Personal;
use crate::text::{ClientId, Currency, MachineId, UserId, WalletId};
use crate::time::{Timestamp, UtcOffset};
use crate::words::ClientStatus;

objects! {
    /// Sets what holds for the whole instance. Only what is given changes.
    ConfigSet {
        /// The platform's fee of a cash-in, as a fraction of principal.
        super_cash_in_fee_fraction: Option<Fraction>,
        /// The platform's fee of a cash-out, as a fraction of principal.
        super_cash_out_fee_fraction: Option<Fraction>,
        /// The wallet that the platform's fee goes to.
        super_fee_wallet_id: Patch<WalletId>,
        /// Most principal sats of one cash-in: null no cap, 0 refuses every cash-in.
        max_cash_in_sats: Patch<Sats>,
    }
    /// Sets what holds for all machines of an operator.
    OperatorSet {
        /// The operator.
        operator_user_id: UserId,
        /// When its day begins, as an offset from UTC: daily limits are a day's. UTC by default.
        utc_offset: UtcOffset,
    }
    /// Registers a machine.
    MachineRegister {
        /// The machine's id.
        id: MachineId,
        /// The operator it belongs to.
        operator_user_id: UserId,
        /// The wallet that sends and receives its sats; no other machine has it.
        wallet_id: WalletId,
        /// The currency of its cash.
        fiat_code: Currency,
        /// Its Nostr public key, if it has one already; no other machine has it.
        machine_npub: Option<PublicKey>,
        /// What people call it.
        name: Option<Line>,
        /// Where it stands.
        location: Option<Personal>,
        /// The operator's fee of a cash-in, as a fraction of principal; 0 by default.
        operator_cash_in_fee_fraction: Option<Fraction>,
        /// The operator's fee of a cash-out, as a fraction of principal; 0 by default.
        operator_cash_out_fee_fraction: Option<Fraction>,
    }
    /// Changes a machine. Only what is given changes.
    MachineUpdate {
        /// The machine's id.
        id: MachineId,
        /// The operator it belongs to.
        operator_user_id: Option<UserId>,
        /// The wallet that sends and receives its sats.
        wallet_id: Option<WalletId>,
        /// The currency of its cash; it can change only while nothing was deposited or settled.
        fiat_code: Option<Currency>,
        /// Its Nostr public key; null takes it away.
        machine_npub: Patch<PublicKey>,
        /// What people call it; null takes it away.
        name: Patch<Line>,
        /// Where it stands; null takes it away.
        location: Patch<Personal>,
        /// The operator's fee of a cash-in, as a fraction of principal.
        operator_cash_in_fee_fraction: Option<Fraction>,
        /// The operator's fee of a cash-out, as a fraction of principal.
        operator_cash_out_fee_fraction: Option<Fraction>,
        /// Whether its new claims are taken.
        is_active: Option<bool>,
    }
    /// Records a NIP-46 pairing of a machine with its key in the operator's bunker.
    MachinePair {
        /// The machine's id.
        id: MachineId,
        /// The machine's own public key (not the bunker's).
        machine_npub: PublicKey,
        /// The key's name in the bunker, `spire-<machine_id>`.
        bunker_spire_key_name: Line,
        /// When it was paired; when it is recorded by default.
        paired_at: Option<Timestamp>,
    }
    /// Enrols an LP at a machine.
    ClientEnroll {
        /// The enrolment's id.
        id: ClientId,
        /// The machine.
        machine_id: MachineId,
        /// The LP; at most once at a machine.
        user_id: UserId,
        /// What the operator calls the LP.
        username: Option<Personal>,
    }
    /// Changes an enrolment. Only what is given changes.
    ClientUpdate {
        /// The enrolment's id.
        id: ClientId,
        /// What the operator calls the LP; null takes it away.
        username: Patch<Personal>,
        /// Whether the LP takes part in distributions.
        status: Option<ClientStatus>,
    }
    /// A machine's public availability (Nostr kind 30078). The newest counts.
    BeaconReport {
        /// The machine; a machine that signs for itself may leave it out.
        machine_id: Option<MachineId>,
        /// Whether it takes cash.
        cash_in: Option<bool>,
        /// Whether it gives cash.
        cash_out: Option<bool>,
        /// How much cash it holds.
        cash_level: Option<Line>,
        /// Its currency.
        fiat: Option<Line>,
        /// Its model.
        model: Option<Line>,
        /// Its public name.
        name: Option<Line>,
        /// Where it says it is.
        location: Option<Personal>,
        /// Its coordinates.
        geo: Option<Personal>,
        /// Its fees.
        fees_json: Option<RawJson>,
        /// Its limits.
        limits_json: Option<RawJson>,
        /// The bills it takes and gives.
        denominations_json: Option<RawJson>,
        /// Its software.
        version: Option<Line>,
        /// The time of the report, by which the newest is known.
        received_at: Timestamp,
    }
    /// A machine's report for its operator only (Nostr kind 30079). The newest counts.
    TelemetryReport {
        /// The machine; a machine that signs for itself may leave it out.
        machine_id: Option<MachineId>,
        /// What it reports.
        telemetry: RawJson,
        /// The time of the report, by which the newest is known.
        received_at: Timestamp,
    }
    /// What the operator believes to be in a machine's bays. Replaces all bays.
    CassettesSet {
        /// The machine.
        machine_id: MachineId,
        /// Bay by bay: `{"1": {"denomination": 20, "count": 500}}`.
        positions: Option<BTreeMap<u32, Bay>>,
        /// The older shape: `{"20": {"position": 1, "count": 500}}`.
        denominations: Option<BTreeMap<u32, OldBay>>,
        /// Who set it.
        updated_by: Option<UserId>,
    }
    /// What a machine says is in its bays.
    CassettesReport {
        /// The machine; a machine that signs for itself may leave it out.
        machine_id: Option<MachineId>,
        /// Bay by bay: `{"1": {"denomination": 20, "count": 500}}`.
        positions: Option<BTreeMap<u32, Bay>>,
        /// The older shape: `{"20": {"position": 1, "count": 500}}`.
        denominations: Option<BTreeMap<u32, OldBay>>,
        /// The time of the report, by which the newest is known; when it is recorded by default.
        state_at: Option<Timestamp>,
        /// The Nostr event that carried it.
        state_event_id: Option<Line>,
    }
}

/// The bays of either shape, by position. `Err` says what is wrong with them.
pub fn bays(
    positions: Option<&BTreeMap<u32, Bay>>,
    denominations: Option<&BTreeMap<u32, OldBay>>,
) -> Result<BTreeMap<u32, Bay>, String> {
    match (positions, denominations) {
        (Some(positions), None) => Ok(positions.clone()),
        (None, Some(old)) => {
            let mut out = BTreeMap::new();
            for (&denomination, bay) in old {
                let now = Bay { denomination, count: bay.count };
                if out.insert(bay.position, now).is_some() {
                    return Err(format!(
                        "`denominations` names bay {} twice; each bay holds one denomination",
                        bay.position
                    ));
                }
            }
            Ok(out)
        }
        (Some(_), Some(_)) => {
            Err("`positions` and its older shape `denominations` are both given; give one".into())
        }
        (None, None) => Err("`positions` is missing; give it bay by bay".into()),
    }
}
