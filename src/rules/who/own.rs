//! What is whose.
//!
//! | whose | is |
//! | --- | --- |
//! | a machine's | itself, and what was claimed for it |
//! | an operator's | itself, the machines it has now, the enrolments and deposits at them; settlements that were claimed while their machine was its |
//! | an LP's | its preferences |
//!
//! A command names things that have to be there, and may make one. The former are looked at first, so
//! that the answer about them is the same whether or not the id of the new one is free.

use spireledger_projections::imported::is_same;
use spireledger_projections::tables::Cell;
use spireledger_projections::{Deposit, Settlement, is_apart};
use spireledger_schema::command::{Body, MachineUpdate};
use spireledger_schema::identity::{PaymentHash, PublicKey};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::text::{ClientId, DepositId, MachineId, UserId};
use spireledger_schema::{Code, Entry, Event, Refusal};

use super::forbidden;
use crate::rules::identity::maker;
use crate::rules::{Case, Stop, refuse};

/// A machine reports for itself only, whatever `machine_id` it writes.
pub(super) fn machine_may(case: &Case<'_>, key: PublicKey) -> Result<(), Stop> {
    let Some(own) = case.fleet.machine_with_npub(&key) else {
        return Err(forbidden(case).into());
    };
    let named = match &case.request.command.body {
        Body::SettlementClaim(c) => Some(&c.machine_id),
        Body::BeaconReport(c) => c.machine_id.as_ref(),
        Body::TelemetryReport(c) => c.machine_id.as_ref(),
        Body::CassettesReport(c) => c.machine_id.as_ref(),
        _ => return Err(forbidden(case).into()),
    };
    if named.is_some_and(|named| named != own) {
        return Err(forbidden(case).into());
    }
    match (&case.request.command.body, case.found.stream.first()) {
        (Body::SettlementClaim(_), Some(first)) if !was_claimed_for(own, first) => {
            Err(taken().into())
        }
        _ => Ok(()),
    }
}

/// Whether the first entry on a payment hash is the claim of this machine.
fn was_claimed_for(machine: &MachineId, first: &Entry) -> bool {
    match &first.event {
        Event::SettlementClaimed(e) => e.machine_id == *machine,
        Event::RowImported(e) => {
            e.row.table == SourceTable::Settlements
                && !is_apart(&e.row, &first.front.key)
                && is_same(&Cell::text(machine.as_str()), e.row.cell("machine_id"))
        }
        _ => false,
    }
}

/// An LP says how it wants its own sats.
pub(super) fn lp_may(case: &Case<'_>) -> Result<(), Stop> {
    match (&case.request.command.body, &case.request.user) {
        (Body::LpSet(c), Some(user)) if c.user_id == *user => Ok(()),
        _ => Err(forbidden(case).into()),
    }
}

