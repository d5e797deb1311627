//! Tables as Parquet files, one each, for the tools of data people.
//!
//! Every cell is there exactly: fiat and fractions are decimals with the places they have, rates decimals
//! with 18, sats whole numbers, moments microseconds of UTC. A column in which one cell is not of its type,
//! as an imported row may have it, is written as text from top to bottom, and named: nothing is rounded,
//! nothing is left out.
//!
//! A file is written row group by row group, each of bounded size, so memory stays flat but for a few
//! kilobytes a group that the file's end keeps of each.

mod column;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use spireledger_projections::Fleet;
use spireledger_projections::tables::{Row, Shape, Table};

use self::column::Column;
use super::database::TablesError;
use super::{Told, rows_after};
use crate::log::ReadLog;

/// Rows of a row group.
const GROUP_ROWS: usize = 65_536;
/// Bytes of cells after which a row group is full.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// What was written of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct ParquetTable {
    /// How many rows.
    pub rows: u64,
    /// Columns that had to be written as text, because a cell is not of their type.
    pub as_text: BTreeSet<&'static str>,
}

/// A table that is to be written.
pub struct Parquet<'a> {
    /// The ledger.
    pub log: &'a dyn ReadLog,
    /// The fleet as of its head.
    pub fleet: &'a Fleet,
    /// The version of the tables.
    pub shape: &'a Shape,
    /// The table.
    pub table: &'a Table,
    /// The entry behind which rows begin that are told.
    pub after: u64,
}

/// Writes a table into a Parquet file, beside it first and then in its place. The file's metadata say
/// which version of the tables it is of, and as of which entry.
pub fn export_parquet(of: &Parquet<'_>, path: &Path) -> Result<ParquetTable, TablesError> {
    let Parquet { log, fleet, shape, table, after } = *of;
    let head = log.head();
    let about = vec![
        KeyValue::new("spireledger.table".into(), table.name().to_owned()),
        KeyValue::new("spireledger.version".into(), shape.version().to_string()),
        KeyValue::new("spireledger.position".into(), head.seq.to_string()),
        KeyValue::new("spireledger.entry_hash".into(), head.hash.to_string()),
    ];
    write(table, &about, path, |sink| {
        rows_after(log, fleet, table, after, |told| match told {
            Told::Row(row) => sink(&row),
            Told::Passed(_) => Ok(()),
        })
    })
}

/// Whoever takes rows.
type Sink<'s> = &'s mut dyn FnMut(&Row<'_>) -> Result<(), TablesError>;

/// Writes what `rows` hands out, in a second pass if there are cells that do not fit.
fn write(
    table: &Table,
    about: &[KeyValue],
    path: &Path,
    mut rows: impl FnMut(Sink<'_>) -> Result<(), TablesError>,
) -> Result<ParquetTable, TablesError> {
    let io = |error| TablesError::Io { path: path.display().to_string(), error };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let mut as_text = BTreeSet::new();
    loop {
        let mut writer = Writer::new(File::create(&new).map_err(io)?, table, about, &as_text)?;
        rows(&mut |row| writer.push(row))?;
        if !writer.misfits.is_empty() {
            // A column that is text takes everything, so there is an end to this.
            as_text.append(&mut writer.misfits);
            continue;
        }
        let (file, rows) = writer.finish()?;
        file.sync_all().and_then(|()| std::fs::rename(&new, path)).map_err(io)?;
        return Ok(ParquetTable { rows, as_text });
    }
}

/// A file that is being written.
struct Writer {
    file: SerializedFileWriter<File>,
    columns: Vec<Column>,
    /// Rows and bytes of the row group that is being collected.
    held: usize,
    bytes: usize,
    rows: u64,
    /// Columns in which a cell is not of their type: the file is of no use then.
    misfits: BTreeSet<&'static str>,
}

impl Writer {
    fn new(
        file: File,
        table: &Table,
        about: &[KeyValue],
        as_text: &BTreeSet<&'static str>,
    ) -> Result<Self, ParquetError> {
        let columns: Vec<Column> = table
            .columns()
            .iter()
            .map(|column| Column::new(column, as_text.contains(column.name)))
            .collect();
        let fields = columns.iter().map(|column| column.field().map(Arc::new));
        let schema = Type::group_type_builder(table.name())
            .with_fields(fields.collect::<Result<_, _>>()?)
            .build()?;
        let mut about = about.to_vec();
        if !as_text.is_empty() {
            let names = as_text.iter().copied().collect::<Vec<_>>().join(",");
            about.push(KeyValue::new("spireledger.as_text".into(), names));
        }
        let properties = WriterProperties::builder()
            .set_created_by(concat!("spireledger ", env!("CARGO_PKG_VERSION")).into())
            .set_compression(Compression::SNAPPY)
            // Pages are small; what is known of each of them would pile up in memory.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(about))
            .build();
        let file = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        Ok(Self { file, columns, held: 0, bytes: 0, rows: 0, misfits: BTreeSet::new() })
    }

    fn push(&mut self, row: &Row<'_>) -> Result<(), TablesError> {
        for (column, cell) in self.columns.iter_mut().zip(row) {
            match column.take(cell) {
                Some(bytes) => self.bytes += bytes,
                None => drop(self.misfits.insert(column.name)),
            }
        }
        self.held += 1;
        self.rows += 1;
        if self.held >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        (self.held, self.bytes) = (0, 0);
        if !self.misfits.is_empty() {
            self.columns.iter_mut().for_each(Column::clear);
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut out) = group.next_column()? {
                column.write(&mut out)?;
                out.close()?;
            }
            column.clear();
        }
        group.close()?;
        Ok(())
    }

    fn finish(mut self) -> Result<(File, u64), ParquetError> {
        if self.held > 0 {
            self.write_group()?;
        }
        Ok((self.file.into_inner()?, self.rows))
    }
}

#[cfg(test)]
mod tests;
