//! Outputs for the driver, and events for the program, in the official order.

use std::fmt;

use super::error::{ConnectError, ConnectionError, Failure};
use super::transport::{TransportId, TransportKind};
use crate::socketio::codec::packet::EventName;
use crate::socketio::codec::{Frame, Value};

/// Instruction for the driver, or an event for the program, in the order of
/// [`Connection::poll_output`](super::Connection::poll_output).
///
/// ```
/// use pesan::socketio::proto::{Config, Connection, Output, TransportKind};
/// use pesan::socketio::Timestamp;
///
/// let config = Config::new("http://localhost:5000".parse().expect("a legal address"));
/// let mut connection = Connection::new(config, 1);
/// connection.connect(Timestamp::from_millis(0), "/");
/// let Some(Output::Open { kind, url, .. }) = connection.poll_output() else { panic!("it opens a transport first") };
/// assert_eq!(kind, TransportKind::WebSocket);
/// assert_eq!(url, "ws://localhost:5000/socket.io/?EIO=4&transport=websocket");
/// ```
#[derive(Debug, PartialEq)]
pub enum Output {
    /// Open a transport, then report [`handle_opened`](super::Connection::handle_opened) or
    /// [`handle_closed`](super::Connection::handle_closed).
    Open {
        /// Its id.
        id: TransportId,
        /// WebSocket or polling. For polling, take the URL of each later request from
        /// [`request_url`](super::Connection::request_url).
        kind: TransportKind,
        /// URL of the first request.
        url: String,
    },
    /// Send one frame; polling joins waiting frames into one POST body, see [`PostQueue`](super::PostQueue).
    Send {
        /// Transport to send on.
        id: TransportId,
        /// Frame, its Engine.IO type included.
        frame: Frame,
    },
    /// Stop polling. When the current GET and POST are done and nothing waits to be sent, report
    /// [`handle_paused`](super::Connection::handle_paused). Report frames that arrive until then as usual.
    Pause {
        /// Transport to pause.
        id: TransportId,
    },
    /// Close a transport and drop its handlers. Frames sent before should still be written if possible; later events
    /// of the transport are ignored.
    Close {
        /// Transport to close.
        id: TransportId,
    },
    /// Event for the program.
    Event(Event),
}

/// Event for the program.
///
/// Events with a `namespace` belong to its socket, the others to the shared connection.
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
    /// The connection is open; CONNECT packets have been sent.
    Open,
    /// The connection has ended, after each socket's [`Event::Disconnect`].
    Close {
        /// Why.
        reason: Reason,
        /// Details, if known.
        details: Option<ConnectionError>,
    },
    /// Opening failed, or an open connection failed.
    Error(ConnectionError),
    /// The server pinged and was answered.
    Ping,
    /// Opening the connection, or a namespace's CONNECT, timed out; the error event follows.
    ConnectTimeout {
        /// Namespace whose CONNECT was not answered; `None` when the transport did not open.
        namespace: Option<String>,
    },
    /// An attempt to reconnect begins.
    ReconnectAttempt(u32),
    /// An attempt to reconnect failed.
    ReconnectError(ConnectionError),
    /// No attempts are left. Comes before the last [`Event::ReconnectError`], as in the official client.
    ReconnectFailed,
    /// An attempt to reconnect succeeded.
    Reconnect(u32),
    /// The session moved from polling to WebSocket.
    Upgrade,

    /// A socket needs its `auth` to connect; answer with
    /// [`provide_auth`](super::Connection::provide_auth).
    AuthNeeded(AuthRequest),
    /// A socket is connected.
    Connect {
        /// Its namespace.
        namespace: String,
        /// Its id.
        id: String,
        /// Whether the server restored the session, including missed events.
        recovered: bool,
    },
    /// A socket could not connect.
    ConnectError {
        /// Its namespace.
        namespace: String,
        /// Why.
        error: ConnectError,
    },
    /// A connected socket was disconnected. Its pending acks settle directly after this event.
    Disconnect {
        /// Its namespace.
        namespace: String,
        /// Why.
        reason: Reason,
        /// Details, if known.
        details: Option<ConnectionError>,
    },
    /// The server emitted an event.
    Message {
        /// Namespace of the event.
        namespace: String,
        /// Name; JavaScript also sends numbers.
        name: EventName,
        /// Arguments.
        args: Vec<Value>,
        /// Present when the server expects an ack.
        ack: Option<AckToken>,
    },
    /// The state of an emitted event changed since [`emit`](super::Connection::emit) returned.
    EmitState {
        /// Namespace it was emitted in.
        namespace: String,
        /// Its id.
        id: EmitId,
        /// Its new state.
        state: EmitState,
    },
    /// An event emitted with an ack has settled; comes exactly once.
    Ack {
        /// Namespace it was emitted in.
        namespace: String,
        /// Its id.
        id: EmitId,
        /// Arguments of the ack.
        result: Result<Vec<Value>, Failure>,
    },
    /// An event is being sent; only with [`Config::observe_outgoing`](super::Config::observe_outgoing).
    Outgoing {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: EventName,
        /// Its arguments.
        args: Vec<Value>,
    },
    /// A frame was received or sent; only with [`Config::observe_frames`](super::Config::observe_frames).
    Frame {
        /// Its direction.
        direction: Direction,
        /// Frame, including its Engine.IO type.
        frame: Frame,
    },
}

