//! An object's fields, taken out one by one by name.

use std::borrow::Cow;
use std::fmt;

use bincode::{BorrowDecode, Encode};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::{FromJson, Malformed};
use crate::limits::FIELDS_MAX;

/// The fields of one JSON object that were not taken yet, in their order.
pub struct Fields<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Reads `text` as one object. Refuses what is no JSON, no object, or names a field twice.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut at = None;
        let mut json = serde_json::Deserializer::from_str(text);
        let read = ObjectSeed { at: &mut at }
            .deserialize(&mut json)
            .and_then(|fields| json.end().map(|()| fields));
        match read {
            Ok(fields) => Ok(Self { fields }),
            Err(error) => {
                let problem = Malformed::new(text.trim(), format!("a JSON object ({error})"));
                Err(match at {
                    Some(field) => Malformed::new("no valid JSON, or the field twice", {
                        format!("one JSON value ({error})")
                    })
                    .within(&field),
                    None => problem,
                })
            }
        }
    }

    /// The names that were not taken yet.
    pub(crate) fn names(&self) -> Vec<String> {
        self.fields.iter().map(|(name, _)| name.to_string()).collect()
    }

    /// Takes a field out; `None` if it is not there.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let at = self.fields.iter().position(|(field, _)| field == name)?;
        Some(self.fields.swap_remove(at).1)
    }

    /// Takes and reads a field of the type that the caller wants.
    pub(crate) fn field<F: Field>(&mut self, name: &str) -> Result<F, Malformed> {
        F::read(self.take(name)).map_err(|problem| problem.within(name))
    }

    /// Lets `old` be read as `new`. Both given must say the same.
    pub(crate) fn alias(&mut self, old: &str, new: &str) -> Result<(), Malformed> {
        let Some(value) = self.take(old) else { return Ok(()) };
        match self.fields.iter().find(|(field, _)| field == new) {
            None => self.fields.push((Cow::Owned(new.to_owned()), value)),
            Some((_, current)) if current.get() == value.get() => {}
            Some((_, current)) => {
                let expected =
                    format!("the same as `{new}` ({}), of which it is the old name", current.get());
                return Err(Malformed::new(value.get(), expected).within(old));
            }
        }
        Ok(())
    }

    /// Refuses whatever was not taken.
    pub(crate) fn finish(self, known: &[&str]) -> Result<(), Malformed> {
        match self.fields.first() {
            None => Ok(()),
            Some((field, value)) => {
                let expected = format!("no such field; known are {}", known.join(", "));
                Err(Malformed::new(value.get(), expected).within(field))
            }
        }
    }
}

struct ObjectSeed<'s> {
    /// The field that is being read, to name it in an error.
    at: &'s mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields: Self::Value = Vec::with_capacity(16);
        while let Some(Name(name)) = map.next_key()? {
            let twice = fields.iter().any(|(field, _)| *field == name);
            if twice || fields.len() >= FIELDS_MAX {
                *self.at = Some(name.into_owned());
                return Err(M::Error::custom(if twice {
                    "the field is there twice"
                } else {
                    "too many fields"
                }));
            }
            match map.next_value::<&RawValue>() {
                Ok(value) => fields.push((name, value)),
                Err(error) => {
                    *self.at = Some(name.into_owned());
                    return Err(error);
                }
            }
        }
        Ok(fields)
    }
}

/// A field's name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        json.deserialize_str(NameVisitor)
    }
}

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

/// How a field of a command is read: needed, or one that may be left out.
pub(crate) trait Field: Sized {
    /// Whether it must be given.
    const REQUIRED: bool;
    /// Reads what was found under the field's name.
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed>;
    /// Its JSON Schema.
    fn schema() -> serde_json::Value;
}

impl<T: FromJson> Field for T {
    const REQUIRED: bool = true;
    fn read(found: Option<&RawValue>) -> Result<Self, Malformed> {
        match found {
            Some(raw) => T::from_json(raw),
            None => Err(Malformed::new("nothing", T::expected())),
        }
    }
    fn schema() -> serde_json::Value {
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
    fn schema() -> serde_json::Value {
        nullable(T::schema())
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
    fn schema() -> serde_json::Value {
        nullable(T::schema())
    }
}

fn nullable(schema: serde_json::Value) -> serde_json::Value {
    serde_json::json!({ "anyOf": [schema, { "type": "null" }] })
}
