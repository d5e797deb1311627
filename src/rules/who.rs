//! Who may do what. Closed by default: what is not allowed here is forbidden.

use spireledger_schema::command::Body;
use spireledger_schema::identity::{Actor, PublicKey, Role};
use spireledger_schema::text::MachineId;
use spireledger_schema::{Code, Refusal};

use super::{Case, refuse};

/// Refuses what the actor may not do.
pub(super) fn may(case: &Case<'_>) -> Result<(), Refusal> {
    match &case.request.actor {
        Actor::Local
        | Actor::Import { .. }
        | Actor::Ledger
        | Actor::Key { role: Role::Super, .. } => Ok(()),
        Actor::Key { role: Role::Machine, public_key } => machine_may(case, *public_key),
        Actor::Key { role: Role::Operator | Role::Lp | Role::Auditor, .. } => Err(forbidden(case)),
    }
}

/// A machine reports for itself only, whatever `machine_id` it writes.
fn machine_may(case: &Case<'_>, key: PublicKey) -> Result<(), Refusal> {
    let own = case.fleet.machine_with_npub(&key);
    let named: Option<&MachineId> = match &case.request.command.body {
        Body::SettlementClaim(c) => Some(&c.machine_id),
        Body::BeaconReport(c) => c.machine_id.as_ref(),
        Body::TelemetryReport(c) => c.machine_id.as_ref(),
        Body::CassettesReport(c) => c.machine_id.as_ref(),
        _ => return Err(forbidden(case)),
    };
    match (own, named) {
        (Some(_), None) => Ok(()),
        (Some(own), Some(named)) if own == named => Ok(()),
        _ => Err(forbidden(case)),
    }
}

fn forbidden(case: &Case<'_>) -> Refusal {
    let what = case.request.command.body.type_name();
    let message = match case.request.actor {
        Actor::Key { role: Role::Machine, .. } => format!(
            "a machine's key may send claims and reports for the machine that has it, and nothing \
             else; `{what}` is not that here"
        ),
        _ => format!("this key may not send `{what}`; ask the administrator to send it"),
    };
    refuse(Code::Forbidden, message)
}
