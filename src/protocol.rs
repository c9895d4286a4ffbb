//! Events of the chat protocol, shared by page and server.
//!
//! The page identifies itself in the CONNECT auth payload ([`Auth`]). A pesan server answers with [`Hello`], and from
//! then on both sides use the types below. Other clients send and receive plain strings under [`PLAIN`].
//! Every request is acknowledged with `Result<…, ChatError>`.

use serde::{Deserialize, Serialize};

use crate::socketio::{Event, NoAck};

/// Event of the plain chat: one string, broadcast to everyone with the sender included.
pub const PLAIN: &str = "pesan";

/// Greeting that every socket gets: one string.
pub const WELCOME: &str = "welcome_message";

/// Version of the types in this module; a page and a server with different ones fall back to the plain chat.
pub const VERSION: u32 = 1;

/// Id of the room that everyone is in, and that plain clients share.
pub const LOBBY: &str = "lobby";

/// Whether a character is invisible and changes how others look: control characters, bidirectional embeddings, overrides
/// and isolates, zero-width and invisible operators, annotations and tags. The server removes them from texts and names.
/// Line feed and tab are not hidden, nor are joiners and direction marks, which Persian, Hebrew and emoji need.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' => true,
        '\u{feff}' | '\u{180e}' | '\u{ad}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// Whether a text shows nothing: white space, hidden characters, joiners and direction marks only.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || is_hidden(c) || matches!(c, '\u{200c}'..='\u{200f}'))
}

macro_rules! events {
    ($($name:literal $event:ty => $ack:ty;)*) => {$(
        impl Event for $event {
            const NAME: &'static str = $name;
            type Ack = $ack;
        }
    )*};
}

events! {
    // page to server
    "send" Send => Result<Sent, ChatError>;
    "join" Join => Result<Joined, ChatError>;
    "leave" Leave => Result<(), ChatError>;
    "create" Create => Result<Room, ChatError>;
    "direct" Direct => Result<Room, ChatError>;
    "history" History => Result<HistoryPage, ChatError>;
    "rename" Rename => Result<Person, ChatError>;
    "typing" Typing => NoAck;
    // server to page
    "hello" Hello => NoAck;
    "message" Message => NoAck;
    "message-deleted" MessageDeleted => NoAck;
    "person-erased" PersonErased => NoAck;
    "room" Room => NoAck;
    "room-gone" RoomGone => NoAck;
    "presence" Presence => NoAck;
    "presence-batch" PresenceBatch => NoAck;
    "typist" TypingNotice => NoAck;
    "announcement" Announcement => NoAck;
    "closing" ShutdownNotice => NoAck;
    "kicked" Kicked => NoAck;
}

/// Payload of the CONNECT packet of a page that speaks these types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// [`VERSION`] of the page.
    pub pesan: u32,
    /// Random text that the page made once and keeps; the server derives [`Person::id`] from it and tells nobody.
    pub key: String,
    /// Wished name; the server makes one up when it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Shared secret or personal token, where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Whether the page understands [`PresenceBatch`]; otherwise it gets a [`Presence`] for each change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub presence_batches: bool,
    /// Language of the page as a BCP 47 tag; a guest name that the server makes up follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Someone who is, or was, in the chat.
#[derive(Debug, Clone, Hash, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Stable and public; derived from [`Auth::key`]. Colour and avatar follow from it.
    pub id: String,
    /// Name as shown; unique among those present.
    pub name: String,
}

/// First event to a page: what the server can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`] of the server.
    pub version: u32,
    /// Identifies the page that the server serves; another one than the page's own means that a newer one is there.
    pub build: String,
    /// Who the socket is.
    pub you: Person,
    /// Whether the name belongs to the token, so that it cannot be changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub name_fixed: bool,
    /// What the server accepts.
    pub limits: ChatLimits,
    /// Rooms that the person can see, the lobby first.
    pub rooms: Vec<Room>,
    /// Server's clock, in milliseconds since 1970.
    pub now: u64,
    /// Why the name is not the wished one, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_refused: Option<ChatError>,
}

