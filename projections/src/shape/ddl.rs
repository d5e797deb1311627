//! The SQL that makes the tables of a version.

use std::fmt::Write as _;

use super::{Column, Declared, Default, Index, Shape, Table};

impl Shape {
    /// The statements that make all tables and indexes, in a schema (as SQLite attaches one under a
    /// name), or without any.
    pub fn ddl(&self, schema: Option<&str>) -> String {
        self.tables.iter().map(|table| table.ddl(schema)).collect::<Vec<_>>().join("\n")
    }
}

impl Table {
    /// The statements that make the table and its indexes.
    pub fn ddl(&self, schema: Option<&str>) -> String {
        let mut out = self.create(schema);
        for index in &self.indexes {
            out.push_str(&index.create(schema));
        }
        out
    }

    /// The statement that makes the table alone: indexes are made faster once the rows are there.
    pub fn create(&self, schema: Option<&str>) -> String {
        let mut lines: Vec<String> = self.columns.iter().map(|c| self.line(c)).collect();
        if self.key.len() > 1 {
            lines.push(format!("PRIMARY KEY ({})", self.key.join(", ")));
        }
        format!("CREATE TABLE {} (\n    {}\n);\n", named(schema, self.name), lines.join(",\n    "))
    }

    fn line(&self, column: &Column) -> String {
        let mut line = format!("{} {}", column.name, column.declared.as_sql());
        if self.key == [column.name] {
            line.push_str(" PRIMARY KEY");
        }
        if column.not_null {
            line.push_str(" NOT NULL");
        }
        if column.unique {
            line.push_str(" UNIQUE");
        }
        if let Some(default) = column.default {
            // Nothing can go wrong in writing to a string.
            let _ = write!(line, " DEFAULT {}", default.as_sql());
        }
        line
    }
}

impl Index {
    /// The statement that makes it.
    pub fn create(&self, schema: Option<&str>) -> String {
        format!(
            "CREATE {}INDEX {} ON {} ({}{});\n",
            if self.unique { "UNIQUE " } else { "" },
            named(schema, self.name),
            self.table,
            self.columns.join(", "),
            if self.newest_first { " DESC" } else { "" },
        )
    }
}

impl Declared {
    /// The type's name in SQL.
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Boolean => "BOOLEAN",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Real => "REAL",
            Self::Fiat => "DECIMAL(10,2)",
            Self::Fraction => "DECIMAL(10,4)",
            Self::Timestamp => "TIMESTAMP",
        }
    }
}

impl Default {
    /// The default as it is written in SQL.
    pub fn as_sql(self) -> String {
        match self {
            Self::Text(text) => format!("'{text}'"),
            Self::Boolean(truth) => truth.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::NoFraction => "0.0000".into(),
            Self::Now => "(strftime('%s', 'now'))".into(),
        }
    }
}

fn named(schema: Option<&str>, name: &str) -> String {
    schema.map_or_else(|| name.to_owned(), |schema| format!("{schema}.{name}"))
}
