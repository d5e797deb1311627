//! One column on its way into a Parquet file: its type there, and the cells of a row group.

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::Type;
use rust_decimal::Decimal;
use spireledger_projections::shape;
use spireledger_projections::shape::Declared;
use spireledger_projections::tables::Cell;

/// Digits of a decimal that is kept in 8 bytes.
const SHORT_DIGITS: u32 = 18;
/// Digits of a decimal that is kept in 16 bytes.
const LONG_DIGITS: u32 = 38;
/// Places of a rate: as many as one may have.
const RATE_PLACES: u32 = 18;

pub(super) struct Column {
    pub name: &'static str,
    kind: Kind,
    required: bool,
    cells: Cells,
    /// Of each row, 1 if there is a cell and 0 for none. Not used where there always is one.
    levels: Vec<i16>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Truth,
    Whole,
    /// A decimal with so many places.
    Short(u32),
    Rate,
    Time,
}

/// Cells as Parquet wants them.
enum Cells {
    Truth(Vec<bool>),
    Number(Vec<i64>),
    Wide(Vec<FixedLenByteArray>),
    Text(Vec<ByteArray>),
}

impl Column {
    /// A column of a table. As text it takes every cell, and none.
    pub(super) fn new(column: &shape::Column, as_text: bool) -> Self {
        let kind = match column.declared {
            _ if as_text => Kind::Text,
            Declared::Text => Kind::Text,
            Declared::Boolean => Kind::Truth,
            Declared::Integer | Declared::BigInt => Kind::Whole,
            Declared::Real => Kind::Rate,
            Declared::Fiat => Kind::Short(2),
            Declared::Fraction => Kind::Short(4),
            Declared::Timestamp => Kind::Time,
        };
        let cells = match kind {
            Kind::Truth => Cells::Truth(Vec::new()),
            Kind::Whole | Kind::Short(_) | Kind::Time => Cells::Number(Vec::new()),
            Kind::Rate => Cells::Wide(Vec::new()),
            Kind::Text => Cells::Text(Vec::new()),
        };
        let required = column.not_null && !as_text;
        Self { name: column.name, kind, required, cells, levels: Vec::new() }
    }

    /// How the file's schema describes it.
    pub(super) fn field(&self) -> Result<Type, ParquetError> {
        let (physical, logical, converted) = match self.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String), ConvertedType::UTF8),
            Kind::Truth => (Physical::BOOLEAN, None, ConvertedType::NONE),
            Kind::Whole => (Physical::INT64, None, ConvertedType::NONE),
            Kind::Short(_) => (Physical::INT64, None, ConvertedType::DECIMAL),
            Kind::Rate => (Physical::FIXED_LEN_BYTE_ARRAY, None, ConvertedType::DECIMAL),
            Kind::Time => (
                Physical::INT64,
                Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
                ConvertedType::TIMESTAMP_MICROS,
            ),
        };
        let decimal = match self.kind {
            Kind::Short(places) => Some((SHORT_DIGITS, places)),
            Kind::Rate => Some((LONG_DIGITS, RATE_PLACES)),
            _ => None,
        };
        let once = if self.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        let mut field = Type::primitive_type_builder(self.name, physical).with_repetition(once);
        if physical == Physical::FIXED_LEN_BYTE_ARRAY {
            field = field.with_length(16);
        }
        if let Some((digits, places)) = decimal {
            let (digits, places) = (digits.cast_signed(), places.cast_signed());
            let decimal = LogicalType::decimal(places, digits);
            field =
                field.with_precision(digits).with_scale(places).with_logical_type(Some(decimal));
        } else {
            field = field.with_logical_type(logical);
        }
        field.with_converted_type(converted).build()
    }

    /// Takes the cell of the next row in and says how many bytes that was. `None`: it is not of the
    /// column's type.
    pub(super) fn take(&mut self, cell: &Cell<'_>) -> Option<usize> {
        if *cell == Cell::Null {
            self.levels.push(0);
            return (!self.required).then_some(2);
        }
        let bytes = match &mut self.cells {
            Cells::Truth(all) => {
                let Cell::Boolean(truth) = cell else { return None };
                all.push(*truth);
                1
            }
            Cells::Number(all) => {
                all.push(match (self.kind, cell) {
                    (Kind::Whole, Cell::Integer(number)) => *number,
                    (Kind::Time, Cell::Time(at)) => at.micros(),
                    (Kind::Short(places), cell) => {
                        i64::try_from(digits(cell, places, SHORT_DIGITS)?).ok()?
                    }
                    _ => return None,
                });
                8
            }
            Cells::Wide(all) => {
                let number = digits(cell, RATE_PLACES, LONG_DIGITS)?;
                all.push(number.to_be_bytes().to_vec().into());
                64
            }
            Cells::Text(all) => {
                let text = match cell {
                    Cell::Text(text) => text.as_bytes().to_vec(),
                    other => other.to_string().into_bytes(),
                };
                let len = text.len();
                all.push(text.into());
                len + 64
            }
        };
        self.levels.push(1);
        Some(bytes + 2)
    }

    /// Writes the cells that were taken.
    pub(super) fn write(&self, out: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = (!self.required).then_some(self.levels.as_slice());
        match &self.cells {
            Cells::Truth(all) => out.typed::<BoolType>().write_batch(all, levels, None),
            Cells::Number(all) => out.typed::<Int64Type>().write_batch(all, levels, None),
            Cells::Wide(all) => out.typed::<FixedLenByteArrayType>().write_batch(all, levels, None),
            Cells::Text(all) => out.typed::<ByteArrayType>().write_batch(all, levels, None),
        }?;
        Ok(())
    }

    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.levels.clear();
        match &mut self.cells {
            Cells::Truth(all) => all.clear(),
            Cells::Number(all) => all.clear(),
            Cells::Wide(all) => all.clear(),
            Cells::Text(all) => all.clear(),
        }
    }
}

/// A number in units of its last place. `None` if it is no number, needs more places than there are, or
/// more digits.
fn digits(cell: &Cell<'_>, places: u32, digits: u32) -> Option<i128> {
    let (number, scale) = match cell {
        Cell::Integer(number) => (i128::from(*number), 0),
        Cell::Decimal(decimal) => (decimal.mantissa(), decimal.scale()),
        Cell::Real(digits) => {
            let exact = Decimal::from_str_exact(digits);
            let decimal = exact.or_else(|_| Decimal::from_scientific(digits)).ok()?;
            (decimal.mantissa(), decimal.scale())
        }
        _ => return None,
    };
    let shifted = if scale <= places {
        number.checked_mul(10i128.checked_pow(places - scale)?)?
    } else {
        let by = 10i128.checked_pow(scale - places)?;
        (number % by == 0).then_some(number / by)?
    };
    (shifted.unsigned_abs() < 10u128.checked_pow(digits)?).then_some(shifted)
}
