//! The page's one connection: what the chat asks goes out, what the server says comes in.

use std::rc::Rc;
use std::time::Duration;

use pesan::chat::connection::Connection;
use pesan::chat::wire::{Answer, Outcome, Request, Told};
use pesan::messages::{self, PLAIN, Refusal, RefusalCode, WELCOME};
use pesan::socketio::client::{EmitError, Reason};
use pesan::socketio::{
    AckError, Event, Lifecycle, Listening, Message, Options, SendError, Socket, Status, Value, from_value,
    to_value,
};
use serde::de::DeserializeOwned;

use super::clock;

/// An answer that takes longer does not come, in seconds.
const PATIENCE: u64 = 10;

/// What is heard of the server and of the connection to it.
pub(crate) enum Heard {
    /// Connection is up.
    Connected,
    /// Connection is gone; the server may have ended it on purpose.
    Disconnected {
        /// Whether the server ended it.
        by_server: bool,
    },
    /// Connection stands differently.
    Connection(Connection),
    /// Server told something.
    Told(Told),
    /// Server answered.
    Answer(Answer),
}

/// The connection; it closes when this is dropped.
pub(crate) struct Link {
    socket: Socket,
    hear: Rc<dyn Fn(Heard)>,
    _listening: [Listening; 3],
}

impl Link {
    /// Connects to a server, as the one that `auth` says.
    pub(crate) fn open(server: &str, auth: Value, hear: Rc<dyn Fn(Heard)>) -> Result<Self, String> {
        let socket = Socket::open(server, Options::new().auth(auth).auto_connect(false))
            .map_err(|error| error.to_string())?;
        let told = Rc::clone(&hear);
        let events = socket.on_any(move |message: Message| {
            if let Some(event) = read(message) {
                told(Heard::Told(event));
            }
        });
        let lived = Rc::clone(&hear);
        let life = socket.on_lifecycle(move |step: &Lifecycle| match step {
            Lifecycle::Connect { .. } => lived(Heard::Connected),
            Lifecycle::Disconnect { reason, .. } => {
                lived(Heard::Disconnected {
                    by_server: *reason == Reason::IoServerDisconnect,
                });
            }
            _ => {}
        });
        let stood = Rc::clone(&hear);
        let mut reached = false;
        let states = socket.on_status(move |status: &Status| {
            reached |= status.is_connected();
            stood(Heard::Connection(connection(status, reached)));
        });
        socket.connect();
        Ok(Self {
            socket,
            hear,
            _listening: [events, life, states],
        })
    }

    /// Says who this page is from the next attempt on.
    pub(crate) fn set_auth(&self, auth: Value) {
        self.socket.set_auth(auth);
    }

    /// Connects now, whether it waits for its turn or has given up.
    pub(crate) fn connect_now(&self) {
        self.socket.connect();
        self.socket.reconnect_now();
    }

    /// Asks the server; the answer is heard.
    pub(crate) fn perform(&self, request: Request) {
        match request {
            // without a connection it is not said at all: the chat says it again when there is one
            Request::Plain(text) => {
                if self.socket.connected()
                    && let Err(error) = self.socket.emit(PLAIN, vec![Value::String(text)])
                {
                    leptos::logging::warn!("{}", error.to_string());
                }
            }
            Request::Typing(typing) => {
                if let Ok(value) = to_value(&typing)
                    && let Err(error) = self.socket.volatile().emit(messages::Typing::NAME, vec![value])
                {
                    leptos::logging::warn!("{}", error.to_string());
                }
            }
            Request::Send(send) => {
                let id = send.id.clone();
                self.ask(&send, move |outcome| Answer::Sent(id, outcome));
            }
            Request::Join(join) => {
                self.ask(&join.clone(), move |outcome| {
                    Answer::Joined(join, Box::new(outcome))
                });
            }
            Request::Leave(leave) => {
                self.ask(&leave.clone(), move |outcome| Answer::Left(leave.room, outcome));
            }
            Request::Create(create) => self.ask(&create, Answer::Opened),
            Request::Direct(direct) => self.ask(&direct, Answer::Opened),
            Request::History(history) => {
                self.ask(&history.clone(), move |outcome| Answer::Page(history, outcome));
            }
            Request::Rename(rename) => self.ask(&rename, Answer::Renamed),
            Request::Reconnect => self.connect_now(),
        }
    }

