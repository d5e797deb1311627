//! Configuration, machines and split rules.

use spireledger_projections::{Config, Fleet, Machine};
use spireledger_schema::command::{
    ConfigSet, MachinePair, MachineRegister, MachineUpdate, OperatorSet, SplitsSet,
};
use spireledger_schema::event::{
    ConfigChanged, MachineChanged, MachinePaired, MachineRegistered, OperatorChanged,
    SplitsReplaced,
};
use spireledger_schema::identity::PublicKey;
use spireledger_schema::json::Patch;
use spireledger_schema::money::Fraction;
use spireledger_schema::text::{MachineId, WalletId};
use spireledger_schema::{Code, Event, Refusal};

use super::identity::{maker, replay_or_conflict, replayed};
use super::{Case, Ruling, Step, Stop, malformed, refuse};

/// Most bytes of the targets of one rule set, so that its legs always fit one entry.
const SPLIT_TARGETS_BYTES_MAX: usize = 8_192;

pub(super) fn config_set(case: &Case<'_>, c: &ConfigSet) -> Ruling {
    let given = [
        c.super_cash_in_fee_fraction.is_some(),
        c.super_cash_out_fee_fraction.is_some(),
        !c.super_fee_wallet_id.is_keep(),
        !c.max_cash_in_sats.is_keep(),
    ];
    something_given(given)?;
    let event = Event::ConfigChanged(ConfigChanged {
        super_cash_in_fee_fraction: c.super_cash_in_fee_fraction,
        super_cash_out_fee_fraction: c.super_cash_out_fee_fraction,
        super_fee_wallet_id: c.super_fee_wallet_id.clone(),
        max_cash_in_sats: c.max_cash_in_sats.clone(),
    });
    let is_so = config_is_so(case.fleet.config(), c);
    let again = replayed(case, &event, is_so, |event| match event {
        Event::ConfigChanged(e) => any_of(
            given,
            [
                e.super_cash_in_fee_fraction.is_some(),
                e.super_cash_out_fee_fraction.is_some(),
                !e.super_fee_wallet_id.is_keep(),
                !e.max_cash_in_sats.is_keep(),
            ],
        ),
        _ => false,
    })?;
    Ok(again.unwrap_or(Step::Append(event)))
}

pub(super) fn config_is_so(config: &Config, c: &ConfigSet) -> bool {
    already(c.super_cash_in_fee_fraction.as_ref(), &config.super_cash_in_fee_fraction)
        && already(c.super_cash_out_fee_fraction.as_ref(), &config.super_cash_out_fee_fraction)
        && c.super_fee_wallet_id.is_already(config.super_fee_wallet_id.as_ref())
        && c.max_cash_in_sats.is_already(config.max_cash_in_sats.as_ref())
}

pub(super) fn operator_set(case: &Case<'_>, c: &OperatorSet) -> Ruling {
    let event = Event::OperatorChanged(OperatorChanged {
        operator_user_id: c.operator_user_id.clone(),
        utc_offset: c.utc_offset,
    });
    let again = replayed(case, &event, operator_is_so(case.fleet, c), |event| {
        matches!(event, Event::OperatorChanged(_))
    })?;
    Ok(again.unwrap_or(Step::Append(event)))
}

pub(super) fn operator_is_so(fleet: &Fleet, c: &OperatorSet) -> bool {
    let operator = &c.operator_user_id;
    fleet.has_utc_offset(operator) && fleet.utc_offset(operator) == c.utc_offset
}

pub(super) fn machine_register(case: &Case<'_>, c: &MachineRegister) -> Ruling {
    let event = Event::MachineRegistered(MachineRegistered {
        id: c.id.clone(),
        operator_user_id: c.operator_user_id.clone(),
        wallet_id: c.wallet_id.clone(),
        fiat_code: c.fiat_code,
        machine_npub: c.machine_npub,
        name: c.name.clone(),
        location: c.location.clone(),
        operator_cash_in_fee_fraction: c.operator_cash_in_fee_fraction,
        operator_cash_out_fee_fraction: c.operator_cash_out_fee_fraction,
    });
    if let Some(first) = maker(case, case.fleet.machine(&c.id).is_some()) {
        return replay_or_conflict(case, first, &event);
    }
    wallet_free(case, &c.id, &c.wallet_id)?;
    if let Some(npub) = c.machine_npub {
        npub_free(case, &c.id, npub)?;
    }
    Ok(Step::Append(event))
}

