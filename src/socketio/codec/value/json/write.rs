//! [`Value`] to JSON text, as `JSON.stringify` writes it.

use std::fmt;
use std::fmt::Write as _;

use crate::socketio::codec::value::{Number, Value};

/// Encodes `value` as JSON. Binary becomes `null`; packets use placeholders instead.
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

/// Appends `value` as JSON; `binary` writes the replacement of binary values.
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

/// Appends a number; infinite and not-a-number become `null`.
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
        Number::Float(float) => write_float(out, float),
    }
}

/// Appends decimal digits; faster than `fmt` for small numbers such as ids and counts.
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

/// Escapes text of a peer for an error message: a JSON string without the quotes.
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

/// For people: JSON, with the size in place of binary.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write_with(&mut text, self, &mut |text, bytes| {
            text.push_str(&format!("<{} bytes>", bytes.len()));
        });
        f.write_str(&text)
    }
}

/// Appends a finite number other than zero, as JavaScript writes it.
fn write_float(out: &mut String, float: f64) {
    let written = match float.abs() {
        1e-6..1e21 => write!(out, "{float}"),
        // JavaScript writes the sign of a positive exponent, Rust does not.
        1e21.. => write!(out, "{}", format!("{float:e}").replace('e', "e+")),
        _ => write!(out, "{float:e}"),
    };
    written.expect("writing to a String cannot fail");
}

const ONES: u64 = u64::from_le_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);

/// Length of the prefix that needs no escape, up to a quote, a backslash or a control character. Checks eight bytes at a
/// time.
pub(super) fn plain_len(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return index * 8 + (hits.trailing_zeros() / 8) as usize;
        }
    }
    let in_tail = tail
        .iter()
        .position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'));
    words.len() * 8 + in_tail.unwrap_or(tail.len())
}

/// Sets the high bit of each special byte. Bits above the lowest hit may be wrong, the lowest never is.
fn special(word: u64) -> u64 {
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word;
    // After the XOR a quote is 0x20, a space 0x22, and control characters are still below 0x20.
    let quotes_and_controls = below(word ^ (ONES * 2), 0x21);
    let backslashes = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quotes_and_controls | backslashes) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_is_written_exactly() {
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
    fn string_is_escaped_like_javascript() {
        let text = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}é😀";
        let written = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{2028}é😀\"";
        assert_eq!(to_string(&Value::from(text)), written);
    }

    #[test]
    fn special_byte_at_any_position_is_found() {
        for byte in 0..=u8::MAX {
            let is_special = matches!(byte, 0..0x20 | b'"' | b'\\');
            for place in 0..20 {
                let mut bytes = [b' '; 20];
                bytes[place] = byte;
                let expected = if is_special { place } else { 20 };
                assert_eq!(plain_len(&bytes), expected, "{byte:#x} at {place}");
            }
        }
    }

    #[test]
    fn special_bytes_several_first_is_found() {
        for first in 0..16 {
            for second in first..16 {
                let mut bytes = [0xff; 16];
                bytes[first] = b'"';
                bytes[second] = 0x1f;
                assert_eq!(plain_len(&bytes), first);
            }
        }
    }
}

#[cfg(all(test, feature = "web", target_arch = "wasm32"))]
mod browser_tests {
    use js_sys::{JsString, Number};
    use wasm_bindgen_test::wasm_bindgen_test;

    const HARD: [&str; 24] = [
        "0.1",
        "-0.5",
        "1.0",
        "1e2",
        "1E+2",
        "123456789012345680000",
        "1e21",
        "1.5e300",
        "1e-6",
        "0.000001234",
        "1e-7",
        "-1.25e-9",
        "5e-324",
        "2.4703282292062328e-324",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "1.7976931348623159e308",
        "9007199254740993.0",
        "18446744073709551616",
        "0.30000000000000004",
        "6.02214076e23",
        "179769313486231580793728971405301e270",
        "8.5e-5",
        "299792458.123456789",
    ];

    #[wasm_bindgen_test]
    fn float_is_read_and_written_like_javascript() {
        for text in HARD {
            let float = text.parse::<f64>().expect("a number");
            let in_javascript = Number::parse_float(text);
            assert_eq!(float, in_javascript, "{text}");
            if float.is_finite() && float != 0.0 {
                let mut written = String::new();
                super::write_float(&mut written, float);
                let in_javascript: JsString = Number::from(float)
                    .to_string_with_radix(10)
                    .expect("a legal radix");
                assert_eq!(written, String::from(in_javascript), "{text}");
            }
        }
    }
}
