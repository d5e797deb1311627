//! Questions in SQL over the tables. They can only read.

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, Authorization};
use rusqlite::types::{Value, ValueRef};

use super::database::TablesError;

/// An answer, handed out row by row.
pub struct Answer {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Asks a question of tables that were made by [`super::in_memory`].
///
/// # Errors
/// What SQLite says; `not authorized` for anything but reading.
pub fn ask(connection: &mut Connection, query: &str) -> Result<Answer, TablesError> {
    connection.authorizer(Some(|context: rusqlite::hooks::AuthContext<'_>| {
        match context.action {
            AuthAction::Select
            | AuthAction::Read { .. }
            | AuthAction::Function { .. }
            | AuthAction::Recursive => Authorization::Allow,
            _ => Authorization::Deny,
        }
    }))?;
    let mut statement = connection.prepare(query)?;
    let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cell = |at| row.get_ref(at).map(owned);
        rows.push((0..columns.len()).map(cell).collect::<Result<_, _>>()?);
    }
    Ok(Answer { columns, rows })
}

fn owned(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}
