//! Questions in SQL over the tables. They can only read.

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, Authorization};
use rusqlite::types::ValueRef;

use super::database::TablesError;

/// Whoever hears an answer, row by row: nothing is kept of it.
pub trait Listener {
    /// What it may fail with.
    type Error: From<TablesError>;

    /// The names of the columns; once, before all rows.
    fn columns(&mut self, names: &[String]) -> Result<(), Self::Error>;

    /// A row.
    fn row(&mut self, cells: &[ValueRef<'_>]) -> Result<(), Self::Error>;
}

/// Asks a question of tables that were made by [`super::passing`] or opened by [`super::Live::read`].
///
/// # Errors
/// What SQLite says; `not authorized` for anything but reading.
pub fn ask<L: Listener>(
    connection: &mut Connection,
    query: &str,
    listener: &mut L,
) -> Result<(), L::Error> {
    let sqlite = TablesError::from;
    connection.authorizer(Some(only_reading)).map_err(sqlite)?;
    let mut statement = connection.prepare(query).map_err(sqlite)?;
    let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    let mut found = statement.query([]).map_err(sqlite)?;
    listener.columns(&columns)?;
    while let Some(row) = found.next().map_err(sqlite)? {
        let cells = (0..columns.len()).map(|at| row.get_ref(at));
        let cells: Vec<ValueRef<'_>> = cells.collect::<Result<_, _>>().map_err(sqlite)?;
        listener.row(&cells)?;
    }
    Ok(())
}

fn only_reading(context: rusqlite::hooks::AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        _ => Authorization::Deny,
    }
}
