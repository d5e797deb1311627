//! The database that is brought in: a copy of one moment, and its rows.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use spireledger_projections::tables::bay_id;
use spireledger_schema::identity::PaymentHash;
use spireledger_schema::imported::{Found, SourceRow, SourceTable};
use spireledger_schema::limits::{ID_BYTES_MAX, ROW_BYTES_MAX};
use spireledger_schema::personal::Personal;
use spireledger_schema::text::Text;

use super::ImportError;
use super::layout::Layout;

/// The longest column of a row, and how many bytes are in it.
pub type Longest = (&'static str, usize);

/// A row, and what is known beside it.
pub struct Read {
    /// The row; without its texts, if they are too long.
    pub row: SourceRow,
    /// Of a settlement or a leg: the settlement's payment hash, if it has one.
    pub settlement: Option<PaymentHash>,
    /// If it is longer than what is brought in: what is longest in it.
    pub too_long: Option<Longest>,
}

/// How long a writer of the database is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database as it was at one moment. The file itself is only read, and only while it is copied, so
/// whoever writes to it is not held up by a long import.
pub struct Source {
    db: Connection,
    /// What its tables look like.
    pub layout: Layout,
    /// The copy lives as long as this.
    _place: tempfile::TempDir,
}

impl Source {
    /// Copies a database and looks at its tables.
    ///
    /// # Errors
    /// If it cannot be read, is no SQLite database, or lacks tables or columns that all versions have.
    pub fn open(path: &Path) -> Result<Self, ImportError> {
        let io = |error| ImportError::Io { path: path.display().to_string(), error };
        std::fs::File::open(path).map_err(io)?;
        let place = tempfile::tempdir().map_err(io)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let original = Connection::open_with_flags(path, flags)?;
        original.busy_timeout(PATIENCE)?;
        let mut db = Connection::open(place.path().join("copy.sqlite3"))?;
        db.execute_batch("PRAGMA synchronous = OFF")?;
        copy(&original, &mut db)?;
        let layout = Layout::probe(&db)?;
        Ok(Self { db, layout, _place: place })
    }

    /// Whether a deposit stands in another currency than its machine, which version 5 put right.
    pub fn has_foreign_deposits(&self) -> Result<bool, ImportError> {
        let query = "SELECT EXISTS (SELECT 1 FROM dca_deposits AS deposit JOIN dca_machines AS \
                     machine ON machine.id = deposit.machine_id WHERE machine.fiat_code <> \
                     deposit.currency)";
        Ok(self.db.query_row(query, [], |row| row.get(0))?)
    }

    /// How many rows all tables have.
    pub fn count(&self) -> Result<u64, ImportError> {
        let tables = SourceTable::ALL.iter().filter(|table| self.layout.table(**table).is_some());
        let count = |table: &SourceTable| {
            let query = format!("SELECT count(*) FROM {table}");
            self.db.query_row(&query, [], |row| row.get::<_, i64>(0))
        };
        Ok(tables.map(count).sum::<Result<i64, _>>()?.unsigned_abs())
    }

    /// Hands out the rows of a table, as they were put in; split rules set by set.
    pub fn rows(
        &self,
        table: SourceTable,
        version: u16,
        mut sink: impl FnMut(Read) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let Some(columns) = self.layout.table(table) else { return Ok(()) };
        let names: Vec<String> =
            columns.known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let order = if table == SourceTable::Splits {
            "operator_user_id, machine_id, sort_order, rowid"
        } else {
            "rowid"
        };
        let query = format!("SELECT rowid, {} FROM {table} ORDER BY {order}", names.join(", "));
        let mut select = self.db.prepare(&query)?;
        let mut found = select.query([])?;
        while let Some(row) = found.next()? {
            let places = columns.known.iter().map(|(_, place)| *place);
            let (cells, too_long) = cells_of(table, row, places)?;
            let rowid: i64 = row.get(0)?;
            let mut row = SourceRow { table, version, id: Text::default(), cells: shorten(cells) };
            row.id = self.id(&row, rowid)?;
            let settlement = self.settlement(&row)?;
            sink(Read { row, settlement, too_long })?;
        }
        Ok(())
    }

    /// What each LP wanted before version 4, where no row of its own says so: what stands in the
    /// enrolment that was updated last.
    pub fn lps_of_clients(
        &self,
        version: u16,
        mut sink: impl FnMut(Read) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        if !self.layout.has(SourceTable::Clients, "wallet_id") {
            return Ok(());
        }
        let others = if self.layout.table(SourceTable::Lps).is_some() {
            "WHERE user_id NOT IN (SELECT user_id FROM dca_lp WHERE user_id IS NOT NULL)"
        } else {
            ""
        };
        let query = format!(
            "SELECT NULL, user_id, wallet_id, dca_mode, fixed_mode_daily_limit, autoforward_ln_address, \
             autoforward_enabled, created_at, updated_at FROM (SELECT *, row_number() OVER \
             (PARTITION BY user_id ORDER BY updated_at DESC, created_at DESC) AS place FROM \
             dca_clients) {others}{} place = 1",
            if others.is_empty() { "WHERE" } else { " AND" }
        );
        let table = SourceTable::Lps;
        let mut select = self.db.prepare(&query)?;
        let mut found = select.query([])?;
        while let Some(row) = found.next()? {
            let (cells, too_long) = cells_of(table, row, 0..table.columns().len())?;
            let mut row = SourceRow { table, version, id: Text::default(), cells };
            row.id = row.cell("user_id").name().unwrap_or_default();
            sink(Read { row, settlement: None, too_long })?;
        }
        Ok(())
    }

    /// Whether another row has this value.
    pub fn exists(
        &self,
        table: SourceTable,
        column: &str,
        value: &str,
    ) -> Result<bool, ImportError> {
        let query = format!("SELECT 1 FROM {table} WHERE \"{column}\" = ?1 LIMIT 1");
        let mut select = self.db.prepare_cached(&query)?;
        Ok(select.query_row([value], |_| Ok(())).optional()?.is_some())
    }

    /// One text of another row.
    pub fn text(
        &self,
        table: SourceTable,
        column: &str,
        id: &str,
    ) -> Result<Option<String>, ImportError> {
        let query = format!("SELECT \"{column}\" FROM {table} WHERE id = ?1");
        let mut select = self.db.prepare_cached(&query)?;
        let found =
            select.query_row([id], |row| row.get::<_, rusqlite::types::Value>(0)).optional()?;
        Ok(match found {
            Some(rusqlite::types::Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// What a row is called: by its primary key, or by its number in the file where that says nothing.
    fn id(&self, row: &SourceRow, rowid: i64) -> Result<Text, ImportError> {
        let alone = || Text::new(&format!("row {rowid}"));
        let key = match row.table {
            SourceTable::Lps => row.cell("user_id"),
            SourceTable::Telemetry => row.cell("machine_id"),
            SourceTable::Bays => return self.bay_id(row),
            _ => row.cell("id"),
        };
        Ok(key.as_str().map_or_else(alone, Text::new))
    }

    /// Two bays of a machine can bear one number where they are told apart by denomination.
    fn bay_id(&self, row: &SourceRow) -> Result<Text, ImportError> {
        let shown = |column| serde_json::to_string(row.cell(column)).unwrap_or_default();
        let machine = row.cell("machine_id").as_str().unwrap_or_default();
        let id = bay_id(machine, &shown("position"));
        let query = "SELECT count(*) FROM cassette_configs WHERE machine_id = ?1 AND position = ?2";
        let mut select = self.db.prepare_cached(query)?;
        let position = match row.cell("position") {
            Found::Integer(number) => *number,
            _ => return Ok(id),
        };
        let same: i64 = select.query_row((machine, position), |row| row.get(0))?;
        Ok(if same > 1 { bay_id(id.as_str(), &shown("denomination")) } else { id })
    }

    /// The payment hash of a settlement, or of a leg's settlement, if it is one.
    fn settlement(&self, row: &SourceRow) -> Result<Option<PaymentHash>, ImportError> {
        let hash = match row.table {
            SourceTable::Settlements => row.cell("payment_hash").as_str().map(str::to_owned),
            SourceTable::Legs => match row.cell("settlement_id").as_str() {
                Some(id) => self.text(SourceTable::Settlements, "payment_hash", id)?,
                None => None,
            },
            _ => None,
        };
        let Some(text) = hash else { return Ok(None) };
        let Some(hash) = PaymentHash::parse_hex(&text) else { return Ok(None) };
        // One payment hash in two spellings would be one settlement twice.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let query = "SELECT count(*) FROM dca_settlements WHERE lower(payment_hash) = ?1";
            let same: i64 = self.db.query_row(query, [hash.to_string()], |row| row.get(0))?;
            return Ok((same == 1).then_some(hash));
        }
        Ok(Some(hash))
    }
}

/// Copies all pages in one step, under one shared lock: they are of one moment.
fn copy(from: &Connection, to: &mut Connection) -> Result<(), ImportError> {
    let backup = Backup::new(from, to)?;
    let began = std::time::Instant::now();
    loop {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ if began.elapsed() > PATIENCE => return Err(ImportError::Busy),
            _ => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Columns at the end that are not there need no place.
fn shorten(mut cells: Vec<Found>) -> Vec<Found> {
    while cells.last() == Some(&Found::Absent) {
        cells.pop();
    }
    cells
}

/// Reads the cells of a row that are at these places, from its second one on. Those of a row that is too
/// long are not copied, but for short ones.
fn cells_of(
    table: SourceTable,
    row: &Row<'_>,
    places: impl Iterator<Item = usize> + Clone,
) -> Result<(Vec<Found>, Option<Longest>), ImportError> {
    let columns = table.columns();
    let name = |place: usize| columns.get(place).copied().unwrap_or_default();
    let (mut sum, mut longest) = (0, ("id", 0));
    for (at, place) in places.clone().enumerate() {
        let len = len_of(row.get_ref(at + 1)?);
        sum += len;
        if len > longest.1 {
            longest = (name(place), len);
        }
    }
    let too_long = (sum > ROW_BYTES_MAX).then_some(longest);
    let mut cells = vec![Found::Absent; columns.len()];
    for (at, place) in places.enumerate() {
        let value = row.get_ref(at + 1)?;
        let is_kept = too_long.is_none() || len_of(value) <= ID_BYTES_MAX;
        if let Some(cell) = cells.get_mut(place).filter(|_| is_kept) {
            *cell = cell_of(value, table.personal().contains(&name(place)));
        }
    }
    Ok((cells, too_long))
}

/// How many bytes a text or bytes have.
const fn len_of(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => 0,
    }
}

fn cell_of(value: ValueRef<'_>, is_personal: bool) -> Found {
    match value {
        ValueRef::Null => Found::Null,
        ValueRef::Integer(number) => Found::Integer(number),
        ValueRef::Real(number) => {
            // The shortest digits that make this very number again.
            let digits = format!("{number:?}");
            Found::Real(Text::new(digits.strip_suffix(".0").unwrap_or(&digits)))
        }
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if is_personal => Found::Personal(Personal::Plain(Text::new(text))),
            Ok(text) => Found::Text(Text::new(text)),
            Err(_) => Found::Bytes(bytes.to_vec()),
        },
        ValueRef::Blob(bytes) => Found::Bytes(bytes.to_vec()),
    }
}
