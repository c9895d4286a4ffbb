//! [`Value`] to a program's own types, through serde.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{Value, json};

/// Why a value does not fit the type that a program asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FromValueError(String);

impl fmt::Display for FromValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FromValueError {}

/// Turns a [`Value`] into anything that serde can read.
///
/// # Errors
/// When the value's shape is not the type's; the message says where.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, FromValueError> {
    serde_json::from_str(&json::to_string(&value)).map_err(|error| FromValueError(error.to_string()))
}