/// What the server accepts, so that a page can say no before it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatLimits {
    /// Longest text, in characters.
    pub text_chars: u32,
    /// Longest name of a person or a room, in characters.
    pub name_chars: u32,
    /// Most messages of one page of history.
    pub page: u32,
}

/// Room as the list shows it; also sent whenever one of its fields changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// Id, as in `#/r/<id>`.
    pub id: String,
    /// Name as shown; of a direct room the other person's.
    pub name: String,
    /// Kind.
    pub kind: RoomKind,
    /// Other person of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with: Option<Person>,
    /// Order number of the newest message; 0 when there is none.
    pub last_seq: u64,
    /// Newest message, for the list's second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Box<Message>>,
}

/// Message as everyone sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Room it is in.
    pub room: String,
    /// Order number in the room: 1, 2, 3, … without gaps.
    pub seq: u64,
    /// Id that the sender made; one message is stored once however often it is sent.
    pub id: String,
    /// Author, under the name of that moment; both fields are empty when the message was deleted.
    pub author: Person,
    /// Text as typed; empty when the message was deleted.
    pub text: String,
    /// Server's time, in milliseconds since 1970.
    pub at: u64,
    /// Message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Quote>,
}

impl Message {
    /// Whether the message was deleted: only its order number and its time are left.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.text.is_empty()
    }

    /// Deletes the message: its place, its time and its id stay.
    pub fn delete(&mut self) {
        self.author.id.clear();
        self.author.name.clear();
        self.text.clear();
        self.reply = None;
    }
}

/// An operator deleted a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDeleted {
    /// Id of the room.
    pub room: String,
    /// Order number of the message.
    pub seq: u64,
}

/// An operator deleted all messages of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonErased {
    /// Id of the person.
    pub person: String,
}

/// Part of an earlier message that a reply shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Order number of the quoted message.
    pub seq: u64,
    /// Its author's name; empty when it was deleted.
    pub author: String,
    /// Its first characters; empty when it was deleted.
    pub text: String,
}

impl Quote {
    /// Empties the quote of a message that was deleted.
    pub fn delete(&mut self) {
        self.author.clear();
        self.text.clear();
    }
}

/// Asks for a message to be stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// Room it is for.
    pub room: String,
    /// Id that the sender made: 8 to 64 letters, digits, `-` or `_`.
    pub id: String,
    /// Text.
    pub text: String,
    /// Order number of the message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
}

/// The message is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its order number.
    pub seq: u64,
    /// Server's time, in milliseconds since 1970.
    pub at: u64,
}

/// Enters a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// Id of the room.
    pub room: String,
    /// Newest order number that the page already has; the answer brings what came after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What someone sees who entered a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The room.
    pub room: Room,
    /// Who is there; of a crowd only some.
    pub people: Vec<Person>,
    /// How many are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_count: Option<u32>,
    /// Newest messages, or those after [`Join::after`], oldest first.
    pub page: HistoryPage,
}

/// Leaves a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// Id of the room.
    pub room: String,
}

/// Makes an open room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Name of the room.
    pub name: String,
}

/// Opens the direct room with someone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Direct {
    /// Id of the other person.
    pub person: String,
}

/// Asks for messages of a room that the person may see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Id of the room.
    pub room: String,
    /// Only messages before this order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only messages after this order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// Messages of a room, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryPage {
    /// Messages in order.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction that was asked for.
    pub more: bool,
}

/// Takes another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rename {
    /// Wished name.
    pub name: String,
}

/// The person is typing; volatile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// Id of the room.
    pub room: String,
}

/// Someone else is typing; volatile, and over after five seconds without another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypingNotice {
    /// Id of the room.
    pub room: String,
    /// Who.
    pub person: Person,
}

/// Who is in a room changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Id of the room.
    pub room: String,
    /// Who.
    pub person: Person,
    /// What happened.
    pub change: PresenceChange,
}

