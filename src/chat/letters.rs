//! What counts as a letter, and how texts are compared, without Unicode's tables: they would weigh more than the rules.

use std::cmp::Ordering;

use super::links::is_hidden;

/// Whether a character is part of a word: letters and digits of any script, but no punctuation and no emoji.
#[must_use]
pub fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\u{7f}' => c.is_ascii_alphanumeric(),
        'ª' | 'µ' | 'º' => true,
        '\u{80}'..='\u{bf}' | '×' | '÷' => false,
        '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{fe0f}' => false,
        '\u{ff00}'..='\u{ff0f}' | '\u{1f000}'..='\u{1faff}' => false,
        _ => !is_hidden(c),
    }
}

/// Order of names in a list: as in a dictionary, as far as it is plain Latin.
#[must_use]
pub fn by_name(a: &str, b: &str) -> Ordering {
    a.bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_made_of_letters_of_any_script() {
        assert!("aZ09éßЖ中あ".chars().all(is_letter));
        assert!(!" -_.…—“”«·🙂👍\u{200b}、".chars().any(is_letter));
    }

    #[test]
    fn names_stand_in_the_order_of_a_dictionary() {
        let mut names = ["budi", "Citra", "ayu", "Ayu2"];
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(names, ["ayu", "Ayu2", "budi", "Citra"]);
    }
}
