//! [`Value`] to JSON text, as `JSON.stringify` writes it.

use super::float;
use super::scan::plain_len;
use crate::socketio::value::{Number, Value};

/// Writes `value` as JSON. Binary is written as `null`: packets replace it by placeholders first.
///
/// ```
/// use pesan::socketio::value::{Value, json};
/// let value = Value::object([("a", Value::from(f64::NAN)), ("b", Value::from(1e21))]);
/// assert_eq!(json::to_string(&value), r#"{"a":null,"b":1e+21}"#);
/// ```
#[must_use]
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value);
    out
}

/// Appends `value` as JSON to `out`.
pub fn write(out: &mut String, value: &Value) {
    write_with(out, value, &mut |out, _| out.push_str("null"));
}

/// Appends `value`; `binary` writes what stands for bytes.
pub(crate) fn write_with(out: &mut String, value: &Value, binary: &mut impl FnMut(&mut String, &[u8])) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, *number),
        Value::String(text) => write_string(out, text),
        Value::Binary(bytes) => binary(out, bytes),
        Value::Array(items) => {
            out.push('[');
            let mut separator = "";
            for item in items {
                out.push_str(separator);
                separator = ",";
                write_with(out, item, binary);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            let mut separator = "";
            for (key, item) in entries {
                out.push_str(separator);
                separator = ",";
                write_string(out, key);
                out.push(':');
                write_with(out, item, binary);
            }
            out.push('}');
        }
    }
}

/// Appends a number; what JSON has no number for is `null`.
fn write_number(out: &mut String, number: Number) {
    match number {
        Number::Int(int) => {
            if int < 0 {
                out.push('-');
            }
            write_uint(out, int.unsigned_abs());
        }
        Number::Uint(uint) => write_uint(out, uint),
        Number::Float(float) if !float.is_finite() => out.push_str("null"),
        // JSON.stringify(-0) is "0", and whole numbers have no fraction.
        Number::Float(0.0) => out.push('0'),
        Number::Float(float) => float::write(out, float),
    }
}

/// Appends decimal digits; for the small numbers that ids and counts are, quicker than `fmt`.
pub(crate) fn write_uint(out: &mut String, uint: u64) {
    if uint >= 10 {
        write_uint(out, uint / 10);
    }
    out.push(char::from(b'0' + (uint % 10) as u8));
}

/// Appends `text` as a JSON string with the escapes that `JSON.stringify` uses.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.reserve(text.len() + 2);
    out.push('"');
    write_escaped(out, text);
    out.push('"');
}

/// Text from a peer as errors show it: with the escapes of a JSON string, without its quotes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::new();
    write_escaped(&mut out, text);
    out
}

#[inline]
fn write_escaped(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some((plain, tail)) = rest.split_at_checked(plain_len(rest.as_bytes())) {
        out.push_str(plain);
        let mut chars = tail.chars();
        match chars.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(control) => {
                out.push_str("\\u00");
                out.push(hex(u32::from(control) >> 4));
                out.push(hex(u32::from(control)));
            }
            None => break,
        }
        rest = chars.as_str();
    }
}

/// Last hexadecimal digit.
fn hex(digits: u32) -> char {
    char::from_digit(digits & 15, 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_to_the_last_digit() {
        for (number, text) in [
            (Value::from(0), "0"),
            (Value::from(-7), "-7"),
            (Value::from(i64::MIN), "-9223372036854775808"),
            (Value::from(u64::MAX), "18446744073709551615"),
        ] {
            assert_eq!(to_string(&number), text);
        }
    }

    #[test]
    fn text_is_escaped_as_javascript_does() {
        let text = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}é😀";
        let written = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{2028}é😀\"";
        assert_eq!(to_string(&Value::from(text)), written);
    }
}
