//! Names of people and rooms: how they may look, and when two of them are one.

use pesan::protocol::{ChatError, ChatErrorCode, is_hidden};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::text::refusal;

/// Most characters that mark one letter of a name.
const MARKS: usize = 3;

/// A name that may be shown, and what it is compared by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// As shown.
    pub(super) shown: String,
    /// The same for all names that a reader could take for this one.
    pub(super) key: String,
}

impl Name {
    /// Name from what someone typed.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] when nothing is left of it, or too much.
    pub(super) fn new(typed: &str, most: u32) -> Result<Self, ChatError> {
        let invalid = || refusal(ChatErrorCode::NameInvalid, most);
        let most_chars = usize::try_from(most).unwrap_or(usize::MAX);
        // bounded before anything is made of it; one letter may come as several characters
        if typed.len() > most_chars.saturating_mul(32) {
            return Err(invalid());
        }
        let shown = shown(typed);
        let key = key(&shown);
        if key.is_empty() || shown.chars().count() > most_chars {
            return Err(invalid());
        }
        Ok(Self { shown, key })
    }
}

/// What a name is compared by; none when it is no name, or a longer one than allowed.
pub(crate) fn comparison_key(name: &str, most_chars: u32) -> Option<String> {
    Name::new(name, most_chars).ok().map(|name| name.key)
}

/// What is shown: composed characters, single blanks, nothing that cannot be seen.
fn shown(typed: &str) -> String {
    let mut out = String::new();
    let mut marks = 0;
    for char in typed.nfkc() {
        if char.is_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            marks = 0;
            continue;
        }
        let joins = matches!(char, '\u{200c}' | '\u{200d}');
        // a joiner needs something to join, which Latin letters are not
        if is_hidden(char) || (joins && out.chars().next_back().is_none_or(|last| last.is_ascii())) {
            continue;
        }
        marks = if is_combining_mark(char) { marks + 1 } else { 0 };
        if marks <= MARKS {
            out.push(char);
        }
    }
    let end = out.trim_end_matches([' ', '\u{200c}', '\u{200d}']).len();
    out.truncate(end);
    out
}

/// What names are compared by: without case, blanks, and the difference between letters that look alike.
fn key(shown: &str) -> String {
    let folded: String = shown
        .nfkc()
        .flat_map(char::to_lowercase)
        .filter(|char| !char.is_whitespace() && !is_invisible(*char))
        .collect();
    unicode_security::skeleton(&folded)
        .flat_map(char::to_lowercase)
        .filter(|char| !is_invisible(*char))
        .collect()
}

/// Characters without any look of their own.
fn is_invisible(char: char) -> bool {
    is_hidden(char)
        || matches!(char, '\u{200c}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

/// Part of a room's address that is made from its name: `#/r/kopi-pagi`. Empty when no letter can stay.
pub(super) fn slug(shown: &str) -> String {
    let mut out = String::new();
    for char in shown.nfkd().flat_map(char::to_lowercase) {
        if char.is_ascii_alphanumeric() {
            out.push(char);
        } else if !is_combining_mark(char) && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 40 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> Name {
        Name::new(typed, 32).expect("a good name")
    }

    #[test]
    fn names_that_look_alike_are_one() {
        let siti = name("Siti Aminah");
        let alike = [
            "siti aminah",
            "  SITI   AMINAH ",
            "Sіtі Aminаh",
            "Siti\u{200b}Aminah",
            "Ｓiti Aminah",
            "S\u{200d}iti\u{202e} Aminah",
        ];
        for typed in alike {
            assert_eq!(name(typed).key, siti.key, "{typed:?}");
        }
        assert_ne!(name("Siti Aminuh").key, siti.key);
    }

    #[test]
    fn what_is_shown_has_nothing_hidden() {
        assert_eq!(name(" A\u{202e}ni\u{200b}\n ta ").shown, "Ani ta");
        assert_eq!(name("👩\u{200d}💻").shown, "👩\u{200d}💻");
        assert_eq!(name("e\u{301}").shown, "é");
    }

    #[test]
    fn a_name_needs_something_to_see() {
        for typed in [
            "",
            "  ",
            "\u{200b}\u{202e}",
            "\u{3164}",
            "\u{200d}",
            &"x".repeat(33),
            &"\u{301}".repeat(5000),
        ] {
            let refused = Name::new(typed, 32).map(|name| name.shown);
            assert_eq!(refused, Err(refusal(ChatErrorCode::NameInvalid, 32)), "{typed:?}");
        }
    }

    #[test]
    fn addresses_of_rooms_are_plain() {
        assert_eq!(slug("Kopi Pagi!"), "kopi-pagi");
        assert_eq!(slug("Café / №1"), "cafe-no1");
        assert_eq!(slug("日本"), "");
    }
}
