//! Names of people and rooms: validation, comparison, and the candidates for someone's name.
//!
//! Two names that look alike are treated as the same name. [`NameCandidates`] are the requested name, the same with a
//! number, and a guest name.

use pesan::protocol::{ChatError, ChatErrorCode, LOBBY, is_hidden};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::error::chat_error;

/// Most combining marks on one letter of a name.
const MARKS: usize = 3;

/// Valid name, with its comparison key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Name {
    /// As shown.
    pub(super) shown: String,
    /// Comparison key: [`parts`] separated by line feeds. Names that look alike share at least one part.
    pub(super) key: String,
}

/// Words that no name may contain: readers would take the person for the operator.
const RESERVED: [&str; 12] = [
    "admin",
    "administrator",
    "moderator",
    "official",
    "operator",
    "pengelola",
    "pesan",
    "root",
    "server",
    "sistem",
    "staff",
    "system",
];

/// Words that may not be the whole name of a person.
const RESERVED_ALONE: [&str; 5] = ["all", "everyone", "here", "lobby", "semua"];

/// Prefix of guest names.
const GUEST: &str = "tamu";

/// Prefix of the guest names of pages in English.
const GUEST_ENGLISH: &str = "guest";

/// Validates the name of a person.
///
/// # Errors
/// [`ChatErrorCode::NameInvalid`], or [`ChatErrorCode::NameTaken`] for reserved words and guest names of others.
pub(super) fn person_name(typed: &str, max_chars: u32, id: &str) -> Result<Name, ChatError> {
    let name = Name::new(typed, max_chars)?;
    if !is_own_guest_name(&name, id) && (is_reserved(&name.shown) || is_guest_name(&name.shown)) {
        return Err(chat_error(ChatErrorCode::NameTaken, name.shown));
    }
    Ok(name)
}

/// Validates the name of an open room.
///
/// # Errors
/// [`ChatErrorCode::NameInvalid`], or [`ChatErrorCode::RoomTaken`] for names that look like the lobby.
pub(super) fn room_name(typed: &str, max_chars: u32) -> Result<Name, ChatError> {
    let name = Name::new(typed, max_chars)?;
    if is_one_of(&[LOBBY], &words(&name.shown).concat()) {
        return Err(chat_error(ChatErrorCode::RoomTaken, LOBBY));
    }
    Ok(name)
}

/// Parts of a comparison key. Names that share one are treated as the same name.
pub(super) fn parts(key: &str) -> impl Iterator<Item = &str> {
    key.split('\n').filter(|part| !part.is_empty())
}