    fn ask<E, T>(&self, event: &E, answer: impl FnOnce(Outcome<T>) -> Answer + 'static)
    where
        E: Event<Ack = Result<T, Refusal>>,
        T: DeserializeOwned + 'static,
    {
        let value = to_value(event).unwrap_or_default();
        let answer: Box<dyn FnOnce(Outcome<T>) -> Answer> = Box::new(answer);
        let hear = Rc::clone(&self.hear);
        if !self.socket.connected() {
            return hear(Heard::Answer(answer(None)));
        }
        // the closure that does not run gives the answer back
        let slot = Rc::new(std::cell::Cell::new(Some(answer)));
        let kept = Rc::clone(&slot);
        let then = move |outcome: Result<Value, AckError>| {
            let outcome = match outcome {
                Ok(value) => from_value::<Result<T, Refusal>>(value).ok(),
                Err(error) => refused(&error),
            };
            if let Some(answer) = kept.take() {
                hear(Heard::Answer(answer(outcome)));
            }
        };
        let sent = self
            .socket
            .timeout(Duration::from_secs(PATIENCE))
            .emit_then(E::NAME, vec![value], then);
        if let Err(error) = sent
            && let Some(answer) = slot.take()
        {
            (self.hear)(Heard::Answer(answer(refused(&AckError::Send(error)))));
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.socket.disconnect();
    }
}

/// What the client itself refused, in the server's words.
fn refused<T>(error: &AckError) -> Outcome<T> {
    match error {
        AckError::Send(SendError::Emit(EmitError::TooLarge { limit, .. })) => Some(Err(Refusal {
            code: RefusalCode::TextTooLong,
            detail: limit.to_string(),
        })),
        _ => None,
    }
}

/// Event of the server; nothing when it is none that the page knows.
fn read(message: Message) -> Option<Told> {
    fn typed<T: DeserializeOwned>(value: Value, told: impl FnOnce(T) -> Told) -> Option<Told> {
        match from_value(value) {
            Ok(event) => Some(told(event)),
            Err(error) => {
                leptos::logging::warn!("{}", error.to_string());
                None
            }
        }
    }
    let value = message.args.into_iter().next().unwrap_or_default();
    match message.name.as_str() {
        PLAIN => Some(Told::Plain(shown(value))),
        WELCOME => Some(Told::Welcome(shown(value))),
        messages::Hello::NAME => typed(value, |hello| Told::Hello(Box::new(hello))),
        messages::Message::NAME => typed(value, Told::Message),
        messages::Room::NAME => typed(value, Told::Room),
        messages::Presence::NAME => typed(value, Told::Presence),
        messages::Typist::NAME => typed(value, Told::Typist),
        messages::Announcement::NAME => typed(value, Told::Announcement),
        messages::Closing::NAME => typed(value, Told::Closing),
        messages::Kicked::NAME => typed(value, Told::Kicked),
        _ => None,
    }
}

/// Value as a text, since a plain server may send anything.
fn shown(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => pesan::socketio::value::json::to_string(&other),
    }
}

fn connection(status: &Status, reached: bool) -> Connection {
    match status {
        Status::Connecting => Connection::Connecting,
        Status::Connected => Connection::Connected,
        Status::Reconnecting {
            attempt,
            retry_in: None,
        } => Connection::Retrying { attempt: *attempt },
        Status::Reconnecting {
            attempt,
            retry_in: Some(time),
        } => Connection::Waiting {
            attempt: *attempt,
            until: clock::now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            lost: reached,
        },
        Status::Disconnected {
            reason: Some(Reason::IoServerDisconnect),
        } => Connection::Ended,
        Status::Disconnected { .. } => Connection::Stopped,
        Status::Refused { error } => Connection::Refused {
            reason: error.to_string(),
            refusal: error.data().and_then(|data| from_value(data.clone()).ok()),
        },
    }
}
