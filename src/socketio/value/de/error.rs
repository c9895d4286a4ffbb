//! Why a value does not fit a type, and where.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::socketio::value::path::{Path, shortened};

/// Why a value does not fit the type that a program asked for; says where, as in
/// `at .items[3].name: expected a string, found number 7`.
///
/// ```
/// use pesan::socketio::{Value, from_value};
/// let error = from_value::<Vec<String>>(Value::Array(vec!["a".into(), true.into()])).unwrap_err();
/// assert_eq!(error.to_string(), "at [1]: expected a string, found true");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

impl fmt::Display for FromValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path.describe(&self.message))
    }
}

impl std::error::Error for FromValueError {}

impl de::Error for FromValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            path: Path::default(),
            message: message.to_string(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", Found(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let variant = shortened(variant);
        Self::custom(format_args!(
            "unknown variant `{variant}`, expected one of {expected:?}"
        ))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let field = shortened(field);
        Self::custom(format_args!(
            "unknown field `{field}`, expected one of {expected:?}"
        ))
    }
}

/// What was found, in the words of JSON and never long.
struct Found<'a>(Unexpected<'a>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unexpected::Bool(bool) => write!(f, "{bool}"),
            Unexpected::Unsigned(uint) => write!(f, "number {uint}"),
            Unexpected::Signed(int) => write!(f, "number {int}"),
            Unexpected::Float(float) => write!(f, "number {float}"),
            Unexpected::Str(text) => write!(f, "string {:?}", shortened(text)),
            Unexpected::Bytes(bytes) => write!(f, "{} bytes of binary", bytes.len()),
            Unexpected::Unit => f.write_str("null"),
            Unexpected::Seq => f.write_str("an array"),
            Unexpected::Map => f.write_str("an object"),
            other => write!(f, "{other}"),
        }
    }
}
