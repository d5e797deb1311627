//! The rules: may this happen, and what happens then?
//!
//! [`decide`] is pure: state, command and time in, an event or a refusal out. What it has to look at
//! beyond the fleet is named by [`needs`] and fetched before (*fetch, then decide*).
//!
//! The order of checks is fixed, so that the same bad command always gets the same code: shape,
//! who, identity and replay, references, amounts, limits.
//!
//! *Never:* I/O, a clock, randomness, a `HashMap`, a float. *Start at:* [`decide`].

mod adjust;
mod brought_in;
mod claim;
mod deposits;
mod distribution;
mod fees;
mod fleet;
mod identity;
mod import;
mod intents;
mod legs;
mod lock;
mod long;
mod needs;
mod reports;
mod rule_sets;
mod settlement;
#[cfg(test)]
mod tests;
mod who;

pub use claim::{EVIDENCE_PER_HASH_MAX, is_kept};
pub use fees::{Split, split_fee};
pub use import::{Import, decide_import};
pub use long::{row_too_long, too_long};
pub use needs::{Depth, Found, Needs, needs};

#[cfg(test)]
pub(crate) use tests::random_logs;

use spireledger_projections::{ApplyError, Fleet};
use spireledger_schema::command::{Body, Command};
use spireledger_schema::identity::{Actor, Evidence};
use spireledger_schema::text::UserId;
use spireledger_schema::time::Timestamp;
use spireledger_schema::{Code, Event, Refusal};

/// A command, and who sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is wished for.
    pub command: Command,
    /// By whom.
    pub actor: Actor,
    /// The user that an operator's or LP's key stands for: theirs is what bears this id.
    pub user: Option<UserId>,
    /// What they signed.
    pub evidence: Option<Evidence>,
}

impl Request {
    /// A command from the command line on the ledger directory.
    pub const fn local(command: Command) -> Self {
        Self { command, actor: Actor::Local, user: None, evidence: None }
    }
}

/// What follows from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
// Events are the common case and large; boxing them would cost every accepted claim.
#[allow(clippy::large_enum_variant)]
pub enum Decision {
    /// This happened; append it.
    Append(Event),
    /// It had happened: this entry says so.
    Replay(u64),
    /// No. The evidence, if there is any, is worth keeping.
    Refuse {
        /// Why.
        refusal: Box<Refusal>,
        /// The refused claim, for the stream of refused claims of its hash.
        evidence: Option<Event>,
    },
}

/// What a single rule comes to.
#[allow(clippy::large_enum_variant)]
enum Step {
    Append(Event),
    Replay(u64),
}

/// Why a rule does not come to a step.
enum Stop {
    Refused(Box<Refusal>),
    Corrupt(ApplyError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<ApplyError> for Stop {
    fn from(error: ApplyError) -> Self {
        Self::Corrupt(error)
    }
}

type Ruling = Result<Step, Stop>;

/// All that a rule may look at.
struct Case<'a> {
    fleet: &'a Fleet,
    found: &'a Found,
    request: &'a Request,
    now: Timestamp,
}

/// Decides one command. `found` is what [`needs`] asked for; `now` is when it is recorded.
///
/// # Errors
/// Only if what was found is not a history that these rules could have written.
pub fn decide(
    fleet: &Fleet,
    found: &Found,
    request: &Request,
    now: Timestamp,
) -> Result<Decision, ApplyError> {
    let case = Case { fleet, found, request, now };
    match who::may(&case).and_then(|()| rule(&case)) {
        Ok(Step::Append(event)) => Ok(Decision::Append(event)),
        Ok(Step::Replay(seq)) => Ok(Decision::Replay(seq)),
        Err(Stop::Corrupt(error)) => Err(error),
        Err(Stop::Refused(refusal)) => {
            let evidence = claim::evidence(&case, &refusal);
            Ok(Decision::Refuse { refusal, evidence })
        }
    }
}

fn rule(case: &Case<'_>) -> Ruling {
    match &case.request.command.body {
        Body::ConfigSet(c) => fleet::config_set(case, c),
        Body::OperatorSet(c) => fleet::operator_set(case, c),
        Body::MachineRegister(c) => fleet::machine_register(case, c),
        Body::MachineUpdate(c) => fleet::machine_update(case, c),
        Body::MachinePair(c) => fleet::machine_pair(case, c),
        Body::SplitsSet(c) => fleet::splits_set(case, c),
        Body::LpSet(c) => deposits::lp_set(case, c),
        Body::ClientEnroll(c) => deposits::client_enroll(case, c),
        Body::ClientUpdate(c) => deposits::client_update(case, c),
        Body::DepositRecord(c) => deposits::record(case, c),
        Body::DepositConfirm(c) => deposits::confirm(case, c),
        Body::DepositReject(c) => deposits::reject(case, c),
        Body::SettlementClaim(c) => claim::claim(case, c),
        Body::SettlementBegin(c) => settlement::begin(case, c),
        Body::SettlementRelease(c) => settlement::release(case, c),
        Body::SettlementAdjust(c) => adjust::adjust(case, c),
        Body::SettlementNote(c) => settlement::note(case, c),
        Body::SettlementFinish(c) => settlement::finish(case, c),
        Body::SettlementFail(c) => settlement::fail(case, c),
        Body::SettlementVoid(c) => settlement::void(case, c),
        Body::LegIntend(c) => intents::intend(case, c),
        Body::LegOutcome(c) => legs::outcome(case, c),
        Body::LegAdd(c) => legs::add(case, c),
        Body::BeaconReport(c) => reports::beacon(case, c),
        Body::TelemetryReport(c) => reports::telemetry(case, c),
        Body::CassettesSet(c) => reports::cassettes_set(case, c),
        Body::CassettesReport(c) => reports::cassettes_report(case, c),
    }
}

/// A refusal of shape that only the rules can see.
fn malformed(field: &str, found: &str, expected: &str) -> Refusal {
    spireledger_schema::json::Malformed::new(found, expected).within(field).into()
}

fn refuse(code: Code, message: impl Into<String>) -> Refusal {
    Refusal::new(code, message)
}
