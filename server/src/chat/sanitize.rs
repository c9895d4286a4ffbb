//! What people write, made strip_hidden: no control characters, no tricks with the direction of writing.
//!
//! Text stays text everywhere: the page never reads it as markup. What is removed here cannot be seen, and could make
//! a message look like something it is not, or like a part of the page.

use pesan::protocol::{ChatError, ChatErrorCode, is_blank, is_hidden};

use super::error::chat_error;

/// Most characters that mark one letter; more of them would write over the lines around.
const MARKS: usize = 8;

/// Text of a message as it is kept.
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

/// Text of a plain client as it is kept: cut where [`sanitize`] would refuse it; none when nothing is left.
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
        // what most texts are
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
    fn ordinary_text_stays_as_it_was_typed() {
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
    fn what_cannot_be_seen_is_removed() {
        assert_eq!(
            sanitize("abc\u{202e}txt\u{202c}\u{0}\u{200b}\u{1b}[0m", 100).as_deref(),
            Ok("abctxt[0m")
        );
        assert_eq!(sanitize("a\r\nb\rc\u{2028}d", 100).as_deref(), Ok("a\nb\nc\nd"));
        let piled = sanitize(&format!("a{}", "\u{301}".repeat(500)), 100).expect("one letter");
        assert_eq!(piled.chars().count(), 1 + MARKS);
    }

    #[test]
    fn empty_and_long_texts_are_refused() {
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
    fn a_plain_clients_text_is_cut() {
        assert_eq!(sanitize_or_truncate("123456", 4).as_deref(), Some("123…"));
        assert_eq!(sanitize_or_truncate("1234", 4).as_deref(), Some("1234"));
        assert_eq!(sanitize_or_truncate(" ", 4), None);
    }
}
