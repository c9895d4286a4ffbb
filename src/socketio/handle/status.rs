//! How a socket stands, in one word that a page can show.

use std::time::Duration;

use crate::socketio::Timestamp;
use crate::socketio::client::{self, ConnectError, Machine, Reason};

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
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) enum Ended {
    #[default]
    Never,
    Disconnected(Reason),
    Refused(ConnectError),
}

/// Status with a time that does not change while nothing happens.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Standing {
    status: Status,
    until: Option<Timestamp>,
}

impl Standing {
    /// What the machine says about a namespace.
    pub(super) fn of(machine: &Machine, namespace: &str, ended: &Ended) -> Self {
        let still = |status| Self { status, until: None };
        if machine.is_connected(namespace) {
            return still(Status::Connected);
        }
        let reason = match ended {
            Ended::Never => None,
            Ended::Disconnected(reason) => Some(*reason),
            Ended::Refused(error) if !machine.is_active(namespace) => {
                return still(Status::Refused { error: error.clone() });
            }
            Ended::Refused(_) => None,
        };
        if !machine.is_active(namespace) {
            return still(Status::Disconnected { reason });
        }
        match machine.status() {
            client::Status::Idle => still(Status::Disconnected { reason }),
            client::Status::Opening { attempt: 0 } | client::Status::Open => still(Status::Connecting),
            client::Status::Opening { attempt } => still(Status::Reconnecting {
                attempt,
                retry_in: None,
            }),
            client::Status::Waiting { attempt, until } => Self {
                status: Status::Reconnecting {
                    attempt,
                    retry_in: None,
                },
                until: Some(until),
            },
        }
    }

    /// The same for the program, at this moment.
    pub(super) fn at(&self, now: Timestamp) -> Status {
        match (&self.status, self.until) {
            (Status::Reconnecting { attempt, .. }, Some(until)) => Status::Reconnecting {
                attempt: *attempt,
                retry_in: Some(until.since(now)),
            },
            (status, _) => status.clone(),
        }
    }
}