/// Words of a name, without trailing numbers.
fn words(shown: &str) -> Vec<String> {
    shown
        .split(|char: char| !char.is_alphanumeric())
        .map(|word| {
            word.trim_end_matches(|char: char| char.is_ascii_digit())
                .to_owned()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

fn is_one_of(list: &[&str], word: &str) -> bool {
    let word = key(word);
    list.iter().any(|reserved| {
        let reserved = key(reserved);
        parts(&reserved).any(|part| parts(&word).any(|other| other == part))
    })
}

fn is_reserved(shown: &str) -> bool {
    let words = words(shown);
    let all = words.concat();
    is_one_of(&RESERVED, &all)
        || is_one_of(&RESERVED_ALONE, &all)
        || words.iter().any(|word| is_one_of(&RESERVED, word))
}

/// Whether a name looks like a guest name: `tamu-3f2a`, `guest-3f2a`, or the same with a number.
fn is_guest_name(shown: &str) -> bool {
    let letters: String = shown.chars().filter(|char| char.is_alphanumeric()).collect();
    [GUEST, GUEST_ENGLISH].iter().any(|prefix| {
        let (begin, rest) = match letters.char_indices().nth(prefix.len()) {
            Some((end, _)) => letters.split_at(end),
            None => (letters.as_str(), ""),
        };
        is_one_of(&[prefix], begin) && rest.chars().all(|char| char.is_ascii_hexdigit())
    })
}

/// Whether a name is the guest name of a person, perhaps with a number.
pub(super) fn is_guest_name_of(shown: &str, id: &str) -> bool {
    shown.starts_with(&guest_name(id)) || shown.starts_with(&english_guest_name(id))
}

fn is_own_guest_name(name: &Name, id: &str) -> bool {
    [guest_name(id), english_guest_name(id)].iter().any(|own| {
        let rest = name
            .shown
            .strip_prefix(own.as_str())
            .map(|rest| rest.trim_start_matches(' '));
        rest.is_some_and(|rest| rest.chars().all(|char| char.is_ascii_digit()))
    })
}

impl Name {
    /// Normalizes and validates a name.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] when the result is empty or too long.
    pub(super) fn new(typed: &str, max_chars: u32) -> Result<Self, ChatError> {
        let invalid = || chat_error(ChatErrorCode::NameInvalid, max_chars);
        let max = usize::try_from(max_chars).unwrap_or(usize::MAX);
        // the length is bounded before normalizing; one letter may consist of several characters
        if typed.len() > max.saturating_mul(32) {
            return Err(invalid());
        }
        let shown = shown(typed);
        let key = key(&shown);
        if key.is_empty() || shown.chars().count() > max {
            return Err(invalid());
        }
        Ok(Self { shown, key })
    }
}

/// Parts of a name's comparison key. `None` when the name is invalid or too long.
pub(crate) fn comparison_keys(name: &str, max: u32) -> Option<Vec<String>> {
    let name = Name::new(name, max).ok()?;
    Some(parts(&name.key).map(str::to_owned).collect())
}

/// Normalized form: composed characters, single spaces, no invisible characters.
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
        // joiners have no effect on Latin letters
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

/// Comparison key: ignores case, spaces, and differences between letters that look alike.
///
/// Letters may look alike in upper case only, or in lower case only: `В` looks like `B`, but `в` not like `b`. So the key
/// has three parts: the skeletons of the name in lower case, in upper case, and unchanged.
fn key(shown: &str) -> String {
    let visible = || {
        shown
            .nfkc()
            .filter(|char| !char.is_whitespace() && !is_invisible(*char))
    };
    let small: String = skeleton(visible().flat_map(char::to_lowercase))
        .chars()
        .flat_map(char::to_lowercase)
        .collect();
    let mut key = small.clone();
    let capital = skeleton(visible().flat_map(char::to_uppercase));
    if capital != small {
        key = key + "\n" + &capital;
    }
    let as_it_stands = skeleton(visible());
    if as_it_stands != small && as_it_stands != capital {
        key = key + "\n" + &as_it_stands;
    }
    key
}

/// Unicode skeleton: the same for all texts that look alike.
fn skeleton(letters: impl Iterator<Item = char>) -> String {
    let letters: String = letters.collect();
    unicode_security::skeleton(&letters)
        .filter(|char| !is_invisible(*char))
        .collect()
}

/// Whether a character is invisible.
fn is_invisible(char: char) -> bool {
    is_hidden(char)
        || matches!(char, '\u{200c}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}')
}

/// Room id from a name, as in `#/r/kopi-pagi`; empty if the name has no letter that can be used.
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

/// Highest number that is appended to a taken name.
const NUMBERS: u32 = 99;

/// Iterator over candidates for someone's name, best first.
#[derive(Debug)]
pub(super) struct NameCandidates {
    id: String,
    max_chars: u32,
    /// Requested name, if it is valid.
    requested: Option<Name>,
    /// Why it is invalid, otherwise.
    error: Option<ChatError>,
    step: u32,
}

impl NameCandidates {
    pub(super) fn new(id: &str, requested: Option<&str>, max_chars: u32) -> Self {
        Self::of(
            id,
            requested.map(|requested| person_name(requested, max_chars, id)),
            max_chars,
        )
    }

    /// Candidates for someone whose name was given by the operator, and may contain reserved words.
    pub(super) fn trusted(id: &str, requested: Option<&str>, max_chars: u32) -> Self {
        Self::of(
            id,
            requested.map(|requested| Name::new(requested, max_chars)),
            max_chars,
        )
    }

    fn of(id: &str, requested: Option<Result<Name, ChatError>>, max_chars: u32) -> Self {
        let (requested, error) = match requested {
            Some(Ok(name)) => (Some(name), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        Self {
            id: id.to_owned(),
            max_chars,
            requested,
            error,
            step: 0,
        }
    }

    /// Why someone got this name instead of the requested one, if so.
    pub(super) fn refusal(&self, got: &Name) -> Option<ChatError> {
        match &self.requested {
            Some(requested) if requested != got => {
                Some(chat_error(ChatErrorCode::NameTaken, &requested.shown))
            }
            Some(_) | None => self.error.clone(),
        }
    }

    fn at(&self, step: u32) -> Option<Name> {
        let base = match &self.requested {
            Some(name) => name.shown.clone(),
            None => guest_name(&self.id),
        };
        match step {
            1 => self
                .requested
                .clone()
                .or_else(|| Name::new(&base, self.max_chars).ok()),
            2..=NUMBERS => Name::new(&format!("{base} {step}"), self.max_chars).ok(),
            _ => Name::new(&guest_name(&self.id), self.max_chars).ok(),
        }
    }
}

impl Iterator for NameCandidates {
    type Item = Name;

    fn next(&mut self) -> Option<Name> {
        while self.step <= NUMBERS {
            self.step += 1;
            if let Some(name) = self.at(self.step) {
                return Some(name);
            }
        }
        if self.step > NUMBERS + 1 {
            return None;
        }
        self.step += 1;
        // the id itself is unique
        Some(Name {
            shown: self.id.clone(),
            key: self.id.clone(),
        })
    }
}

/// Guest name, for someone who requested no name.
pub(super) fn guest_name(id: &str) -> String {
    format!("{GUEST}-{}", id.get(..4).unwrap_or(id))
}

/// The same for a page in English.
pub(super) fn english_guest_name(id: &str) -> String {
    format!("{GUEST_ENGLISH}-{}", id.get(..4).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(typed: &str) -> Name {
        Name::new(typed, 32).expect("a good name")
    }

    fn are_one(one: &str, other: &str) -> bool {
        let (one, other) = (name(one), name(other));
        parts(&one.key).any(|part| parts(&other.key).any(|known| known == part))
    }

    #[test]
    fn names_with_similar_capitals_are_equal() {
        for (one, other) in [
            ("Budi", "Вudi"),
            ("Budi", "Βudi"),
            ("budi", "ВUDI"),
            ("Nina", "Νina"),
            ("Hana", "Нana"),
            ("TOTO", "ТОТО"),
            ("Нина", "НИНА"),
            ("νινα", "ΝΙΝΑ"),
            ("Bvdi", "Вνdi"),
            ("Ali", "ALI"),
            ("All", "AlI"),
        ] {
            assert!(are_one(one, other), "{one} {other}");
        }
        for (one, other) in [("Ali", "All"), ("Nina", "Vina"), ("Budi", "Rudi")] {
            assert!(!are_one(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_reserved_or_of_guests_are_refused() {
        let id = "0123456789";
        for typed in [
            "Operator",
            "OPERATOR 2",
            "0perator",
            "Оperаtor",
            "[server]",
            "S e r v e r",
            "admin!",
            "Admin Budi",
            "Pesan",
            "Lobby",
            "tamu-3f2a",
            "guest-3f2a",
            "Guest",
            "TAMU 3f2a",
            "tamu-0124",
            "tаmu-3f2a",
            "tamu",
            "tamu-3f2a 2",
        ] {
            let refused = person_name(typed, 32, id).map(|name| name.shown);
            assert_eq!(
                refused,
                Err(chat_error(ChatErrorCode::NameTaken, name(typed).shown)),
                "{typed}"
            );
        }
        for typed in [
            "Budi",
            "tamu-0123",
            "guest-0123",
            "tamu-0123 2",
            "Tamunah",
            "Serverius",
            "Allan",
            "tamu baik",
        ] {
            assert!(person_name(typed, 32, id).is_ok(), "{typed}");
        }
        assert_eq!(
            room_name("L0BBY", 32).map(|name| name.shown),
            Err(chat_error(ChatErrorCode::RoomTaken, "lobby"))
        );
        assert!(room_name("Server", 32).is_ok());
    }

    #[test]
    fn names_looking_alike_are_equal() {
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
            assert!(are_one(typed, &siti.shown), "{typed:?}");
        }
        assert!(!are_one("Siti Aminuh", &siti.shown));
    }

    #[test]
    fn name_with_invisible_characters_is_normalized() {
        assert_eq!(name(" A\u{202e}ni\u{200b}\n ta ").shown, "Ani ta");
        assert_eq!(name("👩\u{200d}💻").shown, "👩\u{200d}💻");
        assert_eq!(name("e\u{301}").shown, "é");
    }

    #[test]
    fn name_without_visible_characters_is_invalid() {
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
            assert_eq!(
                refused,
                Err(chat_error(ChatErrorCode::NameInvalid, 32)),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn room_slug_has_only_plain_letters() {
        assert_eq!(slug("Kopi Pagi!"), "kopi-pagi");
        assert_eq!(slug("Café / №1"), "cafe-no1");
        assert_eq!(slug("日本"), "");
    }

    fn candidates(requested: Option<&str>) -> Vec<String> {
        NameCandidates::new("0123456789", requested, 32)
            .map(|name| name.shown)
            .collect()
    }

    #[test]
    fn name_candidates_start_with_the_requested_name_and_end_with_the_id() {
        let names = candidates(Some("Ana"));
        assert_eq!(names[..3], ["Ana", "Ana 2", "Ana 3"]);
        assert_eq!(names[98..], ["Ana 99", "tamu-0123", "0123456789"]);
    }

    #[test]
    fn name_candidates_without_request_are_guest_names() {
        for requested in [None, Some("\u{200b}")] {
            assert_eq!(candidates(requested)[..2], ["tamu-0123", "tamu-0123 2"]);
        }
    }

    #[test]
    fn name_candidates_other_than_requested_have_a_reason() {
        let candidates = NameCandidates::new("0123456789", Some("Ana"), 32);
        let name = |typed| Name::new(typed, 32).expect("a good name");
        assert_eq!(candidates.refusal(&name("Ana")), None);
        assert_eq!(
            candidates.refusal(&name("Ana 2")),
            Some(chat_error(ChatErrorCode::NameTaken, "Ana"))
        );
        let none = NameCandidates::new("0123456789", Some(" "), 32);
        assert_eq!(
            none.refusal(&name("tamu-0123")),
            Some(chat_error(ChatErrorCode::NameInvalid, 32))
        );
    }

    #[test]
    fn name_candidates_too_long_for_a_number_are_guest_names() {
        let long = "x".repeat(32);
        assert_eq!(
            candidates(Some(&long)),
            [long.as_str(), "tamu-0123", "0123456789"]
        );
    }
}
