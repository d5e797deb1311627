//! Liquidity providers, their enrolments and their deposits.

use spireledger_projections::{Client, Deposit, Fleet};
use spireledger_schema::command::{
    ClientEnroll, ClientUpdate, DepositConfirm, DepositRecord, DepositReject, LpSet,
};
use spireledger_schema::event::{
    ClientChanged, ClientEnrolled, DepositConfirmed, DepositRecorded, DepositRejected, LpChanged,
};
use spireledger_schema::limits::CLIENTS_PER_MACHINE_MAX;
use spireledger_schema::money::Fiat;
use spireledger_schema::text::{ClientId, Currency, DepositId, MachineId};
use spireledger_schema::words::{ClientStatus, DepositStatus};
use spireledger_schema::{Code, Event, Refusal};

use super::fleet::{already, any_of, known_machine, something_given};
use super::identity::{maker, replay_or_conflict, replayed, taken};
use super::{Case, Ruling, Step, Stop, malformed, refuse};

/// Most fiat of one deposit, in hundredths: DECIMAL(10,2) of the seed.
const DEPOSIT_MINOR_MAX: i64 = 9_999_999_999;

/// Most bytes of the ids of all enrolments at one machine, so that the largest plan and what an
/// adjustment gives back fit one entry: 120 UUIDs have 4,320.
const CLIENT_IDS_BYTES_MAX: usize = 5_000;

pub(super) fn lp_set(case: &Case<'_>, c: &LpSet) -> Ruling {
    let event = Event::LpChanged(LpChanged {
        user_id: c.user_id.clone(),
        dca_wallet_id: c.dca_wallet_id.clone(),
        default_dca_mode: c.default_dca_mode,
        fixed_mode_daily_limit: c.fixed_mode_daily_limit.clone(),
        autoforward_ln_address: c.autoforward_ln_address.clone(),
        autoforward_enabled: c.autoforward_enabled,
    });
    let again = replayed(case, &event, lp_is_so(case.fleet, c), |event| {
        matches!(event, Event::LpChanged(_))
    })?;
    Ok(again.unwrap_or(Step::Append(event)))
}

pub(super) fn lp_is_so(fleet: &Fleet, c: &LpSet) -> bool {
    fleet.lp(&c.user_id).is_some_and(|lp| {
        lp.dca_wallet_id == c.dca_wallet_id
            && already(c.default_dca_mode.as_ref(), &lp.default_dca_mode)
            && c.fixed_mode_daily_limit.is_already(lp.fixed_mode_daily_limit.as_ref())
            && c.autoforward_ln_address.is_already(lp.autoforward_ln_address.as_ref())
            && already(c.autoforward_enabled.as_ref(), &lp.autoforward_enabled)
    })
}

pub(super) fn client_enroll(case: &Case<'_>, c: &ClientEnroll) -> Ruling {
    let event = Event::ClientEnrolled(ClientEnrolled {
        id: c.id.clone(),
        machine_id: c.machine_id.clone(),
        user_id: c.user_id.clone(),
        username: c.username.clone(),
    });
    if let Some(first) = maker(case, case.fleet.client(&c.id).is_some()) {
        return replay_or_conflict(case, first, &event);
    }
    known_machine(case, &c.machine_id)?;
    if let Some(other) = case.fleet.clients_at(&c.machine_id).find(|o| o.user_id == c.user_id) {
        let message = format!(
            "user `{}` is enrolled at machine `{}` as `{}` already; use that, client.update makes it \
             active again",
            c.user_id, c.machine_id, other.id
        );
        return Err(refuse(Code::AlreadyEnrolled, message).with("id", &other.id).into());
    }
    has_room(case, &c.machine_id, &c.id)?;
    Ok(Step::Append(event))
}

/// All who may take part in a distribution have to fit one. Whoever left frees the place.
fn has_room(case: &Case<'_>, machine: &MachineId, id: &ClientId) -> Result<(), Refusal> {
    let others = case.fleet.clients_at(machine);
    let others = others.filter(|other| other.status != ClientStatus::Inactive && other.id != *id);
    let (mut count, mut bytes) = (1, id.as_str().len());
    for other in others {
        count += 1;
        bytes += other.id.as_str().len();
    }
    if count <= CLIENTS_PER_MACHINE_MAX && bytes <= CLIENT_IDS_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "machine `{machine}` would have {count} enrolments with {bytes} bytes of ids, but a \
         distribution holds at most {CLIENTS_PER_MACHINE_MAX} and {CLIENT_IDS_BYTES_MAX}; use \
         shorter ids, or make inactive those who left"
    );
    Err(refuse(Code::LimitReached, message))
}

pub(super) fn client_update(case: &Case<'_>, c: &ClientUpdate) -> Ruling {
    let given = [!c.username.is_keep(), c.status.is_some()];
    something_given(given)?;
    let event = Event::ClientChanged(ClientChanged {
        id: c.id.clone(),
        username: c.username.clone(),
        status: c.status,
    });
    let again = replayed(case, &event, client_is_so(case.fleet, c), |event| match event {
        Event::ClientEnrolled(_) => true,
        Event::ClientChanged(e) => any_of(given, [!e.username.is_keep(), e.status.is_some()]),
        _ => false,
    })?;
    if let Some(step) = again {
        return Ok(step);
    }
    let client = known_client(case, &c.id)?;
    if c.status.is_some_and(|status| status != ClientStatus::Inactive) {
        has_room(case, &client.machine_id, &c.id)?;
    }
    Ok(Step::Append(event))
}

