//! What the page asks of the server, what the server tells, and what it answers.

use crate::messages::{
    Announcement, Closing, Create, Direct, Hello, History, Join, Joined, Kicked, Leave, Message, Page,
    Person, Presence, Refusal, Rename, Room, Send, Sent, Typing, Typist,
};

/// What the page asks of the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Say this on a plain server.
    Plain(String),
    /// Store and show a message.
    Send(Send),
    /// Let into a room.
    Join(Join),
    /// Let out of a room.
    Leave(Leave),
    /// Make a room.
    Create(Create),
    /// Open the room with someone.
    Direct(Direct),
    /// Messages of the past.
    History(History),
    /// Take another name.
    Rename(Rename),
    /// This person is typing.
    Typing(Typing),
    /// Connect again: the server had ended the connection.
    Reconnect,
}

/// What the server tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Text on a plain server.
    Plain(String),
    /// Greeting of any server.
    Welcome(String),
    /// Greeting of a server of ours.
    Hello(Box<Hello>),
    /// Message.
    Message(Message),
    /// A room is new or changed.
    Room(Room),
    /// Who is in a room changed.
    Presence(Presence),
    /// Someone is typing.
    Typist(Typist),
    /// Word of the operator.
    Announcement(Announcement),
    /// The server will go down.
    Closing(Closing),
    /// The operator ends the connection.
    Kicked(Kicked),
}

/// Answer, or nothing when none came in time or the connection went.
pub type Outcome<T> = Option<Result<T, Refusal>>;

/// What the server answered to which request.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// To [`Request::Send`], by the message's id.
    Sent(String, Outcome<Sent>),
    /// To [`Request::Join`].
    Joined(Join, Box<Outcome<Joined>>),
    /// To [`Request::Leave`].
    Left(String, Outcome<()>),
    /// To [`Request::Create`] and [`Request::Direct`].
    Opened(Outcome<Room>),
    /// To [`Request::History`].
    Page(History, Outcome<Page>),
    /// To [`Request::Rename`].
    Renamed(Outcome<Person>),
}
