//! Values that events carry: JSON as in JavaScript, with binary at any depth.
//!
//! [`Value`] is the data model of both parsers, acks and `auth`. [`json`] is its text form; [`to_value`] and
//! [`from_value`] convert a program's own types.
//!
//! Not `serde_json::Value`: that has no binary, no `1e400`, and no fixed order of keys.
//!
//! Differences between JavaScript and Rust:
//! - a lone surrogate (`"\ud83d"`) becomes U+FFFD, since a Rust string cannot hold it;
//! - integers that fit 64 bits stay exact, where JavaScript rounds above 2^53;
//! - `1e400` is infinite, as in JavaScript; infinite and not-a-number are written as `null`, as in JavaScript;
//! - a repeated key has its last value, at the first position.

pub mod bytes;
mod de;
mod error;
pub mod json;
pub(crate) mod number;
mod ser;

pub use bytes::Bytes;
pub use de::from_value;
pub use error::{FromValueError, ToValueError};
pub use number::Number;
pub use ser::to_value;

/// JSON value that may also be binary.
///
/// ```
/// use pesan::socketio::Value;
///
/// let value = Value::object([("name", Value::from("a.png")), ("data", Value::Binary(vec![1, 2, 3]))]);
/// assert_eq!(value.get("name").and_then(Value::as_str), Some("a.png"));
/// assert!(value.has_binary());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`; also what `undefined` becomes.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Integer, or floating point.
    Number(Number),
    /// Unicode text.
    String(String),
    /// Bytes: an attachment of the default parser, `bin` of the msgpack parser.
    Binary(Vec<u8>),
    /// Ordered list.
    Array(Vec<Self>),
    /// Keys and values in their original order, without duplicate keys.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// Text, if this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes, if this is binary.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Number, if this is one.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// Items, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Entries, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// Value under `key`, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value)
    }

    /// Whether the value is or contains binary.
    #[must_use]
    pub fn has_binary(&self) -> bool {
        match self {
            Self::Binary(_) => true,
            Self::Array(items) => items.iter().any(Self::has_binary),
            Self::Object(entries) => entries.iter().any(|(_, value)| value.has_binary()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
        }
    }

    /// Object with these entries; a repeated key gets its last value.
    #[must_use]
    pub fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(dedup_keys(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        ))
    }
}

/// Up to this number of entries, all keys are compared with each other.
const SMALL: usize = 8;

/// Removes duplicate keys: the last value wins, at the position of the first, as in JavaScript.
pub(crate) fn dedup_keys(mut entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    if entries.len() <= SMALL && are_distinct(&entries) {
        return entries;
    }
    let order = by_key(&entries);
    let mut kept: Vec<bool> = order.iter().map(|_| true).collect();
    // Backwards, so that the last value moves to the first position.
    for pair in order.windows(2).rev() {
        let [earlier, later] = *pair else { continue };
        if key(&entries, earlier) != key(&entries, later) {
            continue;
        }
        let value = entries.get_mut(later).map(|(_, value)| std::mem::take(value));
        if let (Some((_, first)), Some(kept)) = (entries.get_mut(earlier), kept.get_mut(later)) {
            *first = value.unwrap_or_default();
            *kept = false;
        }
    }
    let mut index = 0;
    entries.retain(|_| {
        index += 1;
        kept.get(index - 1) == Some(&true)
    });
    entries
}

fn key(entries: &[(String, Value)], index: usize) -> Option<&str> {
    entries.get(index).map(|(key, _)| key.as_str())
}

fn are_distinct(entries: &[(String, Value)]) -> bool {
    let mut rest = entries;
    while let Some(((key, _), after)) = rest.split_first() {
        if after.iter().any(|(other, _)| other == key) {
            return false;
        }
        rest = after;
    }
    true
}

/// Indexes in the order of their keys, stable. Sorted rather than hashed, since the peer chooses the keys.
fn by_key(entries: &[(String, Value)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by_key(|index| (key(entries, *index), *index));
    order
}

macro_rules! from_signed {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Value {
            fn from(int: $kind) -> Self {
                Self::Number(Number::Int(i64::from(int)))
            }
        }
    )*};
}
from_signed!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(uint: u64) -> Self {
        Self::Number(i64::try_from(uint).map_or(Number::Uint(uint), Number::Int))
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Number(Number::Float(float))
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(bool) => Self::Bool(bool),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map(Self::from)
                .or_else(|| number.as_u64().map(Self::from))
                .or_else(|| number.as_f64().map(Self::from))
                .unwrap_or(Self::Null),
            serde_json::Value::String(text) => Self::String(text),
            serde_json::Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            serde_json::Value::Object(map) => Self::Object(
                map.into_iter()
                    .map(|(key, value)| (key, Self::from(value)))
                    .collect(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_with_repeated_key_keeps_last_value_at_first_position() {
        for filler in [0, 20] {
            let more = (0..filler).map(|n| (format!("f{n}"), Value::Null));
            let head = [("a", 1), ("b", 2), ("a", 3), ("a", 4)].map(|(k, n)| (k.to_owned(), Value::from(n)));
            let object = Value::object(head.into_iter().chain(more));
            let entries = object.as_object().expect("an object");
            assert_eq!(entries.len(), 2 + filler);
            assert_eq!(entries[0], ("a".to_owned(), Value::from(4)));
        }
    }

    #[test]
    fn value_displayed_is_json_with_size_of_binary() {
        let value = Value::object([("a", Value::from("x")), ("b", Value::Binary(vec![0; 12]))]);
        assert_eq!(value.to_string(), r#"{"a":"x","b":<12 bytes>}"#);
    }

    #[test]
    fn object_with_many_repeated_keys_keeps_last_values() {
        let entries: Vec<(String, Value)> = (0..100u32)
            .map(|number| ((number * 7 % 10).to_string(), Value::from(number)))
            .collect();
        let kept = dedup_keys(entries);
        let keys: Vec<&str> = kept.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["0", "7", "4", "1", "8", "5", "2", "9", "6", "3"]);
        let values: Vec<&Value> = kept.iter().map(|(_, value)| value).collect();
        let last: Vec<Value> = (90..100u32).map(Value::from).collect();
        assert_eq!(values, last.iter().collect::<Vec<_>>());
    }
}
