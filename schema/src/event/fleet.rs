//! Events about the fleet.

use std::collections::BTreeMap;

use super::payloads;
use crate::identity::PublicKey;
use crate::json::{Patch, RawJson};
use crate::money::{Fraction, Sats};
use crate::parts::{Bay, Line};
use crate::personal::Personal;
use crate::text::{ClientId, Currency, MachineId, UserId, WalletId};
use crate::time::{Timestamp, UtcOffset};
use crate::words::ClientStatus;

payloads! {
    /// Tag 1. What holds for the whole instance changed.
    ConfigChanged {
        /// Platform fee of a cash-in, of principal; unchanged without it.
        super_cash_in_fee_fraction: Option<Fraction>,
        /// Platform fee of a cash-out, of principal; unchanged without it.
        super_cash_out_fee_fraction: Option<Fraction>,
        /// Where the platform's fee goes.
        super_fee_wallet_id: Patch<WalletId>,
        /// Most principal of one cash-in.
        max_cash_in_sats: Patch<Sats>,
    }
    /// Tag 31. What holds for all machines of an operator changed.
    OperatorChanged {
        /// The operator.
        operator_user_id: UserId,
        /// When its day begins.
        utc_offset: UtcOffset,
    }
    /// Tag 2. A machine was registered.
    MachineRegistered {
        /// Its id.
        id: MachineId,
        /// Its operator.
        operator_user_id: UserId,
        /// Its wallet.
        wallet_id: WalletId,
        /// Its currency.
        fiat_code: Currency,
        /// Its public key.
        machine_npub: Option<PublicKey>,
        /// Its name.
        name: Option<Line>,
        /// Where it stands.
        location: Option<Personal>,
        /// Operator fee of a cash-in, of principal; 0 without it.
        operator_cash_in_fee_fraction: Option<Fraction>,
        /// Operator fee of a cash-out, of principal; 0 without it.
        operator_cash_out_fee_fraction: Option<Fraction>,
    }
    /// Tag 3. A machine changed. Without a field, that field is as before.
    MachineChanged {
        /// Its id.
        id: MachineId,
        /// Its operator.
        operator_user_id: Option<UserId>,
        /// Its wallet.
        wallet_id: Option<WalletId>,
        /// Its currency.
        fiat_code: Option<Currency>,
        /// Its public key.
        machine_npub: Patch<PublicKey>,
        /// Its name.
        name: Patch<Line>,
        /// Where it stands.
        location: Patch<Personal>,
        /// Operator fee of a cash-in, of principal.
        operator_cash_in_fee_fraction: Option<Fraction>,
        /// Operator fee of a cash-out, of principal.
        operator_cash_out_fee_fraction: Option<Fraction>,
        /// Whether its new claims are taken.
        is_active: Option<bool>,
    }
    /// Tag 4. A machine was paired with its key in a bunker (NIP-46).
    MachinePaired {
        /// Its id.
        id: MachineId,
        /// Its public key.
        machine_npub: PublicKey,
        /// The key's name in the bunker.
        bunker_spire_key_name: Line,
        /// When.
        paired_at: Timestamp,
    }
    /// Tag 7. An LP was enrolled at a machine.
    ClientEnrolled {
        /// The enrolment's id.
        id: ClientId,
        /// The machine.
        machine_id: MachineId,
        /// The LP.
        user_id: UserId,
        /// Its name.
        username: Option<Personal>,
    }
    /// Tag 8. An enrolment changed. Without a field, that field is as before.
    ClientChanged {
        /// The enrolment's id.
        id: ClientId,
        /// Its name.
        username: Patch<Personal>,
        /// Its state.
        status: Option<ClientStatus>,
    }
    /// Tag 22. A machine's public beacon.
    BeaconReported {
        /// The machine.
        machine_id: MachineId,
        /// Takes cash.
        cash_in: Option<bool>,
        /// Gives cash.
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
        /// Its bills.
        denominations_json: Option<RawJson>,
        /// Its software.
        version: Option<Line>,
        /// When; the newest counts.
        received_at: Timestamp,
    }
    /// Tag 23. A machine's report for its operator.
    TelemetryReported {
        /// The machine.
        machine_id: MachineId,
        /// The report.
        telemetry: RawJson,
        /// When; the newest counts.
        received_at: Timestamp,
    }
    /// Tag 24. What the operator believes to be in all bays.
    CassettesSet {
        /// The machine.
        machine_id: MachineId,
        /// By position.
        positions: BTreeMap<u32, Bay>,
        /// Who set it.
        updated_by: Option<UserId>,
    }
    /// Tag 25. What the machine says is in its bays.
    CassettesReported {
        /// The machine.
        machine_id: MachineId,
        /// By position.
        positions: BTreeMap<u32, Bay>,
        /// When; the newest counts. Recorded time without it.
        state_at: Option<Timestamp>,
        /// The Nostr event that carried it.
        state_event_id: Option<Line>,
    }
}
