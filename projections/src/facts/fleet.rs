//! Facts of the instance, machines, enrolments, LPs, split rules, reports and bays.

use std::borrow::Cow;

use spireledger_schema::event::BeaconReported;
use spireledger_schema::money::Fraction;
use spireledger_schema::parts::{Bay, Split};
use spireledger_schema::text::MachineId;
use spireledger_schema::time::Timestamp;

use super::facts;
use crate::cell::{Cell, IntoCell};
use crate::{Bays, Beacon, Client, Config, Lp, Machine, Rules, Telemetry};

/// An enrolment and its LP, once it has said where its sats go.
#[derive(Debug, Clone, Copy)]
pub struct Enrolment<'a> {
    /// The enrolment.
    pub client: &'a Client,
    /// Its LP.
    pub lp: Option<&'a Lp>,
}

/// A split rule and its place among the rules that were set with it.
#[derive(Debug, Clone, Copy)]
pub struct SplitInPlace<'a> {
    /// The rules.
    pub rules: &'a Rules,
    /// Its place, from 0.
    pub place: u32,
    /// The rule.
    pub split: &'a Split,
}

/// The newest reports of a machine; at least one of them is there.
#[derive(Debug, Clone, Copy)]
pub struct Reports<'a> {
    /// The machine.
    pub machine_id: &'a MachineId,
    /// Its newest beacon.
    pub beacon: Option<&'a Beacon>,
    /// Its newest telemetry.
    pub telemetry: Option<&'a Telemetry>,
}

impl<'a> Reports<'a> {
    fn of_beacon(self, read: impl FnOnce(&'a BeaconReported) -> Cell<'a>) -> Cell<'a> {
        self.beacon.map_or(Cell::Null, |beacon| read(&beacon.report))
    }
}

/// One bay: what the operator believes to be in it or, where it said nothing, what the machine says.
#[derive(Debug, Clone, Copy)]
pub struct BayState<'a> {
    /// The machine.
    pub machine_id: &'a MachineId,
    /// The bay's number.
    pub position: u32,
    /// What it holds, as far as is known.
    pub held: &'a Bay,
    /// What the machine says it holds.
    pub state: Option<&'a Bay>,
    /// All bays of the machine.
    pub bays: &'a Bays,
}

facts! {
    /// Facts of the instance.
    ConfigFact of config: &'a Config {
        /// The word `default`: there is one row.
        Id => Cell::text("default"),
        /// Platform fee of a cash-in, as a fraction of principal.
        CashInFee => config.super_cash_in_fee_fraction.cell(),
        /// Platform fee of a cash-out, as a fraction of principal.
        CashOutFee => config.super_cash_out_fee_fraction.cell(),
        /// The wallet that gets the platform's fee.
        FeeWallet => config.super_fee_wallet_id.cell(),
        /// Most principal of one cash-in, in sats; nothing: no cap.
        CashInCap => config.max_cash_in_sats.cell(),
        /// When the configuration last changed; 1970 if it never did.
        UpdatedAt => Cell::Time(config.updated_at.unwrap_or(Timestamp::EPOCH)),
    }
}

facts! {
    /// Facts of a machine.
    MachineFact of machine: &'a Machine {
        /// The machine's id.
        Id => machine.id.cell(),
        /// Its operator.
        Operator => machine.operator_user_id.cell(),
        /// Its Nostr public key, once it has one.
        Npub => machine.machine_npub.cell(),
        /// Its wallet.
        Wallet => machine.wallet_id.cell(),
        /// Its name.
        Name => machine.name.cell(),
        /// Where it stands.
        Location => machine.location.cell(),
        /// Its currency.
        FiatCode => machine.fiat_code.cell(),
        /// Whether its new claims are taken.
        IsActive => machine.is_active.cell(),
        /// Always 0: nothing is derived backwards from a percentage.
        FallbackCommission => Fraction::ZERO.cell().into_owned(),
        /// Operator fee of a cash-in, as a fraction of principal.
        CashInFee => machine.operator_cash_in_fee_fraction.cell(),
        /// Operator fee of a cash-out, as a fraction of principal.
        CashOutFee => machine.operator_cash_out_fee_fraction.cell(),
        /// The name of its key in the operator's bunker.
        BunkerKey => machine.bunker_spire_key_name.cell(),
        /// When it was last paired.
        PairedAt => machine.paired_at.cell(),
        /// When it was registered.
        CreatedAt => machine.created_at.cell(),
        /// When it last changed.
        UpdatedAt => machine.updated_at.cell(),
    }
}

facts! {
    /// Facts of an enrolment.
    ClientFact of enrolment: Enrolment<'a> {
        /// The enrolment's id.
        Id => enrolment.client.id.cell(),
        /// The machine.
        Machine => enrolment.client.machine_id.cell(),
        /// The LP.
        User => enrolment.client.user_id.cell(),
        /// What the operator calls the LP.
        Username => enrolment.client.username.cell(),
        /// Whether it takes part in distributions.
        Status => enrolment.client.status.cell(),
        /// When it was enrolled.
        CreatedAt => enrolment.client.created_at.cell(),
        /// When the enrolment last changed.
        UpdatedAt => enrolment.client.updated_at.cell(),
    }
}

