//! Questions in SQL that find all entries behind a figure. They are for `spireledger --as-of SEQ sql`, with
//! the entry that the period ends with.

use spireledger_projections::books::Account;

use super::facts::{Asked, Figure};
use super::pins::Pin;

/// Text in SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The question for a figure.
pub(super) fn of(figure: &Figure, asked: &Asked, pins: &[Pin; 2]) -> String {
    let operator = quoted(asked.operator.as_str());
    let [after, last] = [pins[0].seq, pins[1].seq];
    let of_period = format!("seq > {after} AND seq <= {last}");
    // Whatever changed a settlement: legs are planned, adjusted and ended by its entries.
    let changes = |of: String| {
        format!(
            "SELECT a.seq, a.event, a.settlement_id FROM settlement_audit AS a JOIN dca_settlements AS s \
             ON s.id = a.settlement_id JOIN dca_machines AS m ON m.id = s.machine_id WHERE {of} \
             AND a.refusal IS NULL AND a.{of_period} ORDER BY a.seq",
            of_period = of_period.replace(" AND seq", " AND a.seq"),
        )
    };
    match figure {
        Figure::Account(account, unit) => of_account(account, unit.name(), &operator, &of_period),
        Figure::Settlements(machine, tx_type, currency) => changes(format!(
            "s.machine_id = {} AND s.tx_type = '{tx_type}' AND s.fiat_code = '{currency}'",
            quoted(machine.as_str())
        )),
        Figure::Fees(tx_type) => {
            changes(format!("m.operator_user_id = {operator} AND s.tx_type = '{tx_type}'"))
        }
        Figure::Status(_) => changes(format!("m.operator_user_id = {operator}")),
        Figure::Legs(leg_type, status) => format!(
            "SELECT id, settlement_id, amount_sats, created_at FROM dca_payments WHERE \
             operator_user_id = {operator} AND leg_type = '{leg_type}' AND status = '{status}'"
        ),
    }
}

fn of_account(account: &Account, unit: &str, operator: &str, of_period: &str) -> String {
    format!(
        "SELECT seq, event, amount, settlement_id, deposit_id FROM journal WHERE account = {} AND \
         unit = '{unit}' AND operator_user_id = {operator} AND {of_period} ORDER BY seq",
        quoted(&account.to_string())
    )
}
