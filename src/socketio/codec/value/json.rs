//! JSON text to [`Value`] and back, with JavaScript's rules.
//!
//! `serde_json` refuses what every Socket.IO peer in JavaScript may send (lone surrogates, `1e400`, nesting
//! beyond 128 levels), hence a reader of our own. It is as strict as `JSON.parse` otherwise: no trailing text,
//! no raw control characters, no `NaN`. Depth is capped by [`Limits::max_depth`](crate::socketio::Limits).

mod float;
mod read;
mod scan;
mod write;

use super::Value;
pub(crate) use write::{escaped, write_string, write_uint, write_with};
pub use write::{to_string, write};

/// Why a text is not JSON.
///
/// ```
/// use pesan::socketio::value::json::{JsonError, parse};
/// assert_eq!(parse("[[1]]", 1), Err(JsonError::TooDeep { limit: 1 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Text ended inside a value.
    #[error("unexpected end of JSON")]
    UnexpectedEnd,
    /// A byte that cannot stand there, counted from the start of the text.
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

/// The character, if the byte is one by itself.
fn shown(byte: u8) -> String {
    if byte.is_ascii() {
        escaped(char::from(byte).encode_utf8(&mut [0]))
    } else {
        "\u{fffd}".to_owned()
    }
}

/// Reads one JSON value that takes up the whole of `text` but for white space.
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
    read::Reader::new(text, max_depth).document()
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
