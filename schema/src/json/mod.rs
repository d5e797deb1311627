//! Reading the JSON command language, strictly: every field by name, every problem by its field.
//!
//! Start at [`Fields`]. serde's derive is not used for input: it cannot say which field of a tagged
//! command was wrong, what was found there, and what would have been right.

mod fields;
mod free;
mod optional;
mod values;

pub use fields::Fields;
pub use free::RawJson;
pub use optional::Patch;
pub(crate) use optional::{Field, LeftOut, is_left_out, nullable};
pub use values::FromJson;
pub(crate) use values::{from_string, list, numbered, string};

use serde::Serialize;
use serde_json::Value;

/// Why a piece of JSON is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Malformed {
    /// The field, with a path into lists and objects (`splits[2].fraction`); empty for the whole.
    pub field: String,
    /// What was there, shortened.
    pub found: String,
    /// What would have been right.
    pub expected: String,
}

/// Most bytes of a wrong value, or of a field's name, that are quoted back.
const QUOTE_BYTES_MAX: usize = 80;

impl Malformed {
    /// A problem with a whole object, not yet placed in a field.
    pub fn new(found: &str, expected: impl Into<String>) -> Self {
        Self { field: String::new(), found: quote(found), expected: expected.into() }
    }

    /// Places the problem one level up, within `field`.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        let field = if field.is_empty() { "\"\"".to_owned() } else { quote(field) };
        self.field = match self.field.chars().next() {
            None => field,
            Some('[') => format!("{field}{}", self.field),
            Some(_) => format!("{field}.{}", self.field),
        };
        self
    }
}

impl std::error::Error for Malformed {}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

/// What was found, short, and harmless on a terminal: what does not print is spelled out.
fn quote(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= QUOTE_BYTES_MAX {
            return format!("{out}… ({} bytes)", text.len());
        }
        match c {
            '"' | '\'' | '\\' => out.push(c),
            _ => out.extend(c.escape_debug()),
        }
    }
    if out.is_empty() { "nothing".into() } else { out }
}

/// A JSON object with one field more: how schemas are put together.
pub(crate) fn with(mut object: Value, name: &str, value: impl Into<Value>) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value.into());
    }
    object
}
