//! Which columns a database has, and so which version it is of.
//!
//! The number that an install wrote down does not tell its schema: upgrades broke off and went on, so
//! any mixture of old and new names occurs. Each column is looked at, by whatever name it has.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::Connection;
use spireledger_projections::shape::Shape;
use spireledger_projections::versions::SPIREKEEPER_NEWEST;
use spireledger_schema::imported::SourceTable;

use super::ImportError;

/// The columns of one table that are known.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// The database's name of a column, and its place in a stored row.
    pub known: Vec<(String, usize)>,
    /// Columns that no version has, or that a better name is there for.
    pub unknown: Vec<String>,
    /// Columns that may be empty, by name.
    nullable: Vec<String>,
}

/// What a database's tables look like.
#[derive(Debug, Clone)]
pub struct Layout {
    tables: BTreeMap<SourceTable, Columns>,
    /// The versions that its columns fit.
    pub versions: RangeInclusive<u16>,
    /// Whether newer names stand beside older ones.
    pub is_mixture: bool,
}

impl Layout {
    /// Looks at the tables of a schema.
    ///
    /// # Errors
    /// Names every table and column that all versions have and this database has not.
    pub fn probe(db: &Connection) -> Result<Self, ImportError> {
        let mut tables = BTreeMap::new();
        for table in SourceTable::ALL {
            if let Some(columns) = columns(db, *table)? {
                tables.insert(*table, columns);
            }
        }
        let mut layout = Self { tables, versions: 1..=SPIREKEEPER_NEWEST, is_mixture: false };
        let missing = layout.missing();
        if !missing.is_empty() {
            return Err(ImportError::NotOne { missing });
        }
        layout.date();
        Ok(layout)
    }

    /// The columns of a table, if it is there.
    pub fn table(&self, table: SourceTable) -> Option<&Columns> {
        self.tables.get(&table)
    }

    /// Whether a table has a column under this very name.
    pub fn has(&self, table: SourceTable, column: &str) -> bool {
        let columns = self.tables.get(&table);
        columns.is_some_and(|columns| columns.known.iter().any(|(name, _)| name == column))
    }

    /// Columns that nothing is known of, as `table.column`.
    pub fn unknown(&self) -> Vec<String> {
        let of = |(table, columns): (&SourceTable, &Columns)| {
            columns.unknown.iter().map(|name| format!("{table}.{name}")).collect::<Vec<_>>()
        };
        self.tables.iter().flat_map(of).collect()
    }

    /// What every version has and this database has not.
    fn missing(&self) -> Vec<String> {
        let shapes: Vec<Shape> = (1..=SPIREKEEPER_NEWEST).filter_map(Shape::at).collect();
        let first = shapes.first();
        let tables = first.map(Shape::tables).unwrap_or_default().iter();
        let mut missing = Vec::new();
        for table in tables.filter_map(|table| SourceTable::parse(table.name())) {
            let Some(columns) = self.tables.get(&table) else {
                missing.push(table.to_string());
                continue;
            };
            for (place, name) in table.columns().iter().enumerate() {
                let is_in = |shape: &Shape| {
                    let columns = shape
                        .table(table.as_str())
                        .map(spireledger_projections::shape::Table::columns);
                    let mut columns = columns.unwrap_or_default().iter();
                    columns.any(|column| table.place(column.name) == Some(place))
                };
                let is_here = columns.known.iter().any(|(_, known)| *known == place);
                if !is_here && shapes.iter().all(is_in) {
                    missing.push(format!("{table}.{name}"));
                }
            }
        }
        let config = |column| self.has(SourceTable::Config, column);
        if self.tables.contains_key(&SourceTable::Config)
            && !config("super_fee_pct")
            && !config("super_fee_fraction")
            && !config("super_cash_out_fee_fraction")
        {
            missing.push("super_config.super_fee_fraction".into());
        }
        let has_lps = self.tables.contains_key(&SourceTable::Lps);
        if !has_lps && !self.has(SourceTable::Clients, "wallet_id") {
            missing.push("dca_lp".into());
        }
        missing
    }

    /// Finds out the version: the last whose mark, and those of all before it, are there. Version 5
    /// leaves no mark on the columns; where the tables were made anew at once (with the newer names
    /// from the start), versions 1 to 6 look alike.
    fn date(&mut self) {
        use SourceTable::{Bays, Clients, Config, Lps, Machines, Settlements, Splits};
        let has = |table, column: &str| self.has(table, column);
        let nullable = |column: &String| column == "machine_npub";
        let may_be_unpaired =
            self.tables.get(&Machines).is_some_and(|c| c.nullable.iter().any(nullable));
        let words = has(Settlements, "wire_sats")
            && has(Settlements, "fee_sats")
            && !has(Config, "super_fee_pct")
            && has(Splits, "fraction")
            && !has(Settlements, "used_fallback_split")
            && !has(Machines, "fallback_commission_pct")
            && !has(Machines, "fallback_commission_fraction");
        let marks = [
            (2, has(Splits, "target")),
            (3, has(Settlements, "principal_sats")),
            (4, self.tables.contains_key(&Lps) && !has(Clients, "wallet_id")),
            (6, words),
            (7, self.tables.contains_key(&Bays)),
            (8, has(Bays, "state_denomination")),
            (9, has(Config, "super_cash_in_fee_fraction") && !has(Config, "super_fee_fraction")),
            (10, has(Machines, "bunker_spire_key_name") && has(Machines, "paired_at")),
            (11, may_be_unpaired),
            (12, has(Config, "max_cash_in_sats")),
        ];
        let reached = marks.iter().take_while(|(_, is_there)| *is_there).last();
        let version = reached.map_or(1, |(version, _)| *version);
        let first_missing = marks.iter().find(|(_, is_there)| !is_there).map_or(13, |(v, _)| *v);
        // A key that may be empty is a mark of version 11, and of tables that were made anew.
        let later = marks.iter().filter(|(v, there)| *there && *v > first_missing && *v != 11);
        self.is_mixture = later.count() > 0;
        self.versions = match version {
            4 => 4..=5,
            6 if may_be_unpaired => 1..=6,
            // Version 11 let the key be empty, which it could be from the start there.
            11 => 10..=11,
            version => version..=version,
        };
    }
}

/// The columns of a table. `None`: there is no such table.
fn columns(db: &Connection, table: SourceTable) -> Result<Option<Columns>, ImportError> {
    let mut info =
        db.prepare("SELECT name, \"notnull\" FROM pragma_table_info(?1) ORDER BY cid")?;
    let found = info.query_map([table.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))
    })?;
    let found: Vec<(String, bool)> = found.collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Ok(None);
    }
    let mut columns = Columns::default();
    for (name, not_null) in found {
        if !not_null {
            columns.nullable.push(name.clone());
        }
        match table.place(&name) {
            None => columns.unknown.push(name),
            Some(place) => {
                // Of two names of one column the newer holds.
                let is_newest = table.columns().get(place) == Some(&name.as_str());
                let older = columns.known.iter().position(|(_, known)| *known == place);
                match older {
                    None => columns.known.push((name, place)),
                    Some(at) if is_newest => {
                        columns.unknown.push(columns.known.remove(at).0);
                        columns.known.push((name, place));
                    }
                    Some(_) => columns.unknown.push(name),
                }
            }
        }
    }
    Ok(Some(columns))
}
