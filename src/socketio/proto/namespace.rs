//! One namespace of the connection: its CONNECT handshake, and everything that belongs to its socket.

use super::config::Auth;
use super::event::Event;
use super::pending_acks::PendingAcks;
use super::recovery::Recovery;
use super::send_buffer::{RetryQueue, SendBuffer};
use super::time::{Timestamp, earliest};

/// Namespace that a program has used.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) name: String,
    /// Own `auth`; `None` means the one of the settings.
    pub(super) auth: Option<Auth>,
    pub(super) state: NamespaceState,
    /// Incremented at each CONNECT and disconnect. Ack tokens and auth requests of an older epoch are stale.
    pub(super) epoch: u64,
    /// Whether the server may not have read the client's last DISCONNECT yet. Until it answers the next CONNECT, its
    /// packets belong to the previous socket.
    pub(super) disconnect_unacked: bool,
    pub(super) recovery: Recovery,
    pub(super) acks: PendingAcks,
    pub(super) send_buffer: SendBuffer,
    pub(super) retries: RetryQueue,
}

/// Connection state of a namespace, in the order in which it passes through them.
#[derive(Debug, Default)]
pub(super) enum NamespaceState {
    /// The program does not want it.
    #[default]
    Inactive,
    /// Wanted, but the connection is not open.
    AwaitingConnection,
    /// The program was asked for its `auth`.
    AwaitingAuth { deadline: ConnectDeadline },
    /// CONNECT was sent.
    Connecting {
        deadline: ConnectDeadline,
        buffer: ReceiveBuffer,
    },
    /// CONNECT was sent, then the program disconnected. The server's answer must arrive before a second CONNECT.
    Cancelled {
        /// Whether the program wants to connect again after the answer.
        reconnect: bool,
        /// Deadline of that next CONNECT.
        deadline: ConnectDeadline,
    },
    /// Connected.
    Connected {
        id: String,
        /// When the send buffer is flushed, if that is deferred.
        flush: Option<Timestamp>,
    },
}

/// Time limit for the answer to a CONNECT.
#[derive(Debug, Clone, Copy)]
pub(super) enum ConnectDeadline {
    At(Timestamp),
    Never,
    /// Passed, and reported to the program.
    Passed,
}

impl ConnectDeadline {
    pub(super) fn new(due: Option<Timestamp>) -> Self {
        due.map_or(Self::Never, Self::At)
    }

    fn due(self) -> Option<Timestamp> {
        match self {
            Self::At(due) => Some(due),
            Self::Never | Self::Passed => None,
        }
    }

    fn is_pending(self) -> bool {
        match self {
            Self::At(_) | Self::Never => true,
            Self::Passed => false,
        }
    }
}

/// Events received before the answer to CONNECT, which is how a server sends the missed events of a recovered session.
#[derive(Debug, Default)]
pub(super) struct ReceiveBuffer {
    pub(super) events: Vec<Event>,
    pub(super) bytes: usize,
}

impl Namespace {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            auth: None,
            state: NamespaceState::default(),
            epoch: 0,
            disconnect_unacked: false,
            recovery: Recovery::default(),
            acks: PendingAcks::default(),
            send_buffer: SendBuffer::default(),
            retries: RetryQueue::default(),
        }
    }

    /// Whether it is connected, or the program wants it to be.
    pub(super) fn is_active(&self) -> bool {
        match &self.state {
            NamespaceState::Inactive | NamespaceState::Cancelled { reconnect: false, .. } => false,
            NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Connecting { .. }
            | NamespaceState::Cancelled { reconnect: true, .. }
            | NamespaceState::Connected { .. } => true,
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(self.state, NamespaceState::Connected { .. })
    }

    /// Whether it is connected, or may still connect before its deadline.
    pub(super) fn may_connect(&self) -> bool {
        match &self.state {
            NamespaceState::Inactive => false,
            NamespaceState::AwaitingConnection | NamespaceState::Connected { .. } => true,
            NamespaceState::AwaitingAuth { deadline } | NamespaceState::Connecting { deadline, .. } => {
                deadline.is_pending()
            }
            NamespaceState::Cancelled { reconnect, deadline } => *reconnect && deadline.is_pending(),
        }
    }

    /// Deadline for the answer to its CONNECT.
    pub(super) fn connect_due(&self) -> Option<Timestamp> {
        match &self.state {
            NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::Connected { .. } => None,
            NamespaceState::AwaitingAuth { deadline }
            | NamespaceState::Connecting { deadline, .. }
            | NamespaceState::Cancelled { deadline, .. } => deadline.due(),
        }
    }

    /// When a deferred flush of the send buffer is due.
    pub(super) fn flush_due(&self) -> Option<Timestamp> {
        match &self.state {
            NamespaceState::Connected { flush, .. } => *flush,
            NamespaceState::Inactive
            | NamespaceState::AwaitingConnection
            | NamespaceState::AwaitingAuth { .. }
            | NamespaceState::Connecting { .. }
            | NamespaceState::Cancelled { .. } => None,
        }
    }

    /// Earliest deadline of the namespace.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let connect = earliest(self.connect_due(), self.flush_due());
        let queues = earliest(self.send_buffer.due(), self.retries.due());
        earliest(connect, earliest(self.acks.due(), queues))
    }
}

/// Whether a packet can carry this namespace.
pub(crate) fn is_legal(name: &str, max_bytes: usize) -> bool {
    name.starts_with('/') && !name.contains(',') && name.len() <= max_bytes
}
