//! What the ledger makes of a found row. `None`: a cell that it has to know the meaning of says
//! something else.

use rust_decimal::{Decimal, RoundingStrategy};
use spireledger_schema::event::{
    BeaconReported, DepositRecorded, Leg, RowImported, SettlementClaimed,
};
use spireledger_schema::identity::{PaymentHash, PublicKey};
use spireledger_schema::imported::{Found, SourceRow};
use spireledger_schema::json::RawJson;
use spireledger_schema::money::{ExchangeRate, Fiat, Fraction, Sats};
use spireledger_schema::parts::{Bay, Label, Line, Message, Split, Target};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::{ClientId, Currency, DepositId, LegId, MachineId, UserId, WalletId};
use spireledger_schema::time::Timestamp;
use spireledger_schema::words::{
    ClientStatus, DcaMode, DepositStatus, LegStatus, LegType, SettlementStatus, TxType,
};

use super::effective;
use crate::{Beacon, Client, Config, Deposit, LegRow, Lp, Machine, Telemetry};

/// A number, exact, if it is one of at most 28 digits.
pub fn decimal(found: &Found) -> Option<Decimal> {
    match found {
        Found::Integer(number) => Some(Decimal::from(*number)),
        Found::Real(digits) => {
            let digits = digits.as_str();
            Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits)).ok()
        }
        _ => None,
    }
}

