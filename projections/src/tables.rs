//! The state as rows: the tables of the seed's newest shape (m012), column by column.
//!
//! Rows of the fleet come from [`Fleet`]; rows of settlements, payments and deposits come from the
//! stream of each, so that nobody has to hold all of them.

use serde::{Serialize, Serializer};
use spireledger_schema::personal::Personal;
use spireledger_schema::time::Timestamp;

use crate::{Deposit, Fleet, Settlement};

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number: sats, counts.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// A decimal, as its digits: fiat, fractions, rates.
    Decimal(String),
    /// Text.
    Text(String),
    /// A moment.
    Time(Timestamp),
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Decimal(text) | Self::Text(text) => text.fmt(f),
            Self::Time(at) => at.fmt(f),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Boolean(truth) => serializer.serialize_bool(*truth),
            Self::Decimal(text) | Self::Text(text) => serializer.serialize_str(text),
            Self::Time(at) => at.serialize(serializer),
        }
    }
}

/// A row, in the order of its table's columns.
pub type Row = Vec<Cell>;

/// How a value becomes a cell.
trait IntoCell {
    fn cell(&self) -> Cell;
}

macro_rules! cells {
    ($($type:ty: |$value:ident| $cell:expr;)*) => {$(
        impl IntoCell for $type {
            fn cell(&self) -> Cell {
                let $value = self;
                $cell
            }
        }
    )*};
}

macro_rules! text_cells {
    ($($type:ty)*) => { cells! {$( $type: |text| Cell::Text(text.to_string()); )*} };
}

use spireledger_schema::identity::{PaymentHash, PublicKey};
use spireledger_schema::json::RawJson;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Line, Message};
use spireledger_schema::text::{
    ClientId, Currency, DepositId, LegId, MachineId, ProcessingClaim, UserId, WalletId,
};
use spireledger_schema::words::{
    ClientStatus, DcaMode, DepositStatus, LegStatus, LegType, SettlementStatus, TxType,
};

text_cells! {
    PaymentHash PublicKey ClientId Currency DepositId LegId MachineId ProcessingClaim UserId WalletId
    ClientStatus DcaMode DepositStatus LegStatus LegType SettlementStatus TxType String
}

cells! {
    Sats: |sats| Cell::Integer(sats.signed());
    i64: |number| Cell::Integer(*number);
    u32: |number| Cell::Integer(i64::from(*number));
    bool: |truth| Cell::Boolean(*truth);
    Fiat: |fiat| Cell::Decimal(fiat.to_string());
    Fraction: |fraction| Cell::Decimal(fraction.to_string());
    ExchangeRate: |rate| Cell::Decimal(rate.to_string());
    Timestamp: |at| Cell::Time(*at);
    Line: |line| Cell::Text(line.as_str().to_owned());
    RawJson: |json| Cell::Text(json.as_str().to_owned());
    Personal: |value| Cell::Text(personal(value));
    Message: |message| Cell::Text(personal(message.personal()));
}

impl<T: IntoCell> IntoCell for Option<T> {
    fn cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, T::cell)
    }
}

/// What is shown of a personal field.
fn personal(value: &Personal) -> String {
    match value {
        Personal::Plain(text) => text.to_string(),
        Personal::Sealed { .. } => "(sealed)".into(),
        Personal::Erased => "(erased)".into(),
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $word:literal { $($column:ident)* })*) => {
        /// The tables, in the order of the seed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Table { $($(#[$doc])* $name,)* }

        impl Table {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The table's name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// Its columns, in order.
            pub const fn columns(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($column)),*]),* }
            }

            /// The table of a name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|table| table.name() == name)
            }
        }
    };
}

tables! {
    /// One row: what holds for the whole instance.
    SuperConfig = "super_config" {
        id super_fee_wallet_id updated_at super_cash_in_fee_fraction super_cash_out_fee_fraction
        max_cash_in_sats
    }
    /// A row a machine.
    Machines = "dca_machines" {
        id operator_user_id machine_npub wallet_id name location fiat_code is_active created_at
        updated_at operator_cash_in_fee_fraction operator_cash_out_fee_fraction
        bunker_spire_key_name paired_at
    }
    /// A row an enrolment.
    Clients = "dca_clients" { id machine_id user_id username status created_at updated_at }
    /// A row an LP.
    Lps = "dca_lp" {
        user_id dca_wallet_id default_dca_mode fixed_mode_daily_limit autoforward_ln_address
        autoforward_enabled created_at updated_at
    }
    /// A row a deposit.
    Deposits = "dca_deposits" {
        id client_id machine_id creator_user_id amount currency status notes created_at confirmed_at
    }
    /// A row a settlement.
    Settlements = "dca_settlements" {
        id machine_id payment_hash bitspire_event_id bitspire_txid wire_sats fiat_amount fiat_code
        exchange_rate principal_sats fee_sats platform_fee_sats operator_fee_sats tx_type bills_json
        cassettes_json status error_message processed_at created_at notes processing_claim
        fee_mismatch_sats
    }
    /// A row a split rule.
    Splits = "dca_commission_splits" {
        id machine_id operator_user_id target label fraction sort_order created_at
    }
    /// A row a leg.
    Payments = "dca_payments" {
        id settlement_id client_id machine_id operator_user_id leg_type destination_wallet_id
        destination_ln_address amount_sats amount_fiat exchange_rate transaction_time
        external_payment_hash status error_message created_at
    }
    /// A row a machine that has reported.
    Telemetry = "dca_telemetry" {
        machine_id beacon_cash_in beacon_cash_out beacon_cash_level beacon_fiat beacon_model
        beacon_name beacon_location beacon_geo beacon_fees_json beacon_limits_json
        beacon_denominations_json beacon_version beacon_received_at telemetry_json
        telemetry_received_at
    }
    /// A row a bay.
    Cassettes = "cassette_configs" {
        machine_id position denomination count updated_at updated_by state_denomination state_count
        state_at state_event_id
    }
}

