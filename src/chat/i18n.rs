//! Every text of the page, in Indonesian and English.
//!
//! Two plain tables of one type: a missing text or a wrong number of values does not compile, and no crate is needed
//! for two languages. Texts with values are functions.

mod english;
mod indonesian;

use crate::protocol::{ChatError, ChatErrorCode};

/// Language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Bahasa Indonesia.
    Indonesian,
    /// English.
    English,
}

impl Language {
    /// Language for a BCP 47 tag, such as `id-ID`. Speakers of Malay, Javanese and Sundanese get Indonesian.
    #[must_use]
    pub fn from_tag(tag: &str) -> Self {
        let primary = tag.split('-').next().unwrap_or_default();
        let indonesian = ["id", "in", "ms", "jv", "su"]
            .iter()
            .any(|known| primary.eq_ignore_ascii_case(known));
        if indonesian {
            Self::Indonesian
        } else {
            Self::English
        }
    }

    /// BCP 47 tag of the language.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Indonesian => "id",
            Self::English => "en",
        }
    }

    /// Texts of the language.
    #[must_use]
    pub fn strings(self) -> &'static Strings {
        match self {
            Self::Indonesian => &indonesian::STRINGS,
            Self::English => &english::STRINGS,
        }
    }
}

/// Function that puts one value into a text.
pub type With1 = fn(&str) -> String;
/// Function that puts two values into a text.
pub type With2 = fn(&str, &str) -> String;
/// Function that puts a number into a text.
pub type WithNumber = fn(u64) -> String;

impl Strings {
    /// Text for an error of the server.
    #[must_use]
    pub fn error(&self, error: &ChatError) -> String {
        let detail = error.detail.as_str();
        match error.code {
            ChatErrorCode::NameTaken => (self.name_taken)(detail),
            ChatErrorCode::NameInvalid => (self.name_invalid)(detail),
            ChatErrorCode::TextEmpty => self.text_empty.to_owned(),
            ChatErrorCode::TextTooLong => (self.text_too_long)(detail),
            ChatErrorCode::IdInvalid => self.id_invalid.to_owned(),
            ChatErrorCode::RoomUnknown => self.room_unknown.to_owned(),
            ChatErrorCode::RoomTaken => self.room_taken.to_owned(),
            ChatErrorCode::PersonUnknown => self.person_unknown.to_owned(),
            ChatErrorCode::TooFast => (self.too_fast)(detail),
            ChatErrorCode::StoreFailed => self.store_failed.to_owned(),
            ChatErrorCode::StoreFull => self.store_full.to_owned(),
            ChatErrorCode::Malformed => self.malformed.to_owned(),
            ChatErrorCode::Unauthorized => self.unauthorized.to_owned(),
            ChatErrorCode::Unavailable => self.unavailable.to_owned(),
            ChatErrorCode::Banned => self.banned.to_owned(),
            ChatErrorCode::Muted => self.muted.to_owned(),
            ChatErrorCode::Other => self.other_error.to_owned(),
        }
    }
}

