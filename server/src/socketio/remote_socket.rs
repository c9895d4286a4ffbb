//! Sockets of any node, as returned by `fetch_sockets`.

use std::future::Future;
use std::ops::Deref;
use std::time::Duration;

use pesan::socketio::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{AckError, EmitError};
use super::handles::{Namespace, Socket};
use super::rooms::RoomNames;

/// Result of [`fetch_sockets`](super::Namespace::fetch_sockets); dereferences to the list of sockets.
///
/// ```
/// use pesan_server::socketio::Io;
///
/// async fn count(io: &Io) -> String {
///     let found = io.fetch_sockets().await;
///     match found.missing_nodes {
///         0 => found.len().to_string(),
///         missing => format!("{} and those of {missing} nodes", found.len()),
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct FetchedSockets {
    /// Sockets of the nodes that replied, this one first.
    pub sockets: Vec<RemoteSocket>,
    /// Number of nodes that did not reply in time.
    pub missing_nodes: usize,
}

impl Deref for FetchedSockets {
    type Target = [RemoteSocket];

    fn deref(&self) -> &[RemoteSocket] {
        &self.sockets
    }
}

impl IntoIterator for FetchedSockets {
    type Item = RemoteSocket;
    type IntoIter = std::vec::IntoIter<RemoteSocket>;

    fn into_iter(self) -> Self::IntoIter {
        self.sockets.into_iter()
    }
}

/// Socket of this or another node, with its state at the time of the request.
///
/// ```
/// use pesan_server::socketio::Io;
///
/// async fn kick_idle(io: &Io) {
///     for socket in io.in_("room1").fetch_sockets().await {
///         println!("{} {:?} {:?}", socket.id, socket.rooms, socket.data.get("username"));
///         socket.leave("room1");
///         socket.disconnect(false);
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct RemoteSocket {
    /// Id of the socket.
    pub id: String,
    /// Handshake, as given by [`Handshake::to_value`](super::Handshake::to_value).
    pub handshake: Value,
    /// Rooms.
    pub rooms: Vec<String>,
    /// Named data.
    pub data: Value,
    namespace: Namespace,
}

impl RemoteSocket {
    pub(super) fn of(socket: &Socket) -> Self {
        Self {
            id: socket.id().to_owned(),
            handshake: socket.handshake().to_value(),
            rooms: socket.rooms().iter().map(ToString::to_string).collect(),
            data: socket.data().to_value(),
            namespace: socket.namespace().clone(),
        }
    }

    /// Decodes a socket of another node.
    pub(super) fn from_value(namespace: &Namespace, value: &Value) -> Option<Self> {
        let rooms = value.get("rooms")?.as_array()?;
        Some(Self {
            id: value.get("id")?.as_str()?.to_owned(),
            handshake: value.get("handshake")?.clone(),
            rooms: rooms
                .iter()
                .filter_map(|room| room.as_str().map(str::to_owned))
                .collect(),
            data: value.get("data")?.clone(),
            namespace: namespace.clone(),
        })
    }

    /// Encodes the socket for another node.
    pub(super) fn to_value(&self) -> Value {
        let rooms = self
            .rooms
            .iter()
            .map(|room| Value::from(room.as_str()))
            .collect::<Vec<_>>();
        Value::object([
            ("id", Value::from(self.id.as_str())),
            ("handshake", self.handshake.clone()),
            ("rooms", Value::from(rooms)),
            ("data", self.data.clone()),
        ])
    }

    /// Sends an event to the socket.
    ///
    /// # Errors
    /// [`EmitError`] when the data cannot be sent.
    pub fn emit<T: Serialize>(&self, event: &str, args: T) -> Result<(), EmitError> {
        self.namespace.to(self.id.as_str()).emit(event, args)
    }

    /// Sends an event to the socket, and returns its ack.
    ///
    /// # Errors
    /// [`AckError`] when the event could not be sent or was not acknowledged in time.
    pub fn emit_with_ack<R: DeserializeOwned + Send + 'static>(
        &self,
        timeout: Duration,
        event: &str,
        args: impl Serialize + Send,
    ) -> impl Future<Output = Result<R, AckError>> + Send {
        let operator = self.namespace.to(self.id.as_str()).timeout(timeout);
        async move {
            let responses = operator.emit_with_ack(event, args).await?;
            let answer = responses.answers.into_iter().next();
            answer.map(|(_, answer)| answer).ok_or(AckError::Timeout)
        }
    }

    /// Makes the socket join rooms.
    pub fn join(&self, rooms: impl RoomNames) {
        self.namespace.to(self.id.as_str()).sockets_join(rooms);
    }

    /// Makes the socket leave rooms.
    pub fn leave(&self, rooms: impl RoomNames) {
        self.namespace.to(self.id.as_str()).sockets_leave(rooms);
    }

    /// Disconnects the socket from the namespace; with `close`, closes its connection.
    pub fn disconnect(&self, close: bool) {
        self.namespace.to(self.id.as_str()).disconnect_sockets(close);
    }
}
