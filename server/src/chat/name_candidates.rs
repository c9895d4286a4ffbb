//! Names that someone can get, best first: the wished one, the same with a number, one that is made up.

use pesan::protocol::{ChatError, ChatErrorCode};

use super::names::{Name, person_name};
use super::sanitize::chat_error;

/// Highest number behind a name that is taken.
const NUMBERS: u32 = 99;

/// Names for someone, made as they are needed.
#[derive(Debug)]
pub(super) struct NameCandidates {
    id: String,
    most: u32,
    /// Wished name, if it is one.
    wished: Option<Name>,
    /// What is wrong with it otherwise.
    why: Option<ChatError>,
    step: u32,
}

impl NameCandidates {
    pub(super) fn new(id: &str, wished: Option<&str>, most: u32) -> Self {
        Self::of(id, wished.map(|wished| person_name(wished, most, id)), most)
    }

    /// For someone whose name nobody has to check: the operator gave it.
    pub(super) fn trusted(id: &str, wished: Option<&str>, most: u32) -> Self {
        Self::of(id, wished.map(|wished| Name::new(wished, most)), most)
    }

    fn of(id: &str, wished: Option<Result<Name, ChatError>>, most: u32) -> Self {
        let (wished, why) = match wished {
            Some(Ok(name)) => (Some(name), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, None),
        };
        Self {
            id: id.to_owned(),
            most,
            wished,
            why,
            step: 0,
        }
    }

    /// What someone is told who got this name.
    pub(super) fn refused(&self, got: &Name) -> Option<ChatError> {
        match &self.wished {
            Some(wished) if wished != got => Some(chat_error(ChatErrorCode::NameTaken, &wished.shown)),
            Some(_) | None => self.why.clone(),
        }
    }

    fn at(&self, step: u32) -> Option<Name> {
        let base = match &self.wished {
            Some(name) => name.shown.clone(),
            None => made_up(&self.id),
        };
        match step {
            1 => self.wished.clone().or_else(|| Name::new(&base, self.most).ok()),
            2..=NUMBERS => Name::new(&format!("{base} {step}"), self.most).ok(),
            _ => Name::new(&made_up(&self.id), self.most).ok(),
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
        // the id itself is nobody else's
        Some(Name {
            shown: self.id.clone(),
            key: self.id.clone(),
        })
    }
}

/// Name of someone who wished none.
pub(super) fn made_up(id: &str) -> String {
    format!("tamu-{}", id.get(..4).unwrap_or(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(wished: Option<&str>) -> Vec<String> {
        NameCandidates::new("0123456789", wished, 32)
            .map(|name| name.shown)
            .collect()
    }

    #[test]
    fn the_wished_name_is_first_and_the_id_last() {
        let names = shown(Some("Ana"));
        assert_eq!(names[..3], ["Ana", "Ana 2", "Ana 3"]);
        assert_eq!(names[98..], ["Ana 99", "tamu-0123", "0123456789"]);
    }

    #[test]
    fn who_wished_none_gets_one_that_is_made_up() {
        for wished in [None, Some("\u{200b}")] {
            assert_eq!(shown(wished)[..2], ["tamu-0123", "tamu-0123 2"]);
        }
    }

    #[test]
    fn who_gets_another_name_is_told_why() {
        let wishes = NameCandidates::new("0123456789", Some("Ana"), 32);
        let name = |typed| Name::new(typed, 32).expect("a good name");
        assert_eq!(wishes.refused(&name("Ana")), None);
        assert_eq!(
            wishes.refused(&name("Ana 2")),
            Some(chat_error(ChatErrorCode::NameTaken, "Ana"))
        );
        let none = NameCandidates::new("0123456789", Some(" "), 32);
        assert_eq!(
            none.refused(&name("tamu-0123")),
            Some(chat_error(ChatErrorCode::NameInvalid, 32))
        );
    }

    #[test]
    fn long_names_that_take_no_number_are_made_up() {
        let long = "x".repeat(32);
        assert_eq!(shown(Some(&long)), [long.as_str(), "tamu-0123", "0123456789"]);
    }
}
