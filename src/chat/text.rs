//! Shortening long texts for display.

/// Lines shown of a collapsed text.
const COLLAPSED_LINES: usize = 12;
/// Characters shown of a collapsed text.
const COLLAPSED_CHARS: usize = 900;
/// A text is collapsed only when more than this many bytes, or more than three lines, would be hidden.
const MIN_HIDDEN_BYTES: usize = 200;

/// Beginning of a text that is too long to be shown whole, with an ellipsis; `None` if it is short enough.
#[must_use]
pub fn collapse(text: &str) -> Option<String> {
    let mut lines = 0;
    let (cut, _) = text
        .char_indices()
        .enumerate()
        .find(|(count, (_, c))| {
            lines += usize::from(*c == '\n');
            lines == COLLAPSED_LINES || *count == COLLAPSED_CHARS
        })
        .map(|(_, found)| found)?;
    let (head, rest) = text.split_at_checked(cut)?;
    if rest.len() <= MIN_HIDDEN_BYTES && rest.matches('\n').count() <= 3 {
        return None;
    }
    Some(format!("{}…", whole_words(head, rest)))
}

/// Beginning of a text without a last word that `rest` continues, unless the words are very long.
fn whole_words<'a>(head: &'a str, rest: &str) -> &'a str {
    if rest.starts_with(char::is_whitespace) {
        return head.trim_end();
    }
    let end = head
        .rfind(char::is_whitespace)
        .filter(|at| *at > head.len() / 2)
        .unwrap_or(head.len());
    head.get(..end).unwrap_or(head).trim_end()
}

/// First words of a text, on one line, with an ellipsis when something was cut.
#[must_use]
pub fn truncate(text: &str, max_chars: usize) -> String {
    let text = text.trim();
    let one_line = |text: &str| -> String {
        let chars = text.chars();
        chars.map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
    };
    let Some((cut, _)) = text.char_indices().nth(max_chars) else {
        return one_line(text);
    };
    let (head, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
    format!("{}…", one_line(whole_words(head, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collapse_of_short_text_is_none() {
        assert_eq!(collapse(""), None);
        assert_eq!(collapse(&"a".repeat(900)), None);
        assert_eq!(collapse(&"a".repeat(1000)), None);
        assert_eq!(collapse(&"a\n".repeat(14)), None);
    }

    #[test]
    fn collapse_of_long_text_ends_between_words() {
        let long = "kata ".repeat(1000);
        let head = collapse(&long).expect("is long");
        assert!(head.chars().count() <= 901 && head.ends_with("kata…"));
        assert_eq!(
            collapse(&"é".repeat(5000)).map(|head| head.chars().count()),
            Some(901)
        );
        assert_eq!(
            collapse(&"a\n".repeat(100)).map(|head| head.matches('\n').count()),
            Some(11)
        );
    }

    #[test]
    fn truncate_returns_one_line() {
        assert_eq!(truncate("  satu\ndua  ", 20), "satu dua");
        assert_eq!(truncate("héllo", 2), "hé…");
        assert_eq!(truncate("satu dua tiga", 10), "satu dua…", "ends at a word");
        assert_eq!(truncate("satu dua tiga", 8), "satu dua…");
    }
}