/// An operator changes what is about itself, its machines and their settlements.
pub(super) fn operator_may(case: &Case<'_>) -> Result<(), Stop> {
    let Some(user) = &case.request.user else { return Err(forbidden(case).into()) };
    let operator = Operator { case, user };
    match &case.request.command.body {
        Body::OperatorSet(c) => operator.is(&c.operator_user_id),
        Body::MachineRegister(c) => {
            operator.is(&c.operator_user_id)?;
            operator.can_make_machine(&c.id)
        }
        Body::MachineUpdate(c) => {
            operator.has_machine(&c.id)?;
            operator.keeps_it(c)
        }
        Body::MachinePair(c) => operator.has_machine(&c.id),
        Body::SplitsSet(c) => {
            operator.is(&c.operator_user_id)?;
            c.machine_id.as_ref().map_or(Ok(()), |id| operator.has_machine(id))
        }
        Body::CassettesSet(c) => operator.has_machine(&c.machine_id),

        Body::ClientEnroll(c) => {
            operator.has_machine(&c.machine_id)?;
            operator.can_make_client(&c.id)
        }
        Body::ClientUpdate(c) => operator.has_client(&c.id),
        Body::DepositRecord(c) => {
            operator.has_client(&c.client_id)?;
            operator.can_make_what_is_said_once(operator.finds_deposit()?)
        }
        Body::DepositConfirm(c) => operator.has_deposit(&c.id),
        Body::DepositReject(c) => operator.has_deposit(&c.id),

        Body::SettlementClaim(c) => {
            operator.has_machine(&c.machine_id)?;
            operator.can_make_what_is_said_once(operator.finds_settlement()?)
        }
        Body::SettlementBegin(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementRelease(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementAdjust(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementNote(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementFinish(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementFail(c) => operator.has_settlement(&c.payment_hash),
        Body::SettlementVoid(c) => operator.has_settlement(&c.payment_hash),
        Body::LegIntend(c) => operator.has_settlement(&c.payment_hash),
        Body::LegOutcome(c) => operator.has_settlement(&c.payment_hash),
        Body::LegAdd(c) => operator.has_settlement(&c.payment_hash),

        Body::ConfigSet(_)
        | Body::LpSet(_)
        | Body::BeaconReport(_)
        | Body::TelemetryReport(_)
        | Body::CassettesReport(_) => Err(forbidden(case).into()),
    }
}

/// An operator that speaks.
struct Operator<'a> {
    case: &'a Case<'a>,
    user: &'a UserId,
}

impl Operator<'_> {
    fn is(&self, named: &UserId) -> Result<(), Stop> {
        if named == self.user { Ok(()) } else { Err(forbidden(self.case).into()) }
    }

    /// A machine cannot be given away: what follows would be another operator's without its consent.
    fn keeps_it(&self, c: &MachineUpdate) -> Result<(), Stop> {
        c.operator_user_id.as_ref().map_or(Ok(()), |named| self.is(named))
    }

    fn owns(&self, id: &MachineId) -> bool {
        self.case.fleet.machine(id).is_some_and(|machine| machine.operator_user_id == *self.user)
    }

    fn has_machine(&self, id: &MachineId) -> Result<(), Stop> {
        has(self.owns(id), || {
            let message = format!(
                "operator `{}` has no machine `{id}`; look at the id, or register it first",
                self.user
            );
            refuse(Code::UnknownMachine, message)
        })
    }

    fn has_client(&self, id: &ClientId) -> Result<(), Stop> {
        let client = self.case.fleet.client(id);
        has(client.is_some_and(|client| self.owns(&client.machine_id)), || {
            let message = format!(
                "no enrolment `{id}` is known at a machine of operator `{}`; make it first with \
                 client.enroll",
                self.user
            );
            refuse(Code::UnknownClient, message)
        })
    }

    fn has_deposit(&self, id: &DepositId) -> Result<(), Stop> {
        has(self.finds_deposit()?, || {
            let message = format!(
                "no deposit `{id}` was recorded at a machine of operator `{}`; record it first",
                self.user
            );
            refuse(Code::NotFound, message)
        })
    }

    fn has_settlement(&self, hash: &PaymentHash) -> Result<(), Stop> {
        has(self.finds_settlement()?, || {
            let message = format!(
                "no settlement {hash} was claimed at a machine of operator `{}`; claim it first",
                self.user
            );
            refuse(Code::NotFound, message)
        })
    }

    /// Whether a deposit of its own was found.
    fn finds_deposit(&self) -> Result<bool, Stop> {
        let deposit = Deposit::fold(&self.case.found.stream)?;
        Ok(deposit.is_some_and(|deposit| self.owns(&deposit.recorded.machine_id)))
    }

    /// Whether a settlement of its own was found. It stays its own when its machine moves on.
    fn finds_settlement(&self) -> Result<bool, Stop> {
        let settlement = Settlement::fold(&self.case.found.stream)?;
        Ok(settlement.is_some_and(|settlement| settlement.claimed.operator_user_id == *self.user))
    }

    fn can_make_machine(&self, id: &MachineId) -> Result<(), Stop> {
        let is_there = self.case.fleet.machine(id).is_some();
        can_make(maker(self.case, is_there).is_some(), self.owns(id))
    }

    fn can_make_client(&self, id: &ClientId) -> Result<(), Stop> {
        let client = self.case.fleet.client(id);
        let is_own = client.is_some_and(|client| self.owns(&client.machine_id));
        can_make(maker(self.case, client.is_some()).is_some(), is_own)
    }

    fn can_make_what_is_said_once(&self, is_own: bool) -> Result<(), Stop> {
        can_make(!self.case.found.stream.is_empty(), is_own)
    }
}

fn can_make(is_taken: bool, is_own: bool) -> Result<(), Stop> {
    has(!is_taken || is_own, taken)
}

fn has(it: bool, else_say: impl FnOnce() -> Refusal) -> Result<(), Stop> {
    if it { Ok(()) } else { Err(else_say().into()) }
}

/// What would be made has an id that is taken: by what and whose is not for the sender to know.
fn taken() -> Refusal {
    let message = "this id, or payment hash, is taken, and not by anything of yours; use another id, or \
                   the hash of a real payment";
    refuse(Code::Conflict, message)
}
