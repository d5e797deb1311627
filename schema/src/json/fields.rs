//! An object's fields, taken out one by one by name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Field, Malformed, quote};
use crate::limits::FIELDS_MAX;

/// The fields of one JSON object, in their order. What was taken leaves its name behind.
pub struct Fields<'a> {
    fields: Vec<Given<'a>>,
    /// Where the next field is looked for first: objects mostly come in the order they are read in.
    next: usize,
}

type Given<'a> = (Cow<'a, str>, Option<&'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads `text` as one object. Refuses what is no JSON, no object, or names a field twice.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        Self::read_at_most(text, FIELDS_MAX)
    }

    /// The same, for objects that may have more fields than a command's.
    pub(crate) fn read_at_most(text: &'a str, max: usize) -> Result<Self, Malformed> {
        if !text.trim_start_matches(WHITE_SPACE).starts_with('{') {
            return Err(Malformed::new(text, "a JSON object"));
        }
        let mut stop = None;
        let mut json = serde_json::Deserializer::from_str(text);
        let read = ObjectSeed { max, stop: &mut stop }
            .deserialize(&mut json)
            .and_then(|fields| json.end().map(|()| fields));
        read.map(|fields| Self { fields, next: 0 }).map_err(|error| match stop {
            Some(Stop::Twice(field)) => {
                Malformed::new("the field twice", "each field once").within(&field)
            }
            Some(Stop::TooMany) => {
                let found = format!("more than {max} fields");
                Malformed::new(&found, format!("an object of at most {max} fields"))
            }
            Some(Stop::Value(field)) => {
                let expected = format!("a JSON value ({error})");
                Malformed::new("no JSON value", expected).within(&field)
            }
            Some(Stop::Behind(field)) => {
                let expected = format!("one JSON object ({error}, behind `{}`)", quote(&field));
                Malformed::new(text, expected)
            }
            None => Malformed::new(text, format!("one JSON object ({error})")),
        })
    }

    /// The fields that were not taken yet.
    pub(crate) fn rest(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter().filter_map(|(name, value)| value.map(|value| (&**name, value)))
    }

    /// Takes a field out; `None` if it is not there.
    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let (before, behind) = self.fields.split_at_checked(self.next)?;
        let is_it = |(field, _): &Given<'_>| field == name;
        let at = match behind.iter().position(is_it) {
            Some(at) => at + self.next,
            None => before.iter().position(is_it)?,
        };
        self.next = at + 1;
        self.fields.get_mut(at)?.1.take()
    }

    /// Takes and reads a field of the type that the caller wants.
    pub(crate) fn field<F: Field>(&mut self, name: &str) -> Result<F, Malformed> {
        F::read(self.take(name)).map_err(|problem| problem.within(name))
    }

    /// Lets `old` be read as `new`. Both given must say the same.
    pub(crate) fn alias(&mut self, old: &str, new: &'static str) -> Result<(), Malformed> {
        let Some(at) = self.fields.iter().position(|(field, _)| field == old) else {
            return Ok(());
        };
        let current = self.rest().find(|(field, _)| *field == new);
        match (current.map(|(_, value)| value), self.fields.get_mut(at)) {
            (None, Some((name, _))) => *name = Cow::Borrowed(new),
            (Some(current), Some((_, value))) => {
                let said = value.take().map_or("", RawValue::get);
                if said != current.get() {
                    let expected = format!(
                        "the same as `{new}` ({}), of which it is the old name",
                        quote(current.get())
                    );
                    return Err(Malformed::new(said, expected).within(old));
                }
            }
            (_, None) => {}
        }
        Ok(())
    }

    /// Reads an object with `read`, which knows the fields `known`; refuses any other field.
    ///
    /// An unknown field is named before a missing one: it is often the missing one, misspelled.
    pub(crate) fn all<T>(
        mut self,
        known: impl Iterator<Item = &'static str> + Clone,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<T, Malformed> {
        let value = read(&mut self);
        let unknown = self.rest().find(|(field, _)| !known.clone().any(|name| name == *field));
        match unknown {
            None => value,
            Some((field, _)) => {
                let known: Vec<&str> = known.collect();
                let expected = format!("one of {}", known.join(", "));
                Err(Malformed::new("an unknown field", expected).within(field))
            }
        }
    }
}

/// What JSON calls white space.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// Why the fields of an object were not all read.
enum Stop {
    Twice(String),
    TooMany,
    Value(String),
    Behind(String),
}

struct ObjectSeed<'s> {
    max: usize,
    stop: &'s mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for ObjectSeed<'_> {
    type Value = Vec<Given<'de>>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ObjectSeed<'_> {
    type Value = Vec<Given<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        // Room for a claim's fields.
        let mut fields: Self::Value = Vec::with_capacity(20);
        loop {
            let name = match map.next_key() {
                Ok(Some(Name(name))) => name,
                Ok(None) => return Ok(fields),
                Err(error) => {
                    *self.stop = fields.pop().map(|(name, _)| Stop::Behind(name.into_owned()));
                    return Err(error);
                }
            };
            if fields.iter().any(|(field, _)| *field == name) {
                *self.stop = Some(Stop::Twice(name.into_owned()));
                return Err(M::Error::custom("twice"));
            }
            if fields.len() >= self.max {
                *self.stop = Some(Stop::TooMany);
                return Err(M::Error::custom("too many"));
            }
            match map.next_value::<&RawValue>() {
                Ok(value) => fields.push((name, Some(value))),
                Err(error) => {
                    *self.stop = Some(Stop::Value(name.into_owned()));
                    return Err(error);
                }
            }
        }
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
