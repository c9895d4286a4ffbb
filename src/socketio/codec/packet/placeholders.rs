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

/// Attachment, and how often it is still to be placed.
#[derive(Debug)]
pub(super) struct Attachment {
    pub(super) bytes: Vec<u8>,
    pub(super) uses: usize,
}

/// One walk through the arguments that counts, and one that places.
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
    use crate::socketio::value::json;

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
    fn an_attachment_can_stand_in_several_places() {
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
    fn repeated_use_of_an_attachment_is_bounded() {
        let mut args = args(r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#);
        let limit = DecodeError::AttachmentsTooLarge { limit: 3 };
        assert_eq!(restored(&mut args, &[&[1, 2]], 3), Err(limit));
    }

    #[test]
    fn a_placeholder_names_an_attachment_that_is_there() {
        for num in ["1", "-1", "0.5", "\"splice\"", "null"] {
            let mut args = args(&format!(r#"[{{"_placeholder":true,"num":{num}}}]"#));
            let restored = restored(&mut args, &[&[1]], 100);
            assert_eq!(restored, Err(DecodeError::IllegalPlaceholder), "{num}");
        }
    }
}
