//! Placeholders: `{"_placeholder":true,"num":0}` marks the place of an attachment in the JSON.

use super::error::DecodeError;
use crate::socketio::codec::value::{Number, Value};

/// Whether `value` is a placeholder; `_placeholder` must be `true`.
pub(crate) fn is_placeholder(value: &Value) -> bool {
    matches!(value.get("_placeholder"), Some(Value::Bool(true)))
}

/// Number of binary values, which is the number of attachments.
pub(crate) fn count(values: &[Value]) -> usize {
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

/// Whether the value contains a placeholder, which cannot be distinguished from an attachment on the wire.
pub(crate) fn has_placeholder(value: &Value) -> bool {
    is_placeholder(value)
        || match value {
            Value::Array(items) => items.iter().any(has_placeholder),
            Value::Object(entries) => entries.iter().any(|(_, item)| has_placeholder(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Binary(_) => false,
        }
}

/// Replaces placeholders by their attachments. An attachment may be used several times, or not at all.
///
/// The last use moves the bytes, so that usually nothing is copied. `max_bytes` limits the total of repeated uses, since a
/// short text can refer to a large attachment many times.
pub(crate) fn restore(
    args: &mut [Value],
    attachments: &mut [Attachment],
    max_bytes: usize,
) -> Result<(), DecodeError> {
    let mut restoring = Restoring {
        attachments,
        left: max_bytes,
        max_bytes,
        placing: false,
    };
    restoring.all(args)?;
    restoring.placing = true;
    restoring.all(args)
}

/// Attachment, and the number of its remaining uses.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) bytes: Vec<u8>,
    pub(crate) uses: usize,
}

/// One pass over the arguments that counts uses, and one that inserts.
struct Restoring<'a> {
    attachments: &'a mut [Attachment],
    left: usize,
    max_bytes: usize,
    placing: bool,
}

impl Restoring<'_> {
    fn all(&mut self, values: &mut [Value]) -> Result<(), DecodeError> {
        for value in values {
            self.one(value)?;
        }
        Ok(())
    }

    /// Visits placeholders in the order of the text.
    fn one(&mut self, value: &mut Value) -> Result<(), DecodeError> {
        if is_placeholder(value) {
            return self.placeholder(value);
        }
        match value {
            Value::Array(items) => self.all(items),
            Value::Object(entries) => {
                for (_, item) in entries {
                    self.one(item)?;
                }
                Ok(())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Binary(_) => Ok(()),
        }
    }

    fn placeholder(&mut self, value: &mut Value) -> Result<(), DecodeError> {
        let number = value
            .get("num")
            .and_then(Value::as_number)
            .and_then(Number::as_u64);
        let place = number.and_then(|number| usize::try_from(number).ok());
        let Some(attachment) = place.and_then(|place| self.attachments.get_mut(place)) else {
            return Err(DecodeError::IllegalPlaceholder);
        };
        if self.placing {
            attachment.uses -= 1;
            *value = Value::Binary(match attachment.uses {
                0 => std::mem::take(&mut attachment.bytes),
                _ => attachment.bytes.clone(),
            });
            return Ok(());
        }
        attachment.uses += 1;
        match self.left.checked_sub(attachment.bytes.len()) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(DecodeError::AttachmentsTooLarge {
                limit: self.max_bytes,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::codec::value::json;

    fn args(text: &str) -> Vec<Value> {
        match json::parse(text, 8).expect("valid JSON") {
            Value::Array(items) => items,
            _ => Vec::new(),
        }
    }

    fn restored(args: &mut [Value], attachments: &[&[u8]], max_bytes: usize) -> Result<(), DecodeError> {
        let attachment = |bytes: &&[u8]| Attachment {
            bytes: bytes.to_vec(),
            uses: 0,
        };
        let mut attachments: Vec<Attachment> = attachments.iter().map(attachment).collect();
        restore(args, &mut attachments, max_bytes)
    }

    #[test]
    fn attachment_used_several_times_is_copied() {
        let mut args = args(
            r#"[{"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}],{"_placeholder":true,"num":1}]"#,
        );
        assert_eq!(restored(&mut args, &[&[1], &[2]], 3), Ok(()));
        let expected = [
            Value::Binary(vec![2]),
            Value::Array(vec![Value::Binary(vec![1])]),
            Value::Binary(vec![2]),
        ];
        assert_eq!(args, expected);
        assert_eq!(count(&args), 3);
    }

    #[test]
    fn attachment_used_beyond_byte_limit_is_refused() {
        let mut args = args(r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#);
        let limit = DecodeError::AttachmentsTooLarge { limit: 3 };
        assert_eq!(restored(&mut args, &[&[1, 2]], 3), Err(limit));
    }

    #[test]
    fn placeholder_without_attachment_is_refused() {
        for num in ["1", "-1", "0.5", "\"splice\"", "null"] {
            let mut args = args(&format!(r#"[{{"_placeholder":true,"num":{num}}}]"#));
            let restored = restored(&mut args, &[&[1]], 100);
            assert_eq!(restored, Err(DecodeError::IllegalPlaceholder), "{num}");
        }
    }
}
