//! Long texts are folded: their beginning, and a button for the rest.

/// Lines that are shown of a folded text.
const LINES: usize = 12;
/// Characters that are shown of a folded text.
const CHARS: usize = 900;
/// What would be hidden must be worth the button.
const SPARE: usize = 200;

/// Beginning of a text that is too long to be shown whole; none if it is not.
#[must_use]
pub fn folded(text: &str) -> Option<&str> {
    let mut lines = 0;
    let mut cut = None;
    for (count, (at, c)) in text.char_indices().enumerate() {
        lines += usize::from(c == '\n');
        if lines == LINES || count == CHARS {
            cut = Some(at);
            break;
        }
    }
    let (head, rest) = text.split_at_checked(cut?)?;
    let lines = rest.bytes().filter(|byte| *byte == b'\n').count();
    if rest.len() <= SPARE && lines <= 3 {
        return None;
    }
    // rather between two words
    let mut end = head.len();
    for (at, c) in head.char_indices() {
        if c.is_whitespace() && at > head.len() / 2 {
            end = at;
        }
    }
    head.get(..end)
}

/// First characters of a text, on one line.
#[must_use]
pub fn excerpt(text: &str, chars: usize) -> String {
    let mut words = String::new();
    for (count, c) in text.trim().chars().enumerate() {
        if count == chars {
            words.push('…');
            break;
        }
        words.push(if c.is_whitespace() { ' ' } else { c });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_stay_whole() {
        assert_eq!(folded(""), None);
        assert_eq!(folded(&"a".repeat(900)), None);
        assert_eq!(folded(&"a".repeat(1000)), None);
        assert_eq!(folded(&"a\n".repeat(14)), None);
    }

    #[test]
    fn long_texts_are_cut_between_words() {
        let long = "kata ".repeat(1000);
        let head = folded(&long).expect("is long");
        assert!(head.len() <= 900 && head.ends_with("kata"));
        assert_eq!(folded(&"é".repeat(5000)).map(str::len), Some(1800));
        assert_eq!(
            folded(&"a\n".repeat(100)).map(|head| head.matches('\n').count()),
            Some(10)
        );
    }

    #[test]
    fn an_excerpt_is_one_line() {
        assert_eq!(excerpt("  satu\ndua  ", 20), "satu dua");
        assert_eq!(excerpt("héllo", 2), "hé…");
    }
}
