//! Commands about whose money it is: splits, liquidity providers and their deposits.

use crate::json::Patch;
use crate::money::Fiat;
use crate::parts::{Split, objects};
use crate::personal::Personal;
use crate::text::{ClientId, Currency, DepositId, MachineId, UserId, WalletId};
use crate::words::DcaMode;

objects! {
    /// Sets all split rules of an operator, or of one of its machines.
    SplitsSet {
        /// The operator.
        operator_user_id: UserId,
        /// The machine that these rules are for; the operator's default without it.
        machine_id: Option<MachineId>,
        /// The rules; their fractions add up to exactly 1.
        splits: Vec<Split>,
    }
    /// Sets how an LP wants its sats. The first one onboards the LP; later only what is given changes.
    LpSet {
        /// The LP.
        user_id: UserId,
        /// The wallet its sats go to.
        dca_wallet_id: WalletId,
        /// `flow` by default.
        default_dca_mode: Option<DcaMode>,
        /// Most fiat a day in `fixed` mode; null no limit.
        fixed_mode_daily_limit: Patch<Fiat>,
        /// Where autoforwarded sats go.
        autoforward_ln_address: Patch<Personal>,
        /// Whether sats are forwarded.
        autoforward_enabled: Option<bool>,
    }
    /// Records fiat that an LP handed over. It counts once confirmed.
    DepositRecord {
        /// The deposit's id.
        id: DepositId,
        /// The enrolment it is for.
        client_id: ClientId,
        /// How much, above zero.
        amount: Fiat,
        /// Who recorded it.
        creator_user_id: UserId,
        /// The machine's currency; another one is refused.
        currency: Option<Currency>,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
    /// Confirms a deposit: it is the LP's balance now.
    DepositConfirm {
        /// The deposit's id.
        id: DepositId,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
    /// Rejects a deposit: it never counts.
    DepositReject {
        /// The deposit's id.
        id: DepositId,
        /// Anything worth keeping.
        notes: Option<Personal>,
    }
}
