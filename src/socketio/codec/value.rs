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
mod convert;
mod de;
mod dedup_keys;
pub mod json;
pub(crate) mod number;
mod path;
mod ser;

use std::fmt;

pub use bytes::Bytes;
pub use de::{FromValueError, from_value};
pub(crate) use dedup_keys::without_repeats;
pub use number::Number;
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

/// For people: JSON, but for binary, of which only the size is said.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        json::write_with(&mut text, self, &mut |text, bytes| {
            text.push_str(&format!("<{} bytes>", bytes.len()));
        });
        f.write_str(&text)
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
    fn people_see_json_and_the_size_of_binary() {
        let value = Value::object([("a", Value::from("x")), ("b", Value::Binary(vec![0; 12]))]);
        assert_eq!(value.to_string(), r#"{"a":"x","b":<12 bytes>}"#);
    }
}
