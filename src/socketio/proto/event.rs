//! What a program hears of, in the official order.

use std::fmt;

use super::{ConnectError, ConnectionError, Failure};
use crate::socketio::packet::EventName;
use crate::socketio::{Frame, Value};

/// One thing that happened.
///
/// Those with a `namespace` belong to a socket, the others to the connection that all share.
///
/// ```
/// use pesan::socketio::proto::Event;
///
/// fn log(event: &Event) {
///     match event {
///         Event::Connect { namespace, .. } => println!("in {namespace}"),
///         Event::Message { name, args, .. } => println!("{}: {args:?}", name.as_str()),
///         other => println!("{other:?}"),
///     }
/// }
/// # log(&Event::Open);
/// ```
#[derive(Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The connection is open; CONNECT packets are on their way.
    Open,
    /// The connection has ended, after each socket's [`Event::Disconnect`].
    Close {
        /// Why.
        reason: Reason,
        /// What is known about it.
        details: Option<ConnectionError>,
    },
    /// Opening failed, or an open connection broke.
    Error(ConnectionError),
    /// The server pinged and was answered.
    Ping,
    /// Opening, or a namespace's CONNECT, ran out of time; the error follows.
    ConnectTimeout {
        /// Namespace whose CONNECT was not answered; `None` when the transport did not open.
        namespace: Option<String>,
    },
    /// An attempt to reconnect begins.
    ReconnectAttempt(u32),
    /// An attempt to reconnect failed.
    ReconnectError(ConnectionError),
    /// There are no attempts left. Comes before the last [`Event::ReconnectError`], as in the official client.
    ReconnectFailed,
    /// An attempt to reconnect succeeded.
    Reconnect(u32),
    /// The session moved from polling to WebSocket.
    Upgrade,

    /// A socket wants to connect and asks who it is; answer with
    /// [`provide_auth`](super::Machine::provide_auth).
    AuthNeeded(AuthRequest),
    /// A socket is connected.
    Connect {
        /// Its namespace.
        namespace: String,
        /// Its id.
        id: String,
        /// Whether the server restored the session, missed events included.
        recovered: bool,
    },
    /// A socket could not connect.
    ConnectError {
        /// Its namespace.
        namespace: String,
        /// Why.
        error: ConnectError,
    },
    /// A socket that was connected is no more. Its pending acks settle right after.
    Disconnect {
        /// Its namespace.
        namespace: String,
        /// Why.
        reason: Reason,
        /// What is known about it.
        details: Option<ConnectionError>,
    },
    /// The server emitted an event.
    Message {
        /// Namespace it came in.
        namespace: String,
        /// Name; numbers are legal.
        name: EventName,
        /// Arguments.
        args: Vec<Value>,
        /// Present when the server waits for an answer.
        ack: Option<AckToken>,
    },
    /// An emitted event is in another state than [`emit`](super::Machine::emit) returned.
    State {
        /// Namespace it was emitted in.
        namespace: String,
        /// Which.
        id: EmitId,
        /// Its state now.
        state: EmitState,
    },
    /// An event emitted with an ack has settled; comes exactly once.
    Ack {
        /// Namespace it was emitted in.
        namespace: String,
        /// Which.
        id: EmitId,
        /// Arguments of the answer.
        result: Result<Vec<Value>, Failure>,
    },
    /// An event leaves for the server; only when [`Config::observe_outgoing`](super::Config::observe_outgoing).
    Outgoing {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: EventName,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// A frame came or went; only when [`Config::observe_frames`](super::Config::observe_frames).
    Frame {
        /// Which way.
        direction: Direction,
        /// Frame, its Engine.IO type included.
        frame: Frame,
    },
}

/// Way of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    In,
    /// To the server.
    Out,
}

/// Why a connection or a socket ended; the strings are the official ones.
///
/// ```
/// use pesan::socketio::proto::Reason;
///
/// assert_eq!(Reason::PingTimeout.to_string(), "ping timeout");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The server disconnected the socket; it stays so until the program connects again.
    IoServerDisconnect,
    /// The program disconnected the socket.
    IoClientDisconnect,
    /// The server did not ping in time.
    PingTimeout,
    /// The transport was closed, or the network lost.
    TransportClose,
    /// The transport broke.
    TransportError,
    /// The server sent what is not Socket.IO.
    ParseError,
    /// The client closed the connection itself.
    ForcedClose,
}

impl Reason {
    /// Official string.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IoServerDisconnect => "io server disconnect",
            Self::IoClientDisconnect => "io client disconnect",
            Self::PingTimeout => "ping timeout",
            Self::TransportClose => "transport close",
            Self::TransportError => "transport error",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced close",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Number of an emitted event, unique for its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmitId(pub(super) u64);

impl EmitId {
    /// Number itself, for keys and logs.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// How far an emitted event has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmitState {
    /// Waits for the connection, or for its turn among the retried ones.
    Queued,
    /// Handed to the transport; the end for an event without ack.
    Sent,
    /// The server answered.
    Acknowledged,
    /// Came to nothing, or was not answered.
    Failed(Failure),
}

/// Right to answer one event of the server, once, on the connection on which it came.
///
/// ```
/// use pesan::socketio::proto::{AnswerError, AckToken, Machine};
/// use pesan::socketio::{Timestamp, Value};
///
/// fn answer(machine: &mut Machine, now: Timestamp, ack: AckToken) -> Result<(), AnswerError> {
///     machine.answer(now, ack, vec![Value::from("ok")])
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the server waits for an answer"]
pub struct AckToken {
    pub(super) namespace: String,
    pub(super) id: u64,
    /// Which connection of the namespace asked.
    pub(super) epoch: u64,
}

impl AckToken {
    /// Namespace of the event.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Question for a namespace's `auth`, valid for one CONNECT.
///
/// ```
/// use pesan::socketio::proto::{AuthRequest, Machine};
/// use pesan::socketio::{Timestamp, Value};
///
/// fn sign_in(machine: &mut Machine, now: Timestamp, request: AuthRequest) {
///     let auth = Value::object([("token", Value::from("s3cret"))]);
///     machine.provide_auth(now, request, Ok(Some(auth)));
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the socket waits for it"]
pub struct AuthRequest {
    pub(super) namespace: String,
    /// Which CONNECT asks.
    pub(super) epoch: u64,
}

impl AuthRequest {
    /// Namespace that wants to connect.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}
