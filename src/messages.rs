//! The chat's own events as types, used by page and server: the server reads them by serde, the page by [`wire`].
//!
//! A page of ours says so in the CONNECT auth payload ([`Auth`]); a server of ours answers with [`Hello`], and from
//! then on both speak the types below. Sockets that did not say so get plain strings under [`PLAIN`].
//! Every request is answered by `Result<…, Refusal>`, so that a page can always say what happened.

pub mod wire;

use crate::socketio::{Event, NoAck};
use wire::{messages, words};

/// Event of the plain chat: one string, broadcast to everyone with the sender included.
pub const PLAIN: &str = "pesan";

/// Greeting that every socket gets: one string.
pub const WELCOME: &str = "welcome_message";

/// Version of the types in this module; a page and a server with different ones fall back to the plain chat.
pub const VERSION: u32 = 1;

/// Id of the room that everyone is in, and that plain clients share.
pub const LOBBY: &str = "lobby";

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
    "send" Send => Result<Sent, Refusal>;
    "join" Join => Result<Joined, Refusal>;
    "leave" Leave => Result<(), Refusal>;
    "create" Create => Result<Room, Refusal>;
    "direct" Direct => Result<Room, Refusal>;
    "history" History => Result<Page, Refusal>;
    "rename" Rename => Result<Person, Refusal>;
    "typing" Typing => NoAck;
    // server to page
    "hello" Hello => NoAck;
    "message" Message => NoAck;
    "room" Room => NoAck;
    "presence" Presence => NoAck;
    "typist" Typist => NoAck;
    "announcement" Announcement => NoAck;
    "closing" Closing => NoAck;
    "kicked" Kicked => NoAck;
}