pub(super) fn client_is_so(fleet: &Fleet, c: &ClientUpdate) -> bool {
    fleet.client(&c.id).is_some_and(|client| {
        c.username.is_already(client.username.as_ref())
            && already(c.status.as_ref(), &client.status)
    })
}

pub(super) fn record(case: &Case<'_>, c: &DepositRecord) -> Ruling {
    if c.amount <= Fiat::ZERO || c.amount.minor() > DEPOSIT_MINOR_MAX {
        let expected = "an amount above 0.00 and at most 99999999.99";
        return Err(malformed("amount", &c.amount.to_string(), expected).into());
    }
    if let Some(first) = case.found.stream.first() {
        let Event::DepositRecorded(said) = &first.event else {
            return Err(taken(first).into());
        };
        let event = recorded(c, said.machine_id.clone(), c.currency.unwrap_or(said.currency));
        return replay_or_conflict(case, first, &event);
    }
    let client = known_client(case, &c.client_id)?;
    let machine = known_machine(case, &client.machine_id)?;
    if case.fleet.lp(&client.user_id).is_none() {
        let message = format!(
            "LP `{}` has not said where its sats go; it needs an `lp.set` before a deposit",
            client.user_id
        );
        return Err(refuse(Code::NotOnboarded, message).into());
    }
    if c.currency.is_some_and(|currency| currency != machine.fiat_code) {
        let message = format!(
            "`currency` is not {}, which machine `{}` handles; give that or leave it out",
            machine.fiat_code, machine.id
        );
        return Err(refuse(Code::CurrencyMismatch, message).into());
    }
    let all = client.confirmed_fiat.checked_add(client.unconfirmed_fiat);
    let all = all.and_then(|all| all.checked_add(c.amount));
    if all.is_none() {
        let message = format!(
            "with this deposit, enrolment `{}` would have more fiat than can be counted; enrol the \
             LP anew",
            client.id
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(Step::Append(recorded(c, machine.id.clone(), machine.fiat_code)))
}

fn recorded(c: &DepositRecord, machine_id: MachineId, currency: Currency) -> Event {
    Event::DepositRecorded(DepositRecorded {
        id: c.id.clone(),
        client_id: c.client_id.clone(),
        machine_id,
        amount: c.amount,
        currency,
        creator_user_id: c.creator_user_id.clone(),
        notes: c.notes.clone(),
    })
}

pub(super) fn confirm(case: &Case<'_>, c: &DepositConfirm) -> Ruling {
    let deposit = known_deposit(case, &c.id)?;
    let event = Event::DepositConfirmed(DepositConfirmed {
        id: c.id.clone(),
        client_id: deposit.recorded.client_id.clone(),
        amount: deposit.recorded.amount,
        notes: c.notes.clone(),
    });
    end(case, &deposit, event)
}

pub(super) fn reject(case: &Case<'_>, c: &DepositReject) -> Ruling {
    let deposit = known_deposit(case, &c.id)?;
    let event = Event::DepositRejected(DepositRejected {
        id: c.id.clone(),
        client_id: deposit.recorded.client_id.clone(),
        amount: deposit.recorded.amount,
        notes: c.notes.clone(),
    });
    end(case, &deposit, event)
}

/// A deposit ends once: the same end again is a replay, the other end is refused.
fn end(case: &Case<'_>, deposit: &Deposit, event: Event) -> Ruling {
    let same = case.found.stream.iter().find(|entry| entry.event.tag() == event.tag());
    if let Some(first) = same {
        return replay_or_conflict(case, first, &event);
    }
    if deposit.imported.as_ref().is_some_and(|row| !row.is_live) {
        let message = format!(
            "deposit `{}` was brought in with something that has no meaning here; whether it counts \
             is for its database to say",
            deposit.recorded.id
        );
        return Err(refuse(Code::WrongState, message).with("state", deposit.status).into());
    }
    if deposit.status != DepositStatus::Pending {
        let message =
            format!("deposit `{}` is {}, which is final", deposit.recorded.id, deposit.status);
        return Err(refuse(Code::WrongState, message).with("state", deposit.status).into());
    }
    Ok(Step::Append(event))
}

fn known_deposit(case: &Case<'_>, id: &DepositId) -> Result<Deposit, Stop> {
    let unknown = || {
        Stop::from(refuse(
            Code::NotFound,
            format!("no deposit `{id}` was recorded; record it first"),
        ))
    };
    Deposit::fold(&case.found.stream)?.ok_or_else(unknown)
}

fn known_client<'a>(case: &Case<'a>, id: &ClientId) -> Result<&'a Client, Refusal> {
    let unknown = || {
        let message = format!("no enrolment `{id}` is known; make it first with client.enroll");
        refuse(Code::UnknownClient, message)
    };
    case.fleet.client(id).ok_or_else(unknown)
}
