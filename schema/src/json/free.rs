//! Free JSON: what machines report in shapes of their own, kept as text that every reader of JSON
//! understands in the same way.

use bincode::{BorrowDecode, Encode};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Fields, FromJson, Malformed, string};
use crate::limits::{JSON_BYTES_MAX, JSON_DEPTH_MAX, JSON_FIELDS_MAX};
use crate::text::Text;

/// Free JSON, kept as the text it came as, without the white space between its parts. Not `null`,
/// no field twice in an object, no half of a surrogate pair (I-JSON, RFC 7493).
#[derive(Debug, Clone, PartialEq, Eq, Encode, BorrowDecode)]
pub struct RawJson(Text);

impl RawJson {
    /// `None` if this is no JSON that can be kept.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_json(serde_json::from_str(text).ok()?).ok()
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Removes white space outside of strings; `None` if too long then, or nested too deeply.
fn compact(text: &str) -> Option<String> {
    let mut out = String::new();
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else {
            match c {
                ' ' | '\t' | '\n' | '\r' => continue,
                '"' => in_string = true,
                '{' | '[' => depth += 1,
                '}' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > JSON_DEPTH_MAX || out.len() + c.len_utf8() > JSON_BYTES_MAX {
            return None;
        }
        out.push(c);
    }
    Some(out)
}

/// Refuses what readers of JSON understand differently. As deep as the value, which is bounded.
fn check(raw: &RawValue) -> Result<(), Malformed> {
    match raw.get().as_bytes().first() {
        Some(b'{') => {
            let fields = Fields::read_at_most(raw.get(), JSON_FIELDS_MAX)?;
            let mut rest = fields.rest();
            rest.try_for_each(|(name, raw)| check(raw).map_err(|problem| problem.within(name)))
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
            items.iter().enumerate().try_for_each(|(at, raw)| {
                check(raw).map_err(|problem| problem.within(&format!("[{at}]")))
            })
        }
        Some(b'"') if string(raw).is_none() => Err(Malformed::new(
            raw.get(),
            "a string of Unicode text, without half a surrogate pair",
        )),
        _ => Ok(()),
    }
}

impl FromJson for RawJson {
    fn expected() -> String {
        format!(
            "JSON of at most {JSON_BYTES_MAX} bytes, nested at most {JSON_DEPTH_MAX} deep, not null"
        )
    }
    fn schema() -> Value {
        json!({ "type": ["object", "array", "string", "number", "boolean"] })
    }
    fn from_json(raw: &RawValue) -> Result<Self, Malformed> {
        let wrong = || Malformed::new(raw.get(), Self::expected());
        let text = compact(raw.get()).filter(|text| text != "null").ok_or_else(wrong)?;
        check(serde_json::from_str(&text).map_err(|_| wrong())?)?;
        Ok(Self(Text::new(&text)))
    }
}

/// As the JSON that it is, so that reading it again gives the same.
impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serde_json::from_str::<&RawValue>(self.as_str()) {
            Ok(json) => json.serialize(serializer),
            // Only a forged entry holds what is no JSON; it is shown, not believed.
            Err(_) => serializer.serialize_str(self.as_str()),
        }
    }
}