pub(super) fn machine_update(case: &Case<'_>, c: &MachineUpdate) -> Ruling {
    let given = [
        c.operator_user_id.is_some(),
        c.wallet_id.is_some(),
        c.fiat_code.is_some(),
        !c.machine_npub.is_keep(),
        !c.name.is_keep(),
        !c.location.is_keep(),
        c.operator_cash_in_fee_fraction.is_some(),
        c.operator_cash_out_fee_fraction.is_some(),
        c.is_active.is_some(),
    ];
    something_given(given)?;
    let event = Event::MachineChanged(MachineChanged {
        id: c.id.clone(),
        operator_user_id: c.operator_user_id.clone(),
        wallet_id: c.wallet_id.clone(),
        fiat_code: c.fiat_code,
        machine_npub: c.machine_npub.clone(),
        name: c.name.clone(),
        location: c.location.clone(),
        operator_cash_in_fee_fraction: c.operator_cash_in_fee_fraction,
        operator_cash_out_fee_fraction: c.operator_cash_out_fee_fraction,
        is_active: c.is_active,
    });
    let again = replayed(case, &event, machine_is_so(case.fleet, c), |event| match event {
        Event::MachineRegistered(_) => true,
        Event::MachinePaired(_) => !c.machine_npub.is_keep(),
        Event::MachineChanged(e) => any_of(
            given,
            [
                e.operator_user_id.is_some(),
                e.wallet_id.is_some(),
                e.fiat_code.is_some(),
                !e.machine_npub.is_keep(),
                !e.name.is_keep(),
                !e.location.is_keep(),
                e.operator_cash_in_fee_fraction.is_some(),
                e.operator_cash_out_fee_fraction.is_some(),
                e.is_active.is_some(),
            ],
        ),
        _ => false,
    })?;
    if let Some(step) = again {
        return Ok(step);
    }
    let machine = known_machine(case, &c.id)?;
    if let Some(wallet) = &c.wallet_id {
        wallet_free(case, &c.id, wallet)?;
    }
    if let Patch::Set(npub) = c.machine_npub {
        npub_free(case, &c.id, npub)?;
    }
    currency_may_change(machine, c)?;
    Ok(Step::Append(event))
}

pub(super) fn machine_is_so(fleet: &Fleet, c: &MachineUpdate) -> bool {
    let Some(machine) = fleet.machine(&c.id) else { return false };
    let fraction_in = c.operator_cash_in_fee_fraction.as_ref();
    let fraction_out = c.operator_cash_out_fee_fraction.as_ref();
    already(c.operator_user_id.as_ref(), &machine.operator_user_id)
        && already(c.wallet_id.as_ref(), &machine.wallet_id)
        && already(c.fiat_code.as_ref(), &machine.fiat_code)
        && c.machine_npub.is_already(machine.machine_npub.as_ref())
        && c.name.is_already(machine.name.as_ref())
        && c.location.is_already(machine.location.as_ref())
        && already(fraction_in, &machine.operator_cash_in_fee_fraction)
        && already(fraction_out, &machine.operator_cash_out_fee_fraction)
        && already(c.is_active.as_ref(), &machine.is_active)
}

/// One currency a machine: balances count in it, so it is fixed once money was recorded.
fn currency_may_change(machine: &Machine, c: &MachineUpdate) -> Result<(), Refusal> {
    match c.fiat_code {
        Some(code)
            if code != machine.fiat_code && (machine.settlements > 0 || machine.deposits > 0) =>
        {
            let message = format!(
                "machine `{}` has deposits or settlements in {}; its currency stays. \
                 Register a new machine for {code}",
                machine.id, machine.fiat_code
            );
            Err(refuse(Code::CurrencyMismatch, message))
        }
        _ => Ok(()),
    }
}

pub(super) fn machine_pair(case: &Case<'_>, c: &MachinePair) -> Ruling {
    let machine = case.fleet.machine(&c.id);
    // Said without a moment, it is the moment that was written down, or else now.
    let written = match case.found.aliased.as_ref().map(|entry| &entry.event) {
        Some(Event::MachinePaired(first)) => Some(first.paired_at),
        _ if pairing_is_so(case.fleet, c) => machine.and_then(|machine| machine.paired_at),
        _ => None,
    };
    let event = Event::MachinePaired(MachinePaired {
        id: c.id.clone(),
        machine_npub: c.machine_npub,
        bunker_spire_key_name: c.bunker_spire_key_name.clone(),
        paired_at: c.paired_at.or(written).unwrap_or(case.now),
    });
    let again = replayed(case, &event, pairing_is_so(case.fleet, c), |event| {
        matches!(event, Event::MachinePaired(_))
    })?;
    if let Some(step) = again {
        return Ok(step);
    }
    known_machine(case, &c.id)?;
    npub_free(case, &c.id, c.machine_npub)?;
    Ok(Step::Append(event))
}

