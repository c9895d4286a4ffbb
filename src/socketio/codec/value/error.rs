//! Errors of converting values, with the path of the error as in JavaScript: `.items[3].name`.

use std::fmt;

use serde::de::{self, Expected, Unexpected};
use serde::ser;

use super::Value;
use super::json::{self, write_string};

/// Why a value does not fit the requested type, and where, as in
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
            write_string(&mut message, name);
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

/// Description of the found value, in terms of JSON and with limited length.
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
        // Not produced by a `Value`.
        _ => "something else",
    };
    text.to_owned()
}

fn of(kind: &str, value: &Value) -> String {
    let mut text = kind.to_owned();
    json::write(&mut text, value);
    text
}

/// Why a value of the program cannot be converted, and where, as in `at .items[3]: …`.
///
/// ```
/// use pesan::socketio::to_value;
/// let error = to_value(&[Some(u128::MAX)]).unwrap_err();
/// assert!(error.to_string().starts_with("at [0]: integer "));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.path.describe(&self.message))]
pub struct ToValueError {
    path: Path,
    message: String,
}

impl ToValueError {
    pub(super) fn under_key(mut self, key: &str) -> Self {
        self.path.under_key(key);
        self
    }

    pub(super) fn under_index(mut self, index: usize) -> Self {
        self.path.under_index(index);
        self
    }
}

impl ser::Error for ToValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: Path::default(),
            message: message.to_string(),
        }
    }
}

/// Maximum of characters of a key or text that an error repeats.
const MAX_CHARS: usize = 40;

/// Path of an error, built from the inside out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Path(String);

impl Path {
    /// Prepends the key under which the value is stored.
    fn under_key(&mut self, key: &str) {
        let plain = !key.starts_with(|first: char| first.is_ascii_digit())
            && !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'));
        let key = shortened(key);
        let mut step = String::new();
        if plain {
            step.push('.');
            step.push_str(&key);
        } else {
            step.push('[');
            write_string(&mut step, &key);
            step.push(']');
        }
        self.prepend(step);
    }

    /// Prepends the index at which the value is stored.
    fn under_index(&mut self, index: usize) {
        self.prepend(format!("[{index}]"));
    }

    fn prepend(&mut self, mut step: String) {
        step.push_str(&self.0);
        self.0 = step;
    }

    /// Prefixes `message` with the path, if there is one.
    fn describe(&self, message: &str) -> String {
        if self.0.is_empty() {
            message.to_owned()
        } else {
            format!("at {}: {message}", self.0)
        }
    }
}

/// Shortens `text`, so that a peer cannot make an error arbitrarily long.
fn shortened(text: &str) -> String {
    let mut rest = text.chars();
    if rest.nth(MAX_CHARS - 1).is_none() || rest.as_str().is_empty() {
        return text.to_owned();
    }
    let end = text.len() - rest.as_str().len();
    format!("{}…", text.get(..end).unwrap_or_default())
}
