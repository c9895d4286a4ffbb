//! Events that a program can observe besides those of the server: lifecycle, emit states, frames.

use super::error::ListenerError;
use super::status::Status;
use crate::socketio::codec::{Frame, Value};
use crate::socketio::proto::{ConnectError, ConnectionError, Direction, EmitId, EmitState, Event, Reason};
use crate::socketio::sync::Name;

/// Lifecycle event of a socket.
///
/// `socket.on_lifecycle` receives all of them, with all details. `socket.on` receives those with an official name, under
/// that name.
///
/// ```no_run
/// # use pesan::socketio::{Lifecycle, Socket};
/// # fn watch(socket: &Socket) {
/// socket
///     .on_lifecycle(|event| {
///         if let Lifecycle::Connect { id, recovered } = event {
///             println!("{id}, recovered: {recovered}");
///         }
///     })
///     ;
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// `connect`: the socket is connected.
    Connect {
        /// Its id.
        id: String,
        /// Whether the server restored the session, including missed events.
        recovered: bool,
    },
    /// `connect_error`: it could not connect.
    ConnectError(ConnectError),
    /// `disconnect`: it was disconnected.
    Disconnect {
        /// Why.
        reason: Reason,
        /// Details, if known.
        details: Option<ConnectionError>,
    },
    /// `connect_timeout`: opening the connection, or the answer to CONNECT, timed out.
    ConnectTimeout,
    /// `reconnect_attempt`: an attempt begins; the first one is 1.
    ReconnectAttempt(u32),
    /// `reconnect`: the attempt of this number succeeded.
    Reconnect(u32),
    /// `reconnect_error`: an attempt failed.
    ReconnectError(ConnectionError),
    /// `reconnect_failed`: no attempts are left.
    ReconnectFailed,
    /// `error`: opening failed, or the connection failed.
    Error(ConnectionError),
    /// `error`: a listener did not handle an event.
    ListenerFailed(ListenerError),
    /// The connection was upgraded from polling to WebSocket.
    Upgrade,
    /// The server pinged and was answered.
    Ping,
}

impl Lifecycle {
    /// Official name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Connect { .. } => "connect",
            Self::ConnectError(_) => "connect_error",
            Self::Disconnect { .. } => "disconnect",
            Self::ConnectTimeout => "connect_timeout",
            Self::ReconnectAttempt(_) => "reconnect_attempt",
            Self::Reconnect(_) => "reconnect",
            Self::ReconnectError(_) => "reconnect_error",
            Self::ReconnectFailed => "reconnect_failed",
            Self::Error(_) | Self::ListenerFailed(_) => "error",
            Self::Upgrade | Self::Ping => return None,
        })
    }

    /// Arguments under the official name: strings and numbers; for `connect_error` its message, then its data.
    #[must_use]
    pub fn args(&self) -> Vec<Value> {
        let first = match self {
            Self::Connect { .. }
            | Self::ConnectTimeout
            | Self::ReconnectFailed
            | Self::Upgrade
            | Self::Ping => return Vec::new(),
            Self::ConnectError(error) => error.to_string(),
            Self::Disconnect { reason, .. } => reason.as_str().to_owned(),
            Self::ReconnectAttempt(attempt) | Self::Reconnect(attempt) => return vec![Value::from(*attempt)],
            Self::ReconnectError(error) | Self::Error(error) => error.to_string(),
            Self::ListenerFailed(error) => error.to_string(),
        };
        let mut args = vec![Value::String(first)];
        match self {
            Self::ConnectError(error) => args.push(error.data().cloned().unwrap_or_default()),
            Self::Disconnect { details, .. } => args.push(match details {
                Some(details) => Value::String(details.to_string()),
                None => Value::Null,
            }),
            Self::Connect { .. }
            | Self::ConnectTimeout
            | Self::ReconnectAttempt(_)
            | Self::Reconnect(_)
            | Self::ReconnectError(_)
            | Self::ReconnectFailed
            | Self::Error(_)
            | Self::ListenerFailed(_)
            | Self::Upgrade
            | Self::Ping => {}
        }
        args
    }
}

/// State change of an emitted event.
///
/// ```no_run
/// # use pesan::socketio::Socket;
/// # fn watch(socket: &Socket) -> Result<(), pesan::socketio::SendError> {
/// let sent = socket.emit("pesan", "halo")?;
/// socket
///     .on_emit_change(move |change| {
///         if change.id == sent.id {
///             println!("now {:?}", change.state);
///         }
///     })
///     ;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmitChange {
    /// Id of the event, as returned by `emit`.
    pub id: EmitId,
    /// Its new state.
    pub state: EmitState,
}

/// Received or sent frame, for an inspector.
///
/// ```no_run
/// # use pesan::socketio::Manager;
/// # fn inspect(manager: &Manager) {
/// manager.on_frame(|event| println!("{:?} {:?}", event.direction, event.frame));
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FrameEvent {
    /// Direction.
    pub direction: Direction,
    /// Frame, including its Engine.IO type.
    pub frame: Frame,
}

/// Event that waits to be delivered to the program.
pub(super) enum Notification {
    Event(Event),
    Status { namespace: Name, status: Status },
    Lifecycle { namespace: Name, lifecycle: Lifecycle },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_error_refused_has_message_and_data() {
        let data = Value::object([("code", Value::from(401))]);
        let error = ConnectError::Refused {
            message: "not authorized".to_owned(),
            data: Some(data.clone()),
        };
        let event = Lifecycle::ConnectError(error);
        assert_eq!(event.name(), Some("connect_error"));
        assert_eq!(event.args(), [Value::from("not authorized"), data]);
    }

    #[test]
    fn disconnect_has_official_reason() {
        let event = Lifecycle::Disconnect {
            reason: Reason::PingTimeout,
            details: None,
        };
        assert_eq!(event.args().first(), Some(&Value::from("ping timeout")));
    }
}
