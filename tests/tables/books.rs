//! The books: what moved in an entry sums to zero, and all of it together is what is there.

use proptest::prelude::*;
use rusqlite::Connection;
use spireledger::tables::passing;

use crate::imported::brought_in_twice;
use crate::world::{World, shape};

/// Each question finds what must not be; the change behind it makes it be.
const LAWS: &[(&str, &str, &str)] = &[
    (
        "the postings of an entry sum to zero in each unit",
        "SELECT seq, unit, sum(amount) FROM journal GROUP BY seq, unit HAVING sum(amount) <> 0",
        "UPDATE journal SET amount = amount + 1 WHERE rowid = 5",
    ),
    (
        "nothing that was decided here is left in suspense",
        "SELECT seq, account, unit, amount FROM journal WHERE account = 'equity:suspense'",
        "UPDATE journal SET account = 'equity:suspense' WHERE rowid = 5",
    ),
    (
        "what LPs have left is what the books owe them",
        "SELECT client_id, remaining_fiat, coalesce((SELECT sum(-amount) FROM journal
             WHERE account = 'liabilities:lp:' || client_id), 0) AS owed
         FROM balances WHERE round(remaining_fiat * 100) <> owed",
        "UPDATE balances SET remaining_fiat = remaining_fiat + 0.01
             WHERE rowid = (SELECT min(rowid) FROM balances)",
    ),
    (
        "a wallet has what came in less what left",
        "SELECT wallet_id, in_sats, out_sats, balance_sats FROM wallet_balances
         WHERE balance_sats <> in_sats - out_sats
            OR balance_sats <> (SELECT sum(amount) FROM journal
                WHERE unit = 'sat' AND account = 'assets:wallet:' || wallet_id)",
        "UPDATE wallet_balances SET in_sats = in_sats + 1, balance_sats = balance_sats + 1
             WHERE rowid = (SELECT min(rowid) FROM wallet_balances)",
    ),
    (
        "every wallet of the books has its sums",
        "SELECT DISTINCT account FROM journal WHERE account LIKE 'assets:wallet:%'
            AND substr(account, 15) NOT IN (SELECT wallet_id FROM wallet_balances)",
        "DELETE FROM wallet_balances WHERE rowid = (SELECT min(rowid) FROM wallet_balances)",
    ),
    (
        "legs that are not paid are payable",
        "SELECT t.leg_type, t.sats, j.sats FROM (
             SELECT leg_type, sum(amount_sats) AS sats FROM dca_payments
             WHERE status IN ('pending', 'failed') AND leg_type <> 'autoforward'
             GROUP BY leg_type) AS t
         LEFT JOIN (SELECT account, sum(-amount) AS sats FROM journal GROUP BY account) AS j
             ON j.account = 'liabilities:payable:' || t.leg_type
         WHERE j.sats IS NOT t.sats",
        "UPDATE dca_payments SET status = 'pending' WHERE id = (SELECT id FROM dca_payments
             WHERE status = 'completed' AND leg_type = 'dca')",
    ),
    (
        "cash is what was deposited, and what customers put in and took out",
        "SELECT m.id, coalesce((SELECT sum(amount) FROM journal
                WHERE account = 'assets:cash:' || m.id), 0) AS cash, (
             SELECT coalesce(sum(round(amount * 100)), 0) FROM dca_deposits
             WHERE machine_id = m.id AND status = 'confirmed') + (
             SELECT coalesce(sum(round(fiat_amount * CASE tx_type WHEN 'cash_in' THEN 100
                ELSE -100 END)), 0)
             FROM dca_settlements WHERE machine_id = m.id AND status <> 'voided') AS moved
         FROM dca_machines AS m WHERE cash <> moved",
        "DELETE FROM dca_deposits WHERE id = (SELECT id FROM dca_deposits WHERE status = 'confirmed')",
    ),
    (
        "a settlement that is processed has paid all it took in, or keeps it",
        "SELECT s.id FROM dca_settlements AS s WHERE s.status = 'processed' AND s.tx_type = 'cash_out'
         AND s.wire_sats <> (SELECT sum(amount_sats) FROM dca_payments
             WHERE settlement_id = s.id AND status = 'completed' AND leg_type <> 'autoforward')",
        "UPDATE dca_payments SET amount_sats = amount_sats - 1 WHERE id = (SELECT p.id
             FROM dca_payments AS p JOIN dca_settlements AS s ON s.id = p.settlement_id
             WHERE s.status = 'processed' AND s.tx_type = 'cash_out' AND p.status = 'completed')",
    ),
    (
        "every settlement has its claim, and every leg that ended its end, in the audit",
        "SELECT id FROM dca_settlements AS s WHERE NOT EXISTS (SELECT 1 FROM settlement_audit AS a
             WHERE a.settlement_id = s.id AND a.event = 'settlement.claimed')
         UNION ALL
         SELECT id FROM dca_payments AS p WHERE p.status = 'completed' AND p.leg_type <> 'settlement'
         AND NOT EXISTS (SELECT 1 FROM settlement_audit AS a WHERE a.leg_id = p.id
             AND a.event = 'leg.ended' AND a.leg_status = 'completed' AND a.amount_sats = p.amount_sats)",
        "DELETE FROM settlement_audit WHERE leg_status = 'completed'",
    ),
    (
        "the audit's last word on a settlement is what it is",
        "SELECT s.id, s.status, a.status FROM dca_settlements AS s
         JOIN settlement_audit AS a ON a.settlement_id = s.id AND a.seq =
             (SELECT max(seq) FROM settlement_audit WHERE settlement_id = s.id AND status IS NOT NULL)
         WHERE (a.status, a.principal_sats, a.fee_sats) <> (s.status, s.principal_sats, s.fee_sats)",
        "UPDATE dca_settlements SET status = 'pending' WHERE id = (SELECT id FROM dca_settlements
             WHERE status = 'processed')",
    ),
];

