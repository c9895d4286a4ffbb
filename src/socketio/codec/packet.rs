//! Socket.IO protocol 5: packets and their form as one text frame plus binary frames.
//!
//! ```text
//! <type>[<attachments>-][<namespace>,][<ack id>][<JSON>]    followed by <attachments> binary frames
//! ```
//!
//! Specification: <https://socket.io/docs/v4/socket-io-protocol/>. Stricter than the official parser on purpose:
//! - white space where an ack id, a type or a count may stand is an error, where `Number(" ")` makes it 0;
//! - counts and ids are digits only (no `1e0`), ids fit 64 bits;
//! - an event needs a payload, an ack needs an id; ids on other packets are ignored;
//! - a placeholder's `num` must be a whole number, and an attachment that is used several times counts as often;
//! - nesting and namespaces are bounded by [`Limits`](super::Limits);
//! - data that looks like a placeholder beside binary is refused by [`Packet::check`], not sent ambiguously.
//!
//! What JavaScript's strings and numbers cannot share with Rust's is in [`value`](super::value). Every difference
//! is a rule in `examples/vectors/purpose.rs` and is checked against recorded cases of the official packages.

pub(crate) mod body;
mod decode;
mod encode;
mod error;
mod placeholders;

pub use decode::{Decoded, Decoder};
pub use encode::{EncodeError, Encoded};
pub use error::DecodeError;

use std::fmt;

use super::value::{Number, Value, json};

/// Namespace that needs no name on the wire.
pub const ROOT: &str = "/";

/// Names that an event may not have, in either direction.
pub const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// Packet of Socket.IO 5.
///
/// Written by [`encode`](Self::encode) or [`Parser::encode`](super::Parser::encode), read by [`Decoder`].
///
/// ```
/// use pesan::socketio::{Packet, packet::{Body, ROOT}};
/// let packet = Packet::new(ROOT, Body::Disconnect);
/// assert_eq!(packet.encode().text, "1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Packet {
    /// Namespace it belongs to; begins with `/`.
    pub namespace: String,
    /// What it says.
    pub body: Body,
}

/// What a packet says.
///
/// ```
/// use pesan::socketio::{Packet, packet::Body};
/// let answer = Body::Ack { id: 0, args: vec!["ok".into()] };
/// assert_eq!(Packet::new("/chat", answer).encode().text, r#"3/chat,0["ok"]"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// `0`: to the server the `auth` object, from the server the socket's `sid` (and `pid`).
    Connect(Option<Value>),
    /// `1`: leaves the namespace.
    Disconnect,
    /// `2` and `5`: an event, which wants an answer if it has an id.
    Event {
        /// Id for the answer.
        id: Option<u64>,
        /// Name of the event.
        name: EventName,
        /// Arguments after the name.
        args: Vec<Value>,
    },
    /// `3` and `6`: the answer to an event.
    Ack {
        /// Id of the event.
        id: u64,
        /// Arguments of the answer.
        args: Vec<Value>,
    },
    /// `4`: the server refused a CONNECT; an object with `message` and perhaps `data`, or a string.
    ConnectError(Option<Value>),
}

/// Name of an event; JavaScript allows numbers too, and listens to `1` and `"1"` alike.
///
/// Listeners are found by [`as_str`](Self::as_str); two names are equal only if they travel alike.
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

    /// Name as text that is owned.
    #[must_use]
    pub fn into_string(self) -> String {
        self.text
    }

    /// Whether it travels as a JSON number.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        self.numeric
    }

    /// Whether the protocol keeps this name for itself.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.reserved().is_some()
    }

    /// The name that the protocol keeps for itself, if it is one.
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
    /// JSON has no infinite numbers, so their names travel as the text that JavaScript listens to.
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
    /// Event that wants no answer.
    #[must_use]
    pub fn event(name: impl Into<EventName>, args: Vec<Value>) -> Self {
        Self::Event {
            id: None,
            name: name.into(),
            args,
        }
    }
}

impl Packet {
    /// Packet in a namespace.
    #[must_use]
    pub fn new(namespace: impl Into<String>, body: Body) -> Self {
        Self {
            namespace: namespace.into(),
            body,
        }
    }
}
