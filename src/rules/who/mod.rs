//! Who may do what. Closed by default: what the [`table`] does not allow is forbidden.
//!
//! Whoever speaks for somebody else than the administrator learns nothing about what is not its own:
//! what is another's is refused in the same words as what is not there, before anything is compared
//! or replayed. An id that is taken cannot be given again; who has it and for what is not said.

mod own;
mod table;

#[cfg(test)]
pub(super) use table::{LINES, Right as TableRight, Rights};

use spireledger_schema::identity::{Actor, Role};
use spireledger_schema::{Code, Refusal};

use self::table::{Right, right};
use super::{Case, Request, Stop, refuse};

/// Refuses what the actor may not do.
pub(super) fn may(case: &Case<'_>) -> Result<(), Stop> {
    let Actor::Key { role, public_key } = &case.request.actor else {
        // The command line on the ledger directory, a database that is brought in, the ledger itself.
        return Ok(());
    };
    match (right(*role, &case.request.command.body), role) {
        (Right::All, _) => Ok(()),
        (Right::Own, Role::Machine) => own::machine_may(case, *public_key),
        (Right::Own, Role::Operator) => own::operator_may(case),
        (Right::Own, Role::Lp) => own::lp_may(case),
        (Right::Own, Role::Super | Role::Auditor) | (Right::No, _) => Err(forbidden(case).into()),
    }
}

/// Whether the actor may not send such a command about anything: nothing has to be looked at then.
pub(super) const fn may_never(request: &Request) -> bool {
    match &request.actor {
        Actor::Key { role, .. } => matches!(right(*role, &request.command.body), Right::No),
        Actor::Local | Actor::Import { .. } | Actor::Ledger => false,
    }
}

/// Says nothing of what is known: it depends on the command's type and the sender's role alone.
fn forbidden(case: &Case<'_>) -> Refusal {
    let what = case.request.command.body.type_name();
    let role = match case.request.actor {
        Actor::Key { role, .. } => role,
        Actor::Local | Actor::Import { .. } | Actor::Ledger => Role::Super,
    };
    let message = match role {
        Role::Machine => format!(
            "a machine's key may send claims and reports for the machine that has it, and nothing \
             else; `{what}` is not that here"
        ),
        Role::Operator => format!(
            "an operator's key may send what is about the operator, its machines and their \
             settlements, and nothing else; `{what}` is not that here"
        ),
        Role::Lp => format!(
            "an LP's key may send `lp.set` for the LP that has it, and nothing else; `{what}` is not \
             that here"
        ),
        Role::Super | Role::Auditor => {
            format!("this key may not send `{what}`; ask the administrator to send it")
        }
    };
    refuse(Code::Forbidden, message)
}
