//! What is too long: to be brought in at all, or to be shown whole in a refusal.

use serde::Serialize;
use serde_json::{Value, json};
use spireledger_schema::imported::SourceTable;
use spireledger_schema::limits::ROW_BYTES_MAX;
use spireledger_schema::{Code, Event, Refusal};

/// Texts in a refusal are cut to so many characters.
const SHOWN_CHARS: usize = 200;

/// The refusal of an event that does not fit the log, which `why` says.
pub fn too_long(event: &Event, why: &str) -> Refusal {
    match event {
        Event::RowImported(e) => {
            let (column, bytes) = e.row.longest().unwrap_or(("id", e.row.bytes()));
            row_too_long(e.row.table, e.row.id.as_str(), column, bytes)
        }
        Event::RulesImported(e) => {
            let longest = e.rows.iter().max_by_key(|row| row.bytes());
            let Some((row, (column, bytes))) = longest.and_then(|row| Some((row, row.longest()?)))
            else {
                return Refusal::new(Code::LimitReached, why);
            };
            let message = format!(
                "the {} split rules of operator `{}` have together more than {ROW_BYTES_MAX} bytes, the \
                 most that is brought in; the longest is `{}`, with {bytes} bytes in `{column}`",
                e.rows.len(),
                cut(e.operator_user_id.as_str()),
                cut(row.id.as_str())
            );
            of_column(message, column, bytes)
        }
        _ => Refusal::new(Code::LimitReached, why),
    }
}

/// The refusal of a row that is longer than what is brought in: its longest column has so many bytes.
pub fn row_too_long(table: SourceTable, id: &str, column: &'static str, bytes: usize) -> Refusal {
    let message = format!(
        "{table} `{}` has more than {ROW_BYTES_MAX} bytes, the most that a row is brought in with: \
         {bytes} bytes are in `{column}`",
        cut(id)
    );
    of_column(message, column, bytes)
}

fn of_column(message: String, column: &'static str, bytes: usize) -> Refusal {
    Refusal::new(Code::LimitReached, message).with("column", column).with("bytes", bytes)
}

/// A value as it is shown in a refusal: long texts with their beginning alone.
pub(super) fn short(value: &impl Serialize) -> Value {
    match json!(value) {
        Value::String(text) => cut(&text).into(),
        other => other,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => {
            format!("{}… ({} bytes)", text.get(..at).unwrap_or_default(), text.len())
        }
        None => text.to_owned(),
    }
}
