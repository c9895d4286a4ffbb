//! JSON text to [`Value`] and back, with JavaScript's rules.
//!
//! Not `serde_json`, which refuses data that Socket.IO peers in JavaScript may send: lone surrogates, `1e400`, nesting
//! beyond 128 levels. Otherwise as strict as `JSON.parse`: no trailing text, no raw control characters, no `NaN`. Depth is
//! limited by [`Limits::max_depth`](crate::socketio::Limits).

mod write;

pub(crate) use write::{escaped, write_string, write_uint, write_with};
pub use write::{to_string, write};

use self::write::plain_len;
use super::number::uint;
use super::{Number, Value, dedup_keys};

/// Why a text is not JSON.
///
/// ```
/// use pesan::socketio::value::json::{JsonError, parse};
/// assert_eq!(parse("[[1]]", 1), Err(JsonError::TooDeep { limit: 1 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text ends inside a value.
    #[error("unexpected end of JSON")]
    UnexpectedEnd,
    /// An unexpected byte, with its offset from the start of the text.
    #[error("unexpected '{}' at byte {at} of JSON", shown(*byte))]
    UnexpectedByte {
        /// Offset in bytes.
        at: usize,
        /// Offending byte.
        byte: u8,
    },
    /// Nested deeper than the limit.
    #[error("JSON nested deeper than {limit}")]
    TooDeep {
        /// Limit that was exceeded.
        limit: usize,
    },
}

/// The byte as a character, if it is ASCII.
fn shown(byte: u8) -> String {
    if byte.is_ascii() {
        escaped(char::from(byte).encode_utf8(&mut [0]))
    } else {
        "\u{fffd}".to_owned()
    }
}

/// Parses one JSON value, which may be surrounded by white space only.
///
/// ```
/// use pesan::socketio::{Value, value::json};
/// let value = json::parse(r#"{"halo":[1,2]}"#, 8);
/// assert_eq!(value, Ok(Value::object([("halo", Value::Array(vec![1.into(), 2.into()]))])));
/// assert_eq!(json::parse("[1,]", 8).unwrap_err().to_string(), "unexpected ']' at byte 3 of JSON");
/// ```
///
/// # Errors
/// [`JsonError`] where `JSON.parse` would throw, and beyond `max_depth`.
pub fn parse(text: &str, max_depth: usize) -> Result<Value, JsonError> {
    Reader::new(text, max_depth).document()
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    max_depth: usize,
    too_deep: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, max_depth: usize) -> Self {
        Self {
            text,
            at: 0,
            max_depth,
            too_deep: false,
        }
    }

    /// Reads one value that takes up the whole text.
    fn document(mut self) -> Result<Value, JsonError> {
        if let Some(value) = self.value(0) {
            self.skip_space();
            if self.peek().is_none() {
                return Ok(value);
            }
        }
        Err(self.fault())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self) -> JsonError {
        match self.peek() {
            _ if self.too_deep => JsonError::TooDeep {
                limit: self.max_depth,
            },
            Some(byte) => JsonError::UnexpectedByte { at: self.at, byte },
            None => JsonError::UnexpectedEnd,
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Some(())
        } else {
            None
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Some(value)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => None,
        }
    }

    /// Skips an opening bracket.
    fn enter_level(&mut self, depth: usize) -> Option<()> {
        if depth > self.max_depth {
            self.too_deep = true;
            return None;
        }
        self.at += 1;
        self.skip_space();
        Some(())
    }

    /// Skips a comma, or the closing bracket; returns whether it was the bracket.
    fn leave(&mut self, close: u8) -> Option<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Some(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Some(true)
            }
            _ => None,
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        self.enter_level(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Some(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.leave(b']')? {
                return Some(Value::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.enter_level(depth)?;
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Some(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            entries.push((key, self.value(depth)?));
            if self.leave(b'}')? {
                return Some(Value::Object(dedup_keys(entries)));
            }
        }
    }

    /// Skips digits; returns their number.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return None;
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return None;
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let integer = if whole { integer(text) } else { None };
        let number = integer.or_else(|| text.parse().ok().map(Number::Float));
        number.map(Value::Number)
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let plain = self.plain();
        if self.peek() == Some(b'"') {
            self.at += 1;
            return Some(plain.to_owned());
        }
        let mut out = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Some(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return None,
            }
            out.push_str(self.plain());
        }
    }

    /// Skips text without escapes.
    fn plain(&mut self) -> &'t str {
        let rest = self.rest();
        let plain = rest.get(..plain_len(rest.as_bytes())).unwrap_or_default();
        self.at += plain.len();
        plain
    }

    fn escape(&mut self) -> Option<char> {
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            _ => return None,
        };
        self.at += 1;
        Some(plain)
    }

    fn unicode_escape(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if let 0xd800..=0xdbff = first {
            // A surrogate pair only if the second half follows; otherwise that is read separately.
            let before = self.at;
            if self.rest().starts_with("\\u") {
                self.at += 2;
                let second = self.hex4()?;
                if let 0xdc00..=0xdfff = second {
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                self.at = before;
            }
        }
        Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Option<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit?;
            self.at += 1;
        }
        Some(code)
    }
}

/// Exact integer of valid JSON digits; `None` beyond 64 bits and for negative zero.
fn integer(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let uint = uint(digits)?;
    if text.len() == digits.len() {
        return Some(i64::try_from(uint).map_or(Number::Uint(uint), Number::Int));
    }
    match uint {
        0 => None,
        1..=0x8000_0000_0000_0000 => Some(Number::Int((uint as i64).wrapping_neg())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Value, JsonError> {
        parse(text, 8)
    }

    #[test]
    fn json_round_trip_is_unchanged() {
        let text = r#"{"a":[1,-2,3.5,true,false,null,"x\"\\\n\u0001é"],"b":{}}"#;
        assert_eq!(to_string(&parsed(text).expect("valid")), text);
    }

    #[test]
    fn json_lone_surrogate_becomes_replacement_character() {
        assert_eq!(parsed(r#""\ud83d""#), Ok(Value::from("\u{fffd}")));
        assert_eq!(parsed(r#""\ud83d\u0041""#), Ok(Value::from("\u{fffd}A")));
        assert_eq!(parsed(r#""\ud83d\ude00""#), Ok(Value::from("😀")));
    }

    #[test]
    fn json_number_is_written_like_javascript() {
        for (text, written) in [
            ("-0", "0"),
            ("1E2", "100"),
            ("0.1", "0.1"),
            ("1e400", "null"),
            ("1e21", "1e+21"),
            ("18446744073709551615", "18446744073709551615"),
            ("1e-7", "1e-7"),
            ("123456789012345680000", "123456789012345680000"),
        ] {
            assert_eq!(to_string(&parsed(text).expect("valid")), written, "{text}");
        }
    }

    #[test]
    fn json_invalid_is_refused_like_json_parse() {
        for text in [
            "",
            " ",
            "[1,]",
            "{\"a\"}",
            "01",
            "1.",
            "NaN",
            "'a'",
            "\"\u{1e}\"",
            "[1]x",
            "\"\\x\"",
            "\"\\u12\"",
            "+1",
            "[",
            "-",
        ] {
            assert!(parsed(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn json_nested_too_deep_is_refused() {
        let deep = format!("{}{}", "[".repeat(9), "]".repeat(9));
        assert_eq!(parsed(&deep), Err(JsonError::TooDeep { limit: 8 }));
        assert!(parsed(&deep[1..17]).is_ok());
    }
}