messages! {
    /// Payload of the CONNECT packet of a page that speaks these types.
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
    }

    /// Someone who is, or was, in the chat.
    #[derive(Hash)]
    pub struct Person {
        /// Stable and public; derived from [`Auth::key`]. Colour and avatar follow from it.
        pub id: String,
        /// Name as shown; unique among those present.
        pub name: String,
    }

    /// First event to a page of ours: what the server can do.
    pub struct Hello {
        /// [`VERSION`] of the server.
        pub version: u32,
        /// Identifies the page that the server serves; another one than the page's own means that a newer one is there.
        pub build: String,
        /// Who the socket is.
        pub you: Person,
        /// What the server accepts.
        pub limits: ChatLimits,
        /// Rooms that the person can see, the lobby first.
        pub rooms: Vec<Room>,
        /// Server's clock, in milliseconds since 1970.
        pub now: u64,
        /// Why the name is not the wished one, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub name_refused: Option<Refusal>,
    }

    /// What the server accepts, so that a page can say no before it sends.
    #[derive(Copy)]
    pub struct ChatLimits {
        /// Longest text, in characters.
        pub text_chars: u32,
        /// Longest name of a person or a room, in characters.
        pub name_chars: u32,
        /// Most messages of one page of history.
        pub page: u32,
    }

    /// Room as the list shows it; also sent whenever one of its fields changes.
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
    pub struct Message {
        /// Room it is in.
        pub room: String,
        /// Order number in the room: 1, 2, 3, … without gaps.
        pub seq: u64,
        /// Id that the sender made; one message is stored once however often it is sent.
        pub id: String,
        /// Author, under the name of that moment.
        pub author: Person,
        /// Text as typed.
        pub text: String,
        /// Server's time, in milliseconds since 1970.
        pub at: u64,
        /// Message that it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub reply: Option<Quote>,
    }

    /// Part of an earlier message that a reply shows.
    pub struct Quote {
        /// Order number of the quoted message.
        pub seq: u64,
        /// Its author's name.
        pub author: String,
        /// Its first characters.
        pub text: String,
    }

    /// Asks for a message to be stored and shown.
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
    pub struct Sent {
        /// Its order number.
        pub seq: u64,
        /// Server's time, in milliseconds since 1970.
        pub at: u64,
    }

    /// Enters a room.
    pub struct Join {
        /// Id of the room.
        pub room: String,
        /// Newest order number that the page already has; the answer brings what came after.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub after: Option<u64>,
    }

    /// What someone sees who entered a room.
    pub struct Joined {
        /// The room.
        pub room: Room,
        /// Who is there.
        pub people: Vec<Person>,
        /// Newest messages, or those after [`Join::after`], oldest first.
        pub page: Page,
    }

    /// Leaves a room.
    pub struct Leave {
        /// Id of the room.
        pub room: String,
    }

    /// Makes an open room.
    pub struct Create {
        /// Name of the room.
        pub name: String,
    }

    /// Opens the direct room with someone.
    pub struct Direct {
        /// Id of the other person.
        pub person: String,
    }

    /// Asks for messages of a room that the person may see.
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
    pub struct Page {
        /// Messages in order.
        pub messages: Vec<Message>,
        /// Whether there are more in the direction that was asked for.
        pub more: bool,
    }

    /// Takes another name.
    pub struct Rename {
        /// Wished name.
        pub name: String,
    }

    /// The person is typing; volatile.
    pub struct Typing {
        /// Id of the room.
        pub room: String,
    }

    /// Someone else is typing; volatile, and over after five seconds without another.
    pub struct Typist {
        /// Id of the room.
        pub room: String,
        /// Who.
        pub person: Person,
    }

    /// Who is in a room changed.
    pub struct Presence {
        /// Id of the room.
        pub room: String,
        /// Who.
        pub person: Person,
        /// What happened.
        pub change: Change,
    }

    /// Word of the operator to everyone.
    pub struct Announcement {
        /// Text.
        pub text: String,
        /// Server's time, in milliseconds since 1970.
        pub at: u64,
    }

    /// The server will go down.
    pub struct Closing {
        /// Seconds until then; 0 takes an earlier notice back.
        pub seconds: u32,
        /// What the operator says about it.
        #[serde(default)]
        pub reason: String,
    }

    /// The operator ended this connection.
    pub struct Kicked {
        /// What the operator says about it.
        #[serde(default)]
        pub reason: String,
    }

    /// Why a request was refused. The page has words for each code; `detail` is for what only the server knows.
    pub struct Refusal {
        /// What is wrong.
        pub code: RefusalCode,
        /// Value that belongs to the code: a limit, a name, seconds to wait.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        pub detail: String,
    }
}

words! {
    /// Kind of a room.
    pub enum RoomKind {
        /// The one that plain clients share.
        Lobby = "lobby",
        /// Open to all.
        Open = "open",
        /// Between two people.
        Direct = "direct",
    }

    /// What happened to someone in a room.
    pub enum Change {
        /// Came.
        Came = "came",
        /// Went.
        Went = "went",
        /// Has another name.
        Renamed = "renamed",
    }

    /// What is wrong with a request.
    pub enum RefusalCode {
        /// Name is used by someone present; detail: the name.
        NameTaken = "name-taken",
        /// Name is empty, too long or of forbidden characters; detail: the limit.
        NameInvalid = "name-invalid",
        /// Text is empty.
        TextEmpty = "text-empty",
        /// Text is too long; detail: the limit in characters.
        TextTooLong = "text-too-long",
        /// Message id is malformed, or was used by someone else.
        IdInvalid = "id-invalid",
        /// No such room, or not one that this person may see.
        RoomUnknown = "room-unknown",
        /// A room of that name exists; detail: its id.
        RoomTaken = "room-taken",
        /// No such person.
        PersonUnknown = "person-unknown",
        /// Too many requests; detail: seconds to wait.
        TooFast = "too-fast",
        /// The store could not take the message; nothing was kept.
        StoreFailed = "store-failed",
        /// Request does not have the right form.
        Malformed = "malformed",
        /// Token is missing or wrong. Also the `data` of the CONNECT_ERROR.
        Unauthorized = "unauthorized",
        /// Server is full or going down.
        Unavailable = "unavailable",
    }
}
