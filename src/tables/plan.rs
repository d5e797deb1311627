//! How the rows of one table are written: its statements, and how a cell is bound.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter};
use rust_decimal::Decimal;
use spireledger_projections::facts::{Rows, Source, Subject, WalletFact};
use spireledger_projections::shape::Column;
use spireledger_projections::tables::{Cell, Row, Shape, SqlCell, Table};
use spireledger_projections::touched::{key_of, scope};

/// The statements of one table. They are prepared when they are first needed and kept with the
/// connection.
pub(super) struct Plan {
    table: Table,
    /// The table's name, behind its schema's.
    name: String,
    insert: String,
    upsert: String,
    delete: String,
    delete_key: String,
}

/// A place among many statements: three a table, and a few for the position.
pub(super) const STATEMENTS_MAX: usize = 64;

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
        let keyed: Vec<String> = table
            .columns()
            .iter()
            .filter(|column| table.key().contains(&column.name))
            .map(|column| format!("\"{}\" IS ?", column.name))
            .collect();
        let delete_key = format!("DELETE FROM {name} WHERE {}", keyed.join(" AND "));
        Self { table: table.clone(), name, insert, upsert, delete, delete_key }
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

    /// Writes a row that is not there.
    pub(super) fn insert<'c>(&self, to: &'c Connection) -> rusqlite::Result<Write<'c>> {
        Ok(Write(to.prepare_cached(&self.insert)?))
    }

    /// Writes rows of subjects, new ones and such that are there already.
    pub(super) fn rewrite<'c>(&'c self, to: &'c Connection) -> rusqlite::Result<Rewrite<'c>> {
        let (insert, upsert) = (self.insert(to)?, Write(to.prepare_cached(&self.upsert)?));
        Ok(Rewrite { plan: self, to, insert, upsert })
    }

    /// Deletes the row with a key: see [`Table::key_of`].
    pub(super) fn delete_key<'c>(&self, from: &'c Connection) -> rusqlite::Result<Write<'c>> {
        Ok(Write(from.prepare_cached(&self.delete_key)?))
    }

    /// Deletes the rows of a scope.
    pub(super) fn delete<'c>(&self, from: &'c Connection) -> rusqlite::Result<Write<'c>> {
        Ok(Write(from.prepare_cached(&self.delete)?))
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

/// A statement that takes cells and gives nothing back.
pub(super) struct Write<'c>(CachedStatement<'c>);

impl Write<'_> {
    /// Writes the row of a subject, cell by cell. Whether there is one: see [`Table::row`].
    pub(super) fn put(&mut self, table: &Table, subject: &Subject<'_>) -> rusqlite::Result<bool> {
        for (at, column) in (1..).zip(table.columns()) {
            let cell = column.source.read(subject);
            if column.not_null && matches!(cell, Cell::Null) {
                return Ok(false);
            }
            self.0.raw_bind_parameter(at, Bound(&cell))?;
        }
        self.0.raw_execute().map(|_| true)
    }

    /// Writes a row, or deletes the rows of a scope.
    pub(super) fn run(&mut self, cells: &[Cell<'_>]) -> rusqlite::Result<()> {
        self.0.execute(params_from_iter(cells.iter().map(Bound))).map(drop)
    }
}

/// Writes rows of subjects, each by its key.
pub(super) struct Rewrite<'c> {
    plan: &'c Plan,
    to: &'c Connection,
    insert: Write<'c>,
    upsert: Write<'c>,
}

impl Rewrite<'_> {
    /// Writes a row in the place of the one with its key, if there is one.
    pub(super) fn put(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        self.upsert.run(row)
    }

    /// Writes the row of a subject, or takes it away if this version cannot hold it any more.
    /// `is_there`: whether a row with its key may be there.
    pub(super) fn write(&mut self, subject: &Subject<'_>, is_there: bool) -> rusqlite::Result<()> {
        let table = self.plan.table();
        debug_assert_eq!(subject.rows(), table.rows(), "a subject goes to a table of its kind");
        let write = if is_there { &mut self.upsert } else { &mut self.insert };
        if !write.put(table, subject)? && is_there {
            self.plan.delete(self.to)?.run(&[key_of(subject)])?;
        }
        Ok(())
    }
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
