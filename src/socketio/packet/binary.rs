//! Placeholders: `{"_placeholder":true,"num":0}` stands in the JSON where an attachment belongs.

use super::DecodeError;
use crate::socketio::value::{Number, Value};

/// Whether `value` is a placeholder; `_placeholder` must be `true` and nothing else.
pub(super) fn is_placeholder(value: &Value) -> bool {
    matches!(value.get("_placeholder"), Some(Value::Bool(true)))
}

/// Number of binaries inside, which is the number of attachments.
pub(super) fn count(values: &[Value]) -> usize {
    values.iter().map(count_one).sum()
}

fn count_one(value: &Value) -> usize {
    match value {
        Value::Binary(_) => 1,
        Value::Array(items) => count(items),
        Value::Object(entries) => entries.iter().map(|(_, item)| count_one(item)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
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

/// Puts the attachments where their placeholders stand. One attachment may be used more than once, or not at all.
///
/// The last use takes the bytes, so that nothing is copied in the usual case; `max_bytes` bounds what repeated
/// uses add up to, since a short text can name a large attachment many times.
pub(super) fn restore(
    args: &mut [Value],
    attachments: Vec<Vec<u8>>,
    max_bytes: usize,
) -> Result<(), DecodeError> {
    let mut slots: Vec<Slot> = attachments
        .into_iter()
        .map(|bytes| Slot { bytes, uses: 0 })
        .collect();
    let mut total = 0usize;
    for arg in args.iter_mut() {
        each_placeholder(arg, &mut |value| {
            let slot = slot_of(value, &mut slots)?;
            slot.uses += 1;
            total = total.saturating_add(slot.bytes.len());
            if total > max_bytes {
                return Err(DecodeError::AttachmentsTooLarge { limit: max_bytes });
            }
            Ok(())
        })?;
    }
    for arg in args {
        each_placeholder(arg, &mut |value| {
            let slot = slot_of(value, &mut slots)?;
            slot.uses -= 1;
            let bytes = if slot.uses == 0 {
                std::mem::take(&mut slot.bytes)
            } else {
                slot.bytes.clone()
            };
            *value = Value::Binary(bytes);
            Ok(())
        })?;
    }
    Ok(())
}

/// Attachment, and how often it is still to be placed.
struct Slot {
    bytes: Vec<u8>,
    uses: usize,
}

fn slot_of<'s>(placeholder: &Value, slots: &'s mut [Slot]) -> Result<&'s mut Slot, DecodeError> {
    placeholder
        .get("num")
        .and_then(Value::as_number)
        .and_then(Number::as_u64)
        .and_then(|number| usize::try_from(number).ok())
        .and_then(|place| slots.get_mut(place))
        .ok_or(DecodeError::IllegalPlaceholder)
}

type OnPlaceholder<'f> = &'f mut dyn FnMut(&mut Value) -> Result<(), DecodeError>;

/// Visits placeholders in the order of the text.
fn each_placeholder(value: &mut Value, visit: OnPlaceholder<'_>) -> Result<(), DecodeError> {
    if is_placeholder(value) {
        return visit(value);
    }
    match value {
        Value::Array(items) => items
            .iter_mut()
            .try_for_each(|item| each_placeholder(item, visit)),
        Value::Object(entries) => entries
            .iter_mut()
            .try_for_each(|(_, item)| each_placeholder(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Binary(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::value::json;

    fn args(text: &str) -> Vec<Value> {
        match json::parse(text, 8).expect("valid JSON") {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }

    #[test]
    fn an_attachment_can_stand_in_several_places() {
        let mut args = args(
            r#"[{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}],{"_placeholder":true,"num":1}]"#,
        );
        assert_eq!(restore(&mut args, vec![vec![1], vec![2]], 3), Ok(()));
        let expected = [
            Value::Binary(vec![2]),
            Value::Array(vec![Value::Binary(vec![1])]),
            Value::Binary(vec![2]),
        ];
        assert_eq!(args, expected);
        assert_eq!(count(&args), 3);
    }

    #[test]
    fn repeated_use_of_an_attachment_is_bounded() {
        let mut args = args(r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#);
        let limit = DecodeError::AttachmentsTooLarge { limit: 3 };
        assert_eq!(restore(&mut args, vec![vec![1, 2]], 3), Err(limit));
    }

    #[test]
    fn a_placeholder_names_an_attachment_that_is_there() {
        for num in ["1", "-1", "0.5", "\"splice\"", "null"] {
            let mut args = args(&format!(r#"[{{"_placeholder":true,"num":{num}}}]"#));
            let restored = restore(&mut args, vec![vec![1]], 100);
            assert_eq!(restored, Err(DecodeError::IllegalPlaceholder), "{num}");
        }
    }
}
