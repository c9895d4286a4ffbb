//! How a socket stands, in one word that a page can show.

use std::time::Duration;

use crate::socketio::Timestamp;
use crate::socketio::proto::{self, ConnectError, Machine, Reason};

/// How a socket stands.
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
    /// On its way, for the first time.
    Connecting,
    /// Connected.
    Connected,
    /// Lost, and being tried again.
    Reconnecting {
        /// Number of the attempt, from 1.
        attempt: u32,
        /// Time until it begins, seen from when the status was told; `None` while it is under way.
        retry_in: Option<Duration>,
    },
    /// Not connected, and not trying.
    Disconnected {
        /// Why; `None` when it never was connected.
        reason: Option<Reason>,
    },
    /// Turned away by the server, and not trying.
    Refused {
        /// What it said.
        error: ConnectError,
    },
}

impl Default for Status {
    fn default() -> Self {
        Self::Disconnected { reason: None }
    }
}

impl Status {
    /// Whether events go out at once.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected)
    }
}

/// How a socket last ended.
#[derive(Debug, Clone, Default)]
pub(super) enum Ended {
    #[default]
    Never,
    Disconnected(Reason),
    Refused(ConnectError),
}

/// Status that does not change while nothing happens, and is quick to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Connecting,
    Connected,
    Reconnecting { attempt: u32, until: Option<Timestamp> },
    Disconnected(Option<Reason>),
    Refused,
}

impl Default for Standing {
    fn default() -> Self {
        Self::Disconnected(None)
    }
}

impl Standing {
    /// What the machine says about a namespace.
    pub(super) fn of(machine: &Machine, namespace: &str, ended: &Ended) -> Self {
        if machine.is_connected(namespace) {
            return Self::Connected;
        }
        let reason = match ended {
            Ended::Disconnected(reason) => Some(*reason),
            Ended::Never | Ended::Refused(_) => None,
        };
        if !machine.is_active(namespace) {
            return match ended {
                Ended::Refused(_) => Self::Refused,
                Ended::Never | Ended::Disconnected(_) => Self::Disconnected(reason),
            };
        }
        match machine.status() {
            proto::Status::Idle => Self::Disconnected(reason),
            proto::Status::Opening { attempt: 0 } | proto::Status::Open => Self::Connecting,
            proto::Status::Opening { attempt } => Self::Reconnecting { attempt, until: None },
            proto::Status::Waiting { attempt, until } => Self::Reconnecting {
                attempt,
                until: Some(until),
            },
        }
    }

    /// The same for the program, at this moment.
    pub(super) fn at(self, now: Timestamp, ended: &Ended) -> Status {
        match (self, ended) {
            (Self::Connecting, _) => Status::Connecting,
            (Self::Connected, _) => Status::Connected,
            (Self::Reconnecting { attempt, until }, _) => Status::Reconnecting {
                attempt,
                retry_in: until.map(|until| until.since(now)),
            },
            (Self::Disconnected(reason), _) => Status::Disconnected { reason },
            (Self::Refused, Ended::Refused(error)) => Status::Refused { error: error.clone() },
            (Self::Refused, Ended::Never | Ended::Disconnected(_)) => Status::default(),
        }
    }
}