/// What a question finds, as text.
fn found(tables: &Connection, question: &str) -> Vec<String> {
    let mut select = tables.prepare(question).expect("a question");
    let width = select.column_count();
    let mut rows = select.query([]).expect("asked");
    let mut found = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        let cells = (0..width).map(|at| format!("{:?}", row.get_ref(at).expect("a cell")));
        found.push(cells.collect::<Vec<_>>().join(", "));
    }
    found
}

fn count(tables: &Connection, of: &str) -> i64 {
    tables.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).expect("a count")
}

fn check(world: &World) -> Connection {
    let tables = passing(world.log(), &shape(13)).expect("made");
    for (law, question, _) in LAWS {
        let found = found(&tables, question);
        assert!(found.is_empty(), "{law}: {found:#?}");
    }
    tables
}

#[test]
fn the_books_of_the_month_add_up() {
    let tables = check(&World::of_month());
    for (what, least) in [
        ("journal", 100),
        ("journal WHERE unit = 'sat' AND account LIKE 'liabilities:payable:dca'", 2),
        ("balances WHERE paid_sats > 0", 1),
        ("wallet_balances WHERE out_sats > 0", 1),
        ("settlement_audit WHERE actor = 'local' AND event = 'settlement.begun'", 2),
        ("settlement_audit WHERE leg_status = 'failed'", 1),
    ] {
        assert!(count(&tables, what) >= least, "{what}");
    }
}

#[test]
fn every_law_sees_what_breaks_it() {
    let tables = check(&World::of_month());
    for (law, question, change) in LAWS {
        tables.execute_batch(&format!("SAVEPOINT before; {change};")).expect("changed");
        assert!(!found(&tables, question).is_empty(), "{law}");
        tables.execute_batch("ROLLBACK TO before").expect("put back");
    }
}

/// Of what was brought in, odd as it may be, these hold, too.
const OF_ALL: &[&str] = &["sum to zero", "LPs have left", "has what came in", "has its sums"];

#[test]
fn the_books_of_what_was_brought_in_sum_to_zero_and_what_does_not_add_up_is_in_suspense() {
    for version in [1, 4, 9, 12] {
        let world = brought_in_twice(version);
        let tables = passing(world.log(), &shape(13)).expect("made");
        for (law, question, _) in LAWS {
            if OF_ALL.iter().any(|part| law.contains(part)) {
                let found = found(&tables, question);
                assert!(found.is_empty(), "version {version}: {law}: {found:#?}");
            }
        }
        assert!(count(&tables, "journal WHERE account = 'equity:suspense'") > 0, "{version}");
        assert!(count(&tables, "settlement_audit WHERE actor = 'import'") > 10, "{version}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_books_of_any_fleet_add_up(seed in any::<u64>()) {
        check(&World::of_seed(seed));
    }
}
