//! Content of a packet by type, independent of the wire format.

use std::fmt;

use super::error::DecodeError;
use crate::socketio::codec::value::{Number, Value, json};

/// Event names that are reserved, in either direction.
pub const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// Type and content of a packet.
///
/// ```
/// use pesan::socketio::{Packet, packet::Body};
/// let ack = Body::Ack { id: 0, args: vec!["ok".into()] };
/// assert_eq!(Packet::new("/chat", ack).encode().text, r#"3/chat,0["ok"]"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `0`: to the server the `auth` object, from the server the socket's `sid` (and `pid`).
    Connect(Option<Value>),
    /// `1`: disconnects the namespace.
    Disconnect,
    /// `2` and `5`: an event; an id requests an ack.
    Event {
        /// Id for the ack.
        id: Option<u64>,
        /// Name of the event.
        name: EventName,
        /// Arguments after the name.
        args: Vec<Value>,
    },
    /// `3` and `6`: the ack of an event.
    Ack {
        /// Id of the event.
        id: u64,
        /// Arguments of the ack.
        args: Vec<Value>,
    },
    /// `4`: the server refused a CONNECT; an object with `message` and perhaps `data`, or a string.
    ConnectError(Option<Value>),
}

/// Name of an event. JavaScript also allows numbers; its listeners do not distinguish `1` and `"1"`.
///
/// Listeners are found by [`as_str`](Self::as_str); two names are equal only if they are encoded alike.
///
/// ```
/// use pesan::socketio::{packet::EventName, value::Number};
/// let number = EventName::from(Number::Int(1));
/// assert_eq!((number.as_str(), number.is_numeric()), ("1", true));
/// assert!(EventName::from("disconnect").is_reserved());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventName {
    text: String,
    numeric: bool,
}

impl EventName {
    /// Name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Name as owned text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Whether it is encoded as a JSON number.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.numeric
    }

    /// Whether the protocol reserves this name.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.reserved().is_some()
    }

    /// The reserved name, if it is one.
    pub(crate) fn reserved(&self) -> Option<&'static str> {
        let same = |name: &&str| !self.numeric && *name == self.text;
        RESERVED.into_iter().find(same)
    }
}

impl From<&str> for EventName {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for EventName {
    fn from(text: String) -> Self {
        Self { text, numeric: false }
    }
}

impl From<Number> for EventName {
    /// JSON has no infinite numbers, so their names are encoded as the text that JavaScript listens to.
    fn from(number: Number) -> Self {
        let float = number.as_f64();
        if float.is_nan() {
            return Self::from("NaN");
        }
        if float.is_infinite() {
            return Self::from(if float > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Self {
            text: json::to_string(&Value::Number(number)),
            numeric: true,
        }
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Body {
    /// Event without an ack.
    #[must_use]
    pub fn event(name: impl Into<EventName>, args: Vec<Value>) -> Self {
        Self::Event {
            id: None,
            name: name.into(),
            args,
        }
    }
}

pub(crate) fn connect(payload: Option<Value>) -> Result<Body, DecodeError> {
    match payload {
        None | Some(Value::Object(_)) => Ok(Body::Connect(payload)),
        Some(_) => Err(DecodeError::InvalidPayload("CONNECT carries an object")),
    }
}

pub(crate) fn disconnect(payload: Option<&Value>) -> Result<Body, DecodeError> {
    match payload {
        None => Ok(Body::Disconnect),
        Some(_) => Err(DecodeError::InvalidPayload("DISCONNECT carries nothing")),
    }
}

pub(crate) fn event(id: Option<u64>, payload: Option<Value>) -> Result<Body, DecodeError> {
    let Some(Value::Array(mut args)) = payload else {
        return Err(DecodeError::InvalidPayload("EVENT carries an array"));
    };
    let name = match args.first_mut() {
        Some(Value::String(text)) => EventName::from(std::mem::take(text)),
        Some(Value::Number(number)) => EventName::from(*number),
        _ => return Err(DecodeError::InvalidPayload("EVENT begins with its name")),
    };
    if let Some(name) = name.reserved() {
        return Err(DecodeError::ReservedName(name));
    }
    args.remove(0);
    Ok(Body::Event { id, name, args })
}

pub(crate) fn ack(id: Option<u64>, payload: Option<Value>) -> Result<Body, DecodeError> {
    let Some(Value::Array(args)) = payload else {
        return Err(DecodeError::InvalidPayload("ACK carries an array"));
    };
    let id = id.ok_or(DecodeError::MissingAckId)?;
    Ok(Body::Ack { id, args })
}

pub(crate) fn connect_error(payload: Option<Value>) -> Result<Body, DecodeError> {
    match payload {
        None | Some(Value::Object(_) | Value::String(_)) => Ok(Body::ConnectError(payload)),
        Some(_) => Err(DecodeError::InvalidPayload(
            "CONNECT_ERROR carries an object or a string",
        )),
    }
}