facts! {
    /// Facts of an LP.
    LpFact of lp: &'a Lp {
        /// The LP.
        User => lp.user_id.cell(),
        /// The wallet that its sats go to.
        Wallet => lp.dca_wallet_id.cell(),
        /// How it takes its sats: as they come, or a fixed amount a day.
        Mode => lp.default_dca_mode.cell(),
        /// Most fiat a day in fixed mode; nothing: no limit.
        DailyLimit => lp.fixed_mode_daily_limit.cell(),
        /// The Lightning address to which its sats go on.
        ForwardAddress => lp.autoforward_ln_address.cell(),
        /// Whether they do.
        ForwardEnabled => lp.autoforward_enabled.cell(),
        /// When the LP came.
        CreatedAt => lp.created_at.cell(),
        /// When its preferences last changed.
        UpdatedAt => lp.updated_at.cell(),
    }
}

facts! {
    /// Facts of a split rule.
    SplitFact of row: SplitInPlace<'a> {
        /// The entry that set the rule, and its place there: a rule has no id of its own.
        Id => Cell::Text(Cow::Owned(format!("{}:{}", row.rules.seq, row.place))),
        /// The machine it holds at; nothing: the operator's default.
        Machine => row.rules.machine_id.cell(),
        /// The operator.
        Operator => row.rules.operator_user_id.cell(),
        /// Where the share goes: wallet id, invoice key, Lightning address or LNURL.
        Target => row.split.target.cell(),
        /// What the operator calls it.
        Label => row.split.label.cell(),
        /// The share of the operator's fee.
        Share => row.split.fraction.cell(),
        /// The order of the legs; its place, where none was given.
        SortOrder => Cell::Integer(i64::from(row.split.sort_order.unwrap_or(row.place))),
        /// When it was set.
        CreatedAt => row.rules.created_at.cell(),
    }
}

facts! {
    /// Facts of a machine's reports.
    TelemetryFact of reports: Reports<'a> {
        /// The machine.
        Machine => reports.machine_id.cell(),
        /// Takes cash, says its beacon.
        CashIn => reports.of_beacon(|beacon| beacon.cash_in.cell()),
        /// Gives cash.
        CashOut => reports.of_beacon(|beacon| beacon.cash_out.cell()),
        /// How much cash it holds.
        CashLevel => reports.of_beacon(|beacon| beacon.cash_level.cell()),
        /// Its currency.
        Fiat => reports.of_beacon(|beacon| beacon.fiat.cell()),
        /// Its model.
        Model => reports.of_beacon(|beacon| beacon.model.cell()),
        /// Its public name.
        Name => reports.of_beacon(|beacon| beacon.name.cell()),
        /// Where it says it is.
        Location => reports.of_beacon(|beacon| beacon.location.cell()),
        /// Its coordinates.
        Geo => reports.of_beacon(|beacon| beacon.geo.cell()),
        /// Its fees, as JSON.
        Fees => reports.of_beacon(|beacon| beacon.fees_json.cell()),
        /// Its limits, as JSON.
        Limits => reports.of_beacon(|beacon| beacon.limits_json.cell()),
        /// Its bills, as JSON.
        Denominations => reports.of_beacon(|beacon| beacon.denominations_json.cell()),
        /// Its software.
        Version => reports.of_beacon(|beacon| beacon.version.cell()),
        /// When the beacon was received.
        BeaconAt => reports.of_beacon(|beacon| beacon.received_at.cell()),
        /// What it told its operator alone, as JSON.
        Report => reports.telemetry.map_or(Cell::Null, |report| report.telemetry.cell()),
        /// When that was received.
        ReportAt => reports.telemetry.map_or(Cell::Null, |report| report.received_at.cell()),
    }
}

facts! {
    /// Facts of a bay.
    BayFact of bay: BayState<'a> {
        /// The machine.
        Machine => bay.machine_id.cell(),
        /// The bay's number.
        Position => Cell::Integer(i64::from(bay.position)),
        /// Face value of the bills in it.
        Denomination => bay.held.denomination.cell(),
        /// How many bills.
        Count => bay.held.count.cell(),
        /// When that was set; when it was reported, where nothing was set.
        UpdatedAt => bay.bays.updated_at.or(bay.bays.state_at).map_or(Cell::Null, Cell::Time),
        /// Who set it.
        UpdatedBy => bay.bays.updated_by.cell(),
        /// Face value, as the machine says.
        StateDenomination => bay.state.map_or(Cell::Null, |state| state.denomination.cell()),
        /// How many bills, as the machine says.
        StateCount => bay.state.map_or(Cell::Null, |state| state.count.cell()),
        /// When the machine said so.
        StateAt => bay.state.map_or(Cell::Null, |_| bay.bays.state_at.cell()),
        /// The Nostr event that said so.
        StateEvent => bay.state.map_or(Cell::Null, |_| bay.bays.state_event_id.cell()),
    }
}