/// A whole number.
pub fn whole(found: &Found) -> Option<i64> {
    match found {
        Found::Integer(number) => Some(*number),
        Found::Real(_) => {
            let number = decimal(found)?;
            if number.fract().is_zero() {
                i64::try_from(number.trunc().mantissa()).ok()
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Sats.
pub fn sats(found: &Found) -> Option<Sats> {
    Sats::new(u64::try_from(whole(found)?).ok()?)
}

/// Fiat, rounded half to even where there are more than two places.
pub fn fiat(found: &Found) -> Option<Fiat> {
    let mut number =
        decimal(found)?.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    number.rescale(2);
    Fiat::from_minor(i64::try_from(number.mantissa()).ok()?)
}

/// A moment: seconds since 1970, whole or not, or a text as Python or SQL write it, in UTC.
pub fn moment(found: &Found) -> Option<Timestamp> {
    match found {
        Found::Integer(seconds) => Timestamp::from_seconds(*seconds),
        Found::Real(_) => {
            let micros = decimal(found)?.checked_mul(Decimal::from(1_000_000))?.floor();
            Timestamp::from_micros(i64::try_from(micros.mantissa()).ok()?)
        }
        Found::Text(text) => {
            let text = text.as_str().trim();
            let utc = format!("{}Z", text.replacen(' ', "T", 1));
            let read = Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&utc));
            read.or_else(|| Timestamp::from_seconds(text.parse().ok()?))
        }
        _ => None,
    }
}

fn truth(found: &Found) -> Option<bool> {
    match whole(found)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn fraction(found: &Found) -> Option<Fraction> {
    let number = decimal(found)?.checked_mul(Decimal::from(10_000))?;
    if !number.fract().is_zero() {
        return None;
    }
    Fraction::from_ten_thousandths(u16::try_from(number.trunc().mantissa()).ok()?)
}

/// A fraction that is nothing where there is no such column.
fn fraction_or_none(found: &Found) -> Option<Fraction> {
    if *found == Found::Absent { Some(Fraction::ZERO) } else { fraction(found) }
}

fn text<T>(found: &Found, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    found.as_str().and_then(parse)
}

/// Something is there that cannot be read.
struct Unreadable;

/// What may be left out.
fn optional<T>(
    found: &Found,
    read: impl FnOnce(&Found) -> Option<T>,
) -> Result<Option<T>, Unreadable> {
    if found.is_something() { read(found).map(Some).ok_or(Unreadable) } else { Ok(None) }
}

pub(super) fn personal(found: &Found) -> Option<Personal> {
    match found {
        Found::Personal(value) => Some(value.clone()),
        Found::Text(text) => Some(Personal::Plain(text.clone())),
        _ => None,
    }
}

/// `super_config`.
pub fn config(row: &SourceRow) -> Option<Config> {
    Some(Config {
        super_cash_in_fee_fraction: fraction_or_none(effective(row, "super_cash_in_fee_fraction"))?,
        super_cash_out_fee_fraction: fraction_or_none(effective(
            row,
            "super_cash_out_fee_fraction",
        ))?,
        super_fee_wallet_id: optional(row.cell("super_fee_wallet_id"), |found| {
            text(found, WalletId::parse)
        })
        .ok()?,
        max_cash_in_sats: optional(row.cell("max_cash_in_sats"), sats).ok()?,
        updated_at: moment(row.cell("updated_at")),
    })
}

/// `dca_machines`; what was counted at it starts at nothing.
pub fn machine(row: &SourceRow, recorded_at: Timestamp) -> Option<Machine> {
    let created_at = moment(row.cell("created_at")).unwrap_or(recorded_at);
    Some(Machine {
        id: text(row.cell("id"), MachineId::parse)?,
        operator_user_id: text(row.cell("operator_user_id"), UserId::parse)?,
        machine_npub: text(row.cell("machine_npub"), PublicKey::parse),
        wallet_id: text(row.cell("wallet_id"), WalletId::parse)?,
        name: text(row.cell("name"), Line::parse),
        location: personal(row.cell("location")),
        fiat_code: text(row.cell("fiat_code"), Currency::parse)?,
        is_active: truth(row.cell("is_active"))?,
        operator_cash_in_fee_fraction: fraction_or_none(row.cell("operator_cash_in_fee_fraction"))?,
        operator_cash_out_fee_fraction: fraction_or_none(
            row.cell("operator_cash_out_fee_fraction"),
        )?,
        bunker_spire_key_name: text(row.cell("bunker_spire_key_name"), Line::parse),
        paired_at: moment(row.cell("paired_at")),
        created_at,
        updated_at: moment(row.cell("updated_at")).unwrap_or(created_at),
        settlements: 0,
        deposits: 0,
    })
}

/// `dca_lp`.
pub fn lp(row: &SourceRow, recorded_at: Timestamp) -> Option<Lp> {
    let created_at = moment(row.cell("created_at")).unwrap_or(recorded_at);
    Some(Lp {
        user_id: text(row.cell("user_id"), UserId::parse)?,
        dca_wallet_id: text(row.cell("dca_wallet_id"), WalletId::parse)?,
        default_dca_mode: text(row.cell("default_dca_mode"), DcaMode::parse)?,
        fixed_mode_daily_limit: optional(row.cell("fixed_mode_daily_limit"), fiat).ok()?,
        autoforward_ln_address: personal(row.cell("autoforward_ln_address")),
        autoforward_enabled: truth(row.cell("autoforward_enabled"))?,
        created_at,
        updated_at: moment(row.cell("updated_at")).unwrap_or(created_at),
    })
}

/// `dca_clients`, with empty sums. An unknown status takes no part in distributions.
pub fn client(row: &SourceRow, recorded_at: Timestamp) -> Option<Client> {
    let created_at = moment(row.cell("created_at")).unwrap_or(recorded_at);
    Some(Client {
        id: text(row.cell("id"), ClientId::parse)?,
        machine_id: text(row.cell("machine_id"), MachineId::parse)?,
        user_id: text(row.cell("user_id"), UserId::parse)?,
        username: personal(row.cell("username")),
        status: text(row.cell("status"), ClientStatus::parse).unwrap_or(ClientStatus::Inactive),
        created_at,
        updated_at: moment(row.cell("updated_at")).unwrap_or(created_at),
        confirmed_fiat: Fiat::ZERO,
        unconfirmed_fiat: Fiat::ZERO,
        paid_fiat: Fiat::ZERO,
        pending_fiat: Fiat::ZERO,
        paid_sats: Sats::ZERO,
        pending_sats: Sats::ZERO,
        day: 0,
        day_fiat: Fiat::ZERO,
    })
}

/// `dca_commission_splits`: the rules of a set, if all of them can be read and they add up to 1.
pub fn splits(rows: &[SourceRow]) -> Option<Vec<Split>> {
    let splits: Vec<Split> = rows.iter().map(split).collect::<Option<_>>()?;
    let sum: u32 = splits.iter().map(|split| u32::from(split.fraction.ten_thousandths())).sum();
    (sum == u32::from(Fraction::WHOLE)).then_some(splits)
}

fn split(row: &SourceRow) -> Option<Split> {
    Some(Split {
        target: text(row.cell("target"), Target::parse)?,
        label: text(row.cell("label"), Label::parse),
        fraction: fraction(row.cell("fraction"))?,
        sort_order: Some(u32::try_from(whole(row.cell("sort_order"))?).ok()?),
    })
}

/// The beacon half of `dca_telemetry`, if there is any.
pub(crate) fn beacon(row: &SourceRow, machine_id: MachineId) -> Option<Beacon> {
    let line = |column| text(row.cell(column), Line::parse);
    let json = |column| text(row.cell(column), RawJson::parse);
    let received_at = moment(row.cell("beacon_received_at"))?;
    let report = BeaconReported {
        machine_id,
        cash_in: truth(row.cell("beacon_cash_in")),
        cash_out: truth(row.cell("beacon_cash_out")),
        cash_level: line("beacon_cash_level"),
        fiat: line("beacon_fiat"),
        model: line("beacon_model"),
        name: line("beacon_name"),
        location: personal(row.cell("beacon_location")),
        geo: personal(row.cell("beacon_geo")),
        fees_json: json("beacon_fees_json"),
        limits_json: json("beacon_limits_json"),
        denominations_json: json("beacon_denominations_json"),
        version: line("beacon_version"),
        received_at,
    };
    Some(Beacon { report, counted_at: received_at })
}

/// The telemetry half of `dca_telemetry`, if there is any.
pub(crate) fn telemetry(row: &SourceRow) -> Option<Telemetry> {
    let received_at = moment(row.cell("telemetry_received_at"))?;
    let telemetry = text(row.cell("telemetry_json"), RawJson::parse)?;
    Some(Telemetry { telemetry, received_at, counted_at: received_at })
}

/// What a row of `cassette_configs` says.
pub(crate) struct Bayed {
    /// The machine.
    pub machine_id: MachineId,
    /// The bay's number.
    pub position: u32,
    /// What the operator believes.
    pub believed: Bay,
    /// When that was set.
    pub updated_at: Option<Timestamp>,
    /// Who set it.
    pub updated_by: Option<UserId>,
    /// What the machine said.
    pub reported: Option<Bay>,
    /// When it said so.
    pub state_at: Option<Timestamp>,
    /// The Nostr event that said so.
    pub state_event_id: Option<Line>,
}

/// Whether a row of `cassette_configs` says which bay holds what.
pub fn is_bay(row: &SourceRow) -> bool {
    bay(row).is_some()
}

/// `cassette_configs`.
pub(crate) fn bay(row: &SourceRow) -> Option<Bayed> {
    let number = |found: &Found| u32::try_from(whole(found)?).ok();
    let count = number(row.cell("state_count"));
    let reported = count.and_then(|count| {
        Some(Bay { denomination: number(effective(row, "state_denomination"))?, count })
    });
    Some(Bayed {
        machine_id: text(row.cell("machine_id"), MachineId::parse)?,
        position: number(row.cell("position"))?,
        believed: Bay {
            denomination: number(row.cell("denomination"))?,
            count: number(row.cell("count"))?,
        },
        updated_at: moment(row.cell("updated_at")),
        updated_by: text(row.cell("updated_by"), UserId::parse),
        reported,
        state_at: moment(row.cell("state_at")),
        state_event_id: text(row.cell("state_event_id"), Line::parse),
    })
}

/// `dca_deposits`. A currency that is no code stands as none: what was found is shown.
pub fn deposit(row: &SourceRow, recorded_at: Timestamp) -> Option<Deposit> {
    Some(Deposit {
        recorded: DepositRecorded {
            id: text(row.cell("id"), DepositId::parse)?,
            client_id: text(row.cell("client_id"), ClientId::parse)?,
            machine_id: text(row.cell("machine_id"), MachineId::parse)?,
            amount: fiat(row.cell("amount"))?,
            currency: text(row.cell("currency"), Currency::parse).unwrap_or(Currency::NONE),
            creator_user_id: text(row.cell("creator_user_id"), UserId::parse)?,
            notes: personal(row.cell("notes")),
        },
        status: text(row.cell("status"), DepositStatus::parse)?,
        notes: personal(row.cell("notes")),
        created_at: moment(row.cell("created_at")).unwrap_or(recorded_at),
        confirmed_at: moment(row.cell("confirmed_at")),
        imported: None,
    })
}

/// `dca_settlements`: what was claimed, and how far it is.
pub fn settlement(e: &RowImported, recorded_at: Timestamp) -> Option<crate::Settlement> {
    let row = &e.row;
    let claimed = SettlementClaimed {
        machine_id: text(row.cell("machine_id"), MachineId::parse)?,
        operator_user_id: e.operator_user_id.clone()?,
        tx_type: text(row.cell("tx_type"), TxType::parse)?,
        wire_sats: sats(row.cell("wire_sats"))?,
        principal_sats: sats(row.cell("principal_sats"))?,
        fee_sats: sats(row.cell("fee_sats"))?,
        platform_fee_sats: sats(row.cell("platform_fee_sats"))?,
        operator_fee_sats: sats(row.cell("operator_fee_sats"))?,
        fee_mismatch_sats: whole(row.cell("fee_mismatch_sats")).unwrap_or_default(),
        super_fee_fraction: Fraction::ZERO,
        operator_fee_fraction: Fraction::ZERO,
        fiat_amount: fiat(row.cell("fiat_amount"))?,
        fiat_code: text(row.cell("fiat_code"), Currency::parse)?,
        exchange_rate: ExchangeRate::new(decimal(row.cell("exchange_rate"))?)?,
        bitspire_event_id: text(row.cell("bitspire_event_id"), Line::parse),
        bitspire_txid: text(row.cell("bitspire_txid"), Line::parse),
        bills: None,
        cassettes: None,
        machine_seq: None,
    };
    let status = text(row.cell("status"), SettlementStatus::parse)?;
    let payment_hash = text(row.cell("payment_hash"), PaymentHash::parse_hex)?;
    let mut settlement = crate::Settlement::new(payment_hash, claimed, recorded_at);
    settlement.status = status;
    settlement.error_message = personal(row.cell("error_message")).map(Message::from);
    settlement.created_at = moment(row.cell("created_at")).unwrap_or(recorded_at);
    settlement.processed_at = moment(row.cell("processed_at"));
    settlement.fee_mismatch_sats = whole(row.cell("fee_mismatch_sats"));
    Some(settlement)
}

/// A leg's status; the predecessor said `confirmed` for what was paid.
pub fn status_of_leg(row: &SourceRow) -> Option<LegStatus> {
    text(row.cell("status"), |word| match word {
        "confirmed" => Some(LegStatus::Completed),
        word => LegStatus::parse(word),
    })
}

/// `dca_payments`.
pub fn leg(row: &SourceRow, recorded_at: Timestamp) -> Option<LegRow> {
    Some(LegRow {
        id: text(row.cell("id"), LegId::parse)?,
        leg: Leg {
            leg_type: text(row.cell("leg_type"), LegType::parse)?,
            client_id: optional(row.cell("client_id"), |found| text(found, ClientId::parse))
                .ok()?,
            destination_wallet_id: text(row.cell("destination_wallet_id"), WalletId::parse),
            destination_ln_address: personal(row.cell("destination_ln_address")),
            target: None,
            amount_sats: sats(row.cell("amount_sats"))?,
            amount_fiat: optional(row.cell("amount_fiat"), fiat).ok()?,
        },
        status: status_of_leg(row)?,
        external_payment_hash: text(row.cell("external_payment_hash"), PaymentHash::parse_hex),
        intent: None,
        paid_from: None,
        error_message: personal(row.cell("error_message")).map(Message::from),
        created_at: moment(row.cell("created_at")).unwrap_or(recorded_at),
        imported: None,
    })
}