/// The rows of a table that the fleet holds; none for deposits, settlements and payments.
pub fn fleet_rows(table: Table, fleet: &Fleet) -> Vec<Row> {
    match table {
        Table::SuperConfig => vec![config(fleet)],
        Table::Machines => fleet.machines().map(machine).collect(),
        Table::Clients => fleet.clients().map(client).collect(),
        Table::Lps => fleet.lps().map(lp).collect(),
        Table::Splits => fleet.all_rules().flat_map(splits).collect(),
        Table::Telemetry => fleet.machines().filter_map(|m| telemetry(fleet, &m.id)).collect(),
        Table::Cassettes => fleet.machines().flat_map(|m| cassettes(fleet, &m.id)).collect(),
        Table::Deposits | Table::Settlements | Table::Payments => Vec::new(),
    }
}

fn config(fleet: &Fleet) -> Row {
    let config = fleet.config();
    vec![
        Cell::Text("default".into()),
        config.super_fee_wallet_id.cell(),
        config.updated_at.cell(),
        config.super_cash_in_fee_fraction.cell(),
        config.super_cash_out_fee_fraction.cell(),
        config.max_cash_in_sats.cell(),
    ]
}

fn machine(m: &crate::Machine) -> Row {
    vec![
        m.id.cell(),
        m.operator_user_id.cell(),
        m.machine_npub.cell(),
        m.wallet_id.cell(),
        m.name.cell(),
        m.location.cell(),
        m.fiat_code.cell(),
        m.is_active.cell(),
        m.created_at.cell(),
        m.updated_at.cell(),
        m.operator_cash_in_fee_fraction.cell(),
        m.operator_cash_out_fee_fraction.cell(),
        m.bunker_spire_key_name.cell(),
        m.paired_at.cell(),
    ]
}

fn client(c: &crate::Client) -> Row {
    vec![
        c.id.cell(),
        c.machine_id.cell(),
        c.user_id.cell(),
        c.username.cell(),
        c.status.cell(),
        c.created_at.cell(),
        c.updated_at.cell(),
    ]
}

fn lp(lp: &crate::Lp) -> Row {
    vec![
        lp.user_id.cell(),
        lp.dca_wallet_id.cell(),
        lp.default_dca_mode.cell(),
        lp.fixed_mode_daily_limit.cell(),
        lp.autoforward_ln_address.cell(),
        lp.autoforward_enabled.cell(),
        lp.created_at.cell(),
        lp.updated_at.cell(),
    ]
}

fn splits(rules: &crate::Rules) -> Vec<Row> {
    let numbered = (0u32..).zip(&rules.splits);
    numbered
        .map(|(at, split)| {
            vec![
                // A rule has no id of its own: the entry that set it, and its place in it.
                Cell::Text(format!("{}:{at}", rules.seq)),
                rules.machine_id.cell(),
                rules.operator_user_id.cell(),
                Cell::Text(personal(split.target.personal())),
                split.label.as_ref().map_or(Cell::Null, |l| Cell::Text(personal(l.personal()))),
                split.fraction.cell(),
                split.sort_order.unwrap_or(at).cell(),
                rules.created_at.cell(),
            ]
        })
        .collect()
}

fn telemetry(fleet: &Fleet, id: &MachineId) -> Option<Row> {
    let (beacon, telemetry) = (fleet.beacon(id), fleet.telemetry(id));
    if beacon.is_none() && telemetry.is_none() {
        return None;
    }
    let mut row = vec![id.cell()];
    match beacon {
        None => row.extend(std::iter::repeat_n(Cell::Null, 13)),
        Some(beacon) => {
            let b = &beacon.report;
            row.extend([
                b.cash_in.cell(),
                b.cash_out.cell(),
                b.cash_level.cell(),
                b.fiat.cell(),
                b.model.cell(),
                b.name.cell(),
                b.location.cell(),
                b.geo.cell(),
                b.fees_json.cell(),
                b.limits_json.cell(),
                b.denominations_json.cell(),
                b.version.cell(),
                b.received_at.cell(),
            ]);
        }
    }
    row.push(telemetry.map_or(Cell::Null, |t| t.telemetry.cell()));
    row.push(telemetry.map_or(Cell::Null, |t| t.received_at.cell()));
    Some(row)
}

