//! Status of a socket, for display.

use std::time::Duration;

use super::options::AuthProvider;
use crate::socketio::proto::{self, ConnectError, Connection, Event, Reason, Timestamp};
use crate::socketio::sync::{MaybeSend, Name};

/// Status of a socket.
///
/// ```
/// use pesan::socketio::Status;
///
/// fn show(status: &Status) -> String {
///     match status {
///         Status::Connecting => "connecting".to_owned(),
///         Status::Connected => "connected".to_owned(),
///         Status::Reconnecting { attempt, .. } => format!("attempt {attempt}"),
///         Status::Disconnected { reason: Some(reason) } => reason.to_string(),
///         Status::Disconnected { reason: None } => "not connected".to_owned(),
///         Status::Refused { error } => error.to_string(),
///     }
/// }
/// assert_eq!(show(&Status::default()), "not connected");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Status {
    /// Connecting for the first time.
    Connecting,
    /// Connected.
    Connected,
    /// Connection lost; reconnecting.
    Reconnecting {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Time until the attempt begins, counted from this report; `None` while it is in progress.
        retry_in: Option<Duration>,
    },
    /// Not connected, and not reconnecting.
    Disconnected {
        /// Why; `None` if it was never connected.
        reason: Option<Reason>,
    },
    /// Refused by the server, and not reconnecting.
    Refused {
        /// Error of the server.
        error: ConnectError,
    },
}

impl Default for Status {
    fn default() -> Self {
        Self::Disconnected { reason: None }
    }
}

impl Status {
    /// Whether events are sent immediately.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}

/// How a socket was last disconnected.
#[derive(Debug, Clone, Default)]
pub(super) enum LastEnd {
    #[default]
    Never,
    Disconnected(Reason),
    Refused(ConnectError),
}

/// Status without the parts that change with time or are slow to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusKind {
    Connecting,
    Connected,
    Reconnecting { attempt: u32, until: Option<Timestamp> },
    Disconnected(Option<Reason>),
    Refused,
}

impl Default for StatusKind {
    fn default() -> Self {
        Self::Disconnected(None)
    }
}

impl StatusKind {
    /// Status of a namespace in a connection.
    pub(super) fn of(connection: &Connection, namespace: &str, last_end: &LastEnd) -> Self {
        if connection.is_connected(namespace) {
            return Self::Connected;
        }
        let reason = match last_end {
            LastEnd::Disconnected(reason) => Some(*reason),
            LastEnd::Never | LastEnd::Refused(_) => None,
        };
        if !connection.is_active(namespace) {
            return match last_end {
                LastEnd::Refused(_) => Self::Refused,
                LastEnd::Never | LastEnd::Disconnected(_) => Self::Disconnected(reason),
            };
        }
        match connection.status() {
            proto::Status::Idle => Self::Disconnected(reason),
            proto::Status::Connecting { attempt: 0 } | proto::Status::Open => Self::Connecting,
            proto::Status::Connecting { attempt } => Self::Reconnecting { attempt, until: None },
            proto::Status::Backoff { attempt, until } => Self::Reconnecting {
                attempt,
                until: Some(until),
            },
        }
    }

    /// Status for the program, at this moment.
    pub(super) fn to_status(self, now: Timestamp, last_end: &LastEnd) -> Status {
        match (self, last_end) {
            (Self::Connecting, _) => Status::Connecting,
            (Self::Connected, _) => Status::Connected,
            (Self::Reconnecting { attempt, until }, _) => Status::Reconnecting {
                attempt,
                retry_in: until.map(|until| until.since(now)),
            },
            (Self::Disconnected(reason), _) => Status::Disconnected { reason },
            (Self::Refused, LastEnd::Refused(error)) => Status::Refused { error: error.clone() },
            (Self::Refused, LastEnd::Never | LastEnd::Disconnected(_)) => Status::default(),
        }
    }
}

/// Namespace that the program uses: its status, and what authenticates it.
pub(super) struct Namespace {
    pub(super) name: Name,
    pub(super) auth_provider: Option<AuthProvider>,
    /// Task that computes the `auth`; dropping it cancels the task.
    pub(super) auth_task: Option<Box<dyn MaybeSend>>,
    last_end: LastEnd,
    /// Status reported last.
    kind: StatusKind,
    /// Whether CONNECT was refused since then.
    refused: bool,
}

impl Namespace {
    pub(super) fn new(name: Name) -> Self {
        Self {
            name,
            auth_provider: None,
            auth_task: None,
            last_end: LastEnd::default(),
            kind: StatusKind::default(),
            refused: false,
        }
    }

    /// Records why a socket was disconnected or refused.
    pub(super) fn record_end(&mut self, event: &Event) {
        match event {
            Event::Disconnect { reason, .. } => self.last_end = LastEnd::Disconnected(*reason),
            Event::ConnectError { error, .. } if !error.will_retry() => {
                self.last_end = LastEnd::Refused(error.clone());
                self.refused = true;
            }
            _ => {}
        }
    }

    /// Current status.
    pub(super) fn status(&self, connection: &Connection, now: Timestamp) -> Status {
        StatusKind::of(connection, &self.name, &self.last_end).to_status(now, &self.last_end)
    }

    /// Status to report, if it has changed since the last report.
    pub(super) fn status_change(&mut self, connection: &Connection, now: Timestamp) -> Option<Status> {
        let kind = StatusKind::of(connection, &self.name, &self.last_end);
        let reported = std::mem::replace(&mut self.kind, kind);
        // A second refusal may have another error.
        let is_new_refusal = kind == StatusKind::Refused && std::mem::take(&mut self.refused);
        (kind != reported || is_new_refusal).then(|| kind.to_status(now, &self.last_end))
    }
}
