//! What machines report of themselves, and what operators believe to be in them.

use std::collections::BTreeMap;

use spireledger_projections::Fleet;
use spireledger_schema::command::{
    BeaconReport, Body, CassettesReport, CassettesSet, TelemetryReport, bays,
};
use spireledger_schema::event::{
    BeaconReported, CassettesReported, CassettesSet as SetEvent, TelemetryReported,
};
use spireledger_schema::identity::{Actor, Role};
use spireledger_schema::parts::{Bay, OldBay};
use spireledger_schema::text::MachineId;
use spireledger_schema::{Code, EntryKey, Event, Refusal, streams};

use super::fleet::known_machine;
use super::identity::{replay_or_conflict, replayed};
use super::{Case, Request, Ruling, Step, malformed, refuse};

/// Most bytes of a beacon's free JSON: with its other fields it has to fit one entry.
const BEACON_JSON_BYTES_MAX: usize = 36_000;

/// The stream of a report: its machine and, where it has one, its moment.
pub(super) fn stream(fleet: &Fleet, request: &Request) -> EntryKey {
    let of = |given: Option<&MachineId>| reporting(fleet, &request.actor, given);
    let key = match &request.command.body {
        Body::BeaconReport(c) => {
            of(c.machine_id.as_ref()).map(|id| streams::beacon(&id, c.received_at))
        }
        Body::TelemetryReport(c) => {
            of(c.machine_id.as_ref()).map(|id| streams::telemetry(&id, c.received_at))
        }
        Body::CassettesReport(c) => {
            of(c.machine_id.as_ref()).map(|id| streams::cassettes_state(&id, c.state_at))
        }
        Body::CassettesSet(c) => Some(streams::cassettes(&c.machine_id)),
        _ => None,
    };
    // Nothing is ever stored under this one: such a report names no machine and is refused.
    key.unwrap_or_else(|| EntryKey::derive("nowhere", &[]))
}

/// The machine that a report is about: the named one, or the one that signed it.
fn reporting(fleet: &Fleet, actor: &Actor, given: Option<&MachineId>) -> Option<MachineId> {
    match (given, actor) {
        (Some(id), _) => Some(id.clone()),
        (None, Actor::Key { role: Role::Machine, public_key }) => {
            fleet.machine_with_npub(public_key).cloned()
        }
        (None, _) => None,
    }
}

fn machine_of(case: &Case<'_>, given: Option<&MachineId>) -> Result<MachineId, Refusal> {
    let missing =
        || malformed("machine_id", "nothing", "the machine's id, unless the machine itself signs");
    reporting(case.fleet, &case.request.actor, given).ok_or_else(missing)
}

/// One report a machine and moment: again the same is a replay, another one a conflict.
fn report(case: &Case<'_>, machine: &MachineId, event: Event) -> Ruling {
    if let Some(first) = case.found.stream.first() {
        return replay_or_conflict(case, first, &event);
    }
    known_machine(case, machine)?;
    Ok(Step::Append(event))
}

pub(super) fn beacon(case: &Case<'_>, c: &BeaconReport) -> Ruling {
    let free_json = [&c.fees_json, &c.limits_json, &c.denominations_json];
    let bytes: usize = free_json.into_iter().flatten().map(|json| json.as_str().len()).sum();
    let machine_id = machine_of(case, c.machine_id.as_ref())?;
    let event = Event::BeaconReported(BeaconReported {
        machine_id: machine_id.clone(),
        cash_in: c.cash_in,
        cash_out: c.cash_out,
        cash_level: c.cash_level.clone(),
        fiat: c.fiat.clone(),
        model: c.model.clone(),
        name: c.name.clone(),
        location: c.location.clone(),
        geo: c.geo.clone(),
        fees_json: c.fees_json.clone(),
        limits_json: c.limits_json.clone(),
        denominations_json: c.denominations_json.clone(),
        version: c.version.clone(),
        received_at: c.received_at,
    });
    let step = report(case, &machine_id, event)?;
    if matches!(step, Step::Append(_)) && bytes > BEACON_JSON_BYTES_MAX {
        let message = format!(
            "fees_json, limits_json and denominations_json have {bytes} bytes together; at most \
             {BEACON_JSON_BYTES_MAX} fit one entry"
        );
        return Err(refuse(Code::LimitReached, message).into());
    }
    Ok(step)
}

pub(super) fn telemetry(case: &Case<'_>, c: &TelemetryReport) -> Ruling {
    let machine_id = machine_of(case, c.machine_id.as_ref())?;
    let event = Event::TelemetryReported(TelemetryReported {
        machine_id: machine_id.clone(),
        telemetry: c.telemetry.clone(),
        received_at: c.received_at,
    });
    report(case, &machine_id, event)
}

pub(super) fn cassettes_set(case: &Case<'_>, c: &CassettesSet) -> Ruling {
    let positions = bays_of(c.positions.as_ref(), c.denominations.as_ref())?;
    let event = Event::CassettesSet(SetEvent {
        machine_id: c.machine_id.clone(),
        positions,
        updated_by: c.updated_by.clone(),
    });
    let again = replayed(case, &event, cassettes_are_so(case.fleet, c), |event| {
        matches!(event, Event::CassettesSet(_))
    })?;
    if let Some(step) = again {
        return Ok(step);
    }
    known_machine(case, &c.machine_id)?;
    Ok(Step::Append(event))
}

pub(super) fn cassettes_are_so(fleet: &Fleet, c: &CassettesSet) -> bool {
    let positions = bays(c.positions.as_ref(), c.denominations.as_ref());
    fleet.bays(&c.machine_id).is_some_and(|bays| {
        bays.updated_at.is_some()
            && positions.is_ok_and(|positions| bays.believed == positions)
            && bays.updated_by == c.updated_by
    })
}

fn bays_of(
    positions: Option<&BTreeMap<u32, Bay>>,
    denominations: Option<&BTreeMap<u32, OldBay>>,
) -> Result<BTreeMap<u32, Bay>, Refusal> {
    let found = if denominations.is_some() { "`denominations`" } else { "nothing" };
    bays(positions, denominations).map_err(|why| malformed("positions", found, &why))
}

pub(super) fn cassettes_report(case: &Case<'_>, c: &CassettesReport) -> Ruling {
    let positions = bays_of(c.positions.as_ref(), c.denominations.as_ref())?;
    let machine_id = machine_of(case, c.machine_id.as_ref())?;
    let counts = case
        .fleet
        .bays(&machine_id)
        .is_some_and(|bays| bays.reported == positions && bays.state_event_id == c.state_event_id);
    let event = Event::CassettesReported(CassettesReported {
        machine_id: machine_id.clone(),
        positions,
        state_at: c.state_at,
        state_event_id: c.state_event_id.clone(),
    });
    if c.state_at.is_some() {
        return report(case, &machine_id, event);
    }
    // Without a moment there is no identity: saying again what still counts is a replay.
    let is_so = counts && case.found.stream.last().is_some_and(|newest| newest.event == event);
    let again = replayed(case, &event, is_so, |said| *said == event)?;
    if let Some(step) = again {
        return Ok(step);
    }
    known_machine(case, &machine_id)?;
    Ok(Step::Append(event))
}
