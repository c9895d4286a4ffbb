//! What happens to a socket besides the events of the server.

use crate::socketio::Value;
use crate::socketio::proto::{ConnectError, ConnectionError, Reason};

/// One step in the life of a socket.
///
/// `socket.on_lifecycle` hears all of them, with everything that is known. `socket.on` hears the ones that have an
/// official name under that name.
///
/// ```no_run
/// # use pesan::socketio::{Lifecycle, Socket};
/// # fn watch(socket: &Socket) {
/// socket
///     .on_lifecycle(|step| {
///         if let Lifecycle::Connect { id, recovered } = step {
///             println!("{id}, recovered: {recovered}");
///         }
///     })
///     .forget();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Lifecycle {
    /// `connect`: the socket is connected.
    Connect {
        /// Its id.
        id: String,
        /// Whether the server restored the session, missed events included.
        recovered: bool,
    },
    /// `connect_error`: it could not connect.
    ConnectError(ConnectError),
    /// `disconnect`: it was connected and is no more.
    Disconnect {
        /// Why.
        reason: Reason,
        /// What is known about it.
        details: Option<ConnectionError>,
    },
    /// `connect_timeout`: there was no connection, or no answer to CONNECT, in time.
    ConnectTimeout,
    /// `reconnect_attempt`: an attempt begins; the first is 1.
    ReconnectAttempt(u32),
    /// `reconnect`: the attempt of this number succeeded.
    Reconnect(u32),
    /// `reconnect_error`: an attempt failed.
    ReconnectError(ConnectionError),
    /// `reconnect_failed`: no attempts are left.
    ReconnectFailed,
    /// `error`: opening failed, or the connection broke.
    Error(ConnectionError),
    /// `error`: an event came whose arguments a listener does not take; the listener was not called.
    Unreadable {
        /// Name of the event.
        event: String,
        /// Which argument, and why.
        error: super::ArgsError,
    },
    /// Connection moved from polling to WebSocket.
    Upgrade,
    /// Server pinged and was answered.
    Ping,
}

impl Lifecycle {
    /// Official name, for those that have one.
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
            Self::Error(_) | Self::Unreadable { .. } => "error",
            Self::Upgrade | Self::Ping => return None,
        })
    }

    /// Arguments under the official name: texts and numbers; for `connect_error` its message, then its data.
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
            Self::Unreadable { event, error } => format!("event '{event}': {error}"),
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
            | Self::Unreadable { .. }
            | Self::Upgrade
            | Self::Ping => {}
        }
        args
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_carries_the_message_and_the_data() {
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
    fn a_disconnect_says_why_in_the_official_words() {
        let event = Lifecycle::Disconnect {
            reason: Reason::PingTimeout,
            details: None,
        };
        assert_eq!(event.args().first(), Some(&Value::from("ping timeout")));
    }
}
