//! What the page asks of the server, what the server tells, and what it answers, as events and as values.

use crate::messages::wire::{Reads, Wire};
use crate::messages::{
    Announcement, Closing, Create, Direct, Hello, History, Join, Joined, Kicked, Leave, Message, PLAIN, Page,
    Person, Presence, Refusal, Rename, Room, Send, Sent, Typing, Typist, WELCOME,
};
use crate::socketio::value::json;
use crate::socketio::{Event, Value};

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

impl Request {
    /// Event that asks for it, and its argument; nothing when it is no event.
    #[must_use]
    pub fn event(&self) -> Option<(&'static str, Value)> {
        Some(match self {
            Self::Plain(text) => (PLAIN, Value::from(text.as_str())),
            Self::Send(send) => (Send::NAME, send.write()),
            Self::Join(join) => (Join::NAME, join.write()),
            Self::Leave(leave) => (Leave::NAME, leave.write()),
            Self::Create(create) => (Create::NAME, create.write()),
            Self::Direct(direct) => (Direct::NAME, direct.write()),
            Self::History(history) => (History::NAME, history.write()),
            Self::Rename(rename) => (Rename::NAME, rename.write()),
            Self::Typing(typing) => (Typing::NAME, typing.write()),
            Self::Reconnect => return None,
        })
    }

    /// The server's answer, or that none came; nothing when none is expected.
    #[must_use]
    pub fn answered(self, value: Option<Value>) -> Option<Answer> {
        fn outcome<T: Wire>(value: Option<Result<Value, Refusal>>) -> Outcome<T> {
            match value? {
                Ok(value) => T::read(value).map(Ok),
                Err(refusal) => Some(Err(refusal)),
            }
        }
        // what is the same for all answers is read once
        let value = value.and_then(<Result<Value, Refusal>>::read);
        Some(match self {
            Self::Send(send) => Answer::Sent(send.id, outcome(value)),
            Self::Join(join) => Answer::Joined(join, Box::new(outcome(value))),
            Self::Leave(leave) => Answer::Left(leave.room, outcome(value)),
            Self::Create(_) | Self::Direct(_) => Answer::Opened(outcome(value)),
            Self::History(history) => Answer::Page(history, outcome(value)),
            Self::Rename(_) => Answer::Renamed(outcome(value)),
            Self::Plain(_) | Self::Typing(_) | Self::Reconnect => return None,
        })
    }
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

impl Told {
    /// What an event of the server tells; nothing when it is none that the page knows.
    #[must_use]
    pub fn of(event: &str, value: Value) -> Option<Self> {
        let mut told = match event {
            PLAIN => return Some(Self::Plain(shown(value))),
            WELCOME => return Some(Self::Welcome(shown(value))),
            Hello::NAME => Self::Hello(Wire::blank()),
            Message::NAME => Self::Message(Wire::blank()),
            Room::NAME => Self::Room(Wire::blank()),
            Presence::NAME => Self::Presence(Wire::blank()),
            Typist::NAME => Self::Typist(Wire::blank()),
            Announcement::NAME => Self::Announcement(Wire::blank()),
            Closing::NAME => Self::Closing(Wire::blank()),
            Kicked::NAME => Self::Kicked(Wire::blank()),
            _ => return None,
        };
        let place: &mut dyn Reads = match &mut told {
            Self::Plain(text) | Self::Welcome(text) => text,
            Self::Hello(hello) => hello,
            Self::Message(message) => message,
            Self::Room(room) => room,
            Self::Presence(presence) => presence,
            Self::Typist(typist) => typist,
            Self::Announcement(announcement) => announcement,
            Self::Closing(closing) => closing,
            Self::Kicked(kicked) => kicked,
        };
        place.fill(value).then_some(told)
    }
}

/// Value as a text, since a plain server may send anything.
fn shown(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => json::to_string(&other),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_its_request() {
        let leave = Request::Leave(Leave { room: "r".to_owned() });
        assert_eq!(
            leave.clone().answered(Some(Ok::<(), Refusal>(()).write())),
            Some(Answer::Left("r".to_owned(), Some(Ok(()))))
        );
        assert_eq!(
            leave.clone().answered(None),
            Some(Answer::Left("r".to_owned(), None))
        );
        assert_eq!(
            leave.answered(Some(Value::from(7))),
            Some(Answer::Left("r".to_owned(), None)),
            "what cannot be read is no answer"
        );
        assert_eq!(Request::Reconnect.answered(None), None);
    }

    #[test]
    fn a_plain_server_may_say_anything() {
        let said = |value| Told::of(PLAIN, value);
        assert_eq!(said(Value::from("halo")), Some(Told::Plain("halo".to_owned())));
        assert_eq!(said(Value::from(7)), Some(Told::Plain("7".to_owned())));
        assert_eq!(Told::of("unheard-of", Value::Null), None);
        assert_eq!(Told::of(Message::NAME, Value::from("no message")), None);
    }
}
