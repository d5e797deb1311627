//! What a command has to see before it can be decided: which stream, how deep, and which alias.
//!
//! A command asks for the least that its rule looks at, so that it costs the same however long the
//! history of its thing is:
//!
//! | commands | see | because |
//! | --- | --- | --- |
//! | what is said once (claim, registration, enrolment, deposit, a report with its moment) | the oldest entry | a repeat is compared with what was said first |
//! | settings that change something | nothing | the fleet knows what is so |
//! | settings of what is so already | the entry that made it so, or all to find it | it is the receipt |
//! | a cassette report without a moment | the newest entry | a repeat of the newest changes nothing |
//! | what goes on with a settlement or a deposit | all | its state is folded from all of it |
//! | what the sender's role may never send | nothing | it is refused whatever there is |

use spireledger_projections::Fleet;
use spireledger_schema::command::{Body, CassettesReport, Command};
use spireledger_schema::{Entry, EntryKey, streams};

use super::{Request, deposits, fleet as settings, reports, who};

/// What must be fetched before a command can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The stream that the command belongs to, and its event will be appended to.
    pub stream: EntryKey,
    /// How much of it.
    pub depth: Depth,
    /// The alias under which an earlier attempt would be found.
    pub alias: Option<EntryKey>,
}

/// How much of a stream a command has to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Nothing of it: the fleet says enough.
    Nothing,
    /// Its oldest entry: what has an identity was said there first.
    Oldest,
    /// Its newest entry.
    Newest,
    /// All of it.
    All,
}

/// What was found: exactly as much as was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Of the stream, oldest first: nothing, one entry or all, by [`Depth`]. Empty where the stream is.
    /// What bears the stream's key as its alias is of another stream, and not among these.
    pub stream: Vec<Entry>,
    /// The newest entry that bears the alias as one. Where a request's alias is the very stream that it is
    /// about, that stream's newest entry: it is in the way.
    pub aliased: Option<Entry>,
}

/// Names what [`super::decide`] will have to see. It must be given the same fleet: between the two,
/// nothing may be applied.
pub fn needs(fleet: &Fleet, request: &Request) -> Needs {
    if who::may_never(request) {
        return Needs { stream: stream(fleet, request), depth: Depth::Nothing, alias: None };
    }
    Needs {
        stream: stream(fleet, request),
        depth: depth(fleet, &request.command.body),
        alias: alias(request),
    }
}

pub(super) fn stream(fleet: &Fleet, request: &Request) -> EntryKey {
    match &request.command.body {
        Body::ConfigSet(_) => streams::config(),
        Body::OperatorSet(c) => streams::operator(&c.operator_user_id),
        Body::MachineRegister(c) => streams::machine(&c.id),
        Body::MachineUpdate(c) => streams::machine(&c.id),
        Body::MachinePair(c) => streams::machine(&c.id),
        Body::SplitsSet(c) => streams::splits(&c.operator_user_id, c.machine_id.as_ref()),
        Body::LpSet(c) => streams::lp(&c.user_id),
        Body::ClientEnroll(c) => streams::client(&c.id),
        Body::ClientUpdate(c) => streams::client(&c.id),
        Body::DepositRecord(c) => streams::deposit(&c.id),
        Body::DepositConfirm(c) => streams::deposit(&c.id),
        Body::DepositReject(c) => streams::deposit(&c.id),
        Body::SettlementClaim(c) => c.payment_hash.key(),
        Body::SettlementBegin(c) => c.payment_hash.key(),
        Body::SettlementRelease(c) => c.payment_hash.key(),
        Body::SettlementAdjust(c) => c.payment_hash.key(),
        Body::SettlementNote(c) => c.payment_hash.key(),
        Body::SettlementFinish(c) => c.payment_hash.key(),
        Body::SettlementFail(c) => c.payment_hash.key(),
        Body::SettlementVoid(c) => c.payment_hash.key(),
        Body::LegIntend(c) => c.payment_hash.key(),
        Body::LegOutcome(c) => c.payment_hash.key(),
        Body::LegAdd(c) => c.payment_hash.key(),
        Body::BeaconReport(_)
        | Body::TelemetryReport(_)
        | Body::CassettesSet(_)
        | Body::CassettesReport(_) => reports::stream(fleet, request),
    }
}

fn depth(fleet: &Fleet, body: &Body) -> Depth {
    let where_it_was_made_so = |is_so: bool, depth| if is_so { depth } else { Depth::Nothing };
    match body {
        Body::MachineRegister(_)
        | Body::ClientEnroll(_)
        | Body::DepositRecord(_)
        | Body::SettlementClaim(_)
        | Body::BeaconReport(_)
        | Body::TelemetryReport(_) => Depth::Oldest,
        Body::CassettesReport(c) if c.state_at.is_some() => Depth::Oldest,
        Body::CassettesReport(_) => Depth::Newest,

        // Some entry of the stream set these fields, not always the newest.
        Body::ConfigSet(c) => {
            where_it_was_made_so(settings::config_is_so(fleet.config(), c), Depth::All)
        }
        Body::MachineUpdate(c) => {
            where_it_was_made_so(settings::machine_is_so(fleet, c), Depth::All)
        }
        Body::MachinePair(c) => where_it_was_made_so(settings::pairing_is_so(fleet, c), Depth::All),
        Body::ClientUpdate(c) => where_it_was_made_so(deposits::client_is_so(fleet, c), Depth::All),
        // Each entry of the stream sets all there is: the newest made it so.
        Body::SplitsSet(c) => {
            where_it_was_made_so(settings::splits_are_so(fleet, c), Depth::Newest)
        }
        Body::OperatorSet(c) => {
            where_it_was_made_so(settings::operator_is_so(fleet, c), Depth::Newest)
        }
        Body::LpSet(c) => where_it_was_made_so(deposits::lp_is_so(fleet, c), Depth::Newest),
        Body::CassettesSet(c) => {
            where_it_was_made_so(reports::cassettes_are_so(fleet, c), Depth::Newest)
        }

        Body::DepositConfirm(_)
        | Body::DepositReject(_)
        | Body::SettlementBegin(_)
        | Body::SettlementRelease(_)
        | Body::SettlementAdjust(_)
        | Body::SettlementNote(_)
        | Body::SettlementFinish(_)
        | Body::SettlementFail(_)
        | Body::SettlementVoid(_)
        | Body::LegIntend(_)
        | Body::LegOutcome(_)
        | Body::LegAdd(_) => Depth::All,
    }
}

/// What has no identity of its own is found again by the name that the client gave its request.
fn alias(request: &Request) -> Option<EntryKey> {
    let Command { body, request_id, .. } = &request.command;
    let has_no_identity = matches!(
        body,
        Body::ConfigSet(_)
            | Body::OperatorSet(_)
            | Body::MachineUpdate(_)
            | Body::MachinePair(_)
            | Body::SplitsSet(_)
            | Body::LpSet(_)
            | Body::ClientUpdate(_)
            | Body::CassettesSet(_)
            | Body::CassettesReport(CassettesReport { state_at: None, .. })
            | Body::SettlementAdjust(_)
            | Body::SettlementFail(_)
    );
    let id = request_id.as_ref().filter(|_| has_no_identity)?;
    Some(streams::request(&request.actor, body.type_name(), id))
}
