//! The rows of what a decision needs at hand. Names and meanings are those of the seed's tables.

use std::collections::BTreeMap;

use bincode::{BorrowDecode, Encode};
use spireledger_schema::event::BeaconReported;
use spireledger_schema::identity::PublicKey;
use spireledger_schema::json::RawJson;
use spireledger_schema::money::{Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bay, Line, Split};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, Currency, MachineId, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{ClientStatus, DcaMode, TxType};

use crate::imported::ImportedRow;

/// `super_config`: what holds for the whole instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Config {
    /// Platform fee of a cash-in, of principal.
    pub super_cash_in_fee_fraction: Fraction,
    /// Platform fee of a cash-out, of principal.
    pub super_cash_out_fee_fraction: Fraction,
    /// Where the platform's fee goes.
    pub super_fee_wallet_id: Option<WalletId>,
    /// Most principal of one cash-in; none: no cap.
    pub max_cash_in_sats: Option<Sats>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

impl Config {
    /// The platform's fraction of principal for a direction.
    pub const fn fee_fraction(&self, tx_type: TxType) -> Fraction {
        match tx_type {
            TxType::CashIn => self.super_cash_in_fee_fraction,
            TxType::CashOut => self.super_cash_out_fee_fraction,
        }
    }
}

/// `dca_machines`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its operator.
    pub operator_user_id: UserId,
    /// Its public key, once it has one.
    pub machine_npub: Option<PublicKey>,
    /// Its wallet.
    pub wallet_id: WalletId,
    /// Its name.
    pub name: Option<Line>,
    /// Where it stands.
    pub location: Option<Personal>,
    /// Its currency.
    pub fiat_code: Currency,
    /// Whether its new claims are taken.
    pub is_active: bool,
    /// Operator fee of a cash-in, of principal.
    pub operator_cash_in_fee_fraction: Fraction,
    /// Operator fee of a cash-out, of principal.
    pub operator_cash_out_fee_fraction: Fraction,
    /// The key's name in the operator's bunker.
    pub bunker_spire_key_name: Option<Line>,
    /// When it was last paired.
    pub paired_at: Option<Timestamp>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Settlements claimed at it. Not a column; while it and `deposits` are 0 the currency may change.
    pub settlements: u64,
    /// Deposits recorded at it. Not a column.
    pub deposits: u64,
}

impl Machine {
    /// The operator's fraction of principal for a direction.
    pub const fn fee_fraction(&self, tx_type: TxType) -> Fraction {
        match tx_type {
            TxType::CashIn => self.operator_cash_in_fee_fraction,
            TxType::CashOut => self.operator_cash_out_fee_fraction,
        }
    }
}

/// `dca_lp`: how an LP wants its sats.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Lp {
    /// The LP.
    pub user_id: UserId,
    /// Where its sats go.
    pub dca_wallet_id: WalletId,
    /// Flow, or fixed.
    pub default_dca_mode: DcaMode,
    /// Most fiat a day in fixed mode; none: no limit.
    pub fixed_mode_daily_limit: Option<Fiat>,
    /// Where autoforwarded sats go.
    pub autoforward_ln_address: Option<Personal>,
    /// Whether sats are forwarded.
    pub autoforward_enabled: bool,
    /// When it came.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// `dca_clients`: one LP's enrolment at one machine, with what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// The machine.
    pub machine_id: MachineId,
    /// The LP.
    pub user_id: UserId,
    /// Its name.
    pub username: Option<Personal>,
    /// Its state.
    pub status: ClientStatus,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Fiat of confirmed deposits.
    pub confirmed_fiat: Fiat,
    /// Fiat of deposits that wait to be confirmed.
    pub unconfirmed_fiat: Fiat,
    /// Fiat of completed dca legs.
    pub paid_fiat: Fiat,
    /// Fiat of dca legs that may still be paid: pending ones, and failed ones until they are given up.
    pub pending_fiat: Fiat,
    /// Sats of completed dca legs.
    pub paid_sats: Sats,
    /// Sats of dca legs that may still be paid.
    pub pending_sats: Sats,
    /// The operator's day (days since 1970) on which a dca leg was last paid.
    pub day: i64,
    /// Fiat paid on that day.
    pub day_fiat: Fiat,
}

/// `dca_commission_splits`: one rule set.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Rules {
    /// The operator.
    pub operator_user_id: UserId,
    /// The machine; the operator's default without it.
    pub machine_id: Option<MachineId>,
    /// The rules, as they were set.
    pub splits: Vec<Split>,
    /// When.
    pub created_at: Timestamp,
    /// The entry that set them.
    pub seq: u64,
    /// The rows that they were brought in as; none if they were set here.
    pub imported: Vec<ImportedRow>,
}

impl Rules {
    /// Whether fees can be split by them. What was brought in and does not add up waits to be set
    /// anew.
    pub fn is_live(&self) -> bool {
        self.imported.iter().all(|row| row.is_live)
    }
}

/// The beacon half of `dca_telemetry`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Beacon {
    /// The newest report.
    pub report: BeaconReported,
    /// When it counts as said: at its own time, but not later than it was recorded.
    pub counted_at: Timestamp,
}

/// The telemetry half of `dca_telemetry`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Telemetry {
    /// The newest report.
    pub telemetry: RawJson,
    /// Its time.
    pub received_at: Timestamp,
    /// When it counts as said: at its own time, but not later than it was recorded.
    pub counted_at: Timestamp,
}

/// `cassette_configs` of one machine: belief and state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub struct Bays {
    /// What the operator believes, by position.
    pub believed: BTreeMap<u32, Bay>,
    /// When it was set.
    pub updated_at: Option<Timestamp>,
    /// Who set it.
    pub updated_by: Option<UserId>,
    /// What the machine says, by position.
    pub reported: BTreeMap<u32, Bay>,
    /// When it said so.
    pub state_at: Option<Timestamp>,
    /// When that counts as said: at its own time, but not later than it was recorded.
    pub counted_at: Option<Timestamp>,
    /// The Nostr event that carried it.
    pub state_event_id: Option<Line>,
}

/// How long after a setting the state of the same bays confirms it, whatever their counts are by then.
const COUNTED_ON: i64 = 600;

impl Bays {
    /// Whether the machine has taken over what was set at a moment: it has said exactly the same since,
    /// or, ten minutes later or more, it has the same bays, and has counted on.
    pub fn is_confirmed(&self, set_at: Timestamp) -> bool {
        let Some(said_at) = self.counted_at.filter(|said_at| *said_at >= set_at) else {
            return false;
        };
        if self.reported == self.believed {
            return true;
        }
        let bills = |bays: &BTreeMap<u32, Bay>| -> Vec<(u32, u32)> {
            bays.iter().map(|(position, bay)| (*position, bay.denomination)).collect()
        };
        said_at.seconds() - set_at.seconds() >= COUNTED_ON
            && bills(&self.reported) == bills(&self.believed)
    }
}
