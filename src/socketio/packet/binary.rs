//! Placeholders: `{"_placeholder":true,"num":0}` stands in the JSON where an attachment belongs.

use super::DecodeError;
use crate::socketio::value::{Number, Value};

/// Whether `value` is a placeholder; `_placeholder` must be `true` and nothing else.
pub(super) fn is_placeholder(value: &Value) -> bool {
    value.get("_placeholder") == Some(&Value::Bool(true))
}

/// Puts the attachments where their placeholders stand. One attachment may be used more than once, or not at all.
pub(super) fn restore(value: &mut Value, attachments: &[Vec<u8>]) -> Result<(), DecodeError> {
    if is_placeholder(value) {
        let number = value
            .get("num")
            .and_then(Value::as_number)
            .and_then(Number::as_u64);
        let place = number.and_then(|number| usize::try_from(number).ok());
        let bytes = place.and_then(|place| attachments.get(place));
        *value = Value::Binary(bytes.ok_or(DecodeError::IllegalPlaceholder)?.clone());
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| restore(item, attachments)),
        Value::Object(entries) => entries
            .iter_mut()
            .try_for_each(|(_, item)| restore(item, attachments)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Binary(_) => Ok(()),
    }
}

/// Whether a placeholder stands anywhere inside; such data cannot be told from an attachment on the wire.
pub(super) fn has_placeholder(value: &Value) -> bool {
    is_placeholder(value)
        || match value {
            Value::Array(items) => items.iter().any(has_placeholder),
            Value::Object(entries) => entries.iter().any(|(_, item)| has_placeholder(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Binary(_) => false,
        }
}