/// Who is in a room changed, several changes at once. Of a large room only the number of people is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceBatch {
    /// Id of the room.
    pub room: String,
    /// Who came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub came: Vec<Person>,
    /// Who went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub went: Vec<Person>,
    /// Who has another name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renamed: Vec<Person>,
    /// Replaces what was known of the people: all of them, or some of a crowd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<Person>>,
    /// How many people are there now.
    pub people_count: u32,
}

/// A room is no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomGone {
    /// Id of the room.
    pub id: String,
    /// Room that has its messages now, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
}

/// Word of the operator to everyone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Text.
    pub text: String,
    /// Server's time, in milliseconds since 1970.
    pub at: u64,
}

/// The server will go down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShutdownNotice {
    /// Seconds until then; 0 takes an earlier notice back.
    pub seconds: u32,
    /// What the operator says about it.
    #[serde(default)]
    pub reason: String,
}

/// The operator ended this connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kicked {
    /// What the operator says about it.
    #[serde(default)]
    pub reason: String,
}

/// Why a request was refused. The page has words for each code; `detail` is for what only the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatError {
    /// What is wrong.
    pub code: ChatErrorCode,
    /// Value that belongs to the code: a limit, a name, seconds to wait.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Kind of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoomKind {
    /// The one that plain clients share.
    Lobby,
    /// Open to all.
    Open,
    /// Between two people.
    Direct,
}

/// What happened to someone in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PresenceChange {
    /// Came.
    Came,
    /// Went.
    Went,
    /// Has another name.
    Renamed,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChatErrorCode {
    /// Name is used by someone present; detail: the name.
    NameTaken,
    /// Name is empty, too long or of forbidden characters; detail: the limit.
    NameInvalid,
    /// Text is empty.
    TextEmpty,
    /// Text is too long; detail: the limit in characters.
    TextTooLong,
    /// Message id is malformed, or was used by someone else.
    IdInvalid,
    /// No such room, or not one that this person may see.
    RoomUnknown,
    /// A room of that name exists; detail: its id.
    RoomTaken,
    /// No such person.
    PersonUnknown,
    /// Too many requests; detail: seconds to wait.
    TooFast,
    /// The store could not take the message; nothing was kept.
    StoreFailed,
    /// The store has all that it may or can have; nothing was kept.
    StoreFull,
    /// Request does not have the right form.
    Malformed,
    /// Token is missing or wrong. Also the `data` of the CONNECT_ERROR.
    Unauthorized,
    /// Server is full or going down.
    Unavailable,
    /// An operator has banned the person or the address; detail: the operator's reason. Also the `data` of the
    /// CONNECT_ERROR.
    Banned,
    /// An operator has muted the person or the address; detail: seconds until the end, empty without an end.
    Muted,
    /// Anything that a newer server calls otherwise.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_blank_holds_for_texts_that_show_nothing() {
        for text in [
            "",
            " \n\t",
            "\u{200b}\u{feff}",
            "\u{200d}",
            "\u{180e} \u{ad}",
            "\u{e0041}",
        ] {
            assert!(is_blank(text), "{text:?}");
        }
        for text in ["a", "🙂", "\u{200d}a", "."] {
            assert!(!is_blank(text), "{text:?}");
        }
    }

    #[test]
    fn error_codes_are_written_in_kebab_case() {
        let error = ChatError {
            code: ChatErrorCode::NameTaken,
            detail: String::new(),
        };
        let json = serde_json::to_string(&error).expect("plain strings");
        assert_eq!(json, r#"{"code":"name-taken"}"#);
    }

    #[test]
    fn error_code_of_a_newer_server_is_other() {
        let error: ChatError = serde_json::from_str(r#"{"code":"from-tomorrow"}"#).expect("an error");
        assert_eq!(error.code, ChatErrorCode::Other);
    }

    #[test]
    fn optional_fields_may_be_missing() {
        let auth: Auth = serde_json::from_str(r#"{"pesan":1,"key":"k"}"#).expect("complete");
        assert_eq!(
            (auth.name, auth.token, auth.presence_batches),
            (None, None, false)
        );
    }
}
