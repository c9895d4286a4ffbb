//! Why a value does not fit a type, and where.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::socketio::value::path::{Path, shortened};
use crate::socketio::value::{Value, json};

/// Why a value does not fit the type that a program asked for; says where, as in
/// `at .items[3].name: expected a string, found number 7`.
///
/// ```
/// use pesan::socketio::{Value, from_value};
/// let error = from_value::<Vec<String>>(Value::Array(vec!["a".into(), true.into()])).unwrap_err();
/// assert_eq!(error.to_string(), "at [1]: expected a string, found true");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.path.describe(&self.message))]
pub struct FromValueError {
    path: Path,
    message: String,
}

impl FromValueError {
    pub(super) fn under_key(mut self, key: &str) -> Self {
        self.path.under_key(key);
        self
    }

    pub(super) fn under_index(mut self, index: usize) -> Self {
        self.path.under_index(index);
        self
    }

    fn found(expected: &dyn Expected, found: &str) -> Self {
        Self {
            path: Path::default(),
            message: format!("expected {expected}, found {found}"),
        }
    }

    fn unknown(what: &str, name: &str, expected: &[&str]) -> Self {
        let mut message = format!("unknown {what} `{}`, expected one of [", shortened(name));
        let mut separator = "";
        for name in expected {
            message.push_str(separator);
            separator = ", ";
            json::write_string(&mut message, name);
        }
        message.push(']');
        Self {
            path: Path::default(),
            message,
        }
    }
}

impl de::Error for FromValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: Path::default(),
            message: message.to_string(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::found(expected, &described(found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("variant", variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("field", field, expected)
    }
}

/// What was found, in the words of JSON and never long.
fn described(found: Unexpected<'_>) -> String {
    let text = match found {
        Unexpected::Bool(true) => "true",
        Unexpected::Bool(false) => "false",
        Unexpected::Unsigned(uint) => return of("number ", &Value::from(uint)),
        Unexpected::Signed(int) => return of("number ", &Value::from(int)),
        Unexpected::Float(float) if float.is_infinite() => "an infinite number",
        Unexpected::Float(float) => return of("number ", &Value::from(float)),
        Unexpected::Char(char) => return of("string ", &Value::String(char.into())),
        Unexpected::Str(text) => return of("string ", &Value::String(shortened(text))),
        Unexpected::Bytes(bytes) => {
            return format!("{} bytes of binary", bytes.len());
        }
        Unexpected::Unit => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        Unexpected::UnitVariant => "a variant's name",
        Unexpected::Other(other) => other,
        // No value is one of those.
        _ => "something else",
    };
    text.to_owned()
}

fn of(kind: &str, value: &Value) -> String {
    let mut text = kind.to_owned();
    json::write(&mut text, value);
    text
}
