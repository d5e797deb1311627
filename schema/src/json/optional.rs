//! What may be left out: how such a field is read, kept, described and written again.

use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{FromJson, Malformed};

/// A change to one value: left out keeps it, `null` clears it, anything else sets it.
///
/// The order of the variants is part of the byte format.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, BorrowDecode)]
pub enum Patch<T> {
    /// Not given.
    #[default]
    Keep,
    /// Given as `null`.
    Clear,
    /// Given.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether nothing was given.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// What the value is after the change.
    pub fn apply(&self, current: Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Keep => current,
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }

    /// Whether the change would leave `current` as it is.
    pub fn is_already(&self, current: Option<&T>) -> bool
    where
        T: PartialEq,
    {
        match self {
            Self::Keep => true,
            Self::Clear => current.is_none(),
            Self::Set(value) => current == Some(value),
        }
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::Set(value) => value.serialize(serializer),
        }
    }
}

/// Whether a field is written: the counterpart of reading one that may be left out.
pub(crate) trait LeftOut {
    /// Whether there is nothing to write.
    fn is_left_out(&self) -> bool {
        false
    }
}

/// The same for serde's `skip_serializing_if`.
pub(crate) fn is_left_out<T: LeftOut>(value: &T) -> bool {
    value.is_left_out()
}

impl<T: FromJson> LeftOut for T {}

impl<T> LeftOut for Option<T> {
    fn is_left_out(&self) -> bool {
        self.is_none()
    }
}

impl<T> LeftOut for Patch<T> {
    fn is_left_out(&self) -> bool {
        self.is_keep()
    }
}

/// How a field of a command is read: needed, or one that may be left out.
pub(crate) trait Field: Sized {
    /// Whether it must be given.
    const REQUIRED: bool;
    /// Reads what was found under the field's name.
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed>;
    /// Its JSON Schema.
    fn schema() -> Value;
}

impl<T: FromJson> Field for T {
    const REQUIRED: bool = true;
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed> {
        match found {
            Some(raw) => T::from_json(raw),
            None => Err(Malformed::new("nothing", T::expected())),
        }
    }
    fn schema() -> Value {
        T::schema()
    }
}

impl<T: FromJson> Field for Option<T> {
    const REQUIRED: bool = false;
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed> {
        match found {
            Some(raw) if raw.get() != "null" => T::from_json(raw).map(Some),
            _ => Ok(None),
        }
    }
    fn schema() -> Value {
        nullable(&T::schema())
    }
}

impl<T: FromJson> Field for Patch<T> {
    const REQUIRED: bool = false;
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed> {
        match found {
            None => Ok(Self::Keep),
            Some(raw) if raw.get() == "null" => Ok(Self::Clear),
            Some(raw) => T::from_json(raw).map(Self::Set),
        }
    }
    fn schema() -> Value {
        nullable(&T::schema())
    }
}

/// A schema, or `null`.
pub(crate) fn nullable(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}
