//! Reading the JSON command language, strictly: every field by name, every problem by its field.
//!
//! Start at [`Fields`]. serde's derive is not used for input: it cannot say which field of a tagged
//! command was wrong, what was found there, and what would have been right.

mod fields;
mod values;

pub(crate) use fields::Field;
pub use fields::{Fields, Patch};
pub use values::{FromJson, RawJson};
pub(crate) use values::{from_string, list, numbered, string};

use serde::Serialize;

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

/// Most bytes of a wrong value that are quoted back.
const QUOTE_BYTES_MAX: usize = 80;

impl Malformed {
    /// A problem with a whole object, not yet placed in a field.
    pub fn new(found: &str, expected: impl Into<String>) -> Self {
        Self { field: String::new(), found: shorten(found), expected: expected.into() }
    }

    /// Places the problem one level up, within `field`.
    #[must_use]
    pub fn within(mut self, field: &str) -> Self {
        self.field = match self.field.chars().next() {
            None => field.to_owned(),
            Some('[') => format!("{field}{}", self.field),
            Some(_) => format!("{field}.{}", self.field),
        };
        self
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.field.is_empty() {
            write!(f, "`{}`: ", self.field)?;
        }
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

/// Cuts a quotation at a character boundary.
fn shorten(text: &str) -> String {
    if text.len() <= QUOTE_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = QUOTE_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes)", text.get(..end).unwrap_or_default(), text.len())
}
