//! The table: which role may send which command. `docs/who.md` shows it to people.

use spireledger_schema::command::Body;
use spireledger_schema::identity::Role;

/// How far a right goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Right {
    /// About anybody's things.
    All,
    /// About its own things only: [`super::own`] says which those are.
    Own,
    /// Never.
    No,
}

/// The rights of all roles, in the order of [`Role`].
pub(in crate::rules) type Rights = [Right; 5];

macro_rules! table {
    ($($command:ident $super:ident $operator:ident $machine:ident $lp:ident $auditor:ident;)*) => {
        /// Who may send a command. One without a line in the table does not compile.
        const fn rights(body: &Body) -> Rights {
            match body {
                $(Body::$command(_) => [
                    Right::$super, Right::$operator, Right::$machine, Right::$lp, Right::$auditor,
                ],)*
            }
        }

        /// The lines of the table, each with the name of its command.
        #[cfg(test)]
        pub(in crate::rules) const LINES: &[(&str, Rights)] = &[
            $((stringify!($command), [
                Right::$super, Right::$operator, Right::$machine, Right::$lp, Right::$auditor,
            ]),)*
        ];
    };
}

table! {
    // command         super operator machine lp auditor
    ConfigSet          All   No       No      No   No;
    OperatorSet        All   Own      No      No   No;
    MachineRegister    All   Own      No      No   No;
    MachineUpdate      All   Own      No      No   No;
    MachinePair        All   Own      No      No   No;
    SplitsSet          All   Own      No      No   No;
    LpSet              All   No       No      Own  No;
    ClientEnroll       All   Own      No      No   No;
    ClientUpdate       All   Own      No      No   No;
    DepositRecord      All   Own      No      No   No;
    DepositConfirm     All   Own      No      No   No;
    DepositReject      All   Own      No      No   No;
    SettlementClaim    All   Own      Own     No   No;
    SettlementBegin    All   Own      No      No   No;
    SettlementRelease  All   Own      No      No   No;
    SettlementAdjust   All   Own      No      No   No;
    SettlementNote     All   Own      No      No   No;
    SettlementFinish   All   Own      No      No   No;
    SettlementFail     All   Own      No      No   No;
    SettlementVoid     All   Own      No      No   No;
    LegIntend          All   Own      No      No   No;
    LegOutcome         All   Own      No      No   No;
    LegAdd             All   Own      No      No   No;
    BeaconReport       All   No       Own     No   No;
    TelemetryReport    All   No       Own     No   No;
    CassettesSet       All   Own      No      No   No;
    CassettesReport    All   No       Own     No   No;
}

/// The right of a role to a command.
pub(super) const fn right(role: Role, body: &Body) -> Right {
    let [administrator, operator, machine, lp, auditor] = rights(body);
    match role {
        Role::Super => administrator,
        Role::Operator => operator,
        Role::Machine => machine,
        Role::Lp => lp,
        Role::Auditor => auditor,
    }
}
