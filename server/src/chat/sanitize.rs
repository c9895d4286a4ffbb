//! Sanitizes message texts: removes control characters, invisible characters and bidirectional overrides.
//!
//! These could make a message look like another text or like a part of the page. Markup is not removed: the page never
//! interprets text as HTML.

use pesan::protocol::{ChatError, ChatErrorCode, is_blank, is_hidden};

use super::error::chat_error;

/// Most combining marks on one letter; more would overlap the lines above and below.
const MARKS: usize = 8;

/// Sanitizes the text of a message.
///
/// # Errors
/// [`ChatErrorCode::TextEmpty`] or [`ChatErrorCode::TextTooLong`].
pub(super) fn sanitize(text: &str, most: u32) -> Result<String, ChatError> {
    let text = strip_hidden(text);
    if is_blank(&text) {
        return Err(chat_error(ChatErrorCode::TextEmpty, ""));
    }
    if text.chars().count() > usize::try_from(most).unwrap_or(usize::MAX) {
        return Err(chat_error(ChatErrorCode::TextTooLong, most));
    }
    Ok(text)
}

/// Sanitizes the text of a plain client; truncates it if it is too long. `None` if nothing is left.
pub(super) fn sanitize_or_truncate(text: &str, most: u32) -> Option<String> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut text = strip_hidden(text);
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.pop();
        text.push('…');
    }
    (!is_blank(&text)).then_some(text)
}

fn strip_hidden(text: &str) -> String {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().all(plain) {
        // most texts
        return text.trim_end().to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut chars = text.trim_end().chars().peekable();
    while let Some(char) = chars.next() {
        let char = match char {
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
            char => char,
        };
        if is_hidden(char) {
            continue;
        }
        marks = if unicode_normalization::char::is_combining_mark(char) {
            marks + 1
        } else {
            0
        };
        if marks <= MARKS {
            out.push(char);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitize_of_ordinary_text_keeps_it() {
        for text in [
            "halo",
            "dua\nbaris\t<b>",
            "مرحبا שלום",
            "👩\u{200d}💻 é می\u{200c}خواهم",
            " indented",
        ] {
            assert_eq!(sanitize(text, 100).as_deref(), Ok(text));
        }
    }

    #[test]
    fn sanitize_removes_invisible_characters() {
        assert_eq!(
            sanitize("abc\u{202e}txt\u{202c}\u{0}\u{200b}\u{1b}[0m", 100).as_deref(),
            Ok("abctxt[0m")
        );
        assert_eq!(sanitize("a\r\nb\rc\u{2028}d", 100).as_deref(), Ok("a\nb\nc\nd"));
        let piled = sanitize(&format!("a{}", "\u{301}".repeat(500)), 100).expect("one letter");
        assert_eq!(piled.chars().count(), 1 + MARKS);
    }

    #[test]
    fn sanitize_of_empty_or_long_text_fails() {
        assert_eq!(
            sanitize(" \u{200b}\n", 100),
            Err(chat_error(ChatErrorCode::TextEmpty, ""))
        );
        assert_eq!(
            sanitize("12345", 4),
            Err(chat_error(ChatErrorCode::TextTooLong, 4))
        );
        assert_eq!(sanitize("éééé", 4).as_deref(), Ok("éééé"));
    }

    #[test]
    fn plain_text_too_long_is_truncated() {
        assert_eq!(sanitize_or_truncate("123456", 4).as_deref(), Some("123…"));
        assert_eq!(sanitize_or_truncate("1234", 4).as_deref(), Some("1234"));
        assert_eq!(sanitize_or_truncate(" ", 4), None);
    }
}
