//! Events about whose money it is.

use super::payloads;
use crate::json::Patch;
use crate::money::Fiat;
use crate::parts::Split;
use crate::personal::Personal;
use crate::text::{ClientId, Currency, DepositId, MachineId, UserId, WalletId};
use crate::words::DcaMode;

payloads! {
    /// Tag 5. All split rules of an operator, or of one machine, were replaced.
    SplitsReplaced {
        /// The operator.
        operator_user_id: UserId,
        /// The machine; the operator's default without it.
        machine_id: Option<MachineId>,
        /// The rules.
        splits: Vec<Split>,
    }
    /// Tag 6. An LP came, or changed how it wants its sats. Without a field, that field is as before
    /// (or the default, at first).
    LpChanged {
        /// The LP.
        user_id: UserId,
        /// Where its sats go.
        dca_wallet_id: WalletId,
        /// Flow by default.
        default_dca_mode: Option<DcaMode>,
        /// Most fiat a day in fixed mode.
        fixed_mode_daily_limit: Patch<Fiat>,
        /// Where autoforwarded sats go.
        autoforward_ln_address: Patch<Personal>,
        /// Whether sats are forwarded.
        autoforward_enabled: Option<bool>,
    }
    /// Tag 9. Fiat was handed over.
    DepositRecorded {
        /// Its id.
        id: DepositId,
        /// The enrolment.
        client_id: ClientId,
        /// The enrolment's machine.
        machine_id: MachineId,
        /// How much.
        amount: Fiat,
        /// The machine's currency.
        currency: Currency,
        /// Who recorded it.
        creator_user_id: UserId,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
    /// Tag 10. A deposit counts.
    DepositConfirmed {
        /// Its id.
        id: DepositId,
        /// The enrolment whose balance grows.
        client_id: ClientId,
        /// By how much.
        amount: Fiat,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
    /// Tag 11. A deposit never counts.
    DepositRejected {
        /// Its id.
        id: DepositId,
        /// The enrolment.
        client_id: ClientId,
        /// What was not counted.
        amount: Fiat,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
}