/// Texts of one language.
#[derive(Debug)]
pub struct Strings {
    // connection
    /// First attempt to connect.
    pub connecting: &'static str,
    /// Connection is open.
    pub connected: &'static str,
    /// Connection was lost.
    pub connection_lost: &'static str,
    /// No server answers.
    pub server_unreachable: &'static str,
    /// Countdown in seconds to the next attempt.
    pub retry_in: WithNumber,
    /// Number of the attempt.
    pub attempt: WithNumber,
    /// An attempt to reconnect is running.
    pub retrying: &'static str,
    /// Button that ends the countdown.
    pub try_now: &'static str,
    /// Unsent messages are not lost.
    pub messages_kept: &'static str,
    /// The server refused the connection; its reason.
    pub refused: With1,
    /// The server ended the connection.
    pub ended_by_server: &'static str,
    /// No further attempt is made.
    pub not_connected: &'static str,
    /// Button that connects.
    pub connect: &'static str,
    /// An operator ended the connection.
    pub kicked: &'static str,
    /// An operator has banned the person.
    pub banned: &'static str,
    /// An operator has muted the person.
    pub muted: &'static str,
    /// In place of a message that an operator has deleted.
    pub message_deleted: &'static str,
    /// Button that connects again after that.
    pub come_back: &'static str,
    /// The server stops; time left.
    pub shutdown_in: With1,
    /// The server stops now.
    pub shutting_down: &'static str,
    /// The address names another server; its host.
    pub foreign_server: With1,
    /// Before connecting to another server; its host.
    pub foreign_server_hint: With1,
    /// The address names a server that is not allowed; its host.
    pub forbidden_server: With1,
    /// The address names no server; the text.
    pub invalid_server: With1,
    /// Button that opens the page with its own server.
    pub use_own_server: &'static str,
    /// Heading of an announcement.
    pub announcement: &'static str,
    /// The server has a newer page.
    pub new_version: &'static str,
    /// Button that reloads the page.
    pub reload: &'static str,
    /// Button that closes.
    pub close: &'static str,
    // rooms and people
    /// Label of the list of rooms.
    pub rooms: &'static str,
    /// Name of the lobby.
    pub lobby: &'static str,
    /// Button that creates a room.
    pub create_room: &'static str,
    /// Mark of a room with a draft.
    pub draft: &'static str,
    /// Button that creates the room.
    pub create: &'static str,
    /// Button that opens the room that has the name.
    pub open_that_room: &'static str,
    /// Label of the field for the name of a new room.
    pub new_room_name: &'static str,
    /// Heading of direct rooms.
    pub direct_messages: &'static str,
    /// Heading of rooms that the person has not joined.
    pub other_rooms: &'static str,
    /// Button that copies the link to the room.
    pub copy_room_link: &'static str,
    /// Button that leaves the room.
    pub leave_room: &'static str,
    /// The person has left a room; its name.
    pub left_room: With1,
    /// Button that opens the room again.
    pub undo: &'static str,
    /// Button that opens the menu of the header.
    pub more: &'static str,
    /// Hides a direct room.
    pub hide_conversation: &'static str,
    /// Label of the people who are present.
    pub people: &'static str,
    /// Number of people in the room.
    pub people_count: WithNumber,
    /// The person of a direct room is connected.
    pub present: &'static str,
    /// The person of a direct room is not connected.
    pub away: &'static str,
    /// Below the listed people of a crowd; number of further ones.
    pub more_people: WithNumber,
    /// Marks the person who uses the page.
    pub you: &'static str,
    /// Tooltip of a person; their name.
    pub send_direct_message: With1,
    /// Number of unread messages.
    pub unread: WithNumber,
    // messages
    /// Label of the list of messages.
    pub messages: &'static str,
    /// Empty room on a basic server.
    pub empty_basic: &'static str,
    /// The lobby has no messages.
    pub empty_lobby: &'static str,
    /// A direct room has no messages; name of the other person.
    pub empty_direct: With1,
    /// Empty room.
    pub empty_room: &'static str,
    /// Above the first message.
    pub beginning: &'static str,
    /// Older messages are being loaded.
    pub loading_older: &'static str,
    /// Label of the line above the first unread message.
    pub new_messages: &'static str,
    /// Button to the newest message; number of new ones.
    pub new_below: WithNumber,
    /// Button to the newest message.
    pub to_newest: &'static str,
    /// Someone joined; their name.
    pub joined: With1,
    /// Several people joined; how many.
    pub joined_many: WithNumber,
    /// Someone left; their name.
    pub left: With1,
    /// Several people left; how many.
    pub left_many: WithNumber,
    /// Someone changed their name; old and new.
    pub renamed: With2,
    /// Several people have new names; how many.
    pub renamed_many: WithNumber,
    /// Between the last two names of a list.
    pub and: &'static str,
    /// The message waits for the connection.
    pub waiting: &'static str,
    /// A message waits because the server asked for a pause.
    pub delayed: &'static str,
    /// A message was sent some time ago, without an answer.
    pub unanswered: &'static str,
    /// The message is being sent.
    pub sending: &'static str,
    /// The message was stored.
    pub sent: &'static str,
    /// The message was not accepted.
    pub failed: &'static str,
    /// Button that sends a failed message again.
    pub retry: &'static str,
    /// Button that gives up a failed message.
    pub discard: &'static str,
    /// Button that shows a collapsed text.
    pub show_all: &'static str,
    /// Button that replies to a message.
    pub reply: &'static str,
    /// Button that copies a message.
    pub copy: &'static str,
    /// Confirmation after copying.
    pub copied: &'static str,
    /// The browser did not copy; the text is selected.
    pub copy_by_hand: &'static str,
    /// Read before a quote; the author.
    pub in_reply_to: With1,
    /// Read after announced messages; number of further ones.
    pub more_messages: WithNumber,
    /// Day separator.
    pub today: &'static str,
    /// Day separator.
    pub yesterday: &'static str,
    /// One person is typing.
    pub typing_one: With1,
    /// Two people are typing.
    pub typing_two: With2,
    /// More people are typing.
    pub typing_many: &'static str,
    // composer
    /// Label of the composer.
    pub write_message: &'static str,
    /// Button that sends the message.
    pub send: &'static str,
    /// Button that opens the emoji picker.
    pub emoji: &'static str,
    /// Above the composer; the author of the quoted message.
    pub replying_to: With1,
    /// Button that cancels the reply.
    pub cancel: &'static str,
    /// The text is too long by this number of characters.
    pub excess_chars: WithNumber,
    // name and token
    /// Label of the first name prompt.
    pub name_question: &'static str,
    /// Label of the name in the settings.
    pub your_name: &'static str,
    /// Button that sets the name.
    pub use_name: &'static str,
    /// Button that keeps the given name.
    pub keep_name: With1,
    /// Hint below the name.
    pub name_hint: &'static str,
    /// The name was accepted.
    pub name_saved: &'static str,
    /// The name belongs to the token.
    pub name_fixed: &'static str,
    /// Forgets the token.
    pub log_out: &'static str,
    /// Label of the token prompt.
    pub token: &'static str,
    /// Label of the token prompt of another server; its host.
    pub token_for: With1,
    /// The server requires a token.
    pub token_hint: &'static str,
    /// The token was not accepted.
    pub token_wrong: &'static str,
    /// Button that sends the token.
    pub enter: &'static str,
    // settings, help and finder
    /// Title of the settings.
    pub settings: &'static str,
    /// Heading of the languages.
    pub language: &'static str,
    /// Heading of the themes.
    pub appearance: &'static str,
    /// Theme of the system.
    pub theme_system: &'static str,
    /// Light theme.
    pub theme_light: &'static str,
    /// Dark theme.
    pub theme_dark: &'static str,
    /// Setting: who joins and leaves is shown.
    pub show_membership: &'static str,
    /// Title of the help.
    pub help: &'static str,
    /// Title of the finder.
    pub find: &'static str,
    /// The finder has no match.
    pub nothing_found: &'static str,
    /// Between two keys with the same effect.
    pub or: &'static str,
    /// Help: Enter.
    pub key_send: &'static str,
    /// Help: Shift+Enter.
    pub key_newline: &'static str,
    /// Help: Alt with arrows.
    pub key_rooms: &'static str,
    /// Help: arrows.
    pub key_messages: &'static str,
    /// Help: R.
    pub key_reply: &'static str,
    /// Help: C.
    pub key_copy: &'static str,
    /// Help: Escape.
    pub key_close: &'static str,
    /// Help: question mark.
    pub key_help: &'static str,
    // errors of the server
    /// The name is in use; the name.
    pub name_taken: With1,
    /// The name is not allowed; longest length.
    pub name_invalid: With1,
    /// The text is empty.
    pub text_empty: &'static str,
    /// The text is too long; longest length.
    pub text_too_long: With1,
    /// The message id was not accepted.
    pub id_invalid: &'static str,
    /// No such room.
    pub room_unknown: &'static str,
    /// The room exists already.
    pub room_taken: &'static str,
    /// No such person.
    pub person_unknown: &'static str,
    /// Rate limit; seconds to wait.
    pub too_fast: With1,
    /// The store failed.
    pub store_failed: &'static str,
    /// The store is full.
    pub store_full: &'static str,
    /// The server refused for a reason that this page does not know.
    pub other_error: &'static str,
    /// The request was malformed.
    pub malformed: &'static str,
    /// A token is required.
    pub unauthorized: &'static str,
    /// The server is full or stopping.
    pub unavailable: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_from_tag_matches_primary_subtag() {
        for (tag, language) in [
            ("id", Language::Indonesian),
            ("id-ID", Language::Indonesian),
            ("ms-MY", Language::Indonesian),
            ("en-US", Language::English),
            ("de", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::from_tag(tag), language, "{tag}");
        }
    }

    #[test]
    fn error_text_holds_the_detail() {
        let error = ChatError {
            code: ChatErrorCode::NameTaken,
            detail: "Budi".to_owned(),
        };
        for language in [Language::Indonesian, Language::English] {
            assert!(language.strings().error(&error).contains("Budi"));
        }
    }
}
