//! Every word that the page says, in Indonesian and in English.
//!
//! `{}` stands for what [`fill`] puts in.

pub mod english;
pub mod indonesian;

use crate::messages::{Refusal, RefusalCode};

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Bahasa Indonesia.
    Indonesian,
    /// English.
    English,
}

impl Language {
    /// Language for a browser's wish, such as `id-ID`.
    #[must_use]
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.split('-').next().unwrap_or_default();
        // Malay readers understand Indonesian better than English
        let indonesian = ["id", "in", "ms", "jv", "su"]
            .iter()
            .any(|known| primary.eq_ignore_ascii_case(known));
        if indonesian {
            Self::Indonesian
        } else {
            Self::English
        }
    }

    /// Words of the language.
    #[must_use]
    pub fn words(self) -> &'static Words {
        match self {
            Self::Indonesian => &indonesian::WORDS,
            Self::English => &english::WORDS,
        }
    }
}

/// Puts values where a text has `{}`, in order.
#[must_use]
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::new();
    let mut values = values.iter();
    let mut gap = false;
    for c in text.chars() {
        match c {
            '{' => gap = true,
            '}' if gap => {
                gap = false;
                filled.push_str(values.next().copied().unwrap_or_default());
            }
            _ => filled.push(c),
        }
    }
    filled
}

impl Words {
    /// Words for a refusal.
    #[must_use]
    pub fn refusal(&self, refusal: &Refusal) -> String {
        let text = match refusal.code {
            RefusalCode::NameTaken => self.name_taken,
            RefusalCode::NameInvalid => self.name_invalid,
            RefusalCode::TextEmpty => self.text_empty,
            RefusalCode::TextTooLong => self.text_too_long,
            RefusalCode::IdInvalid => self.id_invalid,
            RefusalCode::RoomUnknown => self.room_unknown,
            RefusalCode::RoomTaken => self.room_taken,
            RefusalCode::PersonUnknown => self.person_unknown,
            RefusalCode::TooFast => self.too_fast,
            RefusalCode::StoreFailed => self.store_failed,
            RefusalCode::Malformed => self.malformed,
            RefusalCode::Unauthorized => self.unauthorized,
            RefusalCode::Unavailable => self.unavailable,
        };
        fill(text, &[&refusal.detail])
    }
}

/// Words of one language.
#[derive(Debug)]
pub struct Words {
    /// BCP 47 tag of the language.
    pub locale: &'static str,
    /// What stands between the hours and the minutes of a time.
    pub hour_mark: &'static str,
    /// Connection: first attempt.
    pub connecting: &'static str,
    /// Connection: up.
    pub connected: &'static str,
    /// Connection: broke.
    pub lost: &'static str,
    /// Connection: no server there.
    pub unreachable: &'static str,
    /// Connection: countdown; {} is seconds.
    pub retry_in: &'static str,
    /// Connection: number of the attempt; {} is it.
    pub attempt: &'static str,
    /// Connection: attempt under way.
    pub retrying: &'static str,
    /// Button that ends the countdown.
    pub try_now: &'static str,
    /// What happens to texts meanwhile.
    pub kept_safe: &'static str,
    /// Connection: the server said no; {} is its reason.
    pub refused: &'static str,
    /// Connection: the server ended it.
    pub ended: &'static str,
    /// Connection: given up.
    pub stopped: &'static str,
    /// Button that connects.
    pub connect: &'static str,
    /// The operator ended the connection.
    pub kicked: &'static str,
    /// Button after that.
    pub come_back: &'static str,
    /// Server goes down; {} is a time.
    pub closing_in: &'static str,
    /// Server goes down now.
    pub closing_now: &'static str,
    /// Before an announcement.
    pub announcement: &'static str,
    /// A newer page is there.
    pub newer: &'static str,
    /// Button that loads it.
    pub reload: &'static str,
    /// Button that closes.
    pub close: &'static str,
    /// Name of the lobby.
    pub lobby: &'static str,
    /// Heading of those present.
    pub people: &'static str,
    /// Number present; {} is it.
    pub here: &'static str,
    /// Button on a person; {} is the name.
    pub direct: &'static str,
    /// After copying.
    pub copied: &'static str,
    /// Unread messages; {} is their number.
    pub unread: &'static str,
    /// Empty room of a plain server.
    pub empty_plain: &'static str,
    /// Empty room.
    pub empty_room: &'static str,
    /// Before the first message.
    pub beginning: &'static str,
    /// While older messages are loaded.
    pub loading: &'static str,
    /// Button to the newest; {} is how many.
    pub new_below: &'static str,
    /// Button to the newest without new ones.
    pub to_newest: &'static str,
    /// Someone came; {} is the name.
    pub came: &'static str,
    /// Someone went; {} is the name.
    pub went: &'static str,
    /// Someone has another name; {} old and {} new.
    pub renamed: &'static str,
    /// Delivery: waits.
    pub waiting: &'static str,
    /// Delivery: under way.
    pub sending: &'static str,
    /// Delivery: not taken.
    pub failed: &'static str,
    /// Above the composer; {} is the author.
    pub replying: &'static str,
    /// Text is too long; {} is by how many characters.
    pub too_long: &'static str,
    /// {} is typing.
    pub typing_one: &'static str,
    /// Two are typing.
    pub typing_two: &'static str,
    /// Many are typing.
    pub typing_many: &'static str,
    /// Read out: more messages; {} is how many.
    pub more_heard: &'static str,
    /// Below the name.
    pub name_hint: &'static str,
    /// Button that keeps the given name; {} is it.
    pub later: &'static str,
    /// The name was taken.
    pub name_saved: &'static str,
    /// Refusal; {} is the name.
    pub name_taken: &'static str,
    /// Refusal; {} is the limit.
    pub name_invalid: &'static str,
    /// Refusal.
    pub text_empty: &'static str,
    /// Refusal; {} is the limit.
    pub text_too_long: &'static str,
    /// Refusal.
    pub id_invalid: &'static str,
    /// Refusal.
    pub room_unknown: &'static str,
    /// Refusal.
    pub room_taken: &'static str,
    /// Refusal.
    pub person_unknown: &'static str,
    /// Refusal; {} is seconds.
    pub too_fast: &'static str,
    /// Refusal.
    pub store_failed: &'static str,
    /// Refusal.
    pub malformed: &'static str,
    /// Refusal.
    pub unauthorized: &'static str,
    /// Refusal.
    pub unavailable: &'static str,
    /// Day.
    pub today: &'static str,
    /// Day.
    pub yesterday: &'static str,
    /// Read out before a quote; {} is the author.
    pub quoted: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_gaps() {
        let texts = |language: Language| format!("{:?}", language.words());
        let gaps = |text: &str| {
            text.split("\", ")
                .map(|field| field.matches("{}").count())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            gaps(&texts(Language::Indonesian)),
            gaps(&texts(Language::English))
        );
    }

    #[test]
    fn values_stand_in_their_gaps() {
        assert_eq!(fill("{} kini bernama {}", &["Ayu", "{}"]), "Ayu kini bernama {}");
        assert_eq!(fill("tanpa", &["x"]), "tanpa");
        assert_eq!(fill("{}", &[]), "");
    }

    #[test]
    fn the_browsers_wish_decides_the_language() {
        for (tag, language) in [
            ("id", Language::Indonesian),
            ("id-ID", Language::Indonesian),
            ("ms-MY", Language::Indonesian),
            ("en-US", Language::English),
            ("de", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of_tag(tag), language, "{tag}");
        }
    }
}