/// A row a bay that the operator believes in or, where it set none, that the machine reports.
fn cassettes(fleet: &Fleet, id: &MachineId) -> Vec<Row> {
    let Some(bays) = fleet.bays(id) else { return Vec::new() };
    let believed = bays.believed.keys();
    let positions: std::collections::BTreeSet<u32> =
        believed.chain(bays.reported.keys()).copied().collect();
    let row = |position: &u32| {
        let state = bays.reported.get(position);
        let held = bays.believed.get(position).or(state)?;
        Some(vec![
            id.cell(),
            position.cell(),
            held.denomination.cell(),
            held.count.cell(),
            bays.updated_at.or(bays.state_at).cell(),
            bays.updated_by.cell(),
            state.map(|bay| bay.denomination).cell(),
            state.map(|bay| bay.count).cell(),
            state.and(bays.state_at).cell(),
            state.and(bays.state_event_id.as_ref()).map_or(Cell::Null, Line::cell),
        ])
    };
    positions.iter().filter_map(row).collect()
}

/// The row of a deposit.
pub fn deposit_row(d: &Deposit) -> Row {
    vec![
        d.recorded.id.cell(),
        d.recorded.client_id.cell(),
        d.recorded.machine_id.cell(),
        d.recorded.creator_user_id.cell(),
        d.recorded.amount.cell(),
        d.recorded.currency.cell(),
        d.status.cell(),
        d.notes.cell(),
        d.created_at.cell(),
        d.confirmed_at.cell(),
    ]
}

/// The row of a settlement. Its id is its payment hash.
pub fn settlement_row(s: &Settlement) -> Row {
    let claimed = &s.claimed;
    let notes: Vec<String> = s.notes.iter().map(|(_, note, _)| personal(note)).collect();
    vec![
        s.payment_hash.cell(),
        claimed.machine_id.cell(),
        s.payment_hash.cell(),
        claimed.bitspire_event_id.cell(),
        claimed.bitspire_txid.cell(),
        claimed.wire_sats.cell(),
        s.fiat_amount.cell(),
        claimed.fiat_code.cell(),
        claimed.exchange_rate.cell(),
        s.principal_sats.cell(),
        s.fee_sats.cell(),
        s.platform_fee_sats.cell(),
        s.operator_fee_sats.cell(),
        claimed.tx_type.cell(),
        json(claimed.bills.as_ref()),
        json(claimed.cassettes.as_ref()),
        s.status.cell(),
        s.error_message.cell(),
        s.processed_at.cell(),
        s.created_at.cell(),
        if notes.is_empty() { Cell::Null } else { Cell::Text(notes.join("\n")) },
        s.lock.as_ref().map_or(Cell::Null, |lock| lock.processing_claim.cell()),
        s.fee_mismatch_sats.cell(),
    ]
}

fn json<T: Serialize>(value: Option<&T>) -> Cell {
    // Lists of numbers always have a JSON form.
    let text = value.and_then(|value| serde_json::to_string(value).ok());
    text.map_or(Cell::Null, Cell::Text)
}

/// A row a leg of a settlement, for the operator whose machine it was.
pub fn payment_rows(s: &Settlement, operator: Option<&UserId>) -> Vec<Row> {
    let row = |leg: &crate::LegRow| {
        vec![
            leg.id.cell(),
            s.payment_hash.cell(),
            leg.leg.client_id.cell(),
            s.claimed.machine_id.cell(),
            operator.map_or(Cell::Null, UserId::cell),
            leg.leg.leg_type.cell(),
            leg.leg.destination_wallet_id.cell(),
            leg.leg.destination_ln_address.cell(),
            leg.leg.amount_sats.cell(),
            leg.leg.amount_fiat.cell(),
            s.claimed.exchange_rate.cell(),
            s.created_at.cell(),
            leg.external_payment_hash.cell(),
            leg.status.cell(),
            leg.error_message.cell(),
            leg.created_at.cell(),
        ]
    };
    s.legs.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_as_many_cells_as_its_table_has_columns() {
        let fleet = Fleet::default();
        for row in fleet_rows(Table::SuperConfig, &fleet) {
            assert_eq!(row.len(), Table::SuperConfig.columns().len());
        }
        assert_eq!(Table::ALL.len(), 10);
        assert!(Table::ALL.iter().all(|table| Table::parse(table.name()) == Some(*table)));
    }
}
