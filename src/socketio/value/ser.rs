//! A program's own types to [`Value`], through serde.

use std::fmt;

use serde::Serialize;

use super::Value;

/// Why a value of the program cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToValueError(String);

impl fmt::Display for ToValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ToValueError {}

/// Turns anything that serde can write into a [`Value`]; bytes become [`Value::Binary`].
///
/// # Errors
/// What the type's own `Serialize` refuses, and map keys that are not text or numbers.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ToValueError> {
    serde_json::to_value(value)
        .map(Value::from)
        .map_err(|error| ToValueError(error.to_string()))
}
