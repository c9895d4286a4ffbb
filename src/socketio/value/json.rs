//! JSON text to [`Value`] and back, with JavaScript's rules.
//!
//! `serde_json` refuses what every Socket.IO peer in JavaScript may send (lone surrogates, `1e400`, nesting
//! beyond 128 levels), hence a reader of our own. It is as strict as `JSON.parse` otherwise: no trailing text,
//! no raw control characters, no `NaN`. Depth is capped by [`Limits::max_depth`](crate::socketio::Limits).

use std::fmt;

use super::{Number, Value, without_repeats};

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// Text ended inside a value.
    UnexpectedEnd,
    /// A byte that cannot stand there, counted from the start of the text.
    UnexpectedByte {
        /// Offset in bytes.
        at: usize,
        /// Offending byte.
        byte: u8,
    },
    /// Nested deeper than the limit.
    TooDeep {
        /// Limit that was exceeded.
        limit: usize,
    },
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexpectedEnd => write!(f, "unexpected end of JSON"),
            Self::UnexpectedByte { at, byte } => {
                write!(f, "unexpected '{}' at byte {at} of JSON", byte.escape_ascii())
            }
            Self::TooDeep { limit } => write!(f, "JSON nested deeper than {limit}"),
        }
    }
}

impl std::error::Error for JsonError {}

/// Reads one JSON value that takes up the whole of `text` but for white space.
///
/// # Errors
/// [`JsonError`] where `JSON.parse` would throw, and beyond `max_depth`.
pub fn parse(text: &str, max_depth: usize) -> Result<Value, JsonError> {
    let mut reader = Reader {
        text,
        at: 0,
        max_depth,
    };
    let value = reader.value(0)?;
    reader.skip_space();
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(reader.unexpected()),
    }
}

/// Writes `value` as JSON. Binary is written as `null`: packets replace it by placeholders first.
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
pub(crate) fn write_with<'v>(
    out: &mut String,
    value: &'v Value,
    binary: &mut impl FnMut(&mut String, &'v [u8]),
) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => write_number(out, *number),
        Value::String(text) => write_string(out, text),
        Value::Binary(bytes) => binary(out, bytes),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_with(out, item, binary);
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(out, key);
                out.push(':');
                write_with(out, item, binary);
            }
            out.push('}');
        }
    }
}

fn write_number(out: &mut String, number: Number) {
    match number {
        Number::Int(int) => push_display(out, int),
        Number::Uint(uint) => push_display(out, uint),
        Number::Float(float) if !float.is_finite() => out.push_str("null"),
        // JSON.stringify(-0) is "0", and whole numbers have no fraction.
        Number::Float(0.0) => out.push('0'),
        Number::Float(float) if float.abs() < 1e21 && float.abs() >= 1e-6 => push_display(out, float),
        // JavaScript writes the sign of a positive exponent, Rust does not.
        Number::Float(float) if float.abs() >= 1.0 => out.push_str(&format!("{float:e}").replace('e', "e+")),
        Number::Float(float) => push_display(out, format_args!("{float:e}")),
    }
}

fn push_display(out: &mut String, what: impl fmt::Display) {
    use fmt::Write as _;
    write!(out, "{what}").expect("writing to a String cannot fail");
}

/// Appends `text` as a JSON string with the escapes that `JSON.stringify` uses.
pub(crate) fn write_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    while let Some(stop) = rest
        .bytes()
        .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
    {
        let (plain, tail) = rest.split_at(stop);
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
            Some(control) => push_display(out, format_args!("\\u{:04x}", u32::from(control))),
            None => {}
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    max_depth: usize,
}

impl<'t> Reader<'t> {
    fn bytes(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    fn unexpected(&self) -> JsonError {
        match self.peek() {
            Some(byte) => JsonError::UnexpectedByte { at: self.at, byte },
            None => JsonError::UnexpectedEnd,
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected()),
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth > self.max_depth {
            return Err(JsonError::TooDeep {
                limit: self.max_depth,
            });
        }
        self.at += 1;
        self.skip_space();
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::Array(items));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, JsonError> {
        self.enter(depth)?;
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            entries.push((key, self.value(depth)?));
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Object(without_repeats(entries)));
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    /// Runs over digits and says how many.
    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return Err(self.unexpected());
        }
        let mut whole = true;
        if self.peek() == Some(b'.') {
            whole = false;
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected());
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            whole = false;
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected());
            }
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let exact = (whole && digits != "-0")
            .then(|| {
                let int = digits.parse().map(Number::Int);
                int.or_else(|_| digits.parse().map(Number::Uint)).ok()
            })
            .flatten();
        let number = exact.or_else(|| digits.parse().map(Number::Float).ok());
        number.map(Value::Number).ok_or(JsonError::UnexpectedEnd)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(stop) = rest
                .bytes()
                .position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\')
            else {
                self.at = self.text.len();
                return Err(JsonError::UnexpectedEnd);
            };
            out.push_str(rest.get(..stop).unwrap_or_default());
            self.at += stop;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.unexpected()),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
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
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if let 0xd800..=0xdbff = first {
            // A pair only if the other half follows; otherwise what follows is read on its own.
            let before = self.at;
            if self
                .text
                .get(self.at..)
                .is_some_and(|rest| rest.starts_with("\\u"))
            {
                self.at += 2;
                let second = self.hex4()?;
                if let 0xdc00..=0xdfff = second {
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                self.at = before;
            }
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.unexpected())?;
            self.at += 1;
        }
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Value, JsonError> {
        parse(text, 8)
    }

    #[test]
    fn a_round_trip_changes_nothing() {
        let text = r#"{"a":[1,-2,3.5,true,false,null,"x\"\\\n\u0001é"],"b":{}}"#;
        assert_eq!(to_string(&parsed(text).expect("valid")), text);
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        assert_eq!(parsed(r#""\ud83d""#), Ok(Value::from("\u{fffd}")));
        assert_eq!(parsed(r#""\ud83d\u0041""#), Ok(Value::from("\u{fffd}A")));
        assert_eq!(parsed(r#""\ud83d\ude00""#), Ok(Value::from("😀")));
    }

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
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
    fn what_json_parse_refuses_is_refused() {
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
    fn depth_is_capped() {
        let deep = format!("{}{}", "[".repeat(9), "]".repeat(9));
        assert_eq!(parsed(&deep), Err(JsonError::TooDeep { limit: 8 }));
        assert!(parsed(&deep[1..17]).is_ok());
    }
}