pub(super) fn pairing_is_so(fleet: &Fleet, c: &MachinePair) -> bool {
    fleet.machine(&c.id).is_some_and(|machine| {
        machine.machine_npub == Some(c.machine_npub)
            && machine.bunker_spire_key_name.as_ref() == Some(&c.bunker_spire_key_name)
            && c.paired_at.is_none_or(|at| machine.paired_at == Some(at))
    })
}

pub(super) fn splits_set(case: &Case<'_>, c: &SplitsSet) -> Ruling {
    let event = Event::SplitsReplaced(SplitsReplaced {
        operator_user_id: c.operator_user_id.clone(),
        machine_id: c.machine_id.clone(),
        splits: c.splits.clone(),
    });
    let again = replayed(case, &event, splits_are_so(case.fleet, c), |event| {
        matches!(event, Event::SplitsReplaced(_))
    })?;
    if let Some(step) = again {
        return Ok(step);
    }
    if let Some(id) = &c.machine_id {
        let machine = known_machine(case, id)?;
        if machine.operator_user_id != c.operator_user_id {
            let message = format!(
                "machine `{id}` belongs to operator `{}`, not to `{}`; set that operator's splits",
                machine.operator_user_id, c.operator_user_id
            );
            return Err(refuse(Code::UnknownMachine, message).into());
        }
    }
    splits_are_whole(c)?;
    Ok(Step::Append(event))
}

pub(super) fn splits_are_so(fleet: &Fleet, c: &SplitsSet) -> bool {
    let current = fleet.rules(&c.operator_user_id, c.machine_id.as_ref());
    current.is_some_and(|rules| rules.splits == c.splits)
}

fn splits_are_whole(c: &SplitsSet) -> Result<(), Refusal> {
    let parts = c.splits.iter().map(|split| u32::from(split.fraction.ten_thousandths()));
    let sum: u32 = parts.sum();
    if sum != u32::from(Fraction::WHOLE) {
        let whole = u32::from(Fraction::WHOLE);
        let message = format!(
            "the fractions add up to {}.{:04}, but must add up to exactly 1.0000",
            sum / whole,
            sum % whole
        );
        return Err(refuse(Code::SplitsSum, message));
    }
    let bytes: usize = c.splits.iter().map(|split| split.target.plain().map_or(0, str::len)).sum();
    if bytes > SPLIT_TARGETS_BYTES_MAX {
        let message = format!(
            "the targets have {bytes} bytes together; at most {SPLIT_TARGETS_BYTES_MAX} fit"
        );
        return Err(refuse(Code::LimitReached, message));
    }
    Ok(())
}

/// The machine, or a refusal that says it is not there.
pub(super) fn known_machine<'a>(case: &Case<'a>, id: &MachineId) -> Result<&'a Machine, Refusal> {
    let unknown = || {
        let message = format!("no machine `{id}` is registered; register it first");
        refuse(Code::UnknownMachine, message)
    };
    case.fleet.machine(id).ok_or_else(unknown)
}

/// Seed m001: one wallet, one machine, or one machine could spend another's sats.
fn wallet_free(case: &Case<'_>, id: &MachineId, wallet: &WalletId) -> Result<(), Refusal> {
    match case.fleet.machine_with_wallet(wallet) {
        Some(other) if other != id => {
            let message = format!("`wallet_id` {wallet} is another machine's; each has its own");
            Err(refuse(Code::WalletTaken, message))
        }
        _ => Ok(()),
    }
}

fn npub_free(case: &Case<'_>, id: &MachineId, npub: PublicKey) -> Result<(), Refusal> {
    match case.fleet.machine_with_npub(&npub) {
        Some(other) if other != id => {
            let message = format!("`machine_npub` {npub} is another machine's; each has its own");
            Err(refuse(Code::NpubTaken, message))
        }
        _ => Ok(()),
    }
}

/// Whether what is given, if anything, is so already.
pub(super) fn already<T: PartialEq>(given: Option<&T>, current: &T) -> bool {
    given.is_none_or(|given| given == current)
}

/// Whether an event set one of the given fields.
pub(super) fn any_of<const N: usize>(given: [bool; N], set: [bool; N]) -> bool {
    given.iter().zip(&set).any(|(given, set)| *given && *set)
}

/// Refuses a setting that sets nothing.
pub(super) fn something_given<const N: usize>(given: [bool; N]) -> Result<(), Stop> {
    if given.contains(&true) {
        return Ok(());
    }
    Err(malformed("", "no field to set", "at least one field besides the id").into())
}
