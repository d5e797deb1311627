//! How the rows of one table are written: its statements, and how a cell is bound.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rust_decimal::Decimal;
use spireledger_projections::facts::{DepositFact, Rows, Source, WalletFact};
use spireledger_projections::shape::Column;
use spireledger_projections::tables::{Cell, Shape, SqlCell, Table};
use spireledger_projections::touched::scope;

/// The statements of one table. They are prepared when they are first needed and kept with the
/// connection.
pub(super) struct Plan {
    table: Table,
    /// The table's name, behind its schema's.
    name: String,
    insert: String,
    upsert: String,
    delete: String,
    delete_all: String,
    delete_key: String,
}

/// What is done to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    /// A row is put that is not there.
    Insert,
    /// A row is put in the place of the one with its key, if there is one. Sums are added to.
    Upsert,
    /// The rows of a scope go.
    Delete,
    /// All rows go.
    DeleteAll,
    /// The row with a key goes: see [`Table::key_of`].
    DeleteKey,
}

impl Verb {
    /// How a row is put. `is_there`: whether one with its key may be there.
    pub(super) const fn of_row(is_there: bool) -> Self {
        if is_there { Self::Upsert } else { Self::Insert }
    }
}

/// Rows that are read at a time.
const PAGE: usize = 1_000;

/// A place among many statements: five a table, and a few for the position.
pub(super) const STATEMENTS_MAX: usize = 128;

impl Plan {
    /// A plan a table of a shape.
    pub(super) fn all(shape: &Shape, schema: Option<&str>) -> Vec<Self> {
        shape.tables().iter().map(|table| Self::new(table, schema)).collect()
    }

    fn new(table: &Table, schema: Option<&str>) -> Self {
        let name = schema.map_or_else(|| table.name().into(), |s| format!("{s}.{}", table.name()));
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let insert =
            format!("INSERT INTO {name} (\"{}\") VALUES ({places})", columns.join("\", \""));
        let set: Vec<String> = table.columns().iter().map(set_to).collect();
        let (key, set) = (table.key().join(", "), set.join(", "));
        let upsert = format!("{insert} ON CONFLICT ({key}) DO UPDATE SET {set}");
        let scoped: Vec<String> =
            scope_columns(table).iter().map(|column| format!("\"{column}\" IS ?")).collect();
        let condition = if scoped.is_empty() { "1".into() } else { scoped.join(" AND ") };
        let delete = format!("DELETE FROM {name} WHERE {condition}");
        let delete_all = format!("DELETE FROM {name}");
        let keyed: Vec<String> = table
            .columns()
            .iter()
            .filter(|column| table.key().contains(&column.name))
            .map(|column| format!("\"{}\" IS ?", column.name))
            .collect();
        let delete_key = format!("DELETE FROM {name} WHERE {}", keyed.join(" AND "));
        Self { table: table.clone(), name, insert, upsert, delete, delete_all, delete_key }
    }

    pub(super) const fn table(&self) -> &Table {
        &self.table
    }

    pub(super) const fn rows(&self) -> Rows {
        self.table.rows()
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The statement of a verb.
    pub(super) fn statement(&self, verb: Verb) -> &str {
        match verb {
            Verb::Insert => &self.insert,
            Verb::Upsert => &self.upsert,
            Verb::Delete => &self.delete,
            Verb::DeleteAll => &self.delete_all,
            Verb::DeleteKey => &self.delete_key,
        }
    }

    /// The statement that reads the ids of a machine's deposits, page by page. `None`: the table has no
    /// such rows.
    pub(super) fn ids_at_machine(&self) -> Option<String> {
        let columns = self.table.columns().iter();
        let at_machine =
            { columns }.find(|c| c.source == Source::Deposit(DepositFact::Machine))?.name;
        let (id, name) = (scope_columns(&self.table).first().copied()?, &self.name);
        Some(format!(
            "SELECT {id} FROM {name} WHERE {at_machine} = ?1 AND {id} > ?2 ORDER BY {id} LIMIT {PAGE}"
        ))
    }
}

/// What becomes of a column when the row is there already. Sums of wallets are added to.
fn set_to(column: &Column) -> String {
    let name = column.name;
    match column.source {
        Source::Wallet(WalletFact::Id | WalletFact::LastSeq) => {}
        Source::Wallet(_) => return format!("\"{name}\" = \"{name}\" + excluded.\"{name}\""),
        _ => {}
    }
    format!("\"{name}\" = excluded.\"{name}\"")
}

/// The columns that tell which rows are replaced together.
pub(super) fn scope_columns(table: &Table) -> Vec<&'static str> {
    let named = |source| table.columns().iter().find(|column| column.source == source);
    let sources = scope(table.rows()).iter();
    sources.filter_map(|source| named(*source).map(|column| column.name)).collect()
}

/// A cell on its way into SQLite. A decimal that is no whole number goes as text: the column's affinity
/// makes the number, and no float of ours touches it.
pub(super) struct Bound<'r, 'a>(pub(super) &'r Cell<'a>);

impl ToSql for Bound<'_, '_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0.sql() {
            SqlCell::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            SqlCell::Integer(number) => ToSqlOutput::from(number),
            SqlCell::Decimal(decimal) => match whole(decimal) {
                Some(number) => ToSqlOutput::from(number),
                None => ToSqlOutput::from(decimal.to_string()),
            },
            SqlCell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            SqlCell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            // The digits were made of a floating-point number, and make the same one again.
            SqlCell::Real(digits) => digits.parse::<f64>().map_or_else(
                |_| ToSqlOutput::Borrowed(ValueRef::Text(digits.as_bytes())),
                ToSqlOutput::from,
            ),
        })
    }
}

/// Whole numbers below this are the same integer to SQLite whether they come as one or as text.
const WHOLE_MAX: u64 = 1 << 51;

/// A decimal as the whole number that it is.
fn whole(decimal: Decimal) -> Option<i64> {
    let unit = 10_i128.checked_pow(decimal.scale())?;
    let mantissa = decimal.mantissa();
    if mantissa % unit != 0 {
        return None;
    }
    i64::try_from(mantissa / unit).ok().filter(|number| number.unsigned_abs() < WHOLE_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::Connection;
    use rusqlite::types::Value;

    use super::*;

    /// What a column makes of a decimal, bound as we do and as its text.
    fn both(declared: &str, decimal: Decimal) -> (Value, Value) {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(&format!("CREATE TABLE t (x {declared})")).expect("made");
        let put = |value: &dyn ToSql| {
            connection
                .query_row("INSERT INTO t VALUES (?) RETURNING x", [value], |row| row.get(0))
                .expect("put")
        };
        let cell = Cell::Decimal(decimal);
        (put(&Bound(&cell)), put(&decimal.to_string()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn a_decimal_is_stored_as_its_text_would_be(
            mantissa in prop_oneof![any::<i64>(), -20_000_000_i64..20_000_000],
            trailing in 0_u32..3,
            scale in 0_u32..10,
        ) {
            let mantissa = i128::from(mantissa) * 10_i128.pow(trailing);
            let decimal = Decimal::from_i128_with_scale(mantissa, scale);
            for declared in ["DECIMAL(10,2)", "DECIMAL(10,4)", "REAL"] {
                let (ours, text) = both(declared, decimal);
                prop_assert_eq!(ours, text, "{} as {}", decimal, declared);
            }
        }
    }
}