/// Direction of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the server.
    In,
    /// To the server.
    Out,
}

/// Why a connection or a socket ended, with the official strings.
///
/// ```
/// use pesan::socketio::proto::Reason;
///
/// assert_eq!(Reason::PingTimeout.to_string(), "ping timeout");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The server disconnected the socket, which stays disconnected until the program connects it again.
    IoServerDisconnect,
    /// The program disconnected the socket.
    IoClientDisconnect,
    /// The server did not ping in time.
    PingTimeout,
    /// The transport was closed, or the network was lost.
    TransportClose,
    /// The transport failed.
    TransportError,
    /// The server sent something that is not Socket.IO.
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

/// Id of an emitted event, unique within its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmitId(pub(super) u64);

impl EmitId {
    /// The number, for keys and logs.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// State of an emitted event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmitState {
    /// Waits for the connection, or for its turn in the retry queue.
    Queued,
    /// Handed to the transport; final for an event without ack.
    Sent,
    /// The server acknowledged it.
    Acknowledged,
    /// Not sent, or not acknowledged.
    Failed(Failure),
}

/// Permission to acknowledge one event of the server, once, on the connection that it arrived on.
///
/// ```
/// use pesan::socketio::proto::{SendAckError, AckToken, Connection};
/// use pesan::socketio::{Timestamp, Value};
///
/// fn acknowledge(connection: &mut Connection, now: Timestamp, ack: AckToken) -> Result<(), SendAckError> {
///     connection.send_ack(now, ack, vec![Value::from("ok")])
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the server waits for the ack"]
pub struct AckToken {
    pub(super) namespace: String,
    pub(super) id: u64,
    /// Epoch of the namespace when the event arrived.
    pub(super) epoch: u64,
}

impl AckToken {
    /// Namespace of the event.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}

/// Request for a namespace's `auth`, valid for one CONNECT.
///
/// ```
/// use pesan::socketio::proto::{AuthRequest, Connection};
/// use pesan::socketio::{Timestamp, Value};
///
/// fn sign_in(connection: &mut Connection, now: Timestamp, request: AuthRequest) {
///     let auth = Value::object([("token", Value::from("s3cret"))]);
///     connection.provide_auth(now, request, Ok(Some(auth)));
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the socket waits for the auth"]
pub struct AuthRequest {
    pub(super) namespace: String,
    /// Epoch of the CONNECT that needs it.
    pub(super) epoch: u64,
}

impl AuthRequest {
    /// Namespace that wants to connect.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
}
