//! What an event carries: JSON as JavaScript reads it, with binary at any depth.
//!
//! [`Value`] is the one data model of the default parser, the msgpack parser, acks and `auth`. The text form
//! lives in [`json`], the bridge to a program's own types in [`to_value`] and [`from_value`].
//!
//! Where JavaScript and Rust differ, on purpose:
//! - a lone surrogate (`"\ud83d"`) becomes U+FFFD, since a Rust string cannot hold it;
//! - integers that fit 64 bits stay exact, where JavaScript rounds above 2^53;
//! - `1e400` is infinite, as in JavaScript; infinite and not-a-number are written as `null`, as in JavaScript;
//! - of a repeated key the last value wins, in the first one's place.

pub mod bytes;
mod de;
pub mod json;
mod path;
mod ser;

use std::collections::BTreeMap;

pub use bytes::Bytes;
pub use de::{FromValueError, from_value};
pub use ser::{ToValueError, to_value};

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
    /// Keys and values in the order in which they were written; no key twice.
    Object(Vec<(String, Self)>),
}

/// Number that keeps 64-bit integers exact.
///
/// ```
/// use pesan::socketio::value::Number;
/// assert_eq!(Number::Float(3.0).as_u64(), Some(3));
/// assert_eq!(Number::Int(-1).as_u64(), None);
/// assert_eq!(Number::Uint(u64::MAX).as_f64(), 18446744073709551615.0);
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Number {
    /// Integer below 2^63.
    Int(i64),
    /// Integer from 2^63 up.
    Uint(u64),
    /// Anything else, infinite included.
    Float(f64),
}

impl Number {
    /// Nearest floating-point number, which is what JavaScript would see.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Uint(uint) => uint as f64,
            Self::Float(float) => float,
        }
    }

    /// Integer without loss, if it is one.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(int),
            Self::Uint(uint) => i64::try_from(uint).ok(),
            Self::Float(float) => {
                let int = float as i64;
                (int as f64 == float && float.abs() < 9.0e15).then_some(int)
            }
        }
    }

    /// Unsigned integer without loss, if it is one.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Uint(uint) => Some(uint),
            other => other.as_i64().and_then(|int| u64::try_from(int).ok()),
        }
    }
}

/// Equal when JavaScript would say so; not-a-number equals itself here, so that a round trip can be compared.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_i64(), other.as_i64()) {
            (Some(a), Some(b)) => a == b,
            _ => match (self.as_u64(), other.as_u64()) {
                (Some(a), Some(b)) => a == b,
                _ => self.as_f64() == other.as_f64() || (self.as_f64().is_nan() && other.as_f64().is_nan()),
            },
        }
    }
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

    /// Truth value, if this is one.
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

    /// Whether binary stands anywhere inside.
    #[must_use]
    pub fn has_binary(&self) -> bool {
        match self {
            Self::Binary(_) => true,
            Self::Array(items) => items.iter().any(Self::has_binary),
            Self::Object(entries) => entries.iter().any(|(_, value)| value.has_binary()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
        }
    }

    /// Object with these entries; of a repeated key the last value wins.
    #[must_use]
    pub fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(without_repeats(
            entries
                .into_iter()
                .map(|(key, value)| (key.into(), value))
                .collect(),
        ))
    }
}

/// Drops all but the last value of each key, in the first one's place.
pub(crate) fn without_repeats(entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    /// Small objects, which nearly all are, need no index.
    const SMALL: usize = 8;
    if entries.len() <= SMALL {
        let mut before: &[(String, Value)] = &[];
        let repeats = entries.iter().enumerate().any(|(index, (key, _))| {
            let known = before.iter().any(|(earlier, _)| earlier == key);
            before = entries.get(..=index).unwrap_or_default();
            known
        });
        if !repeats {
            return entries;
        }
    }
    let mut kept: Vec<(String, Value)> = Vec::with_capacity(entries.len());
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let indexed = entries.len() > SMALL;
    for (key, value) in entries {
        let known = if indexed {
            places.get(&key).and_then(|place| kept.get_mut(*place))
        } else {
            kept.iter_mut().find(|(name, _)| *name == key)
        };
        if let Some((_, old)) = known {
            *old = value;
        } else {
            if indexed {
                places.insert(key.clone(), kept.len());
            }
            kept.push((key, value));
        }
    }
    kept
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
    fn the_last_of_a_repeated_key_wins_in_the_first_ones_place() {
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
    fn numbers_compare_as_javascript_would() {
        assert_eq!(Number::Int(1), Number::Float(1.0));
        assert_eq!(Number::Uint(u64::MAX), Number::Uint(u64::MAX));
        assert_ne!(Number::Uint(u64::MAX), Number::Int(-1));
    }
}
